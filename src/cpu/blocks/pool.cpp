// Row kernels of pooling, for one instruction set. The usual strides are constants, which lets the compiler
// load whole vectors.
#include "cpu/isa.h"
#include "cpu/pool.h"

namespace facula {
inline namespace FACULA_ISA {
namespace {

template <class T, class I, int64_t Stride>
void max_fixed(const T* from, int64_t n, int64_t stride, I at, T* best, I* index) {
  const int64_t s = Stride ? Stride : stride;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) {
    const T v = from[i * s];
    const bool take = (v > best[i]) | (v != v);
    best[i] = take ? v : best[i];
    index[i] = take ? I(at + I(i) * I(s)) : index[i];
  }
}
template <class T, class I> void max(const T* from, int64_t n, int64_t stride, I at, T* best, I* index) {
  if (stride == 1) max_fixed<T, I, 1>(from, n, 1, at, best, index);
  else if (stride == 2) max_fixed<T, I, 2>(from, n, 2, at, best, index);
  else max_fixed<T, I, 0>(from, n, stride, at, best, index);
}

template <class T, int64_t Stride> void sum_fixed(const T* from, int64_t n, int64_t stride, T* sums) {
  const int64_t s = Stride ? Stride : stride;
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) sums[i] += from[i * s];
}
template <class T> void sum(const T* from, int64_t n, int64_t stride, T* sums) {
  if (stride == 1) sum_fixed<T, 1>(from, n, 1, sums);
  else if (stride == 2) sum_fixed<T, 2>(from, n, 2, sums);
  else sum_fixed<T, 0>(from, n, stride, sums);
}

template <class T> void spread(const T* g, int64_t n, int64_t stride, T* to) {
  if (stride == 1) {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) to[i] += g[i];
    return;
  }
  for (int64_t i = 0; i < n; ++i) to[i * stride] += g[i];
}

template <class T> constexpr PoolRows<T> rows() {
  return {max<T, int32_t>, max<T, int64_t>, sum<T>, spread<T>};
}
constexpr PoolTable table{rows<float>(), rows<double>()};

}  // namespace

extern const PoolTable* const pool_kernels;
const PoolTable* const pool_kernels = &table;

}  // namespace FACULA_ISA
}  // namespace facula
