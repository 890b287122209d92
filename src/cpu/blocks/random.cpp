// The parts of random filling that vectorise. Fused multiply-adds are spelled out: with them the numbers are
// those of PyTorch's AVX2 build to the last bit, and every level that has the instruction gives the same.
#include <bit>
#include <cmath>
#include "core/mersenne.h"
#include "cpu/math_exp.h"
#include "cpu/random.h"

namespace facula {
inline namespace FACULA_ISA {
namespace {

#if defined(__FMA__) || defined(__aarch64__)
inline float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double fused(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else  // the product of two floats is exact in double; with doubles one rounding more is accepted
inline float fused(float a, float b, float c) { return float(double(a) * double(b) + double(c)); }
inline double fused(double a, double b, double c) { return a * b + c; }
#endif

constexpr int kBlock = 512;

void words(Mersenne& m, uint32_t* out, int64_t n) { mersenne_fill(m, out, n); }

void uniform_float(Mersenne& m, float* out, int64_t n, float from, float to) {
  uint32_t block[kBlock];
  const float width = to - from;
  for (int64_t done = 0; done < n; done += kBlock) {
    const int64_t count = n - done < kBlock ? n - done : kBlock;
    mersenne_fill(m, block, count);
    for (int64_t i = 0; i < count; ++i) {
      const float u = float(int32_t(block[i] & 0xffffff)) * 0x1p-24f;
      const float x = fused(u, width, from);
      out[done + i] = x == to ? from : x;  // `to` is excluded, but rounding can reach it
    }
  }
}

void uniform_double(Mersenne& m, double* out, int64_t n, double from, double to) {
  uint32_t block[2 * kBlock];
  const double width = to - from;
  for (int64_t done = 0; done < n; done += kBlock) {
    const int64_t count = n - done < kBlock ? n - done : kBlock;
    mersenne_fill(m, block, 2 * count);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t bits = (int64_t(block[2 * i] & 0x1fffff) << 32) | block[2 * i + 1];
      // 53 bits do not fit beside an implicit leading one: convert the two halves.
      const double high = double(int32_t(bits >> 32)) * 0x1p-21;
      const double low = std::bit_cast<double>(0x4330000000000000 | (bits & 0xffffffff)) - 0x1p52;
      const double x = fused(high + low * 0x1p-53, width, from);
      out[done + i] = x == to ? from : x;
    }
  }
}

// The single-precision logarithm, sine and cosine of Cephes (S. Moshier), without the special cases that
// cannot occur: arguments are in (0, 1] and in [0, 2 pi).
inline float log_cephes(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const float fraction = std::bit_cast<float>((bits & 0x007fffffu) | 0x3f000000u);  // in [0.5, 1)
  const bool small = fraction < 0.707106781186547524f;
  const float e = float(int32_t(bits >> 23) - 126 - small);
  const float f = (fraction - 1.f) + (small ? fraction : 0.f);
  const float z = f * f;
  float p = 7.0376836292e-2f;
  p = fused(p, f, -1.1514610310e-1f);
  p = fused(p, f, 1.1676998740e-1f);
  p = fused(p, f, -1.2420140846e-1f);
  p = fused(p, f, 1.4249322787e-1f);
  p = fused(p, f, -1.6668057665e-1f);
  p = fused(p, f, 2.0000714765e-1f);
  p = fused(p, f, -2.4999993993e-1f);
  p = fused(p, f, 3.3333331174e-1f);
  p = fused(p * f, z, e * -2.12194440e-4f);
  p = fused(z, -0.5f, p);
  return fused(e, 0.693359375f, f + p);
}

struct SinCos {
  float sin, cos;
};
inline SinCos sincos_cephes(float x) {
  const int32_t octant = (int32_t(x * 1.27323954473516f) + 1) & ~1;
  const float y = float(octant);
  float r = fused(y, -0.78515625f, x);  // pi / 4 in three parts
  r = fused(y, -2.4187564849853515625e-4f, r);
  r = fused(y, -3.77489497744594108e-8f, r);
  const float z = r * r;
  float c = fused(2.443315711809948e-5f, z, -1.388731625493765e-3f);
  c = fused(c, z, 4.166664568298827e-2f);
  c = fused(c * z, z, -(z * 0.5f)) + 1.f;
  float s = fused(-1.9515295891e-4f, z, 8.3321608736e-3f);
  s = fused(s, z, -1.6666654611e-1f);
  s = fused(s * z, r, r);
  const bool swap = octant & 2;
  const uint32_t sin_sign = uint32_t(octant & 4) << 29, cos_sign = uint32_t(~(octant - 2) & 4) << 29;
  return {std::bit_cast<float>(std::bit_cast<uint32_t>(swap ? c : s) ^ sin_sign),
          std::bit_cast<float>(std::bit_cast<uint32_t>(swap ? s : c) ^ cos_sign)};
}

void box_muller(float* data, int64_t groups, float mean, float std) {
  constexpr int kGroups = 8;  // at a time: enough independent work for a long pipeline
  for (int64_t g = 0; g < groups; g += kGroups) {
    const int count = int(groups - g < kGroups ? groups - g : kGroups);
    float radius[8 * kGroups], angle[8 * kGroups], a[8 * kGroups], b[8 * kGroups];
    for (int i = 0; i < count; ++i)
      for (int j = 0; j < 8; ++j) {
        radius[8 * i + j] = 1.f - data[16 * (g + i) + j];
        angle[8 * i + j] = data[16 * (g + i) + j + 8];
      }
    for (int i = 8 * count; i < 8 * kGroups; ++i) radius[i] = angle[i] = 0.5f;
    for (int i = 0; i < 8 * kGroups; ++i) {
      const float r = __builtin_sqrtf(-2.f * log_cephes(radius[i]));
      const auto [s, c] = sincos_cephes(6.28318530717958648f * angle[i]);
      a[i] = fused(r * c, std, mean);
      b[i] = fused(r * s, std, mean);
    }
    for (int i = 0; i < count; ++i)
      for (int j = 0; j < 8; ++j) {
        data[16 * (g + i) + j] = a[8 * i + j];
        data[16 * (g + i) + j + 8] = b[8 * i + j];
      }
  }
}

// For results that are rounded to float or less: cosine and sine of FreeBSD's libm for arguments in [0, 2
// pi], which a two-part pi / 2 reduces with an error of a fraction of a unit, the remainder's tail included.
struct SinCosDouble {
  double sin, cos;
};
inline SinCosDouble sincos_of_turn(double x) {
  const double shifted = x * 6.36619772367581382433e-01 + 0x1.8p52, n = shifted - 0x1.8p52;
  const double r = fused(n, -1.57079632673412561417, x);
  const double y = fused(n, -6.07710050650619224932e-11, r);
  const double tail = fused(n, -6.07710050650619224932e-11, r - y);
  const double z = y * y, v = z * y;
  double p = 1.58969099521155010221e-10;
  p = p * z - 2.50507602534068634195e-08;
  p = p * z + 2.75573137070700676789e-06;
  p = p * z - 1.98412698298579493134e-04;
  p = p * z + 8.33333333332248946124e-03;
  const double s = y - ((z * (0.5 * tail - v * p) - tail) + v * 1.66666666666666324348e-01);
  double q = -1.13596475577881948265e-11;
  q = q * z + 2.08757232129817482790e-09;
  q = q * z - 2.75573143513906633035e-07;
  q = q * z + 2.48015872894767294178e-05;
  q = q * z - 1.38888888888741095749e-03;
  q = q * z + 4.16666666666666019037e-02;
  const double half = 0.5 * z, w = 1 - half;
  const double c = w + (((1 - w) - half) + (z * (z * q) - y * tail));
  const uint64_t quadrant = std::bit_cast<uint64_t>(shifted);
  const bool swap = quadrant & 1;
  return {std::bit_cast<double>(std::bit_cast<uint64_t>(swap ? c : s) ^ (quadrant & 2) << 62),
          std::bit_cast<double>(std::bit_cast<uint64_t>(swap ? s : c) ^ ((quadrant + 1) & 2) << 62)};
}

constexpr double kTurn = 6.28318530717958647692;

// u is a multiple of 2^-53, so that 1 - u is exact and its logarithm as good as log1p(-u).
void log_of_rest(double* u, int64_t n) {
  for (int64_t i = 0; i < n; ++i) u[i] = log(1 - u[i]);
}

void normal_pairs(double* u, int64_t pairs) {
  double angle[kBlock], rest[kBlock];
  for (int64_t done = 0; done < pairs; done += kBlock) {
    const int64_t count = pairs - done < kBlock ? pairs - done : kBlock;
    double* const at = u + 2 * done;
    for (int64_t i = 0; i < count; ++i) {
      angle[i] = at[2 * i];
      rest[i] = at[2 * i + 1];
    }
    for (int64_t i = 0; i < count; ++i) {
      const double radius = __builtin_sqrt(-2 * log(1 - rest[i]));
      const auto [s, c] = sincos_of_turn(kTurn * angle[i]);
      angle[i] = radius * c;
      rest[i] = radius * s;
    }
    for (int64_t i = 0; i < count; ++i) {
      at[2 * i] = angle[i];
      at[2 * i + 1] = rest[i];
    }
  }
}

constexpr RandomKernels table{words, uniform_float, uniform_double, box_muller, log_of_rest, normal_pairs};

}  // namespace

extern const RandomKernels* const random_kernels;
const RandomKernels* const random_kernels = &table;

}  // namespace FACULA_ISA
}  // namespace facula
