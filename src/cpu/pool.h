// Row kernels of pooling.
#pragma once
#include <cstdint>

namespace facula {

// Elements of a row are read every `stride`.
template <class T, class I>
using MaxRowFn = void (*)(const T* from, int64_t n, int64_t stride, I at, T* best, I* index);
template <class T> struct PoolRows {
  // best[i] becomes from[i * stride] where that is larger or NaN, and index[i] its place at + i * stride.
  MaxRowFn<T, int32_t> max;
  MaxRowFn<T, int64_t> max_long;
  void (*sum)(const T* from, int64_t n, int64_t stride, T* sums);
  void (*spread)(const T* g, int64_t n, int64_t stride, T* to);  // to[i * stride] += g[i]
};
struct PoolTable {
  PoolRows<float> f32;
  PoolRows<double> f64;
};
const PoolTable& best_pool_kernels();

}  // namespace facula
