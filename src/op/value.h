// What crosses between Python and an operation: converted arguments and results. The Python
// layer fills Values from a signature; an entry (op/entry.h) reads them as C++ types.
#pragma once
#include <string_view>
#include <vector>
#include "core/tensor.h"

namespace facula {

// An operand borrowed for one call: a tensor or a number; neither means "not given".
struct Arg {
  TensorImpl* tensor = nullptr;
  Scalar scalar;
  bool present = false;
  Arg() = default;
  Arg(TensorImpl* t) : tensor(t), present(true) {}
  Arg(const Tensor& t) : Arg(t.get()) {}
  Arg(Scalar s) : scalar(s), present(true) {}
};

enum class MemoryFormat : uint8_t { Contiguous, Preserve, ChannelsLast, ChannelsLast3d };
class Generator;  // core/random.h

struct Value {
  enum class Kind : uint8_t {
    None,
    Tensor,
    Number,
    Ints,
    Floats,
    Tensors,
    DType,
    Device,
    MemoryFormat,
    Str,
    Generator
  };
  Kind kind = Kind::None;
  union {
    TensorImpl* tensor;
    const Dims* ints;
    const std::vector<double>* floats;
    const std::vector<facula::Tensor>* tensors;
    facula::DType dtype;
    facula::Device device;
    facula::MemoryFormat memory_format;
    facula::Generator* generator;
    const char* text;
  };
  size_t length = 0;  // of text
  Scalar number;      // Kind::Number

  Value() : tensor(nullptr) {}
  bool none() const { return kind == Kind::None; }
  const facula::Tensor& as_tensor() const {
    return reinterpret_cast<const facula::Tensor&>(tensor);
  }  // a Ref is a pointer
};

struct Result {
  enum class Kind : uint8_t { Tensor, Tuple, List, Number, Int, Bool, Ints, DType, Text, None };
  Kind kind = Kind::None;
  facula::DType dtype{};
  Scalar number;
  facula::Tensor tensor;
  std::vector<facula::Tensor> tensors;
  Dims ints;
  std::string text;
};

}  // namespace facula
