// Views and in-place writes. A view knows its base; a recorded write through a view becomes the
// base's history (CopySlices), and every view of that base finds its own history anew.
#include "autograd/node.h"

namespace facula {
namespace {

struct Geometry {  // where a view lies in its base
  Dims sizes, strides;
  int64_t offset;
};

Geometry geometry_of(const TensorImpl& t) { return {t.shape(), t.stride(), t.offset()}; }

// A copy of g laid out as the base was, so that a view's strides and offset mean the same in it.
Tensor laid_out(const Tensor& g, const Geometry& base) {
  Tensor t = empty_strided(g->dtype, base.sizes, base.strides, g->device);
  return copy_(t, g);
}

class CopySlices final : public Node {
 public:
  CopySlices(TensorImpl& base, const TensorImpl& view, Ref<Node> written)
      : Node("CopySlices", nullptr, written->edge_count),
        storage_(written->edge_count),
        written_(std::move(written)),
        base_(geometry_of(base)),
        view_(geometry_of(view)) {
    edges = storage_.data();
    edges[0] = edge_to(&base);
    for (int i = 1; i < edge_count; ++i) edges[i] = written_->edges[i];
    view_.offset -= base_.offset;
  }
  uint32_t size_class() const override { return kSizeClass<CopySlices>; }

  void backward(const Tensor* g, Tensor* grads, bool create_graph) override {
    if (!written_) fail_released(this);
    const bool dense = base_.strides == contiguous_strides(base_.sizes);
    Tensor whole = dense ? clone(g[0]) : laid_out(g[0], base_);
    Tensor slice = as_strided(whole, view_.sizes, view_.strides, view_.offset);
    std::vector<Tensor> inner(static_cast<size_t>(edge_count));
    const Tensor g_slice = clone(slice);
    written_->backward(&g_slice, inner.data(), create_graph);
    copy_(slice, inner[0] ? inner[0] : full_like(g_slice, 0));
    if (edges[0]) grads[0] = whole;
    for (int i = 1; i < edge_count; ++i) grads[i] = std::move(inner[size_t(i)]);
  }
  void release() override { written_ = nullptr; }
  std::vector<Tensor> replay(const Tensor* in) const override {
    if (!written_ || !in[0]) return {};
    const Tensor whole = laid_out(in[0], base_);
    std::vector<Tensor> inputs(in, in + edge_count);
    inputs[0] = as_strided(whole, view_.sizes, view_.strides, view_.offset);
    const std::vector<Tensor> slice = written_->replay(inputs.data());
    if (slice.size() != 1) return {};
    copy_(as_strided(whole, view_.sizes, view_.strides, view_.offset), slice[0]);
    return {whole};
  }

 private:
  std::vector<Edge> storage_;
  Ref<Node> written_;
  Geometry base_, view_;
};

class AsStridedOfBase final : public Node {  // the history of a view after its base was written to
 public:
  AsStridedOfBase(TensorImpl& base, const TensorImpl& view)
      : Node("AsStridedBackward0", &edge_, 1),
        edge_(edge_to(&base)),
        base_(geometry_of(base)),
        view_(geometry_of(view)) {
    view_.offset -= base_.offset;
  }
  uint32_t size_class() const override { return kSizeClass<AsStridedOfBase>; }
  void backward(const Tensor* g, Tensor* grads, bool) override {
    // Dense bases only differ from a contiguous one in dimension order; others get a dense gradient of the
    // same extent.
    Tensor whole = empty_strided(g[0]->dtype, base_.sizes, base_.strides, g[0]->device);
    const Tensor zero = full_like(whole, 0);
    copy_(whole, zero);
    copy_(as_strided(whole, view_.sizes, view_.strides, view_.offset), g[0]);
    grads[0] = whole;
  }
  void release() override {}
  std::vector<Tensor> replay(const Tensor* in) const override {
    if (!in[0]) return {};
    return {as_strided(laid_out(in[0], base_), view_.sizes, view_.strides, view_.offset)};
  }

 private:
  Edge edge_;
  Geometry base_, view_;
};

template <class N, class... A> Ref<Node> make_node(A&&... a) {
  return Ref<Node>::adopt(new (allocate(kSizeClass<N>)) N(std::forward<A>(a)...));
}

}  // namespace

void mark_view(TensorImpl& out, TensorImpl& from, ViewKind kind) {
  TensorImpl* base = from.base ? from.base : &from;
  out.base = base;
  ++base->refcount;
  out.view = from.view > kind ? from.view : kind;
  if (!mode.grad && kind == ViewKind::Plain && out.view == kind) out.view = ViewKind::NoGrad;
  out.seen_version = out.version();
}

// Whether something was written to the base since, and recorded.
static bool outdated(const TensorImpl& v) {
  return v.seen_version != v.version() && v.base && v.base->grad_fn;
}

bool view_requires_grad(const TensorImpl& v) {
  if (v.view == ViewKind::Plain) return v.base->requires_grad;
  return v.view != ViewKind::Inference && outdated(v);
}

static constexpr const char* kForbidden =
    "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code by "
    "moving both the view and the inplace either both inside the no_grad block (if you don't want the "
    "inplace to be tracked) or both outside (if you want the inplace to be tracked).";
static constexpr const char* kManyViews =
    "This view is the output of a function that returns multiple views. Such functions do not allow the "
    "output views to be modified inplace. You should replace the inplace operation by an out-of-place one.";

static std::string output_name(const TensorImpl& v) {
  const std::string_view name = v.grad_fn ? v.grad_fn->name : "a function";
  return concat("Output ", int(v.output_nr), " of ", name.substr(0, name.find("Backward")),
                " is a view and ");
}

Node* refresh_view_history(TensorImpl* v) {
  if (!outdated(*v)) return v->grad_fn;
  if (v->view == ViewKind::NoGrad)
    fail(
        "A view was created in no_grad mode and its base or another view of its base has been modified "
        "inplace with grad mode enabled. ",
        kForbidden);
  if (v->view == ViewKind::Multi)
    fail(output_name(*v), "its base or another view of its base has been modified inplace. ", kManyViews);
  if (v->view != ViewKind::Plain || !v->base->requires_grad) return v->grad_fn;
  set_grad_fn(*v, make_node<AsStridedOfBase>(*v->base, *v));
  v->seen_version = v->version();
  return v->grad_fn;
}

void check_inplace(TensorImpl& self, bool recorded) {
  if (self.inference && !mode.inference)
    fail(
        "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to "
        "get a normal tensor "
        "before doing inplace update. See https://github.com/pytorch/rfcs/pull/17 for more details.");
  if (!recorded || !mode.grad) return;
  if (self.requires_grad && !grad_fn(&self))
    fail("a leaf Variable that requires grad is being used in an in-place operation.");
  if (self.view == ViewKind::None) return;
  if (self.base->requires_grad && !self.base->grad_fn)
    fail("a view of a leaf Variable that requires grad is being used in an in-place operation.");
  if (self.view == ViewKind::Multi) fail(output_name(self), "is being modified inplace. ", kManyViews);
  if (self.view == ViewKind::NoGrad)
    fail("A view was created in no_grad mode and is being modified inplace with grad mode enabled. ",
         kForbidden);
}

void finish_inplace(TensorImpl& self, Ref<Node> node) {
  self.bump_version();
  if (!node) return;
  if (self.view == ViewKind::None || !self.base) return set_grad_fn(self, std::move(node), 0);
  TensorImpl& base = *self.base;
  set_grad_fn(base, make_node<CopySlices>(base, self, std::move(node)));
  set_grad_fn(self, make_node<AsStridedOfBase>(base, self));
  self.seen_version = self.version();
}

}  // namespace facula
