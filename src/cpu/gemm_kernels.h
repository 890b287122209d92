// What the builds of blocks/gemm.cpp for each instruction set provide, and how gemm.cpp describes a product
// to them.
#pragma once
#include <cstdint>

namespace facula {

// c = alpha * a b + beta * d. Strides count elements; c and d have unit column stride, d may be c,
// and d_row = 0 adds one row everywhere (a bias). d is not read where beta is 0.
template <class T> struct Product {
  int64_t m, n, k;
  const T* a;
  int64_t a_row, a_col;
  const T* b;
  int64_t b_row, b_col;
  T* c;
  int64_t c_row;
  const T* d;
  int64_t d_row;
  T alpha, beta;
};

template <class T> struct ProductKernels {
  int tile_rows, tile_columns;  // the shape of packed panels
  // One thread, nothing shared, any size: for the small and the oddly shaped.
  void (*serial)(const Product<T>&);
  // Panels: `tile_rows` rows of a (or `tile_columns` columns of b), k-major, padded with zeros.
  void (*pack_a)(const T* a, int64_t row, int64_t col, int64_t m, int64_t k, T* to);
  void (*pack_b)(const T* b, int64_t row, int64_t col, int64_t k, int64_t n, T* to);
  // p.a and p.b are packed; strides of a and b are not looked at.
  void (*packed)(const Product<T>& p);
  T (*dot)(const T* x, const T* y, int64_t n);
};

struct GemmKernels {
  ProductKernels<float> f32;
  ProductKernels<double> f64;
  // b's rows are contiguous.
  void (*u8)(const Product<uint8_t>&);
  void (*i8)(const Product<int8_t>&);
  void (*i16)(const Product<int16_t>&);
  void (*i32)(const Product<int32_t>&);
  void (*i64)(const Product<int64_t>&);
};

// The inner length of one pass over packed panels: a panel of b stays in the second-level cache.
inline constexpr int64_t kInner = 384;

}  // namespace facula
