// Special functions and what does not fit elsewhere.
#pragma once
#include "cpu/special.h"
#include "ops/math.h"

namespace facula {
inline namespace FACULA_ISA {

inline constexpr uint16_t kAlsoSpecial = kEverywhere | kSpecial;

// A function of cpu/special.h, which is no word of the vocabulary, as a formula.
template <auto F, class T, class... More> constexpr T by_double(T x, More... more) {
  if constexpr (std::is_same_v<T, Probe>) return mix(x, more...);
  else return T(F(double(x), double(more)...));
}

struct Erf {
  static constexpr OpInfo info{.signature = "erf(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .scope = kAlsoSpecial,
                               .kernel = "erf_vml_cpu"};
  template <class T> constexpr T forward(T x) const { return erf(x); }
  template <class T> constexpr T backward(T g, T x, T) const {
    return g * (T(1.12837916709551257390) * exp(-(x * x)));  // 2 / sqrt(pi)
  }
};

struct Erfc {
  static constexpr OpInfo info{.signature = "erfc(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .scope = kAlsoSpecial,
                               .kernel = "erfc_vml_cpu"};
  template <class T> constexpr T forward(T x) const { return erfc(x); }
  template <class T> constexpr T backward(T g, T x, T) const {
    return g * (T(-1.12837916709551257390) * exp(-(x * x)));
  }
};

struct Erfinv {
  static constexpr OpInfo info{.signature = "erfinv(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .scope = kAlsoSpecial,
                               .kernel = "erfinv_vml_cpu"};
  template <class T> constexpr T forward(T x) const { return erfinv(x); }
  template <class T> constexpr T backward(T g, T x, T) const {  // computed again: the result is not kept
    T y = erfinv(x);
    return g * (T(0.88622692545275801365) * exp(y * y));  // sqrt(pi) / 2
  }
};

struct Logit {
  static constexpr OpInfo info{.signature = "logit(Tensor input, float? eps=None)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .scope = kAlsoSpecial,
                               .fits = Fits::Type};
  MaybeNumber eps;
  template <class T> constexpr T forward(T x) const {
    if (!eps) return log(x / (T(1) - x));
    T low = T(eps.value), high = T(1) - low;
    T z = where(x < low, low, where(x > high, high, x));
    return log(z / (T(1) - z));
  }
  template <class T> constexpr T backward(T g, T x, T) const {
    if (!eps) return where((x < T(0)) | (x > T(1)), T(0) / T(0), g / (x * (T(1) - x)));
    T low = T(eps.value), high = T(1) - low;
    return where((x < low) | (x > high), T(0), g / (x * (T(1) - x)));
  }
};

struct NanToNum {  // of a complex number: of its parts
  static constexpr OpInfo info{
      .signature = "_nan_to_num(Tensor input, float? nan=None, float? posinf=None, float? neginf=None)",
      .types = kAllTypes,
      .scope = kPrivate,
      .node = "NanToNumBackward0",
      .unsigneds = Unsigned::AsSigned,
      .fits = Fits::Any};
  MaybeNumber nan, posinf, neginf;
  template <class T> constexpr T forward(T x) const {
    if constexpr (std::is_integral_v<T>) {
      return x;
    } else if constexpr (is_complex_type<T>) {
      return {forward(x.re), forward(x.im)};
    } else {
      const double largest = sizeof(x) == 4 ? 3.4028234663852886e38 : 1.7976931348623157e308;
      T high = posinf ? T(posinf.value) : T(largest), low = neginf ? T(neginf.value) : T(-largest);
      T number = where(isposinf(x), high, where(isneginf(x), low, x));
      return where(isnan(x), T(nan.value), number);
    }
  }
  template <class T> constexpr T backward(T g, T x, T) const { return where(isnan(x) | isinf(x), T(0), g); }
};

struct Heaviside {
  static constexpr OpInfo info{.signature = "_heaviside(Tensor input, Tensor values)",
                               .types = kReals,
                               .scope = kPrivate,
                               .node = "NotImplemented",
                               .refuses_complex = "heaviside is not yet implemented for complex tensors.",
                               .numbers = Numbers::None,
                               .no_derivative = true};
  template <class T> constexpr T forward(T x, T at_zero) const {
    if constexpr (std::is_same_v<T, bool>) return x ? true : at_zero;
    else return where(x == T(0), at_zero, where(x > T(0), T(1), T(0)));
  }
  template <class T> constexpr Grads<T, 2> backward(T, T, T, T) const { return {T(0), T(0)}; }
};

struct Copysign {
  static constexpr OpInfo info{.signature = "copysign(Tensor input, Tensor other)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .number_node = "CopysignBackward1",
                               .numbers = Numbers::Last};
  template <class T> constexpr T forward(T a, T b) const { return copysign(a, b); }
  template <class T> constexpr Grads<T, 2> backward(T g, T a, T, T y) const {
    T ratio = where(a == T(0), T(0), y / a);
    return {g * ratio, T(0)};
  }
};

struct FrexpMantissa {  // x = mantissa * 2^exponent with 1/2 <= |mantissa| < 1
  static constexpr OpInfo info{
      .signature = "_frexp_mantissa(Tensor input)", .types = kFloats, .scope = kPrivate};
  template <class T> constexpr T forward(T x) const {
    if constexpr (std::is_same_v<T, Probe>) return mix(x);
    else return frexp_parts(x).mantissa;
  }
};

struct FrexpExponent {
  static constexpr OpInfo info{
      .signature = "_frexp_exponent(Tensor input)", .types = kFloats, .scope = kPrivate};
  template <class T> constexpr T forward(T x) const {
    if constexpr (std::is_same_v<T, Probe>) return mix(x);
    else return frexp_parts(x).exponent;
  }
};

struct Nextafter {
  static constexpr OpInfo info{
      .signature = "_nextafter(Tensor input, Tensor other)", .types = kFloats, .scope = kPrivate};
  template <class T> constexpr T forward(T a, T b) const { return nextafter(a, b); }
  template <class T> constexpr Grads<T, 2> backward(T g, T a, T b, T) const {
    return {where(a == b, T(0), g), T(0)};
  }
};

struct Entr {
  static constexpr OpInfo info{.signature = "entr(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats,
                               .scope = kSpecial | kOut,
                               .node = "SpecialEntrBackward0"};
  template <class T> constexpr T forward(T x) const {
    return where(isnan(x), x, where(x > T(0), -x * log(x), where(x == T(0), T(0), T(-1) / T(0))));
  }
  template <class T> constexpr T backward(T g, T x, T) const { return g * (-log(x) - T(1)); }
};

struct Conj {
  static constexpr OpInfo info{
      .signature = "conj(Tensor input)", .types = kAllTypes | kHalfComplex, .scope = kPrivate};
  template <class T> constexpr T forward(T x) const { return conj(x); }
  template <class T> constexpr T backward(T g, T, T) const { return conj(g); }
};

struct Angle {
  static constexpr OpInfo info{.signature = "_angle(Tensor input)",
                               .rule = DTypeRule::Floating,
                               .types = kFloats | kComplexes,
                               .result = ResultType::Real,
                               .scope = kPrivate,
                               .node = "AngleBackward0"};
  template <class T> constexpr auto forward(T x) const { return angle(x); }
  template <class T> constexpr T backward(T g, T x, T) const {
    if constexpr (is_complex_type<T>) {
      const auto r = x.re * x.re + x.im * x.im;
      return r == 0 ? T(0) : T(-g.re * x.im / r, g.re * x.re / r);
    } else if constexpr (std::is_arithmetic_v<T>) {
      return T(0);
    } else {  // imaginary, hence zero, on real numbers
      T r = real(x * conj(x)), across = T(Scalar::complex(0, 1)) * x;
      return where(r == T(0), T(0), g * across / r);
    }
  }
};

using special_ops = List<Erf, Erfc, Erfinv, Logit, NanToNum, Heaviside, Copysign, FrexpMantissa,
                         FrexpExponent, Nextafter, Entr, Conj, Angle>;

}  // namespace FACULA_ISA
}  // namespace facula
