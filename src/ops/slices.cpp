// Whole slices along one dimension, chosen by a vector of indices: index_select, index_add, index_copy,
// index_fill.
#include <algorithm>
#include "core/parallel.h"
#include "op/structural.h"
#include "ops/index.h"
#include "ops/units.h"

namespace facula {
namespace {

struct Slices {  // x seen as [outer, size, inner]
  int64_t outer = 1, inner = 1, size;
  Slices(const Dims& shape, int dim) : size(shape.count ? shape[dim] : 1) {
    for (int d = 0; d < dim; ++d) outer *= shape[d];
    for (int d = dim + 1; d < shape.count; ++d) inner *= shape[d];
  }
};

// f(outer, first slice of x, its end): pieces of x that can be written at the same time. The writer goes
// through the whole index and leaves out what is not its own: the order of writes to one place stays that of
// the index.
template <class F> void for_owned(const Slices& s, int64_t written, F&& f) {
  const int64_t want = std::min<int64_t>(16, written / 65536 / std::max<int64_t>(s.outer, 1)),
                ranges = std::clamp<int64_t>(want, 1, std::max<int64_t>(s.size, 1)),
                each = (s.size + ranges - 1) / ranges;
  parallel_pieces(s.outer * ranges, [&](int64_t piece) {
    const int64_t from = piece % ranges * each;
    f(piece / ranges, from, std::min(s.size, from + each));
  });
}

Tensor long_index(const Tensor& index) { return dense(index, DType::Int64); }

int64_t first_outside(const Tensor& at, int64_t low, int64_t high) {  // its place, or -1
  const int64_t* v = at->as<int64_t>();
  for (int64_t i = 0; i < at->numel; ++i)
    if (v[i] < low || v[i] >= high) return i;
  return -1;
}

// --- index_select ---

template <class U>
void select_elements(const Slices& s, const char* x, const int64_t* v, int64_t n, char* to, int64_t o) {
  const U* from = reinterpret_cast<const U*>(x) + o * s.size;
  U* out = reinterpret_cast<U*>(to) + o * n;
  for (int64_t i = 0; i < n; ++i) out[i] = from[v[i]];
}

struct IndexSelect {
  static constexpr const char* node = "IndexSelectBackward0";
  static constexpr uint32_t saves = saves_input(1);
  void show(Parameters& p) const { p("dim", dim), p("self_sym_sizes", shape); }
  int64_t dim;
  Dims shape{};
  TensorMeta meta(const Tensor& x, const Tensor& index) {
    dim = wrap_dim(dim, x->ndim);
    shape = x->shape();
    if (index->ndim > 1) fail<IndexError>("index_select(): Index is supposed to be a vector");
    Dims out = shape;
    if (out.count) out[int(dim)] = index->numel;
    else if (index->numel != 1)
      fail("index_select(): Index to scalar can have only 1 value, got ", index->numel, " value(s)");
    if (index->dtype != DType::Int64 && index->dtype != DType::Int32)
      fail("index_select(): Expected dtype int32 or int64 for index");
    if (index->numel && shape.count && shape[int(dim)] == 0)
      fail("index_select(): self indexing axis dim should be positive");
    return {x->dtype, out};
  }
  void cpu(TensorImpl& out, const Tensor& x, const Tensor& index) const {
    const Slices s(shape, int(dim));
    const Tensor at = long_index(index), source = dense(x);
    const int64_t* v = at->as<int64_t>();
    if (const int64_t bad = first_outside(at, 0, s.size); bad >= 0) {
      if (dim == 1) fail("INDICES element is out of DATA bounds, id=", v[bad], " axis_dim=", s.size);
      fail<IndexError>("index out of range in self: index ", v[bad], " for dimension ", dim, " of size ",
                       s.size);
    }
    const int64_t item = item_size(x->dtype), bytes = s.inner * item, n = at->numel;
    if (out.numel == 0) return;
    if (s.inner == 1 && s.outer > 1) {
      const int64_t each = std::max<int64_t>(1, 32768 / n);
      parallel_pieces((s.outer + each - 1) / each, [&](int64_t piece) {
        for (int64_t o = piece * each; o < std::min(s.outer, (piece + 1) * each); ++o) switch (item) {
            case 1: select_elements<uint8_t>(s, source->data, v, n, out.data, o); break;
            case 2: select_elements<uint16_t>(s, source->data, v, n, out.data, o); break;
            case 4: select_elements<uint32_t>(s, source->data, v, n, out.data, o); break;
            case 8: select_elements<uint64_t>(s, source->data, v, n, out.data, o); break;
            default: select_elements<Complex<double>>(s, source->data, v, n, out.data, o);
          }
      });
      return;
    }
    const int64_t rows = s.outer * n, each = std::max<int64_t>(1, 65536 / bytes);
    parallel_pieces((rows + each - 1) / each, [&](int64_t piece) {
      for (int64_t r = piece * each; r < std::min(rows, (piece + 1) * each); ++r) {
        const char* from = source->data + (r / n * s.size + v[r % n]) * bytes;
        if (s.inner == 1) copy_element(out.data + r * item, from, item);
        else std::memcpy(out.data + r * bytes, from, size_t(bytes));
      }
    });
  }
  void vjp(const Back& b, Tensor* d) const {
    d[0] = index_add(zeros(shape, b.g[0]->dtype, b.g[0]->device), dim, b.in[1], b.g[0], 1);
  }
  void vjp_batch(const Back& b, int64_t n, Tensor* d) const {
    const Dims whole = with_batch(shape.count ? shape : Dims{1}, n);  // a 0-dim tensor as one of one element
    const Tensor g = shape.count ? b.g[0] : reshape(b.g[0], whole);
    const Tensor sum = index_add(zeros(whole, g->dtype, g->device), shape.count ? dim + 1 : 1, b.in[1], g, 1);
    d[0] = reshape(sum, with_batch(shape, n));
  }
};

Tensor contiguous_copy(const Tensor& x) {
  Tensor out = empty(x->dtype, x->shape(), x->device);
  copy_into(*out, *x);
  return out;
}

// --- index_add ---

template <class T> void add_row(T* to, const T* from, int64_t n, bool scaled, Scalar alpha) {
  if (!scaled) {
    for (int64_t k = 0; k < n; ++k) add_element(to[k], from[k]);
  } else if constexpr (is_complex_type<T>) {
    const T a(alpha);
    for (int64_t k = 0; k < n; ++k)
      add_element(to[k], T(a.re * from[k].re - a.im * from[k].im, a.re * from[k].im + a.im * from[k].re));
  } else if constexpr (is_half_type<T>) {
    for (int64_t k = 0; k < n; ++k) add_element(to[k], T(float(from[k]) * float(alpha)));
  } else {
    const T a = T(alpha);
    for (int64_t k = 0; k < n; ++k) add_element(to[k], T(a * from[k]));
  }
}

struct IndexAdd {
  static constexpr const char* node = "IndexAddBackward0";
  static constexpr uint32_t saves = saves_input(1);
  void show(Parameters& p) const { p("dim", dim), p("alpha", alpha); }
  int64_t dim;
  Scalar alpha;
  Dims source_shape{};
  Tensor forward(const Tensor& x, const Tensor& index, const Tensor& source) {
    check(x, index, source);
    source_shape = source->shape();
    Tensor out = contiguous_copy(x);
    if (!out->is_meta()) add(*out, long_index(index), dense(source));
    return out;
  }
  void vjp_batch(const Back& b, int64_t n, Tensor* d) const {
    d[0] = b.g[0];
    const Tensor g = b.g[0]->ndim == 1 ? unsqueeze(b.g[0], 1) : b.g[0];
    if (b.needs(2)) d[2] = reshape(index_select(g, dim + 1, b.in[1]) * alpha, with_batch(source_shape, n));
  }
  void vjp(const Back& b, Tensor* d) const {
    d[0] = b.g[0];
    if (b.needs(2)) d[2] = reshape(index_select(b.g[0], dim, b.in[1]) * alpha, source_shape);
  }

 private:
  void check(const Tensor& x, const Tensor& index, const Tensor& source) {
    const int d = wrap_dim(dim, x->ndim);
    dim = d;
    if (index->ndim > 1)
      fail<IndexError>("index_add_(): Index is supposed to be a vector, but got dim: ", int(index->ndim),
                       " with type: ", c_name(index->dtype), " and size: ", to_string(index->shape()));
    if (index->dtype != DType::Int64 && index->dtype != DType::Int32)
      fail("index_add_(): Expected dtype int32/int64 for index but got: ", c_name(index->dtype));
    if (source->dtype != x->dtype)
      fail("index_add_(): self (", c_name(x->dtype), ") and source (", c_name(source->dtype),
           ") must have the same scalar type");
    const int64_t n = source->ndim && d < source->ndim ? source->sizes[d] : 1;
    if (index->numel != n) {
      own_dim(dim, source);
      fail("index_add_(): Number of indices (", index->numel, ") should be equal to source.size(dim): (", n,
           "), for dim: ", d);
    }
    Dims mine = x->shape(), theirs = source->shape();
    if (mine.count) mine.erase(d);
    if (theirs.count && d < theirs.count) theirs.erase(d);
    if (!(mine == theirs) || (x->ndim == 0) != (source->ndim == 0))
      fail(
          "source tensor shape must match self tensor shape, excluding the specified dimension. Got "
          "self.shape = ",
          to_string(x->shape()), " source.shape = ", to_string(source->shape()));
  }
  void add(TensorImpl& out, const Tensor& at, const Tensor& values) const {
    const Slices s(out.shape(), int(dim));
    if (out.numel == 0) return;
    const int64_t *v = at->as<int64_t>(), n = at->numel;
    if (const int64_t bad = first_outside(at, 0, s.size); bad >= 0)
      fail("index ", v[bad], " is out of bounds for dimension ", dim, " with size ", s.size);
    const bool scaled = !(alpha.is_integral() && alpha.i == 1);
    visit(out.dtype, [&](auto element) {
      using T = decltype(element);
      T *to = out.as<T>(), *from = values->as<T>();
      for_owned(s, values->numel, [&](int64_t o, int64_t first, int64_t last) {
        for (int64_t i = 0; i < n; ++i)
          if (v[i] >= first && v[i] < last)
            add_row(to + (o * s.size + v[i]) * s.inner, from + (o * n + i) * s.inner, s.inner, scaled, alpha);
      });
    });
  }
};

// --- index_copy, index_fill ---

struct IndexCopy {
  static constexpr const char* node = "IndexCopyBackward0";
  static constexpr uint32_t saves = saves_input(1);
  void show(Parameters& p) const { p("dim", dim); }
  int64_t dim;
  Dims source_shape{};
  Tensor forward(const Tensor& x, const Tensor& index, const Tensor& source) {
    check(x, index, source);
    source_shape = source->shape();
    Tensor out = contiguous_copy(x);
    if (out->is_meta() || out->numel == 0) return out;
    const Slices s(out->shape(), int(dim));
    const Tensor at = long_index(index), values = dense(source);
    const int64_t *v = at->as<int64_t>(), n = at->numel, bytes = s.inner * item_size(out->dtype);
    if (const int64_t bad = first_outside(at, 0, s.size); bad >= 0)
      fail<IndexError>("index_copy_(): index ", v[bad], " is out of bounds for dimension ", dim,
                       " with size ", s.size);
    for_owned(s, values->numel, [&](int64_t o, int64_t first, int64_t last) {
      for (int64_t i = 0; i < n; ++i)
        if (v[i] >= first && v[i] < last)
          std::memcpy(out->data + (o * s.size + v[i]) * bytes, values->data + (o * n + i) * bytes,
                      size_t(bytes));
    });
    return out;
  }
  void vjp(const Back& b, Tensor* d) const;

 private:
  void check(const Tensor& x, const Tensor& index, const Tensor& source) {
    const int d = wrap_dim(dim, x->ndim);
    dim = d;
    if (index->ndim > 1)
      fail<IndexError>("index_copy_(): Index should have dimension 1 or 0 (got ", int(index->ndim), ")");
    if (source->ndim == 0 && index->numel != 1)
      fail<IndexError>("index_copy_(): When source is scalar, index should have one element (got ",
                       index->numel, ")");
    if (source->ndim != x->ndim && source->ndim && x->ndim)
      fail<IndexError>(
          "index_copy_(): When source and destination are not scalars, their dimensionality must "
          "match. Source dimensionality (",
          int(source->ndim), "), destination dimensionality (", int(x->ndim), ")");
    if (index->dtype != DType::Int64)
      fail("index_copy_(): Expected a long tensor for index, but got ", c_name(index->dtype));
    if (source->dtype != x->dtype)
      fail("index_copy_(): self and source expected to have the same dtype, but got (self) ",
           c_name(x->dtype), " and (source) ", c_name(source->dtype));
    Dims mine = x->shape(), theirs = source->shape();
    if (mine.count) mine.erase(d);
    if (theirs.count) theirs.erase(d);
    if (!(mine == theirs))
      fail("index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: ",
           to_string(mine), " at dimension ", d, " and source slice shape: ", to_string(theirs),
           " at dimension 0.");
    const int64_t n = source->ndim ? source->sizes[d] : 1;
    if (source->ndim && index->numel != n)
      fail<IndexError>("index_copy_(): Number of indices (", index->numel,
                       ") should be equal to source.size(dim) (", n, ")");
    if (index->numel && x->ndim && x->sizes[d] == 0)
      fail("index_copy_(): the tensor has no slice along dimension ", d, " to copy into");
  }
};

struct IndexFill {  // inputs: x, index, value (0-dim, of the type of x)
  static constexpr const char* node = "IndexFillBackward0";
  static constexpr uint32_t saves = saves_input(1);
  int64_t dim;
  Tensor forward(const Tensor& x, const Tensor& index, const Tensor& value) {
    dim = wrap_dim(dim, x->ndim);
    if (index->dtype != DType::Int64) fail<IndexError>("index_fill_(): Expected dtype int64 for index.");
    if (index->ndim > 1) fail("Index has to be a vector/scalar");
    if (index->numel && x->ndim && x->sizes[int(dim)] == 0)
      fail("index_fill_(): the tensor has no slice along dimension ", dim, " to fill");
    Tensor out = contiguous_copy(x);
    if (out->is_meta() || out->numel == 0) return out;
    const Slices s(out->shape(), int(dim));
    const Tensor at = long_index(index);
    const int64_t *v = at->as<int64_t>(), n = at->numel;
    if (const int64_t bad = first_outside(at, -s.size, s.size); bad >= 0)
      fail<IndexError>("index ", v[bad], " is out of bounds for dimension ", dim, " with size ", s.size);
    by_unit(item_size(out->dtype), [&]<class U>(U) {
      const U filler = *reinterpret_cast<const U*>(value->data);
      for_owned(s, s.outer * n * s.inner, [&](int64_t o, int64_t first, int64_t last) {
        for (int64_t i = 0; i < n; ++i) {
          const int64_t to = v[i] < 0 ? v[i] + s.size : v[i];
          if (to < first || to >= last) continue;
          std::fill_n(reinterpret_cast<U*>(out->data) + (o * s.size + to) * s.inner, s.inner, filler);
        }
      });
    });
    if (x->stride() == out->stride()) return out;
    Tensor laid = empty_in(*x, x->dtype, MemoryFormat::Preserve, x->device);
    if (laid->stride() == out->stride()) return out;
    copy_into(*laid, *out);
    return laid;
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor& g = b.g[0];
    if (b.needs(0)) d[0] = call_structural(IndexFill{dim}, g, b.in[1], zeros(Dims(), g->dtype, g->device));
    if (!b.needs(2)) return;
    Tensor filled;
    {  // each filled place counts once
      GradMode off(false);
      filled = call_structural(IndexFill{dim}, zeros(g->shape(), DType::Bool, g->device), b.in[1],
                               ones(Dims(), DType::Bool, g->device));
    }
    d[2] = sum(where(filled, g, Scalar(0)), Dims(), false);
  }
};

struct IndexFillTensor : IndexFill {
  static constexpr const char* node = "IndexFillBackward1";
};

void IndexCopy::vjp(const Back& b, Tensor* d) const {
  if (b.needs(0))
    d[0] = call_structural(IndexFill{dim}, b.g[0], b.in[1], zeros(Dims(), b.g[0]->dtype, b.g[0]->device));
  if (b.needs(2)) d[2] = reshape(index_select(b.g[0], dim, b.in[1]), source_shape);
}

Tensor index_copy(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source) {
  return call_structural(IndexCopy{dim}, x, index, source);
}
Tensor index_fill(const Tensor& x, int64_t dim, const Tensor& index, const Arg& value) {
  if (value.tensor && value.tensor->ndim)
    fail("index_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
         int(value.tensor->ndim), " dimension(s).");
  if (is_complex(value.tensor ? value.tensor->dtype : dtype_of(value.scalar)) && !is_complex(x->dtype))
    fail("index_fill_(): Converting complex Scalar to non-complex type is not supported");
  const Tensor filled = value.tensor ? to_dtype(Tensor(value.tensor), x->dtype)
                                     : full(Dims(), value.scalar, x->dtype, x->device);
  return value.tensor ? call_structural(IndexFillTensor{{dim}}, x, index, filled)
                      : call_structural(IndexFill{dim}, x, index, filled);
}

}  // namespace

Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index) {
  return call_structural(IndexSelect{dim}, x, index);
}
Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source, Scalar alpha) {
  return call_structural(IndexAdd{dim, alpha}, x, index, source);
}

inline constexpr uint16_t kWrites = kFunction | kMethod | kInPlace | kExactOut;
static constexpr OpEntry entries[] = {
    moves<index_select>("index_select(Tensor input, int dim, Tensor index)", kFunction | kMethod | kApartOut),
    widens<index_add>("index_add(Tensor input, int dim, Tensor index, Tensor source, *, Number alpha=1)",
                      kWrites),
    widens<index_copy>("index_copy(Tensor input, int dim, Tensor index, Tensor source)", kWrites),
    widens<index_fill>("index_fill(Tensor input, int dim, Tensor index, Operand value)",
                       kFunction | kMethod | kInPlace),
};
FACULA_ENTRIES(slices)

}  // namespace facula
