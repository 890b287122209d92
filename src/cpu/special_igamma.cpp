// The regularised incomplete gamma functions. A series for x below a, a continued fraction above, a series in
// small a for the upper function near zero, and for large a near x the uniform expansion (Temme 1979;
// DLMF 8.12).
#include <cmath>
#include "cpu/special_series.h"
#include "cpu/special_tables.h"

namespace facula::special {
namespace {

constexpr double kEpsilon = 1.1102230246251565e-16;

double erfcx(double x) {  // x >= 0
  return chebyshev_sum(tables::erfcx, (x - 4) / (x + 4)) / (1 + 2 * x);
}

double log1p_minus(double x) {  // log(1 + x) - x
  if (!(std::fabs(x) <= 0.5)) return std::log1p(x) - x;
  const double r = x / (2 + x), y = r * r;
  double sum = 0, power = 1;
  for (int k = 3; k < 60; k += 2) {
    const double term = power / k;
    sum += term;
    if (term < kEpsilon * sum) break;
    power *= y;
  }
  return r * (2 * y * sum - x);
}

// x^a e^-x / Gamma(a)
double factor(double a, double x) {
  if (a < 170 && x < 700 && std::fabs(a * std::log(x)) < 700)
    return a < 1e-300 ? a * std::exp(-x) : std::pow(x, a) * std::exp(-x) / std::tgamma(a);
  if (a < 10) return std::exp(a * std::log(x) - x - std::lgamma(a));
  const double distance = (x - a) / a, z = 1 / (a * a);
  const double exponent =
      std::fabs(distance) < 0.5 ? a * log1p_minus(distance) : a * (std::log(x / a) - distance);
  const double stirling =
      (1. / 12 - z * (1. / 360 - z * (1. / 1260 - z * (1. / 1680 - z * (1. / 1188))))) / a;
  return std::exp(exponent - stirling) * std::sqrt(a / (2 * kPi));
}

double lower_series(double a, double x) {
  const double f = factor(a, x);
  if (f == 0) return 0;
  double term = 1, sum = 1;
  for (double n = a + 1; term > kEpsilon * sum; n += 1) {
    term *= x / n;
    sum += term;
  }
  return f * sum / a;
}

double upper_series(double a, double x) {  // small a and x
  double power = 1, sum = 0;
  for (int n = 1; n < 100; ++n) {
    power *= -x / n;
    const double term = power / (a + n);
    sum += term;
    if (std::fabs(term) <= kEpsilon * std::fabs(sum)) break;
  }
  const double lgamma1p = a * chebyshev_sum(tables::lgamma1p, a * 1.6 - 1),
               power_a = a * std::log(x) - lgamma1p;
  return -std::expm1(power_a) - a * std::exp(power_a) * sum;
}

double upper_fraction(double a, double x) {  // Lentz's method
  const double f = factor(a, x);
  if (f == 0) return 0;
  double b = x + 1 - a, c = 1e300, d = 1 / b, y = d;
  for (int i = 1; i < 10000; ++i) {
    const double numerator = -i * (i - a);
    b += 2;
    d = numerator * d + b;
    if (d == 0) d = 1e-300;
    c = b + numerator / c;
    if (c == 0) c = 1e-300;
    d = 1 / d;
    const double step = d * c;
    y *= step;
    if (std::fabs(step - 1) < 2 * kEpsilon) break;
  }
  return f * y;
}

bool near_large(double a, double x) {
  const double distance = std::fabs(x - a) / a;
  return (a > 20 && distance < 0.3) || (a > 200 && distance < 0.6);
}

double uniform(double a, double x, bool upper) {
  const double distance = (x - a) / a, half_square = -log1p_minus(distance);
  const double eta = std::copysign(std::sqrt(2 * half_square), distance), side = upper ? 1 : -1;
  double sum = 0, scale = 1;
  for (const auto& row : tables::temme) {
    double c = 0;
    for (int n = int(sizeof row / sizeof *row) - 1; n >= 0; --n) c = c * eta + row[n];
    const double term = c * scale;
    sum += term;
    if (std::fabs(term) < kEpsilon * std::fabs(sum)) break;
    scale /= a;
  }
  // erfc(y) / 2 with y^2 = a half_square, as e^-y^2 erfcx(y) / 2 in the tail, which shares its error with the
  // sum
  const double decay = std::exp(-a * half_square), y = side * eta * std::sqrt(a / 2);
  const double main = y > 0.5 ? 0.5 * decay * erfcx(y) : 0.5 * std::erfc(y);
  return main + side * decay * sum / std::sqrt(2 * kPi * a);
}

double lower(double a, double x);

double upper(double a, double x) {
  if (near_large(a, x)) return uniform(a, x, true);
  const bool complement = x <= 0.5 ? -0.4 / std::log(x) < a : x <= 1.1 ? x * 1.1 < a : x < a;
  if (complement) return 1 - lower_series(a, x);
  return x <= 1.1 ? upper_series(a, x) : upper_fraction(a, x);
}

double lower(double a, double x) {
  if (near_large(a, x)) return uniform(a, x, false);
  return x > 1 && x > a ? 1 - upper(a, x) : lower_series(a, x);
}

}  // namespace

double igamma(double a, double x) {
  if (a < 0 || x < 0) return kNaN;
  if (a == 0) return x > 0 ? 1 : kNaN;
  if (x == 0) return 0;
  if (is_infinite(a)) return is_infinite(x) ? kNaN : 0;
  if (is_infinite(x)) return 1;
  return a != a || x != x ? kNaN : lower(a, x);
}

double igammac(double a, double x) {
  if (a < 0 || x < 0) return kNaN;
  if (a == 0) return x > 0 ? 0 : kNaN;
  if (x == 0) return 1;
  if (is_infinite(a)) return is_infinite(x) ? kNaN : 1;
  if (is_infinite(x)) return 0;
  return a != a || x != x ? kNaN : upper(a, x);
}

}  // namespace facula::special
