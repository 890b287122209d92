// Tensors put together (cat, stack and their kin), repeated and turned round.
#include <algorithm>
#include "op/inplace.h"
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {
namespace {

// Puts every input behind the previous one, row by row, where a row is all that lies from `dim` on. `out` is
// contiguous; for stack it has one dimension more than its inputs.
void join_into(TensorImpl& out, const Tensors& in, int dim) {
  const int64_t item = item_size(out.dtype);
  int64_t outer = 1;
  for (int d = 0; d < dim; ++d) outer *= out.sizes[d];
  if (out.numel == 0 || out.is_meta()) return;
  bool simple = out.numel * item <= 65536;
  for (const Tensor& t : in) simple &= t->contiguous & (t->dtype == out.dtype);
  char* row = out.data;
  const int64_t row_bytes = out.numel / outer * item;
  for (const Tensor& t : in) {
    if (t->numel == 0) continue;
    const int64_t inner = t->numel / outer, bytes = inner * item;
    if (simple) {
      const char* from = t->data;
      char* to = row;
      for (int64_t i = 0; i < outer; ++i, from += bytes, to += row_bytes)
        std::memcpy(to, from, size_t(bytes));
    } else {
      Dims strides = out.stride();
      if (strides.count > t->ndim) strides.erase(dim);
      copy_into(*alias(out, t->shape(), strides, (row - out.data) / item), *t);
    }
    row += bytes;
  }
}

DType promoted(const Tensors& in) {
  const DType first = in[0]->dtype;
  bool same = true;
  for (const Tensor& t : in) same &= t->dtype == first;
  if (same) return first;
  Promotion p;
  for (const Tensor& t : in) p.add(t->ndim ? 0 : 1, t->dtype);
  return p.result();
}

Device common_device(const Tensors& in) {
  for (const Tensor& t : in)
    if (!(t->device == in[0]->device))
      fail("Expected all tensors to be on the same device, but found at least two devices, ",
           to_string(in[0]->device), " and ", to_string(t->device), "!");
  return in[0]->device;
}

std::vector<DType> types_unless_equal(const Tensors& in, DType t) {
  std::vector<DType> types;
  for (const Tensor& x : in)
    if (x->dtype != t) {
      for (const Tensor& y : in) types.push_back(y->dtype);
      break;
    }
  return types;
}

struct Cat {
  static constexpr const char* node = "CatBackward0";
  static constexpr uint32_t saves = kNothing;
  void show(Parameters& p) const { p("dim", dim); }
  int64_t dim;
  Dims lengths = {};
  std::vector<DType> types = {};  // of the inputs, where they differ from the result
  static constexpr int64_t kSkipped = -1;
  static bool skipped(const Tensor& t) {
    return t->ndim == 1 && t->numel == 0;
  }  // of any shape, for old programs

  Tensor forward(const Tensors& in) {
    const Tensor* like = nullptr;
    bool alike = true;  // one type, on the cpu, dense
    for (size_t i = 0; i < in.size(); ++i) {
      const TensorImpl& t = *in[i];
      if (t.ndim == 0) fail("zero-dimensional tensor (at position ", i, ") cannot be concatenated");
      if (!like && !skipped(in[i])) like = &in[i];
      alike &= t.dtype == in[0]->dtype && t.device.type == Device::CPU && t.contiguous;
    }
    const Tensor& first = like ? *like : in[0];
    const Device device = alike ? Device{} : common_device(in);
    const DType dtype = alike ? first->dtype : promoted(in);
    const int n = first->ndim, d = like ? wrap_dim(dim, n) : 0;
    dim = d;
    Dims shape = first->shape();
    shape[d] = 0;
    lengths.resize(int(in.size()));
    for (size_t i = 0; i < in.size(); ++i) {
      const TensorImpl& t = *in[i];
      lengths[int(i)] = kSkipped;
      if (like && skipped(in[i])) continue;
      if (t.ndim != n) fail("Tensors must have same number of dimensions: got ", n, " and ", int(t.ndim));
      for (int k = 0; k < n; ++k)
        if (k != d && t.sizes[k] != shape[k])
          fail("Sizes of tensors must match except in dimension ", d, ". Expected size ", shape[k],
               " but got size ", t.sizes[k], " for tensor number ", i, " in the list.");
      lengths[int(i)] = t.sizes[d];
      if (__builtin_add_overflow(shape[d], t.sizes[d], &shape[d]))
        fail("cat(): the result would have more than 2**63 elements");
    }
    if (!alike) types = types_unless_equal(in, dtype);
    if (all_channels_last(in)) {
      Tensor out = empty_strided(
          dtype, shape,
          format_strides(shape, n == 4 ? MemoryFormat::ChannelsLast : MemoryFormat::ChannelsLast3d), device);
      for (int64_t i = 0, at = 0; i < int64_t(in.size()); at += std::max<int64_t>(lengths[int(i++)], 0))
        copy_into(*alias(*out, in[size_t(i)]->shape(), out->stride(), at * out->strides[d]), *in[size_t(i)]);
      return out;
    }
    Tensor out = empty(dtype, shape, device);
    join_into(*out, in, d);
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    int64_t at = 0;
    for (int i = 0; i < b.inputs; ++i) {
      const int64_t length = std::max<int64_t>(lengths[i], 0);
      if (b.needs(i)) {
        d[i] = lengths[i] == kSkipped ? zeros({0}, b.g[0]->dtype, b.g[0]->device)
                                      : narrow(b.g[0], dim, at, length);
        if (!types.empty() && types[size_t(i)] != d[i]->dtype) d[i] = to_dtype(d[i], types[size_t(i)]);
      }
      at += length;
    }
  }
  std::optional<Cat> batched(const Back&, int64_t) const {
    for (int64_t length : lengths)
      if (length == kSkipped) return std::nullopt;
    return Cat{dim + 1, lengths, types};
  }
  static bool all_channels_last(const Tensors& in) {
    for (const Tensor& t : in)
      if (t->ndim != 4 && t->ndim != 5) return false;
    for (const Tensor& t : in)
      if (!looks_channels_last(*t)) return false;
    return true;
  }
};

struct Stack {
  static constexpr const char* node = "StackBackward0";
  static constexpr uint32_t saves = kNothing;
  void show(Parameters& p) const { p("dim", dim); }
  int64_t dim;
  std::vector<DType> types = {};
  Tensor forward(const Tensors& in) {
    Dims shape = in[0]->shape();
    dim = wrap_dim(dim, shape.count + 1);
    for (size_t i = 1; i < in.size(); ++i)
      if (!in[i]->same_shape(*in[0]))
        fail("stack expects each tensor to be equal size, but got ", to_string(shape), " at entry 0 and ",
             to_string(in[i]->shape()), " at entry ", i);
    shape.insert(int(dim), int64_t(in.size()));
    const DType dtype = promoted(in);
    types = types_unless_equal(in, dtype);
    if (!in[0]->contiguous && dim < in[0]->ndim && Cat::all_channels_last(in)) {  // cat, and a split of dim
      const Tensor joined = Cat{dim}.forward(in);
      Dims strides = joined->stride();
      strides.insert(int(dim), strides[int(dim)] * in[0]->sizes[dim]);
      return alias(*joined, shape, strides);
    }
    Tensor out = empty(dtype, shape, common_device(in));
    join_into(*out, in, int(dim));
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    for (int i = 0; i < b.inputs; ++i) {
      if (!b.needs(i)) continue;
      d[i] = select(b.g[0], dim, i);
      if (!types.empty() && types[size_t(i)] != d[i]->dtype) d[i] = to_dtype(d[i], types[size_t(i)]);
    }
  }
  std::optional<Stack> batched(const Back&, int64_t) const { return Stack{dim + 1, types}; }
};

// --- turned round ---

// x read backwards along `dims`: strides may be negative inside a copy.
Tensor reversed(const Tensor& x, uint64_t dims) {
  Dims strides = x->stride();
  int64_t start = 0;
  for (int d = 0; d < x->ndim; ++d)
    if (dims >> d & 1) {
      start += (x->sizes[d] - 1) * strides[d];
      strides[d] = -strides[d];
    }
  Tensor out = empty_in(*x, x->dtype, MemoryFormat::Preserve, x->device);
  if (x->numel && !x->is_meta()) copy_into(*out, *alias(*x, x->shape(), strides, start));
  return out;
}

struct Flip {
  static constexpr const char* node = "FlipBackward0";
  static constexpr uint32_t saves = kNothing;
  uint64_t dims;  // bits
  Tensor forward(const Tensor& x) const { return reversed(x, dims); }
  std::optional<Flip> batched(const Back&, int64_t) const { return Flip{dims << 1}; }
  void vjp(const Back& b, Tensor* d) const { d[0] = call_structural(*this, b.g[0]); }
};

// Elements move by `shift` along dim, those that leave enter again.
Tensor rolled(const Tensor& x, int dim, int64_t shift) {
  Tensor out = empty(x->dtype, x->shape(), x->device);
  if (x->numel == 0) return out;
  const int64_t size = x->sizes[dim];
  shift = ((shift % size) + size) % size;
  Dims sizes = x->shape();
  for (int part = 0; part < 2; ++part) {  // [0, size - shift) goes to shift, the rest to 0
    const int64_t from = part ? size - shift : 0, to = part ? 0 : shift;
    sizes[dim] = part ? shift : size - shift;
    copy_into(*alias(*out, sizes, out->stride(), to * out->strides[dim]),
              *alias(*x, sizes, x->stride(), from * x->strides[dim]));
  }
  return out;
}

struct Roll {
  static constexpr const char* node = "RollBackward0";
  static constexpr uint32_t saves = kNothing;
  void show(Parameters& p) const { p("shifts", shifts), p("dims", dims); }
  Dims shifts, dims;
  Tensor forward(const Tensor& x) const {
    if (dims.count == 0) {  // as one long row
      const Tensor flat = x->is_meta() ? x : dense(x);
      const Tensor out = rolled(alias(*flat, {flat->numel}, {1}), 0, shifts[0]);
      return alias(*out, x->shape(), contiguous_strides(x->shape()));
    }
    Tensor out = x;
    for (int i = 0; i < dims.count; ++i) out = rolled(out, wrap_dim(dims[i], x->ndim), shifts[i]);
    if (!looks_channels_last(*x)) return out;
    Tensor laid = empty_in(*out, x->dtype, suggested_format(*x), x->device);
    copy_into(*laid, *out);
    return laid;
  }
  std::optional<Roll> batched(const Back& b, int64_t) const {
    if (dims.count == 0 || b.g[0]->ndim == 1) return {};
    Roll op = *this;
    for (int i = 0; i < op.dims.count; ++i) op.dims[i] = wrap_dim(op.dims[i], b.g[0]->ndim - 1) + 1;
    return op;
  }
  void vjp(const Back& b, Tensor* d) const {
    Dims back = shifts;
    for (int i = 0; i < back.count; ++i) back[i] = -back[i];
    d[0] = call_structural(Roll{back, dims}, b.g[0]);
  }
};

struct Rot90 {
  static constexpr const char* node = "Rot90Backward0";
  static constexpr uint32_t saves = kNothing;
  void show(Parameters& p) const { p("k", k), p("dims", (Dims{dim0, dim1})); }
  int64_t k;
  int dim0, dim1;
  Tensor forward(const Tensor& x) const {
    const int64_t turns = ((k % 4) + 4) % 4;
    const uint64_t first = uint64_t(1) << dim0, second = uint64_t(1) << dim1;
    if (turns == 0) return contiguous_copy(x);
    Tensor out = reversed(x, turns == 1 ? second : turns == 2 ? first | second : first);
    if (turns == 2) return out;
    Dims sizes = out->shape(), strides = out->stride();
    std::swap(sizes[dim0], sizes[dim1]);
    std::swap(strides[dim0], strides[dim1]);
    return alias(*out, sizes, strides);
  }
  std::optional<Rot90> batched(const Back&, int64_t) const { return Rot90{k, dim0 + 1, dim1 + 1}; }
  void vjp(const Back& b, Tensor* d) const { d[0] = call_structural(Rot90{-k, dim0, dim1}, b.g[0]); }
  static Tensor contiguous_copy(const Tensor& x) {
    Tensor out = empty(x->dtype, x->shape(), x->device);
    copy_into(*out, *x);
    return out;
  }
};

// --- repeated ---

struct Repeat {
  static constexpr const char* node = "RepeatBackward0";
  static constexpr uint32_t saves = kNothing;
  void show(Parameters& p) const { p("repeats", repeats), p("self_sym_sizes", from); }
  Dims repeats, from = {};
  Tensor forward(const Tensor& x) {
    from = x->shape();
    const int n = repeats.count, extra = n - x->ndim;
    Dims shape(n);
    Dims sizes, out_strides, in_strides;  // repeated dimensions stand twice: which copy, which element
    for (int d = 0; d < n; ++d) {
      const int64_t size = d < extra ? 1 : x->sizes[d - extra];
      if (__builtin_mul_overflow(size, repeats[d], &shape[d]))
        fail("repeat(): the result would have more than 2**63 elements");
    }
    Tensor out = empty(x->dtype, shape, x->device);
    for (int d = 0; d < n; ++d) {
      const int64_t size = d < extra ? 1 : x->sizes[d - extra],
                    stride = d < extra ? 0 : x->strides[d - extra];
      if (repeats[d] != 1) {
        sizes.push(repeats[d]);
        out_strides.push(out->strides[d] * size);
        in_strides.push(0);
      }
      if (size != 1) {
        sizes.push(size);
        out_strides.push(out->strides[d]);
        in_strides.push(stride);
      }
    }
    copy_into(*alias(*out, sizes, out_strides), *alias(*x, sizes, in_strides));
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    Dims sizes, copies;
    const int extra = repeats.count - from.count;
    if (b.g[0]->numel == 0 && from.numel()) {
      d[0] = zeros(from, b.g[0]->dtype, b.g[0]->device);
      return;
    }
    for (int k = 0; k < repeats.count; ++k) {
      if (repeats[k] != 1) {
        copies.push(sizes.count);
        sizes.push(repeats[k]);
      }
      if (k >= extra && from[k - extra] != 1) sizes.push(from[k - extra]);
    }
    d[0] = copies.count ? reshape(sum(reshape(b.g[0], sizes), copies, false), from) : reshape(b.g[0], from);
  }
};

struct BlockDiag {
  static constexpr const char* node = "BlockDiagBackward0";
  static constexpr uint32_t saves = kNothing;
  std::vector<Dims> shapes = {};
  std::vector<DType> types = {};
  static int64_t rows(const Dims& s) { return s.count == 2 ? s[0] : 1; }
  static int64_t columns(const Dims& s) { return s.count ? s[s.count - 1] : 1; }
  Tensor forward(const Tensors& in) {
    int64_t height = 0, width = 0;
    for (size_t i = 0; i < in.size(); ++i) {
      if (in[i]->ndim > 2)
        fail("torch.block_diag: Input tensors must have 2 or fewer dimensions. Input ", i, " has ",
             int(in[i]->ndim), " dimensions");
      shapes.push_back(in[i]->shape());
      height += rows(shapes.back());
      width += columns(shapes.back());
    }
    const DType dtype = promoted(in);
    types = types_unless_equal(in, dtype);
    Tensor out = zeros({height, width}, dtype, common_device(in));
    int64_t top = 0, left = 0;
    for (const Tensor& t : in) {
      const Dims s = t->shape();
      const Dims strides = s.count == 2 ? Dims{width, 1} : s.count ? Dims{1} : Dims{};
      if (!out->is_meta() && t->numel) copy_into(*alias(*out, s, strides, top * width + left), *t);
      top += rows(s);
      left += columns(s);
    }
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    int64_t top = 0, left = 0;
    for (int i = 0; i < b.inputs; ++i) {
      const Dims& s = shapes[size_t(i)];
      if (b.needs(i)) {
        d[i] = reshape(narrow(narrow(b.g[0], 0, top, rows(s)), 1, left, columns(s)), s);
        if (!types.empty() && types[size_t(i)] != d[i]->dtype) d[i] = to_dtype(d[i], types[size_t(i)]);
      }
      top += rows(s);
      left += columns(s);
    }
  }
};

}  // namespace

// The common case, small and without a history: dense tensors of one type that differ in `dim` alone. Null:
// not so.
static Tensor cat_alike(const Tensors& in, int64_t dim) {
  const TensorImpl& first = *in[0];
  const int n = first.ndim, d = int(dim < 0 ? dim + n : dim);
  if (n > TensorImpl::kInline || d < 0 || d >= n || mode.forward) return nullptr;
  int64_t sizes[TensorImpl::kInline], outer = 1, inner = 1;
  for (int k = 0; k < n; ++k) {
    sizes[k] = first.sizes[k];
    if (k != d) (k < d ? outer : inner) *= sizes[k];
  }
  if (first.numel == 0) return nullptr;
  sizes[d] = 0;
  for (const Tensor& t : in) {
    bool alike = t->ndim == n && t->dtype == first.dtype && t->contiguous && t->device.type == Device::CPU &&
                 t->numel <= kBlock && !(mode.grad && requires_grad(*t));
    for (int k = 0; alike && k < n; ++k) alike = k == d || t->sizes[k] == first.sizes[k];
    if (!alike) return nullptr;
    sizes[d] += t->sizes[d];
  }
  if (in.size() > 64) return nullptr;
  Tensor out = empty_cpu(first.dtype, n, sizes);
  const int64_t row = inner * item_size(first.dtype);
  char* to = out->data;
  for (int64_t i = 0; i < outer; ++i)
    for (const Tensor& t : in) {
      const auto bytes = size_t(t->sizes[d] * row);
      std::memcpy(to, t->data + size_t(i) * bytes, bytes);
      to += bytes;
    }
  return out;
}

Tensor cat(const Tensors& tensors, int64_t dim) {
  if (tensors.empty()) fail<ValueError>("torch.cat(): expected a non-empty list of Tensors");
  if (Tensor out = cat_alike(tensors, dim)) return out;
  return call_structural(Cat{dim}, tensors);
}

Tensor stack(const Tensors& tensors, int64_t dim) {
  if (tensors.empty()) fail("stack expects a non-empty TensorList");
  return call_structural(Stack{dim}, tensors);
}

Tensor flip(const Tensor& x, const Dims& dims) { return call_structural(Flip{dim_bits(x, dims)}, x); }

Tensor repeat(const Tensor& x, const Dims& repeats) {
  if (repeats.count < x->ndim)
    fail("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor");
  return call_structural(Repeat{repeats}, x);
}

namespace {

template <int N> Tensor atleast(const Tensor& x) {
  if (x->ndim >= N) return x;
  if constexpr (N == 1) return reshape(x, {1});
  else if constexpr (N == 2) return x->ndim ? unsqueeze(x, 0) : reshape(x, {1, 1});
  else
    return x->ndim == 0   ? reshape(x, {1, 1, 1})
           : x->ndim == 1 ? unsqueeze(unsqueeze(x, 0), -1)
                          : unsqueeze(x, -1);
}
template <int N> Tensors atleast_all(const Tensors& in) {
  Tensors out;
  for (const Tensor& t : in) out.push_back(atleast<N>(t));
  return out;
}

void require_some(const Tensors& tensors, const char* name) {
  if (tensors.empty()) fail(name, " expects a non-empty TensorList");
}
Tensor hstack(const Tensors& tensors) {
  require_some(tensors, "hstack");
  const Tensors in = atleast_all<1>(tensors);
  return cat(in, in[0]->ndim == 1 ? 0 : 1);
}
Tensor vstack(const Tensors& tensors) {
  require_some(tensors, "vstack");
  return cat(atleast_all<2>(tensors), 0);
}
Tensor dstack(const Tensors& tensors) {
  require_some(tensors, "dstack");
  return cat(atleast_all<3>(tensors), 2);
}
Tensor column_stack(const Tensors& tensors) {
  require_some(tensors, "column_stack");
  Tensors in;
  for (const Tensor& t : tensors) in.push_back(t->ndim <= 1 ? reshape(t, {t->numel, 1}) : t);
  return cat(in, 1);
}

Tensor fliplr(const Tensor& x) {
  if (x->ndim < 2) fail("Input must be >= 2-d.");
  return flip(x, {1});
}
Tensor flipud(const Tensor& x) {
  if (x->ndim < 1) fail("Input must be >= 1-d.");
  return flip(x, {0});
}

Tensor roll(const Tensor& x, const Dims& shifts, const OptDims& over) {
  const Dims dims = over.value_or(Dims());
  if (shifts.count == 0) fail("`shifts` required");
  if (shifts.count != dims.count && !(dims.count == 0 && shifts.count == 1))
    fail("shifts and dimensions must align. shifts: ", shifts.count, ", dims:", dims.count);
  for (int64_t dim : dims) {
    if (x->ndim == 0) fail<IndexError>("Dimension specified as ", dim, " but tensor has no dimensions");
    wrap_dim(dim, x->ndim);
  }
  return call_structural(Roll{shifts, dims}, x);
}

Tensor rot90(const Tensor& x, int64_t k, const Dims& dims) {
  if (dims.count != 2) fail("expected total rotation dims == 2, but got dims = ", dims.count);
  if (x->ndim < 2) fail("expected total dims >= 2, but got total dims = ", int(x->ndim));
  if (dims[0] == dims[1] || std::abs(dims[0] - dims[1]) == x->ndim)
    fail("expected rotation dims to be different, but got dim0 = ", dims[0], " and dim1 = ", dims[1]);
  return call_structural(Rot90{k, wrap_dim(dims[0], x->ndim), wrap_dim(dims[1], x->ndim)}, x);
}

Tensor tile(const Tensor& x, const Dims& dims) {
  Dims repeats = dims;
  while (repeats.count < x->ndim) repeats.insert(0, 1);
  return repeat(x, repeats);
}

void check_output_size(std::optional<int64_t> asked, int64_t size) {
  if (asked && *asked != size)
    fail("repeat_interleave: Invalid output_size, expected ", size, " but got ", *asked);
}

Tensor repeat_interleave(const Tensor& x, int64_t repeats, std::optional<int64_t> dim,
                         std::optional<int64_t> output_size) {
  const Tensor in = dim ? x : flatten(x, 0, -1);
  const int d = dim ? own_dim(*dim, in) : 0;
  if (repeats < 0) fail("Repeats must be non-negative");
  const Tensor row = in->ndim ? in : reshape(in, {1});
  check_output_size(output_size, row->sizes[d] * repeats);
  Dims shape = row->shape();
  shape.insert(d + 1, repeats);
  return flatten(contiguous(clone(expand(unsqueeze(row, d + 1), shape))), d, d + 1);
}

// [2, 1] -> [0, 0, 1]
Tensor repeated_positions(const Tensor& repeats, std::optional<int64_t> output_size) {
  if (repeats->dtype != DType::Int64 && repeats->dtype != DType::Int32)
    fail<NotImplemented>("\"repeat_interleave_cpu\" not implemented for '", c_name(repeats->dtype), "'");
  if (repeats->ndim != 1) fail("repeat_interleave only accept 1D vector as repeat");
  const Tensor counts = dense(repeats, DType::Int64);
  const int64_t* n = counts->as<int64_t>();
  int64_t size = 0;
  for (int64_t i = 0; i < counts->numel; ++i) {
    if (n[i] < 0) fail("repeats can not be negative");
    if (__builtin_add_overflow(size, n[i], &size))
      fail("repeat_interleave(): the result would have more than 2**63 elements");
  }
  check_output_size(output_size, size);
  Tensor out = empty(DType::Int64, {size});
  int64_t* to = out->as<int64_t>();
  for (int64_t i = 0; i < counts->numel; ++i) to = std::fill_n(to, n[i], i);
  return repeats->dtype == DType::Int64 ? out : converted(out, repeats->dtype);
}
Tensor repeat_interleave_each(const Tensor& x, const Tensor& repeats, std::optional<int64_t> dim,
                              std::optional<int64_t> output_size) {
  const Tensor flat = dim ? x : flatten(x, 0, -1), in = flat->ndim ? flat : reshape(flat, {1});
  const int d = dim ? own_dim(*dim, x) : 0;
  Tensor counts = repeats;
  if (counts->ndim > 1) fail("repeats must be 0-dim or 1-dim tensor");
  if (counts->numel == 1) counts = expand(reshape(counts, {1}), {in->sizes[d]});
  else if (counts->sizes[0] != in->sizes[d])
    fail("repeats must have the same size as input along dim, but got repeats.size(0) = ", counts->sizes[0],
         " and input.size(", d, ") = ", in->sizes[d]);
  return index_select(in, d, repeated_positions(counts, output_size));
}

Tensor block_diag(const Tensors& tensors) {
  if (tensors.empty()) return empty(default_dtype, {1, 0});
  return call_structural(BlockDiag{}, tensors);
}

// What cat and its relatives do with out=.
Tensor joined_into(const Tensors& tensors, const Tensor& joined, const Tensor& out) {
  if (!out) return joined;
  if (!can_cast(joined->dtype, out->dtype))
    fail<TypeError>("torch.cat(): input types can't be cast to the desired output type ", c_name(out->dtype));
  require_writable(*out);
  for (const Tensor& t : tensors) require_no_overlap(*out, *t);
  copy_to_out(out, joined, "cat");
  return out;
}
// PyTorch looks at histories before shapes.
void require_no_history(const Tensors& tensors, const Tensor& out, std::string_view name) {
  if (!out || !mode.grad) return;
  bool any = requires_grad(*out);
  for (const Tensor& t : tensors) any |= requires_grad(*t);
  if (any)
    fail(name,
         "(): functions with out=... arguments don't support automatic differentiation, but one of the "
         "arguments requires grad.");
}
Tensor cat_out(const Tensors& tensors, int64_t dim, const Tensor& out) {
  if (!out) [[likely]]
    return cat(tensors, dim);
  require_no_history(tensors, out, "cat");
  return joined_into(tensors, cat(tensors, dim), out);
}
Tensor stack_out(const Tensors& tensors, int64_t dim, const Tensor& out) {
  require_no_history(tensors, out, "stack");
  return joined_into(tensors, stack(tensors, dim), out);
}
template <auto Join> Tensor join_out(const Tensors& tensors, const Tensor& out) {
  return joined_into(tensors, Join(tensors), out);
}

static constexpr OpEntry entries[] = {
    moves<cat_out>("cat(Tensor[] tensors, int dim=0, *, Tensor? out=None)", kFunction, "concat concatenate"),
    moves<stack_out>("stack(Tensor[] tensors, int dim=0, *, Tensor? out=None)", kFunction),
    moves<join_out<hstack>>("hstack(Tensor[] tensors, *, Tensor? out=None)", kFunction),
    moves<join_out<vstack>>("vstack(Tensor[] tensors, *, Tensor? out=None)", kFunction, "row_stack"),
    moves<join_out<dstack>>("dstack(Tensor[] tensors, *, Tensor? out=None)", kFunction),
    moves<join_out<column_stack>>("column_stack(Tensor[] tensors, *, Tensor? out=None)", kFunction),
    moves<flip>("flip(Tensor input, int[] *dims)"),
    moves<fliplr>("fliplr(Tensor input)"),
    moves<flipud>("flipud(Tensor input)"),
    moves<roll>("roll(Tensor input, int[1] shifts, int[1]? dims=[])"),
    moves<rot90>("rot90(Tensor input, int k=1, int[] dims=[0,1])"),
    moves<repeat>("repeat(Tensor input, int[] *repeats)", kMethod),
    moves<tile>("tile(Tensor input, int[] *dims)"),
    moves<repeat_interleave>(
        "repeat_interleave(Tensor input, int repeats, int? dim=None, *, int? output_size=None)"),
    moves<repeat_interleave_each>(
        "repeat_interleave(Tensor input, Tensor repeats, int? dim=None, *, int? output_size=None)"),
    moves<repeated_positions>("repeat_interleave(Tensor repeats, *, int? output_size=None)", kFunction),
    moves<block_diag>("block_diag(Tensor[] *tensors)", kFunction),
    moves<atleast<1>>("atleast_1d(Tensor input)", kFunction),
    moves<atleast<2>>("atleast_2d(Tensor input)", kFunction),
    moves<atleast<3>>("atleast_3d(Tensor input)", kFunction),
    moves<atleast_all<1>>("atleast_1d(Tensor[] *tensors)", kFunction),
    moves<atleast_all<2>>("atleast_2d(Tensor[] *tensors)", kFunction),
    moves<atleast_all<3>>("atleast_3d(Tensor[] *tensors)", kFunction),
};

}  // namespace
FACULA_ENTRIES(join)

}  // namespace facula
