// What few programs switch on: hooks on saved tensors, anomaly mode; and questions about the backward that
// runs. Python fills in the functions (python/watch.cpp).
#pragma once
#include <functional>
#include "autograd/node.h"

namespace facula {

// Of sparse tensors, which are written in Python; what the engine sees of one has no memory. Only Functions
// of the user's own and leaves get sparse gradients.
extern Tensor (*dense_of)(const Tensor&);
extern bool (*is_sparse)(const TensorImpl&);
extern Tensor (*add_sparse)(const Tensor& sum, const Tensor& part, bool in_place);  // either is sparse

// Nodes made now hand what they save to a hook (torch.autograd.graph.saved_tensors_hooks). What is kept then
// is a stand-in: a tensor without elements that owns what the hook gave. Around a node's backward the engine
// puts the tensors in their places and takes them away again.
extern thread_local constinit bool packing [[gnu::tls_model("initial-exec")]];
extern bool packed_before;  // since the program began: else nobody looks for stand-ins
struct PackedTensor : GradHook {
  Edge history;
  DType dtype{};  // of what was packed, as of its shape
  Dims shape;
  virtual Tensor unpack() = 0;
  Tensor call(const Tensor&) override { return nullptr; }
};
extern std::shared_ptr<PackedTensor> (*pack_tensor)(const Tensor&);
// `s` keeps what a hook made of t from now on.
void keep_packed(Saved& s, const Tensor& t, bool is_output, std::shared_ptr<PackedTensor>);
PackedTensor* packed_in(const Saved&);     // null: an ordinary tensor
Tensor unpack(const Saved&, Node* owner);  // of any kind, with its history
class Unpacked {                           // stand-ins replaced until the end of the scope
 public:
  Unpacked(Saved* saved, size_t count, Node* owner);
  ~Unpacked();
  Unpacked(const Unpacked&) = delete;

 private:
  struct Place {
    Saved* saved;
    Tensor stand_in;
  };
  std::vector<Place> places_;
};

// What Python keeps with a node, among its hooks: where it was made, in anomaly mode; the user's metadata.
struct Notes : NodeHook {
  std::shared_ptr<void> stack, metadata;
  void call(Tensor*, int, const Tensor*, int) override {}
};
Notes* notes_of(const Node&);  // or null
Notes& make_notes(Node&);
// Hooks on the AccumulateGrad of a leaf: kept among the leaf's.
struct AccumulateHooks : GradHook {
  std::vector<std::shared_ptr<NodeHook>> pre, post;
  Tensor call(const Tensor&) override { return nullptr; }
};
AccumulateHooks* accumulate_hooks(const TensorImpl& leaf);  // or null
AccumulateHooks& make_accumulate_hooks(TensorImpl& leaf);

extern bool keep_layout;  // gradients of leaves are laid out as these; else those that may be taken are

struct Anomaly {
  bool on = false, check_nan = true;
  bool (*has_nan)(const Tensor&) = nullptr;
  void (*created)(Node*) = nullptr;       // a node was made
  void (*failed)(const Node&) = nullptr;  // an error came out of a node's backward: tell where it was made
};
extern Anomaly anomaly;
extern thread_local Node* running_node;  // whose backward runs

// f() on a thread of its own, which the caller waits for and which has the caller's modes: backwards within
// backwards, thousands deep, need more than one stack.
extern void (*on_fresh_stack)(const std::function<void()>& f);

// The output_nr of a view that a Function returned where nothing was recorded: it may not be written to.
constexpr uint16_t kOfFunction = UINT16_MAX;

// The hooks that a gradient meets are those of the moment it arrives: one that another of them takes away is
// still called. Hooks removed during a pass let go of their functions when the outermost pass ends.
struct HookPass {
  static inline uint64_t clock = 0;    // passes and removals, in order (under the GIL)
  static inline uint64_t current = 0;  // when the innermost pass began; 0: none
  static inline std::vector<std::function<void()>> later;
  uint64_t outer = current;
  HookPass() { current = ++clock; }
  ~HookPass() {
    current = outer;
    if (!outer && !later.empty()) [[unlikely]]
      for (const auto& f : std::exchange(later, {})) f();
  }
  HookPass(const HookPass&) = delete;
};

// A transform of torch.func that runs on this thread. Its function may not write to memory that is older than
// the transform and is not that of its inputs.
struct Capture {
  Capture* outer;
  uint32_t since;
  std::vector<const Storage*> own;
};
extern thread_local constinit Capture* capturing [[gnu::tls_model("initial-exec")]];  // the innermost
void refuse_captured(const TensorImpl& written);  // where it is captured: call where `capturing` is set

// Whether a node is a Function of the user's own: it runs even where no gradient has come to it.
extern bool (*is_function)(const Node&);
// Whether a node is a Function of the user's own with one output that has gradients (python/function.cpp).
extern bool (*is_single_function)(const Node&);

// Of the innermost backward on this thread.
int64_t current_run();                  // its number, or -1
int64_t batch_of_run();                 // vectors per gradient, or 0
bool run_will_reach(const Node* node);  // whether it runs this node, or has
bool run_will_reach(const TensorImpl* leaf);
bool run_for_inputs();                    // gradients are computed for some tensors alone
void after_run(std::function<void()> f);  // throws where none runs

}  // namespace facula
