// Kernels of ordering: the ranks of a few keys; extremes with their places.
#pragma once
#include "core/dtype.h"

namespace facula {

inline constexpr int64_t kShortLine = 64;  // lines up to this length are sorted by counting smaller keys

struct OrderKernels {
  // rank[i] = how many of the n <= kShortLine keys are smaller than key[i]; keys are distinct and fill a
  // buffer of kShortLine, the rest of it is at the kernel's disposal.
  void (*ranks)(uint64_t* key, int64_t n, uint64_t* rank);
  // For each of `width` columns of n rows (n < 2**32), `stride` elements apart: the smallest [0] or largest
  // [1] element and the first row it is in; NaN counts as more extreme than everything. Null for complex
  // types.
  void (*extremes[kDTypes][2])(const void* x, int64_t stride, int64_t n, int64_t width, void* top,
                               uint32_t* row);
};
const OrderKernels& best_order_kernels();

}  // namespace facula
