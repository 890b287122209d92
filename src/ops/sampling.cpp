// Samples whose distribution is given element by element: bernoulli, poisson, multinomial, normal with
// tensors.
#include <algorithm>
#include <cmath>
#include "autograd/places.h"
#include "cpu/random.h"
#include "ops/random.h"

namespace facula {
namespace {

// The tensor for a result: new and dense, or `out` resized.
Tensor result(std::string_view function, const Dims& shape, DType dtype, Device device, const Tensor& out) {
  if (!out) return empty(dtype, shape, device);
  refuse_gradient(function, out);
  require_writable(*out);
  resize_out(out, shape);
  count_write(*out);
  return out;
}

// --- bernoulli ---

Tensor bernoulli(const Tensor& p, Generator* generator, const Tensor& out) {
  if (out && mode.grad && requires_grad(*p))
    fail(
        "bernoulli(): functions with out=... arguments don't support automatic differentiation, but one of "
        "the arguments "
        "requires grad.");
  const Tensor r = result("bernoulli", p->shape(), p->dtype, p->device, out);
  bernoulli_into(*r, p, generator);
  return out ? r : with_no_gradient<"BernoulliBackward0">(r, p);
}

Tensor bernoulli_p(const Tensor& x, double p, Generator* generator) {
  const Tensor r = empty(x->dtype, x->shape(), x->device);
  bernoulli_into(*r, p, generator);
  return without_derivative<"bernoulli">(r, x);
}

// --- poisson ---

Tensor poisson(const Tensor& rates, Generator* generator) {
  if (!is_real_floating(rates->dtype)) not_implemented("poisson_cpu", rates->dtype);
  const Tensor r = empty(rates->dtype, rates->shape(), rates->device);
  if (!r->is_meta()) {
    const Tensor source = dense(rates);
    if (!all_between(*source, 0, INFINITY)) fail("invalid Poisson rate, expected rate to be non-negative");
    fill_poisson(chosen(generator), r->dtype, r->data, source->data, r->numel);
  }
  return with_no_gradient<"PoissonBackward0">(r, rates);
}

// --- normal, with tensors for mean or std ---

void check_std(const Tensor& std) {
  if (is_complex(std->dtype)) fail("normal expects standard deviation to be non-complex");
  if (std->is_meta() || std->numel == 0) return;
  if (!all_between(*dense(std), 0, INFINITY)) fail("normal expects all elements of std >= 0.0");
}

void multiply_into(const Tensor& x, const Arg& factor) {
  const Arg in[] = {Arg(x), factor};
  const Mul op;
  pointwise_inplace(row<Mul>, &op, in);
}
void add_into(const Tensor& x, const Arg& term) {
  const Arg in[] = {Arg(x), term};
  const Add op;
  pointwise_inplace(row<Add>, &op, in);
}

Tensor normal_tensors(const Tensor& mean, const Tensor& std, Generator* generator, const Tensor& out) {
  check_std(std);
  const Tensor r = result("normal", broadcast(mean->shape(), std->shape()), mean->dtype, mean->device, out);
  {
    GradMode off(false);
    normal_into(*r, 0, 1, generator);
    multiply_into(r, std);
    add_into(r, mean);
  }
  return out ? r : with_no_gradient<"NormalBackward3">(r, mean, std);
}

Tensor normal_mean(const Tensor& mean, double std, Generator* generator, const Tensor& out) {
  const Tensor r = result("normal", mean->shape(), mean->dtype, mean->device, out);
  {
    GradMode off(false);
    normal_into(*r, 0, std, generator);
    add_into(r, mean);
  }
  return out ? r : with_no_gradient<"NormalBackward1">(r, mean);
}

Tensor normal_std(double mean, const Tensor& std, Generator* generator, const Tensor& out) {
  check_std(std);
  const Tensor r = result("normal", std->shape(), std->dtype, std->device, out);
  {
    GradMode off(false);
    normal_into(*r, 0, 1, generator);
    multiply_into(r, std);
    add_into(r, full({}, Scalar(mean), r->dtype, r->device));  // rounded to 16 bits before it is added
  }
  return out ? r : with_no_gradient<"NormalBackward2">(r, std);
}

// --- multinomial ---

// Without replacement: divide the probabilities by exponential noise; the k largest quotients are the sample.
template <class T>
void sample_distinct(const T* p, const T* noise, int64_t categories, int64_t k, int64_t* out) {
  using Entry = std::pair<float, int64_t>;
  using Wide = std::conditional_t<std::is_same_v<T, double>, std::pair<double, int64_t>, Entry>;
  std::vector<Wide> queue(static_cast<size_t>(categories));
  for (int64_t i = 0; i < categories; ++i) {
    using V = typename Wide::first_type;
    queue[size_t(i)] = {V(T(V(p[i]) / V(noise[i]))), i};
  }
  auto before = [](const Wide& a, const Wide& b) {
    return (std::isnan(a.first) && !std::isnan(b.first)) || a.first > b.first;
  };
  if (k == 1) {
    auto best = queue.begin();
    for (auto it = best; it != queue.end(); ++it)
      if (before(*it, *best)) best = it;
    *out = best->second;
    return;
  }
  // Which of several equal quotients comes first is decided by the algorithm: this is the one PyTorch's topk
  // uses.
  if (k * 64 <= categories) {
    std::partial_sort(queue.begin(), queue.begin() + k, queue.end(), before);
  } else {
    std::nth_element(queue.begin(), queue.begin() + k - 1, queue.end(), before);
    std::sort(queue.begin(), queue.begin() + k - 1, before);
  }
  for (int64_t i = 0; i < k; ++i) out[i] = queue[size_t(i)].second;
}

// With replacement: invert the cumulated distribution.
template <class T>
void sample_repeated(Generator& g, const T* p, int64_t categories, int64_t k, int64_t* out) {
  using V = std::conditional_t<std::is_same_v<T, double>, double, float>;
  std::vector<V> cumulated(static_cast<size_t>(categories));
  V sum = 0;
  for (int64_t i = 0; i < categories; ++i) {
    const V v = V(p[i]);
    if (!(v >= 0)) fail("invalid multinomial distribution (encountering probability entry < 0)");
    if (!std::isfinite(v))
      fail("invalid multinomial distribution (encountering probability entry = infinity or NaN)");
    sum += v;
    if constexpr (is_half_type<T>) sum = V(T(sum));
    cumulated[size_t(i)] = sum;
  }
  if (!(sum > 0)) fail("invalid multinomial distribution (sum of probabilities <= 0)");
  for (V& c : cumulated) {
    c /= sum;
    if constexpr (is_half_type<T>) c = V(T(c));
  }
  for (int64_t s = 0; s < k; ++s) {
    double u;
    fill_uniform(g, DType::Float64, &u, 1, 0, 1);
    int64_t left = 0, right = categories;
    while (left < right) {
      const int64_t middle = left + (right - left) / 2;
      if (double(cumulated[size_t(middle)]) < u) left = middle + 1;
      else right = middle;
    }
    out[s] = left;
  }
}

template <class F> void visit_floating(DType t, F&& f) {
  switch (t) {
    case DType::Float16: return f(Float16{});
    case DType::BFloat16: return f(BFloat16{});
    case DType::Float32: return f(float{});
    default: return f(double{});
  }
}

template <class T> void check_distributions(const T* p, int64_t rows, int64_t categories) {
  for (int64_t i = 0; i < rows * categories; ++i)
    if (!(double(p[i]) >= 0 && double(p[i]) < INFINITY))
      fail("probability tensor contains either `inf`, `nan` or element < 0");
  for (int64_t r = 0; r < rows; ++r) {
    bool any = false;
    for (int64_t i = 0; i < categories; ++i) any |= double(p[r * categories + i]) != 0;
    if (!any) fail("invalid multinomial distribution (sum of probabilities <= 0)");
  }
}

Tensor multinomial(const Tensor& p, int64_t samples, bool replacement, Generator* generator,
                   const Tensor& out) {
  if (out && out->dtype != DType::Int64)
    fail("multinomial expects Long tensor out, got: ", c_name(out->dtype));
  if (p->ndim < 1 || p->ndim > 2) fail("prob_dist must be 1 or 2 dim");
  if (!is_real_floating(p->dtype))
    fail("multinomial only supports floating-point dtypes for input, got: ", c_name(p->dtype));
  if (samples <= 0) fail("cannot sample n_sample <= 0 samples");
  const int64_t categories = p->sizes[p->ndim - 1], rows = p->ndim == 2 ? p->sizes[0] : 1;
  if (!replacement && samples > categories)
    fail("cannot sample n_sample > prob_dist.size(-1) samples without replacement");
  if (categories > int64_t(1) << 24) fail("number of categories cannot exceed 2^24");
  Dims shape = p->shape();
  shape[p->ndim - 1] = samples;
  const Tensor sampled = empty(DType::Int64, shape, p->device);
  if (!sampled->is_meta() && sampled->numel != 0) {
    const Tensor source = dense(p);
    int64_t* const to = sampled->as<int64_t>();
    visit_floating(p->dtype, [&]<class T>(T) {
      const T* const from = source->as<T>();
      if (!replacement || samples == 1) {
        check_distributions(from, rows, categories);
        Tensor noise = empty_as(*p);
        exponential_into(*noise, 1, generator);
        noise = dense(noise);
        for (int64_t r = 0; r < rows; ++r)
          sample_distinct(from + r * categories, noise->as<T>() + r * categories, categories, samples,
                          to + r * samples);
      } else {
        for (int64_t r = 0; r < rows; ++r)
          sample_repeated(chosen(generator), from + r * categories, categories, samples, to + r * samples);
      }
    });
  }
  if (!out) return sampled;
  require_writable(*out);
  resize_out(out, shape);
  copy_into(*out, *sampled);
  count_write(*out);
  return out;
}

constexpr OpEntry entries[] = {
    fn<bernoulli_p>("bernoulli(Tensor input, float p, *, Generator? generator=None)"),
    fn<bernoulli>("bernoulli(Tensor input, *, Generator? generator=None, Tensor? out=None)"),
    fn<poisson>("poisson(Tensor input, Generator? generator=None)", kFunction),
    fn<normal_tensors>("normal(Tensor mean, Tensor std, *, Generator? generator=None, Tensor? out=None)",
                       kFunction),
    fn<normal_mean>("normal(Tensor mean, float std=1, *, Generator? generator=None, Tensor? out=None)",
                    kFunction),
    fn<normal_std>("normal(float mean, Tensor std, *, Generator? generator=None, Tensor? out=None)",
                   kFunction),
    fn<multinomial>("multinomial(Tensor input, int num_samples, bool replacement=False, *, Generator? "
                    "generator=None, Tensor? out=None)"),
};

}  // namespace

FACULA_ENTRIES(sampling)

}  // namespace facula
