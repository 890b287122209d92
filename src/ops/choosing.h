// Operations that choose elements: their gradient reads where, not what.
#pragma once
#include <vector>
#include "op/structural.h"

namespace facula {

// Calls an operation that gives values and their indices. Its node forgets the values: they may be written to
// in place, as in PyTorch (a pooling, then ReLU(inplace=True)), and need not be kept.
template <class Op, class... Inputs> std::vector<Tensor> call_choosing(Op op, const Inputs&... in) {
  std::vector<Tensor> out = call_structural(std::move(op), in...);
  if (Node* const node = out[0]->grad_fn; node && node->name == Op::node) {
    const NodeParts parts = node->parts();
    if (parts.saved_count > sizeof...(in)) const_cast<Saved&>(parts.saved[sizeof...(in)]) = Saved{};
  }
  return out;
}

}  // namespace facula
