// What is a matter of strides alone: diagonals, unfold, as_strided, the gradient that all strided views
// share, and the scatters, which write one view of a copy.
#include <algorithm>
#include "ops/view.h"

namespace facula {
namespace {

// Elements of g at the given places of a zero tensor; places that coincide add up.
struct Embed {
  static constexpr const char* node = "EmbedBackward0";
  static constexpr uint32_t saves = kNothing;
  Dims whole, strides;
  int64_t offset;
  Dims sizes = {};
  Tensor forward(const Tensor& g) {
    sizes = g->shape();
    Tensor out = full(whole, 0, g->dtype, g->device);
    if (out->is_meta() || g->numel == 0) return out;
    const Tensor places = alias(*out, sizes, strides, offset);
    if (disjoint()) copy_into(*places, *g);
    else add_up(*places, *dense(g));
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor g = contiguous(b.g[0]);
    d[0] = as_strided(g, sizes, strides, g->offset() + offset);
  }
  std::optional<Embed> batched(const Back&, int64_t n) const {
    Embed op{with_batch(whole, n), strides, offset, with_batch(sizes, n)};
    op.strides.insert(0, whole.numel());
    return op;
  }

 private:
  bool disjoint() const {  // each stride steps over all that the smaller ones reach
    Dims order;
    for (int d = 0; d < sizes.count; ++d)
      if (sizes[d] > 1) order.push(d);
    std::sort(order.v, order.v + order.count,
              [&](int64_t a, int64_t b) { return strides[int(a)] < strides[int(b)]; });
    int64_t reach = 0;
    for (int64_t d : order) {
      if (strides[int(d)] <= reach) return false;
      reach += strides[int(d)] * (sizes[int(d)] - 1);
    }
    return true;
  }
  static void add_up(TensorImpl& to, const TensorImpl& from) {
    visit(to.dtype, [&](auto element) {
      using T = decltype(element);
      const T* p = from.as<T>();
      T* const q = to.as<T>();
      Dims at = Dims::filled(to.ndim, 0);
      int64_t place = 0;
      for (int64_t i = 0; i < to.numel; ++i) {
        if constexpr (is_half_type<T>) q[place] = T(float(q[place]) + float(p[i]));
        else if constexpr (is_complex_type<T>) q[place] = T(q[place].re + p[i].re, q[place].im + p[i].im);
        else q[place] = T(q[place] + p[i]);
        for (int d = to.ndim - 1; d >= 0; --d) {
          place += to.strides[d];
          if (++at[d] < to.sizes[d]) break;
          place -= to.strides[d] * at[d];
          at[d] = 0;
        }
      }
    });
  }
};

}  // namespace

Tensor embed(const Tensor& g, const Dims& whole, const Dims& strides, int64_t offset) {
  return call_structural(Embed{whole, strides, offset}, g);
}

namespace {

struct Diagonal {
  static constexpr const char* node = "DiagonalBackward0";
  static constexpr uint32_t saves = kNothing;
  void show(Parameters& p) const {
    p("offset", offset), p("dim1", int64_t(dim1)), p("dim2", int64_t(dim2)), p("self_sym_sizes", from);
  }
  int64_t offset;
  int dim1, dim2;
  Dims from = {};
  int64_t place(Dims& sizes,
                Dims& strides) const {  // makes the geometry of x that of the diagonal, returns the offset
    const int64_t s1 = strides[dim1], s2 = strides[dim2];
    const int64_t length = offset >= 0 ? std::min(sizes[dim1], sizes[dim2] - offset)
                                       : std::min(sizes[dim1] + offset, sizes[dim2]);
    for (Dims* d : {&sizes, &strides}) {
      d->erase(std::max(dim1, dim2));
      d->erase(std::min(dim1, dim2));
    }
    sizes.push(std::max<int64_t>(length, 0));
    strides.push(s1 + s2);
    return length <= 0 ? 0 : offset >= 0 ? offset * s2 : -offset * s1;
  }
  Tensor view(const Tensor& x) {
    from = x->shape();
    Dims sizes = from, strides = x->stride();
    const int64_t start = place(sizes, strides);
    return alias(*x, sizes, strides, start);
  }
  void vjp(const Back& b, Tensor* d) const {
    Dims sizes = from, strides = contiguous_strides(from);
    const int64_t start = place(sizes, strides);
    d[0] = embed(b.g[0], from, strides, start);
  }
  std::optional<Diagonal> batched(const Back&, int64_t n) const {
    return Diagonal{offset, dim1 + 1, dim2 + 1, with_batch(from, n)};
  }
};

struct AsStrided {
  static constexpr const char* node = "AsStridedBackward0";
  static constexpr uint32_t saves = kNothing;
  void show(Parameters& p) const { p("size", sizes), p("stride", strides), p("storage_offset", offset); }
  Dims sizes, strides;
  int64_t offset;  // in the storage
  Dims from = {}, from_strides = {};
  int64_t from_offset = 0;
  Tensor view(const Tensor& x) {
    from = x->shape();
    from_strides = x->stride();
    from_offset = x->offset();
    return alias(*x, sizes, strides, offset - from_offset);
  }
  // The gradient is summed where it lies in the memory that both geometries look into and read back from
  // there; an element that the input holds several times shares it among its copies.
  void vjp(const Back& b, Tensor* d) const {
    const int64_t first = std::min(offset, from_offset);
    const int64_t end = std::max(offset + extent(sizes, strides), from_offset + extent(from, from_strides));
    Tensor memory = embed(b.g[0], {end - first}, strides, offset - first);
    const Tensor places = full(from, 1, b.g[0]->dtype, b.g[0]->device);
    if (has_internal_overlap(*alias(*memory, from, from_strides, from_offset - first))) {
      Tensor count = embed(places, {end - first}, from_strides, from_offset - first);
      memory = memory / call(Maximum{}, count, Scalar(1));
    }
    d[0] = as_strided(memory, from, from_strides, from_offset - first + memory->offset());
    d[0]->bump_version();  // PyTorch writes the gradient into zeros
  }
  static int64_t extent(const Dims& sizes, const Dims& strides) {
    int64_t last = 1;
    for (int d = 0; d < sizes.count; ++d) {
      if (sizes[d] == 0) return 0;
      last += (sizes[d] - 1) * strides[d];
    }
    return last;
  }
};

Tensor dense_copy(const Tensor& x) {
  Tensor out = empty(x->dtype, x->shape(), x->device);
  copy_into(*out, *x);
  return out;
}

struct DiagEmbed {
  static constexpr const char* node = "DiagEmbedBackward0";
  static constexpr uint32_t saves = kNothing;
  void show(Parameters& p) const { p("offset", offset), p("dim1", int64_t(dim1)), p("dim2", int64_t(dim2)); }
  int64_t offset;
  int dim1, dim2;
  Tensor forward(const Tensor& x) const {
    Dims shape = x->shape();
    const int64_t length = shape[shape.count - 1];
    int64_t side;
    if (offset == INT64_MIN || __builtin_add_overflow(length, std::abs(offset), &side))
      fail("diag_embed(): the result would be too large");
    shape.erase(shape.count - 1);
    shape.insert(std::min(dim1, dim2), side);
    shape.insert(std::max(dim1, dim2), side);
    Tensor out = zeros(shape, x->dtype, x->device);
    if (length == 0 || out->is_meta()) return out;
    Dims strides = out->stride();
    const int64_t s1 = strides[dim1], s2 = strides[dim2];
    strides.erase(std::max(dim1, dim2));
    strides.erase(std::min(dim1, dim2));
    strides.push(s1 + s2);
    copy_into(*alias(*out, x->shape(), strides, offset >= 0 ? offset * s2 : -offset * s1), *x);
    return out;
  }
  void vjp(const Back& b, Tensor* d) const { d[0] = diagonal(b.g[0], offset, dim1, dim2); }
};

struct DiagonalCopy {
  static constexpr const char* node = "DiagonalBackward0_copy";
  static constexpr uint32_t saves = kNothing;
  int64_t offset;
  Dims from = {};
  Tensor forward(const Tensor& x) {
    from = x->shape();
    GradMode off(false);
    return dense_copy(diagonal(x, offset, 0, 1));
  }
  void vjp(const Back& b, Tensor* d) const {
    const int64_t start = b.g[0]->numel == 0 ? 0 : offset >= 0 ? offset : -offset * from[1];
    d[0] = embed(b.g[0], from, {from[1] + 1}, start);
  }
};

struct Unfold {
  static constexpr const char* node = "UnfoldBackward0";
  static constexpr uint32_t saves = kNothing;
  void show(Parameters& p) const {
    p("dimension", dim), p("size", size), p("step", step), p("self_sym_sizes", from);
  }
  int dim;
  int64_t size, step;
  Dims from = {};
  void place(Dims& sizes, Dims& strides) const {
    if (sizes.count == 0) {
      sizes.push(size);
      strides.push(1);
      return;
    }
    const int64_t stride = strides[dim];
    sizes[dim] = (sizes[dim] - size) / step + 1;
    strides[dim] *= step;
    sizes.push(size);
    strides.push(stride);
  }
  Tensor view(const Tensor& x) {
    from = x->shape();
    Dims sizes = from, strides = x->stride();
    place(sizes, strides);
    return alias(*x, sizes, strides);
  }
  void vjp(const Back& b, Tensor* d) const {
    Dims sizes = from, strides = contiguous_strides(from);
    place(sizes, strides);
    d[0] = embed(b.g[0], from, strides, 0);
  }
  std::optional<Unfold> batched(const Back&, int64_t n) const {
    if (!from.count) return std::nullopt;
    return Unfold{dim + 1, size, step, with_batch(from, n)};
  }
};

}  // namespace

Tensor diagonal(const Tensor& x, int64_t offset, int64_t dim1, int64_t dim2) {
  const int a = wrap_dim(dim1, x->ndim), b = wrap_dim(dim2, x->ndim);
  if (a == b) fail("diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  return call_structural(Diagonal{offset, a, b}, x);
}

Tensor diag_embed(const Tensor& x, int64_t offset, int64_t dim1, int64_t dim2) {
  if (x->ndim == 0) {
    wrap_dim(dim1, 1);
    wrap_dim(dim2, 1);
  }
  const int a = wrap_dim(dim1, x->ndim + 1), b = wrap_dim(dim2, x->ndim + 1);
  if (a == b) fail("diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  return call_structural(DiagEmbed{offset, a, b}, x);
}

static void check_placement(const TensorImpl& x, const Dims& sizes, const Dims& strides, int64_t offset) {
  if (sizes.count != strides.count) fail("mismatch in length of strides and shape");
  if (offset < 0) fail("Tensor: invalid storage offset ", offset);
  int64_t end = 1;
  bool empty = false, overflow = false;
  for (int d = 0; d < sizes.count; ++d) {
    if (strides[d] < 0)
      fail("as_strided: Negative strides are not supported at the moment, got strides: ", to_string(strides));
    if (sizes[d] < 0)
      fail("Storage size calculation overflowed with sizes=", to_string(sizes),
           " and strides=", to_string(strides));
    int64_t reach;
    overflow |=
        __builtin_mul_overflow(sizes[d] - 1, strides[d], &reach) || __builtin_add_overflow(end, reach, &end);
    empty |= sizes[d] == 0;
  }
  const int64_t item = item_size(x.dtype);
  overflow |= __builtin_add_overflow(end, offset, &end) || __builtin_mul_overflow(end, item, &end);
  if (!empty && overflow)
    fail("Storage size calculation overflowed with sizes=", to_string(sizes),
         " and strides=", to_string(strides));
  if (!empty && end > int64_t(x.storage->bytes))
    fail("setStorage: sizes ", to_string(sizes), ", strides ", to_string(strides), ", storage offset ",
         offset, ", and itemsize ", item, " requiring a storage size of ", end,
         " are out of bounds for storage of size ", int64_t(x.storage->bytes));
}

Tensor as_strided(const Tensor& x, const Dims& sizes, const Dims& strides,
                  std::optional<int64_t> storage_offset) {
  const int64_t offset = storage_offset.value_or(x->offset());
  check_placement(*x, sizes, strides, offset);
  return call_structural(AsStrided{sizes, strides, offset}, x);
}

namespace {

struct AsStridedInPlace : AsStrided {
  static constexpr const char* node = "AsStridedBackward1";
};

Tensor as_strided_(const Tensor& x, const Dims& sizes, const Dims& strides,
                   std::optional<int64_t> storage_offset) {
  const int64_t offset = storage_offset.value_or(x->offset());
  check_placement(*x, sizes, strides, offset);
  return change_geometry(AsStridedInPlace{{sizes, strides, offset}}, x);
}

Tensor unfold(const Tensor& x, int64_t dim, int64_t size, int64_t step) {
  const int d = wrap_dim(dim, x->ndim);
  const int64_t longest = x->ndim ? x->sizes[d] : 1;
  if (size < 0) fail("size is ", size, " but must be >= 0");
  if (size > longest)
    fail("maximum size for tensor at dimension ", d, " is ", longest, " but size is ", size);
  if (step <= 0) fail("step is ", step, " but must be > 0");
  return call_structural(Unfold{d, size, step}, x);
}

Tensor diag(const Tensor& x, int64_t offset) {
  if (x->ndim == 1) return diag_embed(x, offset, 0, 1);
  if (x->ndim == 2) return call_structural(DiagonalCopy{offset}, x);
  fail("diag(): Supports 1D or 2D tensors. Got ", int(x->ndim), "D");
}
Tensor diagflat(const Tensor& x, int64_t offset) { return diag_embed(reshape(x, {-1}), offset, 0, 1); }

// --- scatters: a copy of x with one of its views replaced ---

template <class Place> struct Scatter {
  static constexpr const char* node = Place::node;
  static constexpr uint32_t saves = kNothing;
  Place place;
  DType source = {};
  Tensor forward(const Tensor& x, const Tensor& src) {
    source = src->dtype;
    const bool as_it_lies = Place::kKeepsStrides && !has_internal_overlap(*x);
    const Tensor out = as_it_lies ? empty_strided(x->dtype, x->shape(), x->stride(), x->device)
                                  : empty(x->dtype, x->shape(), x->device);
    copy_into(*out, *x);
    const Tensor target = place(out);
    if (!target->same_shape(*src))
      fail("expected src to have a size equal to the slice of self. src size = ", to_string(src->shape()),
           ", slice size = ", to_string(target->shape()));
    copy_into(*target, *src);
    return alias(*out);
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor at = place(b.g[0]);
    if (b.needs(0)) d[0] = call_structural(Scatter{place}, b.g[0], zeros(at->shape(), at->dtype, at->device));
    if (b.needs(1)) d[1] = to_dtype(at, source);
  }
};
struct SelectAt {
  static constexpr const char* node = "SelectScatterBackward0";
  static constexpr bool kKeepsStrides = true;
  int64_t dim, index;
  Tensor operator()(const Tensor& x) const { return select(x, dim, index); }
};
struct SliceAt {
  static constexpr const char* node = "SliceScatterBackward0";
  static constexpr bool kKeepsStrides = true;
  int64_t dim, start, end, step;
  Tensor operator()(const Tensor& x) const { return slice(x, dim, start, end, step); }
};
struct DiagonalAt {
  static constexpr const char* node = "DiagonalScatterBackward0";
  static constexpr bool kKeepsStrides = true;
  int64_t offset, dim1, dim2;
  Tensor operator()(const Tensor& x) const { return diagonal(x, offset, dim1, dim2); }
};
struct StridedAt {
  static constexpr const char* node = "AsStridedScatterBackward0";
  static constexpr bool kKeepsStrides = false;
  Dims size, stride;
  int64_t offset;
  Tensor operator()(const Tensor& x) const {
    const Tensor dense = contiguous(x);  // a gradient may lie anywhere in its memory
    return as_strided(dense, size, stride, dense->offset() + offset);
  }
};

Tensor select_scatter(const Tensor& x, const Tensor& src, int64_t dim, int64_t index) {
  return call_structural(Scatter<SelectAt>{{dim, index}}, x, src);
}
Tensor slice_scatter(const Tensor& x, const Tensor& src, int64_t dim, std::optional<int64_t> start,
                     std::optional<int64_t> end, int64_t step) {
  return call_structural(Scatter<SliceAt>{{dim, start.value_or(0), end.value_or(INT64_MAX), step}}, x, src);
}
Tensor diagonal_scatter(const Tensor& x, const Tensor& src, int64_t offset, int64_t dim1, int64_t dim2) {
  return call_structural(Scatter<DiagonalAt>{{offset, dim1, dim2}}, x, src);
}
Tensor as_strided_scatter(const Tensor& x, const Tensor& src, const Dims& size, const Dims& stride,
                          std::optional<int64_t> offset) {
  return call_structural(Scatter<StridedAt>{{size, stride, offset.value_or(x->offset())}}, x, src);
}
static constexpr OpEntry entries[] = {
    moves<diagonal>("diagonal(Tensor input, int offset=0, int dim1=0, int dim2=1)"),
    moves<diag>("diag(Tensor input, int diagonal=0)", kFunction | kMethod | kExactOut),
    moves<diag_embed>("diag_embed(Tensor input, int offset=0, int dim1=-2, int dim2=-1)"),
    moves<diagflat>("diagflat(Tensor input, int offset=0)"),
    moves<as_strided>("as_strided(Tensor input, int[] size, int[] stride, int? storage_offset=None)"),
    moves<as_strided_>("as_strided_(Tensor input, int[] size, int[] stride, int? storage_offset=None)",
                       kFunction | kMethod),
    moves<unfold>("unfold(Tensor input, int dimension, int size, int step)", kMethod),
    moves<select_scatter>("select_scatter(Tensor input, Tensor src, int dim, int index)"),
    moves<slice_scatter>(
        "slice_scatter(Tensor input, Tensor src, int dim=0, int? start=None, int? end=None, int step=1)",
        kFunction | kMethod | kExactOut),
    moves<diagonal_scatter>(
        "diagonal_scatter(Tensor input, Tensor src, int offset=0, int dim1=0, int dim2=1)"),
    moves<as_strided_scatter>(
        "as_strided_scatter(Tensor input, Tensor src, int[] size, int[] stride, int? storage_offset=None)"),
};

}  // namespace
FACULA_ENTRIES(strided)

}  // namespace facula
