// Sorting along a dimension. Every sort is stable, so its result is unique.
#include "op/inplace.h"
#include "op/structural.h"
#include "ops/lines.h"
#include "ops/ordering.h"
#include "ops/behind.h"

namespace facula {
namespace {

int64_t lines_together(const Lines& lines) {  // neighbouring lines sorted from one cache's worth of copies
  return std::clamp<int64_t>(262144 / std::max<int64_t>(lines.length, 1), 1, 16);
}

// All lines of x (contiguous) in order; `values` and `indices` are contiguous too, and may be null.
template <class T>
void sort_lines(const T* x, const Lines& lines, bool descending, T* values, int64_t* indices) {
  const int64_t n = lines.length;
  if (n == 0 || lines.count() == 0) return;
  if (n >= kParallelLine && lines.count() < 4 && lines.inner == 1) {
    OrderScratch<T> scratch(n);
    for (int64_t line = 0; line < lines.count(); ++line) {
      const T* from = x + line * n;
      const auto* items = ordered_items(from, n, descending, scratch, true);
      parallel_pieces((n + 65535) / 65536, [&](int64_t piece) {
        unpack_items<T>(items, from, piece * 65536, std::min(n, (piece + 1) * 65536), descending,
                        values ? values + line * n : nullptr, indices ? indices + line * n : nullptr);
      });
    }
    return;
  }
  const int64_t together = lines_together(lines);
  struct Scratch {
    OrderScratch<T> order;
    std::unique_ptr<T[]> rows, values;
    std::unique_ptr<int64_t[]> indices;
  };
  auto make = [&] {
    const size_t room = lines.inner > 1 ? size_t(together * n) : 0;
    return Scratch{OrderScratch<T>(n), std::unique_ptr<T[]>(new T[room]), std::unique_ptr<T[]>(new T[room]),
                   std::unique_ptr<int64_t[]>(new int64_t[room])};
  };
  lines.groups(together, make, [&](Scratch& s, int64_t start, int64_t, int64_t count) {
    if (lines.inner == 1) {
      const auto* items = ordered_items(x + start, n, descending, s.order, false);
      unpack_items<T>(items, x + start, 0, n, descending, values ? values + start : nullptr,
                      indices ? indices + start : nullptr);
      return;
    }
    lines.gather(x + start, count, s.rows.get());
    for (int64_t g = 0; g < count; ++g) {
      const T* row = s.rows.get() + g * n;
      unpack_items<T>(ordered_items(row, n, descending, s.order, false), row, 0, n, descending,
                      values ? s.values.get() + g * n : nullptr, indices ? s.indices.get() + g * n : nullptr);
    }
    if (values) lines.scatter(s.values.get(), count, n, values + start);
    if (indices) lines.scatter(s.indices.get(), count, n, indices + start);
  });
}

template <bool Stable> struct Sort {
  static constexpr const char* node = Stable ? "SortBackward1" : "SortBackward0";
  static constexpr uint32_t saves = kOutput;
  static constexpr bool chooses = true;
  void show(Parameters& p) const { p("dim", dim), p("self_sym_sizes", shape); }
  int64_t dim;
  bool descending;
  Dims shape{};
  std::vector<Tensor> forward(const Tensor& x) {
    dim = wrap_dim(dim, x->ndim);
    shape = x->shape();
    if (is_complex(x->dtype)) fail(" Sort does not support complex dtypes on CPU");
    if (shape.count && shape[int(dim)] >= kLongestLine)
      fail<NotImplemented>("sort(): lines of 2**32 elements and more are not implemented");
    Tensor values = empty(x->dtype, shape, x->device), indices = empty(DType::Int64, shape, x->device);
    if (!x->is_meta()) {
      const Tensor d = dense(x);
      visit(x->dtype, [&](auto element) {
        using T = decltype(element);
        if constexpr (!is_complex_type<T>)
          sort_lines(d->as<T>(), Lines(shape, int(dim)), descending, values->as<T>(), indices->as<int64_t>());
      });
    }
    return {like(x, values), like(x, indices)};
  }
  std::optional<Sort> batched(const Back& b, int64_t n) const { return behind_batch(*this, b, n); }
  void vjp(const Back& b, Tensor* d) const { d[0] = picked_gradient(b.g[0], b.out[1], shape, dim, true); }

 private:
  static Tensor like(const Tensor& x, const Tensor& result) {  // in the order of x's dimensions in memory
    if (x->stride() == result->stride()) return result;
    const Tensor out = empty_in(*x, result->dtype, MemoryFormat::Preserve, x->device);
    if (out->stride() == result->stride()) return result;
    copy_into(*out, *result);
    return out;
  }
};
std::vector<Tensor> sort(const Tensor& x, int64_t dim, bool descending) {
  return call_structural(Sort<false>{dim, descending}, x);
}
std::vector<Tensor> sort_stable(const Tensor& x, std::optional<bool>, int64_t dim, bool descending) {
  return call_structural(Sort<true>{dim, descending}, x);
}
Tensor argsort(const Tensor& x, int64_t dim, bool descending) {
  GradMode off(false);
  return sort(x, dim, descending)[1];
}
Tensor argsort_stable(const Tensor& x, bool, int64_t dim, bool descending) {
  return argsort(x, dim, descending);
}
Tensor msort(const Tensor& x) { return sort(x, 0, false)[0]; }

}  // namespace

inline constexpr uint16_t kPlain = kFunction | kMethod | kExactOut | kOutLikeResult;
static constexpr OpEntry entries[] = {
    fn<sort>("sort(Tensor input, int dim=-1, bool descending=False) -> values, indices", kPlain),
    fn<sort_stable>(
        "sort(Tensor input, *, bool? stable, int dim=-1, bool descending=False) -> values, indices", kPlain),
    fn<argsort>("argsort(Tensor input, int dim=-1, bool descending=False)"),
    fn<argsort_stable>("argsort(Tensor input, *, bool stable, int dim=-1, bool descending=False)", kPlain),
    fn<msort>("msort(Tensor input)", kPlain),
};
FACULA_ENTRIES(sort)

}  // namespace facula
