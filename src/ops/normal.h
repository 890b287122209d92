// Error functions and the normal distribution.
#pragma once
#include "ops/special.h"

namespace facula {
inline namespace FACULA_ISA {

struct Erfcx {  // e^(x^2) erfc(x)
  static constexpr OpInfo info{.signature = "erfcx(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kWideFloats,
                               .scope = kSpecial | kOut,
                               .node = "SpecialErfcxBackward0"};
  template <class T> constexpr T forward(T x) const { return erfcx(x); }
  template <class T> constexpr T backward(T g, T x, T y) const {
    return g * (T(2) * x * y - T(1.12837916709551257390));  // 2 / sqrt(pi)
  }
};

struct Ndtr {
  static constexpr OpInfo info{.signature = "ndtr(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .scope = kSpecial | kOut,
                               .node = "MulBackward1"};
  template <class T> constexpr T forward(T x) const {
    if constexpr (std::is_same_v<T, Probe>) return mix(x);
    else return ndtr(x);
  }
  template <class T> constexpr T backward(T g, T x, T) const {
    return g * (T(0.39894228040143267794) * exp(x * x * T(-0.5)));  // 1 / sqrt(2 pi)
  }
};

struct Ndtri {
  static constexpr OpInfo info{.signature = "ndtri(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kWideFloats,
                               .scope = kSpecial | kOut,
                               .node = "SpecialNdtriBackward0"};
  template <class T> constexpr T forward(T x) const {
    if constexpr (std::is_same_v<T, Probe>) return mix(x);
    else return ndtri(x);
  }
  template <class T> constexpr T backward(T g, T, T y) const {
    return g * (T(2.50662827463100050242) * exp(y * y * T(0.5)));  // sqrt(2 pi)
  }
};

struct LogNdtr {
  static constexpr OpInfo info{.signature = "log_ndtr(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kWideFloats,
                               .scope = kSpecial | kOut,
                               .node = "SpecialLogNdtrBackward0"};
  template <class T> constexpr T forward(T x) const {
    if constexpr (std::is_same_v<T, Probe>) return mix(x);
    else return log_ndtr(x);
  }
  template <class T> constexpr T backward(T g, T x, T) const {
    return g * (T(0.79788456080286535588) / erfcx(x * T(-0.70710678118654752440)));  // sqrt(2 / pi)
  }
};

using normal_ops = List<Erfcx, Ndtr, Ndtri, LogNdtr>;

}  // namespace FACULA_ISA
}  // namespace facula
