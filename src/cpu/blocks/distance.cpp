// Distances from one point to many at once: vectors run over the points, so that no sum changes its order.
#include "cpu/distance.h"
#include "cpu/math.h"

namespace facula {
inline namespace FACULA_ISA {
namespace {

struct SumNorm {
  template <class T> static T step(T sum, T away) { return sum + fabs(away); }
  template <class T> static T finish(T sum) { return sum; }
};
struct EuclideanNorm {
  template <class T> static T step(T sum, T away) { return sum + away * away; }
  template <class T> static T finish(T sum) { return sqrt(sum); }
};
struct LargestNorm {
  template <class T> static T step(T sum, T away) { return maximum(sum, T(fabs(away))); }
  template <class T> static T finish(T sum) { return sum; }
};

template <class N, class T>
void distances(const T* x, const T* ys, int64_t length, int64_t step, int64_t count, T* to) {
  constexpr int64_t kLanes = 32;
  int64_t j = 0;
  for (; j + kLanes <= count; j += kLanes) {
    T sums[kLanes] = {};
    for (int64_t k = 0; k < length; ++k) {
      const T own = x[k];
      const T* const other = ys + k * step + j;
      for (int64_t l = 0; l < kLanes; ++l) sums[l] = N::step(sums[l], own - other[l]);
    }
    for (int64_t l = 0; l < kLanes; ++l) to[j + l] = N::finish(sums[l]);
  }
  for (; j < count; ++j) {
    T sum = 0;
    for (int64_t k = 0; k < length; ++k) sum = N::step(sum, T(x[k] - ys[k * step + j]));
    to[j] = N::finish(sum);
  }
}

template <class T>
constexpr Distances<T> kernels{distances<SumNorm, T>, distances<EuclideanNorm, T>, distances<LargestNorm, T>};
constexpr DistanceKernels table{kernels<float>, kernels<double>};

}  // namespace

extern const DistanceKernels* const distance_kernels;
const DistanceKernels* const distance_kernels = &table;

}  // namespace FACULA_ISA
}  // namespace facula
