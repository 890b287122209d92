// The names of nodes that a gradient gets when its graph is kept.
#pragma once
#include "autograd/node.h"

namespace facula {

// After `n` gave `grads`, recorded: what PyTorch computes in one operation (sigmoid_backward) is several
// here, and the last of them, which users see, goes by its name. Only nodes from `first` on were made by `n`.
void name_second(const Node& n, Tensor* grads, uint64_t first);
// Whether this thread gives such names; explain reads what nodes compute from the names they were made with.
bool give_second_names(bool on);  // returns what it was

// A gradient of a leaf that came earlier in the same run, begun at node `began`: PyTorch copies their sum.
void name_sum(const TensorImpl& before, TensorImpl& sum, uint64_t began);

}  // namespace facula
