#include "autograd/forward.h"
#include "autograd/watch.h"
#include <algorithm>
#include <cstring>

namespace facula {

thread_local constinit Mode mode [[gnu::tls_model("initial-exec")]];

static uint64_t next_sequence = 0;  // guarded by the GIL

Node::Node(const char* n, Edge* e, uint32_t count, uint32_t outputs)
    : edge_count(uint16_t(count)),
      output_count(uint16_t(outputs)),
      edges(e),
      sequence(next_sequence++),
      name(n) {
  if (anomaly.on) [[unlikely]]
    anomaly.created(this);
}

Node::~Node() {
  if (hooks) delete hooks;
  if (more_pending) delete more_pending;
}

void release_node(Node* n) { Ref<Node>::adopt(n); }

void Node::destroy(Node* node) {
  static Node* doomed = nullptr;
  static bool unlinking = false;
  node->next_doomed_ = doomed;
  doomed = node;
  if (unlinking) return;  // an outer call is already looping
  unlinking = true;
  while (doomed) {
    Node* n = std::exchange(doomed, doomed->next_doomed_);
    const uint32_t c = n->size_class();
    n->~Node();
    deallocate(n, c);
  }
  unlinking = false;
}

Extras& extras_of(TensorImpl& t) {
  if (!t.extras) {
    t.extras = new Extras;
    destroy_extras = [](TensorImpl* dying) {
      Extras* e = std::exchange(dying->extras, nullptr);
      if (e->retains_grad && dying->grad_fn && dying->grad_fn->hooks)
        std::erase_if(dying->grad_fn->hooks->retained,
                      [&](const Hooks::Retained& r) { return r.tensor == dying; });
      if (!e->tangents.empty()) forget_tangent(dying);
      delete e;
    };
  }
  return *t.extras;
}

void set_grad_fn(TensorImpl& t, Ref<Node> node, int output) {
  const Ref<Node> previous = Ref<Node>::adopt(t.grad_fn);
  if (t.extras && t.extras->retains_grad) [[unlikely]] {  // .grad follows the tensor to its new history
    if (previous && previous->hooks)
      std::erase_if(previous->hooks->retained, [&](const Hooks::Retained& r) { return r.tensor == &t; });
    if (node) node->hook_list().retained.push_back({uint32_t(output), &t});
  }
  t.requires_grad = bool(node);
  t.grad_fn = node.release();
  t.output_nr = uint16_t(output);
}

void fail_released(const Node* n) {
  fail(
      "Trying to backward through the graph a second time (or directly access saved tensors after they have "
      "already been "
      "freed). Saved intermediate values of the graph are freed when you call .backward() or "
      "autograd.grad(). Specify "
      "retain_graph=True if you need to backward through the graph a second time or if you need to access "
      "saved tensors "
      "after calling backward. (The values were those of ",
      n->name, ".)");
}

bool pack(Saved&, const Tensor&, bool is_output);  // watch.cpp

void Saved::keep_input(const Tensor& t) {
  if (t->inference) [[unlikely]]
    fail(
        "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode "
        "in computation "
        "tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in "
        "autograd, or use "
        "`torch.no_grad()` instead of `torch.inference_mode()`.");
  if (packing && pack(*this, t, false)) [[unlikely]]
    return;
  tensor = t;
  version = t->version();
  present = true;
}

void Saved::keep_output(const Tensor& t, int output_nr) {
  output = uint16_t(output_nr);
  if (packing && pack(*this, t, true)) [[unlikely]]
    return;
  tensor = alias(*t);
  version = t->version();
  is_output = present = true;
  if (mode.forward) [[unlikely]]
    share_tangents(*tensor, *t);
}

void Saved::fail_changed(const Node* owner) const {
  if (!tensor) fail_released(owner);
  fail(
      "one of the variables needed for gradient computation has been modified by an inplace operation: "
      "[torch.",
      c_name(tensor->dtype), "Tensor ", to_string(tensor->shape()), "], which is ",
      is_output ? "output " : "an input", is_output ? std::to_string(output) : std::string(), " of ",
      owner->name, ", is at version ", tensor->version(), "; expected version ", version,
      " instead. Hint: enable anomaly detection to find the operation that failed to compute its gradient, "
      "with "
      "torch.autograd.set_detect_anomaly(True).");
}

Tensor Saved::unpack(Node* owner, bool create_graph) const {
  if (!present) return nullptr;
  peek(owner);
  if (!is_output || !create_graph) return tensor;
  Tensor with_history = alias(*tensor);
  if (mode.forward) [[unlikely]]
    share_tangents(*with_history, *tensor);
  set_grad_fn(*with_history, Ref<Node>(owner), output);
  return with_history;
}

}  // namespace facula
