// The largest or smallest element of a dense run. Written in vectors of 64 bytes, which the compiler cuts
// where the machine's are shorter: it does not find them by itself in a choice that lets NaN win.
#pragma once
#include <cstdint>
#include <cstring>

namespace facula {
inline namespace FACULA_ISA {
namespace {

template <class T, int Bytes> struct RunOf { typedef T type __attribute__((vector_size(Bytes))); };

template <bool Max, class V> [[gnu::always_inline]] inline V further(V a, V b) {  // NaN wins
  const V one = Max ? (a > b ? a : b) : (a < b ? a : b);
  return a != a ? a : one;
}
template <bool Max, class T, int Bytes>
[[gnu::always_inline]] inline T furthest_lane(const typename RunOf<T, Bytes>::type& v) {
  if constexpr (Bytes == 2 * sizeof(T)) {
    return further<Max, T>(v[0], v[1]);
  } else {
    typename RunOf<T, Bytes / 2>::type halves[2];
    std::memcpy(halves, &v, sizeof v);
    return furthest_lane<Max, T, Bytes / 2>(further<Max>(halves[0], halves[1]));
  }
}

// n >= 1
template <bool Max, class T> T furthest(const T* x, int64_t n) {
  using V = typename RunOf<T, 64>::type;
  constexpr int64_t L = 64 / int64_t(sizeof(T));
  if (n < L) {
    T found = x[0];
    for (int64_t i = 1; i < n; ++i) found = further<Max, T>(found, x[i]);
    return found;
  }
  auto load = [](const T* p) [[gnu::always_inline]] {
    V v;
    std::memcpy(&v, p, sizeof v);
    return v;
  };
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
  return furthest_lane<Max, T, 64>(found);
}

}  // namespace
}  // namespace FACULA_ISA
}  // namespace facula
