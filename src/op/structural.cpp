// What all structural operations share: their nodes' edges and saved tensors.
#include "op/structural.h"

namespace facula::detail {

StructuralBase::StructuralBase(const char* name, void* behind, int inputs, int outputs, size_t saved,
                               uint32_t c)
    : Node(name, static_cast<Edge*>(behind), uint32_t(inputs), uint32_t(outputs)),
      saved_(reinterpret_cast<Saved*>(edges + inputs)),
      saved_count_(saved),
      size_class_(c) {
  for (int i = 0; i < inputs; ++i) new (edges + i) Edge;
  for (size_t i = 0; i < saved; ++i) new (saved_ + i) Saved;
}

StructuralBase::~StructuralBase() {
  for (int i = 0; i < edge_count; ++i) edges[i].~Edge();
  for (size_t i = 0; i < saved_count_; ++i) saved_[i].~Saved();
}

void StructuralBase::release() {
  for (size_t i = 0; i < saved_count_; ++i)
    if (saved_[i].present) {
      saved_[i].tensor = nullptr;
      released_ = true;
    }
}

void StructuralBase::attach(const Tensor* in, int inputs, uint32_t keep, bool forward) {
  for (int i = 0; i < inputs; ++i) {
    if (!in[i]) continue;
    if (forward) {
      if (tangent_of(*in[i])) edges[i] = {nullptr, in[i]};
    } else if (is_floating(in[i]->dtype) && requires_grad(*in[i])) edges[i] = edge_to(in[i].get());
    else edges[i].remember(in[i].get(), !is_floating(in[i]->dtype));
    if (i < 31 && keep >> i & 1) saved_[i].keep_input(in[i]);
  }
}

void StructuralBase::keep_output(const Tensor& out, int i, bool forward) {
  if (forward) saved_[edge_count + i].keep_input(out);  // this node is no history of it
  else saved_[edge_count + i].keep_output(out, i);
}

void StructuralBase::drop_unneeded(Tensor* grads) const {
  for (int i = 0; i < edge_count; ++i)
    if (!edges[i]) grads[i] = nullptr;
}

StructuralBase::Kept::Kept(StructuralBase& node, bool create_graph) {
  if (node.released_) fail_released(&node);
  const size_t count = node.saved_count_;
  kept_ = reinterpret_cast<Tensor*>(count > kFew ? new char[count * sizeof(Tensor)] : few_);
  try {
    for (; count_ < count; ++count_)
      new (kept_ + count_) Tensor(node.saved_[count_].unpack(&node, create_graph));
  } catch (...) {
    clear();
    throw;
  }
}

void StructuralBase::Kept::clear() {
  while (count_) kept_[--count_].~Tensor();
  if (void* const memory = kept_; memory != few_) delete[] static_cast<char*>(memory);
}

bool any_differentiable(const Tensor* out, int outputs) {
  for (int i = 0; i < outputs; ++i)
    if (out[i] && is_floating(out[i]->dtype)) return true;
  return false;
}

void set_history(const Ref<Node>& node, Tensor* out, int outputs) {
  for (int i = 0; i < outputs; ++i)
    if (out[i] && is_floating(out[i]->dtype)) set_grad_fn(*out[i], node, i);
}

void record_tangents(const void* op, MakeForwardNode make, const Tensor* in, int inputs, Tensor* out,
                     int outputs) {
  at_each_level([&] {
    if (any_tangent(in, inputs)) set_tangents(*make(op, in, inputs, out, outputs), in, inputs, out, outputs);
  });
}

}  // namespace facula::detail
