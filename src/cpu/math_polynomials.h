// Orthogonal polynomials by their three-term recurrences, in the type that is asked for and in PyTorch's
// order of operations, so that they round and overflow as PyTorch's do; Chebyshev's of higher degree by
// cosines where |x| < 1. n is truncated to an integer, and negative degrees are zero.
#pragma once
#include "cpu/math_trig.h"

namespace facula {
inline namespace FACULA_ISA {

inline float libm_cos(float x) { return __builtin_cosf(x); }
inline double libm_cos(double x) { return __builtin_cos(x); }
inline float libm_sin(float x) { return __builtin_sinf(x); }
inline double libm_sin(double x) { return __builtin_sin(x); }
inline float libm_acos(float x) { return __builtin_acosf(x); }
inline double libm_acos(double x) { return __builtin_acos(x); }

template <Real F>
inline int64_t degree_of(F n) {  // what is no number, or beyond any degree, counts as negative
  return n > F(-1e18) && n < F(1e18) ? int64_t(n) : -1;
}
template <Real F> inline F alternating(F x, int64_t n, F size) { return x > 0 || n % 2 == 0 ? size : -size; }
template <Real F> inline bool wide_inside(F x, int64_t n, int64_t low) { return n > low && fabs(x) < 1; }

// p_(k+1) = 2 x p_k - p_(k-1) from p_0 = 1 and p_1 = first. A recurrence that overflows ends in NaN.
template <Real F> inline F chebyshev(int64_t n, F x, F first) {
  F p = 1, q = first;
  for (int64_t k = 2; k <= n && q == q; ++k) {
    const F r = (x + x) * q - p;
    p = q;
    q = r;
  }
  return n ? q : F(1);
}

template <Real F> inline F chebyshev_t(F x, F degrees) {
  const int64_t n = degree_of(degrees);
  if (n < 0) return 0;
  if (fabs(x) == 1) return alternating(x, n, F(1));
  if (wide_inside(x, n, 6)) return libm_cos(F(n) * libm_acos(x));
  return chebyshev(n, x, x);
}

template <Real F> inline F chebyshev_u(F x, F degrees) {
  const int64_t n = degree_of(degrees);
  if (n < 0) return 0;
  if (fabs(x) == 1) return alternating(x, n, F(n + 1));
  if (wide_inside(x, n, 8)) {
    const F angle = libm_acos(x), sine = libm_sin(angle);
    return sine != 0 ? libm_sin(F(n + 1) * angle) / sine : F(n + 1) * libm_cos(F(n + 1) * angle) / x;
  }
  return chebyshev(n, x, x + x);
}

template <Real F> inline F chebyshev_v(F x, F degrees) {
  const int64_t n = degree_of(degrees);
  if (n < 0) return 0;
  if (fabs(x) == 1) return x > 0 ? F(1) : alternating(x, n, F(n + n + 1));
  if (wide_inside(x, n, 8)) {
    const F angle = libm_acos(x);
    return libm_cos((F(n) + F(0.5)) * angle) / libm_cos(angle / F(2));
  }
  return chebyshev(n, x, x + x - 1);
}

template <Real F> inline F chebyshev_w(F x, F degrees) {
  const int64_t n = degree_of(degrees);
  if (n < 0) return 0;
  if (fabs(x) == 1) return x > 0 ? F(n + n + 1) : alternating(x, n, F(1));
  if (wide_inside(x, n, 8)) {
    const F angle = libm_acos(x);
    return libm_sin((F(n) + F(0.5)) * angle) / libm_sin(angle / F(2));
  }
  return chebyshev(n, x, x + x + 1);
}

template <Real F> inline F shifted_chebyshev_t(F x, F n) { return chebyshev_t(x + x - 1, n); }
template <Real F> inline F shifted_chebyshev_u(F x, F n) { return chebyshev_u(x + x - 1, n); }
template <Real F> inline F shifted_chebyshev_v(F x, F n) { return chebyshev_v(x + x - 1, n); }
template <Real F> inline F shifted_chebyshev_w(F x, F n) { return chebyshev_w(x + x - 1, n); }

template <Real F> inline F hermite_h(F x, F degrees) {
  const int64_t n = degree_of(degrees);
  if (n < 0) return 0;
  if (n > 512) return __builtin_nan("");
  F p = 1, q = x + x;
  for (int64_t k = 2; k < n + n && q == q; k += 2) {
    const F r = (x + x) * q - F(k) * p;
    p = q;
    q = r;
  }
  return n ? q : F(1);
}

template <Real F> inline F hermite_he(F x, F degrees) {
  const int64_t n = degree_of(degrees);
  if (n < 0) return 0;
  if (n > 512) return __builtin_nan("");
  F p = 1, q = x;
  for (int64_t k = 1; k < n && q == q; ++k) {
    const F r = x * q - F(k) * p;
    p = q;
    q = r;
  }
  return n ? q : F(1);
}

template <Real F> inline F laguerre(F x, F degrees) {
  const int64_t n = degree_of(degrees);
  if (n < 0) return 0;
  if (x == 0) return 1;
  F p = 1, q = 1 - x;
  for (int64_t k = 1; k < n && q == q; ++k) {
    const F r = (((F(k) + F(k)) + (1 - x)) * q - F(k) * p) / F(k + 1);
    p = q;
    q = r;
  }
  return n ? q : F(1);
}

template <Real F> inline F legendre(F x, F degrees) {
  const int64_t n = degree_of(degrees);
  if (n < 0) return 0;
  if (fabs(x) == 1) return alternating(x, n, F(1));
  F p = 1, q = x;
  for (int64_t k = 1; k < n && q == q; ++k) {
    const F r = (F(k + k + 1) * x * q - F(k) * p) / F(k + 1);
    p = q;
    q = r;
  }
  return n ? q : F(1);
}

}  // namespace FACULA_ISA
}  // namespace facula
