// Kernels of the normalisations. Sums run over a fixed number of lanes, so that results do not depend on the
// width of the machine's vectors; long rows are summed in chunks whose totals meet in double.
#pragma once
#include <cstdint>

namespace facula {

// Names: x input, g gradient of the output, w weight, b bias, y result. `each`: a weight for every element of
// a row; otherwise one number for all of it. Column kernels see `rows` rows of n adjacent elements.
template <class T> struct NormKernelsOf {
  double (*sum)(const T* x, int64_t n);
  double (*deviation)(const T* x, int64_t n, T mean);            // sum (x - mean)^2
  void (*scale)(const T* x, T* y, int64_t n, T scale, T shift);  // x scale + shift
  void (*scale_each)(const T* x, T* y, int64_t n, T mean, T rstd, const T* w,
                     const T* b);                                         // w, b may be null
  void (*pair)(const T* g, const T* x, int64_t n, T mean, double* sums);  // adds sum g, sum g (x - mean)
  void (*pair_each)(const T* g, const T* x, const T* w, int64_t n, T mean, double* sums);  // the same of g w
  void (*combine)(const T* g, const T* x, T* d, int64_t n, T a, T b, T mean, T c);  // a g + b (x - mean) + c
  void (*combine_each)(const T* g, const T* x, const T* w, T* d, int64_t n, T a, T b, T mean, T c);
  void (*weights_each)(const T* g, const T* x, int64_t n, T mean, T rstd, T* dw,
                       T* db);  // dw += g (x - mean) rstd, db += g
  // Columns. At most kNormRows rows a call where sums are made.
  void (*column_sum)(const T* x, int64_t rows, int64_t n, T* sums);
  void (*column_deviation)(const T* x, int64_t rows, int64_t n, const T* mean, T* sums);
  void (*column_scale)(const T* x, T* y, int64_t rows, int64_t n, const T* scale, const T* shift);
  void (*column_pair)(const T* g, const T* x, int64_t rows, int64_t n, const T* mean, T* sum_g, T* sum_gx);
  void (*column_combine)(const T* g, const T* x, T* d, int64_t rows, int64_t n, const T* a, const T* b,
                         const T* c);  // a g + b x + c
};
inline constexpr int64_t kNormRows = 64;

struct NormKernels {
  NormKernelsOf<float> f32;
  NormKernelsOf<double> f64;
  template <class T> const NormKernelsOf<T>& of() const {
    if constexpr (sizeof(T) == 4) return f32;
    else return f64;
  }
};
const NormKernels& best_norm_kernels();

}  // namespace facula
