// Kernels of the fused optimizer steps: one parameter's elements, all operations of a step at once.
// The order of operations and of roundings is that of the step written with tensors.
#pragma once
#include <cstdint>

namespace facula {

struct SgdStep {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize;
};

struct AdamStep {
  double beta1, beta2, eps;
  double weight_decay;     // of the gradient (L2)
  double shrink;           // factor of the parameter (decoupled weight decay); 1 for none
  double step_size;        // lr / (1 - beta1^step)
  double root_correction;  // sqrt(1 - beta2^step)
  bool maximize;
};

// `buffer` is null without momentum; `fresh` buffers take the gradient itself.
template <class T>
using SgdFn = void (*)(const SgdStep&, int64_t n, T* param, const T* grad, T* buffer, bool fresh);
// `largest` is null without amsgrad.
template <class T>
using AdamFn = void (*)(const AdamStep&, int64_t n, T* param, const T* grad, T* mean, T* square, T* largest);

// The other optimizers: formulas over the elements of a parameter, its gradient and up to three states, with
// constants that are computed once a step (python/optim_steps.cpp names the places).
enum class StepKind : int { Adadelta, Adagrad, Adamax, Asgd, NAdam, RAdam, RmsProp, Rprop };
inline constexpr int kStepKinds = 8;
struct StepConstants {
  double sign = 1;    // of the gradient
  double decay = 0;   // weight decay of the gradient
  double shrink = 1;  // factor of the parameter
  double v[8] = {};
};
template <class T>
using StepFn = void (*)(const StepConstants&, int64_t n, T* param, const T* grad, T* a, T* b, T* c);

struct OptimKernels {
  SgdFn<float> sgd_float;
  SgdFn<double> sgd_double;
  AdamFn<float> adam_float;
  AdamFn<double> adam_double;
  StepFn<float> step_float[kStepKinds];
  StepFn<double> step_double[kStepKinds];
};
const OptimKernels& best_optim_kernels();

}  // namespace facula
