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

  // Lines whose elements lie apart are better handled several at a time: neighbours share cache lines.
  // f(scratch, offset of the first element of the first line, number of that line, how many lines, at most
  // `together`); scratch is what make() returns, once for a run of calls.
  template <class Make, class F> void groups(int64_t together, Make&& make, F&& f) const {
    const int64_t width = std::max<int64_t>(1, std::min(together, inner)),
                  per_outer = (inner + width - 1) / width, all = outer * per_outer,
                  per_piece = std::max<int64_t>(1, 32768 / std::max<int64_t>(width * length, 1));
    parallel_pieces((all + per_piece - 1) / per_piece, [&](int64_t piece) {
      auto scratch = make();
      for (int64_t g = piece * per_piece; g < std::min(all, (piece + 1) * per_piece); ++g) {
        const int64_t o = g / per_outer, c = g % per_outer * width;
        f(scratch, o * length * inner + c, o * inner + c, std::min(width, inner - c));
      }
    });
  }
  // Neighbouring lines to rows that follow each other, and back; `n` elements of each line.
  template <class T> void gather(const T* from, int64_t lines, T* rows) const {
    for (int64_t i = 0; i < length; ++i)
      for (int64_t g = 0; g < lines; ++g) rows[g * length + i] = from[i * inner + g];
  }
  template <class T> void scatter(const T* rows, int64_t lines, int64_t n, T* to) const {
    for (int64_t i = 0; i < n; ++i)
      for (int64_t g = 0; g < lines; ++g) to[i * inner + g] = rows[g * n + i];
  }
};

// Order of values: NaN above everything.
template <class T> bool ranks_before(T a, T b) {
  if constexpr (std::is_integral_v<T>) return a < b;
  else return a < b || (b != b && !(a != a));
}

// The shape after one dimension has been folded.
inline Dims without(const Dims& shape, int dim, bool keepdim) {
  Dims s = shape;
  if (s.count == 0) return s;
  if (keepdim) s[dim] = 1;
  else s.erase(dim);
  return s;
}

// The gradient of values taken at `indices` along dim.
inline Tensor picked_gradient(const Tensor& g, const Tensor& indices, const Dims& shape, int64_t dim,
                              bool keepdim) {
  if (!g || shape.count == 0) return g;
  const Tensor wide = keepdim ? g : unsqueeze(g, dim), at = keepdim ? indices : unsqueeze(indices, dim);
  return scatter_add(zeros(shape, g->dtype, g->device), dim, at, wide);
}

}  // namespace facula
