// Operations whose dimensions move back by one when a batch stands in front (`batched` in op/structural.h).
#pragma once
#include "op/structural.h"

namespace facula {

// `op` on inputs with n examples in front. Its members tell what moves: `dim`, `r` (dimensions folded),
// `shape` (of the input). Nothing where the input has no dimension, which counts as one.
template <class Op> std::optional<Op> behind_batch(Op op, const Back& b, int64_t n) {
  bool single = b.g[0] && b.g[0]->ndim == 1;
  if constexpr (requires { op.r; }) {
    single = op.r.input.count == 0;
    op.r = op.r.behind(n);
  }
  if constexpr (requires { op.shape; }) {
    single = op.shape.count == 0;
    op.shape = with_batch(op.shape, n);
  }
  if constexpr (requires { ++op.dim; }) ++op.dim;
  if (single) return {};
  return op;
}

}  // namespace facula
