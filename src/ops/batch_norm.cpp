// batch_norm and instance_norm: statistics of each channel over all else (Ioffe and Szegedy 2015; Ulyanov et
// al. 2016).
#include <cmath>
#include "core/parallel.h"
#include "cpu/norm.h"
#include "ops/norm.h"

namespace facula {
namespace {

// Channels lie between `outer` and `inner`, or last (inner == 1).
struct Place {
  int64_t outer, channels, inner;
  int64_t count() const { return outer * inner; }
  bool columns() const { return inner == 1; }
};

// Loops over x as it lies in memory. Partial sums of columns are of fixed runs of rows.
template <class T> struct Sweep {
  const NormKernelsOf<T>& k = best_norm_kernels().of<T>();
  Place p;

  // f(piece, first row, rows) over runs of rows.
  template <class F> void rows(int64_t step, F&& f) const {
    parallel_pieces((p.outer + step - 1) / step,
                    [&](int64_t piece) { f(piece, piece * step, std::min(step, p.outer - piece * step)); });
  }
  int64_t step() const {  // rows of a piece
    return std::max<int64_t>(1, std::max<int64_t>((1 << 15) / p.channels, (p.outer + 31) / 32));
  }
  // sums[c] for `kinds` sums at once: f(from, count, partial) adds those of at most kNormRows rows.
  template <class F> void column_sums(int kinds, double* sums, F&& f) const {
    const int64_t s = step(), pieces = (p.outer + s - 1) / s, width = kinds * p.channels;
    const Tensor totals = zeros({pieces, width}, DType::Float64),
                 scratch = empty(dtype_of_element<T>, {pieces, width});
    double* const total = totals->as<double>();
    T* const work = scratch->as<T>();
    rows(s, [&](int64_t piece, int64_t from, int64_t count) {
      T* const part = work + piece * width;
      for (int64_t i = 0; i < count; i += kNormRows) {
        for (int64_t j = 0; j < width; ++j) part[j] = 0;
        f(from + i, std::min(kNormRows, count - i), part);
        for (int64_t j = 0; j < width; ++j) total[piece * width + j] += double(part[j]);
      }
    });
    for (int64_t j = 0; j < width; ++j) {
      sums[j] = 0;
      for (int64_t piece = 0; piece < pieces; ++piece) sums[j] += total[piece * width + j];
    }
  }
  // f(c, offset of each run of channel c).
  template <class F> void channels(F&& f) const {
    const int64_t step = std::max<int64_t>(1, (1 << 15) / std::max<int64_t>(1, p.count()));
    parallel_pieces((p.channels + step - 1) / step, [&](int64_t piece) {
      for (int64_t c = piece * step; c < std::min(p.channels, (piece + 1) * step); ++c) f(c);
    });
  }
  int64_t at(int64_t o, int64_t c) const { return (o * p.channels + c) * p.inner; }

  void moments(const T* x, double* mean, double* square) const {
    const double n = double(p.count());
    if (p.columns()) {
      const int64_t c = p.channels;
      column_sums(1, mean,
                  [&](int64_t r, int64_t count, T* part) { k.column_sum(x + r * c, count, c, part); });
      const Tensor centre = empty(dtype_of_element<T>, {c});
      T* const m = centre->as<T>();
      for (int64_t i = 0; i < c; ++i) m[i] = T(mean[i] /= n);
      return column_sums(1, square, [&](int64_t r, int64_t count, T* part) {
        k.column_deviation(x + r * c, count, c, m, part);
      });
    }
    channels([&](int64_t c) {
      double all = 0, away = 0;
      for (int64_t o = 0; o < p.outer; ++o) all += k.sum(x + at(o, c), p.inner);
      mean[c] = all / n;
      for (int64_t o = 0; o < p.outer; ++o) away += k.deviation(x + at(o, c), p.inner, T(mean[c]));
      square[c] = away;
    });
  }
  void scale(const T* x, T* y, const T* factor, const T* shift) const {
    const int64_t c = p.channels;
    if (p.columns())
      return rows(std::max<int64_t>(1, (1 << 15) / c), [&](int64_t, int64_t r, int64_t count) {
        k.column_scale(x + r * c, y + r * c, count, c, factor, shift);
      });
    channels([&](int64_t i) {
      for (int64_t o = 0; o < p.outer; ++o) k.scale(x + at(o, i), y + at(o, i), p.inner, factor[i], shift[i]);
    });
  }
  void pairs(const T* g, const T* x, const T* mean, double* sums) const {  // sum g; sum g (x - mean)
    const int64_t c = p.channels;
    if (p.columns())
      return column_sums(2, sums, [&](int64_t r, int64_t count, T* part) {
        k.column_pair(g + r * c, x + r * c, count, c, mean, part, part + c);
      });
    channels([&](int64_t i) {
      double pair[2] = {0, 0};
      for (int64_t o = 0; o < p.outer; ++o) k.pair(g + at(o, i), x + at(o, i), p.inner, mean[i], pair);
      sums[i] = pair[0];
      sums[c + i] = pair[1];
    });
  }
  void combine(const T* g, const T* x, T* d, const T* a, const T* b, const T* shift) const {
    const int64_t c = p.channels;
    if (p.columns())
      return rows(std::max<int64_t>(1, (1 << 15) / c), [&](int64_t, int64_t r, int64_t count) {
        k.column_combine(g + r * c, x + r * c, d + r * c, count, c, a, b, shift);
      });
    channels([&](int64_t i) {
      for (int64_t o = 0; o < p.outer; ++o)
        k.combine(g + at(o, i), x + at(o, i), d + at(o, i), p.inner, a[i], b[i], T(0), shift[i]);
    });
  }
};

template <class F> void by_type(DType t, F&& f) {
  if (t == DType::Float32) f(float{});
  else f(double{});
}

// In memory order of its images where the channels are last; dense otherwise.
struct Laid {
  Tensor t;
  Place place;
  MemoryFormat format;
};
MemoryFormat format_of(const TensorImpl& x) {
  if (x.contiguous) return MemoryFormat::Contiguous;
  for (const MemoryFormat f : {MemoryFormat::ChannelsLast, MemoryFormat::ChannelsLast3d})
    if (x.ndim == (f == MemoryFormat::ChannelsLast ? 4 : 5) && x.stride() == format_strides(x.shape(), f))
      return f;
  return MemoryFormat::Contiguous;
}
Place place_of(const TensorImpl& x, MemoryFormat format) {
  int64_t inner = 1;
  for (int i = 2; i < x.ndim; ++i) inner *= x.sizes[i];
  if (format != MemoryFormat::Contiguous) return {x.sizes[0] * inner, x.sizes[1], 1};
  return {x.sizes[0], x.sizes[1], inner};
}
Tensor laid(const Tensor& x, MemoryFormat format, DType wide) {
  GradMode off(false);
  const Tensor t =
      format == MemoryFormat::Contiguous ? dense(x, wide) : contiguous(to_dtype(x, wide), format);
  return t;
}

enum class BatchName { Native, Legit, LegitNoStats, WithUpdate };

template <BatchName Name> struct BatchNorm {  // inputs: x, weight, bias
  static constexpr const char* names[] = {"NativeBatchNormBackward0", "NativeBatchNormLegitBackward0",
                                          "NativeBatchNormLegitBackward1", "BatchNormWithUpdateBackward0"};
  static constexpr const char* node = names[int(Name)];
  static constexpr uint32_t saves = saves_input(0) | saves_input(1);
  void show(Parameters& p) const { p("eps", eps); }
  bool training;
  double eps;
  Tensor mean, rstd;  // of each channel, in double: given in evaluation, else filled by forward
  Tensor square{};    // the sum of squared deviations, for the running variance
  MemoryFormat format{};
  DType parameter_type{};

  Tensor forward(const Tensor& x, const Tensor& weight, const Tensor& bias) {
    format = format_of(*x);
    parameter_type = bias ? bias->dtype : x->dtype;
    if (x->is_meta()) return empty_in(*x, x->dtype, format, x->device);
    const DType wide = compute_dtype(x->dtype);
    const Place p = place_of(*x, format);
    Tensor out = empty_in(*x, wide, format, x->device);
    if (p.channels == 0 || x->numel == 0) return cast_back(out, x->dtype);
    const Tensor from = laid(x, format, wide), w = weight ? dense(weight, DType::Float64) : weight,
                 b = bias ? dense(bias, DType::Float64) : bias;
    const Tensor factors = empty(wide, {2, p.channels});
    by_type(wide, [&]<class T>(T) {
      const Sweep<T> sweep{.p = p};
      double *m = mean->as<double>(), *r = rstd->as<double>();
      if (training) {
        double* const q = square->as<double>();
        sweep.moments(from->as<T>(), m, q);
        for (int64_t c = 0; c < p.channels; ++c) r[c] = 1 / std::sqrt(q[c] / double(p.count()) + eps);
      }
      T *const scale = factors->as<T>(), *const shift = scale + p.channels;
      for (int64_t c = 0; c < p.channels; ++c) {
        const double s = r[c] * (w ? w->as<double>()[c] : 1);
        scale[c] = T(s);
        shift[c] = T((b ? b->as<double>()[c] : 0) - m[c] * s);
      }
      sweep.scale(from->as<T>(), out->as<T>(), scale, shift);
    });
    return cast_back(out, x->dtype);
  }
  void vjp(const Back& back, Tensor* d) const {
    if (!back.g[0]) return;
    if (mode.grad || mode.forward || back.g[0]->is_meta() || back.in[0]->numel == 0) return composed(back, d);
    const Tensor &x = back.in[0], &weight = back.in[1];
    const DType wide = compute_dtype(x->dtype);
    const Place p = place_of(*x, format);
    const Tensor from = laid(x, format, wide), g = laid(back.g[0], format, wide),
                 w = weight ? dense(weight, DType::Float64) : weight;
    const Tensor sums = empty(DType::Float64, {2, p.channels}), factors = empty(wide, {4, p.channels});
    const double *m = mean->as<double>(), *r = rstd->as<double>();
    double *const sum_g = sums->as<double>(), *const sum_gx = sum_g + p.channels;
    const Tensor dx = back.needs(0) ? empty_in(*x, wide, format, x->device) : Tensor();
    by_type(wide, [&]<class T>(T) {
      const Sweep<T> sweep{.p = p};
      T* const centre = factors->as<T>();
      for (int64_t c = 0; c < p.channels; ++c) centre[c] = T(m[c]);
      if (training || back.needs(1) || back.needs(2)) sweep.pairs(g->as<T>(), from->as<T>(), centre, sum_g);
      if (!dx) return;
      T *const a = centre + p.channels, *const b = a + p.channels, *const shift = b + p.channels;
      for (int64_t c = 0; c < p.channels; ++c) {
        const double s = r[c] * (w ? w->as<double>()[c] : 1), n = double(p.count());
        const double slope = training ? -s * r[c] * r[c] * sum_gx[c] / n : 0;
        a[c] = T(s);
        b[c] = T(slope);
        shift[c] = T(training ? -s * sum_g[c] / n - slope * m[c] : 0);
      }
      sweep.combine(g->as<T>(), from->as<T>(), dx->as<T>(), a, b, shift);
    });
    if (dx) d[0] = cast_back(dx, x->dtype);
    if (back.needs(1)) {
      const Tensor dw = empty(DType::Float64, {p.channels});
      for (int64_t c = 0; c < p.channels; ++c) dw->as<double>()[c] = sum_gx[c] * r[c];
      d[1] = converted(dw, weight->dtype);
    }
    if (back.needs(2)) {
      const Tensor db = empty(DType::Float64, {p.channels});
      for (int64_t c = 0; c < p.channels; ++c) db->as<double>()[c] = sum_g[c];
      d[2] = converted(db, parameter_type);
    }
  }
  void vjp_batch(const Back& back, int64_t, Tensor* d) const {
    if (back.g[0]) composed(back, d);
  }
  // The same in recorded operations, to be differentiated again. Gradients may have a batch in front.
  void composed(const Back& back, Tensor* d) const {
    const DType narrow = back.in[0]->dtype, wide = compute_dtype(narrow);
    const Tensor x = to_dtype(back.in[0], wide), g = to_dtype(back.g[0], wide);
    Dims others, shape = Dims::filled(x->ndim, 1);
    for (int i = 0; i < x->ndim; ++i)
      if (i != 1) others.push(i - x->ndim);
    shape[1] = x->sizes[1];
    const int64_t channels = x->sizes[1];
    const Scalar n(double(std::max<int64_t>(1, channels ? x->numel / channels : 1)));
    auto average = [&](const Tensor& t) { return sum(t, others, true) / n; };
    Tensor normal, factor;
    if (training) {
      const Tensor away = x - average(x);
      factor = unary("rsqrt", average(away * away) + Scalar(eps));
      normal = away * factor;
    } else {
      factor = view(cast_back(rstd, wide), shape);
      normal = (x - view(cast_back(mean, wide), shape)) * factor;
    }
    if (back.needs(0)) {
      const Tensor gw = back.in[1] ? g * reshape(to_dtype(back.in[1], wide), shape) : g;
      d[0] = to_dtype(factor * (training ? gw - average(gw) - normal * average(gw * normal) : gw), narrow);
    }
    if (back.needs(1)) d[1] = to_dtype(sum(g * normal, others, false), back.in[1]->dtype);
    if (back.needs(2)) d[2] = to_dtype(sum(g, others, false), parameter_type);
  }
};

struct Options {
  bool training;
  double momentum, eps;
};
struct Stats {
  Tensor out, mean, rstd;
};

// running = (1 - momentum) running + momentum * value
void update(const Tensor& running, const Tensor& value, double factor, double momentum) {
  if (!running) return;
  const Tensor now = dense(running, DType::Float64), next = empty(DType::Float64, now->shape());
  for (int64_t i = 0; i < now->numel; ++i)
    next->as<double>()[i] =
        (1 - momentum) * now->as<double>()[i] + momentum * factor * value->as<double>()[i];
  require_writable(*running);
  copy_into(*running, *next);
  running->bump_version();
}

void check_vector(const Tensor& t, const char* name, int64_t channels) {
  if (t && t->numel != channels) fail(name, " should contain ", channels, " elements not ", t->numel);
}

template <BatchName Name> Stats batch(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                      const Tensor& running_mean, const Tensor& running_var,
                                      const Options& o) {
  if (x->ndim == 0)
    fail("batch_norm: the input must have at least 2 dimensions (N, C, ...), but it has none");
  if (x->ndim < 2) {
    if (running_mean) check_vector(running_mean, "running_mean", 0);
    wrap_dim(1, x->ndim);
  }
  if (mode.grad)
    for (const auto& [t, name] : {std::pair{&running_mean, "running_mean"}, {&running_var, "running_var"}})
      if (*t && requires_grad(**t))
        fail("The function 'native_batch_norm' is not differentiable with respect to argument '", name,
             "'. This input cannot have requires_grad True.");
  const int64_t channels = x->sizes[1];
  if (running_mean) check_vector(running_mean, "running_mean", channels);
  else if (!o.training) fail("running_mean must be defined in evaluation mode");
  if (running_var) check_vector(running_var, "running_var", channels);
  else if (!o.training) fail("running_var must be defined in evaluation mode");
  check_vector(weight, "weight", channels);
  check_vector(bias, "bias", channels);
  require_floating(x, "batch_norm");
  const bool mixed = mixed_parameters(x, {weight, bias, running_mean, running_var});
  const DType type = mixed ? DType::Float32 : x->dtype;
  BatchNorm<Name> op{.training = o.training, .eps = o.eps};
  op.mean = zeros({channels}, DType::Float64, x->device);
  op.rstd = zeros({channels}, DType::Float64, x->device);
  if (x->is_meta())
    return {call_structural(op, x, weight, bias), empty(type, {o.training ? channels : 0}, x->device),
            empty(type, {o.training ? channels : 0}, x->device)};
  if (o.training) {
    op.square = zeros({channels}, DType::Float64);
  } else {
    copy_into(*op.mean, *running_mean);
    const Tensor variance = dense(running_var, DType::Float64);
    const Tensor rstd = op.rstd;
    for (int64_t c = 0; c < channels; ++c)
      rstd->as<double>()[c] = 1 / std::sqrt(variance->as<double>()[c] + o.eps);
  }
  Stats r;
  r.out = call_structural(op, x, weight, bias);
  if (!o.training) return {r.out, empty(type, {0}), empty(type, {0})};
  const double n = channels ? double(x->numel / channels) : 0;
  if (x->numel) {
    update(running_mean, op.mean, 1, o.momentum);
    update(running_var, op.square, 1 / (n - 1), o.momentum);
  }
  return {r.out, converted(op.mean, type), converted(op.rstd, type)};
}

Tensor batch_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                  const Tensor& running_var, bool training, double momentum, double eps, bool) {
  if (x->numel == 0) {  // accepted whatever its shape
    Tensor out = clone(x);
    if (weight) out = out * select(weight, 0, 0);
    return bias ? out + select(bias, 0, 0) : out;
  }
  return batch<BatchName::Native>(x, weight, bias, running_mean, running_var, {training, momentum, eps}).out;
}
template <BatchName Name> Tensors native(const Tensor& x, const Tensor& weight, const Tensor& bias,
                                         const Tensor& running_mean, const Tensor& running_var, bool training,
                                         double momentum, double eps) {
  require_floating(x, "batch_norm");
  if (training && x->numel == 0)
    fail("input tensor must have at least one element, but got input_sizes = ", to_string(x->shape()));
  const Stats s = batch<Name>(x, weight, bias, running_mean, running_var, {training, momentum, eps});
  return {s.out, s.mean, s.rstd};
}
Tensors legit_no_stats(const Tensor& x, const Tensor& weight, const Tensor& bias, bool training,
                       double momentum, double eps) {
  return native<BatchName::LegitNoStats>(x, weight, bias, nullptr, nullptr, training, momentum, eps);
}
Tensors with_update(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                    const Tensor& running_var, double momentum, double eps) {
  const Stats s =
      batch<BatchName::WithUpdate>(x, weight, bias, running_mean, running_var, {true, momentum, eps});
  return {s.out, s.mean, s.rstd, empty(DType::UInt8, {0}, x->device)};
}

// Each sample's channels become channels of one sample. Running statistics take the mean over samples.
Tensor instance_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                     const Tensor& running_var, bool use_input_stats, double momentum, double eps, bool) {
  if (!use_input_stats && !(running_mean && running_var))
    fail("Expected running_mean and running_var to be defined when use_input_stats is false");
  if (x->ndim < 2) wrap_dim(1, x->ndim);
  if (x->numel == 0) return clone(x);
  const int64_t n = x->sizes[0], c = x->sizes[1];
  Dims shape = x->shape();
  shape[0] = 1;
  shape[1] = n * c;
  auto each = [&](const Tensor& t) { return t ? repeat(t, {n}) : t; };
  // Statistics may be of another type than everything else.
  const bool wide = !is_half(x->dtype) && (!weight || weight->dtype == x->dtype);
  auto statistic = [&](const Tensor& t) { return each(t && wide ? to_dtype(t, x->dtype) : t); };
  const Tensor mean = statistic(running_mean), variance = statistic(running_var);
  const Tensor out = batch<BatchName::Native>(view(contiguous(x), shape), each(weight), each(bias), mean,
                                              variance, {use_input_stats, momentum, eps})
                         .out;
  if (use_input_stats && n) {
    GradMode off(false);
    for (int i = 0; i < 2; ++i) {
      const Tensor &running = i ? running_var : running_mean, &now = i ? variance : mean;
      if (!running) continue;
      require_writable(*running);
      copy_into(*running, *(sum(view(now, {n, c}), {0}, false) / Scalar(double(n))));
      running->bump_version();
    }
  }
  return view(out, x->shape());
}

constexpr OpEntry entries[] = {
    fn<batch_norm>("batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? "
                   "running_var, bool training, float momentum, float eps, bool cudnn_enabled)",
                   kFunction),
    fn<native<BatchName::Native>>(
        "native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? "
        "running_var, bool training, float momentum, float eps)",
        kFunction | kExactOut),
    fn<native<BatchName::Legit>>(
        "_native_batch_norm_legit(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, Tensor "
        "running_var, bool training, float momentum, float eps)",
        kFunction | kExactOut),
    fn<legit_no_stats>("_native_batch_norm_legit(Tensor input, Tensor? weight, Tensor? bias, bool training, "
                       "float momentum, float eps)",
                       kFunction),
    fn<with_update>("_batch_norm_with_update(Tensor input, Tensor? weight, Tensor? bias, Tensor? "
                    "running_mean, Tensor? running_var, float momentum, float eps)",
                    kFunction),
    fn<instance_norm>("instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, "
                      "Tensor? running_var, bool use_input_stats, float momentum, float eps, bool "
                      "cudnn_enabled)",
                      kFunction),
};

// The statistics of the first run stay as they are.
template <BatchName Name> std::vector<Tensor> replay_op(BatchNorm<Name> op, const Tensor* in, int inputs) {
  if (op.training)
    for (Tensor* t : {&op.mean, &op.rstd, &op.square})
      if (*t) *t = zeros((*t)->shape(), DType::Float64);
  return detail::replay_op<BatchNorm<Name>>(std::move(op), in, inputs);
}

}  // namespace

FACULA_ENTRIES(batch_norm)

}  // namespace facula
