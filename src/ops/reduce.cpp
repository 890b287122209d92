// Sums, products, extremes, truth over dimensions.
#include "op/recompute.h"
#include "ops/named.h"
#include "ops/reduce.h"
#include "ops/behind.h"
#include <algorithm>
#include <cmath>

namespace facula {

Tensor nuclear_norm(const Tensor& x, const OptDims& dims, bool keepdim);  // ops/linalg_svd.cpp

void require_history_in(OptDType dtype, const Tensor& x) {
  if (dtype && !is_floating(*dtype) && mode.grad && requires_grad(*x)) [[unlikely]]
    fail("Autograd not support dtype: ", c_name(*dtype));
}

namespace {

// All<Op> and Dim<Op> differ in the name of their node only: PyTorch numbers the overloads.
template <bool Whole> struct Sum {
  static constexpr const char* node = Whole ? "SumBackward0" : "SumBackward1";
  static constexpr uint32_t saves = kNothing;
  void show(Parameters& p) const { r.show(p, true, Whole); }
  Reduced r;
  TensorMeta meta(const Tensor& x) { return {fold_dtype(x->dtype, Fold::Sum), r.shape()}; }
  void cpu(TensorImpl& out, const Tensor& x) const {
    fold_into(out, x, r, Fold::Sum);
    note_fills(out, *x, 1);
  }
  void vjp(const Back& b, Tensor* d) const { d[0] = r.restore(b.g[0]); }
  std::optional<Sum> batched(const Back&, int64_t n) const { return Sum{r.behind(n)}; }
};

void require_mean_type(DType t) {
  if (!is_floating(t))
    fail(
        "mean(): could not infer output dtype. Input dtype must be either a floating point or complex "
        "dtype. Got: ",
        c_name(t));
}

template <bool Whole> struct Mean {
  static constexpr const char* node = Whole ? "MeanBackward0" : "MeanBackward1";
  static constexpr uint32_t saves = kNothing;
  void show(Parameters& p) const { r.show(p, true, Whole), p("self_sym_numel", r.input.numel()); }
  Reduced r;
  TensorMeta meta(const Tensor& x) {
    require_mean_type(x->dtype);
    return {x->dtype, r.shape()};
  }
  void cpu(TensorImpl& out, const Tensor& x) const {
    if (x->numel == 0) facula::fill(out, std::nan(""));
    else fold_into(out, x, r, Fold::Sum, double(r.length()));
    note_fills(out, *x, 2);
  }
  void vjp(const Back& b, Tensor* d) const { d[0] = r.restore(b.g[0]) / Scalar(double(r.length())); }
  std::optional<Mean> batched(const Back&, int64_t n) const { return Mean{r.behind(n)}; }
};

// The tensor in the type a sum is asked for.
Tensor as_type(const Tensor& x, OptDType dtype) { return dtype ? to_dtype(x, *dtype) : x; }
// The same for sums and products: those of uint16, uint32 and uint64 are taken in int64.
Tensor as_summed(const Tensor& x, OptDType dtype) {
  require_history_in(dtype, x);
  const DType t = dtype.value_or(x->dtype);
  return t >= DType::UInt16 && t <= DType::UInt64 ? to_dtype(x, DType::Int64) : as_type(x, dtype);
}
Tensor in_type(const Tensor& result, OptDType dtype) {
  return dtype && result->dtype != *dtype ? to_dtype(result, *dtype) : result;
}

Tensor sum_all(const Tensor& x, OptDType dtype) {
  const Tensor v = as_summed(x, dtype);
  return in_type(call_structural(Sum<true>{Reduced(v, std::nullopt, false)}, v), dtype);
}
Tensor sum_dims(const Tensor& x, const OptDims& dims, bool keepdim, OptDType dtype) {
  const Tensor v = as_summed(x, dtype);
  return in_type(call_structural(Sum<false>{Reduced(v, dims, keepdim)}, v), dtype);
}
Tensor mean_all(const Tensor& x, OptDType dtype) {
  const Tensor v = as_type(x, dtype);
  return call_structural(Mean<true>{Reduced(v, std::nullopt, false)}, v);
}
struct AminmaxName {
  static constexpr const char* node = "AminmaxBackward0";
};

Tensor mean_dims(const Tensor& x, const OptDims& dims, bool keepdim, OptDType dtype) {
  const Tensor v = as_type(x, dtype);
  require_mean_type(v->dtype);
  return call_structural(Mean<false>{Reduced(v, dims, keepdim)}, v);
}
struct NanSum {  // NaN counts as nothing
  static constexpr const char* node = "NansumBackward0";
  static constexpr uint32_t saves = saves_input(0);
  void show(Parameters& p) const { r.show(p); }
  Reduced r;
  TensorMeta meta(const Tensor& x) { return {x->dtype, r.shape()}; }
  void cpu(TensorImpl& out, const Tensor& x) const { fold_into(out, x, r, Fold::Numbers); }
  std::optional<NanSum> batched(const Back& b, int64_t n) const { return behind_batch(*this, b, n); }
  void vjp(const Back& b, Tensor* d) const {
    d[0] = where(unary("isnan", alias(*b.in[0])), Scalar(0), r.restore(b.g[0]));
  }
};
Tensor nansum(const Tensor& x, const OptDims& dims, bool keepdim, OptDType dtype) {
  if (is_complex(x->dtype)) fail("nansum on CPU does not support complex inputs");
  require_history_in(dtype, x);
  const Tensor v = as_type(x, dtype);
  if (!is_real_floating(v->dtype)) {
    const bool whole = is_real_floating(x->dtype) && is_integral(v->dtype);  // a NaN is no whole number
    return sum_dims(whole ? where(unary("isnan", x), Scalar(0), v) : v, dims, keepdim, dtype);
  }
  return call_structural(NanSum{Reduced(v, dims, keepdim)}, v);
}
Tensor nanmean(const Tensor& x, const OptDims& dims, bool keepdim, OptDType dtype) {
  if (!is_floating(x->dtype))
    fail("nanmean(): expected input to have floating point or complex dtype but got ", c_name(x->dtype));
  const Tensor v = as_type(x, dtype);
  const Tensor count = sum_dims(unary("logical_not", unary("isnan", v)), dims, keepdim, std::nullopt);
  return nansum(v, dims, keepdim, std::nullopt) / count;
}

template <bool Whole> struct Prod {
  static constexpr const char* node = Whole ? "ProdBackward0" : "ProdBackward1";
  static constexpr uint32_t saves = saves_input(0) | kOutput;  // read by PyTorch's derivative
  void show(Parameters& p) const { r.show(p, false, Whole); }
  Reduced r;
  TensorMeta meta(const Tensor& x) { return {fold_dtype(x->dtype, Fold::Prod), r.shape()}; }
  void cpu(TensorImpl& out, const Tensor& x) const {
    fold_into(out, x, r, Fold::Prod);
    note_fills(out, *x, 1);
  }
  // The product of the others, without division: products from the left times products from the right.
  std::optional<Prod> batched(const Back& b, int64_t n) const {
    if (Whole) return {};
    return behind_batch(*this, b, n);
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor& x = b.in[0];
    if (x->ndim == 0) {
      d[0] = b.g[0];
      return;
    }
    const Tensor flat = Whole ? reshape(x, Dims{-1}) : x;
    const int dim = Whole ? 0 : int(r.dims()[0]);
    const int64_t n = flat->sizes[dim];
    Dims one = flat->shape();
    one[dim] = 1;
    const Tensor unit = ones(one, x->dtype, x->device);
    Tensor others;
    if (n == 0) {
      d[0] = r.restore(b.g[0]) * (is_complex(x->dtype) ? unary("conj", x) : x);
      return;
    }
    const Tensor left = cumprod(cat({unit, narrow(flat, dim, 0, n - 1)}, dim), dim);
    const Tensor right =
        flip(cumprod(cat({unit, flip(narrow(flat, dim, 1, n - 1), Dims{dim})}, dim), dim), Dims{dim});
    others = left * right;
    if (is_complex(x->dtype)) others = unary("conj", others);
    d[0] = r.restore(b.g[0]) * (Whole ? reshape(others, x->shape()) : others);
  }
};
Tensor prod_all(const Tensor& x, OptDType dtype) {
  const Tensor v = as_summed(x, dtype);
  return in_type(call_structural(Prod<true>{Reduced(v, std::nullopt, false)}, v), dtype);
}
Tensor prod_dim(const Tensor& x, int64_t dim, bool keepdim, OptDType dtype) {
  const Tensor v = as_summed(x, dtype);
  return in_type(call_structural(Prod<false>{Reduced(v, Dims{dim}, keepdim)}, v), dtype);
}

// --- extremes of values only: ties share the gradient ---

enum class Which : uint8_t { Amax, Amin, Max, Min };
template <Which W> struct Extreme {
  static constexpr const char* node = W == Which::Amax   ? "AmaxBackward0"
                                      : W == Which::Amin ? "AminBackward0"
                                      : W == Which::Max  ? "MaxBackward1"
                                                         : "MinBackward1";
  static constexpr const char* name = W == Which::Amax   ? "amax"
                                      : W == Which::Amin ? "amin"
                                      : W == Which::Max  ? "max"
                                                         : "min";
  static constexpr uint32_t saves = saves_input(0) | kOutput;
  void show(Parameters& p) const { r.show(p, false, whole); }
  Reduced r;
  bool whole = false;  // no dimension was named
  TensorMeta meta(const Tensor& x) {
    const Dims shape = r.shape();
    if (r.length() == 0 && shape.numel() != 0) {
      if (W == Which::Max || W == Which::Min || whole)
        fail(name,
             "(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
             "with the 'dim' argument.");
      fail<IndexError>(name, "(): Expected reduction dim ", r.dims().count ? r.dims()[0] : 0,
                       " to have non-zero size.");
    }
    if (is_complex(x->dtype))
      fail<NotImplemented>("\"",
                           W == Which::Amax   ? "max_values_cpu"
                           : W == Which::Amin ? "min_values_cpu"
                           : W == Which::Max  ? "max_all"
                                              : "min_all",
                           "\" not implemented for '", c_name(x->dtype), "'");
    return {x->dtype, shape};
  }
  void cpu(TensorImpl& out, const Tensor& x) const {
    fold_into(out, x, r, W == Which::Amax || W == Which::Max ? Fold::Max : Fold::Min);
    note_fills(out, *x, 1);
  }
  std::optional<Extreme> batched(const Back& b, int64_t n) const { return behind_batch(*this, b, n); }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor y = r.restore(b.out[0]);
    const Tensor nan = binary("logical_and", unary("isnan", y), unary("isnan", b.in[0]));
    const Tensor mask = to_dtype(binary("logical_or", binary("eq", b.in[0], y), nan), b.g[0]->dtype);
    const Tensor count = sum(mask, r.dims(), true);
    d[0] = mask / (r.input.count ? expand(count, r.input) : count) * r.restore(b.g[0]);
  }
};
template <Which W> Tensor extreme(const Tensor& x, const OptDims& dims, bool keepdim) {
  return call_structural(Extreme<W>{Reduced(x, dims, keepdim), !dims || dims->count == 0}, x);
}
template <Which W> Tensor extreme_all(const Tensor& x) { return extreme<W>(x, std::nullopt, false); }
std::vector<Tensor> aminmax(const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  if (dim && x->ndim && x->sizes[wrap_dim(*dim, x->ndim)] == 0)
    fail<IndexError>("aminmax: Expected reduction dim ", wrap_dim(*dim, x->ndim), " to have non-zero size.");
  if (!dim && x->numel == 0)
    fail("aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.");
  if (is_complex(x->dtype)) {
    if (dim && x->ndim == 0) fail("aminmax not implemented for ", c_name(x->dtype));
    fail<NotImplemented>("\"aminmax_cpu\" not implemented for '", c_name(x->dtype), "'");
  }
  const OptDims dims = dim ? OptDims(Dims{*dim}) : std::nullopt;
  return {named_result<AminmaxName>(extreme<Which::Amin>(x, dims, keepdim)),
          named_result<AminmaxName>(extreme<Which::Amax>(x, dims, keepdim))};
}

// --- truth ---

Tensor truth(const Tensor& x, const OptDims& dims, bool keepdim, Fold f) {
  const Reduced r(x, dims, keepdim);
  Tensor out = empty(DType::Bool, r.shape(), x->device);
  note_fills(*out, *x, 1);
  if (out->is_meta() || out->numel == 0)
    return out->is_meta() || x->dtype != DType::UInt8 ? out : converted(out, DType::UInt8);
  if (x->numel == 0) facula::fill(*out, f == Fold::Min);
  else fold_into(*out, x->dtype == DType::Bool ? x : converted(x, DType::Bool), r, f);
  return x->dtype == DType::UInt8 ? converted(out, DType::UInt8) : out;
}
template <Fold F> Tensor truth_all(const Tensor& x) { return truth(x, std::nullopt, false, F); }
template <Fold F> Tensor truth_dims(const Tensor& x, const OptDims& dims, bool keepdim) {
  if (dims && dims->count == 0) {  // an empty list of dimensions reduces nothing here
    const Tensor t = x->is_meta() ? empty(DType::Bool, x->shape(), x->device) : converted(x, DType::Bool);
    return x->dtype == DType::UInt8 && !x->is_meta() ? converted(t, DType::UInt8) : t;
  }
  return truth(x, dims, keepdim, F);
}

Tensor count_nonzero(const Tensor& x, const OptDims& dims) {
  GradMode off(false);
  return sum_dims(binary("ne", x, Scalar(0)), dims, false, std::nullopt);
}

// --- norms ---

void require_norm_type(DType t) {
  if (!is_floating(t))
    fail("linalg.vector_norm: Expected a floating point or complex tensor as input. Got ", c_name(t));
}

struct VectorNorm {
  static constexpr const char* node = "LinalgVectorNormBackward0";
  static constexpr uint32_t saves = saves_input(0) | kOutput;
  void show(Parameters& see) const { r.show(see), see("ord", Scalar(p)); }
  Reduced r;
  double p;
  Tensor forward(const Tensor& x) {
    GradMode off(false);
    if (is_half(x->dtype))  // powers leave the range of half precision
      return to_dtype(VectorNorm{r, p}.forward(to_dtype(x, DType::Float32)), x->dtype);
    if ((p == 1 || p == 2) && !is_complex(x->dtype) && !x->is_meta()) {
      if (p == 1) {
        Tensor out = empty(x->dtype, r.shape(), x->device);
        fold_into(*out, x, r, Fold::Magnitudes);
        return out;
      }
      const Tensor squares = empty(DType::Float64, r.shape(), x->device);
      fold_into(*squares, x, r, Fold::Squares);
      return to_dtype(unary("sqrt", squares), x->dtype);
    }
    const Tensor a = p == 2 && !is_complex(x->dtype) ? x : unary("abs", x);
    auto total = [&](const Tensor& v) { return call_structural(Sum<false>{r}, v); };
    if (p == INFINITY) return call_structural(Extreme<Which::Amax>{r}, a);
    if (p == -INFINITY) return call_structural(Extreme<Which::Amin>{r}, a);
    if (p == 0) return to_dtype(total(binary("ne", a, Scalar(0))), a->dtype);
    if (p == 1) return total(a);
    if (p == 2) return unary("sqrt", total(a * a));
    if (is_half(a->dtype))  // powers leave the range of 16-bit floats
      return to_dtype(call(Pow{1 / p}, total(call(Pow{p}, to_dtype(a, DType::Float32)))), a->dtype);
    return call(Pow{1 / p}, total(call(Pow{p}, a)));
  }
  std::optional<VectorNorm> batched(const Back& b, int64_t n) const { return behind_batch(*this, b, n); }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor &x = b.in[0], y = r.restore(b.out[0]), g = r.restore(b.g[0]);
    const Tensor zero = binary("eq", y, Scalar(0));
    if (p == 0) return;  // constant wherever it has a derivative
    if (p == 1) d[0] = unary("sgn", x) * g;
    else if (p == 2) d[0] = where(zero, Scalar(0), x / y) * g;
    else if (std::isinf(p)) {
      const Tensor mask = to_dtype(binary("eq", unary("abs", x), y), b.g[0]->dtype),
                   count = sum(mask, r.dims(), true);
      d[0] = unary("sgn", x) * mask / (r.input.count ? expand(count, r.input) : count) * g;
    } else {
      const Tensor a = unary("abs", x);
      const Tensor ratio = p < 2 ? unary("sgn", x) * call(Pow{p - 1}, a) : x * call(Pow{p - 2}, a);
      d[0] = where(p < 1 || p < 2 ? binary("logical_or", zero, binary("eq", a, Scalar(0))) : zero, Scalar(0),
                   ratio / call(Pow{p - 1}, y)) *
             g;
    }
  }
};
void require_norm_dtype(DType from, DType to) {
  constexpr const char* op = "linalg.vector_norm";
  if (!is_floating(to)) fail(op, ": dtype should be floating point or complex, but got ", c_name(to));
  const char* kind = is_complex(from) ? "complex" : "real";
  if (is_complex(from) != is_complex(to))
    fail(op, ": dtype should be ", kind, " for ", kind, " inputs, but got ", c_name(to));
  if (promote(from, to) != to)
    fail(op, ": the dtype of the input (", c_name(from),
         ") should be convertible without narrowing to the specified dtype (", c_name(to), ")");
}

Tensor vector_norm(const Tensor& x, Scalar p, const OptDims& dims, bool keepdim, OptDType dtype) {
  require_norm_type(x->dtype);
  if (p.kind == Scalar::Kind::Complex)
    fail("linalg.vector_norm: Expected a non-complex scalar as the order of norm.");
  if (dtype) require_norm_dtype(x->dtype, *dtype);
  if (x->numel == 0 && (double(p) < 0 || double(p) == INFINITY)) {
    const std::string start = concat("linalg.vector_norm cannot compute the ", double(p), " norm on "),
                      end = "because the operation does not have an identity";
    if (!dims || dims->count == 0) fail(start, "an empty tensor ", end);
    for (int64_t d : *dims)
      if (x->ndim && x->sizes[own_dim(d, x)] == 0)
        fail(start, "the dimension ", d,
             "because this dimension is empty and the operation does not have an "
             "identity");
  }
  const Tensor v = as_type(x, dtype);
  return call_structural(VectorNorm{Reduced(v, dims, keepdim), double(p)}, v);
}
Tensor norm_number(const Tensor& x, std::optional<Scalar> p, const OptDims& dims, bool keepdim,
                   OptDType dtype) {
  return vector_norm(x, p.value_or(Scalar(2)), dims, keepdim, dtype);
}
Tensor norm_named(const Tensor& x, std::string_view p, const OptDims& dims, bool keepdim, OptDType dtype) {
  if (p == "nuc") return nuclear_norm(dtype ? to_dtype(x, *dtype) : x, dims, keepdim);
  if (p != "fro") fail("linalg.matrix_norm: Order ", std::string(p), " not supported.");
  return vector_norm(x, 2.0, dims, keepdim, dtype);
}
struct Dist {
  static constexpr const char* node = "DistBackward0";
  static constexpr uint32_t saves = kInputs;
  void show(Parameters& see) const { see("p", p); }
  Scalar p;
  Tensor of(const Tensor& a, const Tensor& b) const {
    return vector_norm(a - b, p, std::nullopt, false, std::nullopt);
  }
  Tensor forward(const Tensor& a, const Tensor& b) const {
    const GradMode off(false);
    return of(a, b);
  }
  void vjp(const Back& b, Tensor* d) const {
    differentiate(b, d, [&](const Tensor* in) { return Tensors{of(in[0], in[1])}; });
  }
};
Tensor dist(const Tensor& a, const Tensor& b, Scalar p) { return call_structural(Dist{p}, a, b); }

// --- logsumexp ---

struct LogSumExp {
  static constexpr const char* node = "LogsumexpBackward0";
  static constexpr uint32_t saves = saves_input(0) | kOutput;
  void show(Parameters& p) const { r.show(p); }
  Reduced r;
  Tensor forward(const Tensor& x) {
    GradMode off(false);
    const Dims dims = r.dims();
    if (x->numel == 0) return unary("log", sum(unary("exp", x), dims, r.keepdim));
    const Tensor top = call_structural(Extreme<Which::Amax>{r}, real_part(x));
    const Tensor finite = where(unary("isinf", top), Scalar(0), top);
    const Tensor shifted = unary("exp", x - r.restore(finite));
    return unary("log", call_structural(Sum<false>{r}, shifted)) + finite;
  }
  std::optional<LogSumExp> batched(const Back& b, int64_t n) const { return behind_batch(*this, b, n); }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor share = unary("exp", b.in[0] - r.restore(b.out[0]));
    d[0] = r.restore(b.g[0]) * (is_complex(share->dtype) ? unary("conj", share) : share);
  }
};
Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim) {
  const Tensor v = is_floating(x->dtype) ? x : to_dtype(x, default_dtype);
  return call_structural(LogSumExp{Reduced(v, dims, keepdim)}, v);
}

// --- variance ---

template <bool Root> struct Var {
  static constexpr const char* node = Root ? "StdBackward0" : "VarBackward0";
  static constexpr uint32_t saves = saves_input(0) | (Root ? kOutput : 0);
  void show(Parameters& p) const { r.show(p), p("correction", Scalar(correction)); }
  Reduced r;
  double correction;
  bool with_mean = false;  // of std_mean and var_mean, as warnings name them
  double freedom() const { return std::max(0., double(r.length()) - correction); }
  Tensor forward(const Tensor& x) {
    GradMode off(false);
    if (double(r.length()) - correction <= 0)
      warn(concat(Root ? "std" : "var", with_mean ? "_mean" : "",
                  "(): degrees of freedom is <= 0. Correction should be strictly less than the reduction "
                  "factor (input numel "
                  "divided by output numel)."));
    if (is_half(x->dtype))
      return to_dtype(Var{r, correction, with_mean}.forward(to_dtype(x, DType::Float32)), x->dtype);
    const Tensor away = unary("abs", x - r.restore(call_structural(Mean<false>{r}, x)));
    const Tensor variance = call_structural(Sum<false>{r}, away * away) / Scalar(freedom());
    return Root ? unary("sqrt", variance) : variance;
  }
  std::optional<Var> batched(const Back& b, int64_t n) const { return behind_batch(*this, b, n); }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor& x = b.in[0];
    const Tensor away = x - r.restore(mean_dims(x, r.dims(), r.keepdim, std::nullopt));
    Tensor g = b.g[0];
    if constexpr (Root) {
      const Tensor half = g / (b.out[0] * Scalar(2));
      g = where(binary("eq", b.out[0], Scalar(0)), Scalar(0), half);
    }
    d[0] = r.restore(g) * away * Scalar(2 / freedom());
  }
};
template <bool Root> Tensor variance_of(const Tensor& x, const OptDims& dims,
                                        std::optional<Scalar> correction, bool keepdim, bool with_mean) {
  if (!is_floating(x->dtype))
    fail(with_mean ? Root ? "std_mean" : "var_mean" : "std and var",
         " only support floating point and complex dtypes");
  return call_structural(
      Var<Root>{Reduced(x, dims, keepdim), double(correction.value_or(Scalar(1))), with_mean}, x);
}
template <bool Root>
Tensor variance(const Tensor& x, const OptDims& dims, std::optional<Scalar> correction, bool keepdim) {
  return variance_of<Root>(x, dims, correction, keepdim, false);
}
template <bool Root> Tensor variance_unbiased(const Tensor& x, bool unbiased) {
  return variance<Root>(x, std::nullopt, Scalar(unbiased ? 1 : 0), false);
}
template <bool Root>
Tensor variance_dims_unbiased(const Tensor& x, const OptDims& dims, bool unbiased, bool keepdim) {
  return variance<Root>(x, dims, Scalar(unbiased ? 1 : 0), keepdim);
}
template <bool Root> struct VarMean {
  static constexpr const char* node = Root ? "StdMeanBackward0" : "VarMeanBackward0";
  static constexpr uint32_t saves = kInputs;
  OptDims dims;
  std::optional<Scalar> correction;
  bool keepdim;
  void show(Parameters& p) const { p("dim", dims), p("keepdim", keepdim), p("correction", correction); }
  Tensors of(const Tensor& x) const {
    return {variance_of<Root>(x, dims, correction, keepdim, true), mean_dims(x, dims, keepdim, std::nullopt)};
  }
  Tensors forward(const Tensor& x) const {
    const GradMode off(false);
    return of(x);
  }
  void vjp(const Back& b, Tensor* d) const {
    differentiate(b, d, [&](const Tensor* in) { return of(in[0]); });
  }
};
template <bool Root> std::vector<Tensor> variance_and_mean(const Tensor& x, const OptDims& dims,
                                                           std::optional<Scalar> correction, bool keepdim) {
  return call_structural(VarMean<Root>{dims, correction, keepdim}, x);
}
template <bool Root> std::vector<Tensor> variance_and_mean_unbiased(const Tensor& x, const OptDims& dims,
                                                                    bool unbiased, bool keepdim) {
  return variance_and_mean<Root>(x, dims, Scalar(unbiased ? 1 : 0), keepdim);
}
template <bool Root> std::vector<Tensor> variance_and_mean_all(const Tensor& x, bool unbiased) {
  return variance_and_mean<Root>(x, std::nullopt, Scalar(unbiased ? 1 : 0), false);
}

}  // namespace

Tensor mean(const Tensor& x, const Dims& dims, bool keepdim) {
  return mean_dims(x, dims, keepdim, std::nullopt);
}

Tensor sum(const Tensor& x, const Dims& dims, bool keepdim) {
  return call_structural(Sum<false>{Reduced(x, dims, keepdim)}, x);
}

#define FACULA_VARIANCE(name, Root)                                                                     \
  widens<variance_unbiased<Root>>(name "(Tensor input, bool unbiased)", kFunction | kMethod | kOut),    \
      widens<variance<Root>>(                                                                           \
          name "(Tensor input, int[1]? dim=None, *, Number? correction=None, bool keepdim=False)",      \
          kFunction | kMethod | kOut),                                                                  \
      widens<variance_dims_unbiased<Root>>(                                                             \
          name "(Tensor input, int[1]? dim, bool unbiased=True, bool keepdim=False)",                   \
          kFunction | kMethod | kOut),                                                                  \
      widens<variance_and_mean_all<Root>>(name "_mean(Tensor input, bool unbiased)", kFunction),        \
      widens<variance_and_mean<Root>>(                                                                  \
          name "_mean(Tensor input, int[1]? dim=None, *, Number? correction=None, bool keepdim=False)", \
          kFunction),                                                                                   \
      widens<variance_and_mean_unbiased<Root>>(                                                         \
          name "_mean(Tensor input, int[1]? dim, bool unbiased=True, bool keepdim=False)", kFunction)

inline constexpr uint16_t kPlain = kFunction | kMethod | kOut;
inline constexpr const char *kUnlikeInput =
                                "Expected the dtype for input and out to match, but got $R for "
                                "input's dtype and $O for out's dtype.",
                            *kUnlikeDType =
                                "nansum: provided dtype must match dtype of result. Got $O and $R.",
                            *kNotAll = "~all only supports bool tensor for result, got: $O",
                            *kNotAny = "~any only supports bool tensor for result, got: $O";
static constexpr OpEntry entries[] = {
    fn<sum_all>("sum(Tensor input, *, dtype? dtype=None)", kPlain),
    fn<sum_dims>("sum(Tensor input, int[1]? dim, bool keepdim=False, *, dtype? dtype=None)", kPlain),
    fn<nansum>("nansum(Tensor input, int[1]? dim=None, bool keepdim=False, *, dtype? dtype=None)", kPlain)
        .refusing(kUnlikeDType),
    fn<mean_all>("mean(Tensor input, *, dtype? dtype=None)", kPlain).by_input(),
    fn<mean_dims>("mean(Tensor input, int[1]? dim, bool keepdim=False, *, dtype? dtype=None)", kPlain)
        .by_input(),
    fn<nanmean>("nanmean(Tensor input, int[1]? dim=None, bool keepdim=False, *, dtype? dtype=None)", kPlain)
        .refusing(kUnlikeDType),
    fn<prod_all>("prod(Tensor input, *, dtype? dtype=None)", kPlain),
    fn<prod_dim>("prod(Tensor input, int dim, bool keepdim=False, *, dtype? dtype=None)", kPlain),
    fn<extreme<Which::Amax>>("amax(Tensor input, int[1]? dim=None, bool keepdim=False)", kPlain | kExactOut)
        .refusing(kUnlikeInput),
    fn<extreme<Which::Amin>>("amin(Tensor input, int[1]? dim=None, bool keepdim=False)", kPlain | kExactOut)
        .refusing(kUnlikeInput),
    fn<extreme_all<Which::Max>>("max(Tensor input)", kPlain),
    fn<extreme_all<Which::Min>>("min(Tensor input)", kPlain),
    fn<aminmax>("aminmax(Tensor input, *, int? dim=None, bool keepdim=False) -> min, max",
                kPlain | kApartOut),
    moves<truth_all<Fold::Min>>("all(Tensor input)", kPlain | kExactOut).refusing(kNotAll),
    moves<truth_dims<Fold::Min>>("all(Tensor input, int[1]? dim, bool keepdim=False)", kPlain | kExactOut)
        .refusing(kNotAll),
    moves<truth_all<Fold::Max>>("any(Tensor input)", kPlain | kExactOut).refusing(kNotAny),
    moves<truth_dims<Fold::Max>>("any(Tensor input, int[1]? dim, bool keepdim=False)", kPlain | kExactOut)
        .refusing(kNotAny),
    widens<count_nonzero>("count_nonzero(Tensor input, int[1]? dim=None)"),
    widens<vector_norm>(
        "vector_norm(Tensor input, Number ord=2, int[1]? dim=None, bool keepdim=False, *, dtype? dtype=None)",
        kLinalg | kExactOut),
    widens<norm_number>(
        "norm(Tensor input, Number? p=None, int[1]? dim=None, bool keepdim=False, dtype? dtype=None)",
        kPlain | kExactOut),
    widens<norm_named>(
        "norm(Tensor input, str p='fro', int[1]? dim=None, bool keepdim=False, dtype? dtype=None)",
        kPlain | kExactOut),
    widens<dist>("dist(Tensor input, Tensor other, Number p=2)"),
    fn<logsumexp>("logsumexp(Tensor input, int[1] dim, bool keepdim=False)", kPlain | kSpecial),
    FACULA_VARIANCE("var", false),
    FACULA_VARIANCE("std", true),
};
#undef FACULA_VARIANCE
FACULA_ENTRIES(reduce)

}  // namespace facula
