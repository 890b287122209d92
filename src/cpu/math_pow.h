// Powers.
#pragma once
#include "cpu/math_exp.h"
#include "cpu/math_int.h"

namespace facula {
inline namespace FACULA_ISA {

// x^y from |x|^y. What depends on the exponent alone is made of bits: the compiler vectorises no selection on
// a condition that the loop does not change.
inline double power_of(double x, double y, double size) {
  const double a = fabs(x), whole = round(y), half = y * 0.5;
  const uint64_t nan = bits_of(not_a_number<double>), one = bits_of(1.), zero = -uint64_t(y == 0);
  const uint64_t sign = uint64_t((whole == y) & (round(half) != half)) << 63;
  const double fraction = std::bit_cast<double>(-uint64_t(whole != y) & nan);  // 0 or NaN
  const double unit =
      std::bit_cast<double>(one | (-uint64_t(fabs(y) != infinity<double>) & nan));  // 1 or NaN
  const double power = (x < 0) & (a != infinity<double>) ? size + fraction : size;
  const double result =
      (x == 1) | (a == unit) ? 1. : std::bit_cast<double>(bits_of(power) ^ (bits_of(x) & sign));
  return std::bit_cast<double>((bits_of(result) & ~zero) | (one & zero));
}

// Two doubles that stand for their sum.
struct Pair {
  double high, low;
};
inline Pair exact_product(double a, double b) {
  const double p = a * b;
  return {p, product_error(a, b, p)};
}

// log(x) to 65 bits: log(1 + f) = 2s + s z (2/3 + z (2/5 + ...)), s = f / (2 + f), z = s^2.
inline Pair long_log(double x) {
  const auto [f, k] = split(x);
  const double d = 2 + f, d_low = f - (d - 2), s = f / d;
  const Pair back = exact_product(s, d);
  const double s_low = ((f - back.high) - back.low - s * d_low) / d;
  Pair z = exact_product(s, s);
  z.low += 2 * s * s_low;
  const double q =
      z.high * polynomial(z.high, 0.4, 0.28571428571428572, 0.222222222222219051, 0.181818181819091653,
                          0.153846153697075861, 0.133333348377393298, 0.117646091969173253,
                          0.105302787261600861, 0.0942381848709365632, 0.100983067701929095);
  constexpr double third = 0x1.5555555555555p-1, third_low = 0x1.5555555555555p-55;  // 2/3
  const double t = third + q, t_low = ((third - t) + q) + third_low;
  Pair u = exact_product(z.high, t);
  u.low += z.high * t_low + z.low * t;
  Pair w = exact_product(s, u.high);
  w.low += s * u.low + s_low * u.high;
  const double sum = 2 * s + w.high, sum_low = ((2 * s - sum) + w.high) + (w.low + 2 * s_low);
  // ln 2 in two parts, of 42 bits and the rest: the first product is exact.
  const double main = k * 0x1.62e42fefa38p-1, total = main + sum, part = total - main;
  const double low = ((main - (total - part)) + (sum - part)) + (sum_low + k * 0x1.ef35793c7673p-45);
  return {log_special(x, total), low};
}

inline float pow(float x,
                 float y) {  // in double, denormals and overflow come for nothing
  return float(power_of(x, y, wide_exp2(y * wide_log2(fabs(double(x))))));
}
inline double pow(double x, double y) {
  const Pair log = long_log(fabs(x));
  const Pair high = exact_product(y, log.high);
  const bool moderate = (fabs(high.high) < 800.) & (fabs(y) < 0x1p900);  // else the low parts may not exist
  return power_of(x, y, exp_scaled(high.high, -0., moderate ? high.low + y * log.low : 0.));
}
template <Whole T> inline T pow(T x, T y) { return integer_power(x, int64_t(y)); }

// The exponents that PyTorch treats apart, in its roundings.
template <Arithmetic T> inline T pow(T x, Scalar exponent) {
  if constexpr (Real<T>) {
    const double e = double(exponent);
    if (e == 2) return x * x;
    if (e == 1) return x;
    if (e == 0.5) return sqrt(x);
    if (e == 3) return x * x * x;
    if (e == -1) return T(1) / x;
    if (e == -0.5) return T(1) / sqrt(x);
    if (e == -2) return T(1) / (x * x);
    if (e == 0) return T(1);
    return pow(x, T(e));
  } else {
    const int64_t e = int64_t(exponent);
    if (e == 2) return T(x * x);
    if (e == 3) return T(x * x * x);
    return integer_power(x, e);
  }
}

// Calls fixed.operator()<twice the exponent>() for each of those, and varying() where the compiler knows that
// it is none of them: so that a loop inside tests nothing. (It would not unswitch for so many conditions.)
template <class T, class Fixed, class Varying>
inline void with_exponent(Scalar exponent, Fixed fixed, Varying varying) {
  if (exponent.is_complex()) return varying();
  const double e = double(exponent);
  if (e == 2) return fixed.template operator()<4>();
  if (e == 3) return fixed.template operator()<6>();
  if constexpr (!Whole<T>) {
    if (e == 1) return fixed.template operator()<2>();
    if (e == 0.5) return fixed.template operator()<1>();
    if (e == -1) return fixed.template operator()<-2>();
    if (e == -0.5) return fixed.template operator()<-1>();
    if (e == -2) return fixed.template operator()<-4>();
    if (e == 0) return fixed.template operator()<0>();
  }
  varying();
}
// The same for derivatives, in which the exponent occurs less 1, too.
template <class T, class Fixed, class Varying>
inline void with_lowered_exponent(Scalar exponent, Fixed fixed, Varying varying) {
  if (exponent.is_complex()) return varying();
  const double e = double(exponent), lower = double(exponent - 1);
  if (e == 2 || lower == 1) return fixed.template operator()<4>();
  if (e == 0 || lower == -1) return fixed.template operator()<0>();
  if (lower == 2) return fixed.template operator()<6>();
  if (lower == 3) return fixed.template operator()<8>();
  if (lower == 0) return fixed.template operator()<2>();
  if (lower == 0.5) return fixed.template operator()<3>();
  if (lower == -0.5) return fixed.template operator()<1>();
  if (lower == -2) return fixed.template operator()<-2>();
  varying();
}

}  // namespace FACULA_ISA
}  // namespace facula
