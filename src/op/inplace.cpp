#include "op/inplace.h"
#include <cstring>
#include "autograd/forward.h"

namespace facula {

void check_assign(const Tensor& self, bool recorded, std::string_view name) {
  check_inplace(*self, recorded);
  if ((name == "masked_fill" || name == "index_fill") && has_internal_overlap(*self))
    warn(concat("Use of ", name,
                "_ on expanded tensors is deprecated. Please clone() the tensor before performing this "
                "operation. This also applies to advanced indexing e.g. tensor[mask] = scalar"));
  else require_writable(*self);
}

Tensor old_value(TensorImpl& t) {
  Tensor copy = empty_as(t);
  copy_into(*copy, t);
  if (Node* n = grad_fn(&t)) set_grad_fn(*copy, Ref<Node>(n), t.output_nr);
  if (mode.forward) [[unlikely]]
    at_each_level([&] {
      if (const Tensor tangent = tangent_of(t)) set_tangent(*copy, tangent);
    });
  return copy;
}

// Elements that share memory: those that an operation left alone must not undo those it wrote.
static void write_changed(TensorImpl& self, const TensorImpl& result) {
  const Tensor old = converted(Tensor(&self), self.dtype);
  Tensor before = empty(self.dtype, self.shape()), after = empty(self.dtype, self.shape());
  copy_into(*before, *old);
  copy_into(*after, result);
  const int64_t item = item_size(self.dtype);
  Dims at = Dims::filled(self.ndim, 0);
  for (int64_t i = 0; i < after->numel; ++i) {
    int64_t offset = 0;
    for (int d = 0; d < self.ndim; ++d) offset += at[d] * self.strides[d];
    if (std::memcmp(before->data + i * item, after->data + i * item, size_t(item)))
      std::memcpy(self.data + offset * item, after->data + i * item, size_t(item));
    for (int d = self.ndim; d-- > 0 && ++at[d] == self.sizes[d];) at[d] = 0;
  }
}

void assign(const Tensor& self, const Tensor& result) {
  if (result.get() == self.get()) return;
  if (!result->same_shape(*self))
    fail("output with shape ", to_string(self->shape()), " doesn't match the broadcast shape ",
         to_string(result->shape()));
  if (!can_cast(result->dtype, self->dtype))
    fail("result type ", c_name(result->dtype), " can't be cast to the desired output type ",
         c_name(self->dtype));
  const bool recorded = mode.grad && (requires_grad(*result) || requires_grad(*self));
  if (recorded && self->view != ViewKind::None) {  // the base's history must know what was written where
    // The node of an operation whose first input was this view is the history of the write; any other
    // history came about elsewhere, and the write is a copy.
    Node* n = grad_fn(result.get());
    Node* old = grad_fn(self.get());
    const bool direct = n && old && n->refcount == 1 && n->output_count == 1 && n->edge_count &&
                        n->edges[0].node.get() == old && result->dtype == self->dtype && !mode.forward;
    if (!direct) {
      copy_(self, result);
      return;
    }
    copy_into(*self, *result);
    finish_inplace(*self, Ref<Node>(n));
    return;
  }
  const Tensor kept = recorded && result->dtype != self->dtype ? to_dtype(result, self->dtype) : result;
  if (has_internal_overlap(*self) && !self->is_meta()) [[unlikely]]
    write_changed(*self, *kept);
  else copy_into(*self, *kept);
  finish_inplace(*self, nullptr);
  if (recorded && requires_grad(*kept)) set_grad_fn(*self, Ref<Node>(grad_fn(kept.get())), kept->output_nr);
  if (mode.forward) [[unlikely]]
    at_each_level([&] { write_tangent(*self, tangent_of(*result)); });
}

void copy_to_out(const Tensor& out, const Tensor& result, std::string_view name, bool like_result) {
  if (mode.grad && (requires_grad(*result) || requires_grad(*out)))
    fail(name,
         "(): functions with out=... arguments don't support automatic differentiation, but one of the "
         "arguments requires grad.");
  if (!can_cast(result->dtype, out->dtype))
    fail("result type ", c_name(result->dtype), " can't be cast to the desired output type ",
         c_name(out->dtype));
  if (!(out->device == result->device))
    fail("Expected out tensor to be on ", to_string(result->device), ", but got ", to_string(out->device),
         " instead");
  if (like_result && !(out->shape() == result->shape()) && !result->contiguous &&
      is_dense_permutation(*result)) {
    require_writable(*out);
    resize_out(out, result->shape());
    out->set_geometry(result->shape(), result->stride());  // of as many elements
  }
  resize_out(out, result->shape());
  require_writable(*out);
  copy_into(*out, *result);
  count_write(*out);
}

}  // namespace facula
