// Copies, fills and conversions without recording, and the resizing of out= tensors.
#include <algorithm>
#include <cmath>
#include <limits>
#include "cpu/loop.h"
#include "cpu/move.h"
#include "op/execute.h"
#include "op/pointwise.h"

namespace facula {

void copy_into(TensorImpl& to, const TensorImpl& from) {
  if (to.is_meta() || to.numel == 0) return;
  if (to.contiguous && from.contiguous && to.dtype == from.dtype && to.numel == from.numel &&
      to.numel * item_size(to.dtype) <= 65536) {
    std::memmove(to.data, from.data, size_t(to.numel * item_size(to.dtype)));
    return;
  }
  if (to.dtype == from.dtype)
    return move_elements(to.shape(), item_size(to.dtype), to.data, strides_in_bytes(to, to.ndim), from.data,
                         strides_in_bytes(from, to.ndim));
  LoopOperand operands[2];
  const TensorImpl* t[2] = {&to, &from};
  for (int k = 0; k < 2; ++k) {
    operands[k].data = t[k]->data;
    operands[k].stored = t[k]->dtype;
    operands[k].computed = to.dtype;
    std::memcpy(operands[k].strides, strides_in_bytes(*t[k], to.ndim).v, sizeof(int64_t) * to.ndim);
  }
  const int64_t item = item_size(to.dtype);
  const BlockFn copy = [](const void* item, int64_t n, void* const* p) {
    std::memmove(p[0], p[1], size_t(n * *static_cast<const int64_t*>(item)));
  };
  run_loop(copy, &item, to.shape(), operands, 2);
}

Tensor converted(const Tensor& t, DType dtype) {
  Tensor out = empty_as(*t, dtype);
  copy_into(*out, *t);
  return out;
}

// PyTorch looks at the number in other types where there is one element to fill.
static void require_fits_stored(DType t, Scalar s, bool single) {
  double most = t == DType::Complex32 ? single ? 65504 : double(std::numeric_limits<float>::max()) : 0;
  if (is_float8(t)) {
    if (single) return;
    constexpr double largest[] = {57344, 448, 57344, 240, 0x1p127};
    most = largest[index(t) - index(DType::Float8E5M2)];
  }
  const bool infinite = t == DType::Complex32 || t == DType::Float8E5M2;
  for (double part : {double(s), s.is_complex() ? s.imag : 0.})
    if (std::abs(part) > most && !(infinite && std::isinf(part)))
      fail("value cannot be converted to type ",
           is_float8(t) ? concat("c10::", c_name(t))
           : single     ? "c10::complex<c10::Half>"
                        : "c10::complex<float>",
           " without overflow");
}

// A number that the type cannot hold is an error here, unlike in arithmetic. Negative numbers wrap in
// unsigned types.
void require_fits(DType t, Scalar s, bool single) {
  if (t == DType::Bool) return;
  if (is_stored_only(t)) return require_fits_stored(t, s, single);
  const bool fits = visit(t, [&](auto element) {
    using T = decltype(element);
    const double v = double(s);
    if constexpr (is_complex_type<T>) return true;
    else if (s.is_complex() && s.imag != 0) return false;
    else if constexpr (std::is_integral_v<T>) {
      using L = std::numeric_limits<T>;
      const double low = std::is_unsigned_v<T> ? -double(L::max()) : double(L::min());
      if (s.is_unsigned()) return std::is_same_v<T, uint64_t>;
      if (!s.is_integral())
        return v >= low && v <= double(L::max()) && (sizeof(T) < 8 || v < double(L::max()));
      return sizeof(T) == 8 || (v >= low && v <= double(L::max()));
    } else {
      const double most =
          is_half_type<T> ? (std::is_same_v<T, Float16> ? 65504 : 0x1.fep127)
                          : double(std::numeric_limits<std::conditional_t<is_half_type<T>, float, T>>::max());
      return !(std::abs(v) > most) || std::isinf(v);
    }
  });
  if (fits) return;
  const std::string type = t == DType::Float32   ? "float"
                           : t == DType::Float64 ? "double"
                           : t == DType::Int32   ? "int"
                           : is_half(t)          ? concat("c10::", c_name(t))
                                                 : concat(name(t), "_t");
  fail("value cannot be converted to type ", type, " without overflow");
}

void fill(TensorImpl& t, Scalar value) {
  require_fits(t.dtype, value, t.numel == 1);
  alignas(16) char element[16];
  store_scalar(element, t.dtype, value);
  if (t.is_meta() || t.numel == 0) return;
  const int64_t item = item_size(t.dtype);
  if (t.contiguous && t.numel <= 64) {
    for (int64_t i = 0; i < t.numel; ++i) std::memcpy(t.data + i * item, element, size_t(item));
    return;
  }
  LoopOperand operands[2];
  operands[0].data = t.data;
  operands[1].data = element;
  for (LoopOperand& o : operands) o.stored = o.computed = t.dtype;
  std::memcpy(operands[0].strides, strides_in_bytes(t, t.ndim).v, sizeof(int64_t) * t.ndim);
  std::memset(operands[1].strides, 0, sizeof(int64_t) * t.ndim);
  const BlockFn copy = [](const void* item, int64_t n, void* const* p) {
    std::memcpy(p[0], p[1], size_t(n * *static_cast<const int64_t*>(item)));
  };
  run_loop(copy, &item, t.shape(), operands, 2);
}

void resize_out(const Tensor& out, const Dims& shape) {
  if (out->shape() == shape) return;
  if (out->numel)
    warn(concat(
        "An output with one or more elements was resized since it had shape ", to_string(out->shape()),
        ", which does not match the required output shape ", to_string(shape),
        ". This behavior is deprecated, and in a future PyTorch release outputs will not be resized unless "
        "they have zero "
        "elements. You can explicitly reuse an out tensor t by resizing it, inplace, to zero "
        "elements with t.resize_(0)."));
  resize_tensor(*out, shape, contiguous_strides(shape));
}

void require_no_zero(const Arg& divisor) {
  bool zero = false;
  if (!divisor.tensor) {
    zero = double(divisor.scalar) == 0;
  } else if (!divisor.tensor->is_meta()) {
    Tensor t(divisor.tensor);
    if (!t->contiguous || t->dtype == DType::Bool) {
      Tensor dense = empty_cpu(DType::Int64, t->ndim, t->sizes);
      copy_into(*dense, *t);
      t = dense;
    }
    visit(t->dtype, [&](auto element) {
      using T = decltype(element);
      if constexpr (std::is_integral_v<T>) {
        const T* p = t->as<T>();
        for (int64_t i = 0; i < t->numel; ++i) zero |= p[i] == 0;
      }
    });
  }
  if (zero) fail("ZeroDivisionError");
}

}  // namespace facula
