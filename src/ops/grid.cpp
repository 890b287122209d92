// Identity, triangles, grids and what is counted out over them.
#include <algorithm>
#include "op/execute.h"
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {
namespace {

#define FACTORY                                                                                     \
  ", *, dtype? dtype=None, layout? layout=None, device? device=None, bool? pin_memory=False, bool " \
  "requires_grad=False)"
#define OPTIONS \
  OptDType dtype, LayoutArg, std::optional<Device> device, std::optional<bool>, bool requires_grad

Tensor eye_of(int64_t n, int64_t m, OPTIONS) {
  if (n < 0) fail("n must be greater or equal to 0, got ", n);
  if (m < 0) fail("m must be greater or equal to 0, got ", m);
  Tensor out = zeros({n, m}, dtype.value_or(default_dtype), device.value_or(Device{}));
  if (!out->is_meta()) fill(*alias(*out, {std::min(n, m)}, {m + 1}), 1);
  return finish_factory(std::move(out), requires_grad);
}
Tensor eye_square(int64_t n, OPTIONS) { return eye_of(n, n, dtype, {}, device, {}, requires_grad); }

// Keeps the elements on and below (lower) or on and above the k-th diagonal of every matrix, zeroes the
// others.
void keep_triangle(TensorImpl& out, const TensorImpl& x, bool lower, int64_t k) {
  const int64_t rows = x.sizes[x.ndim - 2], columns = x.sizes[x.ndim - 1], item = item_size(x.dtype);
  if (x.numel == 0 || x.is_meta()) return;
  for (int64_t r = 0; r < x.numel / columns; ++r) {
    const int64_t row = r % rows;  // |k| may be huge: clamp before adding
    const int64_t edge = std::clamp<int64_t>(
        row + std::clamp<int64_t>(k, -rows - columns, rows + columns) + lower, 0, columns);
    char* to = out.data + r * columns * item;
    const char* from = x.data + r * columns * item;
    const int64_t first = lower ? 0 : edge, last = lower ? edge : columns;
    std::memset(to, 0, size_t(first * item));
    if (to != from) std::memcpy(to + first * item, from + first * item, size_t((last - first) * item));
    std::memset(to + last * item, 0, size_t((columns - last) * item));
  }
}

template <bool Lower> struct Triangle {
  static constexpr const char* node = Lower ? "TrilBackward0" : "TriuBackward0";
  static constexpr uint32_t saves = kNothing;
  void show(Parameters& p) const { p("diagonal", diagonal); }
  int64_t diagonal;
  TensorMeta meta(const Tensor& x) const {
    if (x->ndim < 2) fail(Lower ? "tril" : "triu", ": input tensor must have at least 2 dimensions");
    return {x->dtype, x->shape()};
  }
  void cpu(TensorImpl& out, const Tensor& x) const { keep_triangle(out, *dense(x), Lower, diagonal); }
  std::optional<Triangle> batched(const Back&, int64_t) const { return *this; }
  void vjp(const Back& b, Tensor* d) const { d[0] = call_structural(*this, b.g[0]); }
};
template <bool Lower> Tensor triangle(const Tensor& x, int64_t diagonal) {
  return call_structural(Triangle<Lower>{diagonal}, x);
}

template <bool Lower> Tensor triangle_indices(int64_t rows, int64_t columns, int64_t offset, OPTIONS) {
  if (rows < 0) fail("row must be non-negative, got", rows);
  if (columns < 0) fail("col must be non-negative, got", columns);
  const DType t = dtype.value_or(DType::Int64);
  if (!is_integral(t))
    fail<NotImplemented>("\"", Lower ? "tril" : "triu", "_indices\" not implemented for '", c_name(t), "'");
  int64_t limit;
  if (__builtin_add_overflow(rows, columns, &limit)) fail("the indices would not fit in memory");
  offset = std::clamp(offset, -limit, limit);
  std::vector<int64_t> r, c;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t edge = std::clamp<int64_t>(i + offset + Lower, 0, columns);
    for (int64_t j = Lower ? 0 : edge; j < (Lower ? edge : columns); ++j) {
      r.push_back(i);
      c.push_back(j);
    }
  }
  Tensor out = empty(DType::Int64, {2, int64_t(r.size())});
  std::copy(r.begin(), r.end(), out->as<int64_t>());
  std::copy(c.begin(), c.end(), out->as<int64_t>() + r.size());
  if (t != DType::Int64) out = converted(out, t);
  if (device && device->type != Device::CPU) out = empty(t, out->shape(), *device);
  return finish_factory(std::move(out), requires_grad);
}

Tensors grids(const Tensors& tensors, bool swapped) {
  if (tensors.empty()) fail("meshgrid expects a non-empty TensorList");
  Dims shape;
  for (const Tensor& t : tensors) {
    if (t->ndim > 1)
      fail("torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got a tensor of shape ",
           to_string(t->shape()));
    if (t->dtype != tensors[0]->dtype) fail("meshgrid expects all tensors to have the same dtype");
    if (!(t->device == tensors[0]->device)) fail("meshgrid expects all tensors to have the same device");
    shape.push(t->numel);
  }
  swapped &= tensors.size() > 1;
  if (swapped) std::swap(shape[0], shape[1]);
  Tensors out;
  for (int i = 0; i < shape.count; ++i) {
    Dims own = Dims::filled(shape.count, 1);
    own[swapped && i < 2 ? 1 - i : i] = tensors[size_t(i)]->numel;
    out.push_back(expand(reshape(tensors[size_t(i)], own), shape));
  }
  return out;
}
Tensors meshgrid(const Tensors& tensors, std::optional<std::string_view> indexing) {
  if (!indexing)
    warn("torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument.");
  const std::string_view order = indexing.value_or("ij");
  if (order != "ij" && order != "xy")
    fail("torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: ", order);
  return grids(tensors, order == "xy");
}

void require_vector(const Tensor& t) {
  if (t->ndim != 1) fail("Expect a 1D vector, but got shape ", to_string(t->shape()));
}

Tensor cartesian_prod(const Tensors& tensors) {
  for (const Tensor& t : tensors) require_vector(t);
  if (tensors.size() == 1) return tensors[0];
  Tensors columns = grids(tensors, false);
  for (Tensor& c : columns) c = flatten(c, 0, -1);
  return stack(columns, 1);
}

// Rows of positions in ascending order, counted up like digits.
Tensor combinations(const Tensor& x, int64_t r, bool with_replacement) {
  require_vector(x);
  if (r < 0) fail("Expect a non-negative number, but got ", r);
  if (r == 0) return empty(x->dtype, {0}, x->device);
  const int64_t n = x->numel, step = with_replacement ? 0 : 1;
  std::vector<std::vector<int64_t>> columns(static_cast<size_t>(r));
  std::vector<int64_t> at(static_cast<size_t>(r));
  for (int64_t i = 0; i < r; ++i) at[size_t(i)] = i * step;
  bool more = n > 0 && at.back() < n;
  while (more) {
    for (size_t i = 0; i < at.size(); ++i) columns[i].push_back(at[i]);
    int64_t i = r - 1;
    while (i >= 0 && at[size_t(i)] == n - 1 - (r - 1 - i) * step) --i;
    more = i >= 0;
    if (!more) break;
    ++at[size_t(i)];
    for (int64_t k = i + 1; k < r; ++k) at[size_t(k)] = at[size_t(k - 1)] + step;
  }
  Tensors parts;
  for (const auto& column : columns) {
    const Tensor index = empty(DType::Int64, {int64_t(column.size())});
    std::copy(column.begin(), column.end(), index->as<int64_t>());
    parts.push_back(index_select(x, 0, index));
  }
  return stack(parts, 1);
}

Tensor vander(const Tensor& x, std::optional<int64_t> size, bool increasing) {
  if (x->ndim != 1) fail("x must be a one-dimensional tensor.");
  const int64_t n = size.value_or(x->numel);
  if (n < 0) fail("N must be non-negative.");
  const DType t = promote(x->dtype, DType::Int64);
  if (n == 0) return empty(t, {x->numel, 0}, x->device);
  Tensors columns{ones({x->numel}, t, x->device)};
  const Tensor base = to_dtype(x, t);
  for (int64_t i = 1; i < n; ++i) columns.push_back(i == 1 ? base : columns.back() * base);
  const Tensor powers = stack(columns, 1);
  return increasing ? powers : flip(powers, {1});
}

inline constexpr const char* kOtherDType = "dtype $R does not match dtype of out parameter ($O)";
static constexpr OpEntry entries[] = {
    moves<eye_square>("eye(int n" FACTORY, kFunction | kOut).refusing(kOtherDType),
    moves<eye_of>("eye(int n, int m" FACTORY, kFunction | kOut).refusing(kOtherDType),
    widens<triangle<true>>("tril(Tensor input, int diagonal=0)", kEverywhere | kExactOut | kLeading),
    widens<triangle<false>>("triu(Tensor input, int diagonal=0)", kEverywhere | kExactOut | kLeading),
    fn<triangle_indices<true>>("tril_indices(int row, int col, int offset=0" FACTORY, kFunction),
    fn<triangle_indices<false>>("triu_indices(int row, int col, int offset=0" FACTORY, kFunction),
    moves<meshgrid>("meshgrid(Tensor[] *tensors, str? indexing=None)", kFunction),
    moves<cartesian_prod>("cartesian_prod(Tensor[] *tensors)", kFunction),
    moves<combinations>("combinations(Tensor input, int r=2, bool with_replacement=False)", kFunction),
    fn<vander>("vander(Tensor x, int? N=None, bool increasing=False)", kFunction),
};

#undef FACTORY
#undef OPTIONS

}  // namespace

Tensor tril(const Tensor& x, int64_t diagonal) { return triangle<true>(x, diagonal); }
Tensor triu(const Tensor& x, int64_t diagonal) { return triangle<false>(x, diagonal); }

FACULA_ENTRIES(grid)

}  // namespace facula
