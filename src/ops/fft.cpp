// Discrete Fourier transforms in their three forms: complex to complex, real to complex, complex to real. The
// public functions (torch.fft) are compositions of these, in facula/_composite/fft.py.
#include "ops/fft.h"
#include <algorithm>
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {

void (*fft_transform)(TensorImpl& out, const Tensor& x, const FftPlan&) = nullptr;

Tensor clone(const Tensor&);  // ops/convert.cpp

namespace {

Tensor c2c(const Tensor&, const Dims& dims, int64_t normalization, bool forward);
Tensor r2c(const Tensor&, const Dims& dims, int64_t normalization, bool onesided);

// PyTorch's strides: dense, the transformed dimensions innermost, the others in the order of `strides`. The
// dimensions but the `fixed` last are in that order too.
Dims strides_of(const Dims& shape, const Dims& strides, const Dims& dims, int fixed) {
  Dims order(0);
  for (int d = 0; d < shape.count; ++d)
    if (!dims.contains(d)) order.push(d);
  const auto outer = [&](int64_t a, int64_t b) { return strides[int(a)] > strides[int(b)]; };
  std::stable_sort(order.v, order.v + order.count, outer);
  Dims inner = dims;
  std::stable_sort(inner.v, inner.v + inner.count - fixed, outer);
  for (const int64_t d : inner) order.push(d);
  Dims result(shape.count);
  int64_t step = 1;
  for (int i = order.count; i-- > 0;) {
    result[int(order[i])] = step;
    step *= std::max<int64_t>(shape[int(order[i])], 1);
  }
  return result;
}

Tensor run(const Tensor& x, const FftPlan& plan, DType dtype, const Dims& shape) {
  Dims order = x->stride(), last = plan.dims;
  if (plan.kind == FftKind::HalfToReal) {  // complex first, then the last dimension
    last = Dims{plan.dims[plan.dims.count - 1]};
    Dims before = plan.dims;
    before.resize(before.count - 1);
    if (before.count) order = strides_of(x->shape(), order, before, 0);
  }
  const int fixed = plan.kind == FftKind::ComplexToComplex ? 0 : 1;
  Tensor out = empty_strided(dtype, shape, strides_of(shape, order, last, fixed), x->device);
  if (out->is_meta() || out->numel == 0) return out;
  if (!fft_transform) fail("Fourier transforms need facula's Python layer");
  fft_transform(*out, x, plan);
  return out;
}

FftPlan plan_of(FftKind kind, const Tensor& x, const Dims& dims, int64_t normalization, bool forward) {
  if (normalization < 0 || normalization > 2)
    fail("Invalid normalization mode: ", normalization, " (0: none, 1: by the root of n, 2: by n)");
  FftPlan plan{kind, dims, FftScale(normalization), forward};
  uint64_t seen = 0;
  for (int i = 0; i < dims.count; ++i) {
    const int d = wrap_dim(dims[i], x->ndim);
    if (x->ndim == 0) fail("Dimension specified as ", dims[i], " but tensor has no dimensions");
    if (seen >> d & 1) fail("FFT dims must be unique");
    seen |= uint64_t(1) << d;
    plan.dims[i] = d;
    if (x->sizes[d] < 1) fail("Invalid number of data points (", x->sizes[d], ") specified");
  }
  return plan;
}

struct FftC2C {
  static constexpr const char* node = "FftC2CBackward0";
  static constexpr uint32_t saves = kNothing;
  FftPlan plan;
  Tensor forward(const Tensor& x) const { return run(x, plan, x->dtype, x->shape()); }
  void vjp(const Back& b, Tensor* d) const {
    d[0] = c2c(b.g[0], plan.dims, int64_t(plan.scale), !plan.forward);
  }
};

struct FftR2C {
  static constexpr const char* node = "FftR2CBackward0";
  static constexpr uint32_t saves = kNothing;
  FftPlan plan;
  int64_t last_size = 0;
  int last() const { return int(plan.dims[plan.dims.count - 1]); }
  Tensor forward(const Tensor& x) {
    Dims shape = x->shape();
    last_size = shape[last()];
    if (plan.kind == FftKind::RealToHalf) shape[last()] = last_size / 2 + 1;
    return run(x, plan, to_complex(x->dtype), shape);
  }
  void vjp(const Back& b, Tensor* d) const {
    // The half of the spectrum that was left out has no gradient.
    Tensor g = b.g[0];
    if (const int64_t missing = last_size - g->sizes[last()]; missing > 0) {
      Dims rest = g->shape();
      rest[last()] = missing;
      g = cat({g, zeros(rest, g->dtype, g->device)}, last());
    }
    d[0] = real_part(c2c(g, plan.dims, int64_t(plan.scale), false));
  }
};

struct FftC2R {
  static constexpr const char* node = "FftC2RBackward0";
  static constexpr uint32_t saves = kNothing;
  FftPlan plan;
  int64_t last_size;
  int last() const { return int(plan.dims[plan.dims.count - 1]); }
  Tensor forward(const Tensor& x) const {
    Dims shape = x->shape();
    shape[last()] = last_size;
    return run(x, plan, to_real(x->dtype), shape);
  }
  void vjp(const Back& b, Tensor* d) const {
    // Every frequency but the first (and the middle one of an even size) stood for two.
    Tensor g = r2c(b.g[0], plan.dims, int64_t(plan.scale), true);
    const int64_t half = g->sizes[last()], twice = last_size - half;
    if (twice > 0) {
      Dims shape = Dims::filled(g->ndim, 1);
      shape[last()] = half;
      const Tensor weight = ones(shape, to_real(g->dtype), g->device);
      {
        GradMode off(false);
        fill_(narrow(weight, last(), 1, twice), Scalar(2.0));
      }
      g = g * weight;
    }
    d[0] = g;
  }
};

void require_complex(const Tensor& x) {
  if (!is_complex(x->dtype)) fail("Only supports complex dtypes, but found: ", c_name(x->dtype));
}

Tensor c2c(const Tensor& x, const Dims& dims, int64_t normalization, bool forward) {
  require_complex(x);
  if (dims.count == 0) return clone(x);
  return call_structural(FftC2C{plan_of(FftKind::ComplexToComplex, x, dims, normalization, forward)}, x);
}

Tensor r2c(const Tensor& x, const Dims& dims, int64_t normalization, bool onesided) {
  if (!is_real_floating(x->dtype)) fail("Only supports floating-point dtypes, but found: ", c_name(x->dtype));
  if (x->dtype != DType::Float32 && x->dtype != DType::Float64) fail("Unsupported dtype ", c_name(x->dtype));
  if (dims.count == 0) fail("Fourier transforms of real numbers must have at least one dimension");
  const FftKind kind = onesided ? FftKind::RealToHalf : FftKind::RealToWhole;
  return call_structural(FftR2C{plan_of(kind, x, dims, normalization, true)}, x);
}

Tensor c2r(const Tensor& x, const Dims& dims, int64_t normalization, int64_t last_dim_size) {
  require_complex(x);
  if (dims.count == 0) fail("Fourier transforms to real numbers must have at least one dimension");
  const FftPlan plan = plan_of(FftKind::HalfToReal, x, dims, normalization, false);
  const int last = int(plan.dims[dims.count - 1]);
  if (last_dim_size < 1) fail("Invalid number of data points (", last_dim_size, ") specified");
  if (x->sizes[last] != last_dim_size / 2 + 1)
    fail("_fft_c2r(): ", last_dim_size, " real points need ", last_dim_size / 2 + 1,
         " frequencies, but dimension ", last, " has ", x->sizes[last]);
  return call_structural(FftC2R{plan, last_dim_size}, x);
}

}  // namespace

static constexpr OpEntry entries[] = {
    fn<c2c>("_fft_c2c(Tensor input, int[] dim, int normalization, bool forward)", kFunction),
    fn<r2c>("_fft_r2c(Tensor input, int[] dim, int normalization, bool onesided)", kFunction),
    fn<c2r>("_fft_c2r(Tensor input, int[] dim, int normalization, int last_dim_size)", kFunction),
};
FACULA_ENTRIES(fft)

}  // namespace facula
