// Complex numbers and their parts: views of one as the other, real, imag, complex, polar, adjoint.
#include "op/execute.h"
#include "op/inplace.h"
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {
namespace {

struct ViewAsReal {
  static constexpr const char* node = "ViewAsRealBackward0";
  static constexpr uint32_t saves = kNothing;
  Tensor view(const Tensor& x) const {
    Dims sizes = x->shape(), strides = x->stride();
    for (int d = 0; d < strides.count; ++d) strides[d] *= 2;
    sizes.push(2);
    strides.push(1);
    Tensor out = alias(*x, sizes, strides);
    out->dtype = to_real(x->dtype);
    return out;
  }
  void vjp(const Back& b, Tensor* d) const { d[0] = view_as_complex(contiguous(b.g[0])); }
};

struct ViewAsComplex {
  static constexpr const char* node = "ViewAsComplexBackward0";
  static constexpr uint32_t saves = kNothing;
  Tensor view(const Tensor& x) const {
    Dims sizes(x->ndim - 1, x->sizes), strides(x->ndim - 1, x->strides);
    for (int d = 0; d < strides.count; ++d) strides[d] /= 2;
    Tensor out = alias(*x, sizes, strides);
    out->dtype = to_complex(x->dtype);
    return out;
  }
  void vjp(const Back& b, Tensor* d) const { d[0] = view_as_real(b.g[0]); }
};

struct ComplexOf {
  static constexpr const char* node = "ComplexBackward0";
  static constexpr uint32_t saves = kNothing;
  Dims re = {}, im = {};
  Tensor forward(const Tensor& a, const Tensor& b) {
    re = a->shape();
    im = b->shape();
    const TensorImpl* operands[] = {a.get(), b.get()};
    Tensor out = result_like(to_complex(a->dtype), broadcast(re, im), a->device, operands, 2);
    const Tensor parts = ViewAsReal{}.view(out);
    for (int k = 0; k < 2; ++k)
      copy_into(*alias(*parts, out->shape(), Dims(out->ndim, parts->strides), k), k ? *b : *a);
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0)) d[0] = sum_to(real_part(b.g[0]), re);
    if (b.needs(1)) d[1] = sum_to(imag_part(b.g[0]), im);
  }
};

Tensor complex_of(const Tensor& a, const Tensor& b) {
  for (const Tensor& t : {a, b})
    if (t->dtype != DType::Float16 && t->dtype != DType::Float32 && t->dtype != DType::Float64)
      fail("Expected both inputs to be Half, Float or Double tensors but got ", c_name(a->dtype), " and ",
           c_name(b->dtype));
  if (a->dtype != b->dtype)
    fail("Expected object of scalar type ", c_name(a->dtype), " but got scalar type ", c_name(b->dtype),
         " for second argument");
  return call_structural(ComplexOf{}, a, b);
}

struct PolarOf {
  static constexpr const char* node = "PolarBackward0";
  static constexpr uint32_t saves = kInputs;
  Tensor forward(const Tensor& length, const Tensor& angle) const {
    GradMode off(false);
    return ComplexOf{}.forward(length * unary("cos", angle), length * unary("sin", angle));
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor re = real_part(b.g[0]), im = imag_part(b.g[0]), c = unary("cos", b.in[1]),
                 s = unary("sin", b.in[1]);
    if (b.needs(0)) d[0] = sum_to(re * c + im * s, b.in[0]->shape());
    if (b.needs(1)) d[1] = sum_to((im * c - re * s) * b.in[0], b.in[1]->shape());
  }
};

Tensor polar(const Tensor& length, const Tensor& angle) {
  if (length->dtype == DType::Float16 && angle->dtype == DType::Float16)
    fail<NotImplemented>("\"polar_cpu\" not implemented for 'Half'");
  for (const Tensor& t : {length, angle})
    if (t->dtype != DType::Float32 && t->dtype != DType::Float64)
      fail("Expected both inputs to be Half, Float or Double tensors but got ", c_name(length->dtype),
           " and ", c_name(angle->dtype));
  if (length->dtype != angle->dtype)
    fail("Expected object of scalar type ", c_name(length->dtype), " but got scalar type ",
         c_name(angle->dtype), " for second argument");
  return call_structural(PolarOf{}, length, angle);
}

}  // namespace

Tensor view_as_real(const Tensor& x) {
  if (!is_complex(x->dtype)) fail("view_as_real is only supported for complex tensors");
  return call_structural(ViewAsReal{}, x);
}

Tensor view_as_complex(const Tensor& x) {
  if (x->dtype != DType::Float16 && x->dtype != DType::Float32 && x->dtype != DType::Float64)
    fail(
        "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar "
        "type: ",
        c_name(x->dtype));
  if (x->ndim == 0) fail("Input tensor must have one or more dimensions");
  const int last = x->ndim - 1;
  if (x->sizes[last] != 2) fail("Tensor must have a last dimension of size 2");
  if (x->strides[last] != 1) fail("Tensor must have a last dimension with stride 1");
  for (int d = 0; d < last; ++d)
    if (x->strides[d] % 2) fail("Tensor must have a stride divisible by 2 for all but last dimension");
  if (x->offset() % 2) fail("Tensor must have a storage_offset divisible by 2");
  return call_structural(ViewAsComplex{}, x);
}

Tensor real_part(const Tensor& x) { return is_complex(x->dtype) ? select(view_as_real(x), -1, 0) : x; }

Tensor imag_part(const Tensor& x) {
  if (!is_complex(x->dtype)) fail("imag is not implemented for tensors with non-complex dtypes.");
  return select(view_as_real(x), -1, 1);
}

namespace {

Tensor adjoint(const Tensor& x) {
  if (x->ndim == 1)
    fail("tensor.adjoint() is only supported on matrices or batches of matrices. Got 1-D tensor.");
  if (x->ndim == 0) warn("adjoint() is deprecated on 0-D tensors. Consider using x.conj().");
  const Tensor turned = x->ndim ? transpose(x, -2, -1) : x;
  return is_complex(x->dtype) ? unary("conj", turned) : turned;
}

inline constexpr const char* kUnlike =
    "Expected object of scalar type $R but got scalar type $O for argument 'out'";
static constexpr OpEntry entries[] = {
    moves<view_as_real>("view_as_real(Tensor input)", kFunction | kLeading),
    moves<view_as_complex>("view_as_complex(Tensor input)", kFunction | kLeading),
    moves<real_part>("real(Tensor input)", kFunction | kLeading),
    moves<imag_part>("imag(Tensor input)", kFunction | kLeading),
    moves<complex_of>("complex(Tensor real, Tensor imag)", kFunction | kExactOut | kOutLikeResult | kLeading)
        .refusing(kUnlike),
    moves<polar>("polar(Tensor abs, Tensor angle)", kFunction | kExactOut | kOutLikeResult | kLeading)
        .refusing(kUnlike),
    moves<adjoint>("adjoint(Tensor input)", kFunction | kMethod | kLeading),
};

}  // namespace
FACULA_ENTRIES(complex_parts)

}  // namespace facula
