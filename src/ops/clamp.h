// Rounding, remainders and limits.
#pragma once
#include "op/op.h"

namespace facula {
inline namespace FACULA_ISA {

#define FACULA_STEP(Name, function, also)                                                        \
  struct Name {                                                                                  \
    static constexpr OpInfo info{.signature = #function "(Tensor input)",                        \
                                 .types = kInts | kFloats,                                       \
                                 .aliases = also,                                                \
                                 .kernel = #function "_vml_cpu",                                 \
                                 .no_complex = #function " is not supported for complex inputs", \
                                 .unsigneds = Unsigned::AsSigned};                               \
    template <class T> constexpr T forward(T x) const { return function(x); }                    \
    template <class T> constexpr T backward(T, T, T) const { return T(0); }                      \
  };
FACULA_STEP(Floor, floor, "")
FACULA_STEP(Ceil, ceil, "")
FACULA_STEP(Trunc, trunc, "fix")
#undef FACULA_STEP

struct Round {  // to even
  static constexpr OpInfo info{.signature = "round(Tensor input)",
                               .types = kInts | kFloats,
                               .kernel = "round_vml_cpu",
                               .unsigneds = Unsigned::AsSigned};
  template <class T> constexpr T forward(T x) const { return round(x); }
  template <class T> constexpr T backward(T, T, T) const { return T(0); }
};

struct RoundDecimals {  // as PyTorch: scaled, rounded, scaled back
  static constexpr OpInfo info{.signature = "round(Tensor input, *, int decimals)",
                               .types = kInts | kFloats,
                               .node = "RoundBackward1",
                               .kernel = "round_vml_cpu"};
  int64_t decimals = 0;
  constexpr const char* refuses(DType t) const {
    return decimals == 0 || (is_floating(t) && !is_complex(t)) ? nullptr : "\"round_cpu\"";
  }
  template <class T> constexpr T forward(T x) const {
    if (decimals == 0) return round(x);
    const double scale = __builtin_pow(10., double(decimals < 0 ? -decimals : decimals));
    if (decimals < 0) return round(x / T(scale)) * T(scale);
    return round(x * T(scale)) / T(scale);
  }
  template <class T> constexpr T backward(T, T, T) const { return T(0); }
};

struct Frac {
  static constexpr OpInfo info{.signature = "frac(Tensor input)", .types = kFloats};
  template <class T> constexpr T forward(T x) const { return frac(x); }
  template <class T> constexpr T backward(T g, T, T) const { return g; }
};

struct Fmod {
  static constexpr OpInfo info{.signature = "fmod(Tensor input, Tensor other)",
                               .types = kInts | kFloats,
                               .node = "FmodBackward1",
                               .number_node = "FmodBackward0",
                               .rounds_numbers = true,
                               .divides = true,
                               .numbers = Numbers::Last};
  template <class T> constexpr T forward(T a, T b) const { return fmod(a, b); }
  template <class T> constexpr Grads<T, 2> backward(T g, T a, T b, T) const { return {g, -g * trunc(a / b)}; }
};

struct Remainder {
  static constexpr OpInfo info{.signature = "remainder(Tensor input, Tensor other)",
                               .types = kInts | kFloats,
                               .python_operator = "%",
                               .node = "RemainderBackward1",
                               .number_node = "RemainderBackward0",
                               .rounds_numbers = true,
                               .divides = true};
  template <class T> constexpr T forward(T a, T b) const { return remainder(a, b); }
  template <class T> constexpr Grads<T, 2> backward(T g, T a, T b, T) const {
    return {g, -g * floor_divide(a, b)};
  }
};

struct FloorDivide {
  static constexpr OpInfo info{.signature = "floor_divide(Tensor input, Tensor other)",
                               .types = kInts | kFloats,
                               .python_operator = "//",
                               .node = "NotImplemented",
                               .divides = true,
                               .numbers = Numbers::Any,
                               .no_derivative = true,
                               .kernel = "div_floor_cpu"};
  template <class T> constexpr T forward(T a, T b) const { return floor_divide(a, b); }
  template <class T> constexpr Grads<T, 2> backward(T, T, T, T) const { return {T(0), T(0)}; }
};

struct DivFloor {  // div(rounding_mode='floor')
  static constexpr OpInfo info{.signature = "_div_floor(Tensor input, Tensor other)",
                               .types = kInts | kFloats,
                               .scope = kPrivate,
                               .node = "DivBackward2",
                               .divides = true};
  template <class T> constexpr T forward(T a, T b) const { return floor_divide(a, b); }
  template <class T> constexpr Grads<T, 2> backward(T, T, T, T) const { return {T(0), T(0)}; }
};

struct DivTrunc {  // div(rounding_mode='trunc')
  static constexpr OpInfo info{.signature = "_div_trunc(Tensor input, Tensor other)",
                               .types = kInts | kFloats,
                               .scope = kPrivate,
                               .node = "DivBackward2",
                               .divides = true};
  template <class T> constexpr T forward(T a, T b) const { return trunc_divide(a, b); }
  template <class T> constexpr Grads<T, 2> backward(T, T, T, T) const { return {T(0), T(0)}; }
};

inline constexpr const char* kNoComplexClamp = "clamp is not supported for complex types";

// NaN passes, and a limit that is NaN makes everything NaN.
template <class T> constexpr T at_least(T x, T limit) {
  if constexpr (std::is_arithmetic_v<T>) return where((x < limit) | (limit != limit), limit, x);
  else return where(x < limit, limit, x);
}
template <class T> constexpr T at_most(T x, T limit) {
  if constexpr (std::is_arithmetic_v<T>) return where((x > limit) | (limit != limit), limit, x);
  else return where(x > limit, limit, x);
}

struct Clamp {  // a limit of None is no limit
  static constexpr OpInfo info{.signature = "clamp(Tensor input, Number? min=None, Number? max=None)",
                               .types = kInts | kFloats,
                               .aliases = "clip",
                               .node = "ClampBackward1",
                               .no_complex = kNoComplexClamp,
                               .fits = Fits::Type,
                               .rounds_parameters = kForward | kBackward};
  MaybeNumber min, max;
  constexpr Scalar promotes_with() const {
    return !max || (min && min.value.kind >= max.value.kind) ? (min ? min.value : Scalar(true)) : max.value;
  }
  constexpr const char* invalid() const {
    return min || max ? nullptr : "torch.clamp: At least one of 'min' or 'max' must not be None";
  }
  template <class T> constexpr T forward(T x) const {
    if constexpr (std::is_floating_point_v<T>) return at_most(at_least(x, lowest<T>()), highest<T>());
    const T low = min ? at_least(x, T(min.value)) : x;
    return max ? at_most(low, T(max.value)) : low;
  }
  template <class T> constexpr T backward(T g, T x, T) const {  // none at NaN
    if constexpr (std::is_floating_point_v<T>)
      return where((x >= lowest<T>()) & (x <= highest<T>()), g, T(0));
    if (min && max) return where((x >= T(min.value)) & (x <= T(max.value)), g, T(0));
    if (min) return where(x >= T(min.value), g, T(0));
    return where(x <= T(max.value), g, T(0));
  }
  // Of floating-point numbers a limit that is not there is infinite: loops without a branch are vectorised.
  template <class T> constexpr T lowest() const { return min ? T(min.value) : -T(__builtin_inf()); }
  template <class T> constexpr T highest() const { return max ? T(max.value) : T(__builtin_inf()); }
};

// The overloads for tensors come first: a 0-dim tensor would do as a number too.
struct ClampMin {
  static constexpr OpInfo info{.signature = "clamp_min(Tensor input, Tensor min)",
                               .types = kReals,
                               .node = "ClampMinBackward1",
                               .numbers = Numbers::None,
                               .kernel = "maximum_cpu"};
  template <class T> constexpr T forward(T x, T low) const { return maximum(x, low); }
  template <class T> constexpr Grads<T, 2> backward(T g, T x, T low, T) const {
    return {where(x >= low, g, T(0)), where(x >= low, T(0), g)};
  }
};

struct ClampMax {
  static constexpr OpInfo info{.signature = "clamp_max(Tensor input, Tensor max)",
                               .types = kReals,
                               .node = "ClampMaxBackward1",
                               .numbers = Numbers::None,
                               .kernel = "minimum_cpu"};
  template <class T> constexpr T forward(T x, T high) const { return minimum(x, high); }
  template <class T> constexpr Grads<T, 2> backward(T g, T x, T high, T) const {
    return {where(x <= high, g, T(0)), where(x <= high, T(0), g)};
  }
};

struct ClampMinNumber {
  static constexpr OpInfo info{.signature = "clamp_min(Tensor input, Number min)",
                               .types = kInts | kFloats,
                               .no_complex = kNoComplexClamp,
                               .fits = Fits::Type,
                               .rounds_parameters = kForward | kBackward};
  Scalar min;
  constexpr Scalar promotes_with() const { return min; }
  template <class T> constexpr T forward(T x) const { return at_least(x, T(min)); }
  template <class T> constexpr T backward(T g, T x, T) const { return where(x >= T(min), g, T(0)); }
};

struct ClampMaxNumber {
  static constexpr OpInfo info{.signature = "clamp_max(Tensor input, Number max)",
                               .types = kInts | kFloats,
                               .no_complex = kNoComplexClamp,
                               .fits = Fits::Type,
                               .rounds_parameters = kForward | kBackward};
  Scalar max;
  constexpr Scalar promotes_with() const { return max; }
  template <class T> constexpr T forward(T x) const { return at_most(x, T(max)); }
  template <class T> constexpr T backward(T g, T x, T) const { return where(x <= T(max), g, T(0)); }
};

struct ClampTensors {
  static constexpr OpInfo info{.signature = "_clamp(Tensor input, Tensor min, Tensor max)",
                               .types = kInts | kFloats,
                               .scope = kPrivate,
                               .node = "ClampBackward0",
                               .no_complex = kNoComplexClamp};
  template <class T> constexpr T forward(T x, T low, T high) const { return minimum(maximum(x, low), high); }
  template <class T> constexpr Grads<T, 3> backward(T g, T x, T low, T high, T) const {
    return {where((x >= low) & (x <= high), g, T(0)), where((low < high) & (x < low), g, T(0)),
            where((high < x) | (high < low), g, T(0))};
  }
};

using clamp_ops = List<Floor, Ceil, Trunc, Round, RoundDecimals, Frac, Fmod, Remainder, FloorDivide, DivFloor,
                       DivTrunc, Clamp, ClampMin, ClampMax, ClampMinNumber, ClampMaxNumber, ClampTensors>;

}  // namespace FACULA_ISA
}  // namespace facula
