// Average pooling, sliding and adaptive.
#include "ops/pool.h"
#include "ops/reduce.h"

namespace facula {
namespace {

DType kernel_dtype(DType t) { return is_half(t) ? DType::Float32 : t; }
template <class F> void by_kernel_type(DType t, F&& f) {
  if (t == DType::Float32) f(float{});
  else if (t == DType::Float64) f(double{});
  else f(int64_t{});
}

struct Averages {
  PoolShape windows;
  int64_t divisor;  // 0: the number of elements
  int n;
  Dims in_shape, out_shape;
  int64_t planes() const { return in_shape.numel() / std::max<int64_t>(windows.in_plane(), 1); }
  template <class T> T count(int64_t a, int64_t b, int64_t c) const {
    return T(divisor ? divisor
                     : windows.axis[0].count[size_t(a)] * windows.axis[1].count[size_t(b)] *
                           windows.axis[2].count[size_t(c)]);
  }
};

template <class T> void average_plane(const Averages& p, const T* x, T* y) {
  const PoolAxis &z = p.windows.axis[0], &v = p.windows.axis[1], &h = p.windows.axis[2];
  for (int64_t a = 0; a < z.out; ++a)
    for (int64_t b = 0; b < v.out; ++b, y += h.out) {
      std::fill(y, y + h.out, T(0));
      for (int64_t i = z.start[size_t(a)]; i < z.end[size_t(a)]; ++i)
        for (int64_t j = v.start[size_t(b)]; j < v.end[size_t(b)]; ++j) {
          const T* line = x + (i * v.in + j) * h.in;
          if (h.sliding) {
            for (int64_t k = h.first_tap; k < h.last_tap; ++k) {
              int64_t first, last;
              h.inside(k, &first, &last);
              if (last <= first) continue;
              const T* from = line + first * h.stride - h.padding + k;
              if constexpr (std::is_floating_point_v<T>)
                pool_rows<T>().sum(from, last - first, h.stride, y + first);
              else
                for (int64_t c = first; c < last; ++c) y[c] += from[(c - first) * h.stride];
            }
          } else {
            for (int64_t c = 0; c < h.out; ++c) {
              T total = 0;
              for (int64_t k = h.start[size_t(c)]; k < h.end[size_t(c)]; ++k) total += line[k];
              y[c] += total;
            }
          }
        }
      for (int64_t c = 0; c < h.out; ++c) y[c] /= p.count<T>(a, b, c);
    }
}

// `row`: room for a row of outputs.
template <class T> void spread_plane(const Averages& p, const T* g, T* x, T* row) {
  const PoolAxis &z = p.windows.axis[0], &v = p.windows.axis[1], &h = p.windows.axis[2];
  std::fill(x, x + p.windows.in_plane(), T(0));
  for (int64_t a = 0; a < z.out; ++a)
    for (int64_t b = 0; b < v.out; ++b, g += h.out) {
      for (int64_t c = 0; c < h.out; ++c) row[c] = g[c] / p.count<T>(a, b, c);
      for (int64_t i = z.start[size_t(a)]; i < z.end[size_t(a)]; ++i)
        for (int64_t j = v.start[size_t(b)]; j < v.end[size_t(b)]; ++j) {
          T* line = x + (i * v.in + j) * h.in;
          if (h.sliding) {
            for (int64_t k = h.first_tap; k < h.last_tap; ++k) {
              int64_t first, last;
              h.inside(k, &first, &last);
              if (last > first)
                pool_rows<T>().spread(row + first, last - first, h.stride,
                                      line + first * h.stride - h.padding + k);
            }
          } else {
            for (int64_t c = 0; c < h.out; ++c)
              for (int64_t k = h.start[size_t(c)]; k < h.end[size_t(c)]; ++k) line[k] += row[c];
          }
        }
    }
}

template <int N, bool Adaptive> struct Spread;

template <int N, bool Adaptive> struct Average {
  static constexpr const char* node =
      Adaptive ? N == 3 ? "AdaptiveAvgPool3DBackward0" : "AdaptiveAvgPool2DBackward0"
      : N == 3 ? "AvgPool3DBackward0"
               : "AvgPool2DBackward0";
  static constexpr uint32_t saves = kNothing;
  Averages p;
  Tensor forward(const Tensor& x) const {
    const MemoryFormat format = pooled_format(x, N, Adaptive, false);
    if (x->is_meta()) return in_format(empty(x->dtype, p.out_shape, x->device), format);
    const DType wide = kernel_dtype(x->dtype);
    Tensor out = empty(wide, p.out_shape);
    if (out->numel) {
      const Tensor from = dense(x, wide);
      const int64_t in_plane = p.windows.in_plane(), out_plane = p.windows.out_plane();
      by_kernel_type(wide, [&]<class T>(T) {
        each_plane(p.planes(), in_plane + out_plane, [&](int64_t i) {
          average_plane<T>(p, from->as<T>() + i * in_plane, out->as<T>() + i * out_plane);
        });
      });
    }
    return in_format(wide == x->dtype ? out : converted(out, x->dtype), format);
  }
  // The planes of all vectors lie in one row.
  void vjp_batch(const Back& b, int64_t n, Tensor* d) const {
    Averages all = p;
    all.in_shape[0] *= n;
    all.out_shape[0] *= n;
    Tensor history = history_of(b, 0, p.in_shape, b.g[0]->dtype);
    if (history) history = reshape(expand_to_batch(history, n), all.in_shape);
    const Tensor spread = call_structural(Spread<N, Adaptive>{all}, reshape(b.g[0], all.out_shape), history);
    d[0] = reshape(spread, with_batch(p.in_shape, n));
  }
  void vjp(const Back& b, Tensor* d) const {
    if (Adaptive) check_adaptive_gradient(N == 2 ? "adaptive_avg_pool2d" : "adaptive_avg_pool3d", b.g[0]);
    d[0] = call_structural(Spread<N, Adaptive>{p}, b.g[0], history_of(b, 0, p.in_shape, b.g[0]->dtype));
  }
};

// The transpose: each output's share goes to every element of its window.
template <int N, bool Adaptive> struct Spread {
  static constexpr const char* node =
      Adaptive ? N == 3 ? "AdaptiveAvgPool3DBackwardBackward0" : "AdaptiveAvgPool2DBackwardBackward0"
      : N == 3 ? "AvgPool3DBackwardBackward0"
               : "AvgPool2DBackwardBackward0";
  static constexpr uint32_t saves = kNothing;
  Averages p;
  Tensor forward(const Tensor& g, const Tensor&) const {
    if (g->is_meta()) return empty(g->dtype, p.in_shape, g->device);
    const DType wide = kernel_dtype(g->dtype);
    Tensor out = empty(wide, p.in_shape);
    if (out->numel) {
      const Tensor from = dense(g, wide);
      const int64_t in_plane = p.windows.in_plane(), out_plane = p.windows.out_plane();
      by_kernel_type(wide, [&]<class T>(T) {
        if constexpr (std::is_floating_point_v<T>)
          each_plane(p.planes(), in_plane + out_plane, [&](int64_t i) {
            std::vector<T> row(size_t(p.windows.axis[2].out));
            spread_plane<T>(p, from->as<T>() + i * out_plane, out->as<T>() + i * in_plane, row.data());
          });
      });
    }
    return in_format(wide == g->dtype ? out : converted(out, g->dtype), format_of(*g));
  }
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0)) d[0] = call_structural(Average<N, Adaptive>{p}, b.g[0]);
    if (b.needs(1)) d[1] = zeros(p.in_shape, b.g[0]->dtype, b.g[0]->device);
  }
};

Dims with_last(const Dims& shape, const Dims& last) {
  Dims out = shape;
  for (int i = 0; i < last.count; ++i) out[out.count - last.count + i] = last[i];
  return out;
}

template <int N> Tensor avg_pool(const Tensor& x, const Dims& kernel, const OptDims& stride,
                                 const Dims& padding, bool ceil_mode, bool count_include_pad,
                                 std::optional<int64_t> divisor) {
  constexpr const char* op = N == 3 ? "avg_pool3d" : "avg_pool2d";
  const PoolParams p = pool_params(op, N, kernel, stride, padding, Dims{1}, ceil_mode);
  if (divisor && *divisor == 0) fail("divisor must be not zero");
  if (N == 2 && x->ndim < 3)
    fail<IndexError>("Dimension out of range (expected to be in range of [", -int(x->ndim), ", ",
                     int(x->ndim) - 1, "], but got -3)");
  if (N == 3 && (x->ndim == 4 || x->ndim == 5)) {
    bool fits = true;
    for (int i = 0; i < 3; ++i)
      fits &=
          p.kernel[i] <= x->sizes[x->ndim - 3 + i] + 2 * p.padding[i] || p.stride[i] == 0 || p.padding[i] < 0;
    if (!fits && x->numel)
      fail("input image (T: ", x->sizes[x->ndim - 3], " H: ", x->sizes[x->ndim - 2],
           " W: ", x->sizes[x->ndim - 1], ") smaller than kernel size (kT: ", p.kernel[0],
           " kH: ", p.kernel[1], " kW: ", p.kernel[2], ")");
  }
  const Dims out = pooled_shape(N == 3 ? "avg_pool3d_out_cpu" : op, N, x, p);
  const bool allowed = x->dtype == DType::Int64 || (N == 3 ? is_real_floating(x->dtype) && !is_half(x->dtype)
                                                           : is_real_floating(x->dtype));
  if (!allowed)
    fail<NotImplemented>("\"", op, N == 3 ? "_out_frame" : "", "\" not implemented for '", c_name(x->dtype),
                         "'");
  Averages a{{}, divisor.value_or(0), N, x->shape(), with_last(x->shape(), out)};
  for (int i = 0; i < N; ++i)
    a.windows.axis[3 - N + i] = PoolAxis::slide(x->sizes[x->ndim - N + i], out[i], p.kernel[i], p.stride[i],
                                                p.padding[i], 1, count_include_pad);
  return call_structural(Average<N, false>{a}, x);
}

void one_int(const Dims& d, const char* op, const char* what) {
  if (d.count != 1) fail(op, "() argument '", what, "' should contain one int (got ", d.count, ")");
}
void check_line(const Tensor& x, const char* op) {
  if (x->ndim != 2 && x->ndim != 3)
    fail("Expected 2 to 3 dimensions, but got ", int(x->ndim),
         "-dimensional tensor for argument #1 'self' (while checking arguments for ", op, ")");
}

Tensor avg_pool1d(const Tensor& x, const Dims& kernel, const OptDims& stride, const Dims& padding,
                  bool ceil_mode, bool count_include_pad) {
  constexpr const char* op = "avg_pool1d";
  check_line(x, op);
  one_int(kernel, op, "kernel_size");
  if (stride && stride->count) one_int(*stride, op, "stride");
  one_int(padding, op, "padding");
  const int64_t s = stride && stride->count ? (*stride)[0] : kernel[0];
  return squeeze(avg_pool<2>(unsqueeze(x, -2), {1, kernel[0]}, Dims{1, s}, {0, padding[0]}, ceil_mode,
                             count_include_pad, std::nullopt),
                 -2);
}

template <int N> Tensor adaptive_avg(const Tensor& x, const Dims& size) {
  constexpr const char* op = N == 2 ? "adaptive_avg_pool2d" : "adaptive_avg_pool3d";
  if (size.count != N) fail(op, ": output_size must be ", N);
  for (int64_t v : size)
    if (v < 0) {
      std::string list;
      for (int64_t w : size) list += concat(list.empty() ? "" : ", ", w);
      fail(op, ": elements of output_size must be greater than or equal to 0 but received {", list, "}");
    }
  if (x->ndim != N + 1 && x->ndim != N + 2)
    fail(op, "(): Expected ", N + 1, "D or ", N + 2, "D tensor, but got ", to_string(x->shape()));
  for (int d = x->ndim - N; d < x->ndim; ++d)
    if (x->sizes[d] == 0)
      fail(op, "(): Expected input to have non-zero size for non-batch dimensions, but input has sizes ",
           to_string(x->shape()), " with dimension ", d, " being empty");
  if (x->numel && !is_real_floating(x->dtype))
    fail<NotImplemented>("\"", op, N == 3 ? "_cpu" : "", "\" not implemented for '", c_name(x->dtype), "'");
  Averages a{{}, 0, N, x->shape(), with_last(x->shape(), size)};
  for (int i = 0; i < N; ++i)
    a.windows.axis[3 - N + i] = PoolAxis::adaptive(x->sizes[x->ndim - N + i], size[i]);
  return call_structural(Average<N, true>{a}, x);
}

Tensor adaptive_avg_pool1d(const Tensor& x, const Dims& size) {
  constexpr const char* op = "adaptive_avg_pool1d";
  one_int(size, op, "output_size");
  check_line(x, op);
  if (size[0] == 1 && x->sizes[x->ndim - 1] > 0 && is_real_floating(x->dtype))
    return squeeze(mean(unsqueeze(x, -2), Dims{-2, -1}, true), -2);
  return squeeze(adaptive_avg<2>(unsqueeze(x, -2), {1, size[0]}), -2);
}

}  // namespace

static constexpr OpEntry entries[] = {
#define PARAMS                                                                                           \
  "Tensor input, int[1] kernel_size, int[1]? stride=None, int[1] padding=0, bool ceil_mode=False, bool " \
  "count_include_pad=True"
    fn<avg_pool1d>("avg_pool1d(" PARAMS ")", kFunction | kNN | kFold),
    fn<avg_pool<2>>("avg_pool2d(" PARAMS ", int? divisor_override=None)", kNN | kExactOut | kFold),
    fn<avg_pool<3>>("avg_pool3d(" PARAMS ", int? divisor_override=None)", kNN | kExactOut | kFold),
#undef PARAMS
    fn<adaptive_avg_pool1d>("adaptive_avg_pool1d(Tensor input, int[1] output_size)", kFunction | kNN | kFold),
    fn<adaptive_avg<2>>("_adaptive_avg_pool2d(Tensor input, int[] output_size)", kPrivate | kFold),
    fn<adaptive_avg<3>>("_adaptive_avg_pool3d(Tensor input, int[] output_size)", kPrivate | kFold),
};
FACULA_ENTRIES(pool_avg)

}  // namespace facula
