// New tensors of random numbers: rand, randn, randint, randperm, normal with a size, and the forms that
// imitate a tensor.
#include <limits>
#include "autograd/places.h"
#include "cpu/random.h"
#include "ops/random.h"

namespace facula {
namespace {

using OptBool = std::optional<bool>;
using OptDevice = std::optional<Device>;
using OptFormat = std::optional<MemoryFormat>;

void refuse_pinning(OptBool pin_memory) {
  if (pin_memory.value_or(false))
    fail(
        "pin_memory=True requires a CUDA or other accelerator backend; no pinned memory allocator is "
        "available on this system.");
}

// The tensor a factory fills: a new one, or `out` in the size asked for.
Tensor target(std::string_view function, const Dims& size, const Tensor& out, OptDType dtype,
              OptDevice device, OptBool pin_memory, DType usual) {
  refuse_pinning(pin_memory);
  if (!out) return empty(dtype.value_or(usual), size, device.value_or(Device{}));
  if (dtype && *dtype != out->dtype)
    fail("dtype ", c_name(*dtype), " does not match dtype of out parameter (", c_name(out->dtype), ")");
  if (device && device->type != out->device.type)
    fail("device ", to_string(*device), " does not match device of out parameter (", to_string(out->device),
         ")");
  refuse_gradient(function, out);
  for (int64_t n : size)
    if (n < 0) fail("Trying to create tensor with negative dimension ", n, ": ", to_string(size));
  resize_out(out, size);
  return out;
}

Tensor like(const Tensor& x, OptDType dtype, OptDevice device, OptBool pin_memory, OptFormat format) {
  refuse_pinning(pin_memory);
  return empty_in(*x, dtype.value_or(x->dtype), format.value_or(MemoryFormat::Preserve),
                  device.value_or(x->device));
}

// Fills `t` and makes it what the caller asked for.
template <class Fill> Tensor filled(const Tensor& t, bool requires_grad, Fill fill) {
  require_writable(*t);
  fill(*t);
  if (t->refcount > 1) count_write(*t);  // out=
  return finish_factory(t, requires_grad);
}

Tensor rand(const Dims& size, Generator* generator, const Tensor& out, OptDType dtype, LayoutArg,
            OptDevice device, OptBool pin, bool requires_grad) {
  return filled(target("rand", size, out, dtype, device, pin, default_dtype), requires_grad,
                [&](TensorImpl& t) { uniform_into(t, 0, 1, generator); });
}

Tensor randn(const Dims& size, Generator* generator, const Tensor& out, OptDType dtype, LayoutArg,
             OptDevice device, OptBool pin, bool requires_grad) {
  return filled(target("randn", size, out, dtype, device, pin, default_dtype), requires_grad,
                [&](TensorImpl& t) { normal_into(t, 0, 1, generator); });
}

Tensor normal(double mean, double std, const Dims& size, Generator* generator, const Tensor& out,
              OptDType dtype, LayoutArg, OptDevice device, OptBool pin, bool requires_grad) {
  return filled(target("normal", size, out, dtype, device, pin, default_dtype), requires_grad,
                [&](TensorImpl& t) { normal_into(t, mean, std, generator); });
}

Tensor randint_from(int64_t low, int64_t high, const Dims& size, Generator* generator, const Tensor& out,
                    OptDType dtype, LayoutArg, OptDevice device, OptBool pin, bool requires_grad) {
  return filled(target("randint", size, out, dtype, device, pin, DType::Int64), requires_grad,
                [&](TensorImpl& t) { random_into(t, low, high, generator); });
}
Tensor randint(int64_t high, const Dims& size, Generator* generator, const Tensor& out, OptDType dtype,
               LayoutArg layout, OptDevice device, OptBool pin, bool requires_grad) {
  return randint_from(0, high, size, generator, out, dtype, layout, device, pin, requires_grad);
}

void check_permutation(int64_t n, DType t) {
  auto at_most = [&](int64_t largest, const char* text) {
    if (n > largest) fail("n cannot be greater than ", text, " for ", c_name(t), " type.");
  };
  auto last_at_most = [&](int64_t largest, const char* type) {
    if (n - 1 > largest) fail("value cannot be converted to type ", type, " without overflow");
  };
  switch (t) {
    case DType::UInt8: return last_at_most(255, "uint8_t");
    case DType::Int8: return last_at_most(127, "int8_t");
    case DType::Int16: return last_at_most(32767, "int16_t");
    case DType::Int32: return last_at_most(std::numeric_limits<int32_t>::max(), "int");
    case DType::Float16: return at_most((1 << 11) + 1, "2049");
    case DType::Float32: return at_most((1 << 24) + 1, "2^24+1");
    case DType::Float64: return at_most((int64_t(1) << 53) + 1, "2^53+1");
    case DType::Int64:
    case DType::BFloat16: return;
    default: not_implemented("randperm", t);
  }
}

Tensor randperm(int64_t n, Generator* generator, const Tensor& out, OptDType dtype, LayoutArg,
                OptDevice device, OptBool pin, bool requires_grad) {
  const DType type = out ? out->dtype : dtype.value_or(DType::Int64);
  if (n >= 0) check_permutation(n, type);
  return filled(target("randperm", Dims{n}, out, dtype, device, pin, DType::Int64), requires_grad,
                [&](TensorImpl& t) {
                  if (t.is_meta()) return;
                  const Tensor dense = t.contiguous ? Tensor(&t) : empty(type, t.shape());
                  fill_permutation(chosen(generator), type, dense->data, n);
                  if (!t.contiguous) copy_into(t, *dense);
                });
}

Tensor rand_like(const Tensor& x, Generator* generator, OptDType dtype, LayoutArg, OptDevice device,
                 OptBool pin, bool requires_grad, OptFormat format) {
  return filled(like(x, dtype, device, pin, format), requires_grad,
                [&](TensorImpl& t) { uniform_into(t, 0, 1, generator); });
}
Tensor randn_like(const Tensor& x, Generator* generator, OptDType dtype, LayoutArg, OptDevice device,
                  OptBool pin, bool requires_grad, OptFormat format) {
  return filled(like(x, dtype, device, pin, format), requires_grad,
                [&](TensorImpl& t) { normal_into(t, 0, 1, generator); });
}
Tensor randint_like_from(const Tensor& x, int64_t low, int64_t high, Generator* generator, OptDType dtype,
                         LayoutArg, OptDevice device, OptBool pin, bool requires_grad, OptFormat format) {
  return filled(like(x, dtype, device, pin, format), requires_grad,
                [&](TensorImpl& t) { random_into(t, low, high, generator); });
}
Tensor randint_like(const Tensor& x, int64_t high, Generator* generator, OptDType dtype, LayoutArg layout,
                    OptDevice device, OptBool pin, bool requires_grad, OptFormat format) {
  return randint_like_from(x, 0, high, generator, dtype, layout, device, pin, requires_grad, format);
}

#define FACTORY                                                                                      \
  "*, Generator? generator=None, Tensor? out=None, dtype? dtype=None, layout? layout=None, device? " \
  "device=None, "                                                                                    \
  "bool? pin_memory=None, bool requires_grad=False)"
#define LIKE                                                                                    \
  "*, Generator? generator=None, dtype? dtype=None, layout? layout=None, device? device=None, " \
  "bool? pin_memory=None, bool requires_grad=False, memory_format? memory_format=None)"

constexpr OpEntry entries[] = {
    moves<rand>("rand(int[] *size, " FACTORY, kFunction),
    moves<randn>("randn(int[] *size, " FACTORY, kFunction),
    fn<randint>("randint(int high, int[] size, " FACTORY, kFunction),
    fn<randint_from>("randint(int low, int high, int[] size, " FACTORY, kFunction),
    fn<randperm>("randperm(int n, " FACTORY, kFunction),
    fn<normal>("normal(float mean, float std, int[] size, " FACTORY, kFunction),
    moves<rand_like>("rand_like(Tensor input, " LIKE, kFunction),
    moves<randn_like>("randn_like(Tensor input, " LIKE, kFunction),
    fn<randint_like>("randint_like(Tensor input, int high, " LIKE, kFunction),
    fn<randint_like_from>("randint_like(Tensor input, int low, int high, " LIKE, kFunction),
};
#undef FACTORY
#undef LIKE

}  // namespace

FACULA_ENTRIES(random_create)

}  // namespace facula
