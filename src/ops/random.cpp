// Random fills in place: x.uniform_(), x.normal_(), x.random_() and their kin. Distributions of whole new
// tensors are in random_create.cpp, sampling that depends on the elements of tensors in sampling.cpp.
#include "ops/random.h"
#include <cmath>
#include <cstdio>
#include <limits>
#include "cpu/random.h"

namespace facula {

std::string shown(double v) {
  char text[40];
  std::snprintf(text, sizeof text, "%g", v);
  return text;
}

void not_implemented(const char* kernel, DType t) {
  fail<NotImplemented>('"', kernel, "\" not implemented for '", c_name(t), "'");
}

bool all_between(const TensorImpl& t, double low, double high) {
  auto check = [&]<class T>(const T* x, T first, T last) {
    bool good = true;
    for (int64_t i = 0; i < t.numel; ++i) good &= x[i] >= first && x[i] <= last;
    return good;
  };
  if (t.dtype == DType::Float64) return check(t.as<double>(), low, high);
  if (t.dtype == DType::Float32) return check(t.as<float>(), float(low), float(high));
  const Tensor wide = converted(Tensor(const_cast<TensorImpl*>(&t)), DType::Float32);
  return check(wide->as<float>(), float(low), float(high));
}

void refuse_gradient(std::string_view function, const Tensor& out) {
  if (mode.grad && requires_grad(*out))
    fail("aten::", function,
         "(): functions with out=... arguments don't support automatic differentiation, but one of the "
         "arguments "
         "requires grad.");
}

namespace {

// Dimensions from the outermost to the innermost in memory. Where strides say nothing the given order stays.
Dims memory_order(const TensorImpl& t) {
  const int n = t.ndim;
  Dims order(n);
  for (int i = 0; i < n; ++i) order[i] = n - 1 - i;  // innermost first
  for (int i = 1; i < n; ++i) {
    int moving = i;
    for (int j = i - 1; j >= 0; --j) {
      const int64_t a = order[j], b = order[moving];
      if (t.strides[a] == 0 || t.strides[b] == 0) continue;
      const bool swap = t.strides[a] != t.strides[b] ? t.strides[a] > t.strides[b] : t.sizes[a] > t.sizes[b];
      if (swap) {
        std::swap(order[j], order[moving]);
        moving = j;
      } else if (t.strides[a] < t.strides[b]) {
        break;
      }
    }
  }
  for (int i = 0; i < n / 2; ++i) std::swap(order[i], order[n - 1 - i]);
  return order;
}

Tensor reordered(const TensorImpl& t, const Dims& order) {
  Dims sizes(t.ndim), strides(t.ndim);
  for (int i = 0; i < t.ndim; ++i) {
    sizes[i] = t.sizes[order[i]];
    strides[i] = t.strides[order[i]];
  }
  return alias(t, sizes, strides);
}

}  // namespace

void fill_in_order(TensorImpl& t, const std::function<void(const Drawn&)>& draw, const TensorImpl* other) {
  if (t.is_meta() || t.numel == 0) return;
  const DType real = to_real(t.dtype);
  Drawn d{real, t.data, is_complex(t.dtype) ? 2 * t.numel : t.numel, t.contiguous, nullptr};
  if (t.contiguous && (!other || other->contiguous)) {
    d.other = other ? other->data : nullptr;
    return draw(d);
  }
  const Dims order = memory_order(t);
  const Tensor target = reordered(t, order);
  Tensor buffer = target, parameters;
  if (!target->contiguous) buffer = empty(t.dtype, target->shape());
  if (other) {
    parameters = empty(other->dtype, target->shape());
    copy_into(*parameters, *reordered(*other, order));
    d.other = parameters->data;
  }
  d.data = buffer->data;
  draw(d);
  if (buffer.get() != target.get()) copy_into(*target, *buffer);
}

namespace {

struct Limits {
  double lowest, highest;
  const char* name;
};
Limits limits_of(DType t) {
  switch (t) {
    case DType::Bool: return {0, 1, "bool"};
    case DType::UInt8: return {0, 255, "unsigned char"};
    case DType::Int8: return {-128, 127, "signed char"};
    case DType::Int16: return {-32768, 32767, "short int"};
    case DType::Int32: return {-0x1p31, 0x1p31 - 1, "int"};
    case DType::Int64: return {-0x1p63, 0x1p63, "long int"};
    case DType::UInt16: return {0, 65535, "short unsigned int"};
    case DType::UInt32: return {0, 0x1p32 - 1, "unsigned int"};
    case DType::UInt64: return {0, 0x1p64, "long unsigned int"};
    case DType::Float16: return {-65504, 65504, "c10::Half"};
    case DType::BFloat16: return {-0x1.fep127, 0x1.fep127, "c10::BFloat16"};
    case DType::Float32:
      return {-std::numeric_limits<float>::max(), std::numeric_limits<float>::max(), "float"};
    case DType::Complex64: return {0, 0, "c10::complex<float>"};
    case DType::Complex128: return {0, 0, "c10::complex<double>"};
    default: return {-std::numeric_limits<double>::max(), std::numeric_limits<double>::max(), "double"};
  }
}
int mantissa_bits(DType t) {
  return t == DType::Float16 ? 11 : t == DType::BFloat16 ? 8 : t == DType::Float32 ? 24 : 53;
}

void require_in(DType t, double v, const char* name) {
  const Limits l = limits_of(t);
  if (!(v >= l.lowest && v <= l.highest)) fail(name, " is out of bounds for ", l.name);
}

// --- uniform_, normal_ and other continuous distributions ---

void require_continuous(const char* distribution, const char* shown_type, DType t) {
  if (!is_real_floating(t))
    fail(distribution,
         " distribution is a continuous probability distribution. dtype must be a floating point but you "
         "specified ",
         shown_type);
}

}  // namespace

void uniform_into(TensorImpl& t, double from, double to, Generator* generator) {
  if (t.is_meta()) return;
  const DType real = to_real(t.dtype);
  if (!is_real_floating(real) || is_float8(real)) not_implemented("check_uniform_bounds", t.dtype);
  require_in(real, from, "from");
  require_in(real, to, "to");
  if (from > to)
    fail("uniform_ expects to return a [from, to) range, but found from=", shown(from), " > to=", shown(to));
  if (to - from > limits_of(real).highest)
    fail("uniform_ expects to-from <= std::numeric_limits<", c_name(real),
         ">::max(), but found to=", shown(to), " and from=", shown(from),
         " which result in to-from to exceed the limit");
  fill_in_order(t, [&](const Drawn& d) { fill_uniform(chosen(generator), d.dtype, d.data, d.n, from, to); });
}

void normal_into(TensorImpl& t, double mean, double std, Generator* generator) {
  if (!(std >= 0)) fail("normal expects std >= 0.0, but found std ", shown(std));
  if (t.is_meta() || t.numel == 0) return;
  const DType real = to_real(t.dtype);
  if (!is_real_floating(real) || is_float8(real)) not_implemented("normal_kernel_cpu", t.dtype);
  if (is_complex(t.dtype)) std /= std::sqrt(2.0);  // the two parts share the variance
  fill_in_order(t, [&](const Drawn& d) {
    if (d.contiguous) fill_normal(chosen(generator), d.dtype, d.data, d.n, mean, std);
    else fill_normal_serial(chosen(generator), d.dtype, d.data, d.n, mean, std);
  });
}

void exponential_into(TensorImpl& t, double rate, Generator* generator) {
  if (!(rate > 0)) fail("exponential_ expects lambda > 0.0, but found lambda=", shown(rate));
  require_continuous("Exponential", c_name(t.dtype), t.dtype);
  fill_in_order(t, [&](const Drawn& d) { fill_exponential(chosen(generator), d.dtype, d.data, d.n, rate); });
}

void bernoulli_into(TensorImpl& t, double p, Generator* generator) {
  if (!(p >= 0 && p <= 1)) fail("bernoulli_ expects p to be in [0, 1], but got p=", shown(p));
  if (t.is_meta() || t.numel == 0) return;
  if (t.dtype > DType::Int64 && !is_real_floating(t.dtype)) not_implemented("bernoulli_scalar_cpu_", t.dtype);
  fill_in_order(t, [&](const Drawn& d) { fill_bernoulli(chosen(generator), d.dtype, d.data, d.n, p); });
}

void bernoulli_into(TensorImpl& t, const Tensor& p, Generator* generator) {
  if (p->ndim > t.ndim)
    fail("expand(torch.FloatTensor{", to_string(p->shape()), "}, size=", to_string(t.shape()),
         "): the number of sizes provided (", int(t.ndim),
         ") must be greater or equal to the number of dimensions in the tensor (", int(p->ndim), ")");
  GradMode off(false);
  const Tensor expanded = expand(p, t.shape());
  if (t.is_meta() || t.numel == 0) return;
  if (t.dtype > DType::Int64 && !is_real_floating(t.dtype))
    not_implemented("bernoulli_tensor_cpu_self_", t.dtype);
  if (!is_real_floating(p->dtype)) not_implemented("bernoulli_tensor_cpu_p_", p->dtype);
  if (!all_between(*dense(p), 0, 1))  // checked before anything is written
    fail(
        "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message be improved?  "
        "If so, "
        "please report an enhancement request to PyTorch.)");
  fill_in_order(
      t, [&](const Drawn& d) { fill_bernoulli(chosen(generator), d.dtype, d.data, p->dtype, d.other, d.n); },
      expanded.get());
}

namespace {

Tensor uniform_(const Tensor& x, double from, double to, Generator* generator) {
  return overwrite<"UniformBackward0">(x, [&] { uniform_into(*x, from, to, generator); });
}

Tensor normal_(const Tensor& x, double mean, double std, Generator* generator) {
  return overwrite<"NormalBackward0">(x, [&] { normal_into(*x, mean, std, generator); });
}

Tensor exponential_(const Tensor& x, double rate, Generator* generator) {
  return overwrite<"ExponentialBackward0">(x, [&] { exponential_into(*x, rate, generator); });
}

Tensor cauchy_(const Tensor& x, double median, double sigma, Generator* generator) {
  return overwrite<"CauchyBackward0">(x, [&] {
    if (!(sigma > 0)) fail("cauchy_ expects sigma > 0.0, but found sigma=", shown(sigma));
    require_continuous("Cauchy", limits_of(x->dtype).name, x->dtype);
    fill_in_order(
        *x, [&](const Drawn& d) { fill_cauchy(chosen(generator), d.dtype, d.data, d.n, median, sigma); });
  });
}

Tensor log_normal_(const Tensor& x, double mean, double std, Generator* generator) {
  return overwrite<"LogNormalBackward0">(x, [&] {
    if (!(std > 0)) fail("log_normal_ expects std > 0.0, but found std=", shown(std));
    if (x->is_meta() || x->numel == 0) return;
    if (!is_real_floating(x->dtype)) not_implemented("log_normal_cpu", x->dtype);
    fill_in_order(
        *x, [&](const Drawn& d) { fill_log_normal(chosen(generator), d.dtype, d.data, d.n, mean, std); });
  });
}

Tensor geometric_(const Tensor& x, double p, Generator* generator) {
  return overwrite<"GeometricBackward0">(x, [&] {
    if (!(p > 0 && p < 1)) fail("geometric_ expects p to be in (0, 1), but got p=", shown(p));
    if (x->is_meta() || x->numel == 0) return;
    if (x->dtype == DType::Bool || (x->dtype > DType::Int64 && !is_real_floating(x->dtype)))
      not_implemented("geometric_cpu", x->dtype);
    fill_in_order(*x, [&](const Drawn& d) { fill_geometric(chosen(generator), d.dtype, d.data, d.n, p); });
  });
}

Tensor bernoulli_tensor_(const Tensor& x, const Tensor& p, Generator* generator) {
  return overwrite<"BernoulliBackward1">(
      x, [&] { bernoulli_into(*x, p, generator); }, p);
}

Tensor bernoulli_(const Tensor& x, double p, Generator* generator) {
  return overwrite<"BernoulliBackward2">(x, [&] { bernoulli_into(*x, p, generator); });
}

// --- random_ ---

// As a conversion to a floating type and back does it on x86: what does not fit becomes the smallest integer.
int64_t through_float(DType t, int64_t v) {
  double d = double(v);
  if (t == DType::Float16) d = double(float(Float16(float(v))));
  else if (t == DType::BFloat16) d = double(float(BFloat16(float(v))));
  else if (t == DType::Float32) d = double(float(v));
  return d >= -0x1p63 && d < 0x1p63 ? int64_t(d) : std::numeric_limits<int64_t>::min();
}
int exponent_of(uint64_t v) {
  int n = 0;
  while (v >>= 1) ++n;
  return n;
}
// Floating types do not hold every integer: the bounds move inwards to those they do hold.
int64_t first_exact(DType t, int64_t from) {
  const int64_t next = through_float(t, from + 1);
  if (next >= from) return from;
  return next + (int64_t(1) << (exponent_of(uint64_t(std::llabs(from + 1))) - mantissa_bits(t) + 1));
}
int64_t end_of_exact(DType t, int64_t to) {
  const int64_t last = through_float(t, to - 1);
  if (last < to) return to;
  return last - (int64_t(1) << (exponent_of(uint64_t(to - 1)) - mantissa_bits(t) + 1));
}

void check_random_bounds(DType t, int64_t from, int64_t last) {
  if (is_complex(t)) fail("check_random_bounds handles only integral, floating-point and boolean types");
  if (t == DType::Int64) return;
  require_in(t, double(from), "from");
  require_in(t, double(last), "to - 1");
  if (!is_real_floating(t)) return;
  const int bits = mantissa_bits(t);
  auto remark = [&](int64_t v, const char* name) {
    if (v >= -(int64_t(1) << bits) && v <= int64_t(1) << bits) return;
    warn(concat(name, " is out of bounds [-(2^", bits, "), 2^", bits, "]. Due to precision limitations ",
                limits_of(t).name,
                " can support discrete uniform distribution only within this range. This warning will become "
                "an error in "
                "version 1.7 release, please fix the code in advance"));
  };
  remark(from, "from");
  remark(last, "to - 1");
}

void random_full(TensorImpl& t, Generator* generator) {
  if (t.is_meta() || t.numel == 0) return;
  if (t.dtype > DType::Int64 && !is_real_floating(t.dtype)) not_implemented("random_kernel_cpu", t.dtype);
  fill_in_order(t, [&](const Drawn& d) { fill_integers(chosen(generator), d.dtype, d.data, d.n); });
}

}  // namespace

void random_into(TensorImpl& t, int64_t from, std::optional<int64_t> to, Generator* generator) {
  if (t.is_meta()) return;
  constexpr int64_t smallest = std::numeric_limits<int64_t>::min();
  uint64_t range = 0;
  if (to) {
    if (from >= *to) fail("random_ expects 'from' to be less than 'to', but got from=", from, " >= to=", *to);
    if (is_real_floating(t.dtype)) {
      from = first_exact(t.dtype, from);
      to = end_of_exact(t.dtype, *to);
      if (from >= *to)
        fail("random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got from=",
             from, " >= to=", *to);
    }
    check_random_bounds(t.dtype, from, *to - 1);
    range = uint64_t(*to) - uint64_t(from);
  } else if (from != smallest) {
    int64_t last = std::numeric_limits<int64_t>::max();
    if (is_real_floating(t.dtype)) {
      last = int64_t(1) << mantissa_bits(t.dtype);
      from = first_exact(t.dtype, from);
      if (from >= last)
        fail(
            "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to dtype, "
            "but got from=",
            from, " > to_inc=", last);
    } else if (limits_of(t.dtype).highest < 0x1p63 && !is_complex(t.dtype)) {
      last = int64_t(limits_of(t.dtype).highest);
    }
    check_random_bounds(t.dtype, from, last);
    range = uint64_t(last) - uint64_t(from) + 1;
  } else if (t.dtype != DType::Int64 && t.dtype != DType::BFloat16 && t.dtype != DType::Float32 &&
             t.dtype != DType::Float64) {
    fail("random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16");
  } else {
    from = 0;  // all 64 bits, taken as a signed number
  }
  fill_in_order(t,
                [&](const Drawn& d) { fill_integers(chosen(generator), d.dtype, d.data, d.n, range, from); });
}

namespace {

Tensor random_from_(const Tensor& x, int64_t from, std::optional<int64_t> to, Generator* generator) {
  return overwrite<"RandomBackward0">(x, [&] { random_into(*x, from, to, generator); });
}
Tensor random_to_(const Tensor& x, int64_t to, Generator* generator) {
  return overwrite<"RandomBackward1">(x, [&] { random_into(*x, 0, to, generator); });
}
Tensor random_(const Tensor& x, Generator* generator) {
  return overwrite<"RandomBackward2">(x, [&] { random_full(*x, generator); });
}

constexpr OpEntry entries[] = {
    moves<uniform_>("uniform_(Tensor input, float from=0, float to=1, *, Generator? generator=None)",
                    kMethod),
    moves<normal_>("normal_(Tensor input, float mean=0, float std=1, *, Generator? generator=None)", kMethod),
    fn<exponential_>("exponential_(Tensor input, float lambd=1, *, Generator? generator=None)", kMethod),
    fn<cauchy_>("cauchy_(Tensor input, float median=0, float sigma=1, *, Generator? generator=None)",
                kMethod),
    fn<log_normal_>("log_normal_(Tensor input, float mean=1, float std=2, *, Generator? generator=None)",
                    kMethod),
    fn<geometric_>("geometric_(Tensor input, float p, *, Generator? generator=None)", kMethod),
    fn<bernoulli_tensor_>("bernoulli_(Tensor input, Tensor p, *, Generator? generator=None)", kMethod),
    fn<bernoulli_>("bernoulli_(Tensor input, float p=0.5, *, Generator? generator=None)", kMethod),
    fn<random_>("random_(Tensor input, *, Generator? generator=None)", kMethod),
    fn<random_to_>("random_(Tensor input, int to, *, Generator? generator=None)", kMethod),
    fn<random_from_>("random_(Tensor input, int from, int? to=None, *, Generator? generator=None)", kMethod),
};

}  // namespace

FACULA_ENTRIES(random)

}  // namespace facula
