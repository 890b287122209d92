// An entry is what the rest of the library sees of an operation: its signature, where it appears
// in Python, and how to call it. Everything public is derived from the entries: functions,
// methods, in-place and out= forms, argument errors, stubs, documentation.
//
//   // ops/scan.cpp
//   Tensor cumsum(const Tensor& x, int64_t dim, OptDType dtype) { ... }
//   static constexpr OpEntry entries[] = {
//       fn<cumsum>("cumsum(Tensor input, int dim, *, dtype? dtype=None)", kEverywhere),
//   };
//   FACULA_ENTRIES(scan)
//
// The C++ parameters of the function must match the signature's types one by one (ParamType):
//   Tensor const Tensor&    Tensor? const Tensor& (null)   Tensor[] const std::vector<Tensor>&
//   Operand const Arg&      Number Scalar                  Number? std::optional<Scalar>
//   float double            int int64_t                    bool bool        (with ?: std::optional)
//   int[] const Dims&       int[]? std::optional<Dims>     float[] const std::vector<double>&
//   dtype? OptDType         device? std::optional<Device>  str std::string_view (? optional)
//   memory_format? std::optional<MemoryFormat>             layout? std::nullopt_t-like LayoutArg
//   Generator? Generator*
// It returns Tensor, std::vector<Tensor> (a tuple in Python; a named one when the signature has
// `-> names`; a list where ListOf is returned), std::pair<Tensor, Tensor>, a number, bool, Dims (torch.Size),
// DType, std::string, or a Result where that depends on the arguments. Several entries of one name are
// overloads, tried in order of registration.
//
// Derived forms of a function entry: with kInPlace `x.f_(...)` is f(x, ...) copied into x with its
// history (op/inplace.h); with kOut `out=` receives a copy of the result, resized if need be.
#pragma once
#include <optional>
#include <utility>
#include "op/op.h"
#include "op/value.h"

namespace facula {

struct PointwiseOp;

struct OpEntry {
  Signature signature;
  uint32_t scope = kFunction | kMethod;
  const char* aliases = "";
  const PointwiseOp* pointwise = nullptr;
  void (*invoke)(const Value* args, Result& result) = nullptr;
  const char* returns = "Tensor";                 // as a Python annotation, for the stubs
  Tensor (*direct)(const Value* args) = nullptr;  // the same as invoke, where the result is one tensor
  const char* out_text = nullptr;
  bool input_decides = false;

  // What is said of an out= of another dtype than the result has, which kExactOut refuses: $R and $O stand
  // for the two dtypes, $r and $o for their names in C++. A text for each of several results, '|' between. In
  // a text that starts with '~' bool and uint8 count as one.
  consteval OpEntry refusing(const char* text) const {
    OpEntry e = *this;
    e.out_text = text;
    return e;
  }
  // Without dtype= the types of the inputs are asked, whatever that of out=.
  consteval OpEntry by_input() const {
    OpEntry e = *this;
    e.input_decides = true;
    return e;
  }
};

struct EntryList {
  const OpEntry* begin;
  int count;
};

struct ListOf {  // a result that Python sees as a list
  std::vector<Tensor> tensors;
};
struct LayoutArg {};

namespace detail {

template <class T>
struct FromValue;  // reads a Value as a C++ parameter; `type`, `optional` check the signature
template <class T, ParamType P> struct FromBase {
  static constexpr ParamType type = P;
  static constexpr bool optional = false;
};
template <> struct FromValue<const Tensor&> : FromBase<Tensor, ParamType::Tensor> {
  static const Tensor& get(const Value& v) { return v.as_tensor(); }  // None is a null pointer
};
template <> struct FromValue<const Arg&> : FromBase<Arg, ParamType::Operand> {
  static Arg get(const Value& v) {
    return v.kind == Value::Kind::Tensor ? Arg(v.tensor) : v.none() ? Arg() : Arg(v.number);
  }
};
template <> struct FromValue<const std::vector<Tensor>&> : FromBase<Tensor, ParamType::Tensors> {
  static const std::vector<Tensor>& get(const Value& v) { return *v.tensors; }
};
template <> struct FromValue<Scalar> : FromBase<Scalar, ParamType::Number> {
  static Scalar get(const Value& v) { return v.number; }
};
template <> struct FromValue<double> : FromBase<double, ParamType::Float> {
  static double get(const Value& v) { return double(v.number); }
};
template <> struct FromValue<int64_t> : FromBase<int64_t, ParamType::Int> {
  static int64_t get(const Value& v) { return int64_t(v.number); }
};
template <> struct FromValue<bool> : FromBase<bool, ParamType::Bool> {
  static bool get(const Value& v) { return bool(v.number); }
};
template <> struct FromValue<const Dims&> : FromBase<Dims, ParamType::Ints> {
  static const Dims& get(const Value& v) { return *v.ints; }
};
template <> struct FromValue<Dims> : FromBase<Dims, ParamType::Ints> {
  static Dims get(const Value& v) { return *v.ints; }
};
template <> struct FromValue<const std::vector<double>&> : FromBase<double, ParamType::Floats> {
  static const std::vector<double>& get(const Value& v) { return *v.floats; }
};
template <> struct FromValue<DType> : FromBase<DType, ParamType::DType> {
  static DType get(const Value& v) { return v.dtype; }
};
template <> struct FromValue<Device> : FromBase<Device, ParamType::Device> {
  static Device get(const Value& v) { return v.device; }
};
template <> struct FromValue<MemoryFormat> : FromBase<MemoryFormat, ParamType::MemoryFormat> {
  static MemoryFormat get(const Value& v) { return v.memory_format; }
};
template <> struct FromValue<std::string_view> : FromBase<std::string_view, ParamType::Str> {
  static std::string_view get(const Value& v) { return {v.text, v.length}; }
};
template <> struct FromValue<LayoutArg> : FromBase<LayoutArg, ParamType::Layout> {
  static constexpr bool optional = true;
  static LayoutArg get(const Value&) { return {}; }
};
template <> struct FromValue<Generator*> : FromBase<Generator*, ParamType::Generator> {
  static constexpr bool optional = true;
  static Generator* get(const Value& v) { return v.none() ? nullptr : v.generator; }
};
template <class T> struct FromValue<std::optional<T>> : FromValue<T> {
  static constexpr bool optional = true;
  static std::optional<T> get(const Value& v) {
    return v.none() ? std::optional<T>() : std::optional<T>(FromValue<T>::get(v));
  }
};
template <class T> struct FromValue<const std::optional<T>&> : FromValue<std::optional<T>> {};

inline void put(Result& r, Tensor t) {
  r.kind = Result::Kind::Tensor;
  r.tensor = std::move(t);
}
inline void put(Result& r, std::vector<Tensor> t) {
  r.kind = Result::Kind::Tuple;
  r.tensors = std::move(t);
}
inline void put(Result& r, ListOf t) {
  r.kind = Result::Kind::List;
  r.tensors = std::move(t.tensors);
}
inline void put(Result& r, std::pair<Tensor, Tensor> t) {
  r.kind = Result::Kind::Tuple;
  r.tensors = {std::move(t.first), std::move(t.second)};
}
inline void put(Result& r, Result made) { r = std::move(made); }
inline void put(Result& r, Scalar s) {
  r.kind = Result::Kind::Number;
  r.number = s;
}
inline void put(Result& r, bool b) {
  r.kind = Result::Kind::Bool;
  r.number = b;
}
inline void put(Result& r, int64_t i) {
  r.kind = Result::Kind::Int;
  r.number = i;
}
inline void put(Result& r, Dims d) {
  r.kind = Result::Kind::Ints;
  r.ints = std::move(d);
}
inline void put(Result& r, DType t) {
  r.kind = Result::Kind::DType;
  r.dtype = t;
}
inline void put(Result& r, std::string s) {
  r.kind = Result::Kind::Text;
  r.text = std::move(s);
}

template <class R> inline constexpr const char* annotation = "Any";
template <> inline constexpr const char* annotation<Tensor> = "Tensor";
template <> inline constexpr const char* annotation<std::vector<Tensor>> = "tuple[Tensor, ...]";
template <> inline constexpr const char* annotation<std::pair<Tensor, Tensor>> = "tuple[Tensor, Tensor]";
template <> inline constexpr const char* annotation<ListOf> = "list[Tensor]";
template <> inline constexpr const char* annotation<Scalar> = "Number";
template <> inline constexpr const char* annotation<bool> = "bool";
template <> inline constexpr const char* annotation<int64_t> = "int";
template <> inline constexpr const char* annotation<Dims> = "Size";
template <> inline constexpr const char* annotation<DType> = "dtype";
template <> inline constexpr const char* annotation<std::string> = "str";
template <> inline constexpr const char* annotation<void> = "None";

template <auto F> struct Caller;
template <class R, class... A, R (*F)(A...)> struct Caller<F> {
  static constexpr const char* returns = annotation<std::remove_cvref_t<R>>;
  static void invoke(const Value* v, Result& result) { with(v, result, std::index_sequence_for<A...>{}); }
  static Tensor direct(const Value* v) { return direct_with(v, std::index_sequence_for<A...>{}); }
  static constexpr bool one_tensor = std::is_same_v<std::remove_cvref_t<R>, Tensor>;
  static consteval void check(const Signature& s) {
    if (s.count != int(sizeof...(A)))
      malformed("the signature and the function differ in number of parameters");
    int i = 0;
    ((check_one<A>(s.params[i]), ++i), ...);
  }

 private:
  template <size_t... I> static void with(const Value* v, Result& result, std::index_sequence<I...>) {
    if constexpr (std::is_void_v<R>) {
      F(FromValue<A>::get(v[I])...);
      result.kind = Result::Kind::None;
    } else {
      put(result, F(FromValue<A>::get(v[I])...));
    }
  }
  template <size_t... I> static Tensor direct_with(const Value* v, std::index_sequence<I...>) {
    if constexpr (one_tensor) return F(FromValue<A>::get(v[I])...);
    else return nullptr;
  }
  template <class T> static consteval void check_one(const Param& p) {
    using From = FromValue<T>;
    if (p.type != From::type) malformed("a parameter's type differs from the signature");
    if (p.optional && !From::optional && p.type != ParamType::Tensor && p.type != ParamType::Operand)
      malformed("None is allowed by the signature but not by the function");
  }
};

}  // namespace detail

template <auto F>
consteval OpEntry fn(Signature signature, uint32_t scope = kFunction | kMethod, const char* aliases = "") {
  detail::Caller<F>::check(signature);
  using Caller = detail::Caller<F>;
  return {signature,
          scope,
          aliases,
          nullptr,
          Caller::invoke,
          Caller::returns,
          Caller::one_tensor ? Caller::direct : nullptr};
}

// Entries of operations that take types without kernels: by moving elements as they are (kAnyDType);
// complex32 by computing in complex64 (kWideComplex32).
template <auto F>
consteval OpEntry moves(Signature signature, uint32_t scope = kFunction | kMethod, const char* aliases = "") {
  return fn<F>(signature, scope | kAnyDType, aliases);
}
template <auto F> consteval OpEntry widens(Signature signature, uint32_t scope = kFunction | kMethod,
                                           const char* aliases = "") {
  return fn<F>(signature, scope | kWideComplex32, aliases);
}

#define FACULA_ENTRIES(family)             \
  extern const EntryList family##_entries; \
  const EntryList family##_entries{entries, int(std::size(entries))};

// Every entry of the library, pointwise ones included, in registration order (op/registry.cpp).
const std::vector<const OpEntry*>& all_entries();
const PointwiseOp* find_pointwise(std::string_view name);

}  // namespace facula
