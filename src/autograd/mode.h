// What the calling thread does with new operations: record them or not.
#pragma once

namespace facula {

struct Mode {
  bool grad = true;        // record operations
  bool inference = false;  // tensors made now never take part in autograd
};
// initial-exec: one load instead of a call, which a library loaded at run time would else make.
extern thread_local constinit Mode mode [[gnu::tls_model("initial-exec")]];

struct GradMode {
  bool previous = mode.grad;
  explicit GradMode(bool on) { mode.grad = on; }
  ~GradMode() { mode.grad = previous; }
  GradMode(const GradMode&) = delete;
};

}  // namespace facula
