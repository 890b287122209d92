// Optimizer steps over dense arrays. Compiled without contraction: a product and a sum are one rounding
// exactly where PyTorch's kernels make them one, so that trainings agree to the last bit.
#include "cpu/optim.h"
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off")
#elif defined(__clang__)
#pragma clang fp contract(off)
#endif

namespace facula {
inline namespace FACULA_ISA {
namespace {

inline float multiply_add(float a, float b, float c) {
#ifdef __FMA__
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}
inline double multiply_add(double a, double b, double c) {
#ifdef __FMA__
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}
inline float root(float x) { return __builtin_sqrtf(x); }
inline double root(double x) { return __builtin_sqrt(x); }

template <class T> void sgd(const SgdStep& s, int64_t n, T* __restrict p, const T* __restrict grad,
                            T* __restrict buffer, bool fresh) {
  const T decay = T(s.weight_decay), momentum = T(s.momentum), share = T(1 - s.dampening), rate = T(-s.lr);
  const T sign = s.maximize ? T(-1) : T(1);
  auto gradient = [&](int64_t i) {
    const T g = sign * grad[i];
    return decay != T(0) ? multiply_add(decay, p[i], g) : g;
  };
  if (!buffer) {
    for (int64_t i = 0; i < n; ++i) p[i] = multiply_add(rate, gradient(i), p[i]);
  } else if (fresh) {
    for (int64_t i = 0; i < n; ++i) {
      const T g = gradient(i);
      buffer[i] = g;
      p[i] = multiply_add(rate, s.nesterov ? multiply_add(momentum, g, g) : g, p[i]);
    }
  } else {
    for (int64_t i = 0; i < n; ++i) {
      const T g = gradient(i);
      const T b = multiply_add(share, g, buffer[i] * momentum);
      buffer[i] = b;
      p[i] = multiply_add(rate, s.nesterov ? multiply_add(momentum, b, g) : b, p[i]);
    }
  }
}

template <class T, bool Largest> void adam_loop(const AdamStep& s, int64_t n, T* __restrict p,
                                                const T* __restrict grad, T* __restrict mean,
                                                T* __restrict square, T* __restrict largest) {
  const T decay = T(s.weight_decay), shrink = T(s.shrink), eps = T(s.eps), rate = T(-s.step_size);
  const T toward = T(1 - s.beta1), keep = T(s.beta2), share = T(1 - s.beta2),
          correction = T(s.root_correction);
  const T sign = s.maximize ? T(-1) : T(1);
  const bool near_end = !(toward < T(0.5));  // lerp works from the nearer end
  for (int64_t i = 0; i < n; ++i) {
    const T old = p[i] * shrink;
    T g = sign * grad[i];
    g = decay != T(0) ? multiply_add(decay, old, g) : g;
    const T away = g - mean[i];
    const T m = near_end ? multiply_add(toward - T(1), away, g) : multiply_add(toward, away, mean[i]);
    mean[i] = m;
    T v = multiply_add(share * g, g, square[i] * keep);
    square[i] = v;
    if constexpr (Largest) {
      // as torch.maximum: a nan on either side stays
      v = largest[i] > v || largest[i] != largest[i] ? largest[i] : v;
      largest[i] = v;
    }
    p[i] = old + rate * m / (root(v) / correction + eps);
  }
}

template <class T>
void adam(const AdamStep& s, int64_t n, T* p, const T* grad, T* mean, T* square, T* largest) {
  if (largest) adam_loop<T, true>(s, n, p, grad, mean, square, largest);
  else adam_loop<T, false>(s, n, p, grad, mean, square, largest);
}

constexpr OptimKernels table{sgd<float>, sgd<double>, adam<float>, adam<double>};

}  // namespace

extern const OptimKernels* const optim_kernels;
const OptimKernels* const optim_kernels = &table;

}  // namespace FACULA_ISA
}  // namespace facula
