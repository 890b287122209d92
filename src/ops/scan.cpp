// Running folds along a dimension.
#include <cmath>
#include <complex>
#include <limits>
#include <utility>
#include "op/structural.h"
#include "ops/lines.h"
#include "ops/behind.h"
#include "ops/reduce.h"

namespace facula {
namespace {

template <class T> using Running =
    std::conditional_t<std::is_integral_v<T>, int64_t,
                       std::conditional_t<is_complex_type<T>, Complex<double>, double>>;

template <class A> A plus(A a, A b) {
  if constexpr (is_complex_type<A>) return A(a.re + b.re, a.im + b.im);
  else return a + b;
}
template <class A> A times(A a, A b) {
  if constexpr (is_complex_type<A>) return A(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re);
  else return a * b;
}
inline double log_plus(double a, double b) {
  if (a != a || b != b) return a + b;
  const double high = a > b ? a : b, low = a > b ? b : a;
  return std::isinf(high) ? high : high + std::log1p(std::exp(low - high));
}

// log(exp(a) + exp(b)), with the larger real part taken out.
inline Complex<double> log_plus(Complex<double> a, Complex<double> b) {
  if (a.re != a.re || a.im != a.im || b.re != b.re || b.im != b.im) return plus(a, b);
  if (a.re < b.re) std::swap(a, b);
  if (b.re == -INFINITY && !std::isinf(b.im)) return a;
  if (std::isinf(a.re)) return a.re < 0 || b.re < a.re || a.im == b.im ? a : Complex<double>(INFINITY, NAN);
  const std::complex<double> y = std::log(1.0 + std::polar(std::exp(b.re - a.re), b.im - a.im));
  return {a.re + y.real(), a.im + y.imag()};
}

enum class Step : uint8_t { Sum, Prod, LogSum };

template <Step S> void scan(TensorImpl& out, const Tensor& x, int dim) {
  const Tensor d = dense(x);
  const Lines lines(d->shape(), dim);
  visit(x->dtype, [&](auto element) {
    using T = decltype(element);
    using R = std::conditional_t<std::is_integral_v<T>, int64_t, T>;
    using A = Running<T>;
    if constexpr (S == Step::LogSum && std::is_integral_v<T>) {
      fail<NotImplemented>("\"logcumsumexp_out_cpu\" not implemented for '", c_name(x->dtype), "'");
    } else {
      const T* from = d->as<T>();
      R* to = out.as<R>();
      lines.each([&](int64_t start, int64_t step) {
        A total = S == Step::Sum ? A(0) : S == Step::Prod ? A(1) : A(-double(INFINITY));
        for (int64_t i = 0; i < lines.length; ++i) {
          A v;
          if constexpr (is_half_type<T>) v = A(float(from[start + i * step]));
          else v = A(from[start + i * step]);
          if constexpr (S == Step::Sum) total = plus(total, v);
          else if constexpr (S == Step::Prod) total = times(total, v);
          else total = log_plus(total, v);
          if constexpr (is_half_type<T>) to[start + i * step] = R(float(total));
          else to[start + i * step] = R(total);
        }
      });
    }
  });
}

DType scan_dtype(const Tensor& x) { return is_floating(x->dtype) ? x->dtype : DType::Int64; }

Tensor reversed_cumsum(const Tensor& g, int dim) { return flip(cumsum(flip(g, Dims{dim}), dim), Dims{dim}); }

struct Cumsum {
  static constexpr const char* node = "CumsumBackward0";
  static constexpr uint32_t saves = kNothing;
  void show(Parameters& p) const { p("dim", dim); }
  int64_t dim;
  TensorMeta meta(const Tensor& x) {
    dim = wrap_dim(dim, x->ndim);
    return {scan_dtype(x), x->shape()};
  }
  void cpu(TensorImpl& out, const Tensor& x) const {
    scan<Step::Sum>(out, x, int(dim));
    if (x->ndim == 0 || x->numel == 0) note_fills(out, *x, 1);
  }
  std::optional<Cumsum> batched(const Back& b, int64_t n) const { return behind_batch(*this, b, n); }
  void vjp(const Back& b, Tensor* d) const { d[0] = reversed_cumsum(b.g[0], int(dim)); }
};

struct Cumprod {
  static constexpr const char* node = "CumprodBackward0";
  static constexpr uint32_t saves = saves_input(0) | kOutput;
  void show(Parameters& p) const { p("dim", dim); }
  int64_t dim;
  TensorMeta meta(const Tensor& x) {
    dim = wrap_dim(dim, x->ndim);
    return {scan_dtype(x), x->shape()};
  }
  void cpu(TensorImpl& out, const Tensor& x) const {
    scan<Step::Prod>(out, x, int(dim));
    if (x->ndim == 0 || x->numel == 0) note_fills(out, *x, 1);
  }
  std::optional<Cumprod> batched(const Back& b, int64_t n) const { return behind_batch(*this, b, n); }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor &x = b.in[0], &g = b.g[0];
    if (x->numel <= 1) {
      d[0] = g;
      return;
    }
    const bool any_zero = nonzero(binary("eq", alias(*x), Scalar(0)))->sizes[0] > 0;
    auto adjoint = [&](const Tensor& t) { return is_complex(t->dtype) ? unary("conj", t) : t; };
    if (!any_zero) {
      d[0] = reversed_cumsum(g * adjoint(b.out[0]), int(dim)) / adjoint(x);
      return;
    }
    // With zeros the quotient is undefined: for each i, the products without factor i, summed over what they
    // feed.
    const int k = int(dim);
    const int64_t n = x->sizes[k];
    Dims one = x->shape();
    one[k] = 1;
    const Tensor unit = ones(one, x->dtype, x->device);
    Tensors parts;
    for (int64_t i = 0; i < n; ++i) {
      const Tensor left = i ? narrow(b.out[0], k, i - 1, 1) : unit;
      const Tensor right = cat({unit, cumprod(narrow(x, k, i + 1, n - 1 - i), k)}, k);
      parts.push_back(adjoint(left) * sum(narrow(g, k, i, n - i) * adjoint(right), Dims{k}, true));
    }
    d[0] = cat(parts, k);
  }
};

struct LogCumsumExp {
  static constexpr const char* node = "LogcumsumexpBackward0";
  static constexpr uint32_t saves = saves_input(0) | kOutput;
  void show(Parameters& p) const { p("dim", dim); }
  int64_t dim;
  TensorMeta meta(const Tensor& x) {
    dim = wrap_dim(dim, x->ndim);
    if (!is_floating(x->dtype))
      fail<NotImplemented>("\"logcumsumexp_out_cpu\" not implemented for '", c_name(x->dtype), "'");
    return {x->dtype, x->shape()};
  }
  void cpu(TensorImpl& out, const Tensor& x) const { scan<Step::LogSum>(out, x, int(dim)); }
  // dx_i = exp(x_i) times the sum over j >= i of g_j exp(-y_j), all in logarithms, which do not overflow:
  // positive and negative parts of g apart.
  std::optional<LogCumsumExp> batched(const Back& b, int64_t n) const { return behind_batch(*this, b, n); }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor &x = b.in[0], &y = b.out[0], &g = b.g[0];
    if (x->ndim == 0 || x->numel == 0) {
      d[0] = g;
      return;
    }
    if (mode.grad || mode.forward) {
      d[0] = linear(x, y, g);
      return;
    }
    auto backward = [&](const Tensor& log_g) {
      const Tensor t = log_g - y;
      const Tensor total = x->ndim ? flip(logs(flip(t, Dims{dim})), Dims{dim}) : logs(t);
      return unary("exp", total + x);
    };
    if (is_complex(x->dtype)) {
      d[0] = unary("conj", backward(unary("log", unary("conj", g))));
      return;
    }
    // Instead of the logarithm of zero, so that second derivatives meet no difference of infinities.
    const Scalar lowest(g->dtype == DType::Float64   ? std::numeric_limits<double>::lowest()
                        : g->dtype == DType::Float16 ? -65504.
                                                     : -0x1.fep127);
    auto log_where = [&](const char* sign, const Tensor& magnitude) {
      return where(binary(sign, g, Scalar(0)), unary("log", magnitude), lowest);
    };
    d[0] = backward(log_where("gt", g)) - backward(log_where("lt", -g));
  }

 private:
  // The same where it will be differentiated: linear in g, in double precision, relative to the last and
  // largest value of each line.
  Tensor linear(const Tensor& x, const Tensor& y, const Tensor& g) const {
    const DType wide = is_complex(x->dtype) ? DType::Complex128 : DType::Float64;
    const Tensor a = to_dtype(x, wide), g_wide = to_dtype(g, wide);
    Tensor b = to_dtype(y, wide),
           top = b->ndim ? narrow(alias(*b), dim, b->sizes[int(dim)] - 1, 1) : alias(*b);
    if (wide == DType::Float64) {  // nothing but -inf so far: no weight
      top = where(unary("isinf", top), Scalar(0.), top);
      b = where(unary("isneginf", alias(*b)), top, b);
    }
    auto adjoint = [](const Tensor& t) { return is_complex(t->dtype) ? unary("conj", t) : t; };
    const Tensor terms = g_wide * adjoint(unary("exp", top - b));
    return to_dtype(adjoint(unary("exp", a - top)) * (x->ndim ? reversed_cumsum(terms, int(dim)) : terms),
                    x->dtype);
  }
  Tensor logs(const Tensor& t) const { return call_structural(LogCumsumExp{dim}, t); }
};

Tensor in_type(const Tensor& x, OptDType dtype) {
  require_history_in(dtype, x);
  return dtype ? to_dtype(x, *dtype) : x;
}
void refuse_bool(OptDType dtype, const char* kernel) {
  if (dtype == DType::Bool) fail<NotImplemented>("\"", kernel, "\" not implemented for 'Bool'");
}
Tensor cumsum_entry(const Tensor& x, int64_t dim, OptDType dtype) {
  refuse_bool(dtype, "cumsum_out_cpu");
  const Tensor r = cumsum(in_type(x, dtype), dim);
  return dtype && r->dtype != *dtype ? to_dtype(r, *dtype) : r;
}
Tensor cumprod_entry(const Tensor& x, int64_t dim, OptDType dtype) {
  refuse_bool(dtype, "cumprod_out_cpu");
  const Tensor r = cumprod(in_type(x, dtype), dim);
  return dtype && r->dtype != *dtype ? to_dtype(r, *dtype) : r;
}
Tensor logcumsumexp(const Tensor& x, int64_t dim) { return call_structural(LogCumsumExp{dim}, x); }

template <bool Max> struct RunningExtreme {
  static constexpr const char* node = Max ? "CummaxBackward0" : "CumminBackward0";
  static constexpr uint32_t saves = kOutput;
  static constexpr bool chooses = true;
  void show(Parameters& p) const { p("dim", dim); }
  int64_t dim;
  Dims shape{};
  std::vector<Tensor> forward(const Tensor& x) {
    dim = wrap_dim(dim, x->ndim);
    shape = x->shape();
    Tensor values = empty(x->dtype, shape, x->device), indices = empty(DType::Int64, shape, x->device);
    if (x->is_meta() || x->numel == 0) return {values, indices};
    if (shape.count == 0) return {clone(alias(*x)), zeros_like(indices)};
    const Tensor d = dense(x);
    const Lines lines(shape, int(dim));
    visit(x->dtype, [&](auto element) {
      using T = decltype(element);
      if constexpr (is_complex_type<T>) {
        fail<NotImplemented>("\"", Max ? "cummax" : "cummin", "_cpu\" not implemented for '",
                             c_name(x->dtype), "'");
      } else {
        lines.each([&](int64_t start, int64_t step) {
          int64_t best = 0;
          for (int64_t i = 0; i < lines.length; ++i) {
            const T v = d->as<T>()[start + i * step], top = d->as<T>()[start + best * step];
            const bool nan = v != v, take = nan || (!(top != top) && (Max ? !(v < top) : !(v > top)));
            if (take) best = i;
            values->as<T>()[start + i * step] = d->as<T>()[start + best * step];
            indices->as<int64_t>()[start + i * step] = best;
          }
        });
      }
    });
    return {values, indices};
  }
  std::optional<RunningExtreme> batched(const Back& b, int64_t n) const { return behind_batch(*this, b, n); }
  void vjp(const Back& b, Tensor* d) const {
    if (!b.g[0]) return;
    d[0] = shape.count ? scatter_add(zeros(shape, b.g[0]->dtype, b.g[0]->device), dim, b.out[1], b.g[0])
                       : b.g[0];
  }
};
template <bool Max> std::vector<Tensor> running_extreme(const Tensor& x, int64_t dim) {
  return call_structural(RunningExtreme<Max>{dim}, x);
}

Tensor diff(const Tensor& x, int64_t n, int64_t dim, const Tensor& prepend, const Tensor& append) {
  if (x->ndim == 0) fail("diff expects input to be at least one-dimensional");
  if (n < 0) fail("order must be non-negative but got ", n);
  if (n == 0) return clone(x);
  for (const Tensor& end : {prepend, append})
    if (end && end->ndim != x->ndim) fail("diff expects prepend or append to be the same dimension as input");
  const int d = wrap_dim(dim, x->ndim);
  for (const Tensor& end : {prepend, append})
    for (int i = 0; end && i < x->ndim; ++i)
      if (i != d && end->sizes[i] != x->sizes[i])
        fail("diff expects the shape of tensor to prepend or append to match that of input except along the ",
             "differencing dimension; input.size(", i, ") = ", x->sizes[i], ", but got tensor.size(", i,
             ") = ", end->sizes[i]);
  Tensors parts;
  if (prepend) parts.push_back(prepend);
  parts.push_back(x);
  if (append) parts.push_back(append);
  Tensor t = parts.size() > 1 ? cat(parts, dim) : x;
  for (; n > 0; --n) {
    const int64_t size = t->sizes[d];
    if (size == 0) break;
    const Tensor after = narrow(t, d, 1, size - 1), before = narrow(t, d, 0, size - 1);
    t = t->dtype == DType::Bool ? binary("logical_xor", after, before) : after - before;
  }
  return t;
}

}  // namespace

Tensor cumsum(const Tensor& x, int64_t dim) { return call_structural(Cumsum{dim}, x); }
Tensor cumprod(const Tensor& x, int64_t dim) { return call_structural(Cumprod{dim}, x); }

inline constexpr const char* kUnlike = "expected scalar_type $R but found $O";
static constexpr OpEntry entries[] = {
    fn<cumsum_entry>("cumsum(Tensor input, int dim, *, dtype? dtype=None)", kEverywhere | kOutLikeResult),
    fn<cumprod_entry>("cumprod(Tensor input, int dim, *, dtype? dtype=None)", kEverywhere | kOutLikeResult),
    fn<logcumsumexp>("logcumsumexp(Tensor input, int dim)", kFunction | kMethod | kExactOut),
    fn<running_extreme<true>>("cummax(Tensor input, int dim) -> values, indices",
                              kFunction | kMethod | kExactOut)
        .refusing(kUnlike),
    fn<running_extreme<false>>("cummin(Tensor input, int dim) -> values, indices",
                               kFunction | kMethod | kExactOut)
        .refusing(kUnlike),
    widens<diff>("diff(Tensor input, int n=1, int dim=-1, Tensor? prepend=None, Tensor? append=None)",
                 kFunction | kMethod | kOut),
};
FACULA_ENTRIES(scan)

}  // namespace facula
