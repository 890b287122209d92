// Finding values: searchsorted, bucketize, isin, and counting them: bincount.
#include <algorithm>
#include <memory>
#include <utility>
#include "op/structural.h"
#include "ops/counting.h"
#include "ops/functions.h"
#include "ops/lines.h"

namespace facula {
namespace {

constexpr int64_t kPiece = 1 << 14;

// Calls f with an element of type t; complex numbers, and bools, have no order here.
template <class F> void visit_numbers(DType t, const char* function, F&& f) {
  visit(t, [&](auto element) {
    using T = decltype(element);
    if constexpr (is_complex_type<T> || std::is_same_v<T, bool>)
      fail<NotImplemented>("\"", function, "\" not implemented for '", c_name(t), "'");
    else f(element);
  });
}

DType common_type(const Tensor& a, const Tensor& b, bool b_is_number) {
  Promotion p{};
  p.add(a->ndim ? 0 : 1, a->dtype);
  p.add(b_is_number ? 2 : b->ndim ? 0 : 1, b->dtype);
  return p.result();
}

Tensor as_tensor(const Arg& a, Device device) {
  return a.tensor ? Tensor(a.tensor) : full(Dims(), a.scalar, dtype_of(a.scalar), device);
}

// How many of n sorted values lie before v (right: or equal it). `order` sorts them, if given.
template <class T> int64_t position(const T* sorted, const int64_t* order, int64_t n, T v, bool right) {
  int64_t low = 0, high = n;
  while (low < high) {
    const int64_t mid = low + (high - low) / 2;
    const T at = sorted[order ? order[mid] : mid];
    const bool beyond = right ? at > v : at >= v;
    if (beyond) high = mid;
    else low = mid + 1;
  }
  return low;
}

template <class I>
void search(TensorImpl& out, const Tensor& sorted, const Tensor& values, const Tensor& order, bool right) {
  const int64_t n = sorted->ndim ? sorted->sizes[sorted->ndim - 1] : 1;
  const bool rows = sorted->ndim > 1;
  const int64_t width = rows ? std::max<int64_t>(values->sizes[values->ndim - 1], 1) : 0;
  visit_numbers(sorted->dtype, "searchsorted_out_cpu", [&](auto element) {
    using T = decltype(element);
    const T *from = sorted->as<T>(), *v = values->as<T>();
    const int64_t* by = order ? order->as<int64_t>() : nullptr;
    I* to = out.as<I>();
    const int64_t count = out.numel;
    parallel_pieces((count + kPiece - 1) / kPiece, [&](int64_t piece) {
      for (int64_t i = piece * kPiece; i < std::min(count, (piece + 1) * kPiece); ++i) {
        const int64_t row = rows ? i / width * n : 0;
        to[i] = I(position(from + row, by ? by + row : nullptr, n, v[i], right));
      }
    });
  });
}

void check_sorter(const Tensor& sorted, const Tensor& sorter) {
  if (!sorter->same_shape(*sorted))
    fail("torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor ",
         to_string(sorted->shape()), "and got sorter tensor ", to_string(sorter->shape()));
  if (sorter->dtype != DType::Int64)
    fail("torch.searchsorted(): sorter must be a tensor of long dtype but got dtype ", c_name(sorter->dtype));
  if (sorter->is_meta()) return;
  const Tensor d = dense(sorter);
  const int64_t n = d->ndim ? d->sizes[d->ndim - 1] : 1;
  for (int64_t i = 0; i < d->numel; ++i)
    if (d->as<int64_t>()[i] < 0 || d->as<int64_t>()[i] >= n)
      fail("torch.searchsorted(): sorter index out of range");
}

Tensor find(const Tensor& sorted, const Tensor& values, bool is_number, const Tensor& sorter, bool right,
            bool int32) {
  if (int32 && sorted->ndim && sorted->sizes[sorted->ndim - 1] >= INT32_MAX)
    fail("torch.searchsorted(): the size of boundaries' last dimension should be less than ", INT32_MAX,
         ", but we got ", sorted->sizes[sorted->ndim - 1]);
  static bool warned[3];
  const Tensor all[] = {sorted, values, sorter};
  for (int i = 0; i < 3; ++i)
    if (all[i] && !all[i]->contiguous && !std::exchange(warned[i], true))
      warn(concat(
          "torch.searchsorted(): ",
          i == 0   ? "boundary"
          : i == 1 ? "input value"
                   : "sorter",
          " tensor is non-contiguous, this will lower the performance: it is copied first. Shown once."));
  const DType type = common_type(sorted, values, is_number);
  Tensor out = empty(int32 ? DType::Int32 : DType::Int64, values->shape(), sorted->device);
  if (out->is_meta() || out->numel == 0) return out;
  const Tensor s = dense(sorted, type), v = dense(values, type), by = sorter ? dense(sorter) : nullptr;
  if (int32) search<int32_t>(*out, s, v, by, right);
  else search<int64_t>(*out, s, v, by, right);
  return out;
}

Tensor searchsorted(const Tensor& sorted, const Arg& input, bool int32, bool right,
                    std::optional<std::string_view> side, const Tensor& sorter) {
  constexpr const char* name = "torch.searchsorted(): ";
  const Tensor values = as_tensor(input, sorted->device);
  if (side) {
    if (*side != "left" && *side != "right") fail(name, "side can only be 'left' or 'right' but got ", *side);
    if (right && *side == "left")
      fail(name, "side and right can't be set to opposites, got side of left while right was True");
    right = *side == "right";
  }
  if (!(sorted->ndim == 1 || values->ndim != 0))
    fail(name,
         "input value can be a scalar only when boundaries tensor dimension is 1, but we got boundaries "
         "tensor "
         "dim(",
         int(sorted->ndim), ") and input value's dim(", int(values->ndim), ") numel(", values->numel, ")");
  if (sorted->ndim == 0) fail(name, "boundaries tensor should have positive dimension, but got 0 dimension");
  if (sorted->ndim > 1) {
    bool match = sorted->ndim == values->ndim;
    for (int d = 0; match && d + 1 < sorted->ndim; ++d) match = sorted->sizes[d] == values->sizes[d];
    if (!match)
      fail(name,
           "boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and "
           "input "
           "value tensor must match, but we got boundaries tensor ",
           to_string(sorted->shape()), " and input value tensor ", to_string(values->shape()));
  }
  if (sorter) check_sorter(sorted, sorter);
  return find(sorted, values, !input.tensor, sorter, right, int32);
}

Tensor bucketize(const Arg& input, const Tensor& boundaries, bool int32, bool right) {
  if (boundaries->ndim != 1)
    fail("boundaries tensor must be 1 dimension, but got dim(", int(boundaries->ndim), ")");
  return find(boundaries, as_tensor(input, boundaries->device), !input.tensor, nullptr, right, int32);
}

// --- isin ---

Tensor isin(const Arg& elements, const Arg& test, bool, bool invert) {
  if (!elements.tensor && !test.tensor)
    fail<TypeError>(
        "isin() received an invalid combination of arguments: one of elements and test_elements must be a "
        "Tensor");
  const Device device = elements.tensor ? elements.tensor->device : test.tensor->device;
  const Tensor x = as_tensor(elements, device), among = as_tensor(test, device);
  for (const Tensor& t : {x, among})
    if (is_complex(t->dtype) || t->dtype == DType::Bool)
      fail("Unsupported input type encountered for isin(): ", c_name(t->dtype));
  Promotion p{};
  p.add(!elements.tensor ? 2 : x->ndim ? 0 : 1, x->dtype);
  p.add(!test.tensor ? 2 : among->ndim ? 0 : 1, among->dtype);
  const DType type = p.result();
  Tensor out = empty(DType::Bool, x->shape(), device);
  if (out->is_meta() || out->numel == 0) return out;
  const Tensor v = dense(x, type), others = dense(among, type);
  visit_numbers(type, "isin", [&](auto element) {
    using T = decltype(element);
    const int64_t n = others->numel;
    const std::unique_ptr<T[]> sorted(new T[size_t(n)]);
    int64_t kept = 0;  // NaN equals nothing
    for (int64_t i = 0; i < n; ++i) {
      const T value = others->as<T>()[i];
      if (value == value) sorted[size_t(kept++)] = value;
    }
    std::sort(sorted.get(), sorted.get() + kept);
    const T *from = v->as<T>(), *first = sorted.get();
    bool* to = out->as<bool>();
    const int64_t count = out->numel;
    parallel_pieces((count + kPiece - 1) / kPiece, [&](int64_t piece) {
      for (int64_t i = piece * kPiece; i < std::min(count, (piece + 1) * kPiece); ++i) {
        const int64_t at = position(first, nullptr, kept, from[i], false);
        to[i] = (at < kept && first[at] == from[i]) != invert;
      }
    });
  });
  return out;
}

// --- bincount ---

template <class W> void add_weights(const Tensor& x, const Tensor& weights, TensorImpl& out) {
  const int64_t* v = x->as<int64_t>();
  const W* w = weights->as<W>();
  W* to = out.as<W>();
  for (int64_t i = 0; i < x->numel; ++i) to[v[i]] += w[i];
}

Tensor bincount(const Tensor& x, const Tensor& weights, int64_t minlength) {
  constexpr const char* shape_error = "bincount only supports 1-d non-negative integral inputs.";
  if (!is_integral(x->dtype) || item_size(x->dtype) > 8 || x->dtype > DType::Int64)
    fail<NotImplemented>("\"bincount_cpu\" not implemented for '", c_name(x->dtype), "'");
  if (minlength < 0) fail("minlength should be >= 0");
  if (x->ndim == 1 && x->numel == 0)
    return full(Dims{minlength}, Scalar(int64_t(0)), DType::Int64, x->device);
  if (x->ndim != 1) fail(shape_error);
  if (weights && (weights->ndim != 1 || weights->numel != x->numel))
    fail("weights should be 1-d and have the same length as input");
  if (x->is_meta())
    fail<NotImplemented>("bincount(): the size of the result depends on values, which a meta tensor has not");
  const Tensor d = weights ? dense(x, DType::Int64) : dense(x);
  const Range range = range_of(d);
  if (range.low < 0) fail(shape_error);
  if (range.high == INT64_MAX) fail("bincount(): the value ", range.high, " is too large to count");
  const int64_t bins = std::max(range.high + 1, minlength);
  const DType type = !weights                           ? DType::Int64
                     : weights->dtype == DType::Float32 ? DType::Float32
                                                        : DType::Float64;
  Tensor out = full(Dims{bins}, Scalar(int64_t(0)), type, x->device);
  if (!weights) count_values(d, 0, bins, out->as<int64_t>());
  else if (type == DType::Float32) add_weights<float>(d, dense(weights), *out);
  else add_weights<double>(d, dense(weights, DType::Float64), *out);
  return out;
}

}  // namespace

inline constexpr const char* kOtherIndices =
    "torch.searchsorted(): output tensor's dtype is wrong, it can only be Int(int32) or Long(int64) "
    "depending on "
    "whether out_int32 flag is True, but we got output tensor's dtype $O where the result has $R";
static constexpr OpEntry entries[] = {
    fn<searchsorted>("searchsorted(Tensor sorted_sequence, Operand input, *, bool out_int32=False, bool "
                     "right=False, str? side=None, Tensor? sorter=None)",
                     kFunction | kExactOut)
        .refusing(kOtherIndices),
    fn<bucketize>("bucketize(Operand input, Tensor boundaries, *, bool out_int32=False, bool right=False)",
                  kFunction | kExactOut)
        .refusing(kOtherIndices),
    fn<isin>("isin(Operand elements, Operand test_elements, *, bool assume_unique=False, bool invert=False)",
             kFunction | kExactOut),
    fn<bincount>("bincount(Tensor input, Tensor? weights=None, int minlength=0)"),
};
FACULA_ENTRIES(search)

}  // namespace facula
