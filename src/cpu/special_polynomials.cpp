// Orthogonal polynomials by their three-term recurrences; Chebyshev's of higher degree by cosines where |x|
// < 1. A recurrence that overflows ends in NaN, as in PyTorch.
#include <cmath>
#include "cpu/special_series.h"

namespace facula::special {
namespace {

int64_t degree(double n) {  // what is no number, or beyond any degree, counts as negative
  return n > -1e18 && n < 1e18 ? int64_t(n) : -1;
}

// p_(k+1) = next(k, p_k, p_(k-1)) from p_0 = 1 and p_1.
template <class F> double recurrence(int64_t n, double first, double largest, F next) {
  double p = 1, q = first;
  for (int64_t k = 1; k < n && q == q; ++k) {
    double r = next(double(k), q, p);
    if (std::fabs(r) > largest) r = std::copysign(HUGE_VAL, r);
    p = q;
    q = r;
  }
  return n ? q : 1;
}
double chebyshev(int64_t n, double x, double first, double largest) {
  return recurrence(n, first, largest, [x](double, double q, double p) { return (x + x) * q - p; });
}
double alternating(double x, int64_t n, double size) { return x > 0 || n % 2 == 0 ? size : -size; }
bool wide_inside(double x, int64_t n, int64_t low) { return n > low && std::fabs(x) < 1; }

}  // namespace

double chebyshev_t(double x, double degrees, double largest) {
  const int64_t n = degree(degrees);
  if (n < 0) return 0;
  if (std::fabs(x) == 1) return alternating(x, n, 1);
  if (wide_inside(x, n, 6)) return std::cos(double(n) * std::acos(x));
  return chebyshev(n, x, x, largest);
}

double chebyshev_u(double x, double degrees, double largest) {
  const int64_t n = degree(degrees);
  if (n < 0) return 0;
  if (std::fabs(x) == 1) return alternating(x, n, double(n) + 1);
  if (wide_inside(x, n, 8)) {
    const double angle = std::acos(x);
    return std::sin((double(n) + 1) * angle) / std::sin(angle);
  }
  return chebyshev(n, x, x + x, largest);
}

double chebyshev_v(double x, double degrees, double largest) {
  const int64_t n = degree(degrees);
  if (n < 0) return 0;
  if (std::fabs(x) == 1) return x > 0 ? 1 : alternating(x, n, 2 * double(n) + 1);
  if (wide_inside(x, n, 8)) {
    const double angle = std::acos(x);
    return std::cos((double(n) + 0.5) * angle) / std::cos(angle / 2);
  }
  return chebyshev(n, x, x + x - 1, largest);
}

double chebyshev_w(double x, double degrees, double largest) {
  const int64_t n = degree(degrees);
  if (n < 0) return 0;
  if (std::fabs(x) == 1) return x > 0 ? 2 * double(n) + 1 : alternating(x, n, 1);
  if (wide_inside(x, n, 8)) {
    const double angle = std::acos(x);
    return std::sin((double(n) + 0.5) * angle) / std::sin(angle / 2);
  }
  return chebyshev(n, x, x + x + 1, largest);
}

double shifted_chebyshev_t(double x, double n, double largest) { return chebyshev_t(x + x - 1, n, largest); }
double shifted_chebyshev_u(double x, double n, double largest) { return chebyshev_u(x + x - 1, n, largest); }
double shifted_chebyshev_v(double x, double n, double largest) { return chebyshev_v(x + x - 1, n, largest); }
double shifted_chebyshev_w(double x, double n, double largest) { return chebyshev_w(x + x - 1, n, largest); }

double hermite_h(double x, double degrees, double largest) {
  const int64_t n = degree(degrees);
  if (n < 0) return 0;
  if (n > 512) return kNaN;
  return recurrence(n, x + x, largest,
                    [x](double k, double q, double p) { return (x + x) * q - (k + k) * p; });
}

double hermite_he(double x, double degrees, double largest) {
  const int64_t n = degree(degrees);
  if (n < 0) return 0;
  if (n > 512) return kNaN;
  return recurrence(n, x, largest, [x](double k, double q, double p) { return x * q - k * p; });
}

double laguerre(double x, double degrees, double largest) {
  const int64_t n = degree(degrees);
  if (n < 0) return 0;
  if (x == 0) return 1;
  return recurrence(n, 1 - x, largest,
                    [x](double k, double q, double p) { return ((k + k + (1 - x)) * q - k * p) / (k + 1); });
}

double legendre(double x, double degrees, double largest) {
  const int64_t n = degree(degrees);
  if (n < 0) return 0;
  if (std::fabs(x) == 1) return alternating(x, n, 1);
  return recurrence(n, x, largest,
                    [x](double k, double q, double p) { return ((k + k + 1) * x * q - k * p) / (k + 1); });
}

}  // namespace facula::special
