#include "autograd/forward.h"
#include "autograd/watch.h"
#include "autograd/places.h"
#include <algorithm>
#include <cstring>

namespace facula {

thread_local constinit Mode mode [[gnu::tls_model("initial-exec")]];

static uint64_t next_sequence = 0;  // guarded by the GIL
uint64_t next_node() { return next_sequence; }

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
  const std::string place = place_of_backward(n->sequence);
  fail(
      "Trying to backward through the graph a second time (or directly access saved tensors after they have "
      "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
      "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or "
      "if you need to access saved tensors after calling backward.\n",
      "The values that ", n->name, " had kept were freed by the first backward", place.empty() ? "" : " at ",
      place,
      ".\nSuggestion: give that first call retain_graph=True, or compute the loss again before the second "
      "one, or add the losses and call backward() once.");
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
  // What a tangent is computed from (mode.level) is not kept for a backward: hooks do not see it.
  if (packing && !mode.level && pack(*this, t, false)) [[unlikely]]
    return;
  tensor = t;
  version = t->version();
  mark_kept(*t);
  present = true;
}

void Saved::keep_output(const Tensor& t, int output_nr) {
  output = uint16_t(output_nr);
  if (packing && pack(*this, t, true)) [[unlikely]]
    return;
  tensor = alias(*t);
  version = t->version();
  mark_kept(*t);
  is_output = present = true;
  if (mode.forward) [[unlikely]]
    share_tangents(*tensor, *t);
}

std::string short_name(const Node& n) {
  const std::string_view name = n.name;
  const size_t at = name.find("Backward");
  const std::string_view number = at == name.npos ? "" : name.substr(at + 8);
  if (at != name.npos && number.find_first_not_of("0123456789") == number.npos)
    return concat(name.substr(0, at), number == "0" ? "" : number);
  return concat(name == "CopySlices" || name == "CopyBackwards" ? "torch::autograd::" : "", name);
}

// Of several operands that were changed PyTorch names the first by its names for them: `other`, `exponent`
// and `mat2` come before `self`.
static const Saved* named_before(const Saved* found, const Node& owner) {
  static constexpr std::string_view products[] = {"Mm", "Bmm", "LinalgCross", "UnsafeView", "Squeeze4"};
  const NodeParts parts = owner.parts();
  if (!(parts.pointwise && owner.edge_count == 2) &&
      std::ranges::find(products, short_name(owner)) == std::end(products))
    return found;
  for (size_t i = 0; i < std::min<size_t>(parts.saved_count, owner.edge_count); ++i) {
    const Saved& s = parts.saved[i];
    if (&s > found && s.tensor && s.tensor->version() != s.version) found = &s;
  }
  return found;
}

void Saved::fail_changed(const Node* owner) const {
  if (!tensor) fail_released(owner);
  if (const Saved* other = named_before(this, *owner); other != this) other->fail_changed(owner);
  const Node* maker = is_output ? owner : grad_fn(tensor.get());
  const std::string of = maker ? concat(", which is output ", int(is_output ? output : tensor->output_nr),
                                        " of ", short_name(*maker), ",")
                               : std::string();
  const std::string place = place_of_write(*tensor, version, owner->sequence);
  const uint32_t writes = tensor->version() - version;
  std::string said =
      concat("The tensor of shape ", to_string(tensor->shape()), ", dtype torch.", name(tensor->dtype),
             ", kept by ", owner->name, " for its derivative, was written in place");
  if (!place.empty()) said += " at " + place;
  else if (tensor->requires_grad && !tensor->grad_fn)
    said += ", probably by the step() of an optimizer: it is a parameter";
  if (writes > 1) said += concat(" (the first of ", writes, " writes)");
  fail(
      "one of the variables needed for gradient computation has been modified by an inplace operation: "
      "[",
      tensor->dtype == DType::Bool ? std::string("CPUBoolType")
                                   : concat("torch.", c_name(tensor->dtype), "Tensor"),
      " ", to_string(tensor->shape()), "]", of, " is at version ", tensor->version(), "; expected version ",
      version,
      " instead. Hint: enable anomaly detection to find the operation that failed to compute its gradient, "
      "with torch.autograd.set_detect_anomaly(True, check_nan=False).\n",
      said, ".\nSuggestion: ",
      tensor->requires_grad && !tensor->grad_fn
          ? "call backward() before that write, or run the forward pass again after it."
          : "write that line without the trailing underscore or augmented assignment (x = x + 1 for x += 1), "
            "or "
            "keep a copy for it: x.clone().");
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
