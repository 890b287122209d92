// Circular and hyperbolic functions.
#pragma once
#include "ops/math.h"

namespace facula {
inline namespace FACULA_ISA {

FACULA_SMOOTH(Sin, "sin", kSmooth, "sin_vml_cpu", sin(x), g* conj(cos(x)))
FACULA_SMOOTH(Cos, "cos", kSmooth, "cos_vml_cpu", cos(x), g* conj(-sin(x)))
FACULA_SMOOTH(Tan, "tan", kSmooth, "tan_vml_cpu", tan(x), g* conj(T(1) + y * y))
FACULA_SMOOTH(Sinh, "sinh", kSmooth, nullptr, sinh(x), g* conj(cosh(x)))
FACULA_SMOOTH(Cosh, "cosh", kSmooth, nullptr, cosh(x), g* conj(sinh(x)))
FACULA_SMOOTH(Tanh, "tanh", kSmooth, "tanh_vml_cpu", tanh(x), g* conj(T(1) - y * y))

#define FACULA_ALIASED(Name, text, also, in_errors, value, gradient)                \
  struct Name {                                                                     \
    static constexpr OpInfo info{.signature = text "(Tensor input)",                \
                                 .rule = DTypeRule::Floating,                       \
                                 .types = kSmooth,                                  \
                                 .aliases = also,                                   \
                                 .kernel = in_errors};                              \
    template <class T> constexpr T forward(T x) const { return value; }             \
    template <class T> constexpr T backward(T g, T x, T) const { return gradient; } \
  };
FACULA_ALIASED(Asin, "asin", "arcsin", "asin_vml_cpu", asin(x), g* conj(rsqrt(T(1) - x * x)))
FACULA_ALIASED(Acos, "acos", "arccos", "acos_vml_cpu", acos(x), -g* conj(rsqrt(T(1) - x * x)))
FACULA_ALIASED(Atan, "atan", "arctan", "atan_vml_cpu", atan(x), g / conj(x * x + T(1)))
FACULA_ALIASED(Asinh, "asinh", "arcsinh", nullptr, asinh(x), g / conj(sqrt(x * x + T(1))))
FACULA_ALIASED(Acosh, "acosh", "arccosh", nullptr, acosh(x), g / conj(sqrt(x - T(1)) * sqrt(x + T(1))))
FACULA_ALIASED(Atanh, "atanh", "arctanh", nullptr, atanh(x), g / conj(T(1) - x * x))
#undef FACULA_ALIASED

struct Sinc {  // sin(pi x) / (pi x)
  static constexpr OpInfo info{.signature = "sinc(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kSmooth,
                               .scope = kEverywhere | kSpecial};
  template <class T> constexpr T forward(T x) const { return sinc(x); }
  template <class T> constexpr T backward(T g, T x, T) const {
    T turned = T(3.14159265358979323846) * x, square = turned * x;  // which may vanish before x does
    return where(square == T(0), T(0), g * conj((turned * cos(turned) - sin(turned)) / square));
  }
};

struct Atan2 {
  static constexpr OpInfo info{.signature = "atan2(Tensor input, Tensor other)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .aliases = "arctan2",
                               .numbers = Numbers::None};
  template <class T> constexpr T forward(T a, T b) const { return atan2(a, b); }
  template <class T> constexpr Grads<T, 2> backward(T g, T a, T b, T) const {
    T r = a * a + b * b, share = where(r == T(0), T(0), g / r);
    return {share * b, -share * a};
  }
};

struct Hypot {
  static constexpr OpInfo info{
      .signature = "hypot(Tensor input, Tensor other)", .types = kFloats, .numbers = Numbers::None};
  template <class T> constexpr T forward(T a, T b) const { return hypot(a, b); }
  template <class T> constexpr Grads<T, 2> backward(T g, T a, T b, T y) const {
    return {g * (a / y), g * (b / y)};
  }
};

struct Deg2rad {
  static constexpr OpInfo info{.signature = "deg2rad(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .node = "Deg2RadBackward0",
                               .refuses_complex = "deg2rad is not supported for complex tensors."};
  template <class T> constexpr T forward(T x) const { return x * T(0.017453292519943295769236907684886); }
  template <class T> constexpr T backward(T g, T, T) const {
    return g * T(0.017453292519943295769236907684886);
  }
};

struct Rad2deg {
  static constexpr OpInfo info{.signature = "rad2deg(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .node = "Rad2DegBackward0",
                               .refuses_complex = "rad2deg is not supported for complex tensors."};
  template <class T> constexpr T forward(T x) const { return x * T(57.295779513082320876798154814105); }
  template <class T> constexpr T backward(T g, T, T) const {
    return g * T(57.295779513082320876798154814105);
  }
};

using trig_ops = List<Sin, Cos, Tan, Sinh, Cosh, Tanh, Asin, Acos, Atan, Asinh, Acosh, Atanh, Sinc, Atan2,
                      Hypot, Deg2rad, Rad2deg>;

}  // namespace FACULA_ISA
}  // namespace facula
