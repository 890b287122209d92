// Distances between all pairs of rows: cdist of two sets, pdist within one.
#include <cmath>
#include "core/parallel.h"
#include "cpu/distance.h"
#include "op/structural.h"
#include "ops/functions.h"
#include "ops/matmul.h"
#include "ops/named.h"

namespace facula {
namespace {

// The numbers of differences, and powers: the norms without a kernel of their own.
template <bool Count, class T>
void powers(const T* x, const T* ys, int64_t length, int64_t step, int64_t count, T p, T* to) {
  std::fill_n(to, count, T(0));
  for (int64_t k = 0; k < length; ++k)
    for (int64_t j = 0; j < count; ++j) {
      const T away = x[k] - ys[k * step + j];
      to[j] += Count ? T(away != 0) : std::pow(std::abs(away), p);
    }
  if constexpr (!Count)
    for (int64_t j = 0; j < count; ++j) to[j] = std::pow(to[j], 1 / p);
}

// f(distances): the function for this norm.
template <class T, class F> void with_norm(double p, F&& f) {
  const Distances<T>& fast = []() -> const Distances<T>& {
    if constexpr (std::is_same_v<T, float>) return best_distance_kernels().of_float;
    else return best_distance_kernels().of_double;
  }();
  if (p == 1) return f(fast.sum);
  if (p == 2) return f(fast.euclidean);
  if (std::isinf(p)) return f(fast.largest);
  f([p](const T* x, const T* ys, int64_t length, int64_t step, int64_t count, T* to) {
    if (p == 0) powers<true>(x, ys, length, step, count, T(p), to);
    else powers<false>(x, ys, length, step, count, T(p), to);
  });
}

template <class F> void for_real(const char* kernel, DType t, F&& f) {
  if (t == DType::Float32) f(float{});
  else if (t == DType::Float64) f(double{});
  else fail<NotImplemented>("\"", kernel, "\" not implemented for '", c_name(t), "'");
}

constexpr int64_t kTile = 512;  // distances that are computed at once

// g * d|difference|_p / d difference, where y is the norm; zero where y is.
Tensor slope(const Tensor& g, const Tensor& difference, const Tensor& y, double p) {
  if (p == 0) return zeros_like(difference);
  const Tensor sign = unary("sgn", difference);
  if (p == 1) return g * sign;
  const Tensor zero = binary("eq", y, Scalar(0));
  if (std::isinf(p)) return where(binary("eq", unary("abs", difference), y), g * sign, Scalar(0));
  // Guarded before the quotient as well: a derivative of it must not meet 0 / 0.
  const Tensor safe = where(zero, Scalar(1), y);
  if (p == 2) return where(zero, Scalar(0), g / safe) * difference;
  const Tensor none = binary("eq", difference, Scalar(0));
  const Tensor size = where(none, Scalar(1), unary("abs", difference));
  const Tensor grown = where(none, Scalar(0), sign * call(Pow{p - 1}, size));
  return where(zero, Scalar(0), g / call(Pow{p - 1}, safe)) * grown;
}

struct Cdist {
  static constexpr const char* node = "CdistBackward0";
  static constexpr uint32_t saves = kInputs | kOutput;
  void show(Parameters& see) const { see("p", p); }
  double p;
  bool by_product;
  Dims batch;  // of the result

  Tensor flat(const Tensor& t) const {  // [batch, rows, length]
    Dims shape = batch;
    shape.push(t->sizes[t->ndim - 2]);
    shape.push(t->sizes[t->ndim - 1]);
    return reshape(t->shape() == shape ? t : expand(t, shape),
                   {batch.numel(), shape[batch.count], shape[batch.count + 1]});
  }
  Dims result(int64_t m, int64_t n) const {
    Dims shape = batch;
    shape.push(m);
    shape.push(n);
    return shape;
  }

  Tensor forward(const Tensor& a, const Tensor& b) const {
    const GradMode off(false);
    const int64_t m = a->sizes[a->ndim - 2], n = b->sizes[b->ndim - 2];
    return alias(*reshape(distances_of(flat(a), flat(b)), result(m, n)));
  }
  Tensor distances_of(const Tensor& a, const Tensor& b) const {
    const int64_t batch = a->sizes[0], m = a->sizes[1], n = b->sizes[1], length = a->sizes[2];
    if (by_product && !a->is_meta() && length) {  // |a|^2 + |b|^2 - 2 a b, cut off at zero
      const Tensor aa = sum(a * a, Dims{-1}, true), bb = sum(b * b, Dims{-1}, true);
      const Tensor squares = matmul(a * Scalar(-2.0), transpose(b, -2, -1)) + aa + transpose(bb, -2, -1);
      return unary("sqrt", binary("maximum", squares, full({}, 0.0, a->dtype)));
    }
    const Tensor out = empty(a->dtype, {batch, m, n}, a->device);
    if (out->is_meta() || !out->numel) return out;
    const Tensor x = dense(a), y = dense(transpose(b, 1, 2));
    for_real("cdist", a->dtype, [&]<class T>(T) {
      const T *const from = x->as<T>(), *const columns = y->as<T>();
      T* const to = out->as<T>();
      const int64_t tiles = (n + kTile - 1) / kTile;
      const int64_t lines = batch * m,
                    per_piece = std::max<int64_t>(1, 65536 / std::max<int64_t>(n * length, 1));
      with_norm<T>(p, [&](auto distances) {
        parallel_pieces((lines + per_piece - 1) / per_piece, [&](int64_t piece) {
          for (int64_t l = piece * per_piece; l < std::min(lines, (piece + 1) * per_piece); ++l)
            for (int64_t tile = 0; tile < tiles; ++tile) {
              const int64_t first = tile * kTile;
              distances(from + l * length, columns + l / m * length * n + first, length, n,
                        std::min(kTile, n - first), to + l * n + first);
            }
        });
      });
    });
    return out;
  }
  void vjp(const Back& back, Tensor* d) const {
    const Tensor a = flat(back.in[0]), b = flat(back.in[1]);
    const Dims both{batch.numel(), a->sizes[1], b->sizes[1]};
    gradients(a, b, reshape(back.out[0], both), reshape(back.g[0], both), back, d);
    for (int i = 0; i < 2; ++i) {
      if (!back.needs(i)) continue;
      const Dims own = back.in[i]->shape();
      d[i] = sum_to(reshape(d[i], result(own[own.count - 2], own[own.count - 1])), own);
    }
  }
  void gradients(const Tensor& a, const Tensor& b, const Tensor& y, const Tensor& g, const Back& back,
                 Tensor* d) const {
    if (p == 2) {  // g / y (a_i - b_j) is summed by products
      const Tensor zero = binary("eq", y, Scalar(0)), safe = where(zero, Scalar(1), y);
      const Tensor w = where(zero, Scalar(0), g / safe);
      if (back.needs(0)) d[0] = a * sum(w, Dims{-1}, true) - matmul(w, b);
      if (back.needs(1)) {
        const Tensor turned = transpose(w, -2, -1);
        d[1] = b * sum(turned, Dims{-1}, true) - matmul(turned, a);
      }
      return;
    }
    const Tensor each = slope(unsqueeze(g, -1), unsqueeze(a, 2) - unsqueeze(b, 1), unsqueeze(y, -1), p);
    if (back.needs(0)) d[0] = sum(each, Dims{2}, false);
    if (back.needs(1)) d[1] = -sum(each, Dims{1}, false);
  }
};

Tensor cdist(const Tensor& a, const Tensor& b, double p, std::optional<int64_t> mode) {
  for (const auto& [t, name] : {std::pair(&a, "X1"), std::pair(&b, "X2")}) {
    if ((*t)->ndim < 2)
      fail("cdist only supports at least 2D tensors, ", name, " got: ", int((*t)->ndim), "D");
    if (t == &b && a->sizes[a->ndim - 1] != b->sizes[b->ndim - 1])
      fail("X1 and X2 must have the same number of columns. X1: ", a->sizes[a->ndim - 1],
           " X2: ", b->sizes[b->ndim - 1]);
  }
  for (const auto& [t, name] : {std::pair(&a, "X1"), std::pair(&b, "X2")})
    if (!is_real_floating((*t)->dtype))
      fail("cdist only supports floating-point dtypes, ", name, " got: ", c_name((*t)->dtype));
  if (!(p >= 0)) fail("cdist only supports non-negative p values");
  const int64_t how = mode.value_or(0);
  if (how < 0 || how > 2) fail("possible modes: 0, 1, 2, but was: ", how);
  if (is_half(a->dtype) && a->numel && b->numel)
    fail<NotImplemented>("\"cdist\" not implemented for '", c_name(a->dtype), "'");
  if (a->dtype != b->dtype) fail("expected scalar type ", c_name(a->dtype), " but found ", c_name(b->dtype));
  const int64_t m = a->sizes[a->ndim - 2], n = b->sizes[b->ndim - 2];
  const Dims batch = broadcast(Dims(a->ndim - 2, a->sizes), Dims(b->ndim - 2, b->sizes));
  const bool by_product = p == 2 && (how == 1 || (how == 0 && (m > 25 || n > 25)));
  const Tensor y = call_structural(Cdist{p, by_product, batch}, a, b);
  return by_product ? renamed(y, "ViewBackward0") : y;  // what PyTorch does last there
}

struct Pdist {
  static constexpr const char* node = "PdistBackward0";
  static constexpr uint32_t saves = kInputs | kOutput;
  void show(Parameters& see) const { see("p", p); }
  double p;

  TensorMeta meta(const Tensor& x) const {
    const int64_t n = x->sizes[0];
    return {x->dtype, {n > 1 ? n * (n - 1) / 2 : 0}};
  }
  void cpu(TensorImpl& out, const Tensor& x) const {
    const int64_t n = x->sizes[0], length = x->sizes[1];
    if (!out.numel) return;
    const Tensor rows = dense(x), columns = dense(transpose(x, 0, 1));
    for_real("pdist", x->dtype, [&]<class T>(T) {
      const T *const from = rows->as<T>(), *const other = columns->as<T>();
      T* const to = out.as<T>();
      with_norm<T>(p, [&](auto distances) {
        const int64_t per_piece = std::max<int64_t>(1, 131072 / std::max<int64_t>(n * length, 1));
        parallel_pieces((n + per_piece - 1) / per_piece, [&](int64_t piece) {
          for (int64_t i = piece * per_piece; i < std::min(n, (piece + 1) * per_piece); ++i)
            for (int64_t j = i + 1; j < n; j += kTile)
              distances(from + i * length, other + j, length, n, std::min(kTile, n - j),
                        to + i * n - i * (i + 1) / 2 + j - i - 1);
        });
      });
    });
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor& x = b.in[0];
    const int64_t n = x->sizes[0], pairs = b.out[0]->numel;
    if (!pairs || !x->numel) {
      d[0] = zeros_like(x);
      return;
    }
    const Tensor first = empty(DType::Int64, {pairs}), second = empty(DType::Int64, {pairs});
    for (int64_t i = 0, at = 0; i < n; ++i)
      for (int64_t j = i + 1; j < n; ++j, ++at) {
        first->as<int64_t>()[at] = i;
        second->as<int64_t>()[at] = j;
      }
    const Tensor away = index_select(x, 0, first) - index_select(x, 0, second);
    const Tensor each = slope(unsqueeze(b.g[0], -1), away, unsqueeze(b.out[0], -1), p);
    d[0] = index_add(index_add(zeros_like(x), 0, first, each, 1), 0, second, each, -1);
  }
};
Tensor pdist(const Tensor& x, double p) {
  if (x->ndim != 2) fail("pdist only supports 2D tensors, got: ", int(x->ndim), "D");
  if (!is_real_floating(x->dtype)) fail("pdist only supports floating-point dtypes");
  if (!(p >= 0)) fail("pdist only supports non-negative p values");
  if (is_half(x->dtype) && x->sizes[0] > 1 && x->sizes[1])
    fail<NotImplemented>("\"pdist\" not implemented for '", c_name(x->dtype), "'");
  return call_structural(Pdist{p}, x);
}

constexpr OpEntry entries[] = {
    fn<cdist>("_cdist(Tensor x1, Tensor x2, float p=2, int? compute_mode=None)", kPrivate | kLeading),
    fn<pdist>("pdist(Tensor input, float p=2)", kFunction | kNN),
};

}  // namespace
FACULA_ENTRIES(distance)

}  // namespace facula
