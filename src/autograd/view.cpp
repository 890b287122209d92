// Views and in-place writes. A view knows its base; a recorded write through a view becomes the
// base's history (CopySlices), and every view of that base finds its own history anew.
#include <algorithm>
#include "autograd/node.h"
#include "autograd/watch.h"
#include "autograd/places.h"

namespace facula {

Tensor embed(const Tensor& g, const Dims& whole, const Dims& strides, int64_t offset);  // ops/strided.cpp

namespace {

struct Geometry {  // where a view lies in its base, in elements of its own type
  Dims sizes, strides;
  int64_t offset;
  DType dtype;

  int64_t extent() const {  // elements from the first to the last
    int64_t n = 1;
    for (int d = 0; d < sizes.count; ++d) n += (sizes[d] - 1) * strides[d];
    return sizes.numel() ? n : 0;
  }
};

Geometry geometry_of(const TensorImpl& t) { return {t.shape(), t.stride(), t.offset(), t.dtype}; }
Geometry geometry_in(const TensorImpl& view, const TensorImpl& base) {
  Geometry g = geometry_of(view);
  g.offset -= base.offset() * item_size(base.dtype) / item_size(view.dtype);
  return g;
}

// The same memory with elements of another type: the real parts of a complex base are written to on their
// own.
Tensor seen_as(const Tensor& t, DType dtype, bool create_graph) {
  if (t->dtype == dtype) return t;
  if (create_graph)
    fail<NotImplemented>(
        "the second derivative of a write in place through the real or imaginary part of a complex tensor is "
        "not "
        "implemented");
  const int64_t n = t->numel * item_size(t->dtype) / item_size(dtype);
  Tensor other = alias(*t);
  other->dtype = dtype;
  other->set_geometry({n}, {1});
  return other;
}

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
        view_(geometry_in(view, base)) {
    edges = storage_.data();
    edges[0] = edge_to(&base);
    for (int i = 1; i < edge_count; ++i) edges[i] = written_->edges[i];
  }
  uint32_t size_class() const override { return kSizeClass<CopySlices>; }

  void backward(const Tensor* g, Tensor* grads, bool create_graph) override {
    if (!written_) fail_released(this);
    // A clone keeps the strides of the gradient, which need not be those of the base.
    const bool same = g[0]->contiguous && base_.strides == contiguous_strides(base_.sizes);
    Tensor whole = same ? clone(g[0]) : laid_out(g[0], base_);
    if (same) whole->bump_version();  // as the copy does
    Tensor slice =
        as_strided(seen_as(whole, view_.dtype, create_graph), view_.sizes, view_.strides, view_.offset);
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
  // Where the types differ PyTorch makes the view anew.
  AsStridedOfBase(TensorImpl& base, const TensorImpl& view)
      : Node(view.grad_fn && view.dtype != base.dtype ? view.grad_fn->name : "AsStridedBackward0", &edge_, 1),
        edge_(edge_to(&base)),
        base_(geometry_of(base)),
        view_(geometry_in(view, base)) {}
  uint32_t size_class() const override { return kSizeClass<AsStridedOfBase>; }
  void backward(const Tensor* g, Tensor* grads, bool create_graph) override {
    if (!edge_) return;  // the base was detached since
    // Where the view shows an element more than once, its gradients add up.
    const int64_t per = item_size(base_.dtype) / item_size(view_.dtype);
    const int64_t n = std::max(base_.extent() * per, view_.offset + view_.extent());
    const Tensor memory = seen_as(embed(g[0], {n}, view_.strides, view_.offset), base_.dtype, create_graph);
    grads[0] = as_strided(memory, base_.sizes, base_.strides, 0);
    grads[0]->bump_version();  // PyTorch writes the gradient into zeros
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
  if (from.inference) return;  // has no part in autograd, nor have its views
  TensorImpl* base = from.base ? from.base : &from;
  out.base = base;
  ++base->refcount;
  if (mode.inference) kind = ViewKind::Inference;
  else if (!mode.grad) kind = ViewKind::NoGrad;
  const bool inherits =
      from.view == ViewKind::Inference || (kind == ViewKind::Plain && from.view != ViewKind::None);
  out.view = inherits ? from.view : kind;
  out.seen_version = out.version();
}

bool view_requires_grad(const TensorImpl& v) { return v.base && v.base->requires_grad; }

// Refuses a recorded write to a view that was made where its history could not follow. `indirect`: the write
// was to its base, and the view is used now.
[[gnu::cold]] [[gnu::noinline]] static void refuse_write(const TensorImpl& v, bool indirect) {
  const std::string_view subject = indirect ? "its base or another view of its base has been" : "is being";
  const bool named = v.grad_fn && v.output_nr < v.grad_fn->output_count;
  const std::string output =
      named ? concat("Output ", int(v.output_nr), " of ", short_name(*v.grad_fn), " is a view ")
            : std::string();
  const bool inference = v.view == ViewKind::Inference;
  if (inference || v.view == ViewKind::NoGrad) {
    const std::string_view block = inference ? "inference" : "no_grad";
    fail(
        named ? output + "of a view which was created in " : std::string("A view was created in "), block,
        " mode and ", subject, " modified inplace ", inference ? "in normal mode" : "with grad mode enabled",
        ". Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify your code "
        "by moving both the view and the inplace either both inside the ",
        inference ? "inference_mode" : "no_grad",
        " block (if you don't want the inplace to be tracked) or both outside (if you want the inplace to be "
        "tracked).\nSuggestion: make the view where it is written to, outside the block",
        indirect ? concat(", or clone() it; the base has been written ", v.version() - v.seen_version,
                          " times since it was made")
                 : std::string(),
        ".");
  }
  const std::string start = named ? output + "and " : std::string("A view was created in no_grad mode and ");
  const std::string_view end = named ? " modified inplace" : " modified inplace with grad mode enabled";
  const Node* maker = v.grad_fn;  // views of such a view are none of the function's outputs
  while (maker && is_single_function && !is_single_function(*maker))
    maker = maker->edge_count == 1 ? maker->edges[0].node.get() : nullptr;
  if ((maker && is_single_function) || (!v.grad_fn && v.output_nr == kOfFunction))
    fail(
        start, subject, end,
        ". This view was created inside a custom Function (or because an input was returned as-is) and the "
        "autograd logic to handle view+inplace would override the custom backward associated with the custom "
        "Function, leading to incorrect gradients. This behavior is forbidden. You can fix this by cloning "
        "the "
        "output of the custom Function.");
  fail(start, subject, end,
       ". This view is the output of a function that returns multiple views. Such functions do not allow the "
       "output views to be modified inplace. You should replace the inplace operation by an out-of-place "
       "one.\nSuggestion: index the base for each part (x[0:2]) where it is to be written to, or clone() the "
       "part.");
}

Node* refresh_view_history(TensorImpl* v) {
  if (v->seen_version == v->version() || !v->base || (!v->grad_fn && !v->base->requires_grad))
    return v->grad_fn;
  if (v->view != ViewKind::Plain) refuse_write(*v, true);
  set_grad_fn(*v, make_node<AsStridedOfBase>(*v->base, *v));
  v->seen_version = v->version();
  return v->grad_fn;
}

static std::string suggestion_for_leaf(const TensorImpl& t, std::string_view what) {
  return concat("\nThe ", what, " of shape ", to_string(t.shape()), ", dtype torch.", name(t.dtype),
                ", has no history that could tell the old values from the new.\nSuggestion: to change a "
                "parameter's values, write inside `with torch.no_grad():`; to compute with it, use the "
                "operation that returns a new tensor (x = x + 1 for x += 1), or write to x.clone().");
}

void check_inplace(TensorImpl& self, bool recorded) {
  if (capturing) [[unlikely]]
    refuse_captured(self);
  if (recorded && mode.grad) {
    if (self.view != ViewKind::None && self.base) {
      if (self.view != ViewKind::Plain) refuse_write(self, false);
      if (requires_grad(self) && !self.base->grad_fn)
        fail("a view of a leaf Variable that requires grad is being used in an in-place operation.",
             suggestion_for_leaf(*self.base, "leaf"));
    }
    if (requires_grad(self) && !grad_fn(&self))
      fail("a leaf Variable that requires grad is being used in an in-place operation.",
           suggestion_for_leaf(self, "leaf"));
  }
}

void finish_inplace(TensorImpl& self, Ref<Node> node) {
  count_write(self);
  if (!node) return;
  if (self.view == ViewKind::None || !self.base) return set_grad_fn(self, std::move(node), 0);
  TensorImpl& base = *self.base;
  set_grad_fn(base, make_node<CopySlices>(base, self, std::move(node)));
  set_grad_fn(self, make_node<AsStridedOfBase>(base, self));
  self.seen_version = self.version();
}

}  // namespace facula
