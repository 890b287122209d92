// Rows of a table: embedding, and embedding_bag, which sums, averages or takes the maximum of bags of rows.
#include <algorithm>
#include <cmath>
#include <cstring>
#include "core/parallel.h"
#include "cpu/norm.h"
#include "op/recompute.h"
#include "ops/functions.h"

namespace facula {

Tensor dense_clone(const Tensor&);  // ops/convert.cpp
namespace {

void require_indices(const Tensor& index, const char* name, const char* function) {
  if (index->dtype != DType::Int64 && index->dtype != DType::Int32)
    fail("Expected tensor for argument #1 '", name,
         "' to have one of the following scalar types: Long, Int; but got torch.", c_name(index->dtype),
         "Tensor instead (while checking arguments for ", function, ")");
}

// How often each row is asked for, in the type of the gradient.
Tensor frequencies(const Tensor& index, int64_t rows, DType type) {
  GradMode off(false);
  const Tensor ones_each = ones(index->shape(), type, index->device);
  return index_select(index_add(zeros({rows}, type, index->device), 0, index, ones_each, 1), 0, index);
}

// Gradients of rows, divided by how often these are asked for. The derivative is PyTorch's: one.
struct ByFrequency {
  static constexpr const char* node = "EmbeddingDenseBackwardBackward0";
  static constexpr uint32_t saves = kNothing;
  Tensor counts;
  Tensor forward(const Tensor& g) const {
    GradMode off(false);
    return g / unsqueeze(to_dtype(counts, g->dtype), 1);
  }
  void vjp(const Back& b, Tensor* d) const { d[0] = b.g[0]; }
};

// The row `padding` (negative: none) gets no gradient.
struct Embedding {
  static constexpr const char* node = "EmbeddingBackward0";
  static constexpr uint32_t saves = saves_input(1);
  void show(Parameters& p) const {
    p("padding_idx", padding), p("scale_grad_by_freq", by_frequency), p("sparse", false),
        p("weight_sym_argsize_0", table.count ? table[0] : 0);
  }
  int64_t padding;
  bool by_frequency;
  Tensor counts{};  // by which to divide, where they are not the frequencies
  Dims table{};
  Tensor forward(const Tensor& weight, const Tensor& index) {
    if (weight->ndim != 2) fail("'weight' must be 2-D");
    require_indices(index, "indices", "embedding");
    table = weight->shape();
    Dims shape = index->shape();
    shape.push(table[1]);
    GradMode off(false);
    const Tensor rows = index_select(weight, 0, reshape(index, Dims{-1}));
    return alias(*rows, shape, contiguous_strides(shape));  // no view: it may be written to
  }
  void vjp(const Back& b, Tensor* d) const {
    Tensor g = reshape(b.g[0], {b.in[1]->numel, table[1]});
    const Tensor index = reshape(b.in[1], Dims{-1});
    if (padding >= 0) g = masked_fill(g, unsqueeze(binary("eq", index, Scalar(padding)), 1), Scalar(0));
    if (by_frequency)
      g = call_structural(ByFrequency{counts ? counts : frequencies(index, table[0], g->dtype)}, g);
    d[0] = index_add(zeros(table, g->dtype, g->device), 0, index, g, 1);
  }
};

// Rows that are asked for are scaled down, in place, to a norm of at most `most`.
void renormalise(const Tensor& weight, const Tensor& index, double most, double norm) {
  if (weight->ndim != 2) fail("'weight' must be 2-D");
  if (weight->is_meta() || index->is_meta()) return;
  GradMode off(false);
  const Tensor rows = dense(index, DType::Int64), table = dense(weight, DType::Float64);
  const int64_t n = weight->sizes[0], width = weight->sizes[1];
  std::vector<bool> seen(size_t(n), false);
  bool changed = false;
  for (int64_t i = 0; i < rows->numel; ++i) {
    const int64_t r = rows->as<int64_t>()[i];
    if (r < 0 || r >= n) fail<IndexError>("index out of range in self");
    if (seen[size_t(r)]) continue;
    seen[size_t(r)] = true;
    const double* const row = table->as<double>() + r * width;
    double size = 0;
    for (int64_t j = 0; j < width; ++j) {
      const double a = std::fabs(row[j]);
      size = std::isinf(norm) ? std::max(size, a) : size + (norm == 2 ? a * a : std::pow(a, norm));
    }
    if (!std::isinf(norm)) size = norm == 2 ? std::sqrt(size) : std::pow(size, 1 / norm);
    if (!(size > most)) continue;
    const Tensor part = select(weight, 0, r), now = select(table, 0, r);
    copy_into(*part, *(now * Scalar(most / (size + 1e-7))));
    changed = true;
  }
  if (changed) weight->bump_version();
}

Tensor embedding(const Tensor& input, const Tensor& weight, std::optional<int64_t> padding_idx,
                 std::optional<double> max_norm, double norm_type, bool scale_grad_by_freq, bool) {
  int64_t padding = -1;
  if (padding_idx) {
    const int64_t rows = weight->ndim ? weight->sizes[0] : 0;
    if (*padding_idx >= rows || *padding_idx < -rows)
      fail<AssertionError>("Padding_idx must be within num_embeddings");
    padding = *padding_idx < 0 ? *padding_idx + rows : *padding_idx;
  }
  if (max_norm) {
    require_indices(input, "indices", "embedding");
    renormalise(weight, input, *max_norm, norm_type);
  }
  return call_structural(Embedding{padding, scale_grad_by_freq}, weight, input);
}
Tensor embedding_renorm(const Tensor& weight, const Tensor& index, double most, double norm) {
  require_indices(index, "indices", "embedding_renorm_");
  renormalise(weight, index, most, norm);
  return weight;
}

enum class Bag : int64_t { Sum, Mean, Max };

struct Bags {
  Bag mode;
  int64_t padding;  // negative: none
  bool by_frequency;
  Tensor index, bag_of, sizes;  // int64: rows, the bag of each, how many count in each bag
  std::vector<int64_t> starts;  // of each bag, and the end
  int64_t count() const { return int64_t(starts.size()) - 1; }
};

template <class F> void by_type(DType t, F&& f) {
  if (t == DType::Float32) f(float{});
  else f(double{});
}

struct EmbeddingBag {  // inputs: weight, factors (null: ones)
  static constexpr const char* node = "EmbeddingBagBackward0";
  static constexpr uint32_t saves = kInputs;
  Bags b;
  Tensor largest{};  // the row of each maximum, or -1

  template <class F> void each(int64_t bag, F&& f) const {
    const int64_t* rows = b.index->as<int64_t>();
    for (int64_t i = b.starts[size_t(bag)]; i < b.starts[size_t(bag) + 1]; ++i)
      if (rows[i] != b.padding) f(i, rows[i]);
  }
  Tensors forward(const Tensor& weight, const Tensor& factors) {
    const int64_t width = weight->sizes[1], count = b.count();
    const DType type = compute_dtype(weight->dtype);
    const Tensor out = empty(type, {count, width}), from = dense(weight, type),
                 scale = factors ? dense(factors, type) : factors;
    if (b.mode == Bag::Max) largest = full({count, width}, Scalar(-1), DType::Int64);
    by_type(type, [&]<class T>(T) {
      const auto& kernels = best_norm_kernels().of<T>();
      const T *const table = from->as<T>(), *const f = scale ? scale->as<T>() : nullptr;
      int64_t* const top = largest ? largest->as<int64_t>() : nullptr;
      parallel_pieces((count + 63) / 64, [&](int64_t piece) {
        for (int64_t bag = piece * 64; bag < std::min(count, piece * 64 + 64); ++bag) {
          T* const to = out->as<T>() + bag * width;
          std::memset(to, 0, size_t(width) * sizeof(T));
          each(bag, [&](int64_t i, int64_t row) {
            const T* const x = table + row * width;
            if (top) {
              for (int64_t j = 0; j < width; ++j)
                if (top[bag * width + j] < 0 || x[j] > to[j]) {
                  to[j] = x[j];
                  top[bag * width + j] = row;
                }
            } else if (f) {
              kernels.combine(x, to, to, width, f[i], T(1), T(0), T(0));
            } else {
              kernels.column_sum(x, 1, width, to);
            }
          });
          const int64_t size = b.sizes->as<int64_t>()[bag];
          if (b.mode == Bag::Mean && size)
            for (int64_t j = 0; j < width; ++j) to[j] /= T(size);
        }
      });
    });
    const Tensor result = type == weight->dtype ? out : converted(out, weight->dtype);
    // What PyTorch reports beside the result.
    const Tensor none = zeros({count}, DType::Int64);
    if (b.mode == Bag::Sum) return {result, empty(DType::Int64, {0}), none, none};
    if (b.mode == Bag::Mean) return {result, b.bag_of, b.sizes, converted(b.sizes, DType::Int64)};
    GradMode off(false);
    return {result, b.bag_of, b.sizes, where(binary("lt", largest, Scalar(0)), Scalar(0), largest)};
  }
  // What the gradient at each index is divided by. PyTorch takes the count of another row: for the k-th of
  // the different rows, that of the row in place k of all rows in order.
  Tensor divisors(int64_t rows) const {
    if (!b.by_frequency) return {};
    const int64_t* const index = b.index->as<int64_t>();
    std::vector<int64_t> ordered(index, index + b.index->numel);
    std::sort(ordered.begin(), ordered.end());
    std::vector<double> counts(size_t(rows), 0), each(size_t(rows), 1);
    for (const int64_t row : ordered) ++counts[size_t(row)];
    size_t k = 0;
    for (size_t i = 0; i < ordered.size(); ++i)
      if (i == 0 || ordered[i] != ordered[i - 1]) each[size_t(ordered[i])] = counts[size_t(ordered[k++])];
    const Tensor result = empty(DType::Float64, {b.index->numel});
    for (int64_t i = 0; i < result->numel; ++i) result->as<double>()[i] = each[size_t(index[i])];
    return result;
  }
  void vjp(const Back& back, Tensor* d) const {
    if (!back.g[0]) return;
    if (mode.grad)
      return differentiate(back, d, [&](const Tensor* in) { return Tensors{composed(in[0], in[1])}; });
    const Tensor &weight = back.in[0], &factors = back.in[1];
    const int64_t width = weight->sizes[1], rows = weight->sizes[0];
    const DType type = compute_dtype(weight->dtype);
    const Tensor g = dense(back.g[0], type), dw = back.needs(0) ? zeros({rows, width}, type) : Tensor(),
                 df = back.needs(1) ? zeros({b.index->numel}, type) : Tensor();
    const Tensor from = df ? dense(weight, type) : Tensor(), scale = factors ? dense(factors, type) : factors,
                 often = divisors(rows);
    by_type(type, [&]<class T>(T) {
      const auto& kernels = best_norm_kernels().of<T>();
      for (int64_t bag = 0; bag < b.count(); ++bag) {
        const T* const go = g->as<T>() + bag * width;
        if (b.mode == Bag::Max) {
          for (int64_t j = 0; dw && j < width; ++j)
            if (const int64_t row = largest->as<int64_t>()[bag * width + j]; row >= 0)
              dw->as<T>()[row * width + j] += go[j];
          continue;
        }
        const double share = b.mode == Bag::Mean ? 1 / double(b.sizes->as<int64_t>()[bag]) : 1;
        each(bag, [&](int64_t i, int64_t row) {
          if (dw) {
            T* const to = dw->as<T>() + row * width;
            double factor = scale ? double(scale->as<T>()[i]) : share;
            if (often) factor /= often->as<double>()[i];
            kernels.combine(go, to, to, width, T(factor), T(1), T(0), T(0));
          }
          if (df) {
            double sums[2] = {0, 0};
            kernels.pair(go, from->as<T>() + row * width, width, T(0), sums);
            df->as<T>()[i] = T(sums[1]);
          }
        });
      }
    });
    if (dw) d[0] = type == weight->dtype ? dw : converted(dw, weight->dtype);
    if (df) d[1] = view(type == factors->dtype ? df : converted(df, factors->dtype), factors->shape());
  }
  Tensor composed(const Tensor& weight, const Tensor& factors) const {
    if (b.mode == Bag::Max) {
      const Tensor none = binary("lt", largest, Scalar(0));
      return where(none, Scalar(0.), gather(weight, 0, where(none, Scalar(0), largest)));
    }
    // Rows behind the last bag belong to none.
    auto bagged = [&](const Tensor& t) { return narrow(t, 0, 0, b.starts.back()); };
    const Tensor often = divisors(weight->sizes[0]);
    Tensor rows = call_structural(Embedding{b.padding, b.by_frequency, often ? bagged(often) : often}, weight,
                                  bagged(b.index));
    if (factors) rows = rows * unsqueeze(bagged(reshape(factors, Dims{-1})), 1);
    if (b.padding >= 0)
      rows = masked_fill(rows, unsqueeze(binary("eq", bagged(b.index), Scalar(b.padding)), 1), Scalar(0));
    const Tensor total =
        index_add(zeros({b.count(), weight->sizes[1]}, rows->dtype), 0, bagged(b.bag_of), rows, 1);
    if (b.mode == Bag::Sum) return total;
    return total / unsqueeze(call(ClampMin{}, to_dtype(b.sizes, rows->dtype), Scalar(1.)), 1);
  }
};

Tensors embedding_bag(const Tensor& weight, const Tensor& indices, const Tensor& offsets,
                      bool scale_grad_by_freq, int64_t mode, bool, const Tensor& factors,
                      bool include_last_offset, std::optional<int64_t> padding_idx) {
  require_indices(indices, "indices", "embedding_bag");
  require_indices(offsets, "offsets", "embedding_bag");
  if (!is_real_floating(weight->dtype))
    fail(
        "Expected tensor for argument #1 'weight' to have one of the following scalar types: Half, BFloat16, "
        "Float, Double; but got torch.",
        c_name(weight->dtype), "Tensor instead (while checking arguments for embedding_bag)");
  if (weight->ndim != 2)
    fail("weight has to be a 2D Tensor, but got Tensor of dimension ", int64_t(weight->ndim));
  if (indices->ndim != 1 && indices->ndim != 2)
    fail("input has to be a 1D or 2D Tensor, but got Tensor of dimension ", int64_t(indices->ndim));
  if (offsets->ndim != 1)
    fail("offsets has to be a 1D Tensor, but got Tensor of dimension ", int64_t(offsets->ndim));
  if (mode < 0 || mode > 2) fail("embedding_bag: mode must be 0 (sum), 1 (mean) or 2 (max), but got ", mode);
  if (factors && mode != 0) fail("embedding_bag: per_sample_weights only supported with mode='sum'");
  if (factors && factors->dtype != weight->dtype)
    fail("Expected tensor for argument #1 'weight' to have the same type as tensor for argument #1 ",
         "'per_sample_weights'; but type torch.", c_name(weight->dtype), "Tensor does not equal torch.",
         c_name(factors->dtype), "Tensor (while checking arguments for embedding_bag)");
  if (factors && factors->numel != indices->numel)
    fail("expected per_sample_weights to be of the same shape as input, but got ",
         to_string(factors->shape()), " and ", to_string(indices->shape()));
  if (weight->is_meta() || indices->is_meta() || offsets->is_meta())
    fail<NotImplemented>("embedding_bag does not run on meta tensors");
  const int64_t rows = weight->sizes[0], n = indices->numel;
  Bags b{.mode = Bag(mode), .padding = -1, .by_frequency = scale_grad_by_freq};
  if (padding_idx) {
    if (*padding_idx < -rows || *padding_idx >= rows)
      fail("padding_idx must be within the number of embeddings, -", rows, " through ", rows - 1,
           ", but got ", *padding_idx);
    b.padding = *padding_idx < 0 ? *padding_idx + rows : *padding_idx;
  }
  b.index = dense(reshape(indices, Dims{-1}), DType::Int64);
  if (b.index->storage == indices->storage) b.index = dense_clone(b.index);  // what is checked here stays so
  const Tensor from = dense(offsets, DType::Int64);
  const int64_t* start = from->as<int64_t>();
  if (include_last_offset && from->numel < 1) fail("include_last_offset: numBags should be at least 1");
  const int64_t count = from->numel - include_last_offset;
  if (from->numel) {
    if (start[0] != 0)
      fail(
          "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. "
          "However, got ",
          start[0]);
    if (start[from->numel - 1] > n)
      fail("offsets[-1] can not be greater than input's length ", n, " but got offsets[-1] of ",
           start[from->numel - 1]);
    for (int64_t i = 1; i < from->numel; ++i)
      if (start[i] < start[i - 1]) fail("offsets must not decrease, but offsets[", i, "] is ", start[i]);
  }
  // Where the last offset is not the end, PyTorch's kernels differ: those for float32 and halves heed it in
  // sums (and divide them by what a longer bag has), the others go to the end.
  const bool heeded = Bag(mode) != Bag::Max && b.padding < 0 && weight->dtype != DType::Float64 &&
                      (weight->strides[1] == 1 || weight->sizes[1] == 1);
  for (int64_t i = 0; i < n; ++i)
    if (const int64_t r = b.index->as<int64_t>()[i]; r < 0 || r >= rows) {
      const std::string place = concat("Index ", i, " of input takes value ", r,
                                       " which is not in the valid range [0, ", rows, ")");
      if (heeded && weight->dtype == DType::Float32) fail(place);
      fail("embedding_bag: Expected idx >= 0 && idx < num_embeddings but found idx to be ", r, "\n", place);
    }
  b.starts.assign(start, start + count);
  b.starts.push_back(include_last_offset && heeded ? start[count] : n);
  b.bag_of = zeros({n}, DType::Int64);
  b.sizes = zeros({count}, DType::Int64);
  for (int64_t bag = 0; bag < count; ++bag)
    for (int64_t i = b.starts[size_t(bag)]; i < b.starts[size_t(bag) + 1]; ++i) {
      b.bag_of->as<int64_t>()[i] = bag;
      b.sizes->as<int64_t>()[bag] += b.index->as<int64_t>()[i] != b.padding;
    }
  if (count > 0) b.sizes->as<int64_t>()[count - 1] += n - b.starts.back();
  return call_structural(EmbeddingBag{b}, weight, factors);
}

constexpr OpEntry entries[] = {
    moves<embedding>(
        "embedding(Tensor input, Tensor weight, int? padding_idx=None, float? max_norm=None, float "
        "norm_type=2.0, bool scale_grad_by_freq=False, bool sparse=False)",
        kNN),
    fn<embedding_renorm>("embedding_renorm_(Tensor input, Tensor indices, float max_norm, float norm_type)",
                         kFunction),
    fn<embedding_bag>("embedding_bag(Tensor weight, Tensor indices, Tensor offsets, bool "
                      "scale_grad_by_freq=False, int mode=0, bool sparse=False, Tensor? "
                      "per_sample_weights=None, bool include_last_offset=False, int? padding_idx=None)",
                      kFunction, "_embedding_bag"),
};

}  // namespace

FACULA_ENTRIES(embedding)

}  // namespace facula
