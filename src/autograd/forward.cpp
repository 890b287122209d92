#include "autograd/forward.h"
#include <unordered_set>
#include <utility>
#include "autograd/watch.h"

namespace facula {
namespace {

// Tensors with a tangent, by level. They may refer to each other in circles (the tangent of an output is
// recorded by nodes that saved the output), which the end of the level cuts.
std::vector<std::unordered_set<TensorImpl*>> duals;

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

void attach(TensorImpl& t, Tensor tangent, int level) {
  std::vector<Tensor>& all = extras_of(t).tangents;
  if (all.size() < size_t(level)) all.resize(size_t(level));
  all[size_t(level - 1)] = std::move(tangent);
  duals[size_t(level - 1)].insert(&t);
}
Tensor own_tangent(const TensorImpl& t, int level) {
  return t.extras && t.extras->tangents.size() >= size_t(level) ? t.extras->tangents[size_t(level - 1)]
                                                                : Tensor();
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

int dual_levels() { return int(duals.size()); }

int enter_dual_level() {
  duals.emplace_back();
  if (mode.forward_allowed) mode.forward = dual_levels();
  return dual_levels();
}

void exit_dual_level() {
  const size_t level = duals.size();
  while (!duals.back().empty()) {
    TensorImpl* t = *duals.back().begin();
    duals.back().erase(duals.back().begin());
    const Tensor gone = std::move(t->extras->tangents[level - 1]);  // may take other duals with it
  }
  duals.pop_back();
  mode.forward = std::min(mode.forward, dual_levels());
}

void forget_tangent(TensorImpl* t) {
  for (auto& of_level : duals) of_level.erase(t);
}

Tensor tangent_at(TensorImpl& t, int level) {
  if (Tensor own = own_tangent(t, level)) return own;
  if (t.view == ViewKind::None || !t.base || t.base->dtype != t.dtype) return nullptr;
  TensorImpl& base = *t.base;
  const Tensor whole = own_tangent(base, level);
  if (!whole) return nullptr;
  mode_at(level, [&] {
    const BelowLevel below;
    attach(t, as_strided(whole, t.shape(), t.stride(), whole->offset() + t.offset() - base.offset()), level);
  });
  return own_tangent(t, level);
}

void set_view_tangent(TensorImpl& t, Tensor tangent) { attach(t, std::move(tangent), mode.level); }

void set_tangent(TensorImpl& t, Tensor tangent) {
  const int level = mode.level;
  const BelowLevel below;
  tangent = in_layout_of(t, std::move(tangent));
  // A later write to t must not be seen by what it was made from.
  if (tangent->refcount > 1 || tangent->storage->refcount > 1) tangent = clone(tangent);
  attach(t, std::move(tangent), level);
}

void write_tangent(TensorImpl& t, const Tensor& values) {
  const int level = mode.level;
  const Tensor old = tangent_at(t, level);
  if (!old && !values) return;
  if (!old && (t.view == ViewKind::None || !t.base || t.base->dtype != t.dtype)) {
    const Tensor same_type = [&] {
      const BelowLevel below;
      return values->dtype == t.dtype ? values : to_dtype(values, t.dtype);
    }();
    set_tangent(t, same_type);
    return;
  }
  const BelowLevel below;
  if (!old) {
    TensorImpl& base = *t.base;
    Tensor whole = empty_strided(base.dtype, base.shape(), base.stride(), base.device);
    attach(base, copy_(whole, full_like(whole, 0)), level);
  }
  const Tensor own = tangent_at(t, level);
  copy_(own, values ? values : full_like(own, 0));
}

void share_tangents(TensorImpl& to, const TensorImpl& from) {
  for (int level = 1; level <= dual_levels(); ++level)
    if (const Tensor own = own_tangent(from, level)) attach(to, own, level);
}

void share_tangents(TensorImpl& to, TensorImpl& from, int below) {
  for (int level = 1; level < below; ++level)
    if (const Tensor t = tangent_at(from, level)) attach(to, t, level);
}

Tensor expanded_to(const Tensor& t, const Dims& shape) {
  if (t->shape() == shape) return t;
  Dims strides = Dims::filled(shape.count, 0);
  for (int d = 0; d < t->ndim; ++d)
    if (t->sizes[d] > 1) strides[shape.count - t->ndim + d] = t->strides[d];
  return as_strided(t, shape, strides, t->offset());
}

// Zeros; where examples may repeat (mode.lazy_batch) they are one.
static Tensor nothing_like(const TensorImpl& t) {
  Dims shape = t.shape();
  if (!mode.lazy_batch || shape.count < 2 || shape[0] < 2) return full(shape, 0, t.dtype, t.device);
  const Dims whole = shape;
  shape[0] = 1;
  Tensor zeros = full(shape, 0, t.dtype, t.device);
  Dims strides = zeros->stride();
  strides[0] = 0;
  zeros->set_geometry(whole, strides);
  return zeros;
}

// u -> backward(u) is linear; its gradient with respect to u, with the tangents for a cotangent, is the
// forward derivative. What u holds does not matter. Hooks on saved tensors do not see what is kept for this.
std::vector<Tensor> push_forward(Node& node, const Tensor* in, int inputs, const Tensor* out, int outputs) {
  bool recorded = false;  // an op that is recorded anew depends on copies of its inputs: look at these
  for (int i = 0; i < inputs && mode.grad; ++i) {
    const Tensor t = in[i] ? tangent_of(*in[i]) : nullptr;
    recorded |= in[i] && (requires_grad(*in[i]) || (t && requires_grad(*t)));
  }
  const int level = mode.level;
  const BelowLevel below;
  const struct Plain {
    bool before = std::exchange(packing, false);
    ~Plain() { packing = before; }
  } plain;
  std::vector<Tensor> result(static_cast<size_t>(outputs)), roots, tangents, wanted;
  std::vector<int> at;
  {
    GradMode on(true);
    const Ref<Node> source = Ref<Node>::adopt(new (allocate(kSizeClass<Cotangents>)) Cotangents(outputs));
    std::vector<Tensor> u(static_cast<size_t>(outputs)), grads(static_cast<size_t>(inputs));
    for (int i = 0; i < outputs; ++i) {
      if (!out[i] || !is_floating(out[i]->dtype)) continue;
      u[size_t(i)] = nothing_like(*out[i]);
      set_grad_fn(*u[size_t(i)], source, i);
      wanted.push_back(u[size_t(i)]);
      at.push_back(i);
    }
    node.backward(u.data(), grads.data(), true);
    for (int i = 0; i < inputs; ++i) {
      if (!in[i] || !grads[size_t(i)] || !requires_grad(*grads[size_t(i)])) continue;
      const Tensor t = tangent_at(*in[i], level);
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
