// What the files of the matmul family tell each other.
#pragma once
#include "op/structural.h"
#include "ops/product.h"

namespace facula {

// How a product reads its two matrices. Products read this way are closed under differentiation: the gradient
// of one is another, with no transposed or conjugated copy, at any order.
struct Operands {
  bool ta = false, tb = false;          // transposed
  bool ca = false, cb = false;          // conjugated; false for real numbers
  bool flip_a = false, flip_b = false;  // lie by columns in memory; set by note()
  void note(const TensorImpl& a, const TensorImpl& b);
  static uint32_t keeps(const Tensor& a, const Tensor& b);  // bits of a and b: which the gradients will read
  Tensor gradient_a(const Tensor& g, const Tensor& b) const;
  Tensor gradient_b(const Tensor& g, const Tensor& a) const;
  Tensor gradients_a(const Tensor& g, const Tensor& b) const;
  Tensor gradients_b(const Tensor& g, const Tensor& a) const;
};

// op(a) op(b) for matrices with any batch dimensions in front, which broadcast (bmm.cpp).
struct Read {  // how the matrices of both operands are read
  bool ta = false, tb = false, ca = false, cb = false;
};
Tensor product_of_batches(Read, const Tensor& a, const Tensor& b);

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias);
Tensor mv(const Tensor& a, const Tensor& v);
Tensor dot(const Tensor& a, const Tensor& b);
Tensor outer(const Tensor& a, const Tensor& b);
Tensor bmm(const Tensor& a, const Tensor& b);
Tensor matmul_batched(const Tensor& a, const Tensor& b);  // one of them has more than two dimensions

}  // namespace facula
