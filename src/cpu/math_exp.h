// Exponentials and logarithms. Coefficients: Cephes (exp), FreeBSD (log), ours (the rest: minimax fits).
// Where float need not be fastest it is evaluated in double: two roundings less to think about.
#pragma once
#include "cpu/math_bits.h"

namespace facula {
inline namespace FACULA_ISA {

inline float exp(float x) {
  const float c = x < -104.f ? -104.f : (x > 89.f ? 89.f : x);  // NaN passes through
  const float n = nearest(c * 1.44269504f);
  const float r = (c - n * 0.693359375f) - n * -2.12194440e-4f;  // exact first product: 9-bit constant
  const float p = polynomial(r, 5.0000001201e-1f, 1.6666665459e-1f, 4.1665795894e-2f, 8.3334519073e-3f,
                             1.3981999507e-3f, 1.9875691500e-4f);
  return scale((p * (r * r) + r) + 1.f, n);
}

inline double exp_scaled(double x, double extra,
                         double rest = 0.) {  // 2^extra e^(x + rest)
  const double c = x < -746. ? -746. : (x > 711. ? 711. : x);
  const double n = nearest(c * 1.44269504088896338700);
  const double hi = c - n * 6.93147180369123816490e-01, lo = n * 1.90821492927058770002e-10 - rest;
  const double r = hi - lo, t = r * r;
  const double q =
      r - t * polynomial(t, 1.66666666666666019037e-01, -2.77777777770155933842e-03,
                         6.61375632143793436117e-05, -1.65339022054652515390e-06, 4.13813679705723846039e-08);
  return scale(1 - ((lo - (r * q) / (2 - q)) - hi), n + extra);
}
inline double exp(double x) { return exp_scaled(x, -0.); }

inline float exp2(float x) {
  const float c = x < -151.f ? -151.f : (x > 128.f ? 128.f : x);
  const float n = nearest(c), r = c - n;
  return scale(
      1.f + r * polynomial(r, 0.693147206157878998f, 0.240226513455637996f, 0.0555032791028291900f,
                           0.00961800389893216672f, 0.00134002351486236209f, 0.000154763022625737623f),
      n);
}
inline double exp2(double x) {
  const double c = x < -1076. ? -1076. : (x > 1024. ? 1024. : x);
  const double n = nearest(c), r = c - n;
  return scale(1. + r * polynomial(r, 0.693147180559945308, 0.240226506959100712, 0.0555041086648216977,
                                   0.00961812910762849517, 0.00133335581463905869, 0.000154035303933411237,
                                   1.52527338561061533e-05, 1.32154868330453378e-6, 1.01780512610886762e-7,
                                   7.05488825310550975e-9, 4.45666611559519411e-10, 2.57418074564586558e-11),
               n);
}

// 2^n (1 + p) - 1 for p = e^r - 1: exact for n = 0, and twice 2^(n-1) so that 2^128 need not exist.
template <Real F> inline F expm1_join(F x, F n, F p) {
  const F half = power_of_two(n - F(1)), y = n == F(0) ? p : F(2) * (half * p + (half - F(0.5)));
  return x == F(0) ? x : y;  // keeps -0
}
inline float expm1(float x) {
  const float c = x < -20.f ? -20.f : (x > 89.f ? 89.f : x);
  const float n = nearest(c * 1.44269504f);
  const float r = (c - n * 0.693359375f) - n * -2.12194440e-4f;
  const float p = polynomial(r, 5.0000001201e-1f, 1.6666665459e-1f, 4.1665795894e-2f, 8.3334519073e-3f,
                             1.3981999507e-3f, 1.9875691500e-4f);
  return expm1_join(x, n, p * (r * r) + r);
}
inline double expm1(double x) {
  const double c = x < -40. ? -40. : (x > 710. ? 710. : x);
  const double n = nearest(c * 1.44269504088896338700);
  const double hi = c - n * 6.93147180369123816490e-01, lo = n * 1.90821492927058770002e-10;
  const double r = hi - lo, lost = (hi - r) - lo;
  const double p = polynomial(r, 0.166666666666666765, 0.0416666666666666899, 0.00833333333332167193,
                              0.00138888888888701401, 0.000198412698860550644, 0.0000248015873561367005,
                              2.75572442580436485e-6, 2.75572455525708729e-7, 2.51090259729455581e-8,
                              2.09237681516818165e-9);
  return expm1_join(x, n, r + (r * r * (0.5 + r * p) + lost));
}

template <Real F> struct LogParts { F f, k; };  // x = 2^k * (1 + f), sqrt(1/2) <= 1 + f < sqrt(2)

template <Real F> inline LogParts<F> split(F x) {
  using B = FloatBits<F>;
  constexpr Bits<F> one = bits_of(F(1)), sqrt_half = bits_of(F(0.70710678118654752440));
  constexpr Bits<F> mask = (Bits<F>(1) << B::mantissa) - 1;
  const bool tiny = x < smallest_normal<F>;
  const Bits<F> bits = bits_of(tiny ? x * F(Bits<F>(1) << (B::mantissa + 1)) : x) + (one - sqrt_half);
  const F exponent = std::bit_cast<F>((bits >> B::mantissa) + bits_of(B::magic)) - B::magic;
  return {std::bit_cast<F>((bits & mask) + sqrt_half) - 1,
          exponent - B::bias - (tiny ? F(B::mantissa + 1) : F(0))};
}

template <Real F> struct FrexpParts { F mantissa, exponent; };

template <Real F> inline FrexpParts<F> frexp_parts(F x) {
  const auto [f, k] = split(fabs(x));
  const bool whole = (x == F(0)) | !(fabs(x) < infinity<F>), above = f >= F(0);
  const F size = (F(1) + f) * (above ? F(0.5) : F(1));
  return {whole ? x : copysign(size, x), whole ? F(0) : (above ? k + F(1) : k)};
}

template <Real F> inline F log_special(F x, F y) {  // 0, negatives, inf, NaN
  y = x == F(0) ? -infinity<F> : y;
  y = x < F(0) ? not_a_number<F> : y;
  return x < infinity<F> ? y : x;
}

// log(1 + f) + f^2/2 - f to full relative precision of f.
inline float log_tail(float f, float h) {
  const float s = f / (2 + f), z = s * s, w = z * z;
  const float R = w * (0.40000972152f + w * 0.24279078841f) + z * (0.66666662693f + w * 0.28498786688f);
  return s * (h + R);
}
inline double log_tail(double f, double h) {
  const double s = f / (2 + f), z = s * s, w = z * z;
  const double R =
      w * polynomial(w, 3.999999999940941908e-01, 2.222219843214978396e-01, 1.531383769920937332e-01) +
      z * polynomial(w, 6.666666666666735130e-01, 2.857142874366239149e-01, 1.818357216161805012e-01,
                     1.479819860511658591e-01);
  return s * (h + R);
}
// log(2^k (1 + f)) + small; the default leaves no trace.
inline float log_join(float f, float k, float small = -0.f) {
  const float h = 0.5f * f * f;
  return (log_tail(f, h) + (k * 9.0580006145e-06f + small)) - h + f + k * 6.9313812256e-01f;
}
inline double log_join(double f, double k, double small = -0.) {
  const double h = 0.5 * f * f;
  return (log_tail(f, h) + (k * 1.90821492927058770002e-10 + small)) - h + f + k * 6.93147180369123816490e-01;
}

template <Real F> inline F log(F x) {
  const auto [f, k] = split(x);
  return log_special(x, log_join(f, k));
}

template <Real F> inline F log1p(F x) {
  const F u = F(1) + x;
  const auto [f, k] = split(u);
  const F lost = u >= F(2) ? F(1) - (u - x) : x - (u - F(1));  // u + lost = 1 + x
  const F y = log_special(u, log_join(f, k, lost / u));
  return x == F(0) ? x : y;
}

// log(x) of a normal double to 42 bits: for results in float.
inline double wide_log_of(double f) {
  const double s = f / (2 + f), z = s * s;
  return s * (2 + z * polynomial(z, 0.666666666758194883, 0.39999995614990626, 0.285721099387743824,
                                 0.221761538779473928, 0.195846832098377392));
}
inline double wide_log(double x) {
  const auto [f, k] = split(x);
  return log_special(x, wide_log_of(f) + k * 6.931471805599453e-01);
}
inline double wide_log2(double x) {
  const auto [f, k] = split(x);
  return log_special(x, wide_log_of(f) * 1.4426950408889634 + k);
}
// 2^x to 40 bits; beyond +-1000 the result is only large, or small.
inline double wide_exp2(double x) {
  const double c = x < -1000. ? -1000. : (x > 1000. ? 1000. : x);
  const double n = nearest(c), r = c - n;
  return (1. + r * polynomial(r, 0.69314718054622586, 0.240226506955539867, 0.0555041094051615567,
                              0.00961812921952300704, 0.00133334510361375736, 0.000154034154027492023,
                              1.53099829749281114e-5, 1.32635121980392968e-6)) *
         power_of_two(n);
}

inline float log2(float x) { return float(wide_log2(x)); }
inline float log10(float x) { return float(wide_log2(x) * 0.30102999566398119521); }

// log(1 + f) * (high + low) + k * (...) with the leading product in two parts, so that
// powers of the base give integers.
inline double log_of_base(double x, double high, double low, double k_high, double k_low) {
  const auto [f, k] = split(x);
  const double h = 0.5 * f * f, r = log_tail(f, h);
  const double top = std::bit_cast<double>(bits_of(f - h) & 0xffffffff00000000u), rest = (f - top) - h + r;
  const double y = k * k_high, main = top * high, sum = y + main;
  const double tail = ((rest + top) * low + rest * high) + k * k_low;
  return log_special(x, (tail + ((y - sum) + main)) + sum);
}
inline double log2(double x) {
  return log_of_base(x, 1.44269504072144627571e+00, 1.67517131648865118353e-10, 1, 0);
}
inline double log10(double x) {
  return log_of_base(x, 4.34294481878168880939e-01, 2.50829467116452752298e-11, 3.01029995663611771306e-01,
                     3.69423907715893078616e-13);
}

template <Real F> inline F sigmoid(F x) { return F(1) / (F(1) + exp(-x)); }
template <Real F> inline F log_sigmoid(F x) { return (x < F(0) ? x : F(0)) - log1p(exp(-fabs(x))); }

// log(e^a + e^b), safe from overflow; two equal infinities are their own sum.
template <Real F> inline F logaddexp(F a, F b) {
  const F high = a > b ? a : b, y = high + log1p(exp(-fabs(a - b)));
  return (a == b) & (fabs(a) == infinity<F>) ? a : y;
}
template <Real F> inline F logaddexp2(F a, F b) {
  const F high = a > b ? a : b, y = high + log1p(exp2(-fabs(a - b))) * F(1.44269504088896340736);
  return (a == b) & (fabs(a) == infinity<F>) ? a : y;
}
template <Real F> inline F xlogy(F x, F y) { return y != y ? y : (x == F(0) ? F(0) : x * log(y)); }
template <Real F> inline F xlog1py(F x, F y) { return y != y ? y : (x == F(0) ? F(0) : x * log1p(y)); }

}  // namespace FACULA_ISA
}  // namespace facula
