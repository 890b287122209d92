// Kernels of softmax, and of the loss that picks one element of each row.
#pragma once
#include <cstdint>

namespace facula {

// x and y: `count` runs of n elements each, an element every `step`; neighbouring runs lie side by side.
template <class T>
using SoftmaxFn = void (*)(const T* x, T* y, int64_t count, int64_t n, int64_t step, bool log);

struct SoftmaxKernels {
  SoftmaxFn<float> of_float;
  SoftmaxFn<double> of_double;
};
const SoftmaxKernels& best_softmax_kernels();

}  // namespace facula
