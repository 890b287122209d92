// Powers.
#pragma once
#include "cpu/math_exp.h"
#include "cpu/math_int.h"

namespace facula {
inline namespace FACULA_ISA {

// |x|^y in double serves float in full: special cases, denormals and overflow come with it.
inline float pow(float base, float exponent) {
  const double x = base, y = exponent, a = fabs(x);
  const double whole = __builtin_rint(y), half = y * 0.5;
  const double size = wide_exp2(y * wide_log2(a));
  const bool odd = whole == y && __builtin_rint(half) != half;
  double result = x < 0 && whole != y && a != infinity<double> ? not_a_number<double> : size;
  result = odd ? copysign(result, x) : result;
  result = (a == 1 && fabs(y) == infinity<double>) || x == 1 || y == 0 ? 1. : result;
  return float(result);
}
inline double pow(double x, double y) { return __builtin_pow(x, y); }
template <Whole T> inline T pow(T x, T y) { return integer_power(x, int64_t(y)); }

// The exponents that PyTorch treats apart, in its roundings. The tests are loop-invariant.
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

}  // namespace FACULA_ISA
}  // namespace facula
