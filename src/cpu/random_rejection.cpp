// Samples by rejection: Poisson, gamma, binomial. They follow published algorithms draw by draw, because how
// many numbers are taken, and which, decides everything that comes after.
#include <cmath>
#include <limits>
#include "cpu/random.h"

namespace facula {
namespace {

// Above 10 the transformed rejection PTRS of W. Hoermann (1993), below it products of uniform numbers.
int64_t poisson(Generator& g, double rate) {
  if (!(rate > 0)) return 0;
  if (rate >= 10) {
    const double log_rate = std::log(rate);
    const double b = 0.931 + 2.53 * std::sqrt(rate), a = -0.059 + 0.02483 * b;
    const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4), v_r = 0.9277 - 3.6224 / (b - 2);
    for (;;) {
      const double u = uniform_double(g) - 0.5, v = uniform_double(g);
      const double us = 0.5 - std::fabs(u);
      const double floored = std::floor((2 * a / us + b) * u + rate + 0.43);
      // A rate beyond 2^63 has no integer; what x86 makes of it is the smallest one.
      const bool fits = floored >= -0x1p63 && floored < 0x1p63;
      const int64_t k = fits ? int64_t(floored) : std::numeric_limits<int64_t>::min();
      if (us >= 0.07 && v <= v_r) return k;
      if (k < 0 || (us < 0.013 && v > us)) {
        if (rate >= 0x1p63) return k;  // would be rejected for ever
        continue;
      }
      if (std::log(v) + std::log(inverse_alpha) - std::log(a / (us * us) + b) <=
          -rate + double(k) * log_rate - std::lgamma(double(k + 1)))
        return k;
    }
  }
  const double limit = std::exp(-rate);
  double product = 1;
  for (int64_t k = 0;; ++k) {
    product *= uniform_double(g);
    if (!(product > limit)) return k;
  }
}

// The difference between log(k!) and Stirling's formula.
double stirling_tail(double k) {
  static constexpr double small[] = {
      0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509, 0.0166446911898211,
      0.0138761288230707, 0.0118967099458917, 0.0104112652619720, 0.00925546218271273, 0.00833056343336287};
  if (k <= 9) return small[int(k)];
  const double next = k + 1, square = next * next;
  return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / next;
}

// How many geometric waiting times fit into `count`.
double binomial_by_waiting(Generator& g, double count, double p) {
  const double log_q = std::log1p(-p);
  double waited = 0, successes = 0;
  for (;;) {
    waited += std::ceil(std::log(uniform_double(g)) / log_q);
    if (waited > count) return successes;
    ++successes;
  }
}

// The transformed rejection BTRS of W. Hoermann (1993).
double binomial_by_rejection(Generator& g, double count, double p) {
  const double deviation = std::sqrt(count * p * (1 - p));
  const double b = 1.15 + 2.53 * deviation, a = -0.0873 + 0.0248 * b + 0.01 * p, c = count * p + 0.5;
  const double v_r = 0.92 - 4.2 / b, r = p / (1 - p), alpha = (2.83 + 5.1 / b) * deviation;
  const double m = std::floor((count + 1) * p);
  for (;;) {
    const double u = uniform_double(g) - 0.5;
    double v = uniform_double(g);
    const double us = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / us + b) * u + c);
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || k > count) continue;
    v = std::log(v * alpha / (a / (us * us) + b));
    const double bound = (m + 0.5) * std::log((m + 1) / (r * (count - m + 1))) +
                         (count + 1) * std::log((count - m + 1) / (count - k + 1)) +
                         (k + 0.5) * std::log(r * (count - k + 1) / (k + 1)) + stirling_tail(m) +
                         stirling_tail(count - m) - stirling_tail(k) - stirling_tail(count - k);
    if (v <= bound) return k;
  }
}

}  // namespace

void fill_poisson(Generator& g, DType t, void* data, const void* rates, int64_t n) {
  auto fill = [&]<class T>(T) {
    using Wide = std::conditional_t<is_half_type<T>, float, T>;
    const T* const rate = static_cast<const T*>(rates);
    T* const out = static_cast<T*>(data);
    for (int64_t i = 0; i < n; ++i) out[i] = T(Wide(poisson(g, double(Wide(rate[i])))));
  };
  switch (t) {
    case DType::Float16: return fill(Float16{});
    case DType::BFloat16: return fill(BFloat16{});
    case DType::Float32: return fill(float{});
    default: return fill(double{});
  }
}

// G. Marsaglia, W. W. Tsang (2000), A simple method for generating gamma variables; shapes below 1 are raised
// by 1.
double sample_gamma(Generator& g, double shape) {
  double scale = 1;
  if (shape < 1) {
    if (shape == 0) return 0;
    scale = std::pow(1 - uniform_double(g), 1 / shape);
    shape += 1;
  }
  const double d = shape - double(1.0f / 3),
               c = 1 / std::sqrt(9 * d);            // a third in single precision, as PyTorch has it
  if (!(d > 0)) return shape != shape ? shape : 0;  // NaN and negative shapes: no sample
  for (;;) {
    double x, y;
    do {
      x = standard_normal(g);
      y = 1 + c * x;
    } while (y <= 0);
    const double v = y * y * y, u = 1 - uniform_double(g), xx = x * x;
    if (u < 1 - 0.0331 * xx * xx || std::log(u) < 0.5 * xx + d * (1 - v + std::log(v))) return scale * d * v;
  }
}

double sample_binomial(Generator& g, double count, double p) {
  if (count != count || p != p) return std::numeric_limits<double>::quiet_NaN();
  if (count <= 0 || p <= 0) return 0;
  if (p >= 1) return count;
  const double rarer = p <= 0.5 ? p : 1 - p;
  const double drawn =
      count * rarer >= 10 ? binomial_by_rejection(g, count, rarer) : binomial_by_waiting(g, count, rarer);
  return p <= 0.5 ? drawn : count - drawn;
}

}  // namespace facula
