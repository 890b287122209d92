// The derived forms of operations that return a new tensor: f_(x) and f(x, out=y).
#pragma once
#include "autograd/places.h"
#include "op/pointwise.h"

namespace facula {

// Before: refuses a write that autograd forbids. After: x takes the values of `result` and its history.
void check_assign(const Tensor& self, bool recorded, std::string_view name);
// A copy of what t holds, with its history: for a node that reads what is about to be overwritten.
Tensor old_value(TensorImpl& t);
void assign(const Tensor& self, const Tensor& result);
// Copies `result` into `out`, which is resized if need be: to a contiguous tensor, or (`like_result`) to the
// layout of the result. Both dtypes must agree as casting allows.
void copy_to_out(const Tensor& out, const Tensor& result, std::string_view name, bool like_result = false);

}  // namespace facula
