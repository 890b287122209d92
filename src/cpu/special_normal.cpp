// The scaled complementary error function and the normal distribution.
#include <cmath>
#include "cpu/special_series.h"
#include "cpu/special_tables.h"

namespace facula::special {
namespace {

// e^(scale x^2) with an exact leading square: the rounding of x^2 would be multiplied by the exponent.
double exp_square(double x, double scale) {
  const double high = std::round(x * 16) / 16;
  return std::exp(scale * high * high) * std::exp(scale * (x - high) * (x + high));
}

double erfcx_positive(double x) {
  if (x > 1e15) return 0.56418958354775628695 / x;  // 1 / sqrt(pi)
  return chebyshev_sum(tables::erfcx, (x - 4) / (x + 4)) / (1 + 2 * x);
}

}  // namespace

double erfcx(double x) {
  if (!(x < 0)) return erfcx_positive(x);
  return x < -26.7 ? kInfinity : 2 * exp_square(x, 1) - erfcx_positive(-x);
}

double ndtr(double x) {
  if (!(std::fabs(x) >= 0.5)) return 0.5 + 0.5 * std::erf(x * 0.70710678118654752440);
  const double a = std::fabs(x);
  const double far = a > 40 ? 0 : 0.5 * exp_square(a, -0.5) * erfcx_positive(a * 0.70710678118654752440);
  return x < 0 ? far : 1 - far;
}

double log_ndtr(double x) {
  if (x < -1) return std::log(0.5 * erfcx_positive(x * -0.70710678118654752440)) - 0.5 * x * x;
  return std::log1p(-ndtr(-x));
}

// In the middle a series in (p - 1/2)^2; else in r with e^(-r^2 / 2) = min(p, 1 - p).
double ndtri(double p) {
  if (p == 0 || p == 1) return p ? kInfinity : -kInfinity;
  const double q = p - 0.5;
  if (std::fabs(q) <= 0.375) return q * chebyshev_sum(tables::ndtri_middle, q * q * (128. / 9) - 1);
  const double r = std::sqrt(-2 * std::log(q < 0 ? p : 1 - p));
  const double x = r < 6 ? chebyshev_sum(tables::ndtri_near, (r - 3.95) / 2.05)
                         : chebyshev_sum(tables::ndtri_far, (r - 22.5) / 16.5);
  return q < 0 ? -r * x : r * x;
}

}  // namespace facula::special
