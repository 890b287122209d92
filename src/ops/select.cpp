// Elements of the ordered line that are found without sorting it: top k, kthvalue, median; and the mode.
// Where values are equal PyTorch's choice among their indices follows from its algorithm; the same algorithms
// are used here, so that the same indices come out.
#include <algorithm>
#include <vector>
#include "op/structural.h"
#include "ops/lines.h"
#include "ops/ordering.h"
#include "ops/behind.h"

namespace facula {
namespace {

// Comparable form of an element: 16-bit floats as float.
template <class T> using Compared = std::conditional_t<is_half_type<T>, float, T>;
template <class T> struct Entry {
  Compared<T> value;
  int64_t index;
};
template <class V> bool is_nan(V v) { return v != v; }
template <bool Largest, class V> bool goes_first(V a, V b) {
  if constexpr (std::is_integral_v<V>) return Largest ? a > b : a < b;
  else return Largest ? (is_nan(a) && !is_nan(b)) || a > b : (!is_nan(a) && is_nan(b)) || a < b;
}

// Calls f(element) for the types that PyTorch orders here.
template <class F> void visit_selectable(const Tensor& x, const char* kernel, bool with_bool, F&& f) {
  visit(x->dtype, [&](auto element) {
    using T = decltype(element);
    constexpr bool rare =
        is_complex_type<T> || (std::is_unsigned_v<T> && sizeof(T) > 1 && !std::is_same_v<T, bool>);
    if constexpr (rare) {
      fail<NotImplemented>("\"", kernel, "\" not implemented for '", c_name(x->dtype), "'");
    } else {
      if (std::is_same_v<T, bool> && !with_bool)
        fail<NotImplemented>("\"", kernel, "\" not implemented for 'Bool'");
      f(element);
    }
  });
}

// --- top k ---

// The first k of n values in order. A heap of the best k so far meets the rest of the line; most blocks of
// a long line hold nothing that belongs into the heap and are passed over by one vectorised test.
template <bool Largest, class T> void heap_top(const T* x, int64_t n, int64_t k, Entry<T>* heap) {
  using V = Compared<T>;
  auto first = [](const Entry<T>& a, const Entry<T>& b) { return goes_first<Largest>(a.value, b.value); };
  for (int64_t i = 0; i < k; ++i) heap[i] = {V(x[i]), i};
  std::make_heap(heap, heap + k, first);
  constexpr int64_t kBlockLength = 64;
  for (int64_t i = k; i < n;) {
    const int64_t m = std::min(kBlockLength, n - i);
    const V top = heap[0].value;
    bool any = false;
    for (int64_t j = 0; j < m; ++j) {
      const V v = V(x[i + j]);
      any |= !(Largest ? v <= top : v >= top);
    }
    if (any) {
      for (int64_t j = 0; j < m; ++j) {
        const V v = V(x[i + j]);
        if (!goes_first<Largest>(v, heap[0].value)) continue;
        heap[k] = {v, i + j};
        std::pop_heap(heap, heap + k + 1, first);  // the new entry takes the place of the worst
      }
    }
    i += m;
  }
  std::sort_heap(heap, heap + k, first);
}

template <bool Largest, class T>
void top_of_line(const T* x, int64_t n, int64_t k, bool sorted, Entry<T>* room) {
  if (k == 0) return;
  auto first = [](const Entry<T>& a, const Entry<T>& b) { return goes_first<Largest>(a.value, b.value); };
  if (k * 64 <= n) return heap_top<Largest>(x, n, k, room);
  for (int64_t i = 0; i < n; ++i) room[i] = {Compared<T>(x[i]), i};
  std::nth_element(room, room + k - 1, room + n, first);
  if (sorted) std::sort(room, room + k - 1, first);
}

struct Topk {
  static constexpr const char* node = "TopkBackward0";
  static constexpr uint32_t saves = kOutput;
  static constexpr bool chooses = true;
  void show(Parameters& p) const { p("dim", dim), p("self_sym_sizes", shape); }
  int64_t k, dim;
  bool largest, sorted;
  Dims shape{};
  std::vector<Tensor> forward(const Tensor& x) {
    dim = wrap_dim(dim, x->ndim);
    shape = x->shape();
    const int64_t n = shape.count ? shape[int(dim)] : 1;
    if (k < 0 || k > n) fail("selected index k out of range");
    if (is_complex(x->dtype)) fail(" topk does not support complex dtypes on CPU");
    if (x->dtype == DType::Bool) fail("topk does not support bool dtypes on CPU");
    if (!shape.count) k = 1;  // of a number: the number, also for k = 0
    Dims out = shape;
    if (out.count) out[int(dim)] = k;
    Tensor values = empty(x->dtype, out, x->device), indices = empty(DType::Int64, out, x->device);
    if (x->is_meta() || values->numel == 0) return {values, indices};
    const Tensor d = dense(x);
    const Lines lines(shape, int(dim));
    visit_selectable(x, "topk_cpu", false, [&](auto element) {
      using T = decltype(element);
      run<T>(d->as<T>(), lines, values->as<T>(), indices->as<int64_t>());
    });
    return {values, indices};
  }
  std::optional<Topk> batched(const Back& b, int64_t n) const { return behind_batch(*this, b, n); }
  void vjp(const Back& b, Tensor* d) const { d[0] = picked_gradient(b.g[0], b.out[1], shape, dim, true); }

 private:
  template <class T> void run(const T* x, const Lines& lines, T* values, int64_t* indices) const {
    const int64_t n = lines.length, together = std::clamp<int64_t>(262144 / n, 1, 16);
    struct Scratch {
      std::unique_ptr<Entry<T>[]> room;
      std::unique_ptr<T[]> rows;
    };
    auto make = [&] {
      return Scratch{std::unique_ptr<Entry<T>[]>(new Entry<T>[size_t(k * 64 <= n ? k + 1 : n)]),
                     std::unique_ptr<T[]>(new T[lines.inner > 1 ? size_t(together * n) : 0])};
    };
    lines.groups(together, make, [&](Scratch& s, int64_t start, int64_t line, int64_t count) {
      if (lines.inner > 1) lines.gather(x + start, count, s.rows.get());
      for (int64_t g = 0; g < count; ++g) {
        const T* row = lines.inner > 1 ? s.rows.get() + g * n : x + start;
        if (largest) top_of_line<true>(row, n, k, sorted, s.room.get());
        else top_of_line<false>(row, n, k, sorted, s.room.get());
        const int64_t to = (line + g) / lines.inner * k * lines.inner + (line + g) % lines.inner;
        for (int64_t i = 0; i < k; ++i) {
          values[to + i * lines.inner] = row[s.room[size_t(i)].index];
          indices[to + i * lines.inner] = s.room[size_t(i)].index;
        }
      }
    });
  }
};
std::vector<Tensor> topk(const Tensor& x, int64_t k, int64_t dim, bool largest, bool sorted) {
  return call_structural(Topk{k, dim, largest, sorted}, x);
}

// --- one element: kthvalue, median, mode ---

// Hoare's selection with the median of three as pivot: afterwards entry k is the k-th in order.
template <class T> void hoare_select(Entry<T>* e, int64_t n, int64_t k) {
  auto after = [](const Entry<T>& a, const Entry<T>& b) { return goes_first<false>(b.value, a.value); };
  int64_t low = 0, high = n - 1;
  while (low < high) {
    if (high == low + 1) {
      if (after(e[low], e[high])) std::swap(e[low], e[high]);
      return;
    }
    // The pivot goes to `low`; sentinels that do not pass it stand at low + 1 and high.
    std::swap(e[low + (high - low) / 2], e[low + 1]);
    if (after(e[low + 1], e[high])) std::swap(e[low + 1], e[high]);
    if (after(e[low], e[high])) std::swap(e[low], e[high]);
    if (after(e[low + 1], e[low])) std::swap(e[low + 1], e[low]);
    const Entry<T> pivot = e[low];
    int64_t i = low + 1, j = high;
    for (;;) {
      do ++i;
      while (after(pivot, e[i]));
      do --j;
      while (after(e[j], pivot));
      if (j < i) break;
      std::swap(e[i], e[j]);
    }
    std::swap(e[low], e[j]);
    if (j <= k) low = i;
    if (j >= k) high = j - 1;
  }
}

enum class Pick : uint8_t { Kth, Median, NanMedian, Mode };

template <class T> int64_t kth_place(const T* x, int64_t n, int64_t k, Entry<T>* room) {
  for (int64_t i = 0; i < n; ++i) room[i] = {Compared<T>(x[i]), i};
  hoare_select<T>(room, n, k - 1);
  return room[k - 1].index;
}

// The lower median; of equal values the one that a stable sort puts there.
template <class T> int64_t median_place(const T* x, int64_t n, bool skip_nan, ItemOf<T>* room) {
  int64_t valid = n;
  if constexpr (!std::is_integral_v<T>) {
    int64_t nans = 0, first = n;
    for (int64_t i = n - 1; i >= 0; --i)
      if (is_nan(x[i])) ++nans, first = i;
    if (nans && !skip_nan) return first;
    valid = n - nans;
  }
  const int64_t nth = valid ? (valid - 1) / 2 : 0;
  make_items(x, 0, n, false, room);
  std::nth_element(room, room + nth, room + n);
  return room[nth].index();
}

// The smallest of the most frequent values.
template <class T> int64_t mode_place(const T* x, int64_t n, Entry<T>* room) {
  bool ordered = true;  // NaNs have no place in an order by `<` alone
  for (int64_t i = 0; i < n; ++i) {
    room[i] = {Compared<T>(x[i]), i};
    ordered &= !is_nan(x[i]);
  }
  if (ordered)
    std::sort(room, room + n, [](const Entry<T>& a, const Entry<T>& b) { return a.value < b.value; });
  else
    std::stable_sort(room, room + n, [](const Entry<T>& a, const Entry<T>& b) {
      return goes_first<false>(a.value, b.value);
    });
  int64_t chosen = 0, most = 0, count = 0;
  for (int64_t i = 0; i < n; ++i) {
    ++count;
    if (i + 1 < n && room[i].value == room[i + 1].value) continue;
    if (count > most) most = count, chosen = i;
    count = 0;
  }
  return room[chosen].index;
}

template <Pick P> struct PickLine {
  static constexpr const char* node = P == Pick::Kth         ? "KthvalueBackward0"
                                      : P == Pick::Median    ? "MedianBackward1"
                                      : P == Pick::NanMedian ? "NanmedianBackward1"
                                                             : "ModeBackward0";
  static constexpr const char* name = P == Pick::Kth         ? "kthvalue"
                                      : P == Pick::Median    ? "median"
                                      : P == Pick::NanMedian ? "nanmedian"
                                                             : "mode";
  static constexpr const char* kernel = P == Pick::Kth    ? "kthvalue_cpu"
                                        : P == Pick::Mode ? "mode_cpu"
                                                          : "median_out";
  static constexpr uint32_t saves = kOutput;
  static constexpr bool chooses = true;
  void show(Parameters& p) const { p("dim", dim), p("keepdim", keepdim), p("self_sym_sizes", shape); }
  int64_t k, dim;
  bool keepdim;
  Dims shape{};
  std::vector<Tensor> forward(const Tensor& x) {
    dim = wrap_dim(dim, x->ndim);
    shape = x->shape();
    const int64_t n = shape.count ? shape[int(dim)] : 1;
    if (n == 0) fail<IndexError>(name, "(): Expected reduction dim ", dim, " to have non-zero size.");
    if (P == Pick::Kth && (k < 1 || k > n))
      fail("kthvalue(): selected number k out of range for dimension ", dim);
    if (n >= kLongestLine)
      fail<NotImplemented>(name, "(): lines of 2**32 elements and more are not implemented");
    const Dims out = without(shape, int(dim), keepdim);
    Tensor values = empty(x->dtype, out, x->device), indices = empty(DType::Int64, out, x->device);
    // PyTorch answers these before it looks at the type.
    if ((P == Pick::Kth || P == Pick::Mode) && shape.count == 0)
      return {clone(alias(*x)), zeros_like(indices)};
    if (P == Pick::Mode && x->numel == 0) return {values, indices};
    visit_selectable(x, kernel, P == Pick::Mode, [&](auto element) {
      using T = decltype(element);
      if (x->is_meta() || x->numel == 0) return;
      const Tensor d = dense(x);
      run<T>(d->as<T>(), Lines(shape, int(dim)), values->as<T>(), indices->as<int64_t>());
    });
    return {values, indices};
  }
  std::optional<PickLine> batched(const Back& b, int64_t n) const { return behind_batch(*this, b, n); }
  void vjp(const Back& b, Tensor* d) const { d[0] = picked_gradient(b.g[0], b.out[1], shape, dim, keepdim); }

 private:
  template <class T> void run(const T* x, const Lines& lines, T* values, int64_t* indices) const {
    constexpr bool median = P == Pick::Median || P == Pick::NanMedian;
    using Room = std::conditional_t<median, ItemOf<T>, Entry<T>>;
    const int64_t n = lines.length, together = std::clamp<int64_t>(262144 / n, 1, 16);
    struct Scratch {
      std::unique_ptr<Room[]> room;
      std::unique_ptr<T[]> rows;
    };
    auto make = [&] {
      return Scratch{std::unique_ptr<Room[]>(new Room[size_t(n)]),
                     std::unique_ptr<T[]>(new T[lines.inner > 1 ? size_t(together * n) : 0])};
    };
    lines.groups(together, make, [&](Scratch& s, int64_t start, int64_t line, int64_t count) {
      if (lines.inner > 1) lines.gather(x + start, count, s.rows.get());
      for (int64_t g = 0; g < count; ++g) {
        const T* row = lines.inner > 1 ? s.rows.get() + g * n : x + start;
        int64_t at;
        if constexpr (P == Pick::Kth) at = kth_place(row, n, k, s.room.get());
        else if constexpr (median) at = median_place(row, n, P == Pick::NanMedian, s.room.get());
        else at = mode_place(row, n, s.room.get());
        values[line + g] = row[at];
        indices[line + g] = at;
      }
    });
  }
};
std::vector<Tensor> kthvalue(const Tensor& x, int64_t k, int64_t dim, bool keepdim) {
  return call_structural(PickLine<Pick::Kth>{k, dim, keepdim}, x);
}
template <Pick P> std::vector<Tensor> pick(const Tensor& x, int64_t dim, bool keepdim) {
  return call_structural(PickLine<P>{0, dim, keepdim}, x);
}

template <bool SkipNan> struct MedianAll {  // equal elements share the gradient
  static constexpr const char* node = SkipNan ? "NanmedianBackward0" : "MedianBackward0";
  static constexpr uint32_t saves = saves_input(0) | kOutput;
  Tensor forward(const Tensor& x) {
    if (x->numel == 0) {  // NaN; for other types what the processor makes of NaN
      const Scalar nothing = is_floating(x->dtype)      ? Scalar(__builtin_nan(""))
                             : x->dtype == DType::Int64 ? Scalar(INT64_MIN)
                             : x->dtype == DType::Int32 ? Scalar(int64_t(INT32_MIN))
                                                        : Scalar(int64_t(x->dtype == DType::Bool));
      return full(Dims(), nothing, x->dtype, x->device);
    }
    visit_selectable(x, "median_cpu", false, [](auto) {});
    if (x->is_meta()) return empty(x->dtype, Dims(), x->device);
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

inline constexpr uint16_t kPlain = kFunction | kMethod | kApartOut;
inline constexpr const char* kNoMedian =
    "Expected tensor for 'values' to have the same type as tensor for argument #2 'self'; but type "
    "torch.$OTensor does not equal torch.$RTensor (while checking arguments for median)|Expected tensor for "
    "argument #1 'indices' to have scalar type $R; but got torch.$OTensor instead (while checking arguments "
    "for "
    "median)";
static constexpr OpEntry entries[] = {
    fn<topk>("topk(Tensor input, int k, int dim=-1, bool largest=True, bool sorted=True) -> values, indices",
             kPlain),
    fn<kthvalue>("kthvalue(Tensor input, int k, int dim=-1, bool keepdim=False) -> values, indices", kPlain)
        .refusing("output values must be of same type as input|output indices must be of scalar type Long"),
    fn<median_all<false>>("median(Tensor input)"),
    fn<pick<Pick::Median>>("median(Tensor input, int dim, bool keepdim=False) -> values, indices", kPlain)
        .refusing(kNoMedian),
    fn<median_all<true>>("nanmedian(Tensor input)"),
    fn<pick<Pick::NanMedian>>("nanmedian(Tensor input, int dim, bool keepdim=False) -> values, indices",
                              kPlain)
        .refusing(kNoMedian),
    fn<pick<Pick::Mode>>("mode(Tensor input, int dim=-1, bool keepdim=False) -> values, indices", kPlain)
        .refusing("expected scalar type '$R' but got '$O' for values output|expected scalar type '$R' but "
                  "got '$O' for "
                  "indices output"),
};
FACULA_ENTRIES(select)

}  // namespace facula
