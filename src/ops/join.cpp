// Tensors put together: cat, stack and their kin.
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
