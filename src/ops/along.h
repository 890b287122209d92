// Elements moved along one dimension by an index tensor, on contiguous memory: what gather and scatter come
// down to. x is [outer, size, inner], the index [outer, length, inner].
#pragma once
#include <algorithm>
#include "core/parallel.h"
#include "ops/index.h"

namespace facula {

struct Along {
  int64_t outer, size, length, inner;
};

// Fails with PyTorch's error unless every index is in [0, size). Nothing has been written by then.
void require_in_bounds(const int64_t* index, int64_t n, int64_t size, int dim);

// to[o, l, i] = x[o, index[o, l, i], i], elements of `item` bytes.
void gather_along(const Along& a, int64_t item, const char* x, const int64_t* index, char* to);

// f(place in x, place in the index) for every index, in parallel, and in the order of l for each place in x,
// so that the outcome with equal indices does not depend on the number of threads.
template <class F> void scatter_along(const Along& a, const int64_t* index, F&& f) {
  const int64_t n = a.outer * a.length * a.inner;
  if (a.inner == 1 && a.outer < 8 && a.length >= 1 << 16 && a.size >= 1 << 12) {
    // Few long lines: each piece owns a range of x and looks at every index.
    const int64_t ranges = std::clamp<int64_t>(a.size >> 17, 4, 16), each = (a.size + ranges - 1) / ranges;
    parallel_pieces(a.outer * ranges, [&](int64_t piece) {
      const int64_t o = piece / ranges, from = piece % ranges * each;
      const uint64_t width = uint64_t(std::max<int64_t>(0, std::min(a.size - from, each)));
      for (int64_t l = 0; l < a.length; ++l)
        if (const int64_t to = index[o * a.length + l]; uint64_t(to - from) < width)
          f(o * a.size + to, o * a.length + l);
    });
    return;
  }
  if (a.inner == 1) {
    const int64_t each = std::max<int64_t>(1, 32768 / std::max<int64_t>(a.length, 1));
    parallel_pieces((a.outer + each - 1) / each, [&](int64_t piece) {
      for (int64_t o = piece * each; o < std::min(a.outer, (piece + 1) * each); ++o)
        for (int64_t l = 0; l < a.length; ++l) f(o * a.size + index[o * a.length + l], o * a.length + l);
    });
    return;
  }
  // Strips of columns, narrow enough for their part of x to stay in a cache.
  const int64_t strip =
                    n <= 32768
                        ? a.inner
                        : std::min(a.inner, std::clamp<int64_t>(65536 / std::max(a.size, a.length), 16, 512)),
                strips = (a.inner + strip - 1) / strip,
                each = std::max<int64_t>(1, 32768 / std::max<int64_t>(strip * a.length, 1)),
                units = a.outer * strips;
  parallel_pieces((units + each - 1) / each, [&](int64_t piece) {
    for (int64_t u = piece * each; u < std::min(units, (piece + 1) * each); ++u) {
      const int64_t o = u / strips, first = u % strips * strip, last = std::min(a.inner, first + strip);
      for (int64_t l = 0; l < a.length; ++l) {
        const int64_t at = (o * a.length + l) * a.inner;
        for (int64_t i = first; i < last; ++i) f((o * a.size + index[at + i]) * a.inner + i, at + i);
      }
    }
  });
}

}  // namespace facula
