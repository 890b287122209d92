// Losses between tensors of equal shape: mse, smooth l1, huber, binary cross entropies, soft margin. Each is
// one recorded operation; its gradient is written in recorded operations.
#include <cmath>
#include "op/structural.h"
#include "ops/functions.h"
#include "ops/loss.h"
#include "ops/named.h"
#include "ops/reduce.h"

namespace facula {

Reduction reduction_of(std::string_view text, std::optional<bool> size_average, std::optional<bool> reduce) {
  if (size_average || reduce) {
    const bool average = size_average.value_or(true), reduced = reduce.value_or(true);
    text = !reduced ? "none" : average ? "mean" : "sum";
    warn("size_average and reduce args will be deprecated, please use reduction='" + std::string(text) +
         "' instead.");
  }
  if (text == "none") return Reduction::None;
  if (text == "mean") return Reduction::Mean;
  if (text == "sum") return Reduction::Sum;
  fail<ValueError>(text, " is not a valid value for reduction");
}

Tensor sum_all(const Tensor& x) { return sum(x, Dims(), false); }

Tensor reduce_loss(const Tensor& loss, Reduction r) {
  if (r == Reduction::None) return loss;
  const Tensor total = sum_all(loss);
  return r == Reduction::Sum ? total : total / Scalar(double(loss->numel));
}

namespace {

// A mean of 16-bit elements is rounded once.
Tensor reduced(const Tensor& loss, Reduction r) {
  if (!is_half(loss->dtype) || r == Reduction::None) return reduce_loss(loss, r);
  return to_dtype(reduce_loss(to_dtype(loss, DType::Float32), r), loss->dtype);
}

Tensor at_least(const Tensor& x, Scalar low) { return call(ClampMin{}, x, low); }

// Formula::value(x, t, p) is the loss of each element, Formula::slope its derivative by x and by t.
template <class Formula> struct ElementLoss {
  static constexpr const char* node = Formula::node;
  static constexpr uint32_t saves = kInputs;
  void show(Parameters& p) const { p("reduction", int64_t(reduction)); }
  Reduction reduction;
  double parameter;
  double count = 1;

  Tensor forward(const Tensor& x, const Tensor& t) {
    GradMode off(false);
    count = double(x->numel);
    if (!is_half(x->dtype) || requires { Formula::stepwise; })
      return reduced(Formula::value(x, t, parameter), reduction);
    const Tensor loss = Formula::value(to_dtype(x, DType::Float32), to_dtype(t, DType::Float32), parameter);
    return reduced(to_dtype(loss, x->dtype), reduction);
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor &x = b.in[0], &t = b.in[1];
    const double scale = reduction == Reduction::Mean ? 1 / count : 1;
    for (int i = 0; i < 2; ++i)
      if (b.needs(i)) d[i] = Formula::slope(x, t, parameter, scale, i) * b.g[0];
  }
  void vjp_batch(const Back& b, int64_t n, Tensor* d) const {
    const Tensor &x = b.in[0], &t = b.in[1];
    Dims shape = Dims::filled(x->ndim + 1, 1);  // of the gradients of a reduced loss
    shape[0] = n;
    const Tensor g = reduction == Reduction::None ? b.g[0] : reshape(b.g[0], shape);
    const double scale = reduction == Reduction::Mean ? 1 / count : 1;
    for (int i = 0; i < 2; ++i)
      if (b.needs(i)) d[i] = Formula::slope(x, t, parameter, scale, i) * g;
  }
};

struct Mse {
  static constexpr bool stepwise = true;
  static constexpr const char* node = "MseLossBackward0";
  static Tensor value(const Tensor& x, const Tensor& t, double) {
    if (!is_half(x->dtype)) return call(SquaredDifference{}, x, t);
    const Tensor away = x - t;
    return away * away;
  }
  static Tensor slope(const Tensor& x, const Tensor& t, double, double scale, int i) {
    return (i ? t - x : x - t) * Scalar(2 * scale);
  }
};

struct SmoothL1Loss {
  static constexpr const char* node = "SmoothL1LossBackward0";
  static Tensor value(const Tensor& x, const Tensor& t, double beta) { return call(SmoothL1{beta}, x, t); }
  static Tensor slope(const Tensor& x, const Tensor& t, double beta, double scale, int i) {
    const Tensor away = i ? t - x : x - t, near = binary("lt", unary("abs", away), Scalar(beta));
    return where(near, away * Scalar(scale / beta), unary("sign", away) * Scalar(scale));
  }
};

struct HuberLoss {
  static constexpr const char* node = "HuberLossBackward0";
  static Tensor value(const Tensor& x, const Tensor& t, double delta) { return call(Huber{delta}, x, t); }
  static Tensor slope(const Tensor& x, const Tensor& t, double delta, double scale, int i) {
    const Tensor away = i ? t - x : x - t, near = binary("lt", unary("abs", away), Scalar(delta));
    return where(near, away * Scalar(scale), unary("sign", away) * Scalar(scale * delta));
  }
};

struct SoftMargin {
  static constexpr const char* node = "SoftMarginLossBackward0";
  static Tensor value(const Tensor& x, const Tensor& t, double) {
    return unary("log1p", unary("exp", -t * x));
  }
  static Tensor slope(const Tensor& x, const Tensor& t, double, double scale, int) {
    const Tensor z = unary("exp", -t * x);
    return t * Scalar(-scale) * z / (z + Scalar(1.));
  }
};

struct BinaryCrossEntropy {
  static constexpr const char* node = "BinaryCrossEntropyBackward0";
  static Tensor logs(const Tensor& p) { return at_least(unary("log", p), Scalar(-100.)); }
  static Tensor value(const Tensor& x, const Tensor& t, double) {
    const Tensor log_rest = at_least(unary("log1p", -x), Scalar(-100.));
    return (t - Scalar(1.)) * log_rest - t * logs(x);
  }
  static Tensor slope(const Tensor& x, const Tensor& t, double, double scale, int i) {
    if (i) return (at_least(unary("log1p", -x), Scalar(-100.)) - logs(x)) * Scalar(scale);
    const Tensor rest = -x + Scalar(1.);
    return (x - t) / at_least(rest * x, Scalar(1e-12)) * Scalar(scale);
  }
};

struct BinaryCrossEntropyWithLogits {  // (1 - t) x - log sigmoid(x); 16-bit types are rounded at each step
  static constexpr bool stepwise = true;
  static constexpr const char* node = "BinaryCrossEntropyWithLogitsBackward0";
  static Tensor value(const Tensor& x, const Tensor& t, double) {
    return (-t + Scalar(1.)) * x - unary("_logsigmoid", x);
  }
  static Tensor slope(const Tensor& x, const Tensor& t, double, double scale, int i) {
    return (i ? -x : unary("sigmoid", x) - t) * Scalar(scale);
  }
};

// The same with weights of elements and of positive examples; either may be null.
struct WeightedLogits {
  static constexpr const char* node = BinaryCrossEntropyWithLogits::node;
  static constexpr uint32_t saves = kInputs;
  void show(Parameters& p) const { p("reduction", int64_t(reduction)); }
  Reduction reduction;
  double count = 1;

  static Tensor minus_log(const Tensor& x) {  // of sigmoid(x)
    return -unary("_logsigmoid", x);
  }
  static Tensor factor(const Tensor& t, const Tensor& positive) {
    return (positive - Scalar(1.)) * t + Scalar(1.);
  }
  static Tensor unweighted(const Tensor& x, const Tensor& t, const Tensor& positive) {
    const Tensor log = minus_log(x);
    return (-t + Scalar(1.)) * x + (positive ? factor(t, positive) * log : log);
  }
  Tensor forward(const Tensor& x, const Tensor& t, const Tensor& weight, const Tensor& positive) {
    GradMode off(false);
    const Tensor loss = unweighted(x, t, positive), all = weight ? loss * weight : loss;
    count = double(all->numel);
    return reduced(all, reduction);
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor &x = b.in[0], &t = b.in[1], &weight = b.in[2], &positive = b.in[3];
    const Tensor g = reduction == Reduction::Mean ? b.g[0] / Scalar(count) : b.g[0];
    const Tensor scale = weight ? g * weight : g;
    if (b.needs(0)) {
      const Tensor slope =
          positive ? (-t + Scalar(1.)) - factor(t, positive) * unary("sigmoid", -x) : unary("sigmoid", x) - t;
      d[0] = sum_to(slope * scale, x->shape());
    }
    if (b.needs(1))
      d[1] = sum_to((positive ? (positive - Scalar(1.)) * minus_log(x) - x : -x) * scale, t->shape());
    if (b.needs(2)) d[2] = sum_to(unweighted(x, t, positive) * g, weight->shape());
    if (b.needs(3)) d[3] = sum_to(t * minus_log(x) * scale, positive->shape());
  }
};

// Both with the same shape; PyTorch warns where it had to broadcast.
void match(Tensor& x, Tensor& t) {
  if (x->same_shape(*t)) return;
  auto size = [](const Tensor& a) { return "torch.Size(" + to_string(a->shape()) + ")"; };
  warn("Using a target size (" + size(t) + ") that is different to the input size (" + size(x) +
       "). This will likely lead to incorrect results due to broadcasting. Please ensure they have the same "
       "size.");
  const Dims shape = broadcast(x->shape(), t->shape());
  x = expand(x, shape);
  t = expand(t, shape);
}

void require_cast(DType from, DType to) {
  if (!can_cast(from, to))
    fail("result type ", c_name(from), " can't be cast to the desired output type ", c_name(to));
}

template <class Formula>
Tensor element_loss(Tensor x, Tensor t, Reduction r, double parameter, const char* kernel) {
  const DType type = promote(x->dtype, t->dtype);
  if (kernel && !is_real_floating(type))
    fail<NotImplemented>("\"", kernel, "\" not implemented for '", c_name(type), "'");
  if (x->dtype != type) x = to_dtype(x, type);
  if (t->dtype != type) t = to_dtype(t, type);
  return call_structural(ElementLoss<Formula>{r, parameter}, x, t);
}

// `shared`: a mean is divided by the sum of the weights. `input` is as it was given.
Tensor weighted(const Tensor& input, const Tensor& loss, const Tensor& weight, Reduction r, bool shared) {
  if (!weight->same_shape(*input)) fail<ValueError>("Weights and input must have the same size.");
  const Tensor all = loss * weight;
  if (r == Reduction::None) return all;
  if (r == Reduction::Sum) return renamed(sum_all(all), "SumBackward0");
  return shared ? sum_all(all) / sum_all(weight) : renamed(mean(all, Dims(), false), "MeanBackward0");
}

using Legacy = std::optional<bool>;

Tensor mse_loss(const Tensor& input, const Tensor& target, Legacy average, Legacy reduce,
                std::string_view reduction, const Tensor& weight) {
  Tensor x = input, t = target;
  match(x, t);
  const Reduction r = reduction_of(reduction, average, reduce);
  if (weight) return weighted(input, element_loss<Mse>(x, t, Reduction::None, 0, "mse_cpu"), weight, r, true);
  return element_loss<Mse>(x, t, r, 0, "mse_cpu");
}

Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, Legacy average, Legacy reduce,
                      std::string_view reduction, double beta) {
  Tensor x = input, t = target;
  match(x, t);
  const Reduction r = reduction_of(reduction, average, reduce);
  if (beta < 0) fail("smooth_l1_loss does not support negative values for beta.");
  if (beta == 0) {
    const Tensor z = unary("abs", x - t);
    if (r == Reduction::None) return z;
    return r == Reduction::Sum ? renamed(sum_all(z), "SumBackward0")
                               : renamed(mean(z, Dims(), false), "MeanBackward0");
  }
  return element_loss<SmoothL1Loss>(x, t, r, beta, "smooth_l1_cpu");
}

Tensor huber_loss(const Tensor& input, const Tensor& target, std::string_view reduction, double delta,
                  const Tensor& weight) {
  Tensor x = input, t = target;
  match(x, t);
  const Reduction r = reduction_of(reduction, {}, {});
  if (delta <= 0) fail("huber_loss does not support non-positive values for delta.");
  if (weight)
    return weighted(input, element_loss<HuberLoss>(x, t, Reduction::None, delta, "huber_cpu"), weight, r,
                    false);
  if (x->dtype == t->dtype) return element_loss<HuberLoss>(x, t, r, delta, "huber_cpu");
  require_cast(promote(x->dtype, t->dtype), x->dtype);
  const Tensor each = to_dtype(element_loss<HuberLoss>(x, t, Reduction::None, delta, "huber_cpu"), x->dtype);
  return renamed(reduce_loss(each, r), "HuberLossBackward0");
}

Tensor soft_margin_loss(const Tensor& input, const Tensor& target, Legacy average, Legacy reduce,
                        std::string_view reduction) {
  if (mode.grad && requires_grad(*target))
    fail(
        "The function 'soft_margin_loss' is not differentiable with respect to argument 'target'. This input "
        "cannot "
        "have requires_grad True.");
  if (!(broadcast(input->shape(), target->shape()) == input->shape()))
    fail("output with shape ", to_string(input->shape()), " doesn't match the broadcast shape ",
         to_string(broadcast(input->shape(), target->shape())));
  if (!is_floating(input->dtype))
    fail("result type Float can't be cast to the desired output type ", c_name(input->dtype));
  return to_dtype(
      element_loss<SoftMargin>(input, target, reduction_of(reduction, average, reduce), 0, nullptr),
      input->dtype);
}

void check_probabilities(const Tensor& p, const char* which) {
  if (p->is_meta() || !is_real_floating(p->dtype)) return;
  const Tensor d = dense(p);
  visit(d->dtype, [&](auto element) {
    using T = decltype(element);
    if constexpr (!is_complex_type<T>)
      for (int64_t i = 0; i < d->numel; ++i)
        if (const double v = double(d->as<T>()[i]); !(v >= 0 && v <= 1))
          fail("all elements of ", which, " should be between 0 and 1");
  });
}

std::string size_text(const Tensor& t) { return "torch.Size(" + to_string(t->shape()) + ")"; }

Tensor binary_cross_entropy(const Tensor& x, const Tensor& t, const Tensor& weight, Legacy average,
                            Legacy reduce, std::string_view reduction) {
  const Reduction r = reduction_of(reduction, average, reduce);
  if (!x->same_shape(*t))
    fail<ValueError>("Using a target size (", size_text(t), ") that is different to the input size (",
                     size_text(x), ") is deprecated. Please ensure they have the same size.");
  if (x->dtype != t->dtype) fail("Found dtype ", c_name(t->dtype), " but expected ", c_name(x->dtype));
  check_probabilities(x, "input");
  check_probabilities(t, "target");
  if (!weight) return element_loss<BinaryCrossEntropy>(x, t, r, 0, "binary_cross_entropy");
  const Tensor each =
      element_loss<BinaryCrossEntropy>(x, t, Reduction::None, 0, "binary_cross_entropy") * weight;
  return renamed(reduce_loss(to_dtype(each, x->dtype), r), BinaryCrossEntropy::node);
}

// Of several types: the loss has that of the target, into which PyTorch multiplies and adds in place.
Tensor mixed_logits(const Tensor& x, const Tensor& t, const Tensor& weight, const Tensor& positive,
                    Reduction r) {
  auto kept = [&](const Tensor& part) {
    require_cast(part->dtype, t->dtype);
    if (!(part->shape() == t->shape()))
      fail("output with shape ", to_string(t->shape()), " doesn't match the broadcast shape ",
           to_string(part->shape()));
    return to_dtype(part, t->dtype);
  };
  const Tensor log = call(LogSigmoid{}, x);
  Tensor loss = kept(call(Rsub{}, t, Scalar(1)) * x);
  loss = kept(loss - (positive ? ((positive - Scalar(1)) * t + Scalar(1)) * log : log));
  if (weight) loss = kept(loss * weight);
  return renamed(reduce_loss(loss, r), BinaryCrossEntropyWithLogits::node);
}

Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& t, const Tensor& weight,
                                        Legacy average, Legacy reduce, std::string_view reduction,
                                        const Tensor& pos_weight) {
  const Reduction r = reduction_of(reduction, average, reduce);
  if (!x->same_shape(*t))
    fail<ValueError>("Target size (", size_text(t), ") must be the same as input size (", size_text(x), ")");
  if (!is_floating(x->dtype))
    fail<NotImplemented>("\"log_sigmoid_cpu\" not implemented for '", c_name(x->dtype), "'");
  bool mixed = x->dtype != t->dtype;
  if (weight) mixed |= weight->dtype != t->dtype || !(broadcast(t->shape(), weight->shape()) == t->shape());
  if (pos_weight)
    mixed |= pos_weight->dtype != t->dtype || !(broadcast(pos_weight->shape(), t->shape()) == t->shape());
  if (mixed) return mixed_logits(x, t, weight, pos_weight, r);
  if (!weight && !pos_weight) return element_loss<BinaryCrossEntropyWithLogits>(x, t, r, 0, nullptr);
  return call_structural(WeightedLogits{r}, x, t, weight, pos_weight);
}

constexpr OpEntry entries[] = {
    fn<mse_loss>("mse_loss(Tensor input, Tensor target, bool? size_average=None, bool? reduce=None, str "
                 "reduction='mean', Tensor? weight=None)",
                 kNN),
    fn<smooth_l1_loss>(
        "smooth_l1_loss(Tensor input, Tensor target, bool? size_average=None, bool? reduce=None, str "
        "reduction='mean', float beta=1.0)",
        kNN),
    fn<huber_loss>(
        "huber_loss(Tensor input, Tensor target, str reduction='mean', float delta=1.0, Tensor? weight=None)",
        kNN),
    fn<soft_margin_loss>(
        "soft_margin_loss(Tensor input, Tensor target, bool? size_average=None, bool? reduce=None, "
        "str reduction='mean')",
        kNN),
    fn<binary_cross_entropy>("binary_cross_entropy(Tensor input, Tensor target, Tensor? weight=None, bool? "
                             "size_average=None, bool? reduce=None, str reduction='mean')",
                             kNN),
    fn<binary_cross_entropy_with_logits>("binary_cross_entropy_with_logits(Tensor input, Tensor target, "
                                         "Tensor? weight=None, bool? size_average=None, "
                                         "bool? reduce=None, str reduction='mean', Tensor? pos_weight=None)",
                                         kNN),
};

}  // namespace

FACULA_ENTRIES(loss)

}  // namespace facula
