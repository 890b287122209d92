// Normalisations of rows: layer_norm, group_norm, rms_norm. A row is `segments` runs of `inner` elements; the
// rows of one sample are `groups`, and a segment of a group has one weight and one bias.
#include <cmath>
#include "core/parallel.h"
#include "cpu/norm.h"
#include "ops/named.h"
#include "ops/norm.h"
#include "ops/spatial.h"

namespace facula {

void require_floating(const Tensor& x, const char* kernel) {
  if (!is_real_floating(x->dtype))
    fail<NotImplemented>("\"", kernel, "\" not implemented for '", c_name(x->dtype), "'");
}

bool mixed_parameters(const Tensor& x, std::initializer_list<Tensor> parameters) {
  const Tensor* first = nullptr;
  for (const Tensor& p : parameters)
    if (p && !first) first = &p;
  if (!first) return false;
  if ((*first)->dtype == x->dtype) {
    for (const Tensor& p : parameters)
      if (p && p->dtype != x->dtype)
        fail("expected scalar type ", c_name(x->dtype), " but found ", c_name(p->dtype));
    return false;
  }
  for (const Tensor& p : parameters)
    if (p && p->dtype != DType::Float32)
      fail("mixed dtype (CPU): expect parameter to have scalar type of Float");
  if (!is_half(x->dtype)) fail("mixed dtype (CPU): all inputs must share same datatype.");
  return true;
}

namespace {

struct Layout {
  int64_t outer, groups, segments, inner;
  int64_t rows() const { return outer * groups; }
  int64_t length() const { return segments * inner; }
  int64_t weights() const { return groups * segments; }
  Dims shape() const { return {outer, groups, segments, inner}; }
};

enum class RowKind { Layer, Group, Rms, RmsHalf };

template <class T> struct RowRun {
  const NormKernelsOf<T>& k = best_norm_kernels().of<T>();
  Layout l;
  bool centred;  // the mean is subtracted
  double eps;
  const T* x;
  T* mean;
  T* rstd;
  const T *w, *b;

  int64_t rows_per_piece() const {
    return std::max<int64_t>(1, (1 << 15) / std::max<int64_t>(1, l.length()));
  }
  template <class F> void each_row(F&& f) const {
    const int64_t step = rows_per_piece();
    parallel_pieces((l.rows() + step - 1) / step, [&](int64_t piece) {
      for (int64_t r = piece * step; r < std::min(l.rows(), (piece + 1) * step); ++r) f(r);
    });
  }
  void forward(T* y) const {
    const int64_t n = l.length();
    each_row([&](int64_t r) {
      const T* row = x + r * n;
      const double m = centred && n ? k.sum(row, n) / double(n) : 0;
      const double variance = n ? k.deviation(row, n, T(m)) / double(n) : NAN;
      const T average = T(m), factor = T(1 / std::sqrt(variance + eps));
      mean[r] = average;
      rstd[r] = n ? factor : T(NAN);
      const int64_t at = r % l.groups * l.segments;
      if (l.inner == 1)
        return k.scale_each(row, y + r * n, n, average, factor, w ? w + at : nullptr, b ? b + at : nullptr);
      for (int64_t s = 0; s < l.segments; ++s) {
        const T scale = w ? factor * w[at + s] : factor;
        k.scale(row + s * l.inner, y + r * n + s * l.inner, l.inner, scale,
                (b ? b[at + s] : T(0)) - average * scale);
      }
    });
  }
  // dx, dw, db: each may be null. Sums of weights: a piece has its own, they meet in order.
  void backward(const T* g, T* dx, T* dw, T* db) const {
    const int64_t n = l.length(), count = l.weights();
    const bool sums = dw || db;
    // A piece is a run of whole samples, so that it holds every weight's rows.
    const int64_t sample = std::max<int64_t>(1, l.groups * n);
    int64_t step = std::max<int64_t>(1, (1 << 15) / sample);
    if (sums) step = std::max(step, (l.outer + 15) / 16);
    const int64_t pieces = (l.outer + step - 1) / step;
    const Tensor partial = sums ? zeros({pieces, 2, count}, dtype_of_element<T>) : Tensor();
    T* const parts = sums ? partial->as<T>() : nullptr;
    parallel_pieces(pieces, [&](int64_t piece) {
      T* const pw = sums ? parts + piece * 2 * count : nullptr;
      for (int64_t o = piece * step; o < std::min(l.outer, (piece + 1) * step); ++o)
        for (int64_t q = 0; q < l.groups; ++q) row(o * l.groups + q, g, dx, pw, pw + count);
    });
    if (!sums) return;
    for (int64_t i = 0; i < count; ++i) {
      double a = 0, c = 0;
      for (int64_t p = 0; p < pieces; ++p) {
        a += parts[p * 2 * count + i];
        c += parts[p * 2 * count + count + i];
      }
      if (dw) dw[i] = T(a);
      if (db) db[i] = T(c);
    }
  }
  void row(int64_t r, const T* g, T* dx, T* pw, T* pb) const {
    const int64_t n = l.length(), at = r % l.groups * l.segments;
    const T *gr = g + r * n, *xr = x + r * n;
    const T m = mean[r], s = rstd[r];
    double sum[2] = {0, 0};
    if (l.inner == 1) {
      if (dx) k.pair_each(gr, xr, w ? w + at : nullptr, n, m, sum);
      if (pw) k.weights_each(gr, xr, n, m, s, pw + at, pb + at);
    } else {
      for (int64_t i = 0; i < l.segments; ++i) {
        double part[2] = {0, 0};
        k.pair(gr + i * l.inner, xr + i * l.inner, l.inner, m, part);
        const double weight = w ? double(w[at + i]) : 1;
        sum[0] += weight * part[0];
        sum[1] += weight * part[1];
        if (pw) {
          pw[at + i] += T(part[1] * double(s));
          pb[at + i] += T(part[0]);
        }
      }
    }
    if (!dx || n == 0) return;
    const double rs = double(s);
    const T b = T(-rs * rs * rs * sum[1] / double(n)), c = centred ? T(-rs * sum[0] / double(n)) : T(0);
    if (l.inner == 1) return k.combine_each(gr, xr, w ? w + at : nullptr, dx + r * n, n, s, b, m, c);
    for (int64_t i = 0; i < l.segments; ++i)
      k.combine(gr + i * l.inner, xr + i * l.inner, dx + r * n + i * l.inner, l.inner, w ? s * w[at + i] : s,
                b, m, c);
  }
};

template <class T> const T* pointer(const Tensor& t) { return t ? t->as<T>() : nullptr; }

template <RowKind kind> struct RowNorm {  // inputs: x, weight, bias
  static constexpr const char* node = kind == RowKind::Layer   ? "NativeLayerNormBackward0"
                                      : kind == RowKind::Group ? "NativeGroupNormBackward0"
                                      : kind == RowKind::Rms   ? "MulBackward0"
                                                               : "ToCopyBackward0";
  static constexpr bool centred = kind == RowKind::Layer || kind == RowKind::Group;
  static constexpr uint32_t saves = saves_input(0) | saves_input(1);
  void show(Parameters& p) const { p("eps", eps); }
  Layout l;
  double eps;
  Tensor mean, rstd;  // of each row; filled by forward
  bool has_bias = false;
  DType bias_type{};
  Dims weight_shape{};

  template <class T> RowRun<T> run(const Tensor& x, const Tensor& w, const Tensor& b) const {
    return {.l = l,
            .centred = centred,
            .eps = eps,
            .x = x->as<T>(),
            .mean = mean->as<T>(),
            .rstd = rstd->as<T>(),
            .w = pointer<T>(w),
            .b = pointer<T>(b)};
  }
  DType stats_type{};  // of group_norm's statistics, which are outputs with gradients
  auto forward(const Tensor& x, const Tensor& weight, const Tensor& bias) {
    const Tensor out = normalised(x, weight, bias);
    if constexpr (kind == RowKind::Group) {
      GradMode off(false);
      const Dims shape{l.outer, l.groups};
      auto stats = [&](const Tensor& t) { return reshape(cast_back(t, stats_type), shape); };
      return Tensors{out, stats(mean), stats(rstd)};
    } else {
      return out;
    }
  }
  Tensor normalised(const Tensor& x, const Tensor& weight, const Tensor& bias) {
    if (weight) weight_shape = weight->shape();
    if (bias) weight_shape = bias->shape(), has_bias = true, bias_type = bias->dtype;
    if (x->is_meta()) return empty(x->dtype, x->shape(), x->device);
    const DType wide = compute_dtype(x->dtype);
    const Tensor from = dense(x, wide), w = weight ? dense(weight, wide) : weight,
                 b = bias ? dense(bias, wide) : bias;
    const Tensor out = empty(wide, x->shape());
    if (wide == DType::Float32) run<float>(from, w, b).forward(out->as<float>());
    else run<double>(from, w, b).forward(out->as<double>());
    return cast_back(out, x->dtype);
  }
  void vjp(const Back& back, Tensor* d) const {
    if constexpr (kind == RowKind::Group)
      if (back.g[1] || back.g[2]) return composed(back, d);
    if (!back.g[0]) return;
    if (mode.grad || mode.forward || back.g[0]->is_meta()) return composed(back, d);
    const Tensor &x = back.in[0], &weight = back.in[1];
    const DType wide = compute_dtype(x->dtype);
    const Tensor from = dense(x, wide), g = dense(back.g[0], wide), w = weight ? dense(weight, wide) : weight;
    const Tensor dx = back.needs(0) ? empty(wide, x->shape()) : Tensor();
    const Tensor dw = back.needs(1) ? empty(wide, weight_shape) : Tensor();
    const Tensor db = back.needs(2) ? empty(wide, weight_shape) : Tensor();
    auto go = [&]<class T>(T) {
      run<T>(from, w, nullptr)
          .backward(g->as<T>(), dx ? dx->as<T>() : nullptr, dw ? dw->as<T>() : nullptr,
                    db ? db->as<T>() : nullptr);
    };
    if (wide == DType::Float32) go(float{});
    else go(double{});
    if (dx) d[0] = cast_back(dx, x->dtype);
    if (dw) d[1] = cast_back(dw, weight->dtype);
    if (db) d[2] = cast_back(db, bias_type);
  }
  void vjp_batch(const Back& back, int64_t n, Tensor* d) const {
    if (kind == RowKind::Group || back.g[0]) composed(back, d, n);
  }
  // The same in recorded operations, to be differentiated again; of `batch` gradients, or of one (0).
  void composed(const Back& back, Tensor* d, int64_t batch = 0) const {
    const DType narrow = back.in[0]->dtype, wide = compute_dtype(narrow);
    const Dims in_row{-2, -1};
    auto all = [&](const Dims& shape) { return batch ? with_batch(shape, batch) : shape; };
    const Scalar n(double(l.length()));
    auto average = [&](const Tensor& t) { return sum(t, in_row, true) / n; };
    auto shaped = [&](const Tensor& t, const Dims& shape) { return reshape(to_dtype(t, wide), shape); };
    const Tensor x = shaped(back.in[0], l.shape()), away = centred ? x - average(x) : x,
                 factor = unary("rsqrt", average(away * away) + Scalar(eps)), normal = away * factor;
    Tensor dx;
    if (back.g[0]) {
      const Tensor g = shaped(back.g[0], all(l.shape()));
      if (back.needs(0)) {
        const Tensor gw = back.in[1] ? g * shaped(back.in[1], {1, l.groups, l.segments, 1}) : g;
        Tensor inside = gw - normal * average(gw * normal);
        if (centred) inside = inside - average(gw);
        dx = factor * inside;
      }
      if (back.needs(1))
        d[1] = to_dtype(reshape(sum(g * normal, {-4, -1}, false), all(weight_shape)), back.in[1]->dtype);
      if (back.needs(2)) d[2] = to_dtype(reshape(sum(g, {-4, -1}, false), all(weight_shape)), bias_type);
    }
    if constexpr (kind == RowKind::Group) {
      const Dims rows = all({l.outer, l.groups, 1, 1});
      auto add = [&](const Tensor& more) { dx = dx ? dx + more : expand(more, all(l.shape())); };
      if (back.g[1]) add(shaped(back.g[1], rows) / n);
      if (back.g[2]) add(-shaped(back.g[2], rows) * factor * factor * normal / n);
    }
    if (back.needs(0) && dx) d[0] = to_dtype(reshape(dx, all(back.in[0]->shape())), narrow);
  }
};

template <RowKind kind> RowNorm<kind> row_norm(const Layout& l, const Tensor& x, double eps) {
  const DType wide = compute_dtype(x->dtype);
  return {.l = l,
          .eps = eps,
          .mean = empty(wide, {l.rows()}, x->device),
          .rstd = empty(wide, {l.rows()}, x->device)};
}

// How x ends in `shape`, with PyTorch's errors where it does not.
Layout layout_of(const Tensor& x, const Dims& shape, const Tensor& weight, const Tensor& bias, bool rms) {
  if (shape.count < 1)
    fail(
        "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but "
        "got normalized_shape = ",
        to_string(shape));
  for (const Tensor* p : {&weight, &bias})
    if (*p && (*p)->shape() != shape)
      fail("Expected ", p == &weight ? "weight" : "bias",
           " to be of same shape as normalized_shape, but got ", p == &weight ? "weight" : "bias",
           " of shape ", to_string((*p)->shape()), " and normalized_shape = ", to_string(shape));
  bool ends = x->ndim >= shape.count;
  for (int i = 0; ends && i < shape.count; ++i) ends = x->sizes[x->ndim - shape.count + i] == shape[i];
  if (!ends) {
    std::string wanted = rms ? "[*" : "[*, ";
    for (int i = 0; i < shape.count; ++i) wanted += (i ? ", " : "") + std::to_string(shape[i]);
    fail("Given normalized_shape=", to_string(shape), ", expected input with shape ", wanted,
         "], but got input of size", to_string(x->shape()));
  }
  int64_t rows = 1;
  for (int i = 0; i < x->ndim - shape.count; ++i) rows *= x->sizes[i];
  return {rows, 1, shape.numel(), 1};
}

Tensor in_type(const Tensor& t, const Tensor& x, bool mixed) {  // of the statistics
  return mixed ? t : cast_back(t, x->dtype);
}

Tensors native_layer_norm(const Tensor& x, const Dims& shape, const Tensor& weight, const Tensor& bias,
                          double eps) {
  const Layout l = layout_of(x, shape, weight, bias, false);
  require_floating(x, "LayerNormKernelImpl");
  const bool mixed = mixed_parameters(x, {weight, bias});
  const auto op = row_norm<RowKind::Layer>(l, x, eps);
  const Tensor out = call_structural(op, x, weight, bias);
  Dims rows = x->shape();
  for (int i = x->ndim - shape.count; i < x->ndim; ++i) rows[i] = 1;
  GradMode off(false);
  return {out, view(in_type(op.mean, x, mixed), rows), view(in_type(op.rstd, x, mixed), rows)};
}

Tensor layer_norm(const Tensor& x, const Dims& shape, const Tensor& weight, const Tensor& bias, double eps,
                  bool) {
  const Layout l = layout_of(x, shape, weight, bias, false);
  require_floating(x, "LayerNormKernelImpl");
  mixed_parameters(x, {weight, bias});
  return call_structural(row_norm<RowKind::Layer>(l, x, eps), x, weight, bias);
}

// Complex numbers and parameters of other types: as PyTorch composes it.
Tensor composed_rms(const Tensor& x, const Layout& l, const Tensor& weight, double eps) {
  const DType wide = compute_dtype(x->dtype);
  const Tensor rows = to_dtype(x, wide);
  Dims in_row;
  int64_t n = 1;
  for (int i = x->ndim - 1; n < l.segments && i >= 0; --i) {
    in_row.push(i);
    n *= x->sizes[i];
  }
  const Tensor squares =
      in_row.count ? sum(rows * rows, in_row, true) / Scalar(double(l.segments)) : rows * rows;
  const Tensor result = rows * unary("rsqrt", squares + Scalar(eps));
  return to_dtype(weight ? result * weight : result, x->dtype);
}

Tensor rms_norm(const Tensor& x, const Dims& shape, const Tensor& weight, std::optional<double> eps) {
  if (x->ndim < shape.count && shape.count)
    fail<ValueError>("Input tensor must have at least ", int64_t(shape.count), " dimensions, but got ",
                     int64_t(x->ndim));
  const Layout l = layout_of(x, shape, weight, nullptr, true);
  if (!is_floating(x->dtype)) require_floating(x, "rms_norm");
  const DType wide = compute_dtype(x->dtype);
  const double e =
      eps.value_or(to_real(wide) == DType::Float64 ? 2.220446049250313e-16 : 1.1920928955078125e-07);
  const MemoryFormat format = format_of(*x);
  if (is_complex(x->dtype) || (weight && weight->dtype != x->dtype))
    return contiguous(composed_rms(x, l, weight, e), format);
  const Tensor y = is_half(x->dtype)
                       ? call_structural(row_norm<RowKind::RmsHalf>(l, x, e), x, weight, Tensor())
                       : call_structural(row_norm<RowKind::Rms>(l, x, e), x, weight, Tensor());
  // In PyTorch a product of elements, which lies as its input does, is made contiguous, images excepted.
  if (format == MemoryFormat::Contiguous)
    return !is_half(x->dtype) && !x->contiguous && is_dense_permutation(*x) ? renamed(y, "CloneBackward0")
                                                                            : y;
  return renamed(contiguous(y, format), y->grad_fn ? y->grad_fn->name : "");
}

void check_group(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t channels,
                 int64_t groups) {
  if (groups <= 0) fail("Expected num groups to be greater than 0, got ", groups);
  if (channels % groups)
    fail("Expected number of channels in input to be divisible by num_groups, but got input of shape ",
         to_string(x->shape()), " and num_groups=", groups);
  for (const Tensor* p : {&weight, &bias})
    if (*p && ((*p)->ndim != 1 || (*p)->numel != channels))
      fail("Expected ", p == &weight ? "weight" : "bias",
           " to be a vector of size equal to the number of channels in input, but got ",
           p == &weight ? "weight" : "bias", " of shape ", to_string((*p)->shape()), " and input of shape ",
           to_string(x->shape()));
}

// The result, and mean and factor of each group.
Tensors group(const Tensor& x, const Tensor& weight, const Tensor& bias, const Layout& l, double eps) {
  require_floating(x, "GroupNormKernelImpl");
  auto op = row_norm<RowKind::Group>(l, x, eps);
  op.stats_type = mixed_parameters(x, {weight, bias}) ? DType::Float32 : x->dtype;
  return call_structural(op, x, weight, bias);
}

Tensor group_norm(const Tensor& x, int64_t groups, const Tensor& weight, const Tensor& bias, double eps,
                  bool) {
  if (x->ndim == 0) fail<IndexError>("Dimension specified as 0 but tensor has no dimensions");
  if (x->ndim < 2) wrap_dim(1, x->ndim);
  const int64_t outer = x->sizes[0], channels = x->sizes[1];
  check_group(x, weight, bias, channels, groups);
  int64_t inner = 1;
  for (int i = 2; i < x->ndim; ++i) inner *= x->sizes[i];
  if (channels == 0) return call(Mul{}, x, Scalar(1));
  const Tensor out = group(x, weight, bias, {outer, groups, channels / groups, inner}, eps)[0];
  // As in PyTorch, images that keep their channels together stay so.
  if (x->contiguous || x->ndim != 4 || x->stride() != format_strides(x->shape(), MemoryFormat::ChannelsLast))
    return out;
  return renamed(contiguous(out, MemoryFormat::ChannelsLast), "NativeGroupNormBackward0");
}

Tensors native_group_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t n, int64_t c,
                          int64_t inner, int64_t groups, double eps) {
  require_floating(x, "GroupNormKernelImpl");
  check_group(x, weight, bias, c, groups);
  if (n < 0 || c < 0 || inner < 0 || x->numel != n * c * inner)
    fail("Expected X.numel() == N * C * HxW to be true, but got false.");
  return group(x, weight, bias, {n, groups, c / groups, inner}, eps);
}

constexpr OpEntry entries[] = {
    fn<layer_norm>("layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, Tensor? bias=None, "
                   "float eps=1e-05, bool cudnn_enable=True)",
                   kFunction | kNN),
    fn<native_layer_norm>("native_layer_norm(Tensor input, int[] normalized_shape, Tensor? weight, Tensor? "
                          "bias, float eps)",
                          kFunction),
    fn<rms_norm>("rms_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, float? eps=None)",
                 kFunction | kNN),
    fn<group_norm>("group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float "
                   "eps=1e-05, bool cudnn_enabled=True)",
                   kFunction),
    fn<native_group_norm>("native_group_norm(Tensor input, Tensor? weight, Tensor? bias, int N, int C, int "
                          "HxW, int group, float eps)",
                          kFunction),
};

// The statistics of the first run stay as they are.
template <RowKind kind> std::vector<Tensor> replay_op(RowNorm<kind> op, const Tensor* in, int inputs) {
  for (Tensor* t : {&op.mean, &op.rstd}) *t = empty(compute_dtype(in[0]->dtype), (*t)->shape());
  return detail::replay_op<RowNorm<kind>>(std::move(op), in, inputs);
}

}  // namespace

FACULA_ENTRIES(row_norm)

}  // namespace facula
