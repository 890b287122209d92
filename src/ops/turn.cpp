// Elements that change places or are repeated: flip, roll, rot90, repeat and their kin.
#include <algorithm>
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {
namespace {

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

}  // namespace

Tensor flip(const Tensor& x, const Dims& dims) { return call_structural(Flip{dim_bits(x, dims)}, x); }

Tensor repeat(const Tensor& x, const Dims& repeats) {
  if (repeats.count < x->ndim)
    fail("Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor");
  return call_structural(Repeat{repeats}, x);
}

namespace {

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

static constexpr OpEntry entries[] = {
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
};

}  // namespace
FACULA_ENTRIES(turn)

}  // namespace facula
