// The distinct elements, or slices, of a tensor.
#include <algorithm>
#include <cstring>
#include <numeric>
#include "ops/counting.h"
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

// The distinct rows one after the other, which of them each row equals, how many equal each.
struct Groups {
  Tensor values, inverse, counts;
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

using Precedes = bool (*)(const Rows& rows, int64_t a, int64_t b);
void sort_rows(const Rows& rows, std::vector<int64_t>& order, Precedes precedes) {
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return precedes(rows, a, b); });
}

Tensor from_vector(const std::vector<int64_t>& v) {
  Tensor t = empty(DType::Int64, Dims{int64_t(v.size())});
  std::copy(v.begin(), v.end(), t->as<int64_t>());
  return t;
}

template <class T> Groups group_by_order(const Rows& rows, bool consecutive, bool slices) {
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
  if (!sorted) {
    // One sort for all types: slices are compared more slowly than they are called for.
    const Precedes precedes = [](const Rows& r, int64_t a, int64_t b) {
      const int c = r.compare<T>(a, b);
      if constexpr (std::is_integral_v<T> || is_complex_type<T>) return c < 0;
      else return c < 0 && !(r.width == 1 && r.data->as<T>()[a] != r.data->as<T>()[a]);
    };
    sort_rows(rows, order, precedes);
  }
  std::vector<int64_t> kept, counts;
  Tensor inverse = empty(DType::Int64, Dims{rows.count});
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || rows.compare<T>(order[i - 1], order[i]) != 0) {
      kept.push_back(order[i]);
      counts.push_back(0);
    }
    ++counts.back();
    inverse->as<int64_t>()[order[i]] = int64_t(kept.size()) - 1;
  }
  const int64_t n = int64_t(kept.size());
  Tensor values = empty(rows.data->dtype, Dims{n * rows.width});
  for (int64_t i = 0; i < n; ++i)
    std::copy_n(rows.data->as<T>() + kept[size_t(i)] * rows.width, rows.width,
                values->as<T>() + i * rows.width);
  return {values, inverse, from_vector(counts)};
}

// Integers of a range not much wider than there are elements: a table of the range instead of an order. There
// are no reductions of uint16, uint32 and uint64.
std::optional<Range> table_range(const Rows& rows) {
  const DType t = rows.data->dtype;
  if (rows.width != 1 || rows.count == 0 || !(is_integral(t) || t == DType::Bool) || t > DType::Int64)
    return {};
  const Range range = range_of(rows.data);
  if (range.width() >= std::max<uint64_t>(uint64_t(rows.count) * 2, 256)) return {};
  return range;
}

Groups group_by_table(const Rows& rows, Range range, bool return_inverse) {
  const int64_t bins = int64_t(range.width()) + 1;
  std::vector<int64_t> table(size_t(bins), 0);
  count_values(rows.data, range.low, bins, table.data());
  const int64_t n = bins - std::count(table.begin(), table.end(), 0);
  Groups g{empty(rows.data->dtype, Dims{n}), nullptr, empty(DType::Int64, Dims{n})};
  visit(rows.data->dtype, [&](auto element) {
    using T = decltype(element);
    if constexpr (std::is_integral_v<T>) {
      T* values = g.values->as<T>();
      int64_t *counts = g.counts->as<int64_t>(), rank = 0;
      for (int64_t i = 0; i < bins; ++i) {
        if (table[size_t(i)] == 0) continue;
        values[rank] = T(range.low + i);
        counts[rank] = table[size_t(i)];
        table[size_t(i)] = rank++;
      }
    }
  });
  if (return_inverse) {
    g.inverse = empty(DType::Int64, Dims{rows.count});
    look_up(rows.data, range.low, table.data(), g.inverse->as<int64_t>());
  }
  return g;
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
  Groups g;
  if (const std::optional<Range> range = consecutive ? std::nullopt : table_range(rows))
    g = group_by_table(rows, *range, return_inverse);
  else
    visit(input->dtype,
          [&](auto element) { g = group_by_order<decltype(element)>(rows, consecutive, dim.has_value()); });
  Dims shape = dim && input->ndim ? moved->shape() : Dims{1};
  shape[0] = g.counts->numel;
  Tensor values = view(g.values, shape);
  if (dim && input->ndim && d) values = movedim(values, {0}, {d});
  if (recorded) values = without_derivative(input, values, consecutive, dim.has_value());
  Result r;
  if (!return_inverse && !return_counts) {
    detail::put(r, std::move(values));
    return r;
  }
  Tensors all{values};
  if (return_inverse) all.push_back(dim ? g.inverse : view(g.inverse, input->shape()));
  if (return_counts) all.push_back(g.counts);
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
