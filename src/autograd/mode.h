// What the calling thread does with new operations: record them or not.
#pragma once

namespace facula {

struct Mode {
  bool grad = true;        // record operations
  bool inference = false;  // tensors made now never take part in autograd
  bool forward = false;    // a dual level is open: results get tangents (autograd/forward.h)
  bool forward_allowed = true;
};
// initial-exec: one load instead of a call, which a library loaded at run time would else make.
extern thread_local constinit Mode mode [[gnu::tls_model("initial-exec")]];

// Off: what follows is plain computation, without tangents as well. (Python's no_grad leaves those alone.)
struct GradMode {
  bool previous = mode.grad, forward = mode.forward;
  explicit GradMode(bool on) {
    mode.grad = on;
    mode.forward &= on;
  }
  ~GradMode() {
    mode.grad = previous;
    mode.forward = forward;
  }
  GradMode(const GradMode&) = delete;
};
struct NoForward {  // no tangents, while recording stays as it is
  bool previous = mode.forward;
  NoForward() { mode.forward = false; }
  ~NoForward() { mode.forward = previous; }
  NoForward(const NoForward&) = delete;
};

}  // namespace facula
