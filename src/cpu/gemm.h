// Matrix products over raw memory. Any strides on the operands, none of them copied for its layout; results
// are the same bits for every number of threads.
#pragma once
#include "cpu/gemm_kernels.h"

namespace facula {

// c = alpha * a b + beta * d, see Product. T: float, double, uint8_t, int8_t, int16_t, int32_t, int64_t.
template <class T> void gemm(const Product<T>&);

// `count` products; operand x of product i starts at x + i * x_step.
template <class T> void gemm_batch(int64_t count, const Product<T>& first, int64_t a_step, int64_t b_step,
                                   int64_t c_step, int64_t d_step);

// A right operand (k, n) laid out once, for many products with few rows.
template <class T> class Panels {
 public:
  static int64_t size(int64_t k, int64_t n);  // elements of memory that it needs
  Panels(T* memory, const T* b, int64_t b_row, int64_t b_col, int64_t k, int64_t n);
  // c (m, n) = a b + beta d of the first n columns, on the calling thread; rows of a are contiguous.
  void times(int64_t m, int64_t n, const T* a, int64_t a_row, T* c, int64_t c_row, const T* d, int64_t d_row,
             T beta) const;

 private:
  const T* panels_;
  int64_t k_, n_;
};

// Complex numbers as interleaved real and imaginary parts; strides count complex numbers. alpha and beta are
// (real, imaginary) pairs; conj_a and conj_b take the conjugate of an operand.
template <class T> struct ComplexProduct {
  int64_t m, n, k;
  const T* a;
  int64_t a_row, a_col;
  const T* b;
  int64_t b_row, b_col;
  T* c;
  int64_t c_row;
  const T* d;
  int64_t d_row;
  T alpha[2] = {1, 0}, beta[2] = {0, 0};
  bool conj_a = false, conj_b = false;
};
template <class T> void gemm(const ComplexProduct<T>&);

// sum of x[i * x_step] * y[i * y_step]. T: as gemm.
template <class T> T dot(int64_t n, const T* x, int64_t x_step, const T* y, int64_t y_step);

}  // namespace facula
