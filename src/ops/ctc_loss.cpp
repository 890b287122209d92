// Connectionist temporal classification (Graves et al. 2006): the negative log likelihood of a label sequence
// under all alignments, by the forward and backward recurrences over labels with blanks between them.
#include <cmath>
#include <limits>
#include "core/parallel.h"
#include "op/structural.h"
#include "ops/functions.h"
#include "ops/random.h"

namespace facula {
namespace {

struct Labels {
  std::vector<int64_t> all, starts, lengths,
      steps;  // labels; of each sample: first label, labels, time steps
  int64_t blank;
  int64_t longest() const {
    int64_t n = 0;
    for (const int64_t l : lengths) n = std::max(n, l);
    return n;
  }
  int64_t at(int64_t sample, int64_t s) const {  // s in [0, 2 labels + 1): odd places are labels
    return s % 2 ? all[size_t(starts[size_t(sample)] + s / 2)] : blank;
  }
  // The state may be reached from two places before: different labels with a blank between them.
  bool skips(int64_t sample, int64_t s) const { return s > 1 && s % 2 && at(sample, s) != at(sample, s - 2); }
};

constexpr double kNever = -std::numeric_limits<double>::infinity();

template <class T> T log_add(T a, T b) {
  if (a < b) std::swap(a, b);
  return b == T(kNever) ? a : a + std::log1p(std::exp(b - a));
}

// x: (time, batch, classes), contiguous. alpha: (batch, time, states).
template <class T> struct Ctc {
  const Labels& l;
  const T* x;
  int64_t time, batch, classes, states;

  const T* step(int64_t t, int64_t n) const { return x + (t * batch + n) * classes; }
  void forward(T* alpha, T* loss) const {
    parallel_pieces(batch, [&](int64_t n) {
      T* const a = alpha + n * time * states;
      const int64_t length = l.lengths[size_t(n)], steps = l.steps[size_t(n)], used = 2 * length + 1;
      for (int64_t i = 0; i < time * states; ++i) a[i] = T(kNever);
      if (steps == 0) {
        loss[n] = length ? T(-kNever) : T(0);
        return;
      }
      a[0] = step(0, n)[l.blank];
      if (length) a[1] = step(0, n)[l.at(n, 1)];
      for (int64_t t = 1; t < steps; ++t)
        for (int64_t s = 0; s < used; ++s) {
          const T* const before = a + (t - 1) * states;
          T sum = before[s];
          if (s > 0) sum = log_add(sum, before[s - 1]);
          if (l.skips(n, s)) sum = log_add(sum, before[s - 2]);
          a[t * states + s] = sum + step(t, n)[l.at(n, s)];
        }
      const T* const last = a + (steps - 1) * states;
      const T ends = length ? log_add(last[used - 1], last[used - 2]) : last[0];
      loss[n] = -ends;
    });
  }
  // dx: zeroed. g: of each loss. zero: infinite losses have no gradient.
  void backward(const T* alpha, const T* loss, const T* g, bool zero, T* dx) const {
    parallel_pieces(batch, [&](int64_t n) {
      const int64_t length = l.lengths[size_t(n)], steps = l.steps[size_t(n)], used = 2 * length + 1;
      if (steps == 0 || (zero && std::isinf(loss[n]))) return;
      const size_t places = size_t(used), kinds = size_t(classes);
      std::vector<T> beta(places, T(kNever)), next(places, T(0)), sums(kinds, T(0));
      for (int64_t t = steps - 1; t >= 0; --t) {
        for (int64_t s = 0; s < used; ++s) {
          T sum;
          if (t == steps - 1) {
            sum = s >= used - 2 ? T(0) : T(kNever);
          } else {
            sum = beta[size_t(s)];
            if (s + 1 < used) sum = log_add(sum, beta[size_t(s + 1)]);
            if (s + 2 < used && l.skips(n, s + 2)) sum = log_add(sum, beta[size_t(s + 2)]);
          }
          next[size_t(s)] = sum + step(t, n)[l.at(n, s)];
        }
        beta.swap(next);
        std::fill(sums.begin(), sums.end(), T(kNever));
        // Where the last label is the blank, PyTorch forgets the blank behind it.
        const bool forgets = t == steps - 1 && length && l.at(n, used - 2) == l.blank;
        for (int64_t s = 0; s < used - forgets; ++s) {
          T& sum = sums[size_t(l.at(n, s))];
          sum = log_add(sum, alpha[(n * time + t) * states + s] + beta[size_t(s)]);
        }
        T* const d = dx + (t * batch + n) * classes;
        for (int64_t c = 0; c < classes; ++c) {
          const T p = step(t, n)[c];
          d[c] = (std::exp(p) - std::exp(sums[size_t(c)] + loss[n] - p)) * g[n];
        }
      }
    });
  }
};

template <class F> void by_type(DType t, F&& f) {
  if (t == DType::Float32) f(float{});
  else f(double{});
}

struct CtcLoss {  // inputs: log_probs (time, batch, classes)
  static constexpr const char* node = "CtcLossBackward0";
  static constexpr uint32_t saves = saves_input(0);
  Labels labels;
  bool zero_infinity;
  Tensor loss{}, alpha{};

  template <class T> Ctc<T> run(const Tensor& x) const {
    return {labels, x->as<T>(), x->sizes[0], x->sizes[1], x->sizes[2], 2 * labels.longest() + 1};
  }
  Tensor forward(const Tensor& x) {
    const Tensor from = dense(x);
    loss = empty(x->dtype, {x->sizes[1]});
    alpha = empty(x->dtype, {x->sizes[1], x->sizes[0], 2 * labels.longest() + 1});
    by_type(x->dtype, [&]<class T>(T) { run<T>(from).forward(alpha->as<T>(), loss->as<T>()); });
    return converted(loss, loss->dtype);
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor x = dense(b.in[0]), g = dense(b.g[0]), dx = zeros(x->shape(), x->dtype);
    by_type(x->dtype, [&]<class T>(T) {
      run<T>(x).backward(alpha->as<T>(), loss->as<T>(), g->as<T>(), zero_infinity, dx->as<T>());
    });
    d[0] = without_derivative<"_ctc_loss_backward">(dx, b.g[0], b.in[0]);
  }
};

std::vector<int64_t> numbers(const Tensor& t) {
  const Tensor wide = dense(t, DType::Int64);
  return {wide->as<int64_t>(), wide->as<int64_t>() + wide->numel};
}

// Losses of each sample; log_probs (time, batch, classes) or (time, classes).
Tensor ctc(const Tensor& input, const Tensor& given, std::vector<int64_t> steps, std::vector<int64_t> lengths,
           int64_t blank, bool zero_infinity) {
  const bool alone = input->ndim == 2;
  const Tensor x = alone ? unsqueeze(input, 1) : input;
  if (x->ndim != 3) fail("log_probs must have 3 dimensions (T, N, C), got ", int64_t(input->ndim));
  if (x->dtype != DType::Float32 && x->dtype != DType::Float64)
    fail<NotImplemented>("\"ctc_loss_cpu\" not implemented for '", c_name(x->dtype), "'");
  if (x->is_meta() || given->is_meta()) fail<NotImplemented>("ctc_loss does not run on meta tensors");
  const int64_t time = x->sizes[0], batch = x->sizes[1], classes = x->sizes[2];
  const Tensor whole = to_dtype(given, DType::Int64);
  const Tensor targets = alone && given->ndim == 1 ? unsqueeze(whole, 0) : whole;
  if (batch == 0) fail("batch_size must be > 0, but got 0");
  if (blank < 0 || blank >= classes) fail("blank must be in label range");
  if (int64_t(steps.size()) != batch) fail("input_lengths must be of size batch_size");
  if (int64_t(lengths.size()) != batch) fail("target_lengths must be of size batch_size");
  Labels l;
  l.blank = blank;
  const bool packed = targets->ndim == 1;
  if (!packed && targets->ndim != 2) fail("targets must be 1-D or 2-D, got ", int64_t(targets->ndim));
  int64_t start = 0, longest = 0;
  for (int64_t n = 0; n < batch; ++n) {
    const int64_t length = lengths[size_t(n)];
    if (length < 0)
      fail("Expected target_lengths to have value at least 0, but got value ", length,
           " (while checking "
           "arguments for ctc_loss_cpu)");
    l.starts.push_back(packed ? start : n * targets->sizes[1]);
    start += length;
    longest = std::max(longest, length);
  }
  if (packed && start != targets->numel)
    fail("Expected tensor to have size ", start, " at dimension 0, but got size ", targets->numel,
         " for argument #2 'targets' (while checking arguments for ctc_loss_cpu)");
  if (!packed && (targets->sizes[0] != batch || targets->sizes[1] < longest))
    fail("Expected tensor to have size at least ", targets->sizes[0] != batch ? batch : longest,
         " at dimension ", targets->sizes[0] != batch ? 0 : 1, ", but got size ",
         targets->sizes[targets->sizes[0] != batch ? 0 : 1],
         " for argument #2 'targets' (while checking arguments for ctc_loss_cpu)");
  for (const int64_t s : steps)
    if (s < 0 || s > time)
      fail("Expected input_lengths to have value at most ", time, ", but got value ", s,
           " (while checking arguments for ctc_loss_cpu)");
  l.all = numbers(targets);
  for (int64_t n = 0; n < batch; ++n)
    for (int64_t i = 0; i < lengths[size_t(n)]; ++i)
      if (const int64_t c = l.all[size_t(l.starts[size_t(n)] + i)]; c < 0 || c >= classes)
        fail("ctc_loss: target ", c, " is not in [0, ", classes, ")");
  l.lengths = std::move(lengths);
  l.steps = std::move(steps);
  Tensor loss = call_structural(CtcLoss{l, zero_infinity}, x);
  if (zero_infinity) loss = where(binary("eq", loss, Scalar(INFINITY)), Scalar(0.), loss);
  return alone ? squeeze(loss, 0) : loss;
}

Tensor reduced(const Tensor& loss, const std::vector<int64_t>& lengths, int64_t reduction) {
  if (reduction == 0) return loss;
  if (reduction == 2) return sum(loss, Dims(), false);
  const Tensor divisors = empty(loss->dtype, {int64_t(lengths.size())});
  by_type(loss->dtype, [&]<class T>(T) {
    for (size_t i = 0; i < lengths.size(); ++i) divisors->as<T>()[i] = T(std::max<int64_t>(1, lengths[i]));
  });
  const Tensor each = loss / view(divisors, loss->shape());
  return sum(each, Dims(), false) / Scalar(double(each->numel));
}

std::vector<int64_t> list(const Dims& d) { return {d.begin(), d.end()}; }
std::vector<int64_t> list(const Tensor& t) {
  if (t->dtype == DType::Bool || is_floating(t->dtype)) fail("input_lengths must be integral");
  if (t->is_meta()) fail<NotImplemented>("ctc_loss does not run on meta tensors");
  return numbers(t);
}

template <class L> Tensor ctc_loss(const Tensor& x, const Tensor& targets, L steps, L lengths, int64_t blank,
                                   int64_t reduction, bool zero_infinity) {
  const std::vector<int64_t> each = list(lengths);
  return reduced(ctc(x, targets, list(steps), each, blank, zero_infinity), each, reduction);
}

constexpr OpEntry entries[] = {
    fn<ctc_loss<const Tensor&>>("ctc_loss(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor "
                                "target_lengths, int blank=0, int reduction=1, bool zero_infinity=False)",
                                kFunction),
    fn<ctc_loss<const Dims&>>("ctc_loss(Tensor log_probs, Tensor targets, int[] input_lengths, int[] "
                              "target_lengths, int blank=0, int reduction=1, bool zero_infinity=False)",
                              kFunction),
};

}  // namespace

FACULA_ENTRIES(ctc_loss)

}  // namespace facula
