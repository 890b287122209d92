// Gathers and short sums of convolutions, for one instruction set.
#include <cstring>
#include "cpu/conv.h"
#include "cpu/isa.h"
#include "cpu/vectors.h"

namespace facula {
inline namespace FACULA_ISA {
namespace {

template <class T> constexpr int64_t kLanes = kVectorLanes<T>;

#define INLINE [[gnu::always_inline]] inline

template <class T> void gather(const T* image, const T* end, const int64_t* offsets, int64_t depth,
                               const ConvSegment* segments, int count, T* to, int64_t pitch) {
  constexpr int64_t L = kLanes<T>;
  for (int64_t k = 0; k < depth; ++k, to += pitch)
    for (int s = 0; s < count; ++s) {
      const T* from = image + offsets[k] + segments[s].from;
      T* out = to + segments[s].to;
      const int64_t n = segments[s].count;
      if (from + (n + L - 1) / L * L <= end) {
        for (int64_t i = 0; i < n; i += L) store(out + i, load(from + i));
      } else {
        for (int64_t i = 0; i < n; ++i) out[i] = from[i];
      }
    }
}

template <class T, int N>
INLINE void row_block(const T* x, const int64_t* offsets, const T* w, int64_t depth, T bias, bool add, T* y) {
  constexpr int64_t L = kLanes<T>;
  Vec<T> sums[N];
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) sums[j] = (add ? load(y + j * L) : Vec<T>{}) + bias;
  for (int64_t k = 0; k < depth; ++k) {
    const T* from = x + offsets[k];
    const T s = w[k];
#pragma GCC unroll 8
    for (int j = 0; j < N; ++j) sums[j] += load(from + j * L) * s;
  }
#pragma GCC unroll 8
  for (int j = 0; j < N; ++j) store(y + j * L, sums[j]);
}

template <class T>
void row(const T* x, const int64_t* offsets, const T* w, int64_t depth, T bias, bool add, T* y, int64_t n) {
  constexpr int64_t L = kLanes<T>;
  for (; n >= 4 * L; n -= 4 * L, x += 4 * L, y += 4 * L) row_block<T, 4>(x, offsets, w, depth, bias, add, y);
  for (; n >= L; n -= L, x += L, y += L) row_block<T, 1>(x, offsets, w, depth, bias, add, y);
  if (n == 0) return;
  T sums[L];
  for (int64_t i = 0; i < n; ++i) sums[i] = (add ? y[i] : T(0)) + bias;
  for (int64_t k = 0; k < depth; ++k)
    for (int64_t i = 0; i < n; ++i) sums[i] += x[offsets[k] + i] * w[k];
  for (int64_t i = 0; i < n; ++i) y[i] = sums[i];
}

template <class T>
void dots(const T* x, const int64_t* offsets, int64_t depth, const T* y, int64_t n, T* sums) {
  constexpr int64_t L = kLanes<T>;
  for (int64_t k = 0; k < depth; ++k) {
    const T* from = x + offsets[k];
    Vec<T> v{};
    int64_t i = 0;
    for (; i + L <= n; i += L) v += load(from + i) * load(y + i);
    T total = 0;
    for (; i < n; ++i) total += from[i] * y[i];
    for (int64_t l = 0; l < L; ++l) total += v[l];
    sums[k] += total;
  }
}

constexpr ConvTable table{{gather<float>, row<float>, dots<float>},
                          {gather<double>, row<double>, dots<double>}};
#undef INLINE

}  // namespace

extern const ConvTable* const conv_kernels;
const ConvTable* const conv_kernels = &table;

}  // namespace FACULA_ISA
}  // namespace facula
