// Largest and smallest elements along a dimension with their places: the first of equals, NaN before
// everything.
#include <memory>
#include "cpu/order.h"
#include "cpu/reduce.h"
#include "op/structural.h"
#include "ops/lines.h"
#include "ops/behind.h"

namespace facula {
namespace {

constexpr int64_t kSegment = 4096;  // elements searched while they are in the first cache

template <bool Max, class T> bool beats(T a, T b) { return Max ? a > b : a < b; }
template <class T> bool is_nan(T v) { return v != v; }

// The first place of the extreme among n elements that follow each other. The extreme of a segment is found
// by the vectorised fold; only a segment that holds a better one is searched.
template <bool Max, class T> int64_t place(const T* x, int64_t n, const FoldKernels& fold) {
  int64_t best = 0;
  T top = x[0];
  for (int64_t from = 0; from < n && !is_nan(top); from += kSegment) {
    const int64_t m = std::min(kSegment, n - from);
    typename FoldTypes<T>::Column found;
    fold.row(x + from, m, &found);
    if (from && !is_nan(found) && !beats<Max, typename FoldTypes<T>::Column>(found, top)) continue;
    int64_t i = 0;
    if (is_nan(found))
      while (!is_nan(x[from + i])) ++i;
    else
      while (!(x[from + i] == found)) ++i;
    best = from + i;
    top = x[best];
  }
  return best;
}

template <bool Max, class T>
void extremes_of_lines(const T* x, const Lines& lines, T* values, int64_t* indices) {
  const int64_t n = lines.length;
  const FoldKernels& fold = fold_kernels(dtype_of_element<T>, Max ? Fold::Max : Fold::Min);
  if (lines.inner == 1 && lines.count() < 4 && n >= 1 << 17) {  // long lines: pieces, then the best piece
    const int64_t each = 1 << 16, pieces = (n + each - 1) / each;
    const std::unique_ptr<int64_t[]> at(new int64_t[size_t(pieces)]);
    for (int64_t line = 0; line < lines.count(); ++line) {
      const T* from = x + line * n;
      parallel_pieces(pieces, [&](int64_t p) {
        at[size_t(p)] = p * each + place<Max>(from + p * each, std::min(each, n - p * each), fold);
      });
      int64_t best = at[0];
      for (int64_t p = 1; p < pieces && !is_nan(from[best]); ++p) {
        const T v = from[at[size_t(p)]];
        if (is_nan(v) || beats<Max>(v, from[best])) best = at[size_t(p)];
      }
      if (values) values[line] = from[best];
      indices[line] = best;
    }
    return;
  }
  if (lines.inner == 1) {
    lines.each([&](int64_t start, int64_t) {
      const int64_t best = place<Max>(x + start, n, fold);
      if (values) values[start / n] = x[start + best];
      indices[start / n] = best;
    });
    return;
  }
  constexpr int64_t kTogether = 256;
  const auto rows = best_order_kernels().extremes[index(dtype_of_element<T>)][Max];
  const int64_t steps = std::min<int64_t>(n, int64_t(1) << 31);  // places within a run have 32 bits
  struct None {};
  lines.groups(
      kTogether, [] { return None{}; },
      [&](None, int64_t start, int64_t line, int64_t count) {
        T top[kTogether], next[kTogether];
        uint32_t best[kTogether];
        for (int64_t from = 0; from < n; from += steps) {
          rows(x + start + from * lines.inner, lines.inner, std::min(steps, n - from), count,
               from ? next : top, best);
          for (int64_t c = 0; c < count; ++c) {
            if (from && (is_nan(top[c]) || !(is_nan(next[c]) || beats<Max>(next[c], top[c])))) continue;
            if (from) top[c] = next[c];
            indices[line + c] = from + best[c];
          }
        }
        for (int64_t c = 0; values && c < count; ++c) values[line + c] = top[c];
      });
}

template <bool Max> void find_extremes(const Tensor& x, int dim, TensorImpl* values, TensorImpl& indices) {
  const Tensor d = dense(x);
  visit(x->dtype, [&](auto element) {
    using T = decltype(element);
    if constexpr (is_complex_type<T> || std::is_same_v<T, uint16_t> || std::is_same_v<T, uint32_t> ||
                  std::is_same_v<T, uint64_t>)
      fail<NotImplemented>("\"", Max ? "max" : "min", "_cpu\" not implemented for '", c_name(x->dtype), "'");
    else
      extremes_of_lines<Max>(d->as<T>(), Lines(d->shape(), dim), values ? values->as<T>() : nullptr,
                             indices.as<int64_t>());
  });
}

template <bool Max> struct ExtremeAt {
  static constexpr const char* node = Max ? "MaxBackward0" : "MinBackward0";
  static constexpr const char* name = Max ? "max" : "min";
  static constexpr uint32_t saves = kOutput;
  static constexpr bool chooses = true;
  void show(Parameters& p) const { p("dim", dim), p("keepdim", keepdim), p("self_sym_sizes", shape); }
  int64_t dim;
  bool keepdim;
  Dims shape{};
  std::vector<Tensor> forward(const Tensor& x) {
    dim = wrap_dim(dim, x->ndim);
    shape = x->shape();
    const Dims out = without(shape, int(dim), keepdim);
    if (shape.count && shape[int(dim)] == 0)
      fail<IndexError>(name, "(): Expected reduction dim ", dim, " to have non-zero size.");
    if (is_complex(x->dtype)) fail(name, "(): does not support complex input");
    Tensor values = empty(x->dtype, out, x->device), indices = empty(DType::Int64, out, x->device);
    if (shape.count == 0) return {clone(alias(*x)), zeros_like(indices)};
    if (!x->is_meta() && x->numel) find_extremes<Max>(x, int(dim), values.get(), *indices);
    return {values, indices};
  }
  std::optional<ExtremeAt> batched(const Back& b, int64_t n) const { return behind_batch(*this, b, n); }
  void vjp(const Back& b, Tensor* d) const { d[0] = picked_gradient(b.g[0], b.out[1], shape, dim, keepdim); }
};
template <bool Max> std::vector<Tensor> extreme_at(const Tensor& x, int64_t dim, bool keepdim) {
  return call_structural(ExtremeAt<Max>{dim, keepdim}, x);
}
template <bool Max> Tensor arg_extreme(const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  const char* name = Max ? "argmax" : "argmin";
  if (is_complex(x->dtype)) fail(name, "(): does not support complex input");
  if (x->dtype == DType::Bool) fail(name, "(): does not support bool input");
  const int d = dim ? wrap_dim(*dim, x->ndim) : 0;
  if (x->numel == 0) {
    if (!dim)
      fail<IndexError>(name,
                       "(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
                       "reduction dim with the 'dim' argument.");
    if (x->sizes[d] == 0) fail<IndexError>(name, "(): Expected reduction dim ", d, " to have non-zero size.");
  }
  const Tensor flat = dim || x->ndim == 1 ? x : reshape(alias(*x), Dims{-1});
  const Dims out = dim ? without(x->shape(), d, keepdim) : keepdim ? Dims::filled(x->ndim, 1) : Dims();
  Tensor indices = empty(DType::Int64, out, x->device);
  if (!x->is_meta() && x->numel) find_extremes<Max>(flat, d, nullptr, *indices);
  return indices;
}

}  // namespace

inline constexpr uint16_t kPlain = kFunction | kMethod;
static constexpr OpEntry entries[] = {
    fn<extreme_at<true>>("max(Tensor input, int dim, bool keepdim=False) -> values, indices",
                         kPlain | kApartOut),
    fn<extreme_at<false>>("min(Tensor input, int dim, bool keepdim=False) -> values, indices",
                          kPlain | kApartOut),
    fn<arg_extreme<true>>("argmax(Tensor input, int? dim=None, bool keepdim=False)", kPlain | kExactOut),
    fn<arg_extreme<false>>("argmin(Tensor input, int? dim=None, bool keepdim=False)", kPlain | kExactOut),
};
FACULA_ENTRIES(extremes)

}  // namespace facula
