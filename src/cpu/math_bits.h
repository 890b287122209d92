// What the vocabulary is built from: concepts, bit patterns, selection, scaling by powers of two.
// Floating-point functions are written for float and double alike on top of FloatBits.
#pragma once
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <type_traits>
#include "core/half.h"

// Everything a kernel may inline lives in a namespace per instruction set. Without it the
// linker would merge the AVX-512 copy of an inline function into code for older machines.
// For the same reason: compiler builtins, never the inline overloads of <cmath>.

namespace facula {
inline namespace FACULA_ISA {

template <class T>
concept Arithmetic = std::is_arithmetic_v<T>;
template <class T>
concept Real = std::is_floating_point_v<T>;
template <class T>
concept Whole = std::is_integral_v<T>;  // bool too

// Both sides are evaluated: a selection, not a branch. For the same reason conditions on values are joined
// by | and &, never by || and &&.
template <Arithmetic T> constexpr T where(bool c, T a, T b) { return c ? a : b; }

template <class F> struct FloatBits;
template <> struct FloatBits<float> {
  using Int = uint32_t;
  static constexpr int mantissa = 23, bias = 127;
  // Adding 1.5 * 2^mantissa rounds to an integer and leaves it in the low bits.
  static constexpr float magic = 0x1.8p23f;
};
template <> struct FloatBits<double> {
  using Int = uint64_t;
  static constexpr int mantissa = 52, bias = 1023;
  static constexpr double magic = 0x1.8p52;
};
template <Real F> using Bits = typename FloatBits<F>::Int;

template <Real F> constexpr Bits<F> bits_of(F x) { return std::bit_cast<Bits<F>>(x); }
template <Real F> inline constexpr F infinity = F(__builtin_inf());
template <Real F> inline constexpr F not_a_number = F(__builtin_nan(""));
template <Real F> inline constexpr Bits<F> sign_bit = Bits<F>(1) << (sizeof(F) * 8 - 1);
template <Real F> inline constexpr F smallest_normal = std::bit_cast<F>(Bits<F>(1) << FloatBits<F>::mantissa);

template <Arithmetic T> constexpr bool isnan(T x) { return x != x; }
template <Real F> inline bool isinf(F x) { return (x == infinity<F>) | (x == -infinity<F>); }
template <Real F> inline bool isfinite(F x) { return (x < infinity<F>)&(x > -infinity<F>); }
template <Real F> inline bool isposinf(F x) { return x == infinity<F>; }
template <Real F> inline bool isneginf(F x) { return x == -infinity<F>; }
template <Whole T> constexpr bool isinf(T) { return false; }
template <Whole T> constexpr bool isfinite(T) { return true; }
template <Whole T> constexpr bool isposinf(T) { return false; }
template <Whole T> constexpr bool isneginf(T) { return false; }

inline float fabs(float x) { return __builtin_fabsf(x); }
inline double fabs(double x) { return __builtin_fabs(x); }
inline float sqrt(float x) { return __builtin_sqrtf(x); }
inline double sqrt(double x) { return __builtin_sqrt(x); }
inline float copysign(float x, float s) { return __builtin_copysignf(x, s); }
inline double copysign(double x, double s) { return __builtin_copysign(x, s); }

// To the nearest integer, ties to even; |x| < 2^(mantissa - 1).
template <Real F> inline F nearest(F x) { return (x + FloatBits<F>::magic) - FloatBits<F>::magic; }

template <Real F> inline F power_of_two(F integer) {  // |integer| < bias
  using B = FloatBits<F>;
  return std::bit_cast<F>((bits_of(integer + B::magic) + B::bias) << B::mantissa);
}

// p * 2^n in two steps, so that results may overflow to inf or sink into denormals.
template <Real F> inline F scale(F p, F n) {
  const F half = nearest(n * F(0.5));
  return p * power_of_two(half) * power_of_two(n - half);
}

// a b - p for p = a * b rounded: exact.
inline double product_error(double a, double b, double p) {
#ifdef __FMA__
  return __builtin_fma(a, b, -p);
#else
  const double u = a * 0x1p27, v = b * 0x1p27, a1 = (a + u) - u, b1 = (b + v) - v, a2 = a - a1, b2 = b - b1;
  return ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2;
#endif
}

// c[0] + c[1] x + c[2] x^2 ... by Horner's rule.
template <Real F, class... C> inline F polynomial(F x, F first, C... rest) {
  if constexpr (sizeof...(C) == 0) return first;
  else return first + x * polynomial(x, F(rest)...);
}

}  // namespace FACULA_ISA
}  // namespace facula
