// The loops of along.h that are compiled once.
#include "ops/along.h"
#include <algorithm>
#include <atomic>

namespace facula {

void require_in_bounds(const int64_t* index, int64_t n, int64_t size, int dim) {
  constexpr int64_t kEach = 1 << 16;
  std::atomic<bool> inside{true};
  parallel_pieces((n + kEach - 1) / kEach, [&](int64_t piece) {
    bool bad = false;
    for (int64_t i = piece * kEach; i < std::min(n, (piece + 1) * kEach); ++i)
      bad |= uint64_t(index[i]) >= uint64_t(size);
    if (bad) inside = false;
  });
  if (inside) return;
  for (int64_t i = 0; i < n; ++i)
    if (index[i] < 0 || index[i] >= size)
      fail("index ", index[i], " is out of bounds for dimension ", dim, " with size ", size);
}

namespace {

struct Pair {
  uint64_t halves[2];
};

template <class U> void gather_typed(const Along& a, const U* x, const int64_t* index, U* to) {
  if (a.inner == 1) {
    const int64_t rows = a.outer * a.length, each = 32768;
    parallel_pieces((rows + each - 1) / each, [&](int64_t piece) {
      const int64_t end = std::min(rows, (piece + 1) * each);
      for (int64_t i = piece * each; i < end;) {
        const int64_t o = i / a.length, stop = std::min(end, (o + 1) * a.length);
        const U* row = x + o * a.size;
        for (; i < stop; ++i) to[i] = row[index[i]];
      }
    });
    return;
  }
  scatter_along(a, index, [&](int64_t from, int64_t at) { to[at] = x[from]; });
}

}  // namespace

void gather_along(const Along& a, int64_t item, const char* x, const int64_t* index, char* to) {
  auto as = [&](auto unit) {
    using U = decltype(unit);
    gather_typed(a, reinterpret_cast<const U*>(x), index, reinterpret_cast<U*>(to));
  };
  switch (item) {
    case 1: return as(uint8_t{});
    case 2: return as(uint16_t{});
    case 4: return as(uint32_t{});
    case 8: return as(uint64_t{});
    default: return as(Pair{});
  }
}

}  // namespace facula
