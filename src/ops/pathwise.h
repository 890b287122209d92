// How samples move with the parameters of their distribution: implicit derivatives dx/da = -(dF/da) / f of a
// variable with cumulative probability F and density f (M. Figurnov, S. Mohamed and A. Mnih, "Implicit
// reparameterization gradients", 2018). F is summed with its derivative, term by term.
#pragma once
#include <cmath>
#include <limits>
#include "cpu/special.h"

namespace facula::pathwise {

inline constexpr int kMostTerms = 200000;

// A sum and its derivative by a parameter. step(n) gives the ratio of term n + 1 to term n, and the
// derivative of that ratio; the first term is one.
struct Sum {
  double value = 1, slope = 0;
};
template <class Step> Sum sum_of_ratios(Step step) {
  Sum sum;
  double term = 1, slope = 0;
  for (int n = 0; n < kMostTerms; ++n) {
    const auto [ratio, change] = step(n);
    slope = slope * ratio + term * change;
    term *= ratio;
    sum.value += term;
    sum.slope += slope;
    if (ratio < 1 && std::abs(term) <= 1e-17 * std::abs(sum.value) &&
        std::abs(slope) <= 1e-17 * std::abs(sum.slope))
      break;
  }
  return sum;
}

// dx/da of a gamma variable of shape a and rate one.
inline double gamma(double x, double a) {
  if (!(x > 0) || !(a > 0)) return x == 0 && a > 0 ? 0 : std::numeric_limits<double>::quiet_NaN();
  if (a > 1e6) {
    // Wilson and Hilferty (1931): the cube root is normal.
    const double c = std::cbrt(x / a), z = 3 * std::sqrt(a) * (c - 1 + 1 / (9 * a));
    return c * c * c + 3 * c * c * (1 / (9 * a) - z / (6 * std::sqrt(a)));
  }
  const double log_x = std::log(x);
  if (x < a + 1 + 3 * std::sqrt(a)) {
    // P = x^a e^-x / Gamma(a + 1) (1 + x / (a + 1) + x^2 / ((a + 1)(a + 2)) + ...)
    struct Ratio {
      double value, change;
    };
    const Sum s = sum_of_ratios([&](int n) {
      const double ratio = x / (a + 1 + n);
      return Ratio{ratio, -ratio / (a + 1 + n)};
    });
    return -x / a * (s.value * (log_x - special::digamma(a + 1)) + s.slope);
  }
  // Q = x^a e^-x / Gamma(a) / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / ...)), from the inside out.
  double value = 1, slope = 0;
  for (int n = 200 + int(4 * std::sqrt(a)); n >= 0; --n) {
    // value = (x + 2n + 1 - a) - (n + 1)(n + 1 - a) / next
    const double top = (n + 1) * (n + 1 - a), next = value, next_slope = slope;
    value = x + 2 * n + 1 - a - top / next;
    slope = -1 + double(n + 1) / next + top * next_slope / (next * next);
  }
  return x * ((log_x - special::digamma(a)) / value - slope / (value * value));
}

// dx/da of a beta variable x of parameters a and b.
inline double beta(double x, double a, double b) {
  const double shift = std::log(x) - special::digamma(a) + special::digamma(a + b);
  struct Ratio {
    double value, change;
  };
  if (x <= (a + 1) / (a + b + 2)) {
    // I = x^a (1 - x)^b / (a B) (1 + (a + b) / (a + 1) x + (a + b)(a + b + 1) / ((a + 1)(a + 2)) x^2 + ...)
    const Sum s = sum_of_ratios([&](int n) {
      const double below = a + 1 + n;
      return Ratio{(a + b + n) / below * x, (1 - b) / (below * below) * x};
    });
    return -x * (1 - x) / a * (s.value * (shift - 1 / a) + s.slope);
  }
  // The same of 1 - x with a and b exchanged.
  const Sum s = sum_of_ratios([&](int n) {
    const double below = b + 1 + n;
    return Ratio{(a + b + n) / below * (1 - x), (1 - x) / below};
  });
  return x * (1 - x) / b * (s.value * shift + s.slope);
}

// Of one share x of a Dirichlet variable: its own movement with its concentration, for what the others lose.
inline double dirichlet(double x, double alpha, double total) {
  if (!(x > 0 && x < 1)) return 0;
  return beta(x, alpha, total - alpha) / (1 - x);
}

}  // namespace facula::pathwise
