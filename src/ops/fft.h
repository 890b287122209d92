// Where discrete Fourier transforms are computed: by a library that the Python layer knows. The operations in
// fft.cpp describe what they want and call this.
#pragma once
#include "core/tensor.h"

namespace facula {

enum class FftKind : uint8_t {
  ComplexToComplex,
  RealToHalf,   // the non-negative frequencies of the last of dims
  RealToWhole,  // all of them
  HalfToReal,
};
enum class FftScale : uint8_t { None, ByRootN, ByN };

struct FftPlan {
  FftKind kind;
  Dims dims;  // non-negative, each once, at least one
  FftScale scale;
  bool forward;
};

// Fills `out`, a tensor of the right type and shape without gaps, from `x` (float32, float64 and their
// complex types, any strides, not empty). Set once by the Python layer.
extern void (*fft_transform)(TensorImpl& out, const Tensor& x, const FftPlan&);

}  // namespace facula
