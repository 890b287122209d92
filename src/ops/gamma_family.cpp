// Draws behind torch.distributions: binomial, gamma and Dirichlet samples.
#include <cmath>
#include <limits>
#include "cpu/random.h"
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

// Gamma samples do have a derivative, the pathwise one, but no formula here yet: asking for it is an error,
// not a zero.
struct StandardGamma {
  static constexpr const char* node = "StandardGammaBackward0";
  static constexpr uint32_t saves = kNothing;
  Tensor sample;  // moved out: a node that held its own output would never be freed
  Tensor forward(const Tensor&) { return std::move(sample); }
  void vjp(const Back&, Tensor*) const {
    fail<NotImplemented>("the derivative of _standard_gamma is not implemented");
  }
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
    fn<sample_dirichlet>("_sample_dirichlet(Tensor input, Generator? generator=None)", kFunction),
};

}  // namespace

FACULA_ENTRIES(gamma_family)

}  // namespace facula
