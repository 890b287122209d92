// nll_loss and cross_entropy: losses that pick one class of each sample.
#include "op/structural.h"
#include "ops/functions.h"
#include "ops/named.h"
#include "ops/loss.h"
#include "ops/spatial.h"

namespace facula {
namespace {

// Which element of each sample, and how much it counts. Samples lie at (outer, inner), classes between them.
struct Picks {
  Tensor target;  // int64, dense
  Tensor weight;  // one factor for each class, dense, of the input's type; null for ones
  int64_t ignore;
  int64_t outer, classes, inner;
  Dims input_shape{}, target_shape{};

  // f(sample, position of its element, factor) for every sample that is not ignored.
  template <class T, class F> void each(F&& f) const {
    const int64_t* t = target->as<int64_t>();
    const T* w = weight ? weight->as<T>() : nullptr;
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < inner; ++i) {
        const int64_t c = t[o * inner + i];
        if (c != ignore) f(o * inner + i, (o * classes + c) * inner + i, w ? w[c] : T(1));
      }
  }
  void check() const {
    const int64_t* t = target->as<int64_t>();
    for (int64_t i = 0; i < target->numel; ++i)
      if (t[i] != ignore && (t[i] < 0 || t[i] >= classes))
        fail<IndexError>("Target ", t[i], " is out of bounds.");
  }
};

template <class F> void by_type(DType t, F&& f) {
  if (t == DType::Float32) f(float{});
  else f(double{});
}

// The transpose of Pick: each sample's value, times minus its factor, at its class; zero elsewhere.
struct Place {
  static constexpr const char* node = "NllLossBackwardBackward0";
  static constexpr uint32_t saves = kNothing;
  Picks picks;
  TensorMeta meta(const Tensor& g) { return {g->dtype, picks.input_shape}; }
  void cpu(TensorImpl& out, const Tensor& g) const {
    std::memset(out.data, 0, size_t(out.numel * item_size(out.dtype)));
    const Tensor from = dense(g);
    by_type(out.dtype, [&]<class T>(T) {
      picks.each<T>([&](int64_t s, int64_t at, T w) { out.as<T>()[at] = -w * from->as<T>()[s]; });
    });
  }
  void vjp(const Back& b, Tensor* d) const;
};

// Minus the element of each sample's class, times its factor: all, their sum, or their mean.
// Inputs: x, target; the target is kept so that a write to it is noticed before its indices are used again.
template <bool kImage> struct Pick {
  static constexpr const char* node = kImage ? "NllLoss2DBackward0" : "NllLossBackward0";
  static constexpr uint32_t saves = saves_input(1);
  void show(Parameters& p) const { p("ignore_index", picks.ignore), p("reduction", int64_t(reduction)); }
  Picks picks;
  Reduction reduction;
  double total = 0;  // of the factors

  Tensor forward(const Tensor& x, const Tensor&) {
    Tensor out;
    const Tensor from = dense(x);
    by_type(x->dtype, [&]<class T>(T) {
      T factors = 0;
      Tensor each = empty(x->dtype, picks.target_shape);
      std::memset(each->data, 0, size_t(each->numel) * sizeof(T));
      picks.each<T>([&](int64_t s, int64_t at, T w) {
        each->as<T>()[s] = -w * from->as<T>()[at];
        factors += w;
      });
      total = double(factors);
      GradMode off(false);
      out = reduction == Reduction::None ? each : sum_all(each);
      if (reduction == Reduction::Mean) out = out / Scalar(total);
    });
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    Tensor g = b.g[0];
    if (reduction == Reduction::Mean) g = g / Scalar(total);
    if (reduction != Reduction::None) g = expand(g, picks.target_shape);
    d[0] = tied(call_structural(Place{picks}, g), b, 0);
  }
};

void Place::vjp(const Back& b, Tensor* d) const {
  d[0] = call_structural(Pick<false>{picks, Reduction::None}, b.g[0], picks.target);
}

void check_target_type(const Tensor& target) {
  if (target->dtype != DType::Int64 && target->dtype != DType::UInt8)
    fail("expected target dtype to be Long or Byte, but got ", c_name(target->dtype));
}

// Class of each sample against (N, C, ...) or (C).
Picks picks_of(const Tensor& x, const Tensor& target, const Tensor& weight, int64_t ignore) {
  if (!is_real_floating(x->dtype))
    fail<NotImplemented>("\"nll_loss_out_frame\" not implemented for '", c_name(x->dtype), "'");
  if (x->ndim == 0) fail<ValueError>("Expected 1 or more dimensions (got 0)");
  Picks p{nullptr, nullptr,    ignore,         1, x->ndim == 1 ? x->sizes[0] : x->sizes[1],
          1,       x->shape(), target->shape()};
  if (x->ndim == 1) {
    if (target->ndim > 1) fail("0D or 1D target tensor expected, multi-target not supported");
    check_target_type(target);
    if (target->numel != 1)
      fail<ValueError>("For 1D input, 1D target must have size 1, but got target size: ", target->sizes[0]);
  } else {
    if (target->ndim == 0 || x->sizes[0] != target->sizes[0])
      fail<ValueError>("Expected input batch_size (", x->sizes[0], ") to match target batch_size (",
                       target->ndim ? target->sizes[0] : 1, ").");
    if (x->ndim == 2 && target->ndim > 1) fail("0D or 1D target tensor expected, multi-target not supported");
    Dims wanted{x->sizes[0]};
    for (int d = 2; d < x->ndim; ++d) wanted.push(x->sizes[d]);
    bool same = target->ndim == wanted.count;
    for (int d = 0; same && d < wanted.count; ++d) same = target->sizes[d] == wanted[d];
    if (!same && x->ndim == 4)
      fail("size mismatch (got input: ", to_string(x->shape()), " , target: ", to_string(target->shape()));
    if (!same) fail("Expected target size ", to_string(wanted), ", got ", to_string(target->shape()));
    p.outer = x->sizes[0];
    for (int d = 2; d < x->ndim; ++d) p.inner *= x->sizes[d];
  }
  check_target_type(target);
  if (weight) {
    if (weight->numel != p.classes || weight->ndim != 1)
      fail("weight tensor should be defined either for all ", p.classes,
           " classes or no classes but got weight tensor of shape: ", to_string(weight->shape()));
    if (weight->dtype != x->dtype)
      fail("expected scalar type ", c_name(x->dtype), " but found ", c_name(weight->dtype));
    p.weight = weight->is_meta() && x->is_meta() ? weight : dense(weight, compute_dtype(x->dtype));
  }
  p.target = target->is_meta() && x->is_meta() ? target : dense(target, DType::Int64);
  if (!target->is_meta()) p.check();
  return p;
}

struct Picked {
  Tensor loss;
  Picks picks;
};
Picked pick(const Tensor& input, const Tensor& target, const Tensor& weight, Reduction r, int64_t ignore) {
  const Picks picks = picks_of(input, target, weight, ignore);
  const DType narrow = input->dtype;
  const Tensor x = to_dtype(input, compute_dtype(narrow));
  if (x->is_meta())
    return {empty(narrow, r == Reduction::None ? picks.target_shape : Dims(), x->device), picks};
  const Tensor loss = input->ndim > 2 ? call_structural(Pick<true>{picks, r}, x, target)
                                      : call_structural(Pick<false>{picks, r}, x, target);
  const char* node = input->ndim <= 2                           ? Pick<false>::node
                     : r == Reduction::None && input->ndim != 4 ? "ViewBackward0"  // seen as images there
                                                                : Pick<true>::node;
  return {renamed(to_dtype(loss, narrow), node), picks};
}

using Legacy = std::optional<bool>;

Tensor nll_loss(const Tensor& x, const Tensor& target, const Tensor& weight, Legacy average, int64_t ignore,
                Legacy reduce, std::string_view reduction) {
  return pick(x, target, weight, reduction_of(reduction, average, reduce), ignore).loss;
}

// The weight of each class along the dimension of the classes.
Tensor class_weights(const Tensor& weight, const Tensor& x) {
  Dims shape = Dims::filled(x->ndim, 1);
  shape[x->ndim == 1 ? 0 : 1] = weight->numel;
  return view(contiguous(weight), shape);
}

Tensor soft_targets(const Tensor& x, const Tensor& target, const Tensor& weight, Reduction r,
                    double smoothing) {
  if (!is_real_floating(target->dtype))
    fail("Expected floating point type for target with class probabilities, got ", c_name(target->dtype));
  const int64_t dim = wrap_dim(x->ndim == 1 ? 0 : 1, x->ndim), classes = x->sizes[dim];
  if (weight && (weight->ndim != 1 || weight->numel != classes))
    fail("cross_entropy: weight tensor should be defined either for all ", classes,
         " classes or no classes but got weight tensor of shape: ", to_string(weight->shape()));
  const Tensor t =
      smoothing > 0 ? target * Scalar(1 - smoothing) + Scalar(smoothing / double(classes)) : target;
  Tensor each = log_softmax(x, dim) * t;
  if (weight) each = each * class_weights(weight, x);
  if (r == Reduction::None) return -sum(each, {dim}, false);
  const Tensor all = -sum_all(each);
  if (r == Reduction::Sum) return all;
  const Tensor mean = all / Scalar(double(x->numel / std::max<int64_t>(1, classes)));
  if (mean->grad_fn) static_cast<Node*>(mean->grad_fn)->name = "DivBackward1";
  return mean;
}

Tensor smoothed(const Tensor& x, const Tensor& target, const Tensor& weight, Reduction r, int64_t ignore,
                double smoothing) {
  const int64_t dim = x->ndim == 1 ? 0 : 1;
  const Tensor logs = log_softmax(x, dim);
  const Picked hard = pick(logs, target, weight, r, ignore);
  Tensor even = -sum(weight ? logs * class_weights(weight, x) : logs, {dim}, false);
  even = where(binary("eq", reshape(target, even->shape()), Scalar(ignore)), Scalar(0.), even);
  if (r == Reduction::Sum) even = sum_all(even);
  if (r == Reduction::Mean) {
    double total = 0;
    if (weight) {
      by_type(compute_dtype(x->dtype),
              [&]<class T>(T) { hard.picks.each<T>([&](int64_t, int64_t, T w) { total += w; }); });
    } else {
      const int64_t* t = hard.picks.target->as<int64_t>();
      for (int64_t i = 0; i < hard.picks.target->numel; ++i) total += t[i] != ignore;
    }
    even = sum_all(even) / Scalar(total);
  }
  return hard.loss * Scalar(1 - smoothing) + even * Scalar(smoothing / double(x->sizes[dim]));
}

Tensor cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight, Legacy average,
                     int64_t ignore, Legacy reduce, std::string_view reduction, double smoothing) {
  const Reduction r = reduction_of(reduction, average, reduce);
  if (smoothing > 1) fail("label_smoothing must be between 0.0 and 1.0. Got: ", smoothing);
  if (x->same_shape(*target)) {
    if (ignore >= 0) fail("ignore_index is not supported for floating point target");
    return soft_targets(x, target, weight, r, smoothing);
  }
  if (smoothing > 0) return smoothed(x, target, weight, r, ignore, smoothing);
  return pick(log_softmax(x, x->ndim == 1 ? 0 : 1), target, weight, r, ignore).loss;
}

constexpr OpEntry entries[] = {
    fn<nll_loss>("nll_loss(Tensor input, Tensor target, Tensor? weight=None, bool? size_average=None, int "
                 "ignore_index=-100, bool? reduce=None, str reduction='mean')",
                 kNN),
    fn<cross_entropy>(
        "cross_entropy(Tensor input, Tensor target, Tensor? weight=None, bool? size_average=None, int "
        "ignore_index=-100, bool? reduce=None, str reduction='mean', float label_smoothing=0.0)",
        kNN),
};

// In another type the weights have to follow.
template <bool kImage> std::vector<Tensor> replay_op(Pick<kImage> op, const Tensor* in, int inputs) {
  Tensor& w = op.picks.weight;
  if (w && w->dtype != compute_dtype(in[0]->dtype)) w = converted(w, compute_dtype(in[0]->dtype));
  return detail::replay_op<Pick<kImage>>(std::move(op), in, inputs);
}

}  // namespace

FACULA_ENTRIES(cross_entropy)

}  // namespace facula
