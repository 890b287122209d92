// Powers.
#pragma once
#include "cpu/math_exp.h"
#include "cpu/math_int.h"

namespace facula {
inline namespace FACULA_ISA {

// |x|^y in double serves float in full: denormals and overflow come with it. What depends on the exponent
// alone is made of bits: the compiler vectorises no selection on a condition that the loop does not change.
inline float pow(float base, float exponent) {
  const double x = base, y = exponent, a = fabs(x), whole = round(y), half = y * 0.5;
  const uint64_t nan = bits_of(not_a_number<double>), one = bits_of(1.), zero = -uint64_t(y == 0);
  const uint64_t sign = uint64_t((whole == y) & (round(half) != half)) << 63;
  const double fraction = std::bit_cast<double>(-uint64_t(whole != y) & nan);  // 0 or NaN
  const double unit =
      std::bit_cast<double>(one | (-uint64_t(fabs(y) != infinity<double>) & nan));  // 1 or NaN
  const double size = wide_exp2(y * wide_log2(a)),
               power = x < 0 && a != infinity<double> ? size + fraction : size;
  const double result =
      x == 1 || a == unit ? 1. : std::bit_cast<double>(bits_of(power) ^ (bits_of(x) & sign));
  return float(std::bit_cast<double>((bits_of(result) & ~zero) | (one & zero)));
}
inline double pow(double x, double y) { return __builtin_pow(x, y); }
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
[[gnu::always_inline]] inline void with_exponent(Scalar exponent, Fixed fixed, Varying varying) {
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
[[gnu::always_inline]] inline void with_lowered_exponent(Scalar exponent, Fixed fixed, Varying varying) {
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
