// Leaves of reductions: kernels that fold a dense row, or a few dense rows into one. Their order of
// operations is part of the definition of the result: it depends on sizes alone.
#pragma once
#include "core/dtype.h"
#include "cpu/isa.h"

namespace facula {

// The last three are sums of a function of each element, for real floating types: its square, its magnitude,
// itself unless it is NaN.
enum class Fold : uint8_t { Sum, Prod, Min, Max, Squares, Magnitudes, Numbers };
inline constexpr int kFolds = 7;
constexpr Fold base_fold(Fold f) { return f > Fold::Max ? Fold::Sum : f; }  // how partial results are joined

inline constexpr int64_t kLeaf = 16384;   // elements of a row folded by one call
inline constexpr int64_t kRowBlock = 64;  // rows folded into one by one call

// Sums and products of a row are wide: double, int64_t or Complex<double>. Minima and maxima have the
// element's type (16-bit floats: float). Columns accumulate in the element's type (16-bit floats: float;
// integers: int64_t for sums and products).
struct FoldKernels {
  void (*row)(const void* x, int64_t n, void* result);  // n <= kLeaf
  void (*rows)(const void* x, int64_t stride, int64_t count, int64_t width,
               void* result);  // count <= kRowBlock; strides in elements
};
struct FoldTable {
  FoldKernels of[kDTypes][kFolds];
};
const FoldKernels& fold_kernels(DType, Fold);

template <class T> struct FoldTypes {  // what `row` and `rows` write
  static constexpr bool whole = std::is_integral_v<T>;
  using Column = std::conditional_t<is_half_type<T>, float, T>;
  using Wide =
      std::conditional_t<whole, int64_t, std::conditional_t<is_complex_type<T>, Complex<double>, double>>;
  using SumColumn = std::conditional_t<whole, int64_t, Column>;
};

}  // namespace facula
