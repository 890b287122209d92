#include "autograd/watch.h"
#include <algorithm>

namespace facula {

Tensor (*dense_of)(const Tensor&) = [](const Tensor& t) { return t; };
bool (*is_sparse)(const TensorImpl&) = [](const TensorImpl&) { return false; };
Tensor (*add_sparse)(const Tensor&, const Tensor&, bool) = nullptr;

thread_local constinit bool packing [[gnu::tls_model("initial-exec")]] = false;
bool packed_before = false;
std::shared_ptr<PackedTensor> (*pack_tensor)(const Tensor&) = nullptr;
bool keep_layout = true;
Anomaly anomaly;
void (*on_fresh_stack)(const std::function<void()>&) = nullptr;
bool (*is_single_function)(const Node&) = nullptr;
bool (*is_function)(const Node&) = [](const Node&) { return false; };
thread_local constinit Capture* capturing [[gnu::tls_model("initial-exec")]] = nullptr;
thread_local Node* running_node = nullptr;

namespace {

class PassOn final : public Node {  // the history of what a hook gave back for a leaf
 public:
  explicit PassOn(Edge e) : Node("AliasBackward0", &edge_, 1), edge_(std::move(e)) {}
  void backward(const Tensor* g, Tensor* grads, bool) override { grads[0] = g[0]; }
  void release() override {}
  uint32_t size_class() const override { return kSizeClass<PassOn>; }

 private:
  Edge edge_;
};

template <class T, class Hook> T* found_in(const std::vector<std::shared_ptr<Hook>>& hooks) {
  for (const auto& h : hooks)
    if (auto* wanted = dynamic_cast<T*>(h.get())) return wanted;
  return nullptr;
}

// What is_output does not say.
Tensor restored(PackedTensor& packed, bool is_output) {
  Tensor t = packed.unpack();
  if (is_output || !packed.history) return t;
  t = alias(*t);
  const Edge& from = packed.history;
  if (from.node) set_grad_fn(*t, from.node, int(from.output));
  else set_grad_fn(*t, Ref<Node>::adopt(new (allocate(kSizeClass<PassOn>)) PassOn(from)));
  return t;
}

}  // namespace

void keep_packed(Saved& s, const Tensor& t, bool is_output, std::shared_ptr<PackedTensor> packed) {
  if (!is_output) packed->history = edge_to(t.get());
  packed->dtype = t->dtype;
  packed->shape = t->shape();
  s.tensor = full(Dims{0}, 0, DType::UInt8);
  extras_of(*s.tensor).hooks.push_back(std::move(packed));
  s.version = s.tensor->version();
  s.is_output = is_output;
  s.present = true;
  packed_before = true;
}

// False: the hooks are not to see it.
bool pack(Saved& s, const Tensor& t, bool is_output) {
  struct Off {
    Off() { packing = false; }
    ~Off() { packing = true; }
  };
  const uint32_t before = t->version();
  std::shared_ptr<PackedTensor> packed;
  {
    const Off off;
    packed = pack_tensor(is_output ? alias(*t) : t);
  }
  if (!packed) return false;
  if (t->version() != before)
    fail(
        "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook "
        "cannot be modified by in-place operations as this can lead to unexpected side-effects. Please open "
        "an "
        "issue if you need to perform in-place operations on the input to a pack hook.");
  keep_packed(s, t, is_output, std::move(packed));
  return true;
}

PackedTensor* packed_in(const Saved& s) {
  return s.tensor && s.tensor->extras ? found_in<PackedTensor>(s.tensor->extras->hooks) : nullptr;
}
Tensor unpack(const Saved& s, Node* owner) {
  PackedTensor* packed = packed_in(s);
  if (!packed) return s.unpack(owner, true);
  const Tensor stand_in = s.tensor;  // the hook may let go of the node
  Tensor t = restored(*packed, s.is_output);
  if (!s.is_output) return t;
  t = alias(*t);
  set_grad_fn(*t, Ref<Node>(owner), s.output);
  return t;
}

// Kernels trust what was saved. Loops over elements look at their operands: these may repeat, and be of
// another type.
static void check_restored(const PackedTensor& packed, const Tensor& t, const Node& owner) {
  const bool loop = owner.parts().pointwise && t->ndim <= packed.shape.count;
  bool fits = !t->is_meta() && (loop || (t->dtype == packed.dtype && t->ndim == packed.shape.count));
  for (int d = 0; fits && d < t->ndim; ++d) {
    const int64_t size = t->sizes[d];
    fits = size == packed.shape[packed.shape.count - t->ndim + d] || (loop && size == 1);
  }
  if (fits) return;
  fail("A saved tensor unpack hook gave ", owner.name, " a tensor of shape ", to_string(t->shape()),
       ", dtype torch.", name(t->dtype), t->is_meta() ? ", on the device meta" : "",
       " in place of one of shape ", to_string(packed.shape), ", dtype torch.", name(packed.dtype),
       "\nSuggestion: unpack what was packed: the pack hook's result has to say enough to make it again.");
}

Unpacked::Unpacked(Saved* saved, size_t count, Node* owner) {
  for (size_t i = 0; i < count; ++i) {
    PackedTensor* packed = packed_in(saved[i]);
    if (!packed) continue;
    Tensor t = restored(*packed, saved[i].is_output);
    check_restored(*packed, t, *owner);
    places_.push_back({&saved[i], std::exchange(saved[i].tensor, std::move(t))});
    saved[i].version = saved[i].tensor->version();
  }
}
Unpacked::~Unpacked() {
  for (Place& p : places_) {
    p.saved->tensor = std::move(p.stand_in);
    p.saved->version = p.saved->tensor->version();
  }
}

void refuse_captured(const TensorImpl& t) {
  const Capture& c = *capturing;
  if (t.storage->born >= c.since || std::ranges::find(c.own, t.storage) != c.own.end()) return;
  // The operation's name is put in where it is known (facula/_advice.py).
  fail(
      "During a grad (vjp, jvp, grad, etc) transform, the function provided attempted to call in-place "
      "operation (aten::?) that would mutate a captured Tensor. This is not supported; please rewrite the "
      "function being transformed to explicitly accept the mutated Tensor(s) as inputs.");
}

Notes* notes_of(const Node& n) { return n.hooks ? found_in<Notes>(n.hooks->post) : nullptr; }
Notes& make_notes(Node& n) {
  if (Notes* there = notes_of(n)) return *there;
  auto made = std::make_shared<Notes>();
  n.hook_list().post.push_back(made);
  return *made;
}
AccumulateHooks* accumulate_hooks(const TensorImpl& leaf) {
  return leaf.extras ? found_in<AccumulateHooks>(leaf.extras->hooks) : nullptr;
}
AccumulateHooks& make_accumulate_hooks(TensorImpl& leaf) {
  if (AccumulateHooks* there = accumulate_hooks(leaf)) return *there;
  auto made = std::make_shared<AccumulateHooks>();
  extras_of(leaf).hooks.push_back(made);
  return *made;
}

}  // namespace facula
