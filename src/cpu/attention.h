// Rows of attention scores: each call sees one row. `n` scores count, those from n to `width` are masked.
#pragma once
#include <cstdint>

namespace facula {

template <class T> struct AttentionKernelsOf {
  // s = softmax(s scale + mask); returns the logarithm of the sum, or +inf for a row of zeros that is masked
  // whole. mask: null, or n numbers `mask_step` apart.
  T (*probabilities)(T* s, int64_t n, int64_t width, T scale, const T* mask, int64_t mask_step);
  void (*again)(T* s, int64_t n, int64_t width, T scale, const T* mask, int64_t mask_step, T log_sum);
  void (*slope)(T* dp, const T* p, int64_t n, T shift, T scale);  // dp = p (dp - shift) scale
};
struct AttentionKernels {
  AttentionKernelsOf<float> f32;
  AttentionKernelsOf<double> f64;
  template <class T> const AttentionKernelsOf<T>& of() const {
    if constexpr (sizeof(T) == 4) return f32;
    else return f64;
  }
};
const AttentionKernels& best_attention_kernels();

}  // namespace facula
