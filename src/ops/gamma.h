// The gamma function's logarithm, its derivatives, and what is defined by integrals of its kind.
#pragma once
#include "ops/special.h"

namespace facula {
inline namespace FACULA_ISA {

struct Lgamma {
  static constexpr OpInfo info{.signature = "lgamma(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .kernel = "lgamma_vml_cpu"};
  template <class T> constexpr T forward(T x) const { return lgamma(x); }
  template <class T> constexpr T backward(T g, T x, T) const { return g * digamma(x); }
};

struct Digamma {
  static constexpr OpInfo info{.signature = "digamma(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .scope = kAlsoSpecial,
                               .kernel = "digamma"};
  template <class T> constexpr T forward(T x) const { return digamma(x); }
  template <class T> constexpr T backward(T g, T x, T) const { return g * polygamma(x, 1); }
};

struct Polygamma {  // the derivative of order n of digamma; the public entries put n first
  static constexpr OpInfo info{.signature = "_polygamma(Tensor input, int n)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .scope = kPrivate,
                               .node = "PolygammaBackward0"};
  int64_t n = 0;
  constexpr const char* invalid() const {
    return n < 0 ? "polygamma(n, x) does not support negative n." : nullptr;
  }
  template <class T> constexpr T forward(T x) const { return polygamma(x, n); }
  template <class T> constexpr T backward(T g, T x, T) const { return g * polygamma(x, n + 1); }
};

struct Mvlgamma {  // log of pi^(p (p - 1) / 4) times the product of gamma(x - j / 2), j < p
  static constexpr OpInfo info{.signature = "_mvlgamma(Tensor input, int p)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .scope = kPrivate,
                               .refuses_bool = "The input tensor may not be a boolean tensor."};
  int64_t p = 1;
  constexpr const char* invalid() const { return p < 1 ? "p has to be greater than or equal to 1" : nullptr; }
  template <class T> constexpr T forward(T x) const {
    T y = T(0.28618247146235004355 * double(p) * double(p - 1));  // log(pi) / 4
    for (int64_t j = 0; j < p; ++j) y = y + lgamma(x - T(double(j) / 2));
    return y;
  }
  template <class T> constexpr T backward(T g, T x, T) const {
    T sum = digamma(x);
    for (int64_t j = 1; j < p; ++j) sum = sum + digamma(x - T(double(j) / 2));
    return g * sum;
  }
};

struct Zeta {  // Hurwitz's
  static constexpr OpInfo info{.signature = "zeta(Tensor input, Tensor other)",
                               .rule = DTypeRule::Floating,
                               .types = kWideFloats,
                               .scope = kSpecial | kOut,
                               .node = "SpecialZetaBackward0"};
  static constexpr const char* no_gradient[] = {"the derivative for 'zeta' is not implemented.", nullptr};
  template <class T> constexpr T forward(T s, T q) const { return zeta(s, q); }
  template <class T> constexpr Grads<T, 2> backward(T g, T s, T q, T) const {
    return {T(0), g * (-s * zeta(s + T(1), q))};
  }
};

#define FACULA_IGAMMA(Name, name, direction)                                                            \
  struct Name {                                                                                         \
    static constexpr OpInfo info{                                                                       \
        .signature = #name "(Tensor input, Tensor other)", .types = kFloats, .numbers = Numbers::None}; \
    static constexpr const char* no_gradient[] = {                                                      \
        "the derivative for '" #name ": input' is not implemented.", nullptr};                          \
    template <class T> constexpr T forward(T a, T x) const { return by_double<special::name>(a, x); }   \
    template <class T> constexpr Grads<T, 2> backward(T g, T a, T x, T) const {                         \
      return {T(0), g * (T(direction) * exp((a - T(1)) * log(x) - x - lgamma(a)))};                     \
    }                                                                                                   \
  };
FACULA_IGAMMA(Igamma, igamma, 1)
FACULA_IGAMMA(Igammac, igammac, -1)
#undef FACULA_IGAMMA

using gamma_ops = List<Lgamma, Digamma, Polygamma, Mvlgamma, Zeta, Igamma, Igammac>;

}  // namespace FACULA_ISA
}  // namespace facula
