// Whose turn it is to run a backward.
#pragma once
#include <chrono>
#include <condition_variable>
#include <mutex>
#include "autograd/watch.h"
#include "core/parallel.h"

namespace facula {

// One thread runs a backward at a time: nodes hold the gradients that are on their way. (Under the GIL, which
// is let go for waiting.)
class Turn {
 public:
  static constexpr int kDeep = 60;  // backwards within backwards on one stack
  static bool is_deep() { return depth_ && depth_ % kDeep == 0 && owner_ == &mode && on_fresh_stack; }
  static void hand_to(const Mode& of_thread) { owner_ = &of_thread; }

  Turn() {
    const void* self = &mode;
    while (owner_ && owner_ != self) wait();
    owner_ = self;
    ++depth_;
  }
  ~Turn() {
    if (--depth_) return;
    owner_ = nullptr;
    if (waiting_) [[unlikely]] {
      const std::lock_guard lock(mutex_);
      free_.notify_all();
    }
  }
  Turn(const Turn&) = delete;

 private:
  static void wait() {
    ++waiting_;
    {
      const WithoutInterpreter others_go_on;
      std::unique_lock lock(mutex_);
      free_.wait_for(lock, std::chrono::milliseconds(1));  // the owner may have gone before we slept
    }
    --waiting_;
  }
  static inline const void* owner_ = nullptr;
  static inline int depth_ = 0, waiting_ = 0;
  static inline std::mutex mutex_;
  static inline std::condition_variable free_;
};

}  // namespace facula
