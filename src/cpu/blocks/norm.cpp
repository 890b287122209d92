// The kernels of cpu/norm.h, for one instruction set.
#include "cpu/norm.h"
#include "cpu/math.h"

namespace facula {
inline namespace FACULA_ISA {
namespace {

constexpr int64_t kLanes = 32, kChunk = 4096;

template <class T> double total(const T* lanes) {
  T sums[kLanes];
  for (int64_t l = 0; l < kLanes; ++l) sums[l] = lanes[l];
  for (int64_t half = kLanes / 2; half; half /= 2)
    for (int64_t l = 0; l < half; ++l) sums[l] += sums[l + half];
  return double(sums[0]);
}

// The sum of f(i) for i in [0, n).
template <class T, class F> [[gnu::always_inline]] inline double sum_of(int64_t n, F f) {
  if (n < kLanes / 2) {
    T few = 0;
    for (int64_t i = 0; i < n; ++i) few += f(i);
    return double(few);
  }
  double all = 0;
  for (int64_t from = 0; from < n; from += kChunk) {
    const int64_t end = n - from < kChunk ? n : from + kChunk;
    T lanes[kLanes] = {};
    int64_t i = from;
    for (; i + kLanes <= end; i += kLanes)
      for (int64_t l = 0; l < kLanes; ++l) lanes[l] += f(i + l);
    for (int64_t l = 0; i < end; ++i, ++l) lanes[l] += f(i);
    all += total(lanes);
  }
  return all;
}

// Two sums at once.
template <class T, class F, class G>
[[gnu::always_inline]] inline void sums_of(int64_t n, double* sums, F f, G g) {
  if (n < kLanes / 2) {
    T first = 0, second = 0;
    for (int64_t i = 0; i < n; ++i) {
      const T v = f(i);
      first += v;
      second += v * g(i);
    }
    sums[0] += double(first);
    sums[1] += double(second);
    return;
  }
  for (int64_t from = 0; from < n; from += kChunk) {
    const int64_t end = n - from < kChunk ? n : from + kChunk;
    T first[kLanes] = {}, second[kLanes] = {};
    int64_t i = from;
    for (; i + kLanes <= end; i += kLanes)
      for (int64_t l = 0; l < kLanes; ++l) {
        const T v = f(i + l);
        first[l] += v;
        second[l] += v * g(i + l);
      }
    for (int64_t l = 0; i < end; ++i, ++l) {
      const T v = f(i);
      first[l] += v;
      second[l] += v * g(i);
    }
    sums[0] += total(first);
    sums[1] += total(second);
  }
}

template <class T> double sum(const T* x, int64_t n) {
  return sum_of<T>(n, [=](int64_t i) { return x[i]; });
}
template <class T> double deviation(const T* x, int64_t n, T mean) {
  return sum_of<T>(n, [=](int64_t i) { return (x[i] - mean) * (x[i] - mean); });
}
template <class T> void scale(const T* x, T* y, int64_t n, T factor, T shift) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] * factor + shift;
}
template <class T> void scale_each(const T* x, T* y, int64_t n, T mean, T rstd, const T* w, const T* b) {
  if (w && b)
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * rstd * w[i] + b[i];
  else if (w)
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * rstd * w[i];
  else if (b)
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * rstd + b[i];
  else
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] - mean) * rstd;
}
template <class T> void pair(const T* g, const T* x, int64_t n, T mean, double* sums) {
  sums_of<T>(
      n, sums, [=](int64_t i) { return g[i]; }, [=](int64_t i) { return x[i] - mean; });
}
template <class T> void pair_each(const T* g, const T* x, const T* w, int64_t n, T mean, double* sums) {
  if (!w) return pair(g, x, n, mean, sums);
  sums_of<T>(
      n, sums, [=](int64_t i) { return g[i] * w[i]; }, [=](int64_t i) { return x[i] - mean; });
}
template <class T> void combine(const T* g, const T* x, T* d, int64_t n, T a, T b, T mean, T c) {
  for (int64_t i = 0; i < n; ++i) d[i] = a * g[i] + (b * (x[i] - mean) + c);
}
template <class T>
void combine_each(const T* g, const T* x, const T* w, T* d, int64_t n, T a, T b, T mean, T c) {
  if (!w) return combine(g, x, d, n, a, b, mean, c);
  for (int64_t i = 0; i < n; ++i) d[i] = a * (g[i] * w[i]) + (b * (x[i] - mean) + c);
}
template <class T> void weights_each(const T* g, const T* x, int64_t n, T mean, T rstd, T* dw, T* db) {
  for (int64_t i = 0; i < n; ++i) {
    dw[i] += g[i] * ((x[i] - mean) * rstd);
    db[i] += g[i];
  }
}

template <class T> void column_sum(const T* x, int64_t rows, int64_t n, T* sums) {
  for (int64_t r = 0; r < rows; ++r, x += n)
    for (int64_t i = 0; i < n; ++i) sums[i] += x[i];
}
template <class T> void column_deviation(const T* x, int64_t rows, int64_t n, const T* mean, T* sums) {
  for (int64_t r = 0; r < rows; ++r, x += n)
    for (int64_t i = 0; i < n; ++i) sums[i] += (x[i] - mean[i]) * (x[i] - mean[i]);
}
template <class T>
void column_scale(const T* x, T* y, int64_t rows, int64_t n, const T* factor, const T* shift) {
  for (int64_t r = 0; r < rows; ++r, x += n, y += n)
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] * factor[i] + shift[i];
}
template <class T>
void column_pair(const T* g, const T* x, int64_t rows, int64_t n, const T* mean, T* sum_g, T* sum_gx) {
  for (int64_t r = 0; r < rows; ++r, x += n, g += n)
    for (int64_t i = 0; i < n; ++i) {
      sum_g[i] += g[i];
      sum_gx[i] += g[i] * (x[i] - mean[i]);
    }
}
template <class T> void column_combine(const T* g, const T* x, T* d, int64_t rows, int64_t n, const T* a,
                                       const T* b, const T* c) {
  for (int64_t r = 0; r < rows; ++r, x += n, g += n, d += n)
    for (int64_t i = 0; i < n; ++i) d[i] = a[i] * g[i] + (b[i] * x[i] + c[i]);
}

template <class T> constexpr NormKernelsOf<T> of{sum<T>,
                                                 deviation<T>,
                                                 scale<T>,
                                                 scale_each<T>,
                                                 pair<T>,
                                                 pair_each<T>,
                                                 combine<T>,
                                                 combine_each<T>,
                                                 weights_each<T>,
                                                 column_sum<T>,
                                                 column_deviation<T>,
                                                 column_scale<T>,
                                                 column_pair<T>,
                                                 column_combine<T>};
constexpr NormKernels table{of<float>, of<double>};

}  // namespace

extern const NormKernels* const norm_kernels;
const NormKernels* const norm_kernels = &table;

}  // namespace FACULA_ISA
}  // namespace facula
