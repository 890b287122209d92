// Moving elements along one dimension by an index tensor: gather, scatter and their relatives.
#include <algorithm>
#include "op/structural.h"
#include "ops/named.h"
#include "ops/along.h"
#include "ops/units.h"

namespace facula {
namespace {

// --- what gather and scatter check ---

int prepare(const char* function, const Tensor& x, int64_t dim, const Tensor& index) {
  const int d = wrap_dim(dim, x->ndim);
  if (index->numel && index->dtype != DType::Int64 && index->dtype != DType::Int32)
    fail(function, "(): Expected dtype int32/int64 for index");
  if (index->numel && std::max<int>(index->ndim, 1) != std::max<int>(x->ndim, 1))
    fail("Index tensor must have the same number of dimensions as ", function[0] == 'g' ? "input" : "self",
         " tensor");
  return d;
}

void check_sizes(const Tensor& x, int dim, const Tensor& index, const Tensor* source) {
  if (index->numel == 0) return;
  if (source && (*source)->ndim && std::max<int>(index->ndim, 1) != std::max<int>((*source)->ndim, 1))
    fail("Index tensor must have the same number of dimensions as src tensor");
  for (int d = 0; d < index->ndim; ++d) {
    if (d != dim && index->sizes[d] > (x->ndim ? x->sizes[d] : 1))
      fail("Size does not match at dimension ", d, " expected index ", to_string(index->shape()),
           " to be no larger than self ", to_string(x->shape()), " apart from dimension ", dim);
    if (source && (*source)->ndim && index->sizes[d] > (*source)->sizes[d])
      fail("Expected index ", to_string(index->shape()), " to be no larger than self ", to_string(x->shape()),
           " apart from dimension ", dim, " and to be no larger size than src ",
           to_string((*source)->shape()));
  }
}

// The corner of x that an index of this shape can reach: x itself along dim (negative: nowhere), and as long
// as the index elsewhere. A plain view.
Tensor corner(const Tensor& x, const Dims& index, int dim) {
  Dims sizes = x->shape();
  for (int d = 0; d < sizes.count && d < index.count; ++d)
    if (d != dim) sizes[d] = index[d];
  return sizes == x->shape() ? x : alias(*x, sizes, x->stride());
}

Along along(const Tensor& x, const Dims& index, int dim) {
  Along a{1, x->ndim ? x->sizes[dim] : 1, index.count ? index[dim] : 1, 1};
  for (int d = 0; d < index.count; ++d)
    if (d != dim) (d < dim ? a.outer : a.inner) *= index[d];
  return a;
}

struct Gather {
  static constexpr const char* node = "GatherBackward0";
  static constexpr uint32_t saves = saves_input(1);
  void show(Parameters& p) const { p("dim", dim), p("sparse_grad", false); }
  int64_t dim;
  Dims shape{};
  TensorMeta meta(const Tensor& x, const Tensor& index) {
    dim = prepare("gather", x, dim, index);
    check_sizes(x, int(dim), index, nullptr);
    shape = x->shape();
    return {x->dtype, index->shape()};
  }
  void cpu(TensorImpl& out, const Tensor& x, const Tensor& index) const {
    if (out.numel == 0) return;
    const Tensor from = dense(corner(x, index->shape(), int(dim))), at = dense(index, DType::Int64);
    const Along a = along(x, index->shape(), int(dim));
    require_in_bounds(at->as<int64_t>(), at->numel, a.size, int(dim));
    gather_along(a, item_size(x->dtype), from->data, at->as<int64_t>(), out.data);
  }
  void vjp(const Back& b, Tensor* d) const {
    d[0] = scatter_add(zeros(shape, b.g[0]->dtype, b.g[0]->device), dim, b.in[1], b.g[0]);
  }
  std::optional<Gather> batched(const Back&, int64_t n) const {
    if (!shape.count) return std::nullopt;
    return Gather{dim + 1, with_batch(shape, n)};
  }
};

// --- scatter ---

enum class Mode : uint8_t { Copy, Add, Multiply, Min, Max };

template <Mode M, class T> void combine(T& to, T from) {
  if constexpr (M == Mode::Copy) to = from;
  else if constexpr (M == Mode::Add) add_element(to, from);
  else if constexpr (is_complex_type<T>)
    to = T(to.re * from.re - to.im * from.im, to.re * from.im + to.im * from.re);
  else {
    using V = std::conditional_t<is_half_type<T>, float, T>;
    const V a = to, b = from;
    if constexpr (M == Mode::Multiply) to = T(a * b);
    else if constexpr (M == Mode::Min) to = choose((b < a) | (b != b), to, from);
    else to = choose((b > a) | (b != b), to, from);
  }
}

template <Mode M>
void scatter_as(const Along& a, TensorImpl& out, const int64_t* index, const Tensor& values) {
  visit(out.dtype, [&](auto element) {
    using T = decltype(element);
    T *to = out.as<T>(), *from = values->as<T>();
    if (values->ndim == 0 && a.outer * a.length * a.inner != 1) {
      const T value = *from;
      scatter_along(a, index, [&](int64_t at, int64_t) { combine<M>(to[at], value); });
    } else {
      scatter_along(a, index, [&](int64_t at, int64_t mine) { combine<M>(to[at], from[mine]); });
    }
  });
}

// out[index] (op)= source, in the order of the index: with equal indices the last one stays. `out` is fresh
// and contiguous.
void scatter_into(TensorImpl& out, int dim, const Tensor& index, const Tensor& source, Mode mode) {
  if (out.is_meta() || index->numel == 0) return;
  const Tensor whole(&out), at = dense(index, DType::Int64);
  const Along a = along(whole, index->shape(), dim);
  require_in_bounds(at->as<int64_t>(), at->numel, a.size, dim);
  const Tensor reached = corner(whole, index->shape(), dim), to = dense(reached);
  const Tensor part = source->ndim ? corner(source, index->shape(), -1) : source,
               values = dense(part, out.dtype);
  switch (mode) {
    case Mode::Copy: scatter_as<Mode::Copy>(a, *to, at->as<int64_t>(), values); break;
    case Mode::Add: scatter_as<Mode::Add>(a, *to, at->as<int64_t>(), values); break;
    case Mode::Multiply: scatter_as<Mode::Multiply>(a, *to, at->as<int64_t>(), values); break;
    case Mode::Min: scatter_as<Mode::Min>(a, *to, at->as<int64_t>(), values); break;
    case Mode::Max: scatter_as<Mode::Max>(a, *to, at->as<int64_t>(), values); break;
  }
  if (to->data != out.data) copy_into(*reached, *to);
}

Tensor copy_of(const Tensor& x) {
  Tensor out = empty(x->dtype, x->shape(), x->device);
  copy_into(*out, *x);
  return out;
}

// A gradient of the shape of the index, as one of the source: the index may cover only a corner of it.
Tensor in_corner(const Tensor& g, const Dims& source_shape) {
  if (g->shape() == source_shape || source_shape.count == 0) return g;
  Tensor whole = zeros(source_shape, g->dtype, g->device), part = whole;
  for (int k = 0; k < source_shape.count; ++k) part = narrow(part, k, 0, g->sizes[k]);
  copy_(part, g);
  return whole;
}

// A gradient and an index with a batch in front; no dimension counts as one.
struct Behind {
  int64_t n;
  Tensor given, g, index;
  Behind(const Tensor& gradient, const Tensor& at, int64_t batch) : n(batch), given(gradient) {
    const bool none = gradient->ndim == 1;
    g = none ? unsqueeze(gradient, 1) : gradient;
    index = expand_to_batch(none && at->ndim == 0 ? unsqueeze(at, 0) : at, batch);
  }
  Tensor without(int64_t dim) const {  // zero where the source went
    return reshape(scatter(g, dim + 1, index, zeros(Dims(), g->dtype, g->device)), given->shape());
  }
  Tensor of_source(int64_t dim, const Dims& shape) const {
    const Tensor picked = gather(g, dim + 1, index);
    return given->ndim == 1 ? reshape(picked, with_batch(shape, n)) : in_corner(picked, with_batch(shape, n));
  }
};

struct Scatter {
  static constexpr const char* node = "ScatterBackward0";
  static constexpr uint32_t saves = saves_input(1);
  void show(Parameters& p) const { p("dim", dim); }
  int64_t dim;
  Dims source_shape{};
  Tensor forward(const Tensor& x, const Tensor& index, const Tensor& source) {
    dim = prepare("scatter", x, dim, index);
    check_sizes(x, int(dim), index, &source);
    if (source->ndim && source->dtype != x->dtype)
      fail("scatter(): Expected self.dtype to be equal to src.dtype");
    source_shape = source->shape();
    Tensor out = copy_of(x);
    scatter_into(*out, int(dim), index, source, Mode::Copy);
    return out;
  }
  void vjp_batch(const Back& b, int64_t n, Tensor* d) const {
    const Behind at(b.g[0], b.in[1], n);
    if (b.needs(0)) d[0] = at.without(dim);
    if (b.needs(2)) d[2] = at.of_source(dim, source_shape);
  }
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0)) d[0] = scatter(b.g[0], dim, b.in[1], zeros(Dims(), b.g[0]->dtype, b.g[0]->device));
    if (b.needs(2)) d[2] = in_corner(gather(b.g[0], dim, b.in[1]), source_shape);
  }
};

struct ScatterAdd {
  static constexpr const char* node = "ScatterAddBackward0";
  static constexpr uint32_t saves = saves_input(1);
  void show(Parameters& p) const { p("dim", dim); }
  int64_t dim;
  Dims source_shape{};
  Tensor forward(const Tensor& x, const Tensor& index, const Tensor& source) {
    dim = prepare("scatter_add", x, dim, index);
    check_sizes(x, int(dim), index, &source);
    if (source->dtype != x->dtype) fail("scatter(): Expected self.dtype to be equal to src.dtype");
    source_shape = source->shape();
    Tensor out = copy_of(x);
    scatter_into(*out, int(dim), index, source, Mode::Add);
    return out;
  }
  void vjp_batch(const Back& b, int64_t n, Tensor* d) const {
    const Behind at(b.g[0], b.in[1], n);
    if (b.needs(0)) d[0] = b.g[0];
    if (b.needs(2)) d[2] = at.of_source(dim, source_shape);
  }
  void vjp(const Back& b, Tensor* d) const {
    d[0] = b.g[0];
    if (b.needs(2)) d[2] = in_corner(gather(b.g[0], dim, b.in[1]), source_shape);
  }
};

struct ScatterNumber {
  static constexpr const char* node = "ScatterBackward1";
  static constexpr uint32_t saves = saves_input(1);
  void show(Parameters& p) const { p("dim", dim); }
  int64_t dim;
  Scalar value;
  Tensor forward(const Tensor& x, const Tensor& index) {
    dim = prepare("scatter", x, dim, index);
    const Tensor source = full(Dims(), value, x->dtype, x->device);
    check_sizes(x, int(dim), index, &source);
    Tensor out = copy_of(x);
    scatter_into(*out, int(dim), index, source, Mode::Copy);
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    d[0] = scatter(b.g[0], dim, b.in[1], zeros(Dims(), b.g[0]->dtype, b.g[0]->device));
  }
  void vjp_batch(const Back& b, int64_t n, Tensor* d) const {
    d[0] = Behind(b.g[0], b.in[1], n).without(dim);
  }
};
Tensor scatter_number(const Tensor& x, int64_t dim, const Tensor& index, Scalar value) {
  return call_structural(ScatterNumber{dim, value}, x, index);
}
Tensor scatter_with(const Tensor& x, int64_t dim, const Tensor& index, const Arg& source,
                    std::string_view reduce) {
  const Tensor values =
      source.tensor ? Tensor(source.tensor) : full(Dims(), source.scalar, x->dtype, x->device);
  const int d = prepare("scatter", x, dim, index);
  check_sizes(x, d, index, &values);
  if (reduce != "add" && reduce != "multiply")
    fail("reduce argument must be either add or multiply, got ", reduce, ".");
  if (mode.grad && (requires_grad(*x) || requires_grad(*values)))
    fail<NotImplemented>("scatter(reduce='", reduce, "') has no derivative; use scatter_add");
  Tensor out = copy_of(x);
  scatter_into(*out, d, index, values, reduce == "add" ? Mode::Add : Mode::Multiply);
  return out;
}

// --- scatter_reduce: the elements of the source that meet in one place are reduced, with self or without ---

enum class Reduction : uint8_t { Sum, Prod, Mean, Min, Max };

Tensor floor_divided(const Tensor& a, const Tensor& b) {
  const Arg in[] = {Arg(a), Arg(b)};
  return pointwise(row<DivFloor>, nullptr, in);
}
Tensor mask_of(const Tensor& a, const Tensor& b) { return to_dtype(binary("eq", a, b), a->dtype); }

struct ScatterReduce {
  static constexpr const char* node = "ScatterReduceBackward0";
  static constexpr uint32_t saves = kInputs | kOutput;
  void show(Parameters& p) const { p("dim", dim), p("include_self", include_self); }
  int64_t dim;
  Reduction how;
  bool include_self;
  Dims shape{}, source_shape{};

  uint32_t keeps(const Tensor*) const {  // sums and means need neither x nor the source
    return how == Reduction::Sum || how == Reduction::Mean ? saves_input(1) : kInputs;
  }
  Tensor forward(const Tensor& x, const Tensor& index, const Tensor& source) {
    GradMode off(false);
    shape = x->shape();
    source_shape = source->shape();
    Tensor out = copy_of(x);
    if (index->numel == 0 || x->is_meta()) return out;
    const int d = int(dim);
    if (!include_self) {  // a neutral start where anything arrives
      if (how == Reduction::Min || how == Reduction::Max) scatter_into(*out, d, index, source, Mode::Copy);
      else
        scatter_into(*out, d, index,
                     full(Dims(), Scalar(int64_t(how == Reduction::Prod)), x->dtype, x->device), Mode::Copy);
    }
    const Mode mode = how == Reduction::Prod  ? Mode::Multiply
                      : how == Reduction::Min ? Mode::Min
                      : how == Reduction::Max ? Mode::Max
                                              : Mode::Add;
    scatter_into(*out, d, index, source, mode);
    if (how != Reduction::Mean) return out;
    const Tensor n = counts(x->dtype, index);
    return is_floating(x->dtype) ? out / n : floor_divided(out, n);
  }

  void vjp(const Back& b, Tensor* d) const {
    const Tensor &x = b.in[0], &index = b.in[1], &source = b.in[2], &y = b.out[0], &g = b.g[0];
    if (index->numel == 0) {
      d[0] = g;
      if (b.needs(2)) d[2] = zeros(source_shape, g->dtype, g->device);
      return;
    }
    const Dims reached = index->shape();
    auto at = [&](const Tensor& t) { return gather(t, dim, index); };
    Tensor mine, theirs;  // the gradients of x (before include_self) and of the source's corner
    switch (how) {
      case Reduction::Sum:
        mine = g;
        theirs = at(g);
        break;
      case Reduction::Mean: {
        const Tensor share = g / counts(g->dtype, index);
        mine = share;
        theirs = at(share);
        break;
      }
      case Reduction::Prod: product_gradients(x, index, part(source, reached), y, g, mine, theirs); break;
      case Reduction::Min:
      case Reduction::Max: {  // equal extremes share
        const Tensor values = part(source, reached), own = mask_of(x, y), hit = mask_of(values, at(y));
        const Tensor from_self = include_self ? own : scatter_number(own, dim, index, 0);
        const Tensor n = scatter_add(from_self, dim, index, hit);
        const Tensor share = g / where(binary("eq", n, Scalar(0)), Scalar(1), n);
        mine = own * share;
        theirs = hit * at(share);
        break;
      }
    }
    // Without self, only the places that nothing reached keep their own value.
    if (b.needs(0)) d[0] = include_self ? mine : where(touched(index), Scalar(0), g);
    if (b.needs(2)) d[2] = in_corner(theirs, source_shape);
  }

 private:
  // How many elements were added into each place, 1 where none was.
  Tensor counts(DType t, const Tensor& index) const {
    GradMode off(false);
    const Device device = index->device;
    Tensor n = ones(shape, t, device);
    if (!include_self) n = scatter_number(n, dim, index, 0);
    if (!n->is_meta()) scatter_into(*n, int(dim), index, ones(Dims(), t, device), Mode::Add);
    return n;
  }
  Tensor touched(const Tensor& index) const {
    GradMode off(false);
    return scatter_number(zeros(shape, DType::Bool, index->device), dim, index, Scalar(true));
  }
  static Tensor part(const Tensor& source, const Dims& shape) {  // recorded, unlike corner()
    Tensor t = source;
    for (int k = 0; k < shape.count; ++k)
      if (t->sizes[k] != shape[k]) t = narrow(t, k, 0, shape[k]);
    return t;
  }
  // The product of the others: a quotient where nothing is zero; where exactly one factor is zero, the
  // product without it; 0 where more are.
  void product_gradients(const Tensor& x, const Tensor& index, const Tensor& source, const Tensor& y,
                         const Tensor& g, Tensor& mine, Tensor& theirs) const {
    auto at = [&](const Tensor& t) { return gather(t, dim, index); };
    auto is_zero = [](const Tensor& t) { return binary("eq", alias(*t), Scalar(0)); };
    auto adjoint = [](const Tensor& t) { return is_complex(t->dtype) ? unary("conj", t) : t; };
    const Tensor x_zero = is_zero(x), s_zero = is_zero(source);
    const Tensor filled = where(x_zero, Scalar(1), x);
    mine = g * adjoint(call_structural(ScatterReduce{dim, Reduction::Prod, true}, filled, index, source) /
                       filled);
    const Tensor zeros_met =
        at(scatter_add(zeros(x->shape(), x->dtype, x->device), dim, index, to_dtype(s_zero, x->dtype)));
    const Tensor single = binary("logical_and", s_zero, binary("eq", zeros_met, Scalar(1)));
    const Tensor without = call_structural(ScatterReduce{dim, Reduction::Prod, include_self}, x, index,
                                           where(single, Scalar(1), source));
    theirs = where(single, at(g * adjoint(without)),
                   at(g * adjoint(y)) / adjoint(where(s_zero, Scalar(1), source)));
  }
};

Tensor scatter_reduce(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source,
                      std::string_view reduce, bool include_self) {
  const int d = prepare("scatter_reduce", x, dim, index);
  check_sizes(x, d, index, &source);
  if (source->dtype != x->dtype) fail("scatter(): Expected self.dtype to be equal to src.dtype");
  Reduction how;
  if (reduce == "sum") how = Reduction::Sum;
  else if (reduce == "prod") how = Reduction::Prod;
  else if (reduce == "mean") how = Reduction::Mean;
  else if (reduce == "amin" || reduce == "min") how = Reduction::Min;
  else if (reduce == "amax" || reduce == "max") how = Reduction::Max;
  else fail("reduce argument must be either sum, prod, mean, amax or amin, got ", reduce, ".");
  if ((how == Reduction::Min || how == Reduction::Max) && is_complex(x->dtype))
    fail<NotImplemented>("\"scatter_gather_tensor_cpu_reduce_", reduce, "\" not implemented for '",
                         c_name(x->dtype), "'");
  return call_structural(ScatterReduce{d, how, include_self}, x, index, source);
}

struct IndexReduceName {
  static constexpr const char* node = "IndexReduceBackward0";
};

// The slices of the source, reduced into the slices of x that the index names.
Tensor index_reduce(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source,
                    std::string_view reduce, bool include_self) {
  if (reduce != "prod" && reduce != "mean" && reduce != "amax" && reduce != "amin")
    fail("index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got ", reduce, ".");
  const int d = wrap_dim(dim, x->ndim);
  if (index->ndim > 1)
    fail<IndexError>("index_reduce_(): Index is supposed to be a vector, but got dim: ", int(index->ndim),
                     " with type: ", c_name(index->dtype), " and size: ", to_string(index->shape()));
  if (index->dtype != DType::Int64 && index->dtype != DType::Int32)
    fail("index_reduce_(): Expected dtype int32/int64 for index but got: ", c_name(index->dtype));
  if (source->dtype != x->dtype)
    fail("index_reduce_(): self (", c_name(x->dtype), ") and source (", c_name(source->dtype),
         ") must have the same scalar type");
  const int64_t n = source->ndim && d < source->ndim ? source->sizes[d] : 1;
  if (index->numel != n) {
    own_dim(dim, source);
    fail("index_reduce_(): Number of indices (", index->numel, ") should be equal to source.size(dim): (", n,
         "), for dim: ", d);
  }
  if ((x->ndim <= 1 || !include_self) && (is_complex(x->dtype) || x->dtype == DType::Bool))
    fail<NotImplemented>("\"", include_self ? "index_func_" : "index_reduce_func_exclude_input_init",
                         "\" not implemented for '", c_name(x->dtype), "'");
  Dims mine = x->shape(), theirs = source->shape();
  if (mine.count) mine.erase(d);
  if (theirs.count && d < theirs.count) theirs.erase(d);
  if (!(mine == theirs) || (x->ndim == 0) != (source->ndim == 0))
    fail(
        "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape "
        "= ",
        to_string(x->shape()), " source.shape = ", to_string(source->shape()));
  if (n && x->ndim && x->sizes[d] == 0)
    fail<IndexError>("select(): index 0 out of range for tensor of size ", to_string(x->shape()),
                     " at dimension ", d);
  if (x->ndim == 0) {
    return reshape(
        scatter_reduce(reshape(x, {1}), 0, reshape(index, {-1}), reshape(source, {-1}), reduce, include_self),
        Dims());
  }
  Dims shape = Dims::filled(x->ndim, 1);
  shape[d] = n;
  return named_result<IndexReduceName>(
      scatter_reduce(x, d, expand(reshape(index, shape), source->shape()), source, reduce, include_self));
}

Tensor take_along_dim(const Tensor& x, const Tensor& indices, std::optional<int64_t> dim) {
  if (indices->dtype != DType::Int64)
    fail("torch.take_along_dim(): dtype of indices should be Long but got ", c_name(indices->dtype));
  auto wrapped = [](const Tensor& at, int64_t size) {  // along a dimension, indices go round
    if (at->is_meta() || at->numel == 0 || size == 0) return at;
    return binary("remainder", at, Scalar(size));
  };
  if (!dim) return gather(reshape(x, Dims{-1}), 0, reshape(indices, Dims{-1}));
  if (x->ndim != indices->ndim)
    fail("torch.take_along_dim(): input and indices should have the same number of dimensions, but got ",
         int(x->ndim), " dimensions for input, and ", int(indices->ndim), " dimensions for indices");
  const int d = wrap_dim(*dim, x->ndim);
  if (x->ndim == 0) fail<IndexError>("Dimension specified as 0 but tensor has no dimensions");
  Dims a = x->shape(), b = indices->shape();
  a[d] = b[d] = 1;
  const Dims both = broadcast(a, b);
  Dims wide = both, wide_index = both;
  wide[d] = x->sizes[d];
  wide_index[d] = indices->sizes[d];
  return gather(expand(x, wide), d, wrapped(expand(indices, wide_index), x->sizes[d]));
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
inline constexpr uint16_t kWrites = kFunction | kMethod | kInPlace | kExactOut;
static constexpr OpEntry entries[] = {
    fn<gather_entry>("gather(Tensor input, int dim, Tensor index, *, bool sparse_grad=False)",
                     kFunction | kMethod | kApartOut),
    fn<scatter_number>("scatter(Tensor input, int dim, Tensor index, Number value)", kWrites),
    fn<scatter>("scatter(Tensor input, int dim, Tensor index, Tensor src)", kWrites),
    fn<scatter_with>("scatter(Tensor input, int dim, Tensor index, Operand src, *, str reduce)", kWrites),
    fn<scatter_with>("scatter(Tensor input, int dim, Tensor index, Operand value, *, str reduce)", kWrites),
    fn<scatter_add>("scatter_add(Tensor input, int dim, Tensor index, Tensor src)", kWrites),
    fn<scatter_reduce>("scatter_reduce(Tensor input, int dim, Tensor index, Tensor src, str reduce, *, bool "
                       "include_self=True)",
                       kWrites),
    fn<index_reduce>("index_reduce(Tensor input, int dim, Tensor index, Tensor source, str reduce, *, bool "
                     "include_self=True)",
                     kWrites),
    fn<take_along_dim>("take_along_dim(Tensor input, Tensor indices, int? dim=None)",
                       kFunction | kMethod | kApartOut),
};
FACULA_ENTRIES(scatter)

}  // namespace facula
