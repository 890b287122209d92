// Masks: what lies under them is found, read, filled and written.
#include <algorithm>
#include "core/parallel.h"
#include "op/execute.h"
#include "op/inplace.h"
#include "op/structural.h"
#include "ops/index.h"

namespace facula {

namespace {

// How many elements of a mask (contiguous bool) are true in each piece: where each piece's results begin.
struct TrueCounts {
  static constexpr int64_t kEach = 1 << 15;
  std::vector<int64_t> starts;
  int64_t total = 0;
  explicit TrueCounts(const TensorImpl& mask) : starts(size_t((mask.numel + kEach - 1) / kEach)) {
    const auto* t = reinterpret_cast<const uint8_t*>(mask.as<bool>());
    parallel_pieces(int64_t(starts.size()), [&](int64_t piece) {
      int64_t n = 0;
      for (int64_t i = piece * kEach; i < std::min(mask.numel, (piece + 1) * kEach); ++i) n += t[i];
      starts[size_t(piece)] = n;
    });
    for (int64_t& start : starts) {
      const int64_t n = start;
      start = total;
      total += n;
    }
  }
  // f(first element, end, number of true elements before them)
  template <class F> void each(const TensorImpl& mask, F&& f) const {
    parallel_pieces(int64_t(starts.size()), [&](int64_t piece) {
      f(piece * kEach, std::min(mask.numel, (piece + 1) * kEach), starts[size_t(piece)]);
    });
  }
};

template <class U>
void compress(const TensorImpl& x, const TensorImpl& mask, const TrueCounts& counts, char* to) {
  const U* from = reinterpret_cast<const U*>(x.data);
  const bool* t = mask.as<bool>();
  counts.each(mask, [&](int64_t begin, int64_t end, int64_t at) {
    U* out = reinterpret_cast<U*>(to) + at;
    for (int64_t i = begin; i < end; ++i)
      if (t[i]) *out++ = from[i];
  });
}

// The elements of x (contiguous) under a mask of its shape, in one dimension; not recorded.
Tensor compressed(const Tensor& x, const Tensor& mask) {
  const TrueCounts counts(*mask);
  Tensor out = empty(x->dtype, Dims{counts.total}, x->device);
  switch (item_size(x->dtype)) {
    case 1: compress<uint8_t>(*x, *mask, counts, out->data); break;
    case 2: compress<uint16_t>(*x, *mask, counts, out->data); break;
    case 4: compress<uint32_t>(*x, *mask, counts, out->data); break;
    case 8: compress<uint64_t>(*x, *mask, counts, out->data); break;
    default: compress<Complex<double>>(*x, *mask, counts, out->data);
  }
  return out;
}

}  // namespace

// x[mask] where only values are wanted; null where the general way is needed.
Tensor read_under_mask(const Tensor& x, const Tensors& indices) {
  if (indices.size() != 1 || !indices[0] || indices[0]->dtype != DType::Bool || x->is_meta() ||
      x->ndim == 0 || !indices[0]->same_shape(*x) || !x->contiguous || mode.forward ||
      (mode.grad && requires_grad(*x)))
    return nullptr;
  return compressed(x, dense(indices[0]));
}

// x[mask] = number where nothing is recorded: whether it was done.
bool fill_under_mask(TensorImpl& x, const Tensors& indices, const Tensor& value) {
  if (indices.size() != 1 || !indices[0] || indices[0]->dtype != DType::Bool || x.is_meta() ||
      value->numel != 1 || value->ndim > 1 || x.ndim == 0 || !indices[0]->same_shape(x) || !x.contiguous ||
      indices[0]->storage == x.storage)
    return false;
  const Tensor single = dense(reshape(value, Dims()), x.dtype), target = Tensor(&x);
  GradMode off(false);
  const Arg in[] = {Arg(indices[0]), Arg(single), Arg(target)};
  pointwise_out(row<Where>, nullptr, in, target);
  return true;
}

Tensor nonzero(const Tensor& x) {
  if (x->is_meta())
    fail<NotImplemented>("nonzero: the shape of the result depends on values, which a meta tensor lacks");
  const Tensor truth = dense(x, DType::Bool);
  const TrueCounts counts(*truth);
  // One row a dimension in memory, so that each dimension's positions follow each other.
  const Tensor rows = empty(DType::Int64, Dims{x->ndim, counts.total});
  Tensor out = alias(*rows, Dims{counts.total, x->ndim}, Dims{1, counts.total});
  if (x->ndim == 0) return out;
  int64_t* const o = rows->as<int64_t>();
  const int last = x->ndim - 1;
  counts.each(*truth, [&](int64_t begin, int64_t end, int64_t to) {
    const bool* t = truth->as<bool>();
    if (last == 0) {
      for (int64_t i = begin; i < end; ++i)
        if (t[i]) o[to++] = i;
      return;
    }
    Dims at(x->ndim);
    int64_t rest = begin;
    for (int d = last; d >= 0; --d) {
      at[d] = rest % x->sizes[d];
      rest /= x->sizes[d];
    }
    for (int64_t i = begin; i < end; ++i) {
      if (t[i]) {
        for (int d = 0; d <= last; ++d) o[d * counts.total + to] = at[d];
        ++to;
      }
      for (int d = last; ++at[d] == x->sizes[d] && d > 0; --d) at[d] = 0;
    }
  });
  return out;
}

namespace {

Tensors positions_by_dimension(const Tensor& x) {
  const Tensor positions = nonzero(x->ndim ? x : unsqueeze(x, 0));
  Tensors out;
  for (int d = 0; d < std::max<int>(x->ndim, 1); ++d) out.push_back(select(positions, 1, d));
  return out;
}
Tensor nonzero_plain(const Tensor& x) { return nonzero(x); }
Result nonzero_as(const Tensor& x, bool as_tuple) {
  Result r;
  if (as_tuple) detail::put(r, positions_by_dimension(x));
  else detail::put(r, nonzero(x));
  return r;
}

void require_mask(const Tensor& mask, const char* function) {
  if (mask->dtype != DType::Bool)
    fail(function,
         " expected BoolTensor for mask: masked_fill_ only supports boolean masks, but got mask with dtype ",
         name(mask->dtype));
}

// The node of masked_fill: what is under the mask has no gradient.
struct MaskedFill {
  static constexpr const char* node = "MaskedFillBackward0";
  static constexpr uint32_t saves = saves_input(1) | saves_input(2);
  Dims shape{};
  // The number too where nobody else can hold it, for explain; vjp reads the mask only.
  uint32_t keeps(const Tensor* in) const { return in[2]->python ? saves_input(1) : saves; }
  Tensor forward(const Tensor& x, const Tensor& mask, const Tensor& value) {
    shape = x->shape();
    GradMode off(false);
    const Tensor out = call(Where{}, mask, value, x);
    if (out->contiguous) out->set_geometry(out->shape(), contiguous_strides(out->shape()));
    return out->is_meta() ? out : dense(out);
  }
  void vjp_batch(const Back& b, int64_t n, Tensor* d) const {
    if (b.needs(0)) d[0] = sum_to_batch(masked_fill(b.g[0], b.in[1], Scalar(0)), shape, n);
    if (b.needs(2))
      d[2] = sum(reshape(where(b.in[1], b.g[0], Scalar(0)), {n, b.g[0]->numel / n}), Dims{1}, false);
  }
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0)) d[0] = sum_to(masked_fill(b.g[0], b.in[1], Scalar(0)), shape);
    if (b.needs(2)) d[2] = sum(where(b.in[1], b.g[0], Scalar(0)), Dims(), false);
  }
};

struct MaskedFillTensor : MaskedFill {
  static constexpr const char* node = "MaskedFillBackward1";
};

}  // namespace

Tensor masked_fill(const Tensor& x, const Tensor& mask, const Arg& value) {
  require_mask(mask, "masked_fill");
  if (value.tensor && value.tensor->ndim)
    fail("masked_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
         int(value.tensor->ndim), " dimension(s).");
  const DType given = value.tensor ? value.tensor->dtype : dtype_of(value.scalar);
  if (is_complex(given) && !is_complex(x->dtype))
    fail("value cannot be converted to type ", name(x->dtype), " without overflow");
  const Tensor filled = value.tensor ? to_dtype(Tensor(value.tensor), x->dtype)
                                     : full(Dims(), value.scalar, x->dtype, x->device);
  return value.tensor ? call_structural(MaskedFillTensor{}, x, mask, filled)
                      : call_structural(MaskedFill{}, x, mask, filled);
}

namespace {

struct MaskedSelect {
  static constexpr const char* node = "MaskedSelectBackward0";
  static constexpr uint32_t saves = saves_input(1);
  Dims shape, wide;
  Tensor forward(const Tensor& x, const Tensor& mask) const {
    const GradMode off(false);
    if (x->is_meta()) return index(expand(x, wide), {expand(mask, wide)});
    return compressed(dense(expand(x, wide)), dense(expand(mask, wide)));
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor whole = zeros(wide, b.g[0]->dtype, b.g[0]->device);
    d[0] = sum_to(index_put(whole, {expand(b.in[1], wide)}, b.g[0], false), shape);
  }
};

}  // namespace

Tensor masked_select(const Tensor& x, const Tensor& mask) {
  if (mask->dtype != DType::Bool) fail("masked_select: expected BoolTensor for mask");
  const Dims shape = broadcast(x->shape(), mask->shape());
  if (shape.count == 0) return masked_select(reshape(x, {1}), reshape(mask, {1}));
  return call_structural(MaskedSelect{x->shape(), shape}, x, mask);
}

namespace {

struct MaskedScatter {
  static constexpr const char* node = "MaskedScatterBackward0";
  static constexpr uint32_t saves = saves_input(1);
  Dims shape, wide, source_shape{};
  Tensor forward(const Tensor& x, const Tensor& mask, const Tensor& source) {
    source_shape = source->shape();
    const GradMode off(false);
    const Dims rows = wide.count ? wide : Dims{1};  // a place of a 0-dim tensor takes no list
    const Tensor at = reshape(expand(mask, wide), rows);
    const Tensor out = index_put(reshape(contiguous(expand(x, wide)), rows), {at},
                                 narrow(reshape(source, Dims{-1}), 0, 0, nonzero(at)->sizes[0]), false);
    return wide.count ? out : alias(*out, wide, Dims());
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor &g = b.g[0], at = expand(b.in[1], wide);
    if (b.needs(0)) d[0] = sum_to(masked_fill(g, at, Scalar(0)), shape);
    if (!b.needs(2)) return;
    const Tensor used = masked_select(g, at);
    const int64_t rest = source_shape.numel() - used->numel;
    d[2] = reshape(rest ? cat({used, zeros({rest}, g->dtype, g->device)}, 0) : used, source_shape);
  }
};

Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source) {
  if (mask->dtype != DType::Bool)
    fail("masked_scatter_ only supports boolean masks, but got mask with dtype ", c_name(mask->dtype));
  if (x->dtype != source->dtype)
    fail("masked_scatter: expected self and source to have same dtypes but got", c_name(x->dtype), " and ",
         c_name(source->dtype));
  const Dims shape = broadcast(x->shape(), mask->shape());
  const Tensor wide = expand(mask, shape), positions = nonzero(wide);
  const int64_t count = positions->sizes[0];
  if (source->numel < count)
    fail("masked_scatter: expected self and source to have same number of elements: ", count,
         " are masked, source has ", source->numel);
  return call_structural(MaskedScatter{x->shape(), shape}, x, mask, source);
}

}  // namespace

static constexpr OpEntry entries[] = {
    widens<nonzero_plain>("nonzero(Tensor input)", kFunction | kMethod | kApartOut | kOutLikeResult)
        .refusing("nonzero: Expected out tensor to have scalar type $R but got scalar type$O"),
    widens<nonzero_as>("nonzero(Tensor input, *, bool as_tuple)"),
    widens<nonzero_plain>("argwhere(Tensor input)"),
    widens<positions_by_dimension>("where(Tensor condition)", kFunction),
    widens<masked_fill>("masked_fill(Tensor input, Tensor mask, Operand value)",
                        kFunction | kMethod | kInPlace | kLeading),
    moves<masked_select>("masked_select(Tensor input, Tensor mask)", kFunction | kMethod | kApartOut),
    fn<masked_scatter>("masked_scatter(Tensor input, Tensor mask, Tensor source)",
                       kFunction | kMethod | kInPlace),
};
FACULA_ENTRIES(masks)

}  // namespace facula
