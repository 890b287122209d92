// The kernels of cpu/grid_sample.h, for one instruction set.
#include "cpu/grid_sample.h"
#if defined(__AVX2__)
#include <immintrin.h>
#endif
#include <bit>
#include <cmath>

namespace facula {
inline namespace FACULA_ISA {
namespace {

template <class T> T reflected(T v, int64_t twice_low, int64_t twice_high, T* sign) {
  *sign = T(1);
  if (twice_low == twice_high) {
    *sign = T(0);
    return T(0);
  }
  const T low = T(twice_low) / 2, span = T(twice_high - twice_low) / 2;
  v -= low;
  if (v < 0) {
    v = -v;
    *sign = T(-1);
  }
  const T extra = std::fmod(v, span), flips = std::floor(v / span);
  if (std::fmod(flips, T(2)) == T(0)) return extra + low;
  *sign = -*sign;
  return span - extra + low;
}
template <class T> T clipped(T v, int64_t size, T* sign) {
  const T most = T(size - 1);
  if (!(v > T(0))) {  // NaN too
    *sign = T(0);
    return T(0);
  }
  if (v >= most) {
    *sign = T(0);
    return most;
  }
  return v;
}
template <class T> T bordered(const GridSampler& s, T v, int64_t size, T* sign) {
  *sign = T(1);
  if (s.border == GridSampler::Zeros) return v;
  T turn = T(1);
  if (s.border == GridSampler::Reflection)
    v = s.align_corners ? reflected<T>(v, 0, 2 * (size - 1), &turn)
                        : reflected<T>(v, -1, 2 * size - 1, &turn);
  v = clipped(v, size, sign);
  *sign *= turn;
  return v;
}

// Derivatives of Keys' kernel with a = -0.75 at distances 1 + t, t, 1 - t, 2 - t from the four taps.
template <class T> void cubic_weights(T t, int64_t order, T* w) {
  constexpr T a = T(-0.75);
  auto near = [&](T x) {  // |x| < 1
    switch (order) {
      case 0: return ((a + 2) * x - (a + 3)) * x * x + 1;
      case 1: return (3 * (a + 2) * x - 2 * (a + 3)) * x;
      case 2: return 6 * (a + 2) * x - 2 * (a + 3);
      default: return order == 3 ? 6 * (a + 2) : T(0);
    }
  };
  auto far = [&](T x) {  // 1 <= |x| < 2
    switch (order) {
      case 0: return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
      case 1: return (3 * a * x - 10 * a) * x + 8 * a;
      case 2: return 6 * a * x - 10 * a;
      default: return order == 3 ? 6 * a : T(0);
    }
  };
  const T turn = order % 2 ? T(-1) : T(1);  // distances to the taps on the right fall as t grows
  w[0] = far(t + 1);
  w[1] = near(t);
  w[2] = turn * near(1 - t);
  w[3] = turn * far(2 - t);
}

// A coordinate from -1 to 1 as a place among `size` elements, rounded as PyTorch does it (images in one step,
// volumes not): a grid that maps an image to itself lies on the elements, where the last bit decides which
// side's slope counts.
template <class T> T place_of(const GridSampler& s, T coordinate, int64_t size) {
  if (s.n == 2)
    return s.align_corners ? (coordinate + 1) * (T(size - 1) / 2)
                           : std::fma(coordinate + 1, T(size) / 2, T(-0.5));
  return s.align_corners ? (coordinate + 1) / 2 * T(size - 1) : ((coordinate + 1) * T(size) - 1) / 2;
}

// Where a coordinate reads, and with which weights. An index of -1 reads zero.
template <class T> void taps_of(const GridSampler& s, int d, T coordinate, int64_t size, int64_t* at, T* w) {
  const T factor = s.align_corners ? T(size - 1) / 2 : T(size) / 2;
  T v = place_of(s, coordinate, size);
  const int64_t order = s.order[d];
  T slope = factor, sign;
  if (s.mode != GridSampler::Cubic) {
    v = bordered(s, v, size, &sign);
    slope *= sign;
  }
  auto index = [&](T i) { return i >= T(0) && i <= T(size - 1) ? int64_t(i) : int64_t(-1); };
  T scale = 1;
  for (int64_t i = 0; i < order; ++i) scale *= slope;
  if (s.mode == GridSampler::Nearest) {
    at[0] = index(std::nearbyint(v));
    w[0] = order ? T(0) : T(1);
    return;
  }
  const T low = std::floor(v), t = v - low;
  if (s.mode == GridSampler::Linear) {
    at[0] = index(low);
    at[1] = index(low + 1);
    w[0] = order == 0 ? 1 - t : order == 1 ? -scale : T(0);
    w[1] = order == 0 ? t : order == 1 ? scale : T(0);
    return;
  }
  cubic_weights(t, order, w);
  for (int j = 0; j < 4; ++j) {
    w[j] *= scale;
    at[j] = index(bordered(s, low - 1 + T(j), size, &sign));
  }
}

// The taps of one coordinate of all points.
template <class T> struct Line {
  using Bits = typename GridTaps<T>::Bits;
  int32_t at[4][kGridBlock];
  T weight[4][kGridBlock];
  Bits inside[4][kGridBlock];
  void put(int tap, int64_t p, T index, bool in, T w) {
    at[tap][p] = int32_t(in ? index : T(0));
    weight[tap][p] = w;
    inside[tap][p] = in ? ~Bits(0) : Bits(0);
  }
};

// As taps_of for the most common cases, in vectors.
template <bool Edge, class T>
void line_in_vectors(const GridSampler& s, int d, const T* grid, int64_t points, int64_t size, Line<T>& to) {
  const T last = T(size - 1);
  auto place = [&](int64_t p) {
    const T v = place_of(s, grid[p * s.n + d], size);
    return !Edge ? v : v > T(0) ? (v < last ? v : last) : T(0);  // NaN too
  };
  if (s.mode == GridSampler::Nearest) {
    for (int64_t p = 0; p < points; ++p) {
      const T v = std::nearbyint(place(p));
      to.put(0, p, v, v >= T(0) && v <= last, T(1));
    }
    return;
  }
  for (int64_t p = 0; p < points; ++p) {
    const T v = place(p), low = std::floor(v), high = low + 1, t = v - low;
    to.put(0, p, low, low >= T(0) && low <= last, 1 - t);
    to.put(1, p, high, high >= T(0) && high <= last, t);
  }
}
template <class T>
void line_of(const GridSampler& s, int d, const T* grid, int64_t points, int64_t size, Line<T>& to) {
  if (s.mode != GridSampler::Cubic && s.order[d] == 0) {
    if (s.border == GridSampler::Zeros) return line_in_vectors<false>(s, d, grid, points, size, to);
    if (s.border == GridSampler::Edge) return line_in_vectors<true>(s, d, grid, points, size, to);
  }
  for (int64_t p = 0; p < points; ++p) {
    int64_t at[4];
    T w[4];
    taps_of<T>(s, d, grid[p * s.n + d], size, at, w);
    for (int k = 0; k < s.taps(); ++k) to.put(k, p, T(at[k]), at[k] >= 0, w[k]);
  }
}

template <class T>
void make(const GridSampler& s, const T* grid, int64_t points, const int64_t* sizes, GridTaps<T>& to) {
  const int each = s.taps(), planes = s.n == 3 ? each : 1;
  Line<T> x, y, z;
  line_of(s, 0, grid, points, sizes[s.n - 1], x);
  line_of(s, 1, grid, points, sizes[s.n - 2], y);
  if (s.n == 3) line_of(s, 2, grid, points, sizes[0], z);
  to.count = each * each * planes;
  typename GridTaps<T>::Bits every = ~typename GridTaps<T>::Bits(0);
  const int32_t row = int32_t(sizes[s.n - 1]), plane = int32_t(sizes[s.n - 2] * sizes[s.n - 1]);
  for (int c = 0, k = 0; c < planes; ++c)
    for (int b = 0; b < each; ++b)
      for (int a = 0; a < each; ++a, ++k) {
        int32_t* const at = to.at + k * kGridBlock;
        T* const weight = to.weight + k * kGridBlock;
        auto* const inside = to.inside + k * kGridBlock;
        for (int64_t p = 0; p < points; ++p) {
          at[p] = y.at[b][p] * row + x.at[a][p];
          weight[p] = x.weight[a][p] * y.weight[b][p];
          inside[p] = x.inside[a][p] & y.inside[b][p];
        }
        if (s.n == 3)
          for (int64_t p = 0; p < points; ++p) {
            at[p] += z.at[c][p] * plane;
            weight[p] *= z.weight[c][p];
            inside[p] &= z.inside[c][p];
          }
        for (int64_t p = 0; p < points; ++p) every &= inside[p];
      }
  to.whole = every == decltype(every)(~decltype(every)(0));
}

template <class T> void read_one(const GridTaps<T>& taps, const T* from, int64_t p, T* to) {
  using Bits = typename GridTaps<T>::Bits;
  T sum = 0;
  for (int64_t k = 0, i = p; k < taps.count; ++k, i += kGridBlock)  // masked: infinities too
    sum += taps.weight[i] * std::bit_cast<T>(Bits(std::bit_cast<Bits>(from[taps.at[i]]) & taps.inside[i]));
  to[p] = sum;
}

template <class T> void read(const GridTaps<T>& taps, const T* from, int64_t points, T* to) {
  int64_t p = 0;
#if defined(__AVX2__)  // the compiler gathers by itself only where it thinks that pays
  if constexpr (sizeof(T) == 4)
    for (; p + 8 <= points; p += 8) {
      __m256 sum = _mm256_setzero_ps();
      for (int64_t k = 0, i = p; k < taps.count; ++k, i += kGridBlock) {
        const __m256i at = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(taps.at + i));
        const __m256 mask = _mm256_loadu_ps(reinterpret_cast<const float*>(taps.inside + i));
        const __m256 v = _mm256_and_ps(_mm256_i32gather_ps(from, at, 4), mask);
        sum = _mm256_fmadd_ps(_mm256_loadu_ps(taps.weight + i), v, sum);
      }
      _mm256_storeu_ps(to + p, sum);
    }
#endif
  for (; p < points; ++p) read_one(taps, from, p, to);
}

template <class T> void add(const GridTaps<T>& taps, const T* from, int64_t points, T* to) {
  for (int k = 0; k < taps.count; ++k)
    for (int64_t p = 0, i = k * kGridBlock; p < points; ++p, ++i)
      if (taps.whole || taps.inside[i]) to[taps.at[i]] += taps.weight[i] * from[p];
}

template <class T> constexpr GridKernelsOf<T> of{make<T>, read<T>, add<T>};
constexpr GridKernels table{of<float>, of<double>};

}  // namespace

extern const GridKernels* const grid_kernels;
const GridKernels* const grid_kernels = &table;

}  // namespace FACULA_ISA
}  // namespace facula
