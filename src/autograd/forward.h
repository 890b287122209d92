// Forward mode: while dual levels are open (mode.forward), a tensor may carry a tangent at each, and
// operations give their results one. There are no rules of its own: a derivative is linear, so the backward
// of a node says all. Levels nest (func/): tangents of one carry tangents of those below it.
#pragma once
#include "autograd/node.h"

namespace facula {

int enter_dual_level();  // returns its number, from 1
void exit_dual_level();  // the last one; takes its tangents away
int dual_levels();       // how many are open

// The tangent of t at a level or null; that of a view is the view of its base's tangent.
Tensor tangent_at(TensorImpl& t, int level);
// At the level being computed (mode.level); outside of that at any open one: then a question, not a value.
inline Tensor tangent_of(TensorImpl& t) {
  if (mode.level) return tangent_at(t, mode.level);
  for (int level = 1; level <= mode.forward; ++level)
    if (Tensor found = tangent_at(t, level)) return found;
  return nullptr;
}
inline bool any_tangent(const Tensor* in, int count) {
  for (int i = 0; i < count; ++i)
    if (in[i] && tangent_of(*in[i])) return true;
  return false;
}
// The following work at mode.level.
void set_tangent(TensorImpl& t, Tensor tangent);       // of a fresh result; brought into t's layout
void set_view_tangent(TensorImpl& t, Tensor tangent);  // of a fresh view: shares memory with another tangent
// After a write to t: its tangent takes these values (null: zeros where it had one), as do the tangents that
// share its memory.
void write_tangent(TensorImpl& t, const Tensor& values);
void share_tangents(TensorImpl& to, const TensorImpl& from);       // of all levels
void share_tangents(TensorImpl& to, TensorImpl& from, int below);  // of those below one
void forget_tangent(TensorImpl* t);                                // t is dying

// Sends the tangents of `in` through a node made from `in` and `out`, an edge wherever an input has a
// tangent.
std::vector<Tensor> push_forward(Node& node, const Tensor* in, int inputs, const Tensor* out, int outputs);
void set_tangents(Node& node, const Tensor* in, int inputs, Tensor* out, int outputs);  // the same, to `out`
Tensor expanded_to(const Tensor& t, const Dims& shape);

}  // namespace facula
