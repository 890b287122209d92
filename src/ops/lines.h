// A contiguous tensor seen as lines along one dimension.
#pragma once
#include <algorithm>
#include "core/parallel.h"
#include "ops/functions.h"

namespace facula {

struct Lines {
  int64_t outer = 1, length = 1, inner = 1;
  Lines(const Dims& shape, int dim) {
    for (int d = 0; d < shape.count; ++d) (d < dim ? outer : d > dim ? inner : length) *= shape[d];
  }
  int64_t count() const { return outer * inner; }

  // f(offset of the first element, step between elements) for each line, in parallel when there is much to
  // do. f may not allocate through core/allocator.h.
  template <class F> void each(F&& f) const {
    const int64_t lines = count(), per_piece = std::max<int64_t>(1, 32768 / std::max<int64_t>(length, 1));
    parallel_pieces((lines + per_piece - 1) / per_piece, [&](int64_t piece) {
      for (int64_t l = piece * per_piece; l < std::min(lines, (piece + 1) * per_piece); ++l)
        f(l / inner * length * inner + l % inner, inner);
    });
  }
};

// Order of values: NaN above everything.
template <class T> bool ranks_before(T a, T b) {
  if constexpr (std::is_integral_v<T>) return a < b;
  else return a < b || (b != b && !(a != a));
}

}  // namespace facula
