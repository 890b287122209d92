// What a backward starts from: the gradients of its roots, and what is said of those that have none.
#pragma once
#include "autograd/node.h"

namespace facula {

Tensor implicit_gradient(const Tensor& root);  // of a real scalar: 1
// Of root i, as the caller gave it. `batch`: how many vectors it has in front, or 0.
void check_gradient(const Tensor& root, const Tensor& g, size_t i, int64_t batch);
[[noreturn]] void fail_constant(size_t i, const TensorImpl&);  // nothing to differentiate
[[noreturn]] void fail_unused(size_t i, const TensorImpl&);    // an input that no root depends on

}  // namespace facula
