// The distinct elements, or slices, of a tensor.
#include <algorithm>
#include <cstring>
#include <numeric>
#include "ops/lines.h"
#include "ops/ordering.h"

namespace facula {
namespace {

// Rows of a matrix: compared element by element.
struct Rows {
  Tensor data;  // [count, width], contiguous
  int64_t count, width;

  template <class T> int compare(int64_t a, int64_t b) const {
    const T *x = data->as<T>() + a * width, *y = data->as<T>() + b * width;
    for (int64_t i = 0; i < width; ++i) {
      if constexpr (is_complex_type<T>) {
        if (x[i].re != y[i].re) return x[i].re < y[i].re ? -1 : 1;
        if (x[i].im != y[i].im) return x[i].im < y[i].im ? -1 : 1;
      } else {
        if (ranks_before(x[i], y[i])) return -1;
        if (ranks_before(y[i], x[i])) return 1;
        if (x[i] != x[i]) return -1;  // every NaN is its own
      }
    }
    return 0;
  }
};

// Which rows are kept, which kept row each row equals, how many equal each.
struct Grouping {
  std::vector<int64_t> kept, inverse, counts;
};

// The order of slices where NaNs take part: they are equal to all. No order then; the steps of the sort
// decide.
template <class T> bool sort_with_nans(const Rows& rows, std::vector<int64_t>& order) {
  const T* x = rows.data->as<T>();
  if (std::none_of(x, x + rows.count * rows.width, [](T v) { return v != v; })) return false;
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    for (int64_t i = 0; i < rows.width; ++i) {
      const T left = x[a * rows.width + i], right = x[b * rows.width + i];
      if (left < right) return true;
      if (left > right) return false;
    }
    return false;
  });
  return true;
}

template <class T> Grouping group(const Rows& rows, bool consecutive, bool slices) {
  Grouping g;
  std::vector<int64_t> order(static_cast<size_t>(rows.count));
  std::iota(order.begin(), order.end(), int64_t(0));
  bool sorted = consecutive;
  if constexpr (!std::is_integral_v<T> && !is_complex_type<T>)
    if (slices && !sorted) sorted = sort_with_nans<T>(rows, order);
  if constexpr (!is_complex_type<T>) {
    if (!sorted && rows.width == 1 && rows.count && rows.count < kLongestLine) {
      OrderScratch<T> scratch(rows.count);
      const auto* items = ordered_items(rows.data->as<T>(), rows.count, false, scratch, true);
      for (size_t i = 0; i < order.size(); ++i) order[i] = items[i].index();
      sorted = true;
    }
  }
  if (!sorted)
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      const int c = rows.compare<T>(a, b);
      if constexpr (std::is_integral_v<T> || is_complex_type<T>) return c < 0;
      else return c < 0 && !(rows.width == 1 && rows.data->as<T>()[a] != rows.data->as<T>()[a]);
    });
  g.inverse.resize(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || rows.compare<T>(order[i - 1], order[i]) != 0) {
      g.kept.push_back(order[i]);
      g.counts.push_back(0);
    }
    ++g.counts.back();
    g.inverse[size_t(order[i])] = int64_t(g.kept.size()) - 1;
  }
  return g;
}

Tensor from_vector(const std::vector<int64_t>& v, const Dims& shape) {
  Tensor t = empty(DType::Int64, shape);
  std::copy(v.begin(), v.end(), t->as<int64_t>());
  return t;
}

// The values require grad where the input does, but have no derivative.
template <int Kind> struct Unique {
  static constexpr const char* names[] = {"Unique2Backward0", "UniqueDimBackward0",
                                          "UniqueConsecutiveBackward0", "UniqueDimConsecutiveBackward0"};
  static constexpr const char* functions[] = {"_unique2", "unique_dim", "unique_consecutive",
                                              "unique_dim_consecutive"};
  static constexpr const char* node = names[Kind];
  static constexpr uint32_t saves = kNothing;
  Tensor values;
  Tensor forward(const Tensor&) const { return values; }
  void vjp(const Back&, Tensor*) const {
    fail<NotImplemented>("the derivative for '", functions[Kind], "' is not implemented.");
  }
};
Tensor without_derivative(const Tensor& input, const Tensor& values, bool consecutive, bool by_dim) {
  const GradMode on(true);
  if (!is_floating(input->dtype) || !requires_grad(*input)) return values;
  const int kind = 2 * consecutive + by_dim;
  return kind == 0   ? call_structural(Unique<0>{values}, input)
         : kind == 1 ? call_structural(Unique<1>{values}, input)
         : kind == 2 ? call_structural(Unique<2>{values}, input)
                     : call_structural(Unique<3>{values}, input);
}

Result unique_of(const Tensor& input, std::optional<int64_t> dim, bool return_inverse, bool return_counts,
                 bool consecutive) {
  if (input->is_meta())
    fail<NotImplemented>("unique: the shape of the result depends on values, which a meta tensor lacks");
  if (is_complex(input->dtype))
    fail<NotImplemented>(dim ? "\"unique_dim\"" : "\"unique\"", " not implemented for '",
                         c_name(input->dtype), "'");
  const bool recorded = mode.grad;
  GradMode off(false);
  const int d = dim ? own_dim(*dim, input) : 0;
  if (dim && input->sizes[d] != 0)
    for (int k = 0; k < input->ndim; ++k)
      if (input->sizes[k] == 0)
        fail("There are 0 sized dimensions, and they aren't selected, so unique cannot be applied");
  // The order of the slices is that of their elements row by row.
  const Tensor moved = dim && input->ndim ? movedim(input, {d}, {0}) : input;
  Rows rows{dense(moved), input->numel, 1};
  if (dim && input->ndim) {
    rows.count = input->sizes[d];
    rows.width = rows.count ? input->numel / rows.count : 0;
  }
  Grouping g;
  visit(input->dtype,
        [&](auto element) { g = group<decltype(element)>(rows, consecutive, dim.has_value()); });
  const int64_t n = int64_t(g.kept.size()), item = item_size(input->dtype) * rows.width;
  Dims shape = dim && input->ndim ? moved->shape() : Dims{n};
  shape[0] = n;
  Tensor values = empty(input->dtype, shape);
  for (int64_t i = 0; i < n && item; ++i)
    std::memcpy(values->data + i * item, rows.data->data + g.kept[size_t(i)] * item, size_t(item));
  if (dim && input->ndim && d) values = movedim(values, {0}, {d});
  if (!return_inverse && !return_counts) {
    Result r;
    detail::put(r, recorded ? without_derivative(input, values, consecutive, dim.has_value()) : values);
    return r;
  }
  values = recorded ? without_derivative(input, values, consecutive, dim.has_value()) : values;
  Tensors all{values};
  if (return_inverse) all.push_back(from_vector(g.inverse, dim ? Dims{rows.count} : input->shape()));
  if (return_counts) all.push_back(from_vector(g.counts, Dims{n}));
  Result r;
  detail::put(r, std::move(all));
  return r;
}

Result unique(const Tensor& x, bool, bool return_inverse, bool return_counts, std::optional<int64_t> dim) {
  return unique_of(x, dim, return_inverse, return_counts, false);
}
Result unique_consecutive(const Tensor& x, bool return_inverse, bool return_counts,
                          std::optional<int64_t> dim) {
  return unique_of(x, dim, return_inverse, return_counts, true);
}

}  // namespace

static constexpr OpEntry entries[] = {
    fn<unique>("unique(Tensor input, bool sorted=True, bool return_inverse=False, bool return_counts=False, "
               "int? dim=None)"),
    fn<unique_consecutive>("unique_consecutive(Tensor input, bool return_inverse=False, bool "
                           "return_counts=False, int? dim=None)"),
};
FACULA_ENTRIES(unique)

}  // namespace facula
