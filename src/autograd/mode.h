// What the calling thread does with new operations: record them or not.
#pragma once

namespace facula {

struct Mode {
  bool grad = true;         // record operations
  bool inference = false;   // tensors made now never take part in autograd
  bool asked = false;       // enable_grad() inside of inference mode, where it is remembered alone
  bool lazy_batch = false;  // results of operands that repeat along dimension 0 may repeat too (op/execute.h)
  bool forward_allowed = true;
  int forward = 0;  // open dual levels: results get tangents at each (autograd/forward.h)
  int level = 0;    // the one whose tangents are being computed; 0: none
};
// initial-exec: one load instead of a call, which a library loaded at run time would else make.
extern thread_local constinit Mode mode [[gnu::tls_model("initial-exec")]];

// Off: what follows is plain computation, without tangents as well. (Python's no_grad leaves those alone.)
struct GradMode {
  bool previous = mode.grad;
  int forward = mode.forward;
  explicit GradMode(bool on) {
    mode.grad = on;
    if (!on) mode.forward = 0;
  }
  ~GradMode() {
    mode.grad = previous;
    mode.forward = forward;
  }
  GradMode(const GradMode&) = delete;
};
struct NoForward {  // no tangents, while recording stays as it is
  int previous = mode.forward;
  NoForward() { mode.forward = 0; }
  ~NoForward() { mode.forward = previous; }
  NoForward(const NoForward&) = delete;
};
// Tangents of one level are computed with those of the levels below it alone, which they then carry.
struct BelowLevel {
  int forward = mode.forward, level = mode.level;
  BelowLevel() {
    if (level) mode.forward = level - 1;
    mode.level = 0;
  }
  ~BelowLevel() {
    mode.forward = forward;
    mode.level = level;
  }
  BelowLevel(const BelowLevel&) = delete;
};
template <class F> void mode_at(int level, F&& f) {
  struct Restore {
    int level = mode.level;
    ~Restore() { mode.level = level; }
  } restore;
  mode.level = level;
  f();
}
// f() for each open level in turn, the lowest first.
template <class F> void at_each_level(F&& f) {
  for (int level = 1, open = mode.forward; level <= open; ++level) mode_at(level, f);
}

}  // namespace facula
