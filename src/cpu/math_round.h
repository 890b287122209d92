// Rounding, remainders and division with rounding; sign and neighbours of a number.
// Every function exists for integers too, bool included.
#pragma once
#include "cpu/math_bits.h"

namespace facula {
inline namespace FACULA_ISA {

inline float floor(float x) { return __builtin_floorf(x); }
inline double floor(double x) { return __builtin_floor(x); }
inline float ceil(float x) { return __builtin_ceilf(x); }
inline double ceil(double x) { return __builtin_ceil(x); }
inline float trunc(float x) { return __builtin_truncf(x); }
inline double trunc(double x) { return __builtin_trunc(x); }
inline float round(float x) { return __builtin_rintf(x); }  // ties to even
inline double round(double x) { return __builtin_rint(x); }
template <Whole T> constexpr T floor(T x) { return x; }
template <Whole T> constexpr T ceil(T x) { return x; }
template <Whole T> constexpr T trunc(T x) { return x; }
template <Whole T> constexpr T round(T x) { return x; }

template <Real F> inline F frac(F x) { return x - trunc(x); }
template <Whole T> constexpr T frac(T) { return T(0); }

template <Real F> inline bool signbit(F x) { return (bits_of(x) & sign_bit<F>) != 0; }
template <Whole T> constexpr bool signbit(T x) { return x < T(0); }
template <Arithmetic T> constexpr T sign(T x) { return T((x > T(0)) - (x < T(0))); }  // 0 for NaN
template <> constexpr bool sign(bool x) { return x; }
template <Arithmetic T> constexpr T sgn(T x) { return sign(x); }

// The next number from x towards y.
template <Real F> inline F nextafter(F x, F y) {
  const Bits<F> bits = bits_of(x), step = (x < y) == (x > F(0)) ? Bits<F>(1) : ~Bits<F>(0);
  const F from_zero = std::bit_cast<F>(Bits<F>(1) | (bits_of(y) & sign_bit<F>));
  const F next = x == F(0) ? from_zero : std::bit_cast<F>(bits + step);
  return x == y ? y : ((x != x) | (y != y) ? x + y : next);
}

// The remainder of a/b with the sign of a (C), exact.
inline float fmod(float a, float b) { return __builtin_fmodf(a, b); }
inline double fmod(double a, double b) { return __builtin_fmod(a, b); }
// The same where the quotient is not too large, else NaN (math_quick.h). Below 2^28 the quotient of floats,
// rounded in double, is on the right side of every integer, and its product with b exact.
inline float quick_fmod(float a, float b) {
  const double x = a, y = b, q = trunc(x / y), r = copysign(isinf(b) ? x : x - q * y, x);
  return float((q < 0x1p28) & (q > -0x1p28) ? r : not_a_number<double>);
}
// That of doubles may be rounded up to the next integer: the remainder is then exact, but negative.
inline double quick_fmod(double a, double b) {
  const double x = fabs(a), y = fabs(b), q = trunc(x / y), p = q * y, r = (x - p) - product_error(q, y, p);
  const bool exact = (q < 0x1p50) & (x < 0x1p900) & (y > 0x1p-900);
  return exact ? copysign(isinf(b) ? x : (r < 0 ? r + y : r), a) : not_a_number<double>;
}

// Whether a remainder and its divisor point apart: r, turned by the sign of b, is below zero.
template <Real F> inline bool apart(F r, F b) {
  return std::bit_cast<F>(bits_of(r) ^ (bits_of(b) & sign_bit<F>)) < F(0);
}
// The remainder with the sign of b (Python).
template <Real F> inline F remainder_of(F r, F b) { return apart(r, b) ? r + b : r; }
template <Real F> inline F remainder(F a, F b) { return remainder_of(fmod(a, b), b); }

// Floor of the exact quotient, as Python and PyTorch do it, from r = fmod(a, b): floor(a / b) would round up
// to the next integer when a lies just under a multiple of b.
template <Real F> inline F floor_divide_of(F a, F b, F r) {
  const F quotient = (a - r) / b;
  const F q = apart(r, b) ? quotient - F(1) : quotient;
  const F low = floor(q), near = q - low > F(0.5) ? low + F(1) : low;
  return b == F(0) ? a / b : (q != F(0) ? near : copysign(F(0), a / b));
}
template <Real F> inline F floor_divide(F a, F b) { return floor_divide_of(a, b, fmod(a, b)); }
template <Real F> inline F trunc_divide(F a, F b) { return trunc(a / b); }

// Integer division has no vector instruction and traps on x / 0 and on minimum / -1. Both are
// divided by 1 instead: kernels answer 0 for x / 0, and wrap.
template <Whole T> constexpr bool safe_divisor(T b) {
  return !(b == T(0) || (std::is_signed_v<T> && b == T(-1)));
}
template <Whole T> constexpr T trunc_divide(T a, T b) {
  if constexpr (std::is_same_v<T, bool>) return a && b;
  const T q = T(a / (safe_divisor(b) ? b : T(1)));
  return safe_divisor(b) ? q : (b == T(0) ? T(0) : T(T(0) - a));
}
template <Whole T> constexpr T fmod(T a, T b) {
  if constexpr (std::is_same_v<T, bool>) return false;
  const T r = T(a % (safe_divisor(b) ? b : T(1)));
  return safe_divisor(b) ? r : T(0);
}
template <Whole T> constexpr T remainder(T a, T b) {
  const T r = fmod(a, b);
  return (r != T(0)) & ((b < T(0)) != (r < T(0))) ? T(r + b) : r;
}
template <Whole T> constexpr T floor_divide(T a, T b) {
  const T q = trunc_divide(a, b), r = fmod(a, b);
  return (r != T(0)) & ((b < T(0)) != (r < T(0))) ? T(q - 1) : q;
}

}  // namespace FACULA_ISA
}  // namespace facula
