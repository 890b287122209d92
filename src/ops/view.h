// The in-place forms of views: only the geometry changes.
#pragma once
#include "autograd/places.h"
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {

Tensor recorded_alias(const Tensor& x);  // a view of all of x, as it is

// Strides that let memory laid out as (sizes, strides) be seen as `shape`, if there are any: every run of
// dimensions walked as one must be cut at the same places.
bool view_strides(const TensorImpl& x, const Dims& shape, Dims& out);

// `op` is the view's struct under its in-place name.
template <class Op> Tensor change_geometry(Op op, const Tensor& self) {
  check_inplace(*self, requires_grad(*self));
  if (mode.forward) [[unlikely]] {
    at_each_level([&] {
      if (const Tensor t = tangent_of(*self)) {
        const BelowLevel below;
        change_geometry(op, t);
      }
    });
  }
  const Tensor changed = op.view(self);
  Ref<Node> node;
  if (mode.grad && is_floating(self->dtype) && requires_grad(*self))
    node = detail::StructuralNode<Op>::create(op, &self, 1, 1);
  self->set_geometry(changed->shape(), changed->stride());
  self->data = changed->data;
  count_write(*self);
  if (!node) return self;
  set_grad_fn(*self, std::move(node));  // of this tensor alone, even where it is a view
  self->seen_version = self->version();
  return self;
}

}  // namespace facula
