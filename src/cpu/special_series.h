// What the files of special functions share.
#pragma once
#include "cpu/special.h"

namespace facula::special {

// Sum of c[k] T_k(t), by Clenshaw's recurrence.
template <int N> inline double chebyshev_sum(const double (&c)[N], double t) {
  double b1 = 0, b2 = 0;
  const double twice = t + t;
  for (int k = N - 1; k > 0; --k) {
    const double b0 = twice * b1 - b2 + c[k];
    b2 = b1;
    b1 = b0;
  }
  return t * b1 - b2 + c[0];
}

inline bool is_infinite(double x) { return x - x != 0 && x == x; }
inline constexpr double kInfinity = __builtin_inf(), kNaN = __builtin_nan(""), kPi = 3.14159265358979323846;

}  // namespace facula::special
