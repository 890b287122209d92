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

// --- one formula an optimizer ---
// apply(c, p, g, a, b, c): p is the parameter after its shrinking, g the gradient with its decay; all but g
// are written. A formula whose state is absent never reads it.

// As torch.lerp: from the nearer end.
template <class T> inline T toward(T from, T to, T weight) {
  const T away = to - from;
  return !(weight < T(0.5)) ? multiply_add(weight - T(1), away, to) : multiply_add(weight, away, from);
}
template <class T> inline T sign_of(T x) { return T(x > T(0)) - T(x < T(0)); }

template <class T> struct Adadelta {  // v: rho, 1 - rho, eps, -lr
  T rho, share, eps, rate;
  explicit Adadelta(const StepConstants& c) : rho(c.v[0]), share(c.v[1]), eps(c.v[2]), rate(c.v[3]) {}
  void apply(T& p, T g, T& square, T& change, T&) const {
    square = multiply_add(share * g, g, square * rho);
    const T delta = root(change + eps) / root(square + eps) * g;
    change = multiply_add(share * delta, delta, change * rho);
    p = multiply_add(rate, delta, p);
  }
};

template <class T> struct Adagrad {  // v: eps, -lr
  T eps, rate;
  explicit Adagrad(const StepConstants& c) : eps(c.v[0]), rate(c.v[1]) {}
  void apply(T& p, T g, T& sum, T&, T&) const {
    sum = multiply_add(g, g, sum);
    p = p + rate * g / (root(sum) + eps);
  }
};

template <class T> struct Adamax {  // v: 1 - beta1, beta2, eps, -lr
  T share, keep, eps, rate;
  explicit Adamax(const StepConstants& c) : share(c.v[0]), keep(c.v[1]), eps(c.v[2]), rate(c.v[3]) {}
  void apply(T& p, T g, T& mean, T& norm, T&) const {
    mean = toward(mean, g, share);
    const T old = norm * keep, now = (g < T(0) ? -g : g) + eps;
    norm = old > now || old != old ? old : now;  // as torch.maximum: a nan on either side stays
    p = p + rate * mean / norm;
  }
};

template <class T> struct Asgd {  // v: -eta, mu, whether mu is 1
  T rate, mu, copies;
  explicit Asgd(const StepConstants& c) : rate(c.v[0]), mu(c.v[1]), copies(c.v[2]) {}
  void apply(T& p, T g, T& mean, T&, T&) const {
    p = multiply_add(rate, g, p);
    mean = copies != T(0) ? p : mean + (p - mean) * mu;
  }
};

template <class T> struct NAdam {  // v: 1 - beta1, beta2, 1 - beta2, 1 - beta2^step, eps, rates of g and mean
  T share, keep, new_share, correction, eps, rate, mean_rate;
  explicit NAdam(const StepConstants& c)
      : share(c.v[0]),
        keep(c.v[1]),
        new_share(c.v[2]),
        correction(c.v[3]),
        eps(c.v[4]),
        rate(c.v[5]),
        mean_rate(c.v[6]) {}
  void apply(T& p, T g, T& mean, T& square, T&) const {
    mean = toward(mean, g, share);
    square = multiply_add(new_share * g, g, square * keep);
    const T size = root(square / correction) + eps;
    p = p + rate * g / size;
    p = p + mean_rate * mean / size;
  }
};

template <class T>
struct RAdam {  // v: 1 - beta1, beta2, 1 - beta2, 1 - beta1^step, eps, lr, root, rectification
  T share, keep, new_share, correction, eps, rate, top, rectify;
  explicit RAdam(const StepConstants& c)
      : share(c.v[0]),
        keep(c.v[1]),
        new_share(c.v[2]),
        correction(c.v[3]),
        eps(c.v[4]),
        rate(c.v[5]),
        top(c.v[6]),
        rectify(c.v[7]) {}
  void apply(T& p, T g, T& mean, T& square, T&) const {
    mean = toward(mean, g, share);
    square = multiply_add(new_share * g, g, square * keep);
    const T plain = mean / correction * rate;
    // No rectification: the variance of the first steps is not known.
    p = p - (rectify != T(0) ? plain * (top / (root(square) + eps)) * rectify : plain);
  }
};

template <class T, bool Centered, bool Momentum> struct RmsProp {  // v: alpha, 1 - alpha, eps, momentum, -lr
  T keep, share, eps, momentum, rate;
  explicit RmsProp(const StepConstants& c)
      : keep(c.v[0]), share(c.v[1]), eps(c.v[2]), momentum(c.v[3]), rate(c.v[4]) {}
  void apply(T& p, T g, T& square, T& mean, T& buffer) const {
    square = multiply_add(share * g, g, square * keep);
    T size = square;
    if constexpr (Centered) {
      mean = toward(mean, g, share);
      size = multiply_add(-mean, mean, square);
    }
    size = root(size) + eps;
    if constexpr (Momentum) {
      buffer = buffer * momentum + g / size;
      p = multiply_add(rate, buffer, p);
    } else {
      p = p + rate * g / size;
    }
  }
};

// Without the mean the buffer comes second.
template <class T> struct RmsPropBuffer : RmsProp<T, false, true> {
  using RmsProp<T, false, true>::RmsProp;
  void apply(T& p, T g, T& square, T& buffer, T& none) const {
    RmsProp<T, false, true>::apply(p, g, square, none, buffer);
  }
};

template <class T> struct Rprop {  // v: eta-, eta+, the smallest and the largest step
  T less, more, least, most;
  explicit Rprop(const StepConstants& c) : less(c.v[0]), more(c.v[1]), least(c.v[2]), most(c.v[3]) {}
  void apply(T& p, T g, T& previous, T& size, T&) const {
    const T turn = sign_of(g * previous);
    T now = size * (turn > T(0) ? more : turn < T(0) ? less : T(1));
    now = now < least ? least : now;
    size = now > most ? most : now;
    const T used = turn < T(0) ? T(0) : g;
    p = p - sign_of(used) * size;
    previous = used;
  }
};

// F's states that are absent are read from and written to nowhere.
template <class T, class F, int States> void steps(const StepConstants& k, int64_t n, T* __restrict p,
                                                   const T* __restrict grad, T* __restrict a, T* __restrict b,
                                                   T* __restrict c) {
  const F f(k);
  const T sign = T(k.sign), decay = T(k.decay), shrink = T(k.shrink);
  for (int64_t i = 0; i < n; ++i) {
    T g = sign * grad[i];
    g = decay != T(0) ? multiply_add(decay, p[i], g) : g;
    T now = p[i] * shrink;
    T none = T(0);
    if constexpr (States == 1) f.apply(now, g, a[i], none, none);
    else if constexpr (States == 2) f.apply(now, g, a[i], b[i], none);
    else f.apply(now, g, a[i], b[i], c[i]);
    p[i] = now;
  }
}

// RMSprop keeps its mean only when centered and its buffer only with momentum.
template <class T> void rms_prop(const StepConstants& k, int64_t n, T* p, const T* grad, T* a, T* b, T* c) {
  if (b && c) return steps<T, RmsProp<T, true, true>, 3>(k, n, p, grad, a, b, c);
  if (b) return steps<T, RmsProp<T, true, false>, 2>(k, n, p, grad, a, b, nullptr);
  if (c) return steps<T, RmsPropBuffer<T>, 2>(k, n, p, grad, a, c, nullptr);
  steps<T, RmsProp<T, false, false>, 1>(k, n, p, grad, a, nullptr, nullptr);
}

template <class T> constexpr StepFn<T> kSteps[kStepKinds] = {steps<T, Adadelta<T>, 2>,
                                                             steps<T, Adagrad<T>, 1>,
                                                             steps<T, Adamax<T>, 2>,
                                                             steps<T, Asgd<T>, 1>,
                                                             steps<T, NAdam<T>, 2>,
                                                             steps<T, RAdam<T>, 2>,
                                                             rms_prop<T>,
                                                             steps<T, Rprop<T>, 2>};

constexpr OptimKernels table = [] {
  OptimKernels t{sgd<float>, sgd<double>, adam<float>, adam<double>, {}, {}};
  for (int i = 0; i < kStepKinds; ++i) {
    t.step_float[i] = kSteps<float>[i];
    t.step_double[i] = kSteps<double>[i];
  }
  return t;
}();

}  // namespace

extern const OptimKernels* const optim_kernels;
const OptimKernels* const optim_kernels = &table;

}  // namespace FACULA_ISA
}  // namespace facula
