// What the operations of the matmul family share: windows on memory, the choice of kernel by dtype, common
// checks. The kernels are in cpu/gemm.h.
#pragma once
#include "core/tensor.h"

namespace facula {

struct Matrix {  // a window on memory; steps count elements
  char* data;
  int64_t rows, columns, row_step, column_step;
};

inline Matrix matrix(const TensorImpl& t, bool transposed = false) {  // of a tensor with two dimensions
  if (transposed) return {t.data, t.sizes[1], t.sizes[0], t.strides[1], t.strides[0]};
  return {t.data, t.sizes[0], t.sizes[1], t.strides[0], t.strides[1]};
}
inline Matrix as_column(const TensorImpl& t) {
  return {t.data, t.sizes[0], 1, t.strides[0], 1};
}  // of a vector
inline Matrix as_row(const TensorImpl& t) { return {t.data, 1, t.sizes[0], t.sizes[0], t.strides[0]}; }

struct Scales {  // alpha op(a) op(b) + beta d
  Scalar alpha = 1, beta = 0;
  bool conj_a = false, conj_b = false;
};
// c = alpha a b + beta d. c's columns are adjacent; d may be c; without d, beta is not used.
void multiply(DType, const Matrix& a, const Matrix& b, const Matrix& c, const Matrix* d = nullptr,
              const Scales& = {});
// `count` of them, each the given number of elements after the last.
struct Steps {
  int64_t a, b, c, d = 0;
};
void multiply_many(DType, int64_t count, const Steps&, const Matrix& a, const Matrix& b, const Matrix& c,
                   const Matrix* d = nullptr, const Scales& = {});
void inner_product(DType, const TensorImpl& x, const TensorImpl& y, bool conj_x, char* result);  // of vectors

// An uninitialised result; on meta where an operand is.
Tensor result_of_product(const Dims& sizes, DType, const Tensor& a, const Tensor& b);
// No products of booleans, unless there are none to compute.
void require_numbers(DType, const char* kernel, bool any = true);
void require_scales(DType, Scalar alpha, Scalar beta);     // no complex factors for real numbers
void require_same_type(const Tensor& a, const Tensor& b);  // "expected m1 and m2 to have the same dtype"
// d as if expanded to rows x columns, or PyTorch's error.
Matrix expanded(const TensorImpl& d, int64_t rows, int64_t columns);

}  // namespace facula
