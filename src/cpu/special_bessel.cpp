// Bessel functions and Airy's. Chebyshev series near zero; far away series in 1 / x for what is left after
// the exponential, or after sine and cosine.
#include <cmath>
#include "cpu/special_series.h"
#include "cpu/special_tables.h"

namespace facula::special {
namespace {

// 2/3 x^(3/2) as a sum of two doubles: its rounding would shift an exponent, or a phase.
struct Zeta {
  double high, low;
};
Zeta airy_zeta(double x) {
  constexpr double c = 2. / 3, c_low = 3.7007434154171883e-17;
  const double s = std::sqrt(x), s_low = -std::fma(s, s, -x) / (2 * s);
  const double p = x * s, p_low = std::fma(x, s, -p) + x * s_low;
  const double high = p * c;
  return {high, std::fma(p, c, -high) + p * c_low + p_low * c};
}

}  // namespace

double j0(double x) { return is_infinite(x) ? kNaN : ::j0(x); }
double j1(double x) { return is_infinite(x) ? kNaN : ::j1(x); }
double y0(double x) { return x == 0 ? -kInfinity : x > 0 && !is_infinite(x) ? ::y0(x) : kNaN; }
double y1(double x) { return x == 0 ? -kInfinity : x > 0 && !is_infinite(x) ? ::y1(x) : kNaN; }

double spherical_j0(double x) { return x == 0 ? 1 : is_infinite(x) ? 0 : std::sin(x) / x; }

double airy(double x, double phase) {
  if (is_infinite(x)) return kNaN;
  if (x >= 2) {
    const auto [zeta, low] = airy_zeta(x);
    if (zeta > 750) return 0;
    const double y = chebyshev_sum(tables::airy_decay, 3.771236166328253464 / zeta - 1);
    return y * std::exp(-zeta) * (1 - low) / std::sqrt(std::sqrt(x));
  }
  if (x >= 0) return chebyshev_sum(tables::airy_right, x - 1);
  if (x >= -2) return chebyshev_sum(tables::airy_left, x + 1);
  if (x >= -4) return chebyshev_sum(tables::airy_far_left, x + 3);
  if (x != x) return x;
  const double zeta = phase - kPi / 4;
  if (is_infinite(zeta)) return kNaN;
  const double t = 2 * (16. / 3 / zeta) * (16. / 3 / zeta) - 1;
  const double p = chebyshev_sum(tables::airy_p, t), q = chebyshev_sum(tables::airy_q, t) / zeta;
  // 1 / sqrt(pi)
  return 0.56418958354775628695 * (p * std::sin(phase) - q * std::cos(phase)) / std::sqrt(std::sqrt(-x));
}

}  // namespace facula::special
