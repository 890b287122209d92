// Tensors made from sizes and numbers: zeros, full, empty, their _like and new_ forms, arange and its kin.
// What is made from triangles and grids stands in grid.cpp.
#include <cmath>
#include <complex>
#include "autograd/places.h"
#include "op/execute.h"
#include "op/structural.h"
#include "ops/functions.h"
#include "ops/uninitialized.h"

namespace facula {

// Of a tensor without gaps.
static void fill_fresh(TensorImpl& t, Scalar value) {
  if (value.is_integral() && value.i == 0 && t.contiguous && !t.is_meta())
    std::memset(t.data, 0, size_t(t.numel * item_size(t.dtype)));
  else fill(t, value);
}

bool fills_new_memory = false;

static Scalar uninitialized_value(DType t) {
  if (is_floating(t)) return std::numeric_limits<double>::quiet_NaN();
  if (t == DType::Bool || t == DType::UInt8) return 255;
  if (t >= DType::UInt16 && t <= DType::UInt64) return -1;
  return int64_t(UINT64_C(1) << (8 * item_size(t) - 1)) - 1;
}
void fill_uninitialized(TensorImpl& t) {
  if (t.is_meta() || !t.numel) return;
  const Scalar value = uninitialized_value(t.dtype);
  if (t.dtype >= DType::UInt16 && t.dtype <= DType::UInt64 && t.contiguous)
    std::memset(t.data, 0xff, size_t(t.numel * item_size(t.dtype)));
  else fill(t, value);
}
void fill_uninitialized(TensorImpl& t, size_t from) {
  if (t.is_meta() || from >= t.storage->bytes) return;
  const size_t size = size_t(item_size(t.dtype));
  const int64_t first = int64_t((from + size - 1) / size), last = int64_t(t.storage->bytes / size);
  if (first >= last) return;
  Tensor rest = alias(t);
  rest->data = t.storage->data + size_t(first) * size;
  rest->set_geometry({last - first}, {1});
  fill_uninitialized(*rest);
}

Tensor full(const Dims& sizes, Scalar value, DType dtype, Device device) {
  Tensor out = empty(dtype, sizes, device);
  fill_fresh(*out, value);
  return out;
}

Tensor full_like(const Tensor& x, Scalar value) {
  Tensor out = empty_as(*x);
  fill_fresh(*out, value);
  return out;
}

Tensor zeros(const Dims& sizes, DType dtype, Device device) { return full(sizes, 0, dtype, device); }
Tensor ones(const Dims& sizes, DType dtype, Device device) { return full(sizes, 1, dtype, device); }
Tensor zeros_like(const Tensor& x) { return full_like(x, 0); }

Tensor arange(int64_t end, Device device) {
  Tensor out = empty(DType::Int64, {end}, device);
  if (!out->is_meta())
    for (int64_t i = 0; i < end; ++i) out->as<int64_t>()[i] = i;
  return out;
}

Tensor finish_factory(Tensor t, bool requires_grad) {
  if (!requires_grad) return t;
  if (!is_floating(t->dtype)) fail("Only Tensors of floating point and complex dtype can require gradients");
  t->requires_grad = true;
  return t;
}

namespace {

// What every factory takes after its own arguments.
#define FACTORY_TAIL                                                                             \
  ", dtype? dtype=None, layout? layout=None, device? device=None, bool? pin_memory=False, bool " \
  "requires_grad=False"
#define FACTORY ", *" FACTORY_TAIL ")"
#define FACTORY_OUT ", *, Tensor? out=None" FACTORY_TAIL ")"
#define FACTORY_LIKE ", *" FACTORY_TAIL ", memory_format? memory_format=None)"
#define OPTIONS \
  OptDType dtype, LayoutArg, std::optional<Device> device, OptBool pin_memory, bool requires_grad
using OptBool = std::optional<bool>;
using OptFormat = std::optional<MemoryFormat>;

void refuse_pinning(OptBool pin_memory) {
  if (pin_memory.value_or(false))
    fail(
        "pin_memory=True requires a CUDA or other accelerator backend; no pinned memory allocator is "
        "available "
        "on this system.");
}

DType floating_or_default(OptDType t) { return t.value_or(default_dtype); }

// What a factory is to fill: a new tensor, or `out` in the size asked for.
Tensor target(const Dims& size, const Tensor& out, DType usual, OPTIONS) {
  refuse_pinning(pin_memory);
  if (!out)
    return finish_factory(empty(dtype.value_or(usual), size, device.value_or(Device{})), requires_grad);
  if (dtype && *dtype != out->dtype)
    fail("dtype ", c_name(*dtype), " does not match dtype of out parameter (", c_name(out->dtype), ")");
  if (device && device->type != out->device.type)
    fail("device type ", to_string(*device), " does not match device type of out parameter (",
         to_string(out->device), ")");
  for (int64_t n : size)
    if (n < 0) fail("Trying to create tensor with negative dimension ", n, ": ", to_string(size));
  check_inplace(*out, requires_grad || facula::requires_grad(*out));
  if (!(out->shape() == size)) resize_tensor(*out, size, contiguous_strides(size));
  require_writable(*out);
  count_write(*out);
  return out;
}
OptDType type_of(OptDType asked, const Tensor& out) { return asked || !out ? asked : OptDType(out->dtype); }

template <int Value> Tensor constant(const Dims& size, const Tensor& out, OPTIONS) {
  if (Value == 0)
    for (int64_t n : size)
      if (n < 0) fail("zeros: Dimension size must be non-negative.");
  Tensor t = target(size, out, default_dtype, dtype, {}, device, pin_memory, requires_grad);
  fill_fresh(*t, Value);
  return t;
}

Tensor full_of(const Dims& size, Scalar value, const Tensor& out, OPTIONS) {
  // Complex halves are not inferred.
  const DType usual = value.is_complex() && is_half(default_dtype) ? DType::Complex64 : dtype_of(value);
  Tensor t = target(size, out, usual, dtype, {}, device, pin_memory, requires_grad);
  fill_fresh(*t, value);
  return t;
}

Tensor unwritten(Tensor t) {
  if (fills_new_memory) [[unlikely]]
    fill_uninitialized(*t);
  return t;
}
void set_fills_new_memory(bool enabled) { fills_new_memory = enabled; }

Tensor empty_of(const Dims& size, const Tensor& out, OPTIONS, OptFormat format) {
  if (format == MemoryFormat::Preserve) fail("unsupported memory format Preserve");
  if (out || !format)
    return unwritten(target(size, out, default_dtype, dtype, {}, device, pin_memory, requires_grad));
  return unwritten(finish_factory(empty_strided(floating_or_default(dtype), size,
                                                format_strides(size, *format), device.value_or(Device{})),
                                  requires_grad));
}

Tensor strided_of(const Dims& size, const Dims& stride, OPTIONS) {
  refuse_pinning(pin_memory);
  if (size.count != stride.count)
    fail("dimensionality of sizes (", size.count, ") must match dimensionality of strides (", stride.count,
         ")");
  return unwritten(finish_factory(
      empty_strided(floating_or_default(dtype), size, stride, device.value_or(Device{})), requires_grad));
}

Tensor empty_like(const Tensor& x, OPTIONS, OptFormat format) {
  refuse_pinning(pin_memory);
  return unwritten(
      finish_factory(empty_in(*x, dtype.value_or(x->dtype), format.value_or(MemoryFormat::Preserve),
                              device.value_or(x->device)),
                     requires_grad));
}
Tensor full_like_of(const Tensor& x, Scalar value, OPTIONS, OptFormat format) {
  Tensor out = empty_like(x, dtype, {}, device, pin_memory, requires_grad, format);
  fill_fresh(*out, value);
  return out;
}
template <int Value> Tensor constant_like(const Tensor& x, OPTIONS, OptFormat format) {
  return full_like_of(x, Value, dtype, {}, device, pin_memory, requires_grad, format);
}

Tensor new_full(const Tensor& x, const Dims& size, Scalar value, OPTIONS) {
  return full_of(size, value, nullptr, dtype.value_or(x->dtype), {}, device.value_or(x->device), pin_memory,
                 requires_grad);
}
template <int Value> Tensor new_constant(const Tensor& x, const Dims& size, OPTIONS) {
  return new_full(x, size, Value, dtype, {}, device, pin_memory, requires_grad);
}
Tensor new_empty(const Tensor& x, const Dims& size, OPTIONS) {
  return unwritten(
      target(size, nullptr, x->dtype, dtype, {}, device.value_or(x->device), pin_memory, requires_grad));
}
Tensor new_empty_strided(const Tensor& x, const Dims& size, const Dims& stride, OPTIONS) {
  return strided_of(size, stride, dtype.value_or(x->dtype), {}, device.value_or(x->device), pin_memory,
                    requires_grad);
}
Tensor scalar_tensor(Scalar s, OPTIONS) {
  return full_of({}, s, nullptr, floating_or_default(dtype), {}, device, pin_memory, requires_grad);
}

// --- ranges ---

// The type a range is computed in: int64, double for float32 as well, float for the halves.
template <class T> using Accumulated =
    std::conditional_t<std::is_integral_v<T>, int64_t, std::conditional_t<is_half_type<T>, float, double>>;

template <class T> T element_from(auto v) {
  if constexpr (is_half_type<T>) return T(float(v));
  else return T(v);
}

// Floating elements come in runs of this many bytes, each counted on from its own rounded first element: as a
// 256-bit vector holds them, so that the bits are PyTorch's.
constexpr int64_t kRunBytes = 32;

template <class T> void fill_range(T* to, int64_t n, Scalar first, Scalar step_number) {
  using A = Accumulated<T>;
  const A start = A(first), step = A(step_number);
  // In a run of bfloat16 the product is rounded; elsewhere it is not.
  const auto add_multiple = [](A a, A b, A n, bool whole) {
    return std::is_same_v<T, BFloat16> && whole ? a + b * n : std::fma(b, n, a);
  };
  if constexpr (std::is_integral_v<T>) {
    for (int64_t i = 0; i < n; ++i) to[i] = T(start + step * i);
  } else {
    constexpr int64_t run = kRunBytes / int64_t(sizeof(T));
    const int64_t vectors = n - n % (2 * run);
    for (int64_t i = 0; i < n; i += run) {
      const bool whole = i < vectors;
      const A base = whole ? A(element_from<T>(std::fma(step, A(i), start))) : start;
      for (int64_t k = 0; k < std::min(run, n - i); ++k)
        to[i + k] = element_from<T>(add_multiple(base, step, A(whole ? k : i + k), whole));
    }
  }
}

void require_finite(double start, double end) {
  if (!std::isfinite(start) || !std::isfinite(end)) fail("unsupported range: ", start, " -> ", end);
}

void require_direction(double start, double end, double step) {
  if (!((step > 0 && end >= start) || (step < 0 && end <= start)))
    fail("upper bound and lower bound inconsistent with step sign");
}

// A vector whose elements `write` makes. An `out` that has as many elements keeps its shape.
template <class Write>
Tensor generated(const Dims& size, const Tensor& out, DType t, OPTIONS, Write&& write) {
  const Dims shape = out && out->numel == size.numel() ? out->shape() : size;
  Tensor result = target(shape, out, t, dtype, {}, device, pin_memory, requires_grad);
  if (result->is_meta() || result->numel == 0) return result;
  const Tensor place = result->contiguous ? result : empty(t, shape);
  visit(t, [&](auto element) {
    using T = decltype(element);
    write(place->as<T>(), place->numel);
  });
  if (place.get() != result.get()) copy_into(*result, *place);
  return result;
}

DType range_dtype(OptDType asked, std::initializer_list<Scalar> numbers) {
  if (asked) return *asked;
  for (const Scalar& s : numbers)
    if (!s.is_integral()) return default_dtype;
  return DType::Int64;
}

Tensor arange_of(Scalar start, Scalar end, Scalar step, const Tensor& out, OPTIONS) {
  const DType t = range_dtype(type_of(dtype, out), {start, end, step});
  if (is_complex(t) || t == DType::Bool)
    fail<NotImplemented>("\"arange_cpu\" not implemented for '", c_name(t), "'");
  for (const Scalar& each : {start, end, step})
    if (each.is_complex() && each.imag != 0)
      fail("value cannot be converted to type double without overflow");
  if (double(step) == 0) fail("step must be nonzero");
  require_finite(double(start), double(end));
  require_direction(double(start), double(end), double(step));
  double size;
  if (t == DType::Int64) {
    for (const Scalar s : {start, end, step})
      if (s.is_unsigned()) require_fits(t, s);
    const int64_t s = int64_t(step), sign = (s > 0) - (s < 0);
    if (s == 0) fail<ValueError>("step must be nonzero");
    size = double((__int128(int64_t(end)) - int64_t(start) + s - sign) / s);
  } else {
    size = std::ceil((double(end) - double(start)) / double(step));
  }
  if (!(size >= 0 && size <= double(INT64_MAX))) fail("invalid size, possible overflow?");
  if (out && out->numel && out->numel != int64_t(size))
    warn(concat("The number of elements in the out tensor of shape ", to_string(out->shape()), " is ",
                out->numel, " which does not match the computed number of elements ", int64_t(size),
                ". Rounding may be the reason. The out tensor will be resized to a tensor of shape (",
                int64_t(size), ",)."));
  return generated({int64_t(size)}, out, t, dtype, {}, device, pin_memory, requires_grad,
                   [&](auto* to, int64_t n) {
                     if constexpr (!is_complex_type<std::remove_reference_t<decltype(*to)>>)
                       fill_range(to, n, start, step);
                   });
}
Tensor arange_from(Scalar start, Scalar end, const Tensor& out, OPTIONS) {
  return arange_of(start, end, 1, out, dtype, {}, device, pin_memory, requires_grad);
}
Tensor arange_to(Scalar end, const Tensor& out, OPTIONS) {
  return arange_of(0, end, 1, out, dtype, {}, device, pin_memory, requires_grad);
}

Tensor range_of(Scalar start, Scalar end, Scalar step, const Tensor& out, OPTIONS) {
  warn(
      "torch.range is deprecated and will be removed in a future release because its behavior is "
      "inconsistent with Python's range "
      "builtin. Instead, use torch.arange, which produces values in [start, end).");
  const DType t = floating_or_default(type_of(dtype, out));
  if (is_complex(t) || t == DType::Bool)
    fail<NotImplemented>("\"range_cpu\" not implemented for '", c_name(t), "'");
  if (double(step) == 0) fail("step must be nonzero");
  require_finite(double(start), double(end));
  require_direction(double(start), double(end), double(step));
  const double size = std::floor((double(end) - double(start)) / double(step)) + 1;
  if (!(size >= 0 && size <= double(INT64_MAX))) fail("invalid size, possible overflow?");
  return generated({int64_t(size)}, out, t, dtype, {}, device, pin_memory, requires_grad,
                   [&](auto* to, int64_t n) {
                     using T = std::remove_reference_t<decltype(*to)>;
                     if constexpr (!is_complex_type<T>) {
                       using A = Accumulated<T>;
                       for (int64_t i = 0; i < n; ++i) to[i] = element_from<T>(A(start) + A(step) * A(i));
                     }
                   });
}

// Counted from both ends, so that the last element is exactly `end`. The halves round at every step.
template <class T> void fill_linear(T* to, int64_t n, Scalar first, Scalar last) {
  using S = std::conditional_t<std::is_integral_v<T>, double, std::conditional_t<is_half_type<T>, float, T>>;
  auto rounded = [](S v) { return S(element_from<std::conditional_t<is_half_type<T>, T, S>>(v)); };
  const S start = std::is_integral_v<T> ? S(int64_t(first)) : rounded(S(first));
  const S end = std::is_integral_v<T> ? S(int64_t(last)) : rounded(S(last));
  if (n == 1) {
    to[0] = element_from<T>(start);
    return;
  }
  const S step = rounded(rounded(end - start) / rounded(S(n - 1)));
  for (int64_t i = 0; i < n; ++i) {
    const bool front = i < n / 2;
    const S count = rounded(S(front ? i : n - 1 - i));
    if constexpr (is_half_type<T>)
      to[i] = element_from<T>(front ? start + rounded(step * count) : end - rounded(step * count));
    else to[i] = element_from<T>(front ? std::fma(step, count, start) : std::fma(-step, count, end));
  }
}
template <class R> void fill_linear(Complex<R>* to, int64_t n, Scalar first, Scalar last) {  // part by part
  std::vector<R> part(static_cast<size_t>(n));
  const Complex<double> a(first), b(last);
  fill_linear(part.data(), n, a.re, b.re);
  for (int64_t i = 0; i < n; ++i) to[i].re = part[size_t(i)];
  fill_linear(part.data(), n, a.im, b.im);
  for (int64_t i = 0; i < n; ++i) to[i].im = part[size_t(i)];
}

int64_t require_steps(int64_t steps) {
  if (steps < 0) fail("number of steps must be non-negative");
  return steps;
}

DType linear_dtype(const char* function, OptDType asked, const Tensor& out, Scalar start, Scalar end) {
  const bool complex = start.is_complex() || end.is_complex();
  if (asked && !out && complex && !is_complex(*asked))
    fail("torch.", function, "(): inferred dtype ", type_text(to_complex(default_dtype)),
         " can't be safely cast to passed dtype ", c_name(*asked));
  const DType t = asked ? *asked : out ? out->dtype : default_dtype;
  if (t >= DType::UInt16 && t <= DType::UInt64)
    fail<NotImplemented>("\"", function, "_cpu\" not implemented for '", c_name(t), "'");
  if (out && !is_complex(t)) require_fits(t, start), require_fits(t, end);
  if (asked || out) return t;
  return start.is_complex() || end.is_complex() ? to_complex(default_dtype) : default_dtype;
}

// The ends of a range may be 0-dim tensors.
void require_numbers(const char* name, const Arg& start, const Arg& end) {
  const int a = start.tensor ? start.tensor->ndim : 0, b = end.tensor ? end.tensor->ndim : 0;
  if (!a && !b) return;
  fail(name, " only supports 0-dimensional start and end tensors, but got ",
       a ? concat("start with ", a, " dimension(s)") : "", a && b ? " and " : "",
       b ? concat("end with ", b, " dimension(s)") : "", ".");
}
Scalar number_of(const Arg& a) {
  if (!a.tensor) return a.scalar;
  if (a.tensor->is_meta()) fail("a range between meta tensors: they have no values");
  const GradMode off(false);
  const Tensor t(a.tensor);
  if (is_complex(t->dtype)) {
    const Tensor wide = to_dtype(t, DType::Complex128);
    const auto value = *wide->as<Complex<double>>();
    return Scalar::complex(value.re, value.im);
  }
  if (is_floating(t->dtype)) return Scalar(*to_dtype(t, DType::Float64)->as<double>());
  return Scalar(*to_dtype(t, DType::Int64)->as<int64_t>());
}

Tensor linspace(const Arg& first, const Arg& last, int64_t steps, const Tensor& out, OPTIONS) {
  require_numbers("linspace", first, last);
  const Scalar start = number_of(first), end = number_of(last);
  const DType t = linear_dtype("linspace", dtype, out, start, end);
  if (t == DType::Bool) fail<NotImplemented>("\"linspace_cpu\" not implemented for 'Bool'");
  return generated({require_steps(steps)}, out, t, dtype, {}, device, pin_memory, requires_grad,
                   [&](auto* to, int64_t n) { fill_linear(to, n, start, end); });
}

Tensor logspace(const Arg& first, const Arg& last, int64_t steps, double base, const Tensor& out, OPTIONS) {
  require_numbers("logspace", first, last);
  const Scalar start = number_of(first), end = number_of(last);
  const DType t = linear_dtype("logspace", dtype, out, start, end);
  if (t == DType::Bool) fail<NotImplemented>("\"logspace_cpu\" not implemented for '", c_name(t), "'");
  return generated(
      {require_steps(steps)}, out, t, dtype, {}, device, pin_memory, requires_grad, [&](auto* to, int64_t n) {
        using T = std::remove_reference_t<decltype(*to)>;
        if constexpr (is_complex_type<T>) {
          using S = std::complex<typename T::Real>;
          const Complex<double> a(start), b(end);
          const S first(a.re, a.im), last(b.re, b.im), step = n > 1 ? (last - first) / S(n - 1) : S(0);
          for (int64_t i = 0; i < n; ++i) {
            const S y =
                std::pow(S(base), i < n / 2 || n == 1 ? first + step * S(i) : last - step * S(n - i - 1));
            to[i] = T(y.real(), y.imag());
          }
        } else if constexpr (std::is_integral_v<T>) {  // the ends are whole numbers, the steps are not
          const float first = float(T(start)), last = float(T(end)),
                      step = n > 1 ? (last - first) / float(n - 1) : 0;
          for (int64_t i = 0; i < n; ++i)
            to[i] =
                element_from<T>(std::pow(base, double(i < n / 2 || n == 1 ? first + step * float(i)
                                                                          : last - step * float(n - i - 1))));
        } else {
          using S = std::conditional_t<std::is_same_v<T, double>, double, float>;
          const S first = S(start), last = S(end), step = n > 1 ? (last - first) / S(n - 1) : S(0);
          for (int64_t i = 0; i < n; ++i)
            to[i] = element_from<T>(
                std::pow(S(base), i < n / 2 || n == 1 ? first + step * S(i) : last - step * S(n - i - 1)));
        }
      });
}

static constexpr OpEntry entries[] = {
    moves<constant<0>>("zeros(int[] *size" FACTORY_OUT, kFunction),
    moves<constant<1>>("ones(int[] *size" FACTORY_OUT, kFunction),
    moves<empty_of>("empty(int[] *size, *, Tensor? out=None" FACTORY_TAIL
                    ", memory_format? memory_format=None)",
                    kFunction),
    moves<full_of>("full(int[] size, Number fill_value" FACTORY_OUT, kFunction),
    moves<strided_of>("empty_strided(int[] size, int[] stride" FACTORY, kFunction),
    moves<constant_like<0>>("zeros_like(Tensor input" FACTORY_LIKE, kFunction),
    moves<constant_like<1>>("ones_like(Tensor input" FACTORY_LIKE, kFunction),
    moves<empty_like>("empty_like(Tensor input" FACTORY_LIKE, kFunction),
    moves<full_like_of>("full_like(Tensor input, Number fill_value" FACTORY_LIKE, kFunction),
    moves<new_constant<0>>("new_zeros(Tensor input, int[] *size" FACTORY, kMethod),
    moves<new_constant<1>>("new_ones(Tensor input, int[] *size" FACTORY, kMethod),
    moves<new_empty>("new_empty(Tensor input, int[] *size" FACTORY, kMethod),
    moves<new_empty_strided>("new_empty_strided(Tensor input, int[] size, int[] stride" FACTORY, kMethod),
    moves<new_full>("new_full(Tensor input, int[] size, Number fill_value" FACTORY, kMethod),
    moves<scalar_tensor>("scalar_tensor(Number s" FACTORY, kFunction),
    fn<arange_to>("arange(Number end" FACTORY_OUT, kFunction),
    fn<arange_from>("arange(Number start, Number end" FACTORY_OUT, kFunction),
    fn<arange_of>("arange(Number start, Number end, Number step=1" FACTORY_OUT, kFunction),
    fn<set_fills_new_memory>("_set_fills_new_memory(bool enabled)", kPrivate),
    fn<range_of>("range(Number start, Number end, Number step=1" FACTORY_OUT, kFunction),
    fn<linspace>("linspace(Operand start, Operand end, int steps" FACTORY_OUT, kFunction),
    fn<logspace>("logspace(Operand start, Operand end, int steps, float base=10.0" FACTORY_OUT, kFunction),
};

#undef FACTORY_TAIL
#undef FACTORY_OUT
#undef FACTORY
#undef FACTORY_LIKE
#undef OPTIONS

}  // namespace
FACULA_ENTRIES(create)

}  // namespace facula
