// What nodes need to send many gradients back at once.
#pragma once
#include "autograd/node.h"

namespace facula {

Dims with_batch(Dims shape, int64_t n);                              // [n, shape]
Tensor expand_to_batch(const Tensor& x, int64_t n);                  // the same for all: no copy; recorded
Tensor sum_to_batch(const Tensor& g, const Dims& shape, int64_t n);  // sum_to behind the batch; recorded

// What is behind some tensors: how much memory one gradient takes at most (in elements, as far as nodes keep
// tensors), and whether nothing there is the user's: no hooks, no Functions.
struct GraphSize {
  int64_t largest = 1;
  bool plain = true;
};
bool is_zero(const TensorImpl&);  // all bits are; false where that takes long to tell
GraphSize graph_size(const std::vector<Tensor>& roots);

}  // namespace facula
