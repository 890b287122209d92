// Derivatives of the logarithm of the gamma function, and Hurwitz's zeta function.
#include <cmath>
#include "cpu/special_series.h"
#include "cpu/special_tables.h"

namespace facula::special {
namespace {

// Recurrence up to 10, then the asymptotic series.
double trigamma_positive(double x) {
  double y = 0;
  for (; x < 10; x += 1) y += 1 / (x * x);
  const double r = 1 / x, z = r * r;
  const double series =
      1. / 6 +
      z * (-1. / 30 +
           z * (1. / 42 +
                z * (-1. / 30 + z * (5. / 66 + z * (-691. / 2730 + z * (7. / 6 - z * (3617. / 510)))))));
  return y + r + 0.5 * z + r * z * series;
}

double trigamma(double x, double pi_x) {
  if (!(x <= 0)) return trigamma_positive(x);
  const double fraction = x - std::round(x);
  if (fraction == 0) {  // PyTorch's values there: the reflection formula, where pi x is rounded
    const double sine = std::sin(pi_x);
    return kPi / sine * (kPi / sine);
  }
  if (fraction != fraction) return kNaN;
  const double sine = std::sin(kPi * fraction);
  return kPi / sine * (kPi / sine) - trigamma_positive(1 - x);
}

double power(double x, double s) {  // x^-s; small whole powers by multiplication
  if (s == 2) return 1 / (x * x);
  if (s == 3) return 1 / (x * x * x);
  if (s == 4) return 1 / (x * x * (x * x));
  return std::pow(x, -s);
}

// Euler-Maclaurin summation: a few terms, an integral, and corrections. q > 0, s > 1.
double zeta_positive(double s, double q) {
  // (2k)! / B_2k
  static constexpr double divisors[] = {12.0,
                                        -720.0,
                                        30240.0,
                                        -1209600.0,
                                        47900160.0,
                                        -1.8924375803183791606e9,
                                        7.47242496e10,
                                        -2.950130727918164224e12,
                                        1.1646782814350067249e14,
                                        -4.5979787224074726105e15,
                                        1.8152105401943546773e17,
                                        -7.1661652561756670113e18};
  constexpr double epsilon = 1.1102230246251565e-16;
  double sum = power(q, s), a = q, term = sum;
  for (int i = 0; i < 9 || a <= 9; ++i) {
    a += 1;
    term = power(a, s);
    sum += term;
    if (term <= epsilon * 1e-3 * sum) return sum;  // what is left is about a / s terms
  }
  sum += term * a / (s - 1) - 0.5 * term;
  double factor = 1, k = 0;
  for (const double divisor : divisors) {
    factor *= s + k;
    term /= a;
    const double t = term * factor / divisor;
    sum += t;
    if (std::fabs(t) < epsilon * sum) return sum;
    k += 1;
    factor *= s + k;
    term /= a;
    k += 1;
  }
  return sum;
}

}  // namespace

// Around its zero a series in the distance from it; from there by recurrence, or the asymptotic series.
double digamma(double x) {
  if (x == 0) return std::copysign(kInfinity, -x);
  double y = 0;
  if (x < 0) {
    const double fraction = x - std::round(x);
    if (fraction == 0 || fraction != fraction) return kNaN;
    y = -kPi / std::tan(kPi * fraction);
    x = 1 - x;
  }
  if (x >= 10) {
    const double z = 1 / (x * x);
    const double series =
        1. / 12 +
        z * (-1. / 120 +
             z * (1. / 252 + z * (-1. / 240 + z * (1. / 132 + z * (-691. / 32760 + z * (1. / 12))))));
    return y + (std::log(x) - 0.5 / x - z * series);
  }
  double steps = 0;
  for (; x > 2; x -= 1) steps += 1 / (x - 1);
  if (x < 1) {
    steps -= 1 / x;
    x += 1;
  }
  if (x != x) return x;
  const double middle = ((x - tables::digamma_root) - tables::digamma_root_low) *
                        chebyshev_sum(tables::digamma_middle, 2 * x - 3);
  return y + (steps + middle);
}

double zeta(double s, double q) {
  if (s == 1) return kInfinity;
  if (s < 1) return kNaN;
  if (q <= 0 && q == std::floor(q)) return kInfinity;
  if (s != s || q != q || is_infinite(q)) return kNaN;
  if (q > 0) return zeta_positive(s, q);
  if (s != std::floor(s)) return kNaN;
  // q = f - m: the terms left of zero are those of another such sum that ends.
  const double left = std::ceil(q) - q, right = 1 - left;
  const double mirrored = zeta_positive(s, left) - zeta_positive(s, 1 - q);
  return zeta_positive(s, right) + (std::fmod(s, 2) == 1 ? -mirrored : mirrored);
}

double polygamma(int64_t n, double x, double pi_x) {
  if (n == 0) return digamma(x);
  if (n == 1) return trigamma(x, pi_x);
  const double y = std::tgamma(double(n) + 1) * zeta(double(n) + 1, x);
  return n % 2 ? y : -y;
}

}  // namespace facula::special
