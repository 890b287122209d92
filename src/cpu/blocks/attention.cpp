// The kernels of cpu/attention.h, for one instruction set.
#include "cpu/attention.h"
#include "cpu/runs.h"
#include "cpu/math.h"

namespace facula {
inline namespace FACULA_ISA {
namespace {

constexpr int64_t kLanes = 32;

template <class T> T infinity() { return T(1) / T(0); }

template <class T> void scaled(T* s, int64_t n, T scale, const T* mask, int64_t mask_step) {
  if (!mask)
    for (int64_t i = 0; i < n; ++i) s[i] *= scale;
  else if (mask_step == 1)
    for (int64_t i = 0; i < n; ++i) s[i] = s[i] * scale + mask[i];
  else
    for (int64_t i = 0; i < n; ++i) s[i] = s[i] * scale + mask[i * mask_step];
}

template <class T> T probabilities(T* s, int64_t n, int64_t width, T scale, const T* mask, int64_t step) {
  scaled(s, n, scale, mask, step);
  for (int64_t i = n; i < width; ++i) s[i] = 0;
  const T top = n ? furthest<true>(s, n) : -infinity<T>();
  if (top == -infinity<T>()) {
    for (int64_t i = 0; i < n; ++i) s[i] = 0;
    return infinity<T>();
  }
  T lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int64_t l = 0; l < kLanes; ++l) {
      const T e = exp(s[i + l] - top);
      s[i + l] = e;
      lanes[l] += e;
    }
  for (int64_t l = 0; i < n; ++i, ++l) lanes[l] += s[i] = exp(s[i] - top);
  for (int64_t half = kLanes / 2; half; half /= 2)
    for (int64_t l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  const T factor = T(1) / lanes[0];
  for (int64_t j = 0; j < n; ++j) s[j] *= factor;
  return top + log(lanes[0]);
}

template <class T>
void again(T* s, int64_t n, int64_t width, T scale, const T* mask, int64_t step, T log_sum) {
  scaled(s, n, scale, mask, step);
  for (int64_t i = 0; i < n; ++i) s[i] = exp(s[i] - log_sum);
  for (int64_t i = n; i < width; ++i) s[i] = 0;
}

template <class T> void slope(T* dp, const T* p, int64_t n, T shift, T scale) {
  for (int64_t i = 0; i < n; ++i) dp[i] = p[i] * (dp[i] - shift) * scale;
}

template <class T> constexpr AttentionKernelsOf<T> of{probabilities<T>, again<T>, slope<T>};
constexpr AttentionKernels table{of<float>, of<double>};

}  // namespace

extern const AttentionKernels* const attention_kernels;
const AttentionKernels* const attention_kernels = &table;

}  // namespace FACULA_ISA
}  // namespace facula
