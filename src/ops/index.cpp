// x[i, j] with tensors as indices: reading, writing, and elements by their place.
#include "ops/index.h"
#include <algorithm>
#include <atomic>
#include <memory>
#include "core/parallel.h"
#include "op/execute.h"
#include "op/inplace.h"
#include "op/structural.h"
#include "ops/units.h"

namespace facula {

Tensor index_values(const Tensor& index, const char* function) {
  if (index->dtype == DType::Int64) return index->is_meta() ? index : dense(index);
  if (index->dtype != DType::Int32 && index->dtype != DType::UInt8)
    fail<IndexError>(function, "tensors used as indices must be long, int, byte or bool tensors");
  return index->is_meta() ? converted(index, DType::Int64) : dense(index, DType::Int64);
}

namespace {

// Where the elements of an indexing result lie in the indexed tensor:
//   [before..., broadcast index..., after...], or the index dimensions first when the indexed ones are apart.
struct Plan {
  Dims shape;                                                // of the result
  Dims before, before_strides;                               // dimensions of x in front of the index
  Dims after, after_strides;                                 // and behind it
  int64_t after_count = 1, before_count = 1, positions = 1;  // positions: of the broadcast indices

  Plan(const TensorImpl& x, const Tensor* indices, int count) {
    Dims shape_of_index;
    bool first = true;
    for (int d = 0; d < count; ++d) {
      if (!indices[d]) continue;
      const Dims s = indices[d]->shape();
      try {
        shape_of_index = first ? s : broadcast(shape_of_index, s);
      } catch (const Error&) {
        std::string shapes;
        for (int k = 0; k < count; ++k)
          if (indices[k]) shapes += (shapes.empty() ? "" : ", ") + to_string(indices[k]->shape());
        fail<IndexError>("shape mismatch: indexing tensors could not be broadcast together with shapes ",
                         shapes);
      }
      first = false;
    }
    int begin = -1, end = -1;
    bool adjacent = true;
    for (int d = 0; d < count; ++d) {
      if (!indices[d]) continue;
      if (begin < 0) begin = d;
      else if (end != d) adjacent = false;
      end = d + 1;
    }
    for (int d = 0; d < x.ndim; ++d) {
      if (d < count && indices[d]) continue;
      const bool front = adjacent && d < begin;
      (front ? before : after).push(x.sizes[d]);
      (front ? before_strides : after_strides).push(x.strides[d]);
    }
    before_count = before.numel();
    after_count = after.numel();
    for (const Dims* part : {&before, &shape_of_index, &after})
      for (int64_t s : *part) shape.push(s);
    if (x.is_meta()) return;
    positions = shape_of_index.numel();
    int left = int(std::count_if(indices, indices + count, [](const Tensor& t) { return bool(t); }));
    if (left == 0) sum_ = zeros({1}, DType::Int64, x.device);
    for (int d = 0; d < count; ++d)
      if (indices[d])
        add_offsets(expand(indices[d], shape_of_index), x.sizes[d], x.strides[d], d, --left == 0);
  }

  // f(linear position in the result, offset in x, run): `run` elements that follow each other in both. Reads
  // may go on in any order; writes keep the order of the index for each place that is written (see owned()).
  template <class F> void each(F&& f) const {
    const int64_t all = before_count * positions,
                  per_piece = std::max<int64_t>(1, 32768 / std::max<int64_t>(after_count, 1));
    parallel_pieces((all + per_piece - 1) / per_piece, [&](int64_t piece) {
      walk(piece * per_piece, std::min(all, (piece + 1) * per_piece), f);
    });
  }
  // Writers share the work by ranges of offsets, one a thread: each looks at every position and writes what
  // falls in its range. For each place the order stays that of the index, however many there are.
  template <class F> void owned(int64_t numel, F&& f) const {
    const int64_t all = before_count * positions;
    if (all * after_count < 65536) return walk(0, all, f);
    const int64_t ranges = std::clamp<int64_t>(numel >> 17, 1, num_threads());
    if (ranges == 1) return walk(0, all, f);
    const int64_t width = (numel + ranges - 1) / ranges;
    parallel_pieces(ranges, [&](int64_t range) {
      const int64_t low = range * width;
      walk(0, all, [&](int64_t at, int64_t to, int64_t run) {
        if (uint64_t(to - low) < uint64_t(width)) f(at, to, run);
      });
    });
  }

 private:
  // One index is read as it is; several are added up first.
  struct Single {
    const int64_t* at;
    int64_t size, stride;
    int64_t operator[](int64_t i) const { return (at[i] + (at[i] < 0 ? size : 0)) * stride; }
  };
  template <class F> void walk(int64_t begin, int64_t end, F&& f) const {
    if (single_.at) walk_over(single_, begin, end, f);
    else walk_over(sum_->as<int64_t>(), begin, end, f);
  }
  template <class Offsets, class F>
  void walk_over(const Offsets offsets, int64_t begin, int64_t end, F&& f) const {
    if (before.count == 0 && after.count == 0) {
      for (int64_t q = begin; q < end; ++q) f(q, offsets[q], int64_t(1));
      return;
    }
    const bool dense_after = after_strides == contiguous_strides(after);
    for (int64_t q = begin; q < end;) {
      const int64_t p = q / positions, base = offset_of(p, before, before_strides),
                    stop = std::min(end, (p + 1) * positions);
      for (; q < stop; ++q) {
        const int64_t at = q * after_count, from = base + offsets[q - p * positions];
        if (dense_after) {
          f(at, from, after_count);
        } else {
          for (int64_t k = 0; k < after_count; ++k)
            f(at + k, from + offset_of(k, after, after_strides), int64_t(1));
        }
      }
    }
  }
  static int64_t offset_of(int64_t linear, const Dims& sizes, const Dims& strides) {
    int64_t offset = 0;
    for (int d = sizes.count - 1; d >= 0; --d) {
      offset += linear % sizes[d] * strides[d];
      linear /= sizes[d];
    }
    return offset;
  }
  void add_offsets(const Tensor& index, int64_t size, int64_t stride, int dim, bool last) {
    values_ = dense(index);
    const int64_t *v = values_->as<int64_t>(), n = positions, each = 1 << 16;
    const bool first = !sum_, alone = first && last;
    if (first && !alone) sum_ = empty(DType::Int64, Dims{n});
    int64_t* const sum = alone ? nullptr : sum_->as<int64_t>();
    std::atomic<bool> inside{true};
    parallel_pieces((n + each - 1) / each, [&](int64_t piece) {
      const int64_t begin = piece * each, end = std::min(n, begin + each);
      bool bad = false;
      for (int64_t i = begin; i < end; ++i) bad |= uint64_t(v[i]) + uint64_t(size) >= 2 * uint64_t(size);
      if (bad) {
        inside = false;
      } else if (!alone) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t at = (v[i] + (v[i] < 0 ? size : 0)) * stride;
          sum[i] = first ? at : sum[i] + at;
        }
      }
    });
    if (alone) single_ = {v, size, stride};
    if (inside) return;
    if (size == 0) fail<IndexError>("index is out of bounds for dimension with size 0");
    for (int64_t i = 0; i < n; ++i)
      if (v[i] < -size || v[i] >= size)
        fail<IndexError>(
            size ? concat("index ", v[i], " is out of bounds for dimension ", dim, " with size ", size)
                 : "index is out of bounds for dimension with size 0");
  }

  Single single_{};
  Tensor values_, sum_;  // what single_ reads; offsets of each position, in elements
};

int64_t reach_of(const TensorImpl& x) {  // the largest offset of an element, plus one
  int64_t last = 0;
  for (int d = 0; d < x.ndim; ++d) last += (x.sizes[d] - 1) * x.strides[d];
  return std::max<int64_t>(last, 0) + 1;
}

void write(TensorImpl& x, const Tensor* indices, int count, const Tensor& value, bool accumulate) {
  const Plan plan(x, indices, count);
  if (value->ndim > plan.shape.count)
    fail("shape mismatch: value tensor of shape ", to_string(value->shape()),
         " cannot be broadcast to indexing result of shape ", to_string(plan.shape));
  Tensor wide;
  try {
    wide = expand(value, plan.shape);
  } catch (const Error&) {
    fail("shape mismatch: value tensor of shape ", to_string(value->shape()),
         " cannot be broadcast to indexing result of shape ", to_string(plan.shape));
  }
  if (value->dtype != x.dtype)
    fail("Index put requires the source and destination dtypes match, got ", c_name(x.dtype),
         " for the destination and ", c_name(value->dtype), " for the source.");
  if (x.is_meta()) return;
  const Tensor values = dense(wide);
  const int64_t reach = reach_of(x);
  if (!accumulate) {
    by_unit(item_size(x.dtype), [&]<class U>(U) {
      U* const out = reinterpret_cast<U*>(x.data);
      const U* const in = reinterpret_cast<const U*>(values->data);
      plan.owned(reach, [=](int64_t at, int64_t to, int64_t run) {
        if (run == 1) out[to] = in[at];
        else std::memcpy(out + to, in + at, size_t(run) * sizeof(U));
      });
    });
    return;
  }
  visit(x.dtype, [&](auto element) {
    using T = decltype(element);
    T *to = x.as<T>(), *from = values->as<T>();
    plan.owned(reach, [&](int64_t at, int64_t offset, int64_t run) {
      for (int64_t k = 0; k < run; ++k) add_element(to[offset + k], from[at + k]);
    });
  });
}

// The result of indexing is laid out as that of a pointwise operation on x, in which the indexed dimensions
// repeat one element, and on the indices.
Tensor laid_out(const Tensors& in, const Plan& plan) {
  const TensorImpl& x = *in[0];
  bool plain = x.contiguous;
  for (const Tensor& t : in) plain &= !t || t->contiguous;
  if (plain || x.is_meta()) return empty(x.dtype, plan.shape, x.device);
  Dims strides = plan.before_strides;
  const int of_index = plan.shape.count - plan.before.count - plan.after.count;
  for (int i = 0; i < of_index; ++i) strides.push(0);
  for (int64_t s : plan.after_strides) strides.push(s);
  Tensors kept{alias(x, plan.shape, strides)};
  std::vector<const TensorImpl*> operands{kept[0].get()};
  for (size_t i = 1; i < in.size(); ++i) {
    if (!in[i]) continue;
    Dims sizes = in[i]->shape(), steps = in[i]->stride();
    for (int k = 0; k < plan.after.count; ++k) sizes.push(1), steps.push(0);
    kept.push_back(alias(*in[i], sizes, steps));
    operands.push_back(kept.back().get());
  }
  return result_like(x.dtype, plan.shape, x.device, operands.data(), int(operands.size()));
}

struct Index {
  static constexpr const char* node = "IndexBackward0";
  static constexpr uint32_t saves = kInputs & ~1u;  // the indices
  Dims shape;
  Tensor forward(const Tensors& in) {
    const TensorImpl& x = *in[0];
    shape = x.shape();
    const Plan plan(x, in.data() + 1, int(in.size()) - 1);
    const Tensor laid = laid_out(in, plan);
    if (laid->is_meta()) return laid;
    const Tensor out = laid->contiguous ? laid : empty(x.dtype, plan.shape);
    by_unit(item_size(x.dtype), [&]<class U>(U) {
      U* const to = reinterpret_cast<U*>(out->data);
      const U* const from_x = reinterpret_cast<const U*>(x.data);
      plan.each([=](int64_t at, int64_t from, int64_t run) {
        if (run == 1) to[at] = from_x[from];
        else std::memcpy(to + at, from_x + from, size_t(run) * sizeof(U));
      });
    });
    if (out.get() != laid.get()) copy_into(*laid, *out);
    return laid;
  }
  void vjp(const Back& b, Tensor* d) const {
    d[0] = index_put(zeros(shape, b.g[0]->dtype, b.g[0]->device), {b.in + 1, b.in + b.inputs}, b.g[0], true);
  }
  // The batch is one more whole dimension; where the indexed ones are apart, their result comes before it.
  void vjp_batch(const Back& b, int64_t n, Tensor* d) const {
    Tensors indices{nullptr};
    int first = -1, last = -1, count = 0, dims = 0;
    for (int i = 1; i < b.inputs; ++i) {
      indices.push_back(b.in[i]);
      if (!b.in[i]) continue;
      first = count++ ? first : i;
      last = i;
      dims = std::max<int>(dims, b.in[i]->ndim);
    }
    const Tensor g = last - first + 1 == count ? b.g[0] : movedim(b.g[0], {0}, {dims});
    d[0] = index_put(zeros(with_batch(shape, n), g->dtype, g->device), indices, g, true);
  }
};

struct IndexPut {  // inputs: x, value, indices...
  static constexpr const char* node = "IndexPutBackward0";
  static constexpr uint32_t saves = kInputs & ~3u;
  bool accumulate;
  Dims value_shape{};
  Tensor forward(const Tensors& in) {
    value_shape = in[1]->shape();
    Tensor out = empty_as(*in[0]);
    copy_into(*out, *in[0]);
    write(*out, in.data() + 2, int(in.size()) - 2, in[1], accumulate);
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensors indices(b.in + 2, b.in + b.inputs);
    const Tensor& g = b.g[0];
    if (b.needs(0)) d[0] = accumulate ? g : index_put(g, indices, zeros(Dims(), g->dtype, g->device), false);
    if (b.needs(1)) {
      Tensor part = index(g, indices);
      if (part->ndim < value_shape.count) part = reshape(part, value_shape);
      d[1] = sum_to(part, value_shape);
    }
  }
};

// Masks become the positions where they are true; other indices become int64.
Tensors expand_masks(const Tensor& x, const Tensors& indices) {
  Tensors out;
  for (const Tensor& i : indices) {
    if (!i) {
      out.emplace_back();
    } else if (i->dtype == DType::Bool || i->dtype == DType::UInt8) {
      for (Tensor& t : mask_positions(x, i, int(out.size()))) out.push_back(std::move(t));
    } else {
      out.push_back(index_values(i, ""));
    }
  }
  if (int(out.size()) > x->ndim)
    fail<IndexError>("too many indices for tensor of dimension ", int(x->ndim), " (got ", out.size(), ")");
  return out;
}

Tensors joined(Tensors first, const Tensors& rest) {
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

}  // namespace

Tensors mask_positions(const Tensor& x, const Tensor& mask, int dim) {
  if (mask->dtype == DType::UInt8)
    warn("indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.");
  for (int d = 0; d < mask->ndim; ++d)
    if (dim + d >= x->ndim || x->sizes[dim + d] != mask->sizes[d])
      fail<IndexError>("The shape of the mask ", to_string(mask->shape()), " at index ", d,
                       " does not match the shape of the indexed tensor ", to_string(x->shape()),
                       " at index ", dim + d);
  GradMode off(false);
  const Tensor where = nonzero(mask);
  Tensors out;
  for (int d = 0; d < mask->ndim; ++d) out.push_back(dense(select(where, 1, d)));
  return out;
}

bool fills_under_mask(const Tensors& indices, const TensorImpl& source) {
  int given = 0, masks = 0;
  for (const Tensor& i : indices)
    if (i) ++given, masks += i->dtype == DType::Bool || i->dtype == DType::UInt8;
  return source.numel == 1 && given == 1 && masks == 1;
}

Tensor index(const Tensor& x, const Tensors& indices) {
  if (Tensor quick = read_under_mask(x, indices)) return quick;
  return call_structural(Index{}, joined({x}, expand_masks(x, indices)));
}

Tensor index_put(const Tensor& x, const Tensors& indices, const Tensor& value, bool accumulate) {
  return call_structural(IndexPut{accumulate}, joined({x, value}, expand_masks(x, indices)));
}

Tensor index_put_(const Tensor& self, const Tensors& indices, const Tensor& value, bool accumulate) {
  const bool recorded = mode.grad && (requires_grad(*self) || requires_grad(*value));
  check_inplace(*self, recorded);
  if (has_internal_overlap(*self))
    warn(
        "Use of index_put_ on expanded tensors is deprecated. Please clone() the tensor before performing "
        "this "
        "operation. This also applies to advanced indexing e.g. tensor[indices] = tensor");
  Tensor source = value;
  if (value->storage == self->storage) {  // a number under a mask is read first; all else lies elsewhere
    if (accumulate || !fills_under_mask(indices, *value)) require_no_overlap(*self, *value);
    source = clone(alias(*value));
  }
  for (const Tensor& i : indices)
    if (i) require_no_overlap(*self, *i);
  if (!recorded && !accumulate && !mode.forward && fill_under_mask(*self, indices, source)) return self;
  const Tensors in = joined({self, value}, expand_masks(self, indices));
  Ref<Node> node;
  if (recorded && is_floating(self->dtype)) {
    IndexPut op{accumulate};
    op.value_shape = value->shape();
    node = detail::StructuralNode<IndexPut>::create(op, in.data(), int(in.size()), 1);
  }
  {
    GradMode off(false);
    write(*self, in.data() + 2, int(in.size()) - 2, source, accumulate);
    finish_inplace(*self, node);
  }
  if (mode.forward) [[unlikely]] {
    IndexPut op{accumulate};
    op.value_shape = value->shape();
    detail::push_inplace(op, in.data(), int(in.size()));
  }
  return self;
}

namespace {

// Elements by their place in memory order.
struct Take {
  static constexpr const char* node = "TakeBackward0";
  static constexpr uint32_t saves = saves_input(1);
  Dims shape;
  Tensor forward(const Tensor& x, const Tensor& at) const {
    const GradMode off(false);
    return index(reshape(x, Dims{-1}), {at});
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor whole = zeros({shape.numel()}, b.g[0]->dtype, b.g[0]->device);
    d[0] = reshape(index_put(whole, {b.in[1]}, b.g[0], true), shape);
  }
};
struct Put {
  static constexpr const char* node = "PutBackward0";
  static constexpr uint32_t saves = saves_input(1);
  void show(Parameters& p) const { p("accumulate", accumulate); }
  bool accumulate;
  Dims source_shape{};
  Tensor forward(const Tensor& x, const Tensor& at, const Tensor& source) {
    source_shape = source->shape();
    const GradMode off(false);
    const Tensor row =
        index_put(reshape(x, Dims{-1}), {reshape(at, Dims{-1})}, reshape(source, Dims{-1}), accumulate);
    const Tensor result = reshape(row, x->shape());
    if (x->is_meta() || x->stride() == result->stride()) return alias(*result);
    const Tensor out = empty_in(*x, x->dtype, MemoryFormat::Preserve, x->device);  // as x lies
    copy_into(*out, *result);
    return alias(*out);
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor &g = b.g[0], row = reshape(g, Dims{-1}), at = reshape(b.in[1], Dims{-1});
    if (b.needs(0))
      d[0] = accumulate
                 ? g
                 : reshape(index_put(row, {at}, zeros(Dims(), g->dtype, g->device), false), g->shape());
    if (b.needs(2)) d[2] = reshape(index(row, {at}), source_shape);
  }
};

Tensor take(const Tensor& x, const Tensor& at) {
  if (at->dtype != DType::Int64)
    fail("take(): Expected a long tensor for index, but got ", c_name(at->dtype));
  if (x->numel == 0 && at->numel) fail<IndexError>("take(): tried to take from an empty tensor");
  return call_structural(Take{x->shape()}, x, at);
}
Tensor put(const Tensor& x, const Tensor& at, const Tensor& source, bool accumulate) {
  if (at->dtype != DType::Int64)
    fail("put_(): Expected a long tensor for index, but got ", c_name(at->dtype));
  if (at->numel != source->numel)
    fail<IndexError>(
        "put_(): Expected source and index to have the same number of elements, but got source.numel() = ",
        source->numel, ", index.numel() = ", at->numel);
  if (source->dtype != x->dtype)
    fail("put_(): self and source expected to have the same dtype, but got self.dtype = ", c_name(x->dtype),
         " and source.dtype = ", c_name(source->dtype));
  return call_structural(Put{accumulate}, x, at, source);
}
// What is put must have the type of x, but for one number under one mask.
Tensor of_type(const Tensor& x, const Tensors& indices, const Tensor& values, bool accumulate) {
  if (!accumulate && fills_under_mask(indices, *values)) {
    if (is_complex(values->dtype) && !is_complex(x->dtype))
      fail("value cannot be converted to type ", type_text(x->dtype), " without overflow");
    return reshape(to_dtype(values, x->dtype), Dims());
  }
  return values;
}
Tensor index_put_function(const Tensor& x, const Tensors& indices, const Tensor& values, bool accumulate) {
  return index_put(x, indices, of_type(x, indices, values, accumulate), accumulate);
}
Tensor index_put_method(const Tensor& x, const Tensors& indices, const Tensor& values, bool accumulate) {
  return index_put_(x, indices, of_type(x, indices, values, accumulate), accumulate);
}

}  // namespace

static constexpr OpEntry entries[] = {
    fn<take>("take(Tensor input, Tensor index)", kFunction | kMethod | kApartOut),
    fn<put>("put(Tensor input, Tensor index, Tensor source, bool accumulate=False)",
            kFunction | kMethod | kInPlace),
    widens<index_put_function>(
        "index_put(Tensor input, Tensor[] indices, Tensor values, bool accumulate=False)",
        kFunction | kMethod | kAnyDType | kWideFloat8),
    widens<index_put_method>(
        "index_put_(Tensor input, Tensor[] indices, Tensor values, bool accumulate=False)",
        kFunction | kMethod | kAnyDType | kWideFloat8),
};
FACULA_ENTRIES(index)

}  // namespace facula
