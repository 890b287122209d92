// Modified Bessel functions, in double: Chebyshev series near zero, far away in 1 / x for what is left after
// the exponential.
#pragma once
#include "cpu/math_normal.h"

namespace facula {
inline namespace FACULA_ISA {

template <class F> inline double i0_scaled(double a) {  // a >= 0
  const double low = a > 8 ? 8. : a, high = a > 8 ? a : 8.;
  const double near = series<F, tables::i0e_near>(low / 4 - 1);
  const double far = series<F, tables::i0e_far>(16 / high - 1) / sqrt(high);
  return a > 8 ? far : near;
}
template <class F> inline double i1_scaled(double a) {
  const double low = a > 8 ? 8. : a, high = a > 8 ? a : 8.;
  const double near = low * series<F, tables::i1e_near>(low / 4 - 1);
  const double far = series<F, tables::i1e_far>(16 / high - 1) / sqrt(high);
  return a > 8 ? far : near;
}
inline double times_exp(double y, double a) {  // the product may exist where e^a does not
  const double part = a > 700 ? 700. : a;
  return isinf(a) ? not_a_number<double> : y * exp(part) * exp(a - part);  // as in PyTorch
}

template <Real F> inline F i0e(F x) { return F(i0_scaled<F>(fabs(double(x)))); }
template <Real F> inline F i1e(F x) { return F(copysign(i1_scaled<F>(fabs(double(x))), double(x))); }
template <Real F> inline F i0(F x) { return F(times_exp(i0_scaled<F>(fabs(double(x))), fabs(double(x)))); }
template <Real F> inline F i1(F x) {
  return F(copysign(times_exp(i1_scaled<F>(fabs(double(x))), fabs(double(x))), double(x)));
}

// K_n(x) e^(scaled ? x : 0)
template <class F, int order, bool scaled> inline F bessel_k(double x) {
  const double low = x > 2 ? 2. : x, high = x > 2 ? x : 2.;
  const double t = low * low / 2 - 1, l = log(low / 2), grown = exp(low);
  double near, far;
  if constexpr (order == 0) {
    near = series<F, tables::k0_near>(t) - l * (series<F, tables::i0e_near>(low / 4 - 1) * grown);
    far = series<F, tables::k0_far>(4 / high - 1) / sqrt(high);
  } else {
    near = series<F, tables::k1_near>(t) / low + l * (low * series<F, tables::i1e_near>(low / 4 - 1) * grown);
    far = series<F, tables::k1_far>(4 / high - 1) / sqrt(high);
  }
  const double y = x > 2 ? (scaled ? far : far * exp(-high)) : (scaled ? near * grown : near);
  return F(x == 0 ? infinity<double> : x < 0 ? not_a_number<double> : y);
}
template <Real F> inline F k0(F x) { return bessel_k<F, 0, false>(double(x)); }
template <Real F> inline F k0e(F x) { return bessel_k<F, 0, true>(double(x)); }
template <Real F> inline F k1(F x) { return bessel_k<F, 1, false>(double(x)); }
template <Real F> inline F k1e(F x) { return bessel_k<F, 1, true>(double(x)); }

}  // namespace FACULA_ISA
}  // namespace facula
