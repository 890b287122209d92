// The largest, the smallest and the sum of a dense run of floats or doubles, written in the machine's
// vectors: the compiler does not find them by itself in a choice that lets NaN win, and keeps lanes in
// memory.
#pragma once
#include <cstdint>
#include <cstring>
#include <type_traits>
#include "cpu/vectors.h"

namespace facula {
inline namespace FACULA_ISA {
namespace {

template <class T> constexpr int64_t kRunLanes = kVectorLanes<T>;

template <bool Max, class V> [[gnu::always_inline]] inline V further(V a, V b) {  // NaN wins
  const V one = Max ? (a > b ? a : b) : (a < b ? a : b);
  return a != a ? a : one;
}

template <bool Max, class T, int64_t Half> [[gnu::always_inline]] inline T furthest_lane(Vec<T> v) {
  Vec<std::conditional_t<sizeof(T) == 4, int32_t, int64_t>> from{};  // the lane that lies Half further on
#pragma GCC unroll 16
  for (int64_t l = 0; l < kRunLanes<T>; ++l) from[l] = (l + Half) % kRunLanes<T>;
  v = further<Max>(v, __builtin_shuffle(v, from));
  if constexpr (Half > 1) return furthest_lane<Max, T, Half / 2>(v);
  else return v[0];
}

// n >= 1
template <bool Max, class T> T furthest(const T* x, int64_t n) {
  using V = Vec<T>;
  constexpr int64_t L = kRunLanes<T>;
  if (n < L) {
    T found = x[0];
    for (int64_t i = 1; i < n; ++i) found = further<Max, T>(found, x[i]);
    return found;
  }
  V found = load(x + n - L);  // overlaps what comes before: that changes nothing
  int64_t i = 0;
  if (n >= 4 * L) {
    V four[4] = {load(x), load(x + L), load(x + 2 * L), load(x + 3 * L)};
    for (i = 4 * L; i + 4 * L <= n; i += 4 * L)
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) four[k] = further<Max>(four[k], load(x + i + k * L));
    found = further<Max>(found, further<Max>(further<Max>(four[0], four[1]), further<Max>(four[2], four[3])));
  }
  for (; i + L <= n; i += L) found = further<Max>(found, load(x + i));
  return furthest_lane<Max, T, L / 2>(found);
}

template <class T>
constexpr int64_t kRun = 64 / int64_t(sizeof(T));  // lanes of a sum, whatever the machine's
template <class T> struct Keep {                   // zeros, then ones
  alignas(64) T v[2 * kRun<T>];
  constexpr Keep() : v{} {
    for (int64_t l = kRun<T>; l < 2 * kRun<T>; ++l) v[l] = T(1);
  }
};
template <class T> constexpr Keep<T> kKeep;

// The sum of f(x), n >= kRun; f takes and gives a vector. Every 16 steps partial sums are added into a second
// set, so that the error of long sums grows slowly; the last ones are added as doubles.
template <class T, class F> double sum_of_run(const T* x, int64_t n, F f) {
  using V = Vec<T>;
  constexpr int64_t L = kRunLanes<T>, R = kRun<T>;
  constexpr int each = 64 / kVectorBytes;  // vectors of 64 bytes
  V sums[4 * each] = {};
  int64_t i = 0;
  for (; i + 64 * R <= n; i += 64 * R) {
    V low[4 * each] = {};
    for (int64_t j = 0; j < 64 * R; j += 4 * R)
#pragma GCC unroll 16
      for (int k = 0; k < 4 * each; ++k) low[k] += f(load(x + i + j + k * L));
#pragma GCC unroll 16
    for (int k = 0; k < 4 * each; ++k) sums[k] += low[k];
  }
  for (; i + 4 * R <= n; i += 4 * R)
#pragma GCC unroll 16
    for (int k = 0; k < 4 * each; ++k) sums[k] += f(load(x + i + k * L));
  for (; i + R <= n; i += R)
#pragma GCC unroll 4
    for (int k = 0; k < each; ++k) sums[k] += f(load(x + i + k * L));
  if (i < n)  // 64 bytes that end with the run; what was there before counts as zero
#pragma GCC unroll 4
    for (int k = 0; k < each; ++k) {
      const V v = f(load(x + n - R + k * L));
      sums[each + k] += load(kKeep<T>.v + (n - i) + k * L) != T(0) ? v : V{};
    }
  T lanes[R] __attribute__((aligned(64)));
#pragma GCC unroll 4
  for (int k = 0; k < each; ++k) {
    const V v = (sums[k] + sums[each + k]) + (sums[2 * each + k] + sums[3 * each + k]);
    std::memcpy(lanes + k * L, &v, sizeof v);
  }
  double halves[R / 2];
  for (int64_t l = 0; l < R / 2; ++l) halves[l] = double(lanes[l]) + double(lanes[l + R / 2]);
  for (int64_t half = R / 4; half; half /= 2)
    for (int64_t l = 0; l < half; ++l) halves[l] += halves[l + half];
  return halves[0];
}

}  // namespace
}  // namespace FACULA_ISA
}  // namespace facula
