// Views with several results, views as another type, and what is composed of views (flatten, movedim, hsplit,
// ...).
#include <algorithm>
#include "op/structural.h"
#include "ops/view.h"
#include "ops/functions.h"
#include "ops/named.h"

namespace facula {
namespace {

// --- several views of one tensor: no recorded write may go through them ---

struct PiecesOf {
  static constexpr uint32_t saves = kNothing;
  int dim;
  Dims lengths;
  Dims from = {};
  Tensors cut(const Tensor& x) {
    from = x->shape();
    Tensors out;
    out.reserve(size_t(lengths.count));
    Dims sizes = from;
    const Dims strides = x->stride();
    int64_t at = 0;
    for (int64_t length : lengths) {
      sizes[dim] = length;
      out.push_back(alias(*x, sizes, strides, at * strides[dim]));
      at += length;
    }
    return out;
  }
  Tensors cut_apart(const Tensor& x) {  // pieces that count their writes on their own
    Tensors out = cut(x);
    if (!x->inference)
      for (Tensor& piece : out) piece = detached_data(*piece);
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    Tensors parts(size_t(lengths.count));
    const Tensor* any = std::find_if(b.g, b.g + lengths.count, [](const Tensor& g) { return bool(g); });
    Dims sizes = from;
    for (int i = 0; i < lengths.count; ++i) {
      sizes[dim] = lengths[i];
      parts[size_t(i)] = b.g[i] ? b.g[i] : zeros(sizes, (*any)->dtype, (*any)->device);
    }
    d[0] = cat(parts, dim);
  }
  void vjp_batch(const Back& b, int64_t n, Tensor* d) const {
    PiecesOf{dim + 1, lengths, with_batch(from, n)}.vjp(b, d);
  }
};
struct Split : PiecesOf {
  static constexpr const char* node = "SplitBackward0";
  static constexpr bool multi_view = true;
  Tensors view(const Tensor& x) { return cut(x); }
};
struct SplitWithSizes : PiecesOf {
  static constexpr const char* node = "SplitWithSizesBackward0";
  static constexpr bool multi_view = true;
  Tensors view(const Tensor& x) { return cut(x); }
};
struct UnsafeSplit : PiecesOf {  // autograd does not see that the pieces share memory
  static constexpr const char* node = "UnsafeSplitBackward0";
  Tensors forward(const Tensor& x) { return cut_apart(x); }
};
struct UnsafeSplitWithSizes : PiecesOf {
  static constexpr const char* node = "UnsafeSplitWithSizesBackward0";
  Tensors forward(const Tensor& x) { return cut_apart(x); }
};

struct Unbind {
  static constexpr const char* node = "UnbindBackward0";
  static constexpr uint32_t saves = kNothing;
  void show(Parameters& p) const { p("dim", dim); }
  static constexpr bool multi_view = true;
  int dim;
  Dims from = {};
  Tensors view(const Tensor& x) {
    from = x->shape();
    Dims sizes = from, strides = x->stride();
    sizes.erase(dim);
    strides.erase(dim);
    Tensors out;
    out.reserve(size_t(from[dim]));
    for (int64_t i = 0; i < from[dim]; ++i) out.push_back(alias(*x, sizes, strides, i * x->strides[dim]));
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    const int64_t n = from[dim];
    const Tensor* any = std::find_if(b.g, b.g + n, [](const Tensor& g) { return bool(g); });
    Tensors parts(b.g, b.g + n);
    Tensor zero;
    for (Tensor& part : parts) {
      if (part) continue;
      if (!zero) zero = zeros((*any)->shape(), (*any)->dtype, (*any)->device);
      part = zero;
    }
    d[0] = stack(parts, dim);
  }
  std::optional<Unbind> batched(const Back&, int64_t n) const { return Unbind{dim + 1, with_batch(from, n)}; }
};

// A node numbers its outputs in 16 bits; a longer list is made of single views.
constexpr int64_t kMaxOutputs = 65535;

template <class Op> Tensors pieces(const Tensor& x, int dim, Dims lengths) {
  if (lengths.count <= kMaxOutputs) return call_structural(Op{{dim, std::move(lengths)}}, x);
  Tensors out;
  int64_t at = 0;
  for (int64_t length : lengths) {
    out.push_back(narrow(x, dim, at, length));
    at += length;
  }
  return out;
}

Dims equal_lengths(int64_t size, int64_t piece) {
  const int64_t n = piece ? std::max<int64_t>((size + piece - 1) / piece, 1) : 1;
  if (n > INT32_MAX) fail("split() would make ", n, " tensors");
  Dims lengths = Dims::filled(int(n), piece);
  lengths[int(n - 1)] = size - piece * (n - 1);
  return lengths;
}

}  // namespace

template <class Op> static Tensors split_by(const Tensor& x, int64_t piece, int64_t dim) {
  if (x->ndim == 0) fail("split expects at least a 1-dimensional tensor");
  if (piece < 0) fail("split expects split_size be non-negative, but got split_size=", piece);
  const int d = wrap_dim(dim, x->ndim);
  const int64_t size = x->sizes[d];
  if (piece == 0 && size)
    fail("split_size can only be 0 if dimension size is 0, but got dimension size of ", size);
  return pieces<Op>(x, d, equal_lengths(size, piece > size ? size : piece));
}
Tensors split(const Tensor& x, int64_t piece, int64_t dim) { return split_by<Split>(x, piece, dim); }

template <class Op> static Tensors split_into(const Tensor& x, const Dims& lengths, int64_t dim) {
  if (x->ndim == 0) fail("split_with_sizes expects at least a 1-dimensional tensor");
  const int d = wrap_dim(dim, x->ndim);
  int64_t sum = 0;
  for (int64_t length : lengths) {
    if (length < 0)
      fail("split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=",
           to_string(lengths));
    if (__builtin_add_overflow(sum, length, &sum)) sum = -1;
    if (sum < 0) break;
  }
  if (sum != x->sizes[d])
    fail("split_with_sizes expects split_sizes to sum exactly to ", x->sizes[d],
         " (input tensor's size at dimension ", d, "), but got split_sizes=", to_string(lengths));
  return pieces<Op>(x, d, lengths);
}
Tensors split_with_sizes(const Tensor& x, const Dims& lengths, int64_t dim) {
  return split_into<SplitWithSizes>(x, lengths, dim);
}

Tensors unbind(const Tensor& x, int64_t dim) {
  if (x->ndim == 0)
    fail<IndexError>("Dimension specified as ", wrap_dim(dim, 1), " but tensor has no dimensions");
  const int d = wrap_dim(dim, x->ndim);
  if (x->sizes[d] <= kMaxOutputs) return call_structural(Unbind{d}, x);
  Tensors out;
  for (int64_t i = 0; i < x->sizes[d]; ++i) out.push_back(select(x, d, i));
  return out;
}

Tensor flatten(const Tensor& x, int64_t start, int64_t end) {
  const int a = wrap_dim(start, x->ndim), b = wrap_dim(end, x->ndim);
  if (a > b) fail("flatten() has invalid args: start_dim cannot come after end_dim");
  if (x->ndim == 0) return reshape(x, {1});
  if (a == b) return x;
  Dims shape(x->ndim - (b - a));
  for (int d = 0; d < shape.count; ++d) shape[d] = x->sizes[d <= a ? d : d + b - a];
  for (int d = a + 1; d <= b; ++d) shape[a] *= x->sizes[d];
  return reshape(x, shape);
}

Tensor movedim(const Tensor& x, const Dims& source, const Dims& destination) {
  if (source.count != destination.count)
    fail("movedim: Invalid source or destination dims: source (", to_string(source),
         " dims) should contain the same number of dims as destination (", to_string(destination), " dims)");
  const int n = std::max<int>(x->ndim, 1);
  Dims order = Dims::filled(n, -1);
  uint64_t from_seen = 0, to_seen = 0;
  for (int i = 0; i < source.count; ++i) {
    const int from = wrap_dim(source[i], x->ndim), to = wrap_dim(destination[i], x->ndim);
    if (from_seen >> from & 1) fail("movedim: repeated dim in `source` (", to_string(source), ")");
    if (to_seen >> to & 1) fail("movedim: repeated dim in `destination` (", to_string(destination), ")");
    from_seen |= uint64_t(1) << from;
    to_seen |= uint64_t(1) << to;
    order[to] = from;
  }
  if (x->ndim == 0) return recorded_alias(x);
  for (int d = 0, from = 0; d < n; ++d) {
    if (order[d] >= 0) continue;
    while (from_seen >> from & 1) ++from;
    order[d] = from++;
  }
  return permute(x, order);
}

namespace {

Tensor unflatten(const Tensor& x, int64_t dim, const Dims& sizes) {
  const int d = wrap_dim(dim, x->ndim);
  if (!sizes.count) fail("unflatten: sizes must be non-empty");
  if (x->ndim == 0)
    fail("unflatten got an unexpected error:\nDimension specified as 0 but tensor has no dimensions");
  int unknown = -1;
  int64_t known = 1;
  Dims full = sizes;
  for (int i = 0; i < sizes.count; ++i) {
    if (sizes[i] == -1 && unknown >= 0)
      fail("unflatten got an unexpected error:\nonly one dimension can be inferred");
    if (sizes[i] == -1) unknown = i;
    else if (sizes[i] < 0 || __builtin_mul_overflow(known, sizes[i], &known)) known = -1;
    if (known < 0) break;
  }
  const int64_t size = x->sizes[d];
  if (unknown >= 0 && known > 0 && size % known == 0) full[unknown] = size / known;
  else if (unknown >= 0 || known != size)
    fail("unflatten: Provided sizes ", to_string(sizes), " don't multiply up to the size of dim ", d, " (",
         size, ") in the input tensor");
  Dims shape = x->shape();
  shape[d] = full[0];
  for (int i = 1; i < full.count; ++i) shape.insert(d + i, full[i]);
  return view(x, shape);
}

Tensor ravel(const Tensor& x) { return view(contiguous(x), {-1}); }

template <class Equal, class Sizes> Tensors chunks_of(const Tensor& x, int64_t chunks, int64_t dim) {
  if (x->ndim == 0) fail("chunk expects at least a 1-dimensional tensor");
  if (chunks <= 0) fail("chunk expects `chunks` to be greater than 0, got: ", chunks);
  const int d = wrap_dim(dim, x->ndim);
  const int64_t size = x->sizes[d], piece = size / chunks + (size % chunks != 0);
  if (piece == 0 && chunks <= INT32_MAX) return split_into<Sizes>(x, Dims::filled(int(chunks), 0), d);
  return split_by<Equal>(x, piece, d);
}

Tensors tensor_split_at(const Tensor& x, const Dims& at, int64_t dim) {
  if (x->ndim == 0)
    fail("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims");
  const int d = wrap_dim(dim, x->ndim);
  Tensors out;
  int64_t start = 0;
  for (int64_t end : at) {
    out.push_back(slice(x, d, start, end));
    start = end;
  }
  out.push_back(slice(x, d, start, x->sizes[d]));
  return out;
}
Tensors tensor_split(const Tensor& x, int64_t sections, int64_t dim) {
  if (x->ndim == 0)
    fail("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims");
  const int d = wrap_dim(dim, x->ndim);
  if (sections <= 0) fail("number of sections must be larger than 0, got ", sections);
  Tensors out;
  const int64_t size = x->sizes[d], longer = size % sections;
  for (int64_t i = 0, start = 0; i < sections; ++i) {
    const int64_t length = size / sections + (i < longer);
    out.push_back(slice(x, d, start, start + length));
    start += length;
  }
  return out;
}
Tensors tensor_split_tensor(const Tensor& x, const Tensor& where, int64_t dim) {
  if (where->is_meta()) fail<NotImplemented>("tensor_split: indices on the meta device have no values");
  if (where->dtype != DType::Int64)
    fail("tensor_split expected tensor_indices_or_sections to have dtype of long, but got ",
         c_name(where->dtype));
  if (where->ndim > 1)
    fail(
        "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional "
        "tensor, "
        "but got a tensor with ",
        int(where->ndim), " dims");
  const Tensor values = dense(where);
  if (where->ndim == 0) return tensor_split(x, *values->as<int64_t>(), dim);
  return tensor_split_at(x, Dims(int(values->numel), values->as<int64_t>()), dim);
}

// hsplit, vsplit, dsplit: a dimension each (hsplit: the only one of a vector).
template <char Kind> int split_dim(const Tensor& x) {
  const int needed = Kind == 'h' ? 1 : Kind == 'v' ? 2 : 3;
  if (x->ndim < needed)
    fail("torch.", Kind, "split requires a tensor with at least ", needed,
         " dimension, but got a tensor with ", int(x->ndim), " dimensions!");
  return Kind == 'h' ? (x->ndim == 1 ? 0 : 1) : needed - 2 + (Kind == 'd');
}
template <char Kind> Tensors split_evenly(const Tensor& x, int64_t sections) {
  const int d = Kind == 'v' ? (split_dim<Kind>(x), 0) : split_dim<Kind>(x);
  if (sections == 0 || x->sizes[d] % sections)
    fail("torch.", Kind, "split attempted to split along dimension ", d, ", but the size of the dimension ",
         x->sizes[d], " is not divisible by the split_size ", sections, "!");
  return tensor_split(x, sections, d);
}
template <char Kind> Tensors split_at(const Tensor& x, const Dims& at) {
  return tensor_split_at(x, at, Kind == 'v' ? (split_dim<Kind>(x), 0) : split_dim<Kind>(x));
}

struct NarrowCopyName {
  static constexpr const char* node = "NarrowCopyBackward0";
};
Tensor narrow_copy(const Tensor& x, int64_t dim, int64_t start, int64_t length) {
  const Tensor part = narrow(x, dim, start, length);
  return named_result<NarrowCopyName>(part->contiguous ? clone(part) : contiguous(part));
}

Tensor sum_to_size(const Tensor& x, const Dims& size) {
  const int extra = x->ndim - size.count;
  bool fits = extra >= 0;
  for (int d = 0; fits && d < size.count; ++d) fits = size[d] == 1 || size[d] == x->sizes[d + extra];
  if (!fits) fail("size {", to_string(size), "} is not expandable to size {", to_string(x->shape()), "}.");
  return size.count ? sum_to(x, size) : sum(x, Dims(), false);
}

Tensor fill_diagonal_(const Tensor& self, Scalar value, bool wrap) {
  const int n = self->ndim;
  if (n < 2) fail("dimensions must larger than 1");
  int64_t length = self->sizes[0], step = 0;
  for (int d = 0; d < n; ++d) {
    if (n > 2 && self->sizes[d] != self->sizes[0]) fail("all dimensions of input must be of equal length");
    length = std::min(length, self->sizes[d]);
    step += self->strides[d];
  }
  fill_(as_strided(self, {length}, {step}, self->offset()), value);
  const int64_t rows = self->sizes[0], columns = self->sizes[1];
  if (wrap && n == 2 && rows > columns + 1) {  // the diagonal goes on one row below where it left
    const int64_t rest = (rows * columns + columns) / (columns + 1) - columns;
    fill_(as_strided(self, {rest}, {step}, self->offset() + self->strides[0] * (columns + 1)), value);
  }
  return self;
}

Tensors broadcast_tensors(const Tensors& tensors) {
  Dims shape;
  for (const Tensor& t : tensors) shape = broadcast(shape, t->shape());
  Tensors out;
  for (const Tensor& t : tensors) out.push_back(t->shape() == shape ? t : expand(t, shape));
  return out;
}

// The same memory as another type. Not differentiable, hence no view in the eyes of autograd.
Tensor view_dtype(const Tensor& x, DType dtype) {
  const int64_t have = item_size(x->dtype), want = item_size(dtype);
  Dims sizes = x->shape(), strides = x->stride();
  const int last = x->ndim - 1;
  if (have != want) {
    const std::string what =
        concat(" to view ", c_name(x->dtype), " as ", c_name(dtype), " (different element sizes), but got ");
    if (last < 0)
      fail("self.dim() cannot be 0 to view ", c_name(x->dtype), " as ", c_name(dtype),
           " (different element sizes)");
    if (strides[last] != 1) fail("self.stride(-1) must be 1", what, strides[last]);
    if (have > want) {
      const int64_t ratio = have / want;
      sizes[last] *= ratio;
      for (int d = 0; d < last; ++d) strides[d] *= ratio;
    } else {
      const int64_t ratio = want / have;
      if (sizes[last] % ratio) fail("self.size(-1) must be divisible by ", ratio, what, sizes[last]);
      if (x->offset() % ratio) fail("self.storage_offset() must be divisible by ", ratio, what, x->offset());
      for (int d = 0; d < last; ++d)
        if (strides[d] % ratio) fail("self.stride(", d, ") must be divisible by ", ratio, what, strides[d]);
      sizes[last] /= ratio;
      for (int d = 0; d < last; ++d) strides[d] /= ratio;
    }
  }
  Tensor out = alias(*x, sizes, strides);
  out->dtype = dtype;
  return out;
}

static constexpr OpEntry entries[] = {
    moves<split>("split(Tensor tensor, int split_size_or_sections, int dim=0)", kFunction),
    moves<split_with_sizes>("split(Tensor tensor, int[] split_size_or_sections, int dim=0)", kFunction),
    moves<split>("split(Tensor input, int split_size, int dim=0)", kMethod),
    moves<split_with_sizes>("split(Tensor input, int[] split_size, int dim=0)", kMethod),
    moves<split_with_sizes>("split_with_sizes(Tensor input, int[] split_sizes, int dim=0)"),
    moves<unbind>("unbind(Tensor input, int dim=0)"),
    moves<split_by<UnsafeSplit>>("unsafe_split(Tensor input, int split_size, int dim=0)"),
    moves<split_into<UnsafeSplitWithSizes>>(
        "unsafe_split_with_sizes(Tensor input, int[] split_sizes, int dim=0)"),
    moves<chunks_of<UnsafeSplit, UnsafeSplitWithSizes>>("unsafe_chunk(Tensor input, int chunks, int dim=0)"),
    moves<chunks_of<Split, SplitWithSizes>>("chunk(Tensor input, int chunks, int dim=0)"),
    moves<tensor_split_tensor>("tensor_split(Tensor input, Tensor tensor_indices_or_sections, int dim=0)"),
    moves<tensor_split>("tensor_split(Tensor input, int sections, int dim=0)"),
    moves<tensor_split_at>("tensor_split(Tensor input, int[] indices, int dim=0)"),
    moves<split_evenly<'h'>>("hsplit(Tensor input, int sections)"),
    moves<split_at<'h'>>("hsplit(Tensor input, int[] indices)"),
    moves<split_evenly<'v'>>("vsplit(Tensor input, int sections)"),
    moves<split_at<'v'>>("vsplit(Tensor input, int[] indices)"),
    moves<split_evenly<'d'>>("dsplit(Tensor input, int sections)"),
    moves<split_at<'d'>>("dsplit(Tensor input, int[] indices)"),
    moves<flatten>("flatten(Tensor input, int start_dim=0, int end_dim=-1)"),
    moves<unflatten>("unflatten(Tensor input, int dim, int[1] sizes)"),
    moves<ravel>("ravel(Tensor input)"),
    moves<movedim>("movedim(Tensor input, int[1] source, int[1] destination)", kFunction | kMethod,
                   "moveaxis"),
    moves<broadcast_tensors>("broadcast_tensors(Tensor[] *tensors)", kFunction),
    fn<sum_to_size>("sum_to_size(Tensor input, int[] *size)", kMethod),
    moves<fill_diagonal_>("fill_diagonal_(Tensor input, Number fill_value, bool wrap=False)"),
    moves<view_dtype>("view(Tensor input, dtype dtype)", kMethod),
    moves<narrow_copy>("narrow_copy(Tensor input, int dim, int start, int length)",
                       kFunction | kMethod | kExactOut),
};

}  // namespace
FACULA_ENTRIES(shape)

}  // namespace facula
