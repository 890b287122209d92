// Elementwise operations composed of pointwise ones: other spellings, rounding modes, overloads that take
// tensors.
#include "op/inplace.h"
#include "ops/functions.h"
#include "ops/named.h"

namespace facula {
namespace {

Arg as_tensor(const Arg& a, Tensor& made) {  // where all operands are numbers
  if (a.tensor) return a;
  const DType t = a.scalar.is_floating()  ? default_dtype
                  : a.scalar.is_complex() ? to_complex(default_dtype)
                                          : dtype_of(a.scalar);
  made = full(Dims(), a.scalar, t, {});
  return Arg(made);
}
struct DivMode {
  static constexpr const char* node = "DivBackward2";
};
bool is_single(const Arg& a) { return !a.tensor || a.tensor->numel == 1; }
Tensor div_mode(const Arg& a, const Arg& b, std::string_view mode) {
  Tensor made;
  const Arg in[] = {b.tensor ? a : as_tensor(a, made), b};
  // A quotient of two 16-bit tensors is rounded to 16 bits before it is truncated.
  if (mode == "trunc" && !is_single(b) && is_half(pointwise_dtype(row<DivTrunc>, nullptr, in)))
    return named_result<DivMode>(call(Trunc{}, call(Div{}, in[0], b)));
  if (mode == "floor") return pointwise(row<DivFloor>, nullptr, in);
  if (mode == "trunc") return pointwise(row<DivTrunc>, nullptr, in);
  fail("div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '", mode, "'");
}
struct ClampTensor {
  static constexpr const char* node = "ClampBackward0";
};
struct LdexpName {
  static constexpr const char* node = "LdexpBackward0";
};
Tensor div_optional(const Arg& a, const Arg& b, std::optional<std::string_view> mode) {
  if (mode) return div_mode(a, b, *mode);
  Tensor made;
  return named_result<DivMode>(call(Div{}, b.tensor ? a : as_tensor(a, made), b));
}
Tensor clamp_tensors(const Tensor& x, const Arg& low, const Arg& high) {
  if (low.present && high.present) return call(ClampTensors{}, x, low, high);
  if (low.present) return named_result<ClampTensor>(call(ClampMin{}, x, low));
  if (high.present) return named_result<ClampTensor>(call(ClampMax{}, x, high));
  fail("torch.clamp: At least one of 'min' or 'max' must not be None");
}
Tensor positive(const Tensor& x) {
  if (x->dtype == DType::Bool) fail("The `+` operator, on a bool tensor is not supported.");
  return x;
}
Tensor gelu(const Tensor& x, std::string_view approximate) {
  if (approximate == "none") return call(Gelu{}, x);
  if (approximate == "tanh") return call(GeluTanh{}, x);
  fail("approximate argument must be either none or tanh.");
}
Tensor relu6(const Tensor& x) { return call(Hardtanh{0, 6}, x); }
Tensor tanhshrink(const Tensor& x) { return x - call(Tanh{}, x); }
Tensor softsign(const Tensor& x) { return x / (call(Abs{}, x) + Scalar(1)); }
Tensor prelu(const Tensor& x, const Tensor& weight) {
  if (x->dtype != weight->dtype)
    fail("prelu: Type promoting not supported. Got ", c_name(x->dtype), " and ", c_name(weight->dtype));
  if (weight->ndim > 1)
    fail("prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = ", weight->ndim);
  Tensor w = weight;
  if (weight->numel != 1) {
    const int64_t channels = x->ndim > 1 ? x->sizes[1] : 1;
    if (x->ndim == 0) fail("Not allow zero-dim input tensor.");
    if (channels != weight->numel)
      fail("Mismatch of parameter numbers and input channel size. Found parameter numbers = ", weight->numel,
           " and channel size = ", channels, ".");
    Dims shape = Dims::filled(x->ndim, 1);
    shape[x->ndim > 1 ? 1 : 0] = weight->numel;
    w = view(weight, shape);
  } else {
    w = view(weight, Dims::filled(x->ndim, 1));
  }
  return call(Prelu{}, x, w);
}
Tensor rrelu_eval(const Tensor& x, double lower, double upper) {
  return call(LeakyRelu{(lower + upper) / 2}, contiguous(x));
}
Tensor ldexp(const Tensor& x, const Tensor& exponent) {  // whole exponents: in the type of x where it can be
  const bool whole = !is_floating(exponent->dtype), kept = whole && is_real_floating(x->dtype);
  if (kept && exponent->dtype == DType::Bool)
    fail<NotImplemented>("\"ldexp_cpu_exp\" not implemented for 'Bool'");
  // A 16-bit power of two would overflow before the product does.
  const DType t = !whole ? exponent->dtype : x->dtype == DType::Float64 ? DType::Float64 : DType::Float32;
  const Tensor two = full(Dims(), 2.0, is_complex(t) ? default_dtype : t, x->device);
  const Tensor y = call(Mul{}, x, call(PowTensor{}, two, exponent));
  return named_result<LdexpName>(kept ? to_dtype(y, x->dtype) : y);
}
bool complex_operand(const Arg& a) { return a.tensor ? is_complex(a.tensor->dtype) : a.scalar.is_complex(); }
Tensor wide_operand(const Arg& a, DType t) {
  return a.tensor ? to_dtype(Tensor(a.tensor), t) : full(Dims(), a.scalar, t);
}
Tensor float_power(const Arg& a, const Arg& b) {
  if (!a.tensor && !b.tensor)
    fail<TypeError>(
        "float_power() received an invalid combination of arguments: one of the two must be a Tensor");
  const DType t = complex_operand(a) || complex_operand(b) ? DType::Complex128 : DType::Float64;
  if (!b.tensor) return call(Pow{b.scalar}, wide_operand(a, t));
  if (!a.tensor && t == DType::Float64) return call(PowTensor{}, a, wide_operand(b, t));
  return call(PowTensor{}, wide_operand(a, t), wide_operand(b, t));
}
Tensor where_condition(const Tensor& condition, const Arg& a,
                       const Arg& b) {  // number operands, uint8 conditions
  Tensor c = condition;
  if (c->dtype == DType::UInt8) c = to_dtype(c, DType::Bool);
  if (!a.tensor && !b.tensor) {
    Promotion p;
    p.add(2, dtype_of(a.scalar));
    p.add(2, dtype_of(b.scalar));
    return call(Where{}, c, full(Dims(), a.scalar, p.result(), c->device), b);
  }
  return call(Where{}, c, a, b);
}

Tensor isclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) {
  if (a->dtype != b->dtype) fail(c_name(a->dtype), " did not match ", c_name(b->dtype));
  if (rtol < 0) fail("rtol must be greater than or equal to zero, but got ", rtol);
  if (atol < 0) fail("atol must be greater than or equal to zero, but got ", atol);
  GradMode off(false);
  Tensor close = call(Eq{}, a, b);
  if (is_floating(a->dtype) && equal_nan) {
    close = call(LogicalOr{}, close, call(LogicalAnd{}, call(Isnan{}, a), call(Isnan{}, b)));
  }
  if (rtol == 0 && atol == 0) return close;
  const bool whole = !is_floating(a->dtype);
  const Tensor wide_b = whole ? to_dtype(b, DType::Float64) : b,
               wide_a = whole ? to_dtype(a, DType::Float64) : a;
  const Tensor allowed = call(Abs{}, wide_b * Scalar(rtol)) + Scalar(atol),
               apart = call(Abs{}, wide_a - wide_b);
  return call(LogicalOr{}, close, call(LogicalAnd{}, call(Isfinite{}, apart), call(Le{}, apart, allowed)));
}
bool all_true(const Tensor& t) {
  const Tensor d = dense(t);
  if (d->is_meta()) fail<NotImplemented>("a meta tensor has no values to compare");
  for (int64_t i = 0; i < d->numel; ++i)
    if (!d->as<bool>()[i]) return false;
  return true;
}
bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) {
  return all_true(isclose(a, b, rtol, atol, equal_nan));
}
bool equal(const Tensor& a, const Tensor& b) {
  if (!a->same_shape(*b)) return false;
  if (!(a->device == b->device))
    fail("Cannot compare two tensors on different devices. Got: ", to_string(a->device), " and ",
         to_string(b->device));
  return all_true(call(Eq{}, a, b));
}
Tensor isreal(const Tensor& x) {
  if (!is_complex(x->dtype)) {
    Tensor out = empty_as(*x, DType::Bool);
    fill(*out, true);
    return out;
  }
  return call(Eq{}, x, unary("conj", x));
}
Tensor conjugate(const Tensor& x) { return is_complex(x->dtype) ? unary("conj", x) : x; }
Tensor order_first(int64_t n, const Tensor& x) {
  if (n < 0) fail("polygamma(n, x) does not support negative n.");
  return call(Polygamma{n}, x);
}
Tensor order_last(const Tensor& x, int64_t n) { return order_first(n, x); }
Tensor maximum_of(const Tensor& a, const Tensor& b) { return call(Maximum{}, a, b); }
Tensor minimum_of(const Tensor& a, const Tensor& b) { return call(Minimum{}, a, b); }

// Of contiguous memory, whatever that of x is.
Tensor multigammaln(const Tensor& x, int64_t p) { return call(Mvlgamma{p}, contiguous(x)); }
Tensor logsigmoid(const Tensor& x) { return call(LogSigmoid{}, contiguous(x)); }

// The largest numbers of a 16-bit type are not those of the type it is computed in.
NanToNum nan_rule(DType t, std::optional<double> nan, std::optional<double> high, std::optional<double> low) {
  const double largest = t == DType::Float16 ? 65504. : 3.3895313892515355e38;
  if (is_half(t)) high = high.value_or(largest), low = low.value_or(-largest);
  const auto number = [](std::optional<double> x) { return x ? MaybeNumber{*x, true} : MaybeNumber{}; };
  return {number(nan), number(high), number(low)};
}
Tensor nan_to_num(const Tensor& x, std::optional<double> nan, std::optional<double> high,
                  std::optional<double> low) {
  return call(nan_rule(x->dtype, nan, high, low), x);
}
Tensor nan_to_num_(const Tensor& x, std::optional<double> nan, std::optional<double> high,
                   std::optional<double> low) {
  return is_floating(x->dtype) ? call_inplace(nan_rule(x->dtype, nan, high, low), x) : x;
}
Tensor float_power_(const Tensor& x, const Arg& exponent) {
  // The derivative reads the base, which is about to be overwritten.
  const bool keeps = mode.grad && is_floating(x->dtype) &&
                     (requires_grad(*x) || (exponent.tensor && requires_grad(*exponent.tensor)));
  const Tensor base = keeps ? old_value(*x) : x;
  const Tensor y = float_power(Arg(base), exponent);
  if (y->dtype != x->dtype)
    fail("the base given to float_power_ has dtype ", c_name(x->dtype),
         " but the operation's result requires dtype ", c_name(y->dtype));
  const bool recorded = requires_grad(*x) || requires_grad(*y);
  check_assign(x, recorded, "float_power_");
  assign(x, y);
  return x;
}
struct Frexp {  // the exponent is a step, and has no derivative
  static constexpr const char* node = "FrexpBackward0";
  static constexpr uint32_t saves = kOutput;
  static constexpr bool chooses = true;
  Tensors forward(const Tensor& x) const {
    const NoForward off;
    return {call(FrexpMantissa{}, x), to_dtype(call(FrexpExponent{}, x), DType::Int32)};
  }
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0) && b.g[0]) d[0] = b.g[0] / call(Exp2{}, to_dtype(b.out[1], b.g[0]->dtype));
  }
};
Tensors frexp(const Tensor& x) {
  if (!is_real_floating(x->dtype)) fail("torch.frexp() only supports floating-point dtypes");
  return call_structural(Frexp{}, x);
}
inline constexpr const char* kNoHeaviside =
    "heaviside is not yet implemented for tensors with different dtypes.";
Tensor heaviside(const Tensor& x, const Tensor& values) {
  if (!is_complex(x->dtype) && !is_complex(values->dtype) && x->dtype != values->dtype) fail(kNoHeaviside);
  return call(Heaviside{}, x, values);
}
Tensor as_bits(const Tensor& x, DType t) {  // of the same size
  Tensor out = alias(*x);
  out->dtype = t;
  return out;
}
// 16-bit floats are computed as floats, whose neighbours are nearer: theirs are found by their bits.
Tensor next_number(const Tensor& x, const Tensor& y) {
  const Arg in[] = {x, y};
  const DType t = pointwise_dtype(row<Nextafter>, nullptr, in);
  if (!is_half(t)) return call(Nextafter{}, x, y);
  GradMode off(false);
  const Tensor a = to_dtype(x, t), b = to_dtype(y, t), zero = full({}, 0, t, x->device);
  const Tensor away = call(Eq{}, call(Lt{}, a, b), call(Gt{}, a, zero));
  const Tensor step = to_dtype(where(away, Scalar(1), Scalar(-1)), DType::Int16);
  const Tensor moved = as_bits(as_bits(a, DType::Int16) + step, t);
  const Tensor least = as_bits(full({}, 1, DType::Int16, x->device), t);
  const Tensor near = where(call(Eq{}, a, zero), call(Copysign{}, least, b), moved);
  return where(call(LogicalOr{}, call(Isnan{}, a), call(Isnan{}, b)), a + b,
               where(call(Eq{}, a, b), b, near));
}
// The angles of complex numbers are their own memory in order, whatever the layout of the numbers.
Tensor angle_of(const Tensor& x) { return call(Angle{}, is_complex(x->dtype) ? contiguous(x) : x); }
Tensor conj_physical(const Tensor& x) { return is_complex(x->dtype) ? unary("conj", x) : x; }
bool never(const Tensor&) { return false; }  // conjugates and negatives are computed at once

template <class Op> Tensor again(const Tensor& x) { return call(Op{}, x); }
template <class Op> Tensor again2(const Tensor& a, const Tensor& b) { return call(Op{}, a, b); }

}  // namespace

static constexpr OpEntry entries[] = {
    fn<div_mode>("div(Operand input, Operand other, *, str rounding_mode)",
                 kEverywhere | kOutLikeResult | kLeading, "divide"),
    fn<div_optional>("div(Operand input, Operand other, *, str? rounding_mode=None)",
                     kEverywhere | kOutLikeResult | kLeading, "divide"),
    fn<clamp_tensors>("clamp(Tensor input, Operand? min=None, Operand? max=None)",
                      kEverywhere | kOutLikeResult | kLeading, "clip"),
    moves<positive>("positive(Tensor input)", kFunction | kMethod | kLeading),
    fn<gelu>("gelu(Tensor input, *, str approximate='none')", kNN | kOutLikeResult | kLeading),
    fn<relu6>("relu6(Tensor input)", kNN | kInPlaceNN | kLeading),
    fn<tanhshrink>("tanhshrink(Tensor input)", kNN | kLeading),
    fn<softsign>("softsign(Tensor input)", kNN | kLeading),
    fn<prelu>("prelu(Tensor input, Tensor weight)", kFunction | kMethod | kNN),
    fn<rrelu_eval>("_rrelu_eval(Tensor input, float lower, float upper)", kPrivate | kLeading),
    fn<ldexp>("ldexp(Tensor input, Tensor other)", kEverywhere | kOutLikeResult | kLeading),
    moves<float_power>("float_power(Operand input, Operand exponent)",
                       kFunction | kMethod | kExactOut | kOutLikeResult | kLeading)
        .refusing(
            "the output given to float_power has dtype $O but the operation's result requires dtype $R"),
    fn<float_power_>("float_power_(Tensor input, Operand exponent)", kMethod | kLeading),
    fn<nan_to_num>("nan_to_num(Tensor input, float? nan=None, float? posinf=None, float? neginf=None)",
                   kFunction | kMethod | kExactOut | kOutLikeResult | kLeading)
        .refusing("nan_to_num: dtype of out: $O should be same as input: $R"),
    fn<nan_to_num_>("nan_to_num_(Tensor input, float? nan=None, float? posinf=None, float? neginf=None)",
                    kFunction | kMethod | kLeading),
    fn<frexp>("frexp(Tensor input) -> mantissa, exponent",
              kFunction | kMethod | kExactOut | kOutLikeResult | kLeading)
        .refusing("torch.frexp() expects mantissa to have dtype $r but got $o|"
                  "torch.frexp() expects exponent to have int dtype but got $o"),
    moves<where_condition>("where(Tensor condition, Operand input, Operand other)",
                           kFunction | kExactOut | kOutLikeResult | kLeading),
    moves<isclose>(
        "isclose(Tensor input, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False)",
        kFunction | kMethod | kLeading),
    moves<allclose>(
        "allclose(Tensor input, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False)"),
    moves<equal>("equal(Tensor input, Tensor other)"),
    moves<isreal>("isreal(Tensor input)", kFunction | kMethod | kLeading),
    moves<conjugate>("conj(Tensor input)", kFunction | kMethod | kLeading),
    fn<angle_of>("angle(Tensor input)", kFunction | kMethod | kOutLikeResult | kLeading),
    fn<next_number>("nextafter(Tensor input, Tensor other)", kEverywhere | kOutLikeResult | kLeading),
    moves<conj_physical>("conj_physical(Tensor input)", kEverywhere | kExactOut | kOutLikeResult | kLeading)
        .refusing("Found dtype $O but expected $R"),
    moves<never>("is_conj(Tensor input)"),
    moves<never>("is_neg(Tensor input)"),
    fn<heaviside>("heaviside(Tensor input, Tensor values)",
                  kEverywhere | kExactOut | kOutLikeResult | kLeading)
        .refusing(kNoHeaviside),
    fn<maximum_of>("max(Tensor input, Tensor other)", kFunction | kMethod | kOutLikeResult),
    fn<minimum_of>("min(Tensor input, Tensor other)", kFunction | kMethod | kOutLikeResult),
    fn<again<Sigmoid>>("expit(Tensor input)", kSpecial | kOutLikeResult | kLeading),
    fn<again<Exp2>>("exp2(Tensor input)", kSpecial | kOutLikeResult | kLeading),
    fn<again<Expm1>>("expm1(Tensor input)", kSpecial | kOutLikeResult | kLeading),
    fn<again<Log1p>>("log1p(Tensor input)", kSpecial | kOutLikeResult | kLeading),
    fn<again<Round>>("round(Tensor input)", kSpecial | kOutLikeResult | kLeading),
    fn<again<Lgamma>>("gammaln(Tensor input)", kSpecial | kOutLikeResult | kLeading),
    fn<again<Digamma>>("psi(Tensor input)", kSpecial | kOutLikeResult | kLeading),
    fn<again2<Igamma>>("gammainc(Tensor input, Tensor other)", kSpecial | kOutLikeResult | kLeading),
    fn<again2<Igammac>>("gammaincc(Tensor input, Tensor other)", kSpecial | kOutLikeResult | kLeading),
    fn<order_first>("polygamma(int n, Tensor input)", kFunction | kSpecial | kOutLikeResult | kLeading),
    fn<order_last>("polygamma(Tensor input, int n)", kMethod | kInPlace | kLeading),
    fn<multigammaln>("mvlgamma(Tensor input, int p)", kEverywhere | kLeading),
    fn<logsigmoid>("logsigmoid(Tensor input)", kNN | kOut | kLeading),
    fn<multigammaln>("multigammaln(Tensor input, int p)", kSpecial | kOut | kLeading),
    fn<again<Tanh>>("tanh(Tensor input)", kNN | kLeading),
};
FACULA_ENTRIES(elementwise)

}  // namespace facula
