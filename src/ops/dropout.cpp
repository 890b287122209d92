// The dropout family: an input times noise that is 0 with probability p. The feature variants draw one number
// per channel, the alpha variants keep mean and variance (Klambauer et al. 2017, Self-Normalizing Neural
// Networks). And rrelu, the one activation that draws.
#include "ops/dropout.h"
#include <cmath>
#include "cpu/random.h"
#include "ops/named.h"
#include "ops/random.h"
#include "ops/spatial.h"

namespace facula {
namespace {

struct Kind {
  bool feature, alpha, inplace;
};

Tensor multiply(const Tensor& x, const Arg& by, bool inplace) {
  const Arg in[] = {Arg(x), by};
  const Mul op;
  if (!inplace) return pointwise(row<Mul>, &op, in);
  pointwise_inplace(row<Mul>, &op, in);
  return x;
}
Tensor plus(const Tensor& x, const Arg& term, bool inplace) {
  const Arg in[] = {Arg(x), term};
  const Add op;
  if (!inplace) return pointwise(row<Add>, &op, in);
  pointwise_inplace(row<Add>, &op, in);
  return x;
}

Tensor noise_for(const Tensor& x, bool feature) {
  if (!feature) return empty_as(*x);
  if (x->ndim < 2) fail("Feature dropout requires at least 2 dimensions in the input");
  Dims shape = Dims::filled(x->ndim, 1);
  shape[0] = x->sizes[0];
  shape[1] = x->sizes[1];
  return empty(x->dtype, shape, x->device);
}

template <Kind kind> Tensor drop(const Tensor& x, double p, bool train) {
  if (!(p >= 0 && p <= 1)) fail("dropout probability has to be between 0 and 1, but got ", shown(p));
  if (p == 0 || !train || x->numel == 0) return x;
  if (p == 1) return multiply(x, full({}, Scalar(0), x->dtype, x->device), kind.inplace);
  const Tensor noise = noise_for(x, kind.feature);
  Tensor shift;
  {
    GradMode off(false);
    bernoulli_into(*noise, 1 - p, nullptr);
    if (kind.alpha) {
      constexpr double alpha = 1.7580993408473766;
      const double a = 1 / std::sqrt((alpha * alpha * p + 1) * (1 - p));
      shift = plus(multiply(plus(noise, Scalar(-1.0), false), Scalar(alpha * a), true),
                   full({}, Scalar(alpha * a * p), x->dtype, x->device), true);
      multiply(noise, Scalar(a), true);
    } else {
      const Arg in[] = {Arg(noise), Arg(Scalar(1 - p))};
      const Div op;
      pointwise_inplace(row<Div>, &op, in);
    }
  }
  const Tensor product = multiply(x, noise, kind.inplace);
  return kind.alpha ? plus(product, shift, kind.inplace) : product;
}

struct NativeDropout {
  static constexpr const char* node = "NativeDropoutBackward0";
  static constexpr uint32_t saves = kOutput;
  double p;
  std::optional<bool> train;
  double scale = 1;
  Tensors forward(const Tensor& x) {
    GradMode off(false);
    if (x->numel == 0) return {x, empty(DType::Bool, x->shape(), x->device)};
    const bool drops = !train.has_value() || *train;
    scale = !drops ? 1 : p == 1 ? 0 : 1 / (1 - p);
    const Tensor mask = empty_as(*x, DType::Bool);
    if (!drops) fill(*mask, Scalar(true));
    else bernoulli_into(*mask, 1 - p, nullptr);
    return {multiply(x, multiply(to_dtype(mask, x->dtype), Scalar(scale), true), false), mask};
  }
  std::optional<NativeDropout> batched(const Back&, int64_t) const { return *this; }
  void vjp(const Back& b, Tensor* d) const { d[0] = b.g[0] * b.out[1] * Scalar(scale); }
};

std::pair<Tensor, Tensor> native_dropout(const Tensor& x, double p, std::optional<bool> train) {
  if (!(p >= 0 && p <= 1)) fail("dropout probability has to be between 0 and 1, but got ", shown(p));
  const Tensors r = call_structural(NativeDropout{p, train}, x);
  return {r[0], r[1]};
}

// max(0, x) + slope * min(0, x), each element with a slope of its own, drawn only where it is used.
struct Rrelu {
  static constexpr const char* node = "RreluWithNoiseBackward0";
  static constexpr uint32_t saves = kNothing;
  double lower, upper;
  Generator* generator;
  Tensor slopes;
  Tensor forward(const Tensor& x) {
    const Tensor source = dense(x);
    const Tensor drawn = empty(DType::Float64, x->shape(), x->device);
    if (!x->is_meta()) {
      const Tensor wide = dense(source, DType::Float64);
      const double* const value = wide->as<double>();
      double* const slope = drawn->as<double>();
      for (int64_t i = 0; i < drawn->numel; ++i) {
        slope[i] = 1;
        if (value[i] <= 0) slope[i] = uniform_double(chosen(generator)) * (upper - lower) + lower;
      }
    }
    GradMode off(false);
    slopes = to_dtype(drawn, x->dtype);
    if (!is_half(x->dtype)) return multiply(source, slopes, false);
    return to_dtype(multiply(to_dtype(source, DType::Float32), to_dtype(drawn, DType::Float32), false),
                    x->dtype);
  }
  void vjp(const Back& b, Tensor* d) const { d[0] = tied(b.g[0] * slopes, b, 0); }
};

Tensor rrelu(const Tensor& x, Scalar lower, Scalar upper, bool training, Generator* generator) {
  const bool wide = x->dtype == DType::Float64;
  const double from = wide ? double(lower) : float(double(lower)),
               to = wide ? double(upper) : float(double(upper));
  if (from > to) fail("Lower bound should be less than or equal to the upper bound");
  if (training) return call_structural(Rrelu{from, to, generator, nullptr}, x);
  return renamed(contiguous(call(LeakyRelu{(from + to) / 2}, x)), "RreluWithNoiseBackward0");
}

constexpr OpEntry entries[] = {
    fn<drop<Kind{false, false, false}>>("dropout(Tensor input, float p, bool train)", kFunction),
    fn<drop<Kind{false, false, true}>>("dropout_(Tensor input, float p, bool train)", kFunction),
    fn<drop<Kind{true, false, false}>>("feature_dropout(Tensor input, float p, bool train)", kFunction),
    fn<drop<Kind{true, false, true}>>("feature_dropout_(Tensor input, float p, bool train)", kFunction),
    fn<drop<Kind{false, true, false}>>("alpha_dropout(Tensor input, float p, bool train)", kFunction),
    fn<drop<Kind{false, true, true}>>("alpha_dropout_(Tensor input, float p, bool train)", kFunction),
    fn<drop<Kind{true, true, false}>>("feature_alpha_dropout(Tensor input, float p, bool train)", kFunction),
    fn<drop<Kind{true, true, true}>>("feature_alpha_dropout_(Tensor input, float p, bool train)", kFunction),
    fn<native_dropout>("native_dropout(Tensor input, float p, bool? train)", kFunction),
    fn<rrelu>("rrelu(Tensor input, Number lower=0.125, Number upper=0.3333333333333333, bool training=False, "
              "Generator? generator=None)",
              kFunction | kInPlace),
};

}  // namespace

Tensor dropout(const Tensor& x, double p, bool train) { return drop<Kind{false, false, false}>(x, p, train); }

FACULA_ENTRIES(dropout)

}  // namespace facula
