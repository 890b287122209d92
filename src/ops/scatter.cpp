// Moving elements along one dimension by an index tensor: gather, scatter and their relatives.
#include <algorithm>
#include "core/parallel.h"
#include "op/structural.h"
#include "ops/index.h"

namespace facula {
namespace {

// Walks the elements of `index` (contiguous) and hands out, for each, its linear position, the offset in `x`
// that it points to along `dim`, and its own offset in a tensor of strides `own`.
template <class F> void walk(const TensorImpl& index, int dim, const TensorImpl& x, const Dims& own, F&& f) {
  const int n = index.ndim;
  const int64_t *at = index.as<int64_t>(), size = x.ndim ? x.sizes[dim] : 1,
                stride = x.ndim ? x.strides[dim] : 0;
  Dims position = Dims::filled(std::max(n, 1), 0);
  int64_t base = 0, mine = 0;  // offsets of `position` in x (without dim) and in the other tensor
  for (int64_t i = 0; i < index.numel; ++i) {
    const int64_t to = at[i];
    if (to < 0 || to >= size)
      fail("index ", to, " is out of bounds for dimension ", dim, " with size ", size);
    f(i, base + to * stride, mine);
    for (int d = n - 1; d >= 0; --d) {
      const int64_t step = d == dim ? 0 : (x.ndim ? x.strides[d] : 0);
      base += step;
      mine += own[d];
      if (++position[d] < index.sizes[d]) break;
      base -= step * index.sizes[d];
      mine -= own[d] * index.sizes[d];
      position[d] = 0;
    }
  }
}

int prepare(const char* function, const Tensor& x, int64_t dim, const Tensor& index) {
  const int d = wrap_dim(dim, x->ndim);
  if (index->dtype != DType::Int64 && index->dtype != DType::Int32)
    fail(function, "(): Expected dtype int32/int64 for index");
  if (index->numel && std::max<int>(index->ndim, 1) != std::max<int>(x->ndim, 1))
    fail("Index tensor must have the same number of dimensions as ", function[0] == 'g' ? "input" : "self",
         " tensor");
  return d;
}

void check_sizes(const char* function, const Tensor& x, int dim, const Tensor& index, const Tensor* source) {
  for (int d = 0; d < index->ndim && index->numel; ++d) {
    if (d != dim && index->sizes[d] > (x->ndim ? x->sizes[d] : 1))
      fail("Size does not match at dimension ", d, " expected index ", to_string(index->shape()),
           " to be no larger than self ", to_string(x->shape()), " apart from dimension ", dim);
    if (source && (*source)->ndim && index->sizes[d] > (*source)->sizes[d])
      fail("Expected index ", to_string(index->shape()), " to be no larger than self ", to_string(x->shape()),
           " apart from dimension ", dim, " and to be no larger size than src ",
           to_string((*source)->shape()));
  }
  (void)function;
}

struct Gather {
  static constexpr const char* node = "GatherBackward0";
  static constexpr uint32_t saves = saves_input(1);
  int64_t dim;
  Dims shape{};
  TensorMeta meta(const Tensor& x, const Tensor& index) {
    dim = prepare("gather", x, dim, index);
    check_sizes("gather", x, int(dim), index, nullptr);
    shape = x->shape();
    return {x->dtype, index->shape()};
  }
  void cpu(TensorImpl& out, const Tensor& x, const Tensor& index) const {
    const int64_t item = item_size(x->dtype);
    walk(*dense(index, DType::Int64), int(dim), *x, Dims::filled(std::max<int>(index->ndim, 1), 0),
         [&](int64_t i, int64_t from, int64_t) {
           copy_element(out.data + i * item, x->data + from * item, item);
         });
  }
  void vjp(const Back& b, Tensor* d) const {
    d[0] = scatter_add(zeros(shape, b.g[0]->dtype, b.g[0]->device), dim, b.in[1], b.g[0]);
  }
};

enum class Mode : uint8_t { Copy, Add, Multiply, Min, Max };

template <class T> void combine(Mode mode, T& to, T from) {
  if (mode == Mode::Copy) to = from;
  else if (mode == Mode::Add) add_element(to, from);
  else if constexpr (!is_complex_type<T> && !is_half_type<T>) {
    if (mode == Mode::Multiply) to = T(to * from);
    else if (mode == Mode::Min) to = from < to || from != from ? from : to;
    else to = from > to || from != from ? from : to;
  } else if constexpr (is_half_type<T>) {
    const float a = to, b = from;
    to = T(mode == Mode::Multiply ? a * b : mode == Mode::Min ? (b < a ? b : a) : (b > a ? b : a));
  } else {
    to = T(to.re * from.re - to.im * from.im, to.re * from.im + to.im * from.re);
  }
}

// out[index] (op)= source, in the order of the index: with equal indices the last one stays.
void scatter_into(TensorImpl& out, int dim, const Tensor& index, const Tensor& source, Mode mode) {
  if (out.is_meta()) return;
  const Tensor values = source->dtype == out.dtype ? source : converted(source, out.dtype);
  const Dims strides = values->ndim ? values->stride() : Dims::filled(std::max<int>(index->ndim, 1), 0);
  visit(out.dtype, [&](auto element) {
    using T = decltype(element);
    T *to = out.as<T>(), *from = values->as<T>();
    walk(*dense(index, DType::Int64), dim, out, strides,
         [&](int64_t, int64_t at, int64_t mine) { combine(mode, to[at], from[mine]); });
  });
}

Tensor copy_of(const Tensor& x) {
  Tensor out = empty_as(*x);
  copy_into(*out, *x);
  return out;
}

struct Scatter {
  static constexpr const char* node = "ScatterBackward0";
  static constexpr uint32_t saves = saves_input(1);
  int64_t dim;
  Tensor forward(const Tensor& x, const Tensor& index, const Tensor& source) {
    dim = prepare("scatter", x, dim, index);
    check_sizes("scatter", x, int(dim), index, &source);
    if (source->ndim && source->dtype != x->dtype)
      fail("scatter(): Expected self.dtype to be equal to src.dtype");
    Tensor out = copy_of(x);
    scatter_into(*out, int(dim), index, source, Mode::Copy);
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0)) d[0] = scatter(b.g[0], dim, b.in[1], zeros(Dims(), b.g[0]->dtype, b.g[0]->device));
    if (b.needs(2)) d[2] = gather(b.g[0], dim, b.in[1]);
  }
};

struct ScatterAdd {
  static constexpr const char* node = "ScatterAddBackward0";
  static constexpr uint32_t saves = saves_input(1);
  int64_t dim;
  Dims source_shape{};
  Tensor forward(const Tensor& x, const Tensor& index, const Tensor& source) {
    dim = prepare("scatter_add", x, dim, index);
    check_sizes("scatter_add", x, int(dim), index, &source);
    if (source->dtype != x->dtype) fail("scatter(): Expected self.dtype to be equal to src.dtype");
    source_shape = source->shape();
    Tensor out = copy_of(x);
    scatter_into(*out, int(dim), index, source, Mode::Add);
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    d[0] = b.g[0];
    if (!b.needs(2)) return;
    d[2] = gather(b.g[0], dim, b.in[1]);
    if (!(d[2]->shape() == source_shape)) {  // the index covers only a corner of the source
      Tensor whole = zeros(source_shape, b.g[0]->dtype, b.g[0]->device), corner = whole;
      for (int k = 0; k < source_shape.count; ++k) corner = narrow(corner, k, 0, d[2]->sizes[k]);
      copy_(corner, d[2]);
      d[2] = whole;
    }
  }
};

Tensor scatter_number(const Tensor& x, int64_t dim, const Tensor& index, Scalar value) {
  return scatter(x, dim, index, full(Dims(), value, x->dtype, x->device));
}
Mode reduction(std::string_view name, bool include_named) {
  if (name == "add" || (include_named && name == "sum")) return Mode::Add;
  if (name == "multiply" || (include_named && name == "prod")) return Mode::Multiply;
  if (include_named && name == "amin") return Mode::Min;
  if (include_named && name == "amax") return Mode::Max;
  fail("reduce argument must be either ", include_named ? "sum, prod, mean, amax or amin" : "add or multiply",
       ", got ", name, ".");
}
Tensor scatter_with(const Tensor& x, int64_t dim, const Tensor& index, const Arg& source,
                    std::string_view reduce) {
  const Tensor values =
      source.tensor ? Tensor(source.tensor) : full(Dims(), source.scalar, x->dtype, x->device);
  const int d = prepare("scatter", x, dim, index);
  check_sizes("scatter", x, d, index, &values);
  if (mode.grad && (requires_grad(*x) || requires_grad(*values)))
    fail<NotImplemented>("scatter(reduce='", reduce, "') has no derivative; use scatter_add");
  Tensor out = copy_of(x);
  scatter_into(*out, d, index, values, reduction(reduce, false));
  return out;
}
Tensor scatter_reduce(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source,
                      std::string_view reduce, bool include_self) {
  const int d = prepare("scatter_reduce", x, dim, index);
  check_sizes("scatter_reduce", x, d, index, &source);
  if (reduce == "sum" && include_self) return scatter_add(x, dim, index, source);
  if (reduce == "sum") return scatter_add(scatter_number(x, dim, index, 0), dim, index, source);
  if (reduce == "mean") {
    const Tensor one = ones(source->shape(), x->dtype, x->device);
    const Tensor base = include_self ? x : scatter_number(x, dim, index, 0);
    const Tensor start = ones(x->shape(), x->dtype, x->device);
    const Tensor count =
        scatter_add(include_self ? start : scatter_number(start, dim, index, 0), dim, index, one);
    const Tensor total = scatter_add(base, dim, index, source);
    const Arg in[] = {Arg(total), Arg(count)};
    return is_floating(x->dtype) ? total / count : pointwise(row<DivFloor>, nullptr, in);
  }
  if (mode.grad && (requires_grad(*x) || requires_grad(*source)))
    fail<NotImplemented>("the derivative of scatter_reduce(reduce='", reduce, "') is not implemented");
  const Mode how = reduction(reduce, true);
  Tensor out = copy_of(x);
  if (!include_self) {
    const double start = how == Mode::Multiply ? 1 : how == Mode::Min ? __builtin_inf() : -__builtin_inf();
    const Scalar neutral = is_floating(x->dtype)   ? Scalar(start)
                           : how == Mode::Multiply ? Scalar(1)
                                                   : Scalar(0);
    if (is_floating(x->dtype) || how == Mode::Multiply)
      scatter_into(*out, d, index, full(Dims(), neutral, x->dtype), Mode::Copy);
    else
      scatter_into(*out, d, index, source, Mode::Copy);  // some source value, which the reduction then joins
  }
  scatter_into(*out, d, index, source, how);
  return out;
}

// --- whole slices: index_select, index_add, index_copy, index_fill ---

struct Slices {  // x seen as [outer, size, inner]
  int64_t outer = 1, inner = 1, size;
  Slices(const Dims& shape, int dim) : size(shape.count ? shape[dim] : 1) {
    for (int d = 0; d < dim; ++d) outer *= shape[d];
    for (int d = dim + 1; d < shape.count; ++d) inner *= shape[d];
  }
};

Tensor slice_index(const char* function, const Tensor& index, int64_t size, int dim) {
  if (index->ndim > 1) fail<IndexError>(function, "(): Index is supposed to be a vector");
  if (index->dtype != DType::Int64 && index->dtype != DType::Int32)
    fail(function, "(): Expected dtype int32 or int64 for index");
  const Tensor values = dense(index, DType::Int64);
  if (values->is_meta()) return values;
  for (int64_t i = 0; i < values->numel; ++i)
    if (values->as<int64_t>()[i] < 0 || values->as<int64_t>()[i] >= size)
      fail<IndexError>("index out of range in self: index ", values->as<int64_t>()[i], " for dimension ", dim,
                       " of size ", size);
  return values;
}

struct IndexSelect {
  static constexpr const char* node = "IndexSelectBackward0";
  static constexpr uint32_t saves = saves_input(1);
  int64_t dim;
  Dims shape{};
  TensorMeta meta(const Tensor& x, const Tensor& index) {
    dim = wrap_dim(dim, x->ndim);
    shape = x->shape();
    if (index->ndim > 1) fail<IndexError>("index_select(): Index is supposed to be a vector");
    Dims out = shape;
    if (out.count) out[int(dim)] = index->numel;
    else if (index->numel != 1)
      fail<IndexError>("index_select(): Index to scalar can have only 1 value, got ", index->numel,
                       " value(s)");
    return {x->dtype, out};
  }
  void cpu(TensorImpl& out, const Tensor& x, const Tensor& index) const {
    const Slices s(shape, int(dim));
    const Tensor at = slice_index("index_select", index, s.size, int(dim)), source = dense(x);
    const int64_t bytes = s.inner * item_size(x->dtype), n = at->numel;
    const int64_t* v = at->as<int64_t>();
    const int64_t rows = s.outer * n, per_piece = std::max<int64_t>(1, 65536 / std::max<int64_t>(bytes, 1));
    parallel_pieces((rows + per_piece - 1) / per_piece, [&](int64_t piece) {
      for (int64_t r = piece * per_piece; r < std::min(rows, (piece + 1) * per_piece); ++r)
        std::memcpy(out.data + r * bytes, source->data + (r / n * s.size + v[r % n]) * bytes, size_t(bytes));
    });
  }
  void vjp(const Back& b, Tensor* d) const {
    d[0] = index_add(zeros(shape, b.g[0]->dtype, b.g[0]->device), dim, b.in[1], b.g[0], 1);
  }
};

void check_slices(const char* function, const Tensor& x, int dim, const Tensor& index, const Tensor& source) {
  if (source->dtype != x->dtype)
    fail(function, "(): self and source expected to have the same dtype, but got (self) ", c_name(x->dtype),
         " and (source) ", c_name(source->dtype));
  Dims wanted = x->shape();
  if (wanted.count) wanted[dim] = index->numel;
  if (!(source->shape() == wanted) && !(wanted.count <= 1 && source->numel == index->numel))
    fail(function, "(): Number of indices (", index->numel,
         ") should be equal to source.size(dim): source has shape ", to_string(source->shape()),
         ", expected ", to_string(wanted));
}

void put_slices(TensorImpl& out, int dim, const Tensor& index, const Tensor& source, bool add, Scalar alpha) {
  if (out.is_meta()) return;
  const Slices s(out.shape(), dim);
  const Tensor at = slice_index(add ? "index_add" : "index_copy", index, s.size, dim), values = dense(source);
  const int64_t* v = at->as<int64_t>();
  visit(out.dtype, [&](auto element) {
    using T = decltype(element);
    T *to = out.as<T>(), *from = values->as<T>();
    const bool scaled = add && !(alpha.is_integral() && alpha.i == 1);
    for (int64_t o = 0; o < s.outer; ++o)
      for (int64_t i = 0; i < at->numel; ++i) {
        T* row = to + (o * s.size + v[i]) * s.inner;
        const T* in = from + (o * at->numel + i) * s.inner;
        for (int64_t k = 0; k < s.inner; ++k) {
          if (!add) row[k] = in[k];
          else if (!scaled) add_element(row[k], in[k]);
          else if constexpr (is_complex_type<T>) {
            const T a(alpha);
            add_element(row[k], T(a.re * in[k].re - a.im * in[k].im, a.re * in[k].im + a.im * in[k].re));
          } else if constexpr (is_half_type<T>) add_element(row[k], T(float(in[k]) * float(alpha)));
          else add_element(row[k], T(T(alpha) * in[k]));
        }
      }
  });
}

struct IndexAdd {
  static constexpr const char* node = "IndexAddBackward0";
  static constexpr uint32_t saves = saves_input(1);
  int64_t dim;
  Scalar alpha;
  Dims source_shape{};
  Tensor forward(const Tensor& x, const Tensor& index, const Tensor& source) {
    dim = wrap_dim(dim, x->ndim);
    check_slices("index_add", x, int(dim), index, source);
    source_shape = source->shape();
    Tensor out = x->is_meta() ? empty_as(*x) : clone(alias(*dense(x)));
    put_slices(*out, int(dim), index, source, true, alpha);
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    d[0] = b.g[0];
    if (b.needs(2)) d[2] = view(index_select(b.g[0], dim, b.in[1]) * alpha, source_shape);
  }
};

struct IndexCopy {
  static constexpr const char* node = "IndexCopyBackward0";
  static constexpr uint32_t saves = saves_input(1);
  int64_t dim;
  Dims source_shape{};
  Tensor forward(const Tensor& x, const Tensor& index, const Tensor& source) {
    dim = wrap_dim(dim, x->ndim);
    check_slices("index_copy", x, int(dim), index, source);
    source_shape = source->shape();
    Tensor out = x->is_meta() ? empty_as(*x) : clone(alias(*dense(x)));
    put_slices(*out, int(dim), index, source, false, 1);
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0)) d[0] = index_fill(b.g[0], dim, b.in[1], Scalar(0));
    if (b.needs(2)) d[2] = view(index_select(b.g[0], dim, b.in[1]), source_shape);
  }
  static Tensor index_fill(const Tensor& x, int64_t dim, const Tensor& index, const Arg& value) {
    const int at = wrap_dim(dim, x->ndim);
    Tensors indices(static_cast<size_t>(at), Tensor());
    indices.push_back(index);
    if (value.tensor && value.tensor->ndim)
      fail("index_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
           int(value.tensor->ndim), " dimension(s).");
    const Tensor filled = value.tensor ? to_dtype(Tensor(value.tensor), x->dtype)
                                       : full(Dims(), value.scalar, x->dtype, x->device);
    return index_put(x, indices, filled, false);
  }
};

Tensor index_copy(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source) {
  return call_structural(IndexCopy{dim}, x, index, source);
}
Tensor take_along_dim(const Tensor& x, const Tensor& indices, std::optional<int64_t> dim) {
  if (indices->dtype != DType::Int64)
    fail("torch.take_along_dim(): dtype of indices should be Long but got ", c_name(indices->dtype));
  if (!dim) return gather(reshape(x, Dims{-1}), 0, reshape(indices, Dims{-1}));
  if (x->ndim != indices->ndim)
    fail("torch.take_along_dim(): input and indices should have the same number of dimensions, but got ",
         int(x->ndim), " dimensions for input, and ", int(indices->ndim), " dimensions for indices");
  const int d = wrap_dim(*dim, x->ndim);
  Dims a = x->shape(), b = indices->shape();
  a[d] = b[d] = 1;
  const Dims both = broadcast(a, b);
  Dims wide = both, wide_index = both;
  wide[d] = x->sizes[d];
  wide_index[d] = indices->sizes[d];
  return gather(expand(x, wide), d, expand(indices, wide_index));
}
// Rows of a table. The row `padding` (negative: none) gets no gradient.
struct Embedding {
  static constexpr const char* node = "EmbeddingBackward0";
  static constexpr uint32_t saves = saves_input(1);
  int64_t padding;
  Dims table{};
  Tensor forward(const Tensor& weight, const Tensor& index) {
    if (weight->ndim != 2) fail("'weight' must be 2-D");
    if (index->dtype != DType::Int64 && index->dtype != DType::Int32)
      fail(
          "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; "
          "but got torch.",
          c_name(index->dtype), "Tensor instead (while checking arguments for embedding)");
    table = weight->shape();
    Dims shape = index->shape();
    shape.push(table[1]);
    GradMode off(false);
    return view(index_select(weight, 0, reshape(index, Dims{-1})), shape);
  }
  void vjp(const Back& b, Tensor* d) const {
    Tensor g = reshape(b.g[0], Dims{-1, table[1]});
    const Tensor index = reshape(b.in[1], Dims{-1});
    if (padding >= 0) g = masked_fill(g, unsqueeze(binary("eq", index, Scalar(padding)), 1), Scalar(0));
    d[0] = index_add(zeros(table, g->dtype, g->device), 0, index, g, 1);
  }
};
Tensor embedding(const Tensor& input, const Tensor& weight, std::optional<int64_t> padding_idx,
                 std::optional<double> max_norm, double, bool scale_grad_by_freq, bool sparse) {
  if (max_norm) fail<NotImplemented>("embedding(max_norm=) is not implemented");
  if (scale_grad_by_freq) fail<NotImplemented>("embedding(scale_grad_by_freq=True) is not implemented");
  if (sparse) fail<NotImplemented>("embedding(sparse=True) is not implemented");
  int64_t padding = -1;
  if (padding_idx) {
    const int64_t rows = weight->ndim ? weight->sizes[0] : 0;
    if (*padding_idx >= rows || *padding_idx < -rows)
      fail<AssertionError>("Padding_idx must be within num_embeddings");
    padding = *padding_idx < 0 ? *padding_idx + rows : *padding_idx;
  }
  return call_structural(Embedding{padding}, weight, input);
}

Tensor gather_entry(const Tensor& x, int64_t dim, const Tensor& index, bool) { return gather(x, dim, index); }

}  // namespace

Tensor gather(const Tensor& x, int64_t dim, const Tensor& index) {
  return call_structural(Gather{dim}, x, index);
}
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source) {
  return call_structural(Scatter{dim}, x, index, source);
}
Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source) {
  return call_structural(ScatterAdd{dim}, x, index, source);
}
Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index) {
  return call_structural(IndexSelect{dim}, x, index);
}
Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source, Scalar alpha) {
  return call_structural(IndexAdd{dim, alpha}, x, index, source);
}

inline constexpr uint16_t kWrites = kFunction | kMethod | kInPlace | kOut;
static constexpr OpEntry entries[] = {
    fn<gather_entry>("gather(Tensor input, int dim, Tensor index, *, bool sparse_grad=False)",
                     kFunction | kMethod | kOut),
    fn<scatter_number>("scatter(Tensor input, int dim, Tensor index, Number value)", kWrites),
    fn<scatter>("scatter(Tensor input, int dim, Tensor index, Tensor src)", kWrites),
    fn<scatter_with>("scatter(Tensor input, int dim, Tensor index, Operand src, *, str reduce)", kWrites),
    fn<scatter_with>("scatter(Tensor input, int dim, Tensor index, Operand value, *, str reduce)", kWrites),
    fn<scatter_add>("scatter_add(Tensor input, int dim, Tensor index, Tensor src)", kWrites),
    fn<scatter_reduce>("scatter_reduce(Tensor input, int dim, Tensor index, Tensor src, str reduce, *, bool "
                       "include_self=True)",
                       kWrites),
    fn<index_select>("index_select(Tensor input, int dim, Tensor index)", kFunction | kMethod | kOut),
    fn<index_add>("index_add(Tensor input, int dim, Tensor index, Tensor source, *, Number alpha=1)",
                  kWrites),
    fn<index_copy>("index_copy(Tensor input, int dim, Tensor index, Tensor source)", kWrites),
    fn<IndexCopy::index_fill>("index_fill(Tensor input, int dim, Tensor index, Operand value)",
                              kFunction | kMethod | kInPlace),
    fn<embedding>("embedding(Tensor input, Tensor weight, int? padding_idx=None, float? max_norm=None, float "
                  "norm_type=2.0, bool "
                  "scale_grad_by_freq=False, bool sparse=False)",
                  kNN),
    fn<take_along_dim>("take_along_dim(Tensor input, Tensor indices, int? dim=None)",
                       kFunction | kMethod | kOut),
};
FACULA_ENTRIES(scatter)

}  // namespace facula
