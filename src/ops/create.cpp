// Tensors made from sizes and numbers: zeros, full, empty, their _like and new_ forms, arange and its kin.
// What is made from triangles and grids stands in grid.cpp.
#include <cmath>
#include "op/execute.h"
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {

Tensor full(const Dims& sizes, Scalar value, DType dtype, Device device) {
  Tensor out = empty(dtype, sizes, device);
  if (!value.is_complex() && double(value) == 0 && !out->is_meta()) std::memset(out->data, 0, out->storage->bytes);
  else fill(*out, value);
  return out;
}

Tensor full_like(const Tensor& x, Scalar value) {
  Tensor out = empty_as(*x);
  fill(*out, value);
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
#define FACTORY ", *, dtype? dtype=None, layout? layout=None, device? device=None, bool? pin_memory=False, bool requires_grad=False)"
#define FACTORY_LIKE \
  ", *, dtype? dtype=None, layout? layout=None, device? device=None, bool? pin_memory=False, bool requires_grad=False, " \
  "memory_format? memory_format=None)"
#define OPTIONS OptDType dtype, LayoutArg, std::optional<Device> device, std::optional<bool>, bool requires_grad
using OptFormat = std::optional<MemoryFormat>;

DType floating_or_default(OptDType t) { return t.value_or(default_dtype); }

template <int Value> Tensor constant(const Dims& size, OPTIONS) {
  return finish_factory(full(size, Value, floating_or_default(dtype), device.value_or(Device{})), requires_grad);
}

Tensor empty_of(const Dims& size, OPTIONS, OptFormat format) {
  return finish_factory(empty_strided(floating_or_default(dtype), size, format_strides(size, format.value_or(MemoryFormat::Contiguous)),
                                      device.value_or(Device{})),
                        requires_grad);
}

Tensor full_of(const Dims& size, Scalar value, OPTIONS) {
  return finish_factory(full(size, value, dtype.value_or(dtype_of(value)), device.value_or(Device{})), requires_grad);
}

Tensor strided_of(const Dims& size, const Dims& stride, OPTIONS) {
  if (size.count != stride.count)
    fail("dimensionality of sizes (", size.count, ") must match dimensionality of strides (", stride.count, ")");
  return finish_factory(empty_strided(floating_or_default(dtype), size, stride, device.value_or(Device{})), requires_grad);
}

Tensor empty_like(const Tensor& x, OPTIONS, OptFormat format) {
  return finish_factory(empty_in(*x, dtype.value_or(x->dtype), format.value_or(MemoryFormat::Preserve), device.value_or(x->device)),
                        requires_grad);
}
Tensor full_like_of(const Tensor& x, Scalar value, OPTIONS, OptFormat format) {
  Tensor out = empty_like(x, dtype, {}, device, {}, false, format);
  fill(*out, value);
  return finish_factory(std::move(out), requires_grad);
}
template <int Value> Tensor constant_like(const Tensor& x, OPTIONS, OptFormat format) {
  return full_like_of(x, Value, dtype, {}, device, {}, requires_grad, format);
}

template <int Value> Tensor new_constant(const Tensor& x, const Dims& size, OPTIONS) {
  return finish_factory(full(size, Value, dtype.value_or(x->dtype), device.value_or(x->device)), requires_grad);
}
Tensor new_empty(const Tensor& x, const Dims& size, OPTIONS) {
  return finish_factory(empty(dtype.value_or(x->dtype), size, device.value_or(x->device)), requires_grad);
}
Tensor new_empty_strided(const Tensor& x, const Dims& size, const Dims& stride, OPTIONS) {
  return strided_of(size, stride, dtype.value_or(x->dtype), {}, device.value_or(x->device), {}, requires_grad);
}
Tensor new_full(const Tensor& x, const Dims& size, Scalar value, OPTIONS) {
  return finish_factory(full(size, value, dtype.value_or(x->dtype), device.value_or(x->device)), requires_grad);
}
Tensor scalar_tensor(Scalar s, OPTIONS) {
  return full_of({}, s, floating_or_default(dtype), {}, device, {}, requires_grad);
}

// --- ranges ---

// The type a range is computed in: int64, double for float32 as well, float for the halves.
template <class T> using Accumulated =
    std::conditional_t<std::is_integral_v<T>, int64_t, std::conditional_t<is_half_type<T>, float, double>>;

template <class T> T element_from(auto v) {
  if constexpr (is_half_type<T>) return T(float(v));
  else return T(v);
}

// Elements are filled in runs of this many bytes, each counted on from its own first element as PyTorch's vectors do.
constexpr int64_t kRunBytes = 64;

template <class T> void fill_range(T* to, int64_t n, Scalar first, Scalar step_number) {
  using A = Accumulated<T>;
  const A start = A(first), step = A(step_number);
  constexpr int64_t run = std::is_floating_point_v<T> ? kRunBytes / int64_t(sizeof(T)) : 1;
  const int64_t vectors = n - n % (2 * run);
  for (int64_t i = 0; i < n; ++i) {
    if (std::is_floating_point_v<T> && i < vectors) {
      const T base = element_from<T>(start + step * A(i / run * run));
      to[i] = element_from<T>(A(base) + step * A(i % run));
    } else {
      to[i] = element_from<T>(start + step * A(i));
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

DType range_dtype(OptDType asked, std::initializer_list<Scalar> numbers) {
  if (asked) return *asked;
  for (const Scalar& s : numbers)
    if (!s.is_integral()) return default_dtype;
  return DType::Int64;
}

Tensor arange_of(Scalar start, Scalar end, Scalar step, OPTIONS) {
  const DType t = range_dtype(dtype, {start, end, step});
  if (is_complex(t) || t == DType::Bool) fail<NotImplemented>("\"arange_cpu\" not implemented for '", c_name(t), "'");
  if (double(step) == 0) fail("step must be nonzero");
  require_finite(double(start), double(end));
  require_direction(double(start), double(end), double(step));
  double size;
  if (t == DType::Int64) {
    const int64_t s = int64_t(step), sign = (s > 0) - (s < 0);
    if (s == 0) fail("step must be nonzero");
    size = double((__int128(int64_t(end)) - int64_t(start) + s - sign) / s);
  } else {
    size = std::ceil((double(end) - double(start)) / double(step));
  }
  if (!(size >= 0 && size <= double(INT64_MAX))) fail("invalid size, possible overflow?");
  Tensor out = empty(t, {int64_t(size)}, device.value_or(Device{}));
  if (!out->is_meta())
    visit(t, [&](auto element) {
      using T = decltype(element);
      if constexpr (!is_complex_type<T>) fill_range(out->as<T>(), out->numel, start, step);
    });
  return finish_factory(std::move(out), requires_grad);
}
Tensor arange_from(Scalar start, Scalar end, OPTIONS) { return arange_of(start, end, 1, dtype, {}, device, {}, requires_grad); }
Tensor arange_to(Scalar end, OPTIONS) { return arange_of(0, end, 1, dtype, {}, device, {}, requires_grad); }

Tensor range_of(Scalar start, Scalar end, Scalar step, OPTIONS) {
  warn("torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with Python's range "
       "builtin. Instead, use torch.arange, which produces values in [start, end).");
  const DType t = floating_or_default(dtype);
  if (double(step) == 0) fail("step must be nonzero");
  require_finite(double(start), double(end));
  require_direction(double(start), double(end), double(step));
  const double size = std::floor((double(end) - double(start)) / double(step)) + 1;
  if (!(size >= 0 && size <= double(INT64_MAX))) fail("invalid size, possible overflow?");
  Tensor out = empty(t, {int64_t(size)}, device.value_or(Device{}));
  if (!out->is_meta())
    visit(t, [&](auto element) {
      using T = decltype(element);
      if constexpr (!is_complex_type<T>) {
        using A = Accumulated<T>;
        for (int64_t i = 0; i < out->numel; ++i) out->as<T>()[i] = element_from<T>(A(start) + A(step) * A(i));
      }
    });
  return finish_factory(std::move(out), requires_grad);
}

template <class T> using StepOf = std::conditional_t<std::is_integral_v<T>, double, std::conditional_t<is_half_type<T>, float, T>>;

template <class T> Complex<T> plus(Complex<T> a, Complex<T> b, T scale) { return {a.re + scale * b.re, a.im + scale * b.im}; }
template <class T> T plus(T a, T b, T scale) { return a + scale * b; }

// From both ends, so that the last element is exactly `end`; a run of elements follows the end its first one follows.
template <class T> void fill_linear(T* to, int64_t n, Scalar first, Scalar last) {
  using S = StepOf<T>;
  if (n == 1) {
    to[0] = element_from<T>(S(first));
    return;
  }
  const S start = std::is_integral_v<T> ? S(int64_t(first)) : S(first), end = std::is_integral_v<T> ? S(int64_t(last)) : S(last);
  S step;
  if constexpr (is_complex_type<S>) step = {(end.re - start.re) / (n - 1), (end.im - start.im) / (n - 1)};
  else step = (end - start) / S(n - 1);
  constexpr int64_t run = std::is_integral_v<T> ? 1 : kRunBytes / int64_t(sizeof(T));
  const int64_t half = n / 2, vectors = n - n % (2 * run);
  using R = decltype([] { if constexpr (is_complex_type<S>) return typename S::Real{}; else return S{}; }());
  for (int64_t i = 0; i < n; ++i) {
    const int64_t base = i < vectors ? i / run * run : i;
    const S at = base < half ? plus(start, step, R(base)) : plus(end, step, -R(n - base - 1));
    to[i] = element_from<T>(plus(S(element_from<T>(at)), step, R(i - base)));
  }
}

int64_t require_steps(int64_t steps) {
  if (steps < 0) fail("number of steps must be non-negative");
  return steps;
}

DType linear_dtype(OptDType asked, Scalar start, Scalar end) {
  if (asked) return *asked;
  return start.is_complex() || end.is_complex() ? to_complex(default_dtype) : default_dtype;
}

Tensor linspace(Scalar start, Scalar end, int64_t steps, OPTIONS) {
  Tensor out = empty(linear_dtype(dtype, start, end), {require_steps(steps)}, device.value_or(Device{}));
  if (steps && !out->is_meta()) visit(out->dtype, [&](auto element) { fill_linear(out->as<decltype(element)>(), steps, start, end); });
  return finish_factory(std::move(out), requires_grad);
}

Tensor logspace(Scalar start, Scalar end, int64_t steps, double base, OPTIONS) {
  const DType t = linear_dtype(dtype, start, end);
  if (is_complex(t)) fail<NotImplemented>("\"logspace_cpu\" not implemented for '", c_name(t), "'");
  Tensor out = empty(t, {require_steps(steps)}, device.value_or(Device{}));
  if (!out->is_meta() && steps)
    visit(t, [&](auto element) {
      using T = decltype(element);
      if constexpr (!is_complex_type<T>) {
        using S = StepOf<T>;
        T* to = out->as<T>();
        const S first = S(start), last = S(end), b = S(base);
        const S step = steps > 1 ? (last - first) / S(steps - 1) : S(0);
        for (int64_t i = 0; i < steps; ++i)
          to[i] = element_from<T>(std::pow(b, i < steps / 2 || steps == 1 ? first + step * S(i) : last - step * S(steps - i - 1)));
      }
    });
  return finish_factory(std::move(out), requires_grad);
}

static constexpr OpEntry entries[] = {
    fn<constant<0>>("zeros(int[] *size" FACTORY, kFunction | kOut),
    fn<constant<1>>("ones(int[] *size" FACTORY, kFunction | kOut),
    fn<empty_of>("empty(int[] *size" FACTORY_LIKE, kFunction | kOut),
    fn<full_of>("full(int[] size, Number fill_value" FACTORY, kFunction | kOut),
    fn<strided_of>("empty_strided(int[] size, int[] stride" FACTORY, kFunction),
    fn<constant_like<0>>("zeros_like(Tensor input" FACTORY_LIKE, kFunction),
    fn<constant_like<1>>("ones_like(Tensor input" FACTORY_LIKE, kFunction),
    fn<empty_like>("empty_like(Tensor input" FACTORY_LIKE, kFunction),
    fn<full_like_of>("full_like(Tensor input, Number fill_value" FACTORY_LIKE, kFunction),
    fn<new_constant<0>>("new_zeros(Tensor input, int[] *size" FACTORY, kMethod),
    fn<new_constant<1>>("new_ones(Tensor input, int[] *size" FACTORY, kMethod),
    fn<new_empty>("new_empty(Tensor input, int[] *size" FACTORY, kMethod),
    fn<new_empty_strided>("new_empty_strided(Tensor input, int[] size, int[] stride" FACTORY, kMethod),
    fn<new_full>("new_full(Tensor input, int[] size, Number fill_value" FACTORY, kMethod),
    fn<scalar_tensor>("scalar_tensor(Number s" FACTORY, kFunction),
    fn<arange_to>("arange(Number end" FACTORY, kFunction | kOut),
    fn<arange_from>("arange(Number start, Number end" FACTORY, kFunction | kOut),
    fn<arange_of>("arange(Number start, Number end, Number step=1" FACTORY, kFunction | kOut),
    fn<range_of>("range(Number start, Number end, Number step=1" FACTORY, kFunction | kOut),
    fn<linspace>("linspace(Number start, Number end, int steps" FACTORY, kFunction | kOut),
    fn<logspace>("logspace(Number start, Number end, int steps, float base=10.0" FACTORY, kFunction | kOut),
};

#undef FACTORY
#undef FACTORY_LIKE
#undef OPTIONS

}  // namespace
FACULA_ENTRIES(create)

}  // namespace facula
