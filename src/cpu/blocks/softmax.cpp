// softmax and log_softmax of dense runs. Sums go over a fixed number of lanes, so that the result does not
// depend on the width of the machine's vectors.
#include "cpu/runs.h"
#include "cpu/math.h"
#include "cpu/softmax.h"

namespace facula {
inline namespace FACULA_ISA {
namespace {

constexpr int64_t kLanes = 16;

// What is left of a row after whole vectors, with `pad` behind it: a vector costs no more than one element.
template <class T> void rest_of(const T* x, int64_t n, T pad, T* to) {
  for (int64_t l = 0; l < kLanes; ++l) to[l] = pad;
  for (int64_t l = 0; l < n; ++l) to[l] = x[l];
}

template <class T> T total(const T* lanes) {
  T sums[kLanes];
  for (int64_t l = 0; l < kLanes; ++l) sums[l] = lanes[l];
  for (int64_t half = kLanes / 2; half; half /= 2)
    for (int64_t l = 0; l < half; ++l) sums[l] += sums[l + half];
  return sums[0];
}

// One run that lies in one piece.
template <class T> void row(const T* x, T* y, int64_t n, bool log_of) {
  const T top = furthest<true>(x, n);
  T lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int64_t l = 0; l < kLanes; ++l) {
      const T e = exp(x[i + l] - top);
      y[i + l] = e;
      lanes[l] += e;
    }
  if (i < n) {
    T rest[kLanes];
    rest_of(x + i, n - i, -T(1) / T(0), rest);
    for (int64_t l = 0; l < kLanes; ++l) {
      rest[l] = exp(rest[l] - top);
      lanes[l] += rest[l];
    }
    for (int64_t l = 0; i + l < n; ++l) y[i + l] = rest[l];
  }
  const T sum = total(lanes);
  if (log_of) {
    const T shift = log(sum);
    for (int64_t j = 0; j < n; ++j) y[j] = x[j] - top - shift;
  } else {
    for (int64_t j = 0; j < n; ++j) y[j] = y[j] / sum;
  }
}

// Runs side by side: the same, with a vector of runs at each element.
template <class T> void columns(const T* x, T* y, int64_t count, int64_t n, int64_t step, bool log_of) {
  constexpr int64_t kWidth = 64;
  T top[kWidth], sum[kWidth];
  for (int64_t from = 0; from < count; from += kWidth, x += kWidth, y += kWidth) {
    const int64_t width = count - from < kWidth ? count - from : kWidth;
    for (int64_t j = 0; j < width; ++j) {
      top[j] = x[j];
      sum[j] = 0;
    }
    for (int64_t i = 1; i < n; ++i)
      for (int64_t j = 0; j < width; ++j) top[j] = maximum(top[j], x[i * step + j]);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < width; ++j) {
        const T e = exp(x[i * step + j] - top[j]);
        y[i * step + j] = e;
        sum[j] += e;
      }
    if (log_of)
      for (int64_t j = 0; j < width; ++j) sum[j] = log(sum[j]);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < width; ++j) {
        const int64_t k = i * step + j;
        y[k] = log_of ? x[k] - top[j] - sum[j] : y[k] / sum[j];
      }
  }
}

template <class T> void softmax(const T* x, T* y, int64_t count, int64_t n, int64_t step, bool log_of) {
  if (n == 0) return;
  if (step != 1) return columns(x, y, count, n, step, log_of);
  for (int64_t i = 0; i < count; ++i) row(x + i * n, y + i * n, n, log_of);
}

constexpr SoftmaxKernels table{softmax<float>, softmax<double>};

}  // namespace

extern const SoftmaxKernels* const softmax_kernels;
const SoftmaxKernels* const softmax_kernels = &table;

}  // namespace FACULA_ISA
}  // namespace facula
