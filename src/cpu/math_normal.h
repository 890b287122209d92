// The normal distribution, its inverse, and the scaled complementary error function. Float is done in double.
#pragma once
#include <utility>
#include "cpu/math_exp.h"
#include "cpu/special_tables.h"

namespace facula {
inline namespace FACULA_ISA {

// Sum of c[k] T_k(t), unrolled, so that loops over elements vectorise. For float fewer terms do.
template <class F, const auto& c> inline constexpr int series_terms = [] {
  int n = int(sizeof c / sizeof *c);
  if (sizeof(F) == 4)
    for (const double least = 1e-10; n > 1 && c[n - 1] < least && c[n - 1] > -least;) --n;
  return n;
}();
template <class F, const auto& c> inline double series(double t) {
  double b1 = 0, b2 = 0;
  const double twice = t + t;
  constexpr int n = series_terms<F, c>;
  [&]<int... K>(std::integer_sequence<int, K...>) {
    const auto step = [&](double term) {
      const double b0 = twice * b1 - b2 + term;
      b2 = b1;
      b1 = b0;
    };
    (step(c[n - 1 - K]), ...);
  }
  (std::make_integer_sequence<int, n - 1>{});
  return t * b1 - b2 + c[0];
}

// e^(scale x^2), scale a power of two: the rounding of x^2 would be multiplied by the exponent.
inline double exp_square(double x, double scale) {
  const double p = x * x;
  return exp_scaled(scale * p, -0., scale * product_error(x, x, p));
}

template <class F> inline double erfcx_positive(double x) {
  const double a = x > 1e15 ? 1e15 : x;
  const double y = series<F, tables::erfcx>((a - 4) / (a + 4)) / (1 + 2 * a);
  return x > 1e15 ? 0.56418958354775628695 / x : y;  // 1 / (x sqrt(pi))
}

template <Real F> inline F erfcx(F value) {
  const double x = value, a = fabs(x), right = erfcx_positive<F>(a), b = a > 27. ? 27. : a;
  const double left = a > 26.7 ? infinity<double> : 2 * exp_square(b, 1) - right;
  return F(x < 0 ? left : right);
}

// ndtr(-a)
template <class F> inline double normal_tail(double a) {
  const double b = a > 40. ? 40. : a;
  return 0.5 * exp_square(b, -0.5) * erfcx_positive<F>(b * 0.70710678118654752440);
}

// erfc(x) to the precision of float: e^(-x^2) t P(t), t = 1 / (1 + x/2); 2 - that for negative x.
inline double wide_erfc(double x) {
  const double size = fabs(x), a = size > 11. ? 11. : size, t = 1 / (1 + 0.5 * a);
  const double p =
      polynomial(t, 0.282098044271385589, 0.281988861674429195, 0.248351634330759223, 0.163652987688662439,
                 0.151875640600767459, -0.252869157504746703, 0.56701992350233446, -1.11875556794209253,
                 1.17151142715534056, -0.677481865356833656, 0.210323420890106881, -0.0277153489004300594);
  const double y = wide_exp(-a * a) * t * p;
  return x < 0 ? 2 - y : y;
}

template <Real F> inline F ndtr(F value) {
  if constexpr (sizeof(F) == 4) return F(0.5 * wide_erfc(value * -0.70710678118654752440));
  const double x = value, tail = x == 0 ? 0.5 : normal_tail<F>(fabs(x));
  return F(x < 0 ? tail : 1 - tail);
}

template <Real F> inline F log_ndtr(F value) {
  const double x = value, a = fabs(x);
  const double left = log(0.5 * erfcx_positive<F>(a * 0.70710678118654752440)) - 0.5 * x * x;
  return F(x < 0 ? left : x == 0 ? -0.69314718055994530942 : log1p(-normal_tail<F>(a)));
}

// ndtri(1/2 + q), p = 1/2 - |q|: in the middle a series in q^2; else in r with e^(-r^2 / 2) = p.
template <class F> inline double normal_quantile(double q, double p) {
  const bool middle = fabs(q) <= 0.375;
  const double near = q * series<F, tables::ndtri_middle>(middle ? q * q * (128. / 9) - 1 : 0.);
  const double r = sqrt(-2 * log(p)), s = r > 39. ? 39. : r;
  const double x = s < 6 ? series<F, tables::ndtri_near>((s - 3.95) / 2.05)
                         : series<F, tables::ndtri_far>((s - 22.5) / 16.5);
  return middle ? near : copysign(r * x, q);
}

template <Real F> inline F ndtri(F value) {
  const double p = value, q = p - 0.5, y = normal_quantile<F>(q, q < 0 ? p : 1 - p);
  return F(p == 0 ? -infinity<double> : p == 1 ? infinity<double> : y);
}

}  // namespace FACULA_ISA
}  // namespace facula
