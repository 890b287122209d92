// Ordering: arg extremes, sort, top k, medians, unique values.
#include <algorithm>
#include <memory>
#include "op/structural.h"
#include "ops/lines.h"

namespace facula {
namespace {

[[noreturn]] void unsupported(const char* function, DType t) {
  fail<NotImplemented>("\"", function, "\" not implemented for '", c_name(t), "'");
}

// Calls f with an element of the type of x, which must have an order.
template <class F> void visit_ordered(const Tensor& x, const char* function, F&& f) {
  visit(x->dtype, [&](auto element) {
    if constexpr (is_complex_type<decltype(element)>) unsupported(function, x->dtype);
    else f(element);
  });
}

// Values at `indices` along dim; where their gradient goes.
struct Picked {
  static void vjp(const Tensor& g, const Tensor& indices, const Dims& shape, int64_t dim, bool keepdim,
                  Tensor* d) {
    if (!g) return;
    if (shape.count == 0) {
      d[0] = g;
      return;
    }
    const Tensor wide = keepdim ? g : unsqueeze(g, dim), at = keepdim ? indices : unsqueeze(indices, dim);
    d[0] = scatter_add(zeros(shape, g->dtype, g->device), dim, at, wide);
  }
};

Dims without(const Dims& shape, int dim, bool keepdim) {
  Dims s = shape;
  if (s.count == 0) return s;
  if (keepdim) s[dim] = 1;
  else s.erase(dim);
  return s;
}

// --- extremes with their indices: the first of equals, NaN before everything ---

template <bool Max>
void arg_lines(const Tensor& x, int dim, TensorImpl* values, TensorImpl& indices, const char* function) {
  const Tensor d = dense(x);
  const Lines lines(d->shape(), dim);
  visit_ordered(x, function, [&](auto element) {
    using T = decltype(element);
    const T* from = d->as<T>();
    lines.each([&](int64_t start, int64_t step) {
      int64_t best = 0;
      T top = from[start];
      for (int64_t i = 1; i < lines.length && !(top != top); ++i) {
        const T v = from[start + i * step];
        if (v != v || (Max ? v > top : v < top)) {
          best = i;
          top = v;
        }
      }
      const int64_t line = start / (lines.length * lines.inner) * lines.inner + start % lines.inner;
      if (values) values->as<T>()[line] = top;
      indices.as<int64_t>()[line] = best;
    });
  });
}

template <bool Max> struct ExtremeAt {
  static constexpr const char* node = Max ? "MaxBackward0" : "MinBackward0";
  static constexpr const char* name = Max ? "max" : "min";
  static constexpr uint32_t saves = kOutput;
  int64_t dim;
  bool keepdim;
  Dims shape{};
  std::vector<Tensor> forward(const Tensor& x) {
    dim = wrap_dim(dim, x->ndim);
    shape = x->shape();
    const Dims out = without(shape, int(dim), keepdim);
    if (shape.count && shape[int(dim)] == 0)
      fail<IndexError>(name, "(): Expected reduction dim ", dim, " to have non-zero size.");
    Tensor values = empty(x->dtype, out, x->device), indices = empty(DType::Int64, out, x->device);
    if (!x->is_meta()) arg_lines<Max>(x, int(dim), values.get(), *indices, name);
    return {values, indices};
  }
  void vjp(const Back& b, Tensor* d) const { Picked::vjp(b.g[0], b.out[1], shape, dim, keepdim, d); }
};
template <bool Max> std::vector<Tensor> extreme_at(const Tensor& x, int64_t dim, bool keepdim) {
  return call_structural(ExtremeAt<Max>{dim, keepdim}, x);
}
template <bool Max> Tensor arg_extreme(const Tensor& x, std::optional<int64_t> dim, bool keepdim) {
  const char* name = Max ? "argmax" : "argmin";
  if (x->dtype == DType::Bool) fail(name, "(): does not support bool input");
  const int d = dim ? wrap_dim(*dim, x->ndim) : 0;
  if (x->numel == 0) {
    if (!dim)
      fail<IndexError>(name,
                       "(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
                       "reduction dim with the 'dim' argument.");
    if (x->sizes[d] == 0) fail<IndexError>(name, "(): Expected reduction dim ", d, " to have non-zero size.");
  }
  const Tensor flat = dim ? x : dense(x)->ndim == 1 ? x : reshape(alias(*x), Dims{-1});
  const Dims out = dim ? without(x->shape(), d, keepdim) : keepdim ? Dims::filled(x->ndim, 1) : Dims();
  Tensor indices = empty(DType::Int64, out, x->device);
  if (!x->is_meta()) arg_lines<Max>(flat, d, nullptr, *indices, name);
  return indices;
}

// --- sorting ---

template <class T, class Key>
void order_line(const T* from, int64_t step, int64_t n, bool descending, int64_t* order, Key) {
  for (int64_t i = 0; i < n; ++i) order[i] = i;
  auto at = [&](int64_t i) { return from[i * step]; };
  if (descending)
    std::stable_sort(order, order + n, [&](int64_t a, int64_t b) { return ranks_before(at(b), at(a)); });
  else std::stable_sort(order, order + n, [&](int64_t a, int64_t b) { return ranks_before(at(a), at(b)); });
}

struct Sort {
  static constexpr const char* node = "SortBackward0";
  static constexpr uint32_t saves = kOutput;
  int64_t dim;
  bool descending;
  Dims shape{};
  std::vector<Tensor> forward(const Tensor& x) {
    dim = wrap_dim(dim, x->ndim);
    shape = x->shape();
    Tensor values = empty(x->dtype, shape, x->device), indices = empty(DType::Int64, shape, x->device);
    if (x->is_meta()) return {values, indices};
    const Tensor d = dense(x);
    const Lines lines(shape, int(dim));
    visit_ordered(x, "sort", [&](auto element) {
      using T = decltype(element);
      lines.each([&](int64_t start, int64_t step) {
        const std::unique_ptr<int64_t[]> order(new int64_t[size_t(lines.length)]);
        order_line(d->as<T>() + start, step, lines.length, descending, order.get(), 0);
        for (int64_t i = 0; i < lines.length; ++i) {
          values->as<T>()[start + i * step] = d->as<T>()[start + order[size_t(i)] * step];
          indices->as<int64_t>()[start + i * step] = order[size_t(i)];
        }
      });
    });
    return {values, indices};
  }
  void vjp(const Back& b, Tensor* d) const { Picked::vjp(b.g[0], b.out[1], shape, dim, true, d); }
};
std::vector<Tensor> sort(const Tensor& x, int64_t dim, bool descending, bool) {
  return call_structural(Sort{dim, descending}, x);
}
Tensor argsort(const Tensor& x, int64_t dim, bool descending, bool) {
  GradMode off(false);
  return sort(x, dim, descending, true)[1];
}
Tensor msort(const Tensor& x) { return sort(x, 0, false, true)[0]; }

struct Topk {
  static constexpr const char* node = "TopkBackward0";
  static constexpr uint32_t saves = kOutput;
  int64_t k, dim;
  bool largest;
  Dims shape{};
  std::vector<Tensor> forward(const Tensor& x) {
    dim = wrap_dim(dim, x->ndim);
    shape = x->shape();
    const int64_t n = shape.count ? shape[int(dim)] : 1;
    if (k < 0 || k > n) fail("selected index k out of range");
    Dims out = shape;
    if (out.count) out[int(dim)] = k;
    Tensor values = empty(x->dtype, out, x->device), indices = empty(DType::Int64, out, x->device);
    if (x->is_meta()) return {values, indices};
    const Tensor d = dense(x);
    const Lines lines(shape, int(dim));
    visit_ordered(x, "topk", [&](auto element) {
      using T = decltype(element);
      lines.each([&](int64_t start, int64_t step) {
        const std::unique_ptr<int64_t[]> order(new int64_t[size_t(n)]);
        for (int64_t i = 0; i < n; ++i) order[size_t(i)] = i;
        const T* from = d->as<T>() + start;
        auto before = [&](int64_t a, int64_t b) {
          const T va = from[a * step], vb = from[b * step];
          if (largest ? ranks_before(vb, va) : ranks_before(va, vb)) return true;
          if (largest ? ranks_before(va, vb) : ranks_before(vb, va)) return false;
          return a < b;
        };
        std::partial_sort(order.get(), order.get() + k, order.get() + n, before);
        const int64_t to = start / (lines.length * lines.inner) * k * lines.inner + start % lines.inner;
        for (int64_t i = 0; i < k; ++i) {
          values->as<T>()[to + i * step] = from[order[size_t(i)] * step];
          indices->as<int64_t>()[to + i * step] = order[size_t(i)];
        }
      });
    });
    return {values, indices};
  }
  void vjp(const Back& b, Tensor* d) const { Picked::vjp(b.g[0], b.out[1], shape, dim, true, d); }
};
std::vector<Tensor> topk(const Tensor& x, int64_t k, int64_t dim, bool largest, bool) {
  return call_structural(Topk{k, dim, largest}, x);
}

// --- one element of the sorted line: kthvalue, median, mode ---

enum class Pick : uint8_t { Kth, Median, NanMedian, Mode };
template <Pick P> struct PickLine {
  static constexpr const char* node = P == Pick::Kth         ? "KthvalueBackward0"
                                      : P == Pick::Median    ? "MedianBackward1"
                                      : P == Pick::NanMedian ? "NanmedianBackward1"
                                                             : "ModeBackward0";
  static constexpr const char* name = P == Pick::Kth         ? "kthvalue"
                                      : P == Pick::Median    ? "median"
                                      : P == Pick::NanMedian ? "nanmedian"
                                                             : "mode";
  static constexpr uint32_t saves = kOutput;
  int64_t k, dim;
  bool keepdim;
  Dims shape{};
  std::vector<Tensor> forward(const Tensor& x) {
    dim = wrap_dim(dim, x->ndim);
    shape = x->shape();
    const int64_t n = shape.count ? shape[int(dim)] : 1;
    if (P == Pick::Kth && (k < 1 || k > n))
      fail("kthvalue(): selected number k out of range for dimension ", dim);
    if (n == 0) fail<IndexError>(name, "(): Expected reduction dim ", dim, " to have non-zero size.");
    const Dims out = without(shape, int(dim), keepdim);
    Tensor values = empty(x->dtype, out, x->device), indices = empty(DType::Int64, out, x->device);
    if (x->is_meta()) return {values, indices};
    const Tensor d = dense(x);
    const Lines lines(shape, int(dim));
    visit_ordered(x, name, [&](auto element) {
      using T = decltype(element);
      lines.each([&](int64_t start, int64_t step) {
        const std::unique_ptr<int64_t[]> order(new int64_t[size_t(n)]);
        const T* from = d->as<T>() + start;
        order_line(from, step, n, false, order.get(), 0);
        auto at = [&](int64_t i) { return from[order[size_t(i)] * step]; };
        const int64_t line = start / (lines.length * lines.inner) * lines.inner + start % lines.inner;
        int64_t chosen;
        if constexpr (P == Pick::Kth) {
          chosen = k - 1;
        } else if constexpr (P == Pick::Mode) {  // of the most frequent values the smallest, its last index
          int64_t best_count = 0;
          chosen = 0;
          for (int64_t i = 0, j; i < n; i = j) {
            for (j = i; j < n && (at(j) == at(i) || (at(i) != at(i) && at(j) != at(j))); ++j) {}
            if (j - i > best_count) best_count = j - i, chosen = j - 1;
          }
        } else {
          int64_t valid = n;
          while (valid > 0 && at(valid - 1) != at(valid - 1)) --valid;
          if (P == Pick::NanMedian) chosen = valid ? (valid - 1) / 2 : 0;
          else chosen = valid < n ? valid : (n - 1) / 2;
        }
        values->as<T>()[line] = at(chosen);
        indices->as<int64_t>()[line] = order[size_t(chosen)];
      });
    });
    return {values, indices};
  }
  void vjp(const Back& b, Tensor* d) const { Picked::vjp(b.g[0], b.out[1], shape, dim, keepdim, d); }
};
std::vector<Tensor> kthvalue(const Tensor& x, int64_t k, int64_t dim, bool keepdim) {
  return call_structural(PickLine<Pick::Kth>{k, dim, keepdim}, x);
}
template <Pick P> std::vector<Tensor> pick(const Tensor& x, int64_t dim, bool keepdim) {
  return call_structural(PickLine<P>{0, dim, keepdim}, x);
}

template <bool SkipNan>
struct MedianAll {  // ties share the gradient in PyTorch only by index: the chosen element takes it
  static constexpr const char* node = SkipNan ? "NanmedianBackward0" : "MedianBackward0";
  static constexpr uint32_t saves = saves_input(0) | kOutput;
  Tensor forward(const Tensor& x) {
    if (x->numel == 0)
      return full(Dims(), is_floating(x->dtype) ? Scalar(__builtin_nan("")) : Scalar(INT64_MIN), x->dtype,
                  x->device);
    GradMode off(false);
    return pick < SkipNan ? Pick::NanMedian : Pick::Median > (reshape(x, Dims{-1}), 0, false)[0];
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor y = b.out[0];
    const Tensor same = binary("logical_or", binary("eq", b.in[0], y),
                               binary("logical_and", unary("isnan", b.in[0]), unary("isnan", y)));
    const Tensor mask = to_dtype(same, b.g[0]->dtype);
    d[0] = mask * (b.g[0] / sum(mask, Dims(), false));
  }
};
template <bool SkipNan> Tensor median_all(const Tensor& x) {
  return call_structural(MedianAll<SkipNan>{}, x);
}

}  // namespace

inline constexpr uint16_t kPlain = kFunction | kMethod | kOut;
static constexpr OpEntry entries[] = {
    fn<extreme_at<true>>("max(Tensor input, int dim, bool keepdim=False) -> values, indices", kPlain),
    fn<extreme_at<false>>("min(Tensor input, int dim, bool keepdim=False) -> values, indices", kPlain),
    fn<arg_extreme<true>>("argmax(Tensor input, int? dim=None, bool keepdim=False)", kPlain),
    fn<arg_extreme<false>>("argmin(Tensor input, int? dim=None, bool keepdim=False)", kPlain),
    fn<sort>("sort(Tensor input, int dim=-1, bool descending=False, bool stable=False) -> values, indices",
             kPlain),
    fn<argsort>("argsort(Tensor input, int dim=-1, bool descending=False, bool stable=False)"),
    fn<msort>("msort(Tensor input)", kPlain),
    fn<topk>("topk(Tensor input, int k, int dim=-1, bool largest=True, bool sorted=True) -> values, indices",
             kPlain),
    fn<kthvalue>("kthvalue(Tensor input, int k, int dim=-1, bool keepdim=False) -> values, indices", kPlain),
    fn<median_all<false>>("median(Tensor input)"),
    fn<pick<Pick::Median>>("median(Tensor input, int dim, bool keepdim=False) -> values, indices", kPlain),
    fn<median_all<true>>("nanmedian(Tensor input)"),
    fn<pick<Pick::NanMedian>>("nanmedian(Tensor input, int dim, bool keepdim=False) -> values, indices",
                              kPlain),
    fn<pick<Pick::Mode>>("mode(Tensor input, int dim=-1, bool keepdim=False) -> values, indices", kPlain),
};
FACULA_ENTRIES(sort)

}  // namespace facula
