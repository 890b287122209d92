// Forward mode: while a dual level is open (mode.forward), a tensor may carry a tangent, and operations
// give their results one. There are no rules of its own: a derivative is linear, so the backward of a node
// says all. One level at a time, as in PyTorch.
#pragma once
#include "autograd/node.h"

namespace facula {

void enter_dual_level();  // throws where one is open
void exit_dual_level();   // takes all tangents away
bool dual_level_open();

// The tangent of t or null; that of a view is the view of its base's tangent.
Tensor tangent_of(TensorImpl& t);
inline bool any_tangent(const Tensor* in, int count) {
  for (int i = 0; i < count; ++i)
    if (in[i] && tangent_of(*in[i])) return true;
  return false;
}
void set_tangent(TensorImpl& t, Tensor tangent);       // of a fresh result; brought into t's layout
void set_view_tangent(TensorImpl& t, Tensor tangent);  // of a fresh view: shares memory with another tangent
// After a write to t: its tangent takes these values (null: zeros where it had one), as do the tangents that
// share its memory.
void write_tangent(TensorImpl& t, const Tensor& values);
void share_tangent(TensorImpl& to, const TensorImpl& from);
void forget_tangent(TensorImpl* t);  // t is dying

// Sends the tangents of `in` through a node made from `in` and `out`, an edge wherever an input has a
// tangent.
std::vector<Tensor> push_forward(Node& node, const Tensor* in, int inputs, const Tensor* out, int outputs);
void set_tangents(Node& node, const Tensor* in, int inputs, Tensor* out, int outputs);  // the same, to `out`
Tensor expanded_to(const Tensor& t, const Dims& shape);

}  // namespace facula
