// scaled_dot_product_attention: softmax(q k' scale + mask) v. Scores exist for a block of queries at a time,
// forward and backward; what is kept for backward is the logarithm of each row's sum (Dao et al. 2022,
// FlashAttention, without the split of keys).
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include "core/parallel.h"
#include "cpu/attention.h"
#include "cpu/gemm.h"
#include "op/recompute.h"
#include "ops/dropout.h"
#include "ops/matmul.h"
#include "ops/softmax.h"

namespace facula {
namespace {

struct Options {
  bool causal;
  double scale;
};

// Each key head, once for every one of the `times` heads that read it.
Tensor repeat_heads(const Tensor& t, int64_t times) {
  if (times == 1) return t;
  Dims wide = t->shape(), merged = t->shape();
  wide.insert(t->ndim - 2, times);
  merged[t->ndim - 3] *= times;
  return reshape(expand(unsqueeze(t, t->ndim - 2), wide), merged);
}

// As PyTorch composes it, for what the blocked kernels do not do: dropout, gradients of masks, broadcasting.
Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, double dropout_p,
              const Options& o) {
  if (is_half(q->dtype)) {  // in single precision from end to end
    auto wide = [](const Tensor& t) { return to_dtype(t, DType::Float32); };
    return to_dtype(attend(wide(q), wide(k), wide(v), mask, dropout_p, o), q->dtype);
  }
  const double root = std::sqrt(o.scale);
  const bool negative = o.scale < 0;
  const Tensor scaled = q * Scalar(negative ? o.scale : root), keys = negative ? k : k * Scalar(root);
  Tensor scores = matmul(scaled, transpose(keys, -2, -1));
  const Scalar lowest(-INFINITY);
  auto add_mask = [&](const Tensor& m) {
    if (m->dtype == DType::Bool) scores = where(m, scores, lowest);
    else scores = scores + m;
  };
  if (o.causal) {
    const int64_t rows = q->sizes[q->ndim - 2], columns = k->sizes[k->ndim - 2];
    const Tensor lower = empty(DType::Bool, {rows, columns}, q->device);
    if (!lower->is_meta())
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j) lower->as<bool>()[i * columns + j] = j <= i;
    add_mask(lower);
  }
  if (mask) add_mask(mask);
  Tensor p = softmax(scores, -1);
  if (mask || o.causal) {  // rows that are masked whole count as zeros
    const int64_t columns = k->sizes[k->ndim - 2];
    const Tensor dead = binary("eq", sum(binary("eq", scores, lowest), {-1}, true), Scalar(columns));
    p = where(dead, Scalar(0.), p);
  }
  if (dropout_p > 0) p = dropout(contiguous(p), dropout_p, true);
  return matmul(p, v);
}

// Shapes of one call: q (batch, heads, rows, depth), k (batch, key_heads, columns, depth), v (..,
// value_depth).
struct Sizes {
  int64_t batch, heads, key_heads, rows, columns, depth, value_depth;
  int64_t share() const { return heads / key_heads; }  // heads that read the same keys
};

template <class T> struct Memory {  // of a piece
  explicit Memory(int64_t n)
      : p(static_cast<T*>(std::aligned_alloc(64, (size_t(n) * sizeof(T) + 63) / 64 * 64 + 64))) {
    if (!p) throw std::bad_alloc();
  }
  Memory(const Memory&) = delete;
  ~Memory() { std::free(p); }
  T* p;
};

template <class T> struct Attention {
  static constexpr int64_t kBlock = 64;  // queries
  const AttentionKernelsOf<T>& kernel = best_attention_kernels().of<T>();
  Sizes z;
  Options o;
  const T *q, *k, *v;      // dense
  const TensorImpl* mask;  // (batch, heads, rows, columns) by strides, or null
  T* log_sums;             // (batch, heads, rows)

  int64_t reach(int64_t row) const { return o.causal ? std::min(z.columns, row + 1) : z.columns; }
  const T* mask_row(int64_t b, int64_t h, int64_t row) const {
    if (!mask) return nullptr;
    const int64_t* s = mask->strides;
    return mask->as<T>() + b * s[0] + h * s[1] + row * s[2];
  }
  int64_t mask_step() const { return mask ? mask->strides[3] : 0; }
  // c (m, n) = a (m, k) b (k, n) + beta c, by steps of a; b and c have adjacent columns.
  static void product(int64_t m, int64_t n, int64_t inner, const T* a, int64_t a_row, int64_t a_col,
                      const T* b, int64_t b_row, T* c, int64_t c_row, T beta) {
    gemm(Product<T>{m, n, inner, a, a_row, a_col, b, b_row, 1, c, c_row, c, c_row, T(1), beta});
  }

  // Blocks of the queries that read one set of keys, numbered through its heads. Where there are few sets,
  // each is cut into parts, which take turns, since with a causal mask later blocks are longer.
  struct Block {
    int64_t head, first, rows, width;
  };
  int64_t blocks_of_head() const { return (z.rows + kBlock - 1) / kBlock; }
  int64_t parts() const {
    constexpr int64_t kSets = 16, kLeast = 4;  // blocks worth laying out the keys
    const int64_t sets = z.batch * z.key_heads, blocks = z.share() * blocks_of_head();
    return std::max<int64_t>(1, std::min((kSets + sets - 1) / sets, blocks / kLeast));
  }
  template <class F> void each_block(int64_t set, int64_t part, int64_t step, F&& f) const {
    const int64_t per_head = blocks_of_head();
    for (int64_t i = part; i < z.share() * per_head; i += step) {
      const int64_t first = i % per_head * kBlock, rows = std::min(kBlock, z.rows - first);
      f(Block{set * z.share() + i / per_head, first, rows, reach(first + rows - 1)});
    }
  }

  void forward(T* out) const {
    const int64_t step = parts();
    parallel_pieces(z.batch * z.key_heads * step, [&](int64_t piece) {
      const int64_t set = piece / step;
      const T *const keys = k + set * z.columns * z.depth, *const values =
                                                               v + set * z.columns * z.value_depth;
      const Memory<T> turned(Panels<T>::size(z.depth, z.columns)), scores(kBlock * z.columns);
      const Panels<T> by_keys(turned.p, keys, 1, z.depth, z.depth, z.columns);
      each_block(set, piece % step, step, [&](const Block& b) {
        const int64_t at = b.head * z.rows + b.first;
        T* const p = scores.p;
        by_keys.times(b.rows, b.width, q + at * z.depth, z.depth, p, b.width, p, b.width, T(0));
        for (int64_t r = 0; r < b.rows; ++r)
          log_sums[at + r] =
              kernel.probabilities(p + r * b.width, reach(b.first + r), b.width, T(o.scale),
                                   mask_row(b.head / z.heads, b.head % z.heads, b.first + r), mask_step());
        product(b.rows, z.value_depth, b.width, p, b.width, 1, values, z.value_depth,
                out + at * z.value_depth, z.value_depth, T(0));
      });
    });
  }
  void backward(const T* g, const T* out, T* dq, T* dk, T* dv) const {
    const int64_t step = parts(), sets = z.batch * z.key_heads;
    const int64_t of_keys = z.columns * z.depth, of_values = z.columns * z.value_depth;
    const Memory<T> partial(step > 1 ? sets * step * (of_keys + of_values) : 0);  // gradients by part
    parallel_pieces(sets * step, [&](int64_t piece) {
      const int64_t set = piece / step;
      const T *const keys = k + set * of_keys, *const values = v + set * of_values;
      T* const d_keys = step > 1 ? partial.p + piece * (of_keys + of_values) : dk + set * of_keys;
      T* const d_values = step > 1 ? d_keys + of_keys : dv + set * of_values;
      std::memset(d_keys, 0, size_t(of_keys) * sizeof(T));
      std::memset(d_values, 0, size_t(of_values) * sizeof(T));
      const Memory<T> turned_keys(Panels<T>::size(z.depth, z.columns)),
          turned_values(Panels<T>::size(z.value_depth, z.columns)), scores(kBlock * z.columns),
          slopes(kBlock * z.columns);
      const Panels<T> by_keys(turned_keys.p, keys, 1, z.depth, z.depth, z.columns),
          by_values(turned_values.p, values, 1, z.value_depth, z.value_depth, z.columns);
      T *const p = scores.p, *const dp = slopes.p;
      each_block(set, piece % step, step, [&](const Block& b) {
        const int64_t at = b.head * z.rows + b.first, width = b.width;
        const T *const queries = q + at * z.depth, *const go = g + at * z.value_depth;
        by_keys.times(b.rows, width, queries, z.depth, p, width, p, width, T(0));
        by_values.times(b.rows, width, go, z.value_depth, dp, width, dp, width, T(0));
        for (int64_t r = 0; r < b.rows; ++r) {
          kernel.again(p + r * width, reach(b.first + r), width, T(o.scale),
                       mask_row(b.head / z.heads, b.head % z.heads, b.first + r), mask_step(),
                       log_sums[at + r]);
          const T shift = dot(z.value_depth, go + r * z.value_depth, 1, out + (at + r) * z.value_depth, 1);
          kernel.slope(dp + r * width, p + r * width, width, shift, T(o.scale));
        }
        product(b.rows, z.depth, width, dp, width, 1, keys, z.depth, dq + at * z.depth, z.depth, T(0));
        product(width, z.value_depth, b.rows, p, 1, width, go, z.value_depth, d_values, z.value_depth, T(1));
        product(width, z.depth, b.rows, dp, 1, width, queries, z.depth, d_keys, z.depth, T(1));
      });
    });
    if (step == 1) return;
    parallel_pieces(sets, [&](int64_t set) {
      const T* from = partial.p + set * step * (of_keys + of_values);
      auto add = [&](T* to, int64_t n, const T* parts_of) {
        std::memcpy(to, parts_of, size_t(n) * sizeof(T));
        for (int64_t part = 1; part < step; ++part) {
          parts_of += of_keys + of_values;
          for (int64_t i = 0; i < n; ++i) to[i] += parts_of[i];
        }
      };
      add(dk + set * of_keys, of_keys, from);
      add(dv + set * of_values, of_values, from + of_keys);
    });
  }
};

enum class Shape { Flash, Matrix, Batch };  // what PyTorch's last operation is

template <Shape shape> struct Sdpa {  // inputs: q, k, v, mask
  static constexpr const char* node = shape == Shape::Flash ? "ScaledDotProductFlashAttentionForCpuBackward0"
                                      : shape == Shape::Matrix ? "MmBackward0"
                                                               : "UnsafeViewBackward0";
  static constexpr uint32_t saves = kInputs | kOutput;
  Sizes z;
  Options o;
  Tensor log_sums{};

  template <class T>
  Attention<T> run(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask) const {
    return {.z = z,
            .o = o,
            .q = q->as<T>(),
            .k = k->as<T>(),
            .v = v->as<T>(),
            .mask = mask.get(),
            .log_sums = log_sums->as<T>()};
  }
  template <class F> static void by_type(DType t, F&& f) {
    if (t == DType::Float32) f(float{});
    else f(double{});
  }
  // Numbers to add to the scores, broadcast to all of them; a null mask stays one.
  Tensor added(const Tensor& mask, DType type) const {
    if (!mask) return mask;
    GradMode off(false);
    const Tensor m = mask->dtype == DType::Bool ? to_dtype(where(mask, Scalar(0.), Scalar(-INFINITY)), type)
                                                : to_dtype(mask, type);
    return expand(m, {z.batch, z.heads, z.rows, z.columns});
  }
  Tensor forward(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask) {
    Dims sizes = q->shape();
    sizes[q->ndim - 1] = z.value_depth;
    if (q->is_meta()) return empty(q->dtype, sizes, q->device);
    const DType type = compute_dtype(q->dtype);
    log_sums = empty(type, {z.batch, z.heads, z.rows});
    const Tensor out = empty(type, sizes), m = added(mask, type);
    const Tensor dq = dense(q, type), dk = dense(k, type), dv = dense(v, type);
    by_type(type, [&]<class T>(T) { run<T>(dq, dk, dv, m).forward(out->as<T>()); });
    if (shape == Shape::Flash && sizes == q->shape() && !q->contiguous && is_dense_permutation(*q)) {
      const Tensor laid = empty_as(*q);  // as the queries lie
      copy_into(*laid, *out);
      return laid;
    }
    return type == q->dtype ? out : converted(out, q->dtype);
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor &q = b.in[0], &k = b.in[1], &v = b.in[2], &mask = b.in[3];
    if (mode.grad || b.needs(3) || q->is_meta())
      return differentiate(b, d, [&](const Tensor* in) {
        return Tensors{
            attend(in[0], repeat_heads(in[1], z.share()), repeat_heads(in[2], z.share()), in[3], 0, o)};
      });
    const DType type = compute_dtype(q->dtype);
    const Tensor x = dense(q, type), y = dense(k, type), w = dense(v, type), g = dense(b.g[0], type),
                 out = dense(b.out[0], type), m = added(mask, type);
    const Tensor dq = empty(type, q->shape()), dk = empty(type, k->shape()), dv = empty(type, v->shape());
    by_type(type, [&]<class T>(T) {
      run<T>(x, y, w, m).backward(g->as<T>(), out->as<T>(), dq->as<T>(), dk->as<T>(), dv->as<T>());
    });
    const Tensor found[] = {dq, dk, dv};
    for (int i = 0; i < 3; ++i)
      if (b.needs(i)) d[i] = type == q->dtype ? found[i] : converted(found[i], q->dtype);
  }
};

bool wants_gradient(const Tensor& t) { return t && mode.grad && requires_grad(*t); }

Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                    const Tensor& given_mask, double dropout_p, bool causal,
                                    std::optional<double> scale, bool gqa) {
  if (q->dtype != k->dtype || q->dtype != v->dtype)
    fail("Expected query, key, and value to have the same dtype, but got query.dtype: ", type_text(q->dtype),
         " key.dtype: ", type_text(k->dtype), " and value.dtype: ", type_text(v->dtype), " instead.");
  if (q->ndim < 2 || k->ndim < 2 || v->ndim < 2)
    fail("Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: ",
         int64_t(q->ndim), " key.dim: ", int64_t(k->ndim), " and value.dim: ", int64_t(v->ndim), " instead.");
  Tensor mask = given_mask;
  if (mask && mask->dtype != DType::Bool && mask->dtype != q->dtype && mask->dtype != DType::Float32)
    fail("Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: ",
         type_text(mask->dtype), " and  query.dtype: ", type_text(q->dtype), " instead.");
  if (!(dropout_p >= 0 && dropout_p <= 1))
    fail("dropout probability has to be between 0 and 1, but got ", dropout_p);
  const int64_t depth = q->sizes[q->ndim - 1];
  const Options o{causal, scale.value_or(1 / std::sqrt(double(std::max<int64_t>(1, depth))))};
  const int n = q->ndim;
  Tensor keys = k, values = v;
  int64_t share = 1;
  if (gqa && n >= 3 && k->ndim >= 3 && v->ndim >= 3) {
    const int64_t heads = q->sizes[n - 3], kh = k->sizes[k->ndim - 3], vh = v->sizes[v->ndim - 3];
    if (kh == 0 || vh == 0 || heads % kh || heads % vh)
      fail("Number of heads in key and value must divide the number of heads in query, but got ", kh, ", ",
           vh, " and ", heads);
    share = kh == vh ? heads / kh : 1;
    if (kh != vh) {  // different shares: repeat each for itself
      keys = repeat_heads(k, heads / kh);
      values = repeat_heads(v, heads / vh);
    }
  }
  // Blocked: equal leading dimensions (keys may have fewer heads), real floating types.
  bool fits = dropout_p == 0 && is_real_floating(q->dtype) && !wants_gradient(mask) && n == keys->ndim &&
              n == values->ndim && q->numel && keys->numel && values->numel && keys->sizes[n - 1] == depth &&
              keys->sizes[n - 2] == values->sizes[n - 2];
  Sizes z{1, 1, 1, q->sizes[n - 2], 0, depth, 0};
  for (int i = 0; fits && i < n - 2; ++i) {
    const bool head = i == n - 3;
    const int64_t per = head ? share : 1;
    fits = q->sizes[i] == keys->sizes[i] * per && keys->sizes[i] == values->sizes[i];
    (head ? z.heads : z.batch) *= q->sizes[i];
    if (head) z.key_heads = keys->sizes[i];
  }
  if (fits) {
    z.columns = keys->sizes[n - 2];
    z.value_depth = values->sizes[n - 1];
    if (mask) {  // to (batch, heads, rows, columns), or composed where it does not broadcast to the scores
      Dims whole = q->shape();
      whole[n - 1] = z.columns;
      fits = mask->ndim <= n;
      for (int i = 0; fits && i < mask->ndim; ++i)
        fits = mask->sizes[i] == 1 || mask->sizes[i] == whole[n - mask->ndim + i];
      if (fits && (n > 4 || mask->ndim < 2)) mask = expand(mask, whole);
      if (fits && n > 4) mask = reshape(mask, {z.batch, z.heads, z.rows, z.columns});
      if (fits && n == 3) mask = expand(mask, {z.heads, z.rows, z.columns});
    }
  }
  // Only the kernel for this shape takes both in PyTorch.
  if (given_mask && causal && !(fits && z.depth == z.value_depth && n == 4))
    fail("_scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True");
  if (fits && !(z.depth == z.value_depth && n == 4)) {
    const Tensor out = n == 2 ? call_structural(Sdpa<Shape::Matrix>{z, o}, q, keys, values, mask)
                              : call_structural(Sdpa<Shape::Batch>{z, o}, q, keys, values, mask);
    if (is_half(q->dtype) && out->grad_fn) out->grad_fn->name = "ToCopyBackward0";  // back from float32
    return out;
  }
  if (fits) return call_structural(Sdpa<Shape::Flash>{z, o}, q, keys, values, mask);
  keys = repeat_heads(keys, share);
  values = repeat_heads(values, share);
  return attend(q, keys, values, mask, dropout_p, o);
}

constexpr OpEntry entries[] = {
    fn<scaled_dot_product_attention>(
        "scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float "
        "dropout_p=0.0, bool is_causal=False, *, float? scale=None, bool enable_gqa=False)",
        kNN | kLeading),
};

}  // namespace

FACULA_ENTRIES(attention)

}  // namespace facula
