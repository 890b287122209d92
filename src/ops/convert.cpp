// Copies and conversions: clone, contiguous, detach, to and its short forms, copy_, fill_, zero_, and what
// asks about types. Views of complex numbers as real ones stand in shape.cpp.
#include "autograd/forward.h"
#include "autograd/watch.h"
#include "ops/functions.h"
#include "ops/index.h"
#include "op/inplace.h"
#include "ops/product.h"
#include "ops/uninitialized.h"
#include "op/structural.h"

namespace facula {

// Channels innermost; a 2-D format fits 4 dimensions, a 3-D one fits 5.
Dims format_strides(const Dims& sizes, MemoryFormat format) {
  const bool three = format == MemoryFormat::ChannelsLast3d;
  if (!three && format != MemoryFormat::ChannelsLast) return contiguous_strides(sizes);
  const int n = three ? 5 : 4;
  if (sizes.count != n)
    fail("required rank ", n, " tensor to use channels_last", three ? "_3d" : "", " format");
  Dims strides(n);
  int64_t step = 1;
  auto take = [&](int d) {
    strides[d] = step;
    step *= std::max<int64_t>(sizes[d], 1);
  };
  take(1);
  for (int d = n - 1; d >= 2; --d) take(d);
  take(0);
  return strides;
}

Tensor empty_in(const TensorImpl& like, DType dtype, MemoryFormat format, Device device) {
  if (format != MemoryFormat::Preserve)
    return empty_strided(dtype, like.shape(), format_strides(like.shape(), format), device);
  if (device == like.device && like.contiguous) {  // as it is even in dimensions of size 1
    bool canonical = true;
    int64_t step = 1;
    for (int d = like.ndim - 1; d >= 0; step *= like.sizes[d--]) canonical &= like.strides[d] == step;
    if (!canonical || !like.numel) return empty_strided(dtype, like.shape(), like.stride(), device);
  }
  if (device == like.device) return empty_as(like, dtype);
  const Tensor shaped = empty_as(like, dtype);  // only its strides are wanted
  return empty_strided(dtype, like.shape(), shaped->stride(), device);
}

int own_dim(int64_t dim, const Tensor& x) {
  const int d = wrap_dim(dim, x->ndim);
  if (x->ndim == 0) fail<IndexError>("Dimension specified as ", dim, " but tensor has no dimensions");
  return d;
}

// Dimensions of size 1 say little; where they leave it open the tensor counts as contiguous.
bool looks_channels_last(const TensorImpl& t) {
  const int n = t.ndim;
  if ((n != 4 && n != 5) || t.strides[1] == 0) return false;
  int64_t least = 0;
  for (int i = 0; i < n; ++i) {
    const int d = i == 0 ? 1 : i == n - 1 ? 0 : n - i;
    if (t.sizes[d] == 0 || t.strides[d] < least || (d == 0 && least == t.strides[1])) return false;
    least = t.strides[d] * t.sizes[d];
  }
  return true;
}
MemoryFormat suggested_format(const TensorImpl& t) {
  if (!looks_channels_last(t)) return MemoryFormat::Contiguous;
  return t.ndim == 4 ? MemoryFormat::ChannelsLast : MemoryFormat::ChannelsLast3d;
}

namespace {

using OptFormat = std::optional<MemoryFormat>;

bool has_format(const TensorImpl& t, MemoryFormat format) {
  if (format == MemoryFormat::Contiguous || format == MemoryFormat::Preserve) return t.contiguous;
  if (t.ndim != (format == MemoryFormat::ChannelsLast ? 4 : 5)) return false;
  const Dims wanted = format_strides(t.shape(), format);
  for (int d = 0; d < t.ndim; ++d)
    if (t.sizes[d] != 1 && t.strides[d] != wanted[d]) return false;
  return true;
}

void copy_data(TensorImpl& to, const TensorImpl& from) {
  if (from.is_meta() && !to.is_meta()) fail<NotImplemented>("Cannot copy out of meta tensor; no data!");
  if (is_complex(from.dtype) && !is_complex(to.dtype) && to.dtype != DType::Bool) {
    static bool warned = false;
    if (!std::exchange(warned, true)) warn("Casting complex values to real discards the imaginary part");
  }
  copy_into(to, from);
}

// Outside of inference mode the copy of an inference tensor counts as written to.
void note_copy(TensorImpl& out, const TensorImpl& x) {
  if (x.inference && !out.inference) out.bump_version();
}

struct Clone {
  static constexpr const char* node = "CloneBackward0";
  static constexpr uint32_t saves = kNothing;
  MemoryFormat format = MemoryFormat::Preserve;
  Tensor forward(const Tensor& x) const {
    Tensor out = empty_in(*x, x->dtype, format, x->device);
    copy_into(*out, *x);
    note_copy(*out, *x);
    return out;
  }
  void vjp(const Back& b, Tensor* d) const { d[0] = b.g[0]; }
  std::optional<Clone> batched(const Back&, int64_t) const { return *this; }
};

struct ToCopy {
  static constexpr const char* node = "ToCopyBackward0";
  static constexpr uint32_t saves = kNothing;
  DType dtype;
  Device device{};
  MemoryFormat format = MemoryFormat::Preserve;
  DType from{};
  Device from_device{};
  Tensor forward(const Tensor& x) {
    from = x->dtype;
    from_device = x->device;
    Tensor out = empty_in(*x, dtype, format, device);
    copy_data(*out, *x);
    note_copy(*out, *x);
    return out;
  }
  void vjp(const Back& b, Tensor* d) const { d[0] = call_structural(ToCopy{from, from_device}, b.g[0]); }
  std::optional<ToCopy> batched(const Back&, int64_t) const { return *this; }
};

struct Copy {  // in place: recorded by copy_
  static constexpr const char* node = "CopyBackwards";
  static constexpr uint32_t saves = kNothing;
  Dims shape;
  DType dtype;
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0)) d[0] = zeros_like(b.g[0]);
    if (!b.needs(1)) return;
    d[1] = sum_to(b.g[0], shape);
    if (is_complex(d[1]->dtype) && !is_complex(dtype)) d[1] = real_part(d[1]);
    if (d[1]->dtype != dtype) d[1] = to_dtype(d[1], dtype);
  }
};

template <bool InPlace> struct FillNumber {
  static constexpr const char* node = InPlace ? "FillBackward2" : "FillBackward0";
  static constexpr uint32_t saves = kNothing;
  Scalar value;  // for explain
  void vjp(const Back& b, Tensor* d) const { d[0] = zeros_like(b.g[0]); }
};
template <bool InPlace> struct FillTensor {
  static constexpr const char* node = InPlace ? "FillBackward3" : "FillBackward1";
  static constexpr uint32_t saves = kNothing;
  DType dtype;
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0)) d[0] = zeros_like(b.g[0]);
    if (!b.needs(1)) return;
    d[1] = sum_to(b.g[0], {});
    if (d[1]->dtype != dtype) d[1] = to_dtype(d[1], dtype);
  }
};
struct Zero {
  static constexpr const char* node = "ZeroBackward0";
  static constexpr uint32_t saves = kNothing;
  void vjp(const Back& b, Tensor* d) const { d[0] = zeros_like(b.g[0]); }
};

// What was overwritten, for explain.
std::vector<Tensor> replay_op(const Copy&, const Tensor* in, int) {
  if (!in[0] || !in[1]) return {};
  const Tensor source = in[1]->dtype == in[0]->dtype ? in[1] : to_dtype(in[1], in[0]->dtype);
  return {clone(expand(source, in[0]->shape()))};
}
std::vector<Tensor> replay_op(const Zero&, const Tensor* in, int) { return {zeros_like(in[0])}; }
template <bool InPlace> std::vector<Tensor> replay_op(const FillNumber<InPlace>& op, const Tensor* in, int) {
  return {full_like(in[0], op.value)};
}
template <bool InPlace> std::vector<Tensor> replay_op(const FillTensor<InPlace>&, const Tensor* in, int) {
  return {clone(expand(to_dtype(in[1], in[0]->dtype), in[0]->shape()))};
}

bool wants_grad(const Tensor& t) { return is_floating(t->dtype) && requires_grad(*t); }

// A recorded write: `write` runs between the checks and the new history.
template <class Op, class Write, class... T>
void inplace(Op op, Write&& write, const Tensor& self, const T&... others) {
  const bool any = (requires_grad(*self) || ... || wants_grad(others));
  check_inplace(*self, any);
  Ref<Node> node;
  if (any && mode.grad && is_floating(self->dtype)) {
    const Tensor in[] = {self, others...};
    node = detail::StructuralNode<Op>::create(op, in, int(1 + sizeof...(T)), 1);
  }
  write();
  finish_inplace(*self, std::move(node));
  if (mode.forward) [[unlikely]] {
    const Tensor in[] = {self, others...};
    detail::push_inplace(op, in, int(1 + sizeof...(T)));
  }
}

const Tensor& require_scalar(const Tensor& value) {
  if (value->ndim)
    fail("fill_ only supports 0-dimension value tensor but got tensor with ", int(value->ndim),
         " dimensions.");
  return value;
}

}  // namespace

Tensor clone(const Tensor& x) { return call_structural(Clone{}, x); }
Tensor dense_clone(const Tensor& x) { return call_structural(Clone{MemoryFormat::Contiguous}, x); }

Tensor contiguous(const Tensor& x, MemoryFormat format) {
  if (has_format(*x, format)) return x;
  return call_structural(Clone{format}, x);
}

Tensor detach(const Tensor& x) {
  if (x->inference) return detached_data(*x);  // may be written to outside inference mode
  Tensor out = alias(*x);  // shares memory and version, and is no view in the eyes of autograd
  out->kept = x->kept || (x->base && x->base->kept);
  return out;
}

// A kernel asks for the elements of its operands here, once it knows that its result is no meta tensor: then
// no operand may be one, for it has no memory to read.
static void require_memory(const Tensor& x) {
  if (x->is_meta())
    fail("Expected all tensors to be on the same device, but found at least two devices, cpu and meta!");
}

Tensor dense(const Tensor& x) {
  require_memory(x);
  if (x->contiguous) return x;
  Tensor out = empty(x->dtype, x->shape(), x->device);
  copy_into(*out, *x);
  return out;
}

Tensor dense(const Tensor& x, DType dtype) {
  if (x->dtype == dtype) return dense(x);
  require_memory(x);
  Tensor out = empty(dtype, x->shape(), x->device);
  copy_into(*out, *x);
  return out;
}

Tensor to_dtype(const Tensor& x, DType dtype) {
  if (x->dtype == dtype) return x;
  return call_structural(ToCopy{dtype, x->device}, x);
}

Tensor copy_(const Tensor& self, const Tensor& source) {
  inplace(
      Copy{source->shape(), source->dtype},
      [&] {
        if (self.get() == source.get()) return;  // a write nonetheless
        if (!self->same_shape(*source)) {
          const Dims shape = broadcast(self->shape(), source->shape());
          if (!(shape == self->shape()))
            fail("output with shape ", to_string(self->shape()), " doesn't match the broadcast shape ",
                 to_string(shape));
        }
        if (self->storage == source->storage && self->data == source->data && self->dtype == source->dtype &&
            self->same_shape(*source) && self->stride() == source->stride())
          return;  // the same elements
        require_writable(*self);
        require_no_partial_overlap(*self, *source);
        copy_data(*self, *source);
      },
      self, source);
  return self;
}

Tensor fill_with(const Tensor& self, const Tensor& value) {
  require_writable(*self);
  inplace(
      FillTensor<true>{require_scalar(value)->dtype}, [&] { copy_data(*self, *value); }, self, value);
  return self;
}

Tensor fill_(const Tensor& self, Scalar value) {
  inplace(
      FillNumber<true>{value}, [&] { fill(*self, value); }, self);
  return self;
}

namespace {

Tensor zero_(const Tensor& self) {
  inplace(
      Zero{}, [&] { fill(*self, 0); }, self);
  return self;
}

struct FillCopy : FillNumber<false> {
  Scalar value;
  Tensor forward(const Tensor& x) const {
    Tensor out = empty_in(*x, x->dtype, MemoryFormat::Preserve, x->device);
    facula::fill(*out, value);
    return out;
  }
};
struct FillCopyTensor : FillTensor<false> {
  Tensor forward(const Tensor& x, const Tensor& value) const {
    Tensor out = empty_in(*x, x->dtype, MemoryFormat::Preserve, x->device);
    copy_data(*out, *value);
    return out;
  }
};
Tensor filled(const Tensor& x, Scalar value) { return call_structural(FillCopy{{}, value}, x); }
Tensor filled_with(const Tensor& x, const Tensor& value) {
  return call_structural(FillCopyTensor{{require_scalar(value)->dtype}}, x, value);
}

Tensor clone_as(const Tensor& x, OptFormat format) {
  return call_structural(Clone{format.value_or(MemoryFormat::Preserve)}, x);
}
Tensor contiguous_as(const Tensor& x, OptFormat format) {
  if (format == MemoryFormat::Preserve && !x->contiguous)
    fail("preserve memory format is unsupported by the contiguous operator");
  return contiguous(x, format.value_or(MemoryFormat::Contiguous));
}

Tensor detach_(const Tensor& self) {
  if (mode.inference) return self;  // autograd has no part in what is done there
  if (self->view != ViewKind::None && self->base)
    fail(
        "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) "
        "for "
        "training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence "
        "detach_() cannot be called on these gradients. To fix this error, please refer to the "
        "Optimizer.zero_grad() function in torch/optim/optimizer.py as the solution.\n"
        "The view has shape ",
        to_string(self->shape()), "; its base has shape ", to_string(self->base->shape()),
        ".\nSuggestion: x = x.detach(), or detach_() the base before the view is taken.");
  if (capturing) [[unlikely]]
    refuse_captured(*self);
  set_grad_fn(*self, nullptr);
  if (mode.forward && self->extras) [[unlikely]] {
    forget_tangent(self.get());
    std::exchange(self->extras->tangents, {});
  }
  return self;
}

Tensor to(const Tensor& x, DType dtype, Device device, bool copy, OptFormat wanted) {
  const MemoryFormat format = wanted.value_or(MemoryFormat::Preserve);
  if (device.type == Device::CPU) device = {};
  require_available(device);
  const bool same = x->dtype == dtype && x->device.type == device.type &&
                    (format == MemoryFormat::Preserve || suggested_format(*x) == format);
  if (same && !copy) return x;
  return call_structural(ToCopy{dtype, device, format}, x);
}
Tensor to_type(const Tensor& x, DType dtype, bool, bool copy, OptFormat format) {
  return to(x, dtype, x->device, copy, format);
}
Tensor to_device(const Tensor& x, std::optional<Device> device, OptDType dtype, bool, bool copy,
                 OptFormat format) {
  return to(x, dtype.value_or(x->dtype), device.value_or(x->device), copy, format);
}
Tensor to_other(const Tensor& x, const Tensor& other, bool, bool copy, OptFormat format) {
  return to(x, other->dtype, other->device, copy, format);
}
Tensor type_as(const Tensor& x, const Tensor& other) { return to(x, other->dtype, other->device, false, {}); }
Tensor cpu(const Tensor& x, OptFormat format) { return to(x, x->dtype, {}, false, format); }

// The short forms x.float(), x.long(), ...: named after the dtype's name in C.
template <DType D> Tensor short_form(const Tensor& x, OptFormat format) {
  return to(x, D, x->device, false, format);
}
template <DType D> inline constexpr auto short_signature = [] {
  struct {
    char text[64]{};
  } s;
  int n = 0;
  std::string_view c = c_name(D);
  if (is_complex(D)) {
    s.text[n++] = 'c';
    c.remove_prefix(std::string_view("Complex").size());
  }
  for (char letter : c) s.text[n++] = letter >= 'A' && letter <= 'Z' ? char(letter + 32) : letter;
  for (char letter : std::string_view("(Tensor input, *, memory_format? memory_format=None)"))
    s.text[n++] = letter;
  return s;
}();
constexpr uint32_t short_scope(DType t) {
  return t >= DType::UInt16 && t <= DType::UInt64 ? 0 : kMethod | kAnyDType;
}

Tensor copy_from(const Tensor& self, const Arg& source, bool) {
  if (source.tensor) return copy_(self, Tensor(source.tensor));
  return copy_(self, full(Dims(), source.scalar, dtype_of(source.scalar), self->device));
}
Tensor itself(const Tensor& x) { return x; }

bool is_contiguous_as(const Tensor& x, OptFormat format) {
  return has_format(*x, format.value_or(MemoryFormat::Contiguous));
}
bool is_floating_point(const Tensor& x) { return is_real_floating(x->dtype); }
bool is_complex_tensor(const Tensor& x) { return is_complex(x->dtype); }
bool is_signed(const Tensor& x) {
  return x->dtype != DType::Bool && x->dtype != DType::UInt8 && x->dtype != DType::Float8E8M0FNU &&
         !(x->dtype >= DType::UInt16 && x->dtype <= DType::UInt64);
}
bool is_same_size(const Tensor& x, const Tensor& other) { return x->same_shape(*other); }
int64_t numel(const Tensor& x) { return x->numel; }

void add_operand(Promotion& p, const Arg& a) {
  if (a.tensor) p.add(a.tensor->ndim ? 0 : 1, a.tensor->dtype);
  else p.add(2, dtype_of(a.scalar));
}
DType result_type(const Arg& a, const Arg& b) {
  Promotion p;
  add_operand(p, a);
  add_operand(p, b);
  return p.result();
}
bool can_cast_types(DType from, DType to) { return can_cast(from, to); }
DType promote_types(DType a, DType b) { return promote(a, b); }

void require_resizable(const Tensor& self) {
  if (requires_grad(*self) && !mode.inference) fail("cannot resize variables that require grad");
}

// Grows the memory when it must; elements keep their places in it.
Tensor resize_(const Tensor& self, const Dims& sizes, OptFormat format) {
  if (capturing) [[unlikely]]
    refuse_captured(*self);
  require_resizable(self);
  for (int64_t n : sizes)
    if (n < 0) fail("numel: integer multiplication overflow\nThe size ", n, " is negative.");
  if (format == MemoryFormat::Preserve) fail("Unsupported memory formatPreserve");
  const Dims strides = format_strides(sizes, format.value_or(MemoryFormat::Contiguous));
  if (self->shape() == sizes && !format) return self;
  check_inplace(*self, false);
  const size_t before = self->storage->bytes;
  resize_tensor(*self, sizes, strides);
  if (fills_new_memory) [[unlikely]]
    fill_uninitialized(*self, before);
  count_write(*self);
  return self;
}
Tensor resize_as_(const Tensor& self, const Tensor& other, OptFormat format) {
  if (format == MemoryFormat::Preserve) {
    format.reset();
    for (const MemoryFormat f : {MemoryFormat::ChannelsLast, MemoryFormat::ChannelsLast3d})
      if (!other->contiguous && other->ndim == (f == MemoryFormat::ChannelsLast ? 4 : 5) &&
          other->stride() == format_strides(other->shape(), f))
        format = f;
  }
  return resize_(self, other->shape(), format);
}

// Other memory under the same tensor: what was computed before has no derivative through it.
struct Set {
  static constexpr const char* node = "NotImplemented";
  static constexpr uint32_t saves = kNothing;
  void vjp(const Back&, Tensor*) const { fail("derivative for set_ is not implemented"); }
};
static Tensor set_memory(const Tensor& self, const Tensor& source, bool recorded) {
  check_inplace(*self, recorded);
  Ref<Node> node;
  if (recorded && mode.grad) {
    const Tensor in[] = {self, source};
    node = detail::StructuralNode<Set>::create(Set{}, in, 2, 1);
  }
  take_storage(*self, *source);
  finish_inplace(*self, node);
  return self;
}
Tensor set_empty(const Tensor& self) {
  return set_memory(self, empty(self->dtype, {0}, self->device), requires_grad(*self));
}
Tensor set_to(const Tensor& self, const Tensor& source) {
  if (self->dtype != source->dtype)
    fail("Could not set tensor of type ", type_text(source->dtype), " to a tensor of type ",
         type_text(self->dtype));
  return set_memory(self, source, requires_grad(*self) || requires_grad(*source));
}
Tensor set_geometry(const Tensor& self, const Tensor& source, int64_t offset, const Dims& sizes,
                    const Dims& strides) {
  const Dims steps = strides.count || !sizes.count ? strides : contiguous_strides(sizes);
  for (int64_t n : sizes)
    if (n < 0) fail("numel: integer multiplication overflow\nThe size ", n, " is negative.");
  if (!source->contiguous) fail("passed in tensor to be used as storage must be contiguous");
  const Tensor whole = detach(source);
  offset += source->offset();
  int64_t end = offset + 1;
  bool fits = offset >= 0 && sizes.count == steps.count && sizes.numel() > 0;
  for (int d = 0; fits && d < sizes.count; ++d) {
    int64_t reach;
    fits = steps[d] >= 0 && !__builtin_mul_overflow(sizes[d] - 1, steps[d], &reach) &&
           !__builtin_add_overflow(end, reach, &end) && end < int64_t(1) << 46;
  }
  if (fits && size_t(end * item_size(whole->dtype)) > whole->storage->bytes)
    resize_storage(*whole->storage, size_t(end * item_size(whole->dtype)));
  return set_to(self, as_strided(whole, sizes, steps, offset));
}

static constexpr OpEntry entries[] = {
    moves<clone_as>("clone(Tensor input, *, memory_format? memory_format=None)",
                    kFunction | kMethod | kLeading),
    moves<contiguous_as>("contiguous(Tensor input, *, memory_format? memory_format=None)",
                         kMethod | kLeading),
    moves<detach>("detach(Tensor input)", kFunction | kMethod | kLeading),
    moves<detach_>("detach_(Tensor input)"),
    moves<to_type>(
        "to(Tensor input, dtype dtype, bool non_blocking=False, bool copy=False, *, memory_format? "
        "memory_format=None)",
        kMethod | kLeading),
    moves<to_other>(
        "to(Tensor input, Tensor tensor, bool non_blocking=False, bool copy=False, *, memory_format? "
        "memory_format=None)",
        kMethod | kLeading),
    moves<to_device>("to(Tensor input, device? device=None, dtype? dtype=None, bool non_blocking=False, bool "
                     "copy=False, *, "
                     "memory_format? memory_format=None)",
                     kMethod | kLeading),
    moves<type_as>("type_as(Tensor input, Tensor other)", kMethod | kLeading),
    moves<cpu>("cpu(Tensor input, memory_format? memory_format=None)", kMethod | kLeading),
#define X(enumerator, ...) \
  fn<&short_form<DType::enumerator>>(short_signature<DType::enumerator>.text, short_scope(DType::enumerator)),
    FACULA_DTYPES(X) X(Complex32)
#undef X
        moves<copy_from>("copy_(Tensor input, Operand other, bool non_blocking=False)", kMethod | kLeading),
    moves<fill_with>("fill_(Tensor input, Tensor value)", kFunction | kMethod | kLeading),
    moves<fill_>("fill_(Tensor input, Number value)", kFunction | kMethod | kLeading),
    moves<filled_with>("fill(Tensor input, Tensor value)", kFunction | kLeading),
    moves<filled>("fill(Tensor input, Number value)", kFunction | kLeading),
    moves<zero_>("zero_(Tensor input)", kFunction | kMethod | kLeading),
    moves<itself>("resolve_conj(Tensor input)", kFunction | kMethod | kLeading),
    moves<itself>("resolve_neg(Tensor input)", kFunction | kMethod | kLeading),
    moves<is_contiguous_as>("is_contiguous(Tensor input, memory_format? memory_format=None)", kMethod),
    moves<is_floating_point>("is_floating_point(Tensor input)"),
    moves<is_complex_tensor>("is_complex(Tensor input)"),
    moves<is_signed>("is_signed(Tensor input)"),
    moves<is_same_size>("is_same_size(Tensor input, Tensor other)"),
    moves<numel>("numel(Tensor input)", kFunction | kMethod),
    moves<numel>("nelement(Tensor input)", kMethod),
    moves<result_type>("result_type(Operand tensor, Operand other)", kFunction),
    moves<can_cast_types>("can_cast(dtype from_, dtype to)", kFunction),
    moves<promote_types>("promote_types(dtype type1, dtype type2)", kFunction),
    moves<resize_>("resize_(Tensor input, int[] *size, memory_format? memory_format=None)", kMethod),
    moves<resize_as_>("resize_as_(Tensor input, Tensor the_template, *, memory_format? memory_format=None)"),
    moves<set_empty>("set_(Tensor input)", kMethod),
    moves<set_to>("set_(Tensor input, Tensor source)", kMethod),
    moves<set_geometry>("set_(Tensor input, Tensor source, int storage_offset, int[] size, int[] stride=[])",
                        kMethod),
};

}  // namespace
FACULA_ENTRIES(convert)

}  // namespace facula
