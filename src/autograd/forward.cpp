#include "autograd/forward.h"
#include <unordered_set>

namespace facula {
namespace {

// Tensors with a tangent. They may refer to each other in circles (the tangent of an output is recorded by
// nodes that saved the output), which the end of the level cuts.
std::unordered_set<TensorImpl*> duals;
bool open = false;

bool same_layout(const TensorImpl& a, const TensorImpl& b) {
  for (int d = 0; d < a.ndim; ++d)
    if (a.sizes[d] > 1 && a.strides[d] != b.strides[d]) return false;
  return true;
}

Tensor in_layout_of(const TensorImpl& t, Tensor tangent) {
  if (same_layout(t, *tangent) || t.numel == 0 || has_internal_overlap(t)) return tangent;
  Tensor laid_out = empty_strided(tangent->dtype, t.shape(), t.stride(), t.device);
  return copy_(laid_out, tangent);
}

void attach(TensorImpl& t, Tensor tangent) {
  extras_of(t).tangent = std::move(tangent);
  duals.insert(&t);
}

// Where the cotangents come from whose gradients are the tangents: a node, not a leaf, so that a search for
// it stops at what is older.
class Cotangents final : public Node {
 public:
  explicit Cotangents(int outputs) : Node("Cotangents", nullptr, 0, uint32_t(outputs)) {}
  void backward(const Tensor*, Tensor*, bool) override {}
  void release() override {}
  uint32_t size_class() const override { return kSizeClass<Cotangents>; }
};

}  // namespace

bool dual_level_open() { return open; }

void enter_dual_level() {
  if (open) fail("Nested forward mode AD is not supported at the moment");
  open = true;
  mode.forward = mode.forward_allowed;
}

void exit_dual_level() {
  open = mode.forward = false;
  while (!duals.empty()) {
    TensorImpl* t = *duals.begin();
    duals.erase(duals.begin());
    const Tensor gone = std::move(t->extras->tangent);  // may take other duals with it
  }
}

void forget_tangent(TensorImpl* t) { duals.erase(t); }

Tensor tangent_of(TensorImpl& t) {
  if (t.extras && t.extras->tangent) return t.extras->tangent;
  if (t.view == ViewKind::None || !t.base || t.base->dtype != t.dtype) return nullptr;
  TensorImpl& base = *t.base;
  if (!base.extras || !base.extras->tangent) return nullptr;
  const Tensor whole = base.extras->tangent;
  NoForward off;
  const Tensor part = as_strided(whole, t.shape(), t.stride(), whole->offset() + t.offset() - base.offset());
  attach(t, part);
  return part;
}

void set_view_tangent(TensorImpl& t, Tensor tangent) { attach(t, std::move(tangent)); }

void set_tangent(TensorImpl& t, Tensor tangent) {
  NoForward off;
  tangent = in_layout_of(t, std::move(tangent));
  // A later write to t must not be seen by what it was made from.
  if (tangent->refcount > 1 || tangent->storage->refcount > 1) tangent = clone(tangent);
  attach(t, std::move(tangent));
}

void write_tangent(TensorImpl& t, const Tensor& values) {
  const Tensor old = tangent_of(t);
  if (!old && !values) return;
  NoForward off;
  if (!old && (t.view == ViewKind::None || !t.base || t.base->dtype != t.dtype)) {
    set_tangent(t, values->dtype == t.dtype ? values : to_dtype(values, t.dtype));
    return;
  }
  if (!old) {
    TensorImpl& base = *t.base;
    Tensor whole = empty_strided(base.dtype, base.shape(), base.stride(), base.device);
    attach(base, copy_(whole, full_like(whole, 0)));
  }
  const Tensor own = tangent_of(t);
  copy_(own, values ? values : full_like(own, 0));
}

void share_tangent(TensorImpl& to, const TensorImpl& from) {
  if (from.extras && from.extras->tangent) attach(to, from.extras->tangent);
}

Tensor expanded_to(const Tensor& t, const Dims& shape) {
  if (t->shape() == shape) return t;
  Dims strides = Dims::filled(shape.count, 0);
  for (int d = 0; d < t->ndim; ++d)
    if (t->sizes[d] > 1) strides[shape.count - t->ndim + d] = t->strides[d];
  return as_strided(t, shape, strides, t->offset());
}

// u -> backward(u) is linear; its gradient with respect to u, with the tangents for a cotangent, is the
// forward derivative. What u holds does not matter.
std::vector<Tensor> push_forward(Node& node, const Tensor* in, int inputs, const Tensor* out, int outputs) {
  const bool recorded = mode.grad;
  NoForward off;
  std::vector<Tensor> result(static_cast<size_t>(outputs)), roots, tangents, wanted;
  std::vector<int> at;
  {
    GradMode on(true);
    const Ref<Node> source = Ref<Node>::adopt(new (allocate(kSizeClass<Cotangents>)) Cotangents(outputs));
    std::vector<Tensor> u(static_cast<size_t>(outputs)), grads(static_cast<size_t>(inputs));
    for (int i = 0; i < outputs; ++i) {
      if (!out[i] || !is_floating(out[i]->dtype)) continue;
      u[size_t(i)] = full(out[i]->shape(), 0, out[i]->dtype, out[i]->device);
      set_grad_fn(*u[size_t(i)], source, i);
      wanted.push_back(u[size_t(i)]);
      at.push_back(i);
    }
    node.backward(u.data(), grads.data(), true);
    for (int i = 0; i < inputs; ++i) {
      if (!in[i] || !grads[size_t(i)] || !requires_grad(*grads[size_t(i)])) continue;
      const Tensor t = tangent_of(*in[i]);
      if (!t) continue;
      roots.push_back(grads[size_t(i)]);
      tangents.push_back(t->shape() == roots.back()->shape() ? t : expanded_to(t, roots.back()->shape()));
    }
  }
  std::vector<Tensor> found(wanted.size());
  if (!roots.empty())
    found = run_backward(
        roots.data(), tangents.data(), roots.size(),
        {.create_graph = recorded, .accumulate = false, .inputs = &wanted, .allow_unused = true});
  for (size_t k = 0; k < wanted.size(); ++k)
    result[size_t(at[k])] = found[k] ? found[k] : full_like(alias(*wanted[k]), 0);
  return result;
}

void set_tangents(Node& node, const Tensor* in, int inputs, Tensor* out, int outputs) {
  std::vector<Tensor> tangents = push_forward(node, in, inputs, out, outputs);
  for (int i = 0; i < outputs; ++i)
    if (tangents[size_t(i)]) set_tangent(*out[i], std::move(tangents[size_t(i)]));
}

}  // namespace facula
