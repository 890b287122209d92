// The kernels of cpu/order.h, for one instruction set.
#include "cpu/order.h"

namespace facula {
inline namespace FACULA_ISA {
namespace {

template <int64_t Width> void ranks_of(const uint64_t* key, int64_t n, uint64_t* rank) {
  uint64_t mine[Width], smaller[Width];
  for (int64_t i = 0; i < Width; ++i) mine[i] = key[i];
  for (int64_t i = 0; i < Width; ++i) smaller[i] = 0;
  for (int64_t j = 0; j < n; ++j) {
    const uint64_t other = key[j];
    for (int64_t i = 0; i < Width; ++i) smaller[i] += other < mine[i];
  }
  for (int64_t i = 0; i < Width; ++i) rank[i] = smaller[i];
}

void ranks(uint64_t* key, int64_t n, uint64_t* rank) {
  for (int64_t i = n; i < kShortLine; ++i) key[i] = ~uint64_t(0);
  if (n <= 8) ranks_of<8>(key, n, rank);
  else if (n <= 16) ranks_of<16>(key, n, rank);
  else if (n <= 32) ranks_of<32>(key, n, rank);
  else ranks_of<kShortLine>(key, n, rank);
}

template <class T> auto comparable(T v) {
  if constexpr (is_half_type<T>) return float(v);
  else return v;
}

template <bool Max, class T>
void extreme_rows(const void* from, int64_t stride, int64_t n, int64_t width, void* to, uint32_t* best) {
  const T* x = static_cast<const T*>(from);
  T* top = static_cast<T*>(to);
  for (int64_t c = 0; c < width; ++c) top[c] = x[c];
  for (int64_t c = 0; c < width; ++c) best[c] = 0;
  for (int64_t i = 1; i < n; ++i) {
    const T* row = x + i * stride;
#pragma GCC ivdep
    for (int64_t c = 0; c < width; ++c) {
      const auto v = comparable(row[c]), t = comparable(top[c]);
      const bool take = (t == t) & ((v != v) | (Max ? v > t : v < t));
      top[c] = take ? row[c] : top[c];
      best[c] = take ? uint32_t(i) : best[c];
    }
  }
}

constexpr OrderKernels make_kernels() {
  OrderKernels k{};
  k.ranks = ranks;
#define X(enumerator, Type, ...)                                       \
  if constexpr (!is_complex_type<Type>) {                              \
    k.extremes[int(DType::enumerator)][0] = extreme_rows<false, Type>; \
    k.extremes[int(DType::enumerator)][1] = extreme_rows<true, Type>;  \
  }
  FACULA_DTYPES(X)
#undef X
  return k;
}
constexpr OrderKernels kernels = make_kernels();

}  // namespace

extern const OrderKernels* const order_kernels;
const OrderKernels* const order_kernels = &kernels;

}  // namespace FACULA_ISA
}  // namespace facula
