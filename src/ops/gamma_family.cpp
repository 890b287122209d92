// Draws behind torch.distributions: binomial, gamma and Dirichlet samples.
#include <cmath>
#include <limits>
#include "cpu/random.h"
#include "cpu/special.h"
#include "ops/pathwise.h"
#include "ops/random.h"

namespace facula {
namespace {

template <class F> Tensor drawn_as(DType t, const char* kernel, const Dims& shape, Device device, F draw) {
  if (t != DType::Float32 && t != DType::Float64) not_implemented(kernel, t);
  const Tensor out = empty(t, shape, device);
  if (out->is_meta()) return out;
  for (int64_t i = 0; i < out->numel; ++i) {
    if (t == DType::Float32) out->as<float>()[i] = float(draw(i));
    else out->as<double>()[i] = draw(i);
  }
  return out;
}

double smallest(DType t) {
  return t == DType::Float32 ? double(std::numeric_limits<float>::min()) : std::numeric_limits<double>::min();
}

// How a sample moves with a parameter, element by element, in double precision.
template <class F> Tensor slopes(const char* kernel, F slope, const Tensor& x, const auto&... parameters) {
  if (((parameters->dtype != x->dtype) || ...))
    fail("expected all tensors of ", kernel, " to have the dtype ", c_name(x->dtype));
  Dims shape = x->shape();
  ((shape = broadcast(shape, parameters->shape())), ...);
  const auto wide = [&](const Tensor& t) { return dense(expand(t, shape), DType::Float64); };
  const Tensor xs = wide(x);
  const std::array<Tensor, sizeof...(parameters)> ps{wide(parameters)...};
  return drawn_as(x->dtype, kernel, shape, x->device, [&](int64_t i) {
    const auto at = [i](const Tensor& t) { return t->as<double>()[i]; };
    if constexpr (sizeof...(parameters) == 1) return slope(at(xs), at(ps[0]));
    else return slope(at(xs), at(ps[0]), at(ps[1]));
  });
}

Tensor standard_gamma_grad(const Tensor& shape, const Tensor& sample) {
  const Tensor out = slopes("_standard_gamma_grad", pathwise::gamma, sample, shape);
  return without_derivative<"_standard_gamma_grad">(out, shape, sample);
}

Tensor dirichlet_grad(const Tensor& x, const Tensor& alpha, const Tensor& total) {
  const Tensor out = slopes("_dirichlet_grad", pathwise::dirichlet, x, alpha, total);
  return without_derivative<"_dirichlet_grad">(out, x, alpha, total);
}

struct StandardGamma {
  static constexpr const char* node = "StandardGammaBackward0";
  static constexpr uint32_t saves = saves_input(0) | kOutput;
  Tensor sample;  // moved out: a node that held its own output would never be freed
  Tensor forward(const Tensor&) { return std::move(sample); }
  void vjp(const Back& b, Tensor* d) const { d[0] = b.g[0] * standard_gamma_grad(b.in[0], b.out[0]); }
};

Tensor binomial(const Tensor& count, const Tensor& p, Generator* generator) {
  if (!is_real_floating(count->dtype))
    fail<ValueError>("binomial only supports floating-point dtypes for count, got: ", c_name(count->dtype));
  if (count->dtype != p->dtype)
    fail("Found dtype ", c_name(p->dtype), " but expected ", c_name(count->dtype));
  const Dims shape = broadcast(count->shape(), p->shape());
  const Tensor counts = dense(expand(count, shape), DType::Float64),
               ps = dense(expand(p, shape), DType::Float64);
  Generator& g = chosen(generator);
  const Tensor out = drawn_as(count->dtype, "binomial_cpu", shape, count->device, [&](int64_t i) {
    return sample_binomial(g, counts->as<double>()[i], ps->as<double>()[i]);
  });
  return without_derivative<"binomial">(out, count, p);
}

Tensor standard_gamma(const Tensor& shape, Generator* generator) {
  const Tensor shapes = is_real_floating(shape->dtype) ? dense(shape, DType::Float64) : shape;
  Generator& g = chosen(generator);
  const Tensor out = drawn_as(shape->dtype, "gamma_cpu", shape->shape(), shape->device, [&](int64_t i) {
    const double sample = sample_gamma(g, shapes->as<double>()[i]);
    return sample < smallest(shape->dtype) ? smallest(shape->dtype) : sample;
  });
  return call_structural(StandardGamma{out}, shape);
}

Tensor sample_dirichlet(const Tensor& concentration, Generator* generator) {
  const DType t = concentration->dtype;
  if (t != DType::Float32 && t != DType::Float64) not_implemented("dirichlet", t);
  const Tensor shapes = dense(concentration, DType::Float64);
  const Tensor gamma = empty(DType::Float64, concentration->shape());
  const int64_t size = concentration->ndim ? concentration->sizes[concentration->ndim - 1] : 1;
  if (!concentration->is_meta())
    for (int64_t i = 0; i < gamma->numel; ++i)
      gamma->as<double>()[i] = sample_gamma(chosen(generator), shapes->as<double>()[i]);
  double sum = 0;
  const Tensor out = drawn_as(t, "dirichlet", concentration->shape(), concentration->device, [&](int64_t i) {
    const double* const row = gamma->as<double>() + i / size * size;
    if (i % size == 0) {
      sum = 0;
      for (int64_t k = 0; k < size; ++k) sum += row[k];
    }
    const double share = gamma->as<double>()[i] / sum, largest = double(std::nextafter(1.0f, 0.0f));
    const double least = smallest(t);
    return share < least ? least : share > largest ? largest : share;
  });
  return without_derivative<"_sample_dirichlet">(out, concentration);
}

constexpr OpEntry entries[] = {
    fn<binomial>("binomial(Tensor count, Tensor prob, Generator? generator=None)", kFunction),
    fn<standard_gamma>("_standard_gamma(Tensor input, Generator? generator=None)", kFunction),
    fn<standard_gamma_grad>("_standard_gamma_grad(Tensor input, Tensor output)", kFunction),
    fn<dirichlet_grad>("_dirichlet_grad(Tensor x, Tensor alpha, Tensor total)", kFunction),
    fn<sample_dirichlet>("_sample_dirichlet(Tensor input, Generator? generator=None)", kFunction),
};

}  // namespace

FACULA_ENTRIES(gamma_family)

}  // namespace facula
