// Max pooling, sliding and adaptive, with the places of the maxima.
#include <atomic>
#include <limits>
#include "op/structural.h"
#include "ops/pool.h"

namespace facula {

Dims pooled_shape(const char* op, int n, const Tensor& x, const PoolParams& p) {
  auto any = [](const Dims& d, auto&& test) {
    for (int64_t v : d)
      if (test(v)) return true;
    return false;
  };
  const bool three = n == 3;
  if (any(p.stride, [](int64_t v) { return v == 0; })) fail("stride should not be zero");
  if (any(p.kernel, [](int64_t v) { return v <= 0; }))
    fail("kernel size should be greater than zero, but got ", three ? "kT: " : "kH: ", p.kernel[0],
         three ? " kH: " : " kW: ", p.kernel[1], three ? concat(" kW: ", p.kernel[2]) : "");
  if (any(p.stride, [](int64_t v) { return v < 0; }))
    fail("stride should be greater than zero, but got ", three ? "dT: " : "dH: ", p.stride[0],
         three ? " dH: " : " dW: ", p.stride[1], three ? concat(" dW: ", p.stride[2]) : "");
  if (any(p.dilation, [](int64_t v) { return v <= 0; }))
    fail("dilation should be greater than zero, but got ",
         three ? "dilationT: " : "dilationH: ", p.dilation[0],
         three ? " dilationH: " : " dilationW: ", p.dilation[1],
         three ? concat(" dilationW: ", p.dilation[2]) : "");
  for (int i = 0; i < n; ++i) {
    const int64_t reach = p.dilation[i] * (p.kernel[i] - 1) + 1;
    if (p.padding[i] < 0) fail("pad must be non-negative, but got pad: ", p.padding[i]);
    if (p.padding[i] > reach / 2)
      fail("pad should be at most half of effective kernel size, but got pad=", p.padding[i],
           ", kernel_size=", p.kernel[i], " and dilation=", p.dilation[i]);
  }
  if (x->ndim != n + 1 && x->ndim != n + 2)
    fail("non-empty ", n + 1, "D or ", n + 2, "D (batch mode) tensor expected for input");
  for (int d = x->ndim - n - 1; d < x->ndim; ++d)
    if (x->sizes[d] == 0) {
      if (three)
        fail(op,
             "(): Expected input's non-batch dimensions to have positive length, but input has a shape of ",
             to_string(x->shape()), " and non-batch dimension ", d - (x->ndim - n - 1), " has length zero!");
      fail("Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:",
           to_string(x->shape()));
    }
  Dims out;
  for (int i = 0; i < n; ++i) {
    out.push(pooled_size(x->sizes[x->ndim - n + i], p.kernel[i], p.stride[i], p.padding[i], p.dilation[i],
                         p.ceil_mode));
  }
  if (any(out, [](int64_t v) { return v < 1; })) {
    const int64_t planes = x->sizes[x->ndim - n - 1];
    auto sizes = [&](auto&& at) {
      std::string s = concat("(", planes);
      for (int i = 0; i < n; ++i) s += concat("x", at(i));
      return s + ")";
    };
    fail("Given input size: ", sizes([&](int i) { return x->sizes[x->ndim - n + i]; }),
         ". Calculated output size: ", sizes([&](int i) { return out[i]; }), ". Output size is too small");
  }
  return out;
}

namespace {

DType kernel_dtype(DType t) { return is_half(t) ? DType::Float32 : is_floating(t) ? t : DType::Int64; }
template <class F> void by_kernel_type(DType t, F&& f) {
  if (t == DType::Float32) f(float{});
  else if (t == DType::Float64) f(double{});
  else f(int64_t{});
}
template <class T> constexpr T lowest() {
  if constexpr (std::is_integral_v<T>) return std::numeric_limits<T>::lowest();
  else return -std::numeric_limits<T>::infinity();
}

template <class T, class I>
void plain_max(const T* from, int64_t n, int64_t stride, I at, T* best, I* index) {
  for (int64_t i = 0; i < n; ++i) {
    const T v = from[i * stride];
    if (v > best[i]) best[i] = v, index[i] = I(at + I(i * stride));
  }
}

// A row of outputs at once: taps in order, so that the first of equals wins.
template <class T, class I> void max_plane(const PoolShape& s, const T* x, T* y, int64_t* indices, I* index) {
  const PoolAxis &z = s.axis[0], &v = s.axis[1], &h = s.axis[2];
  MaxRowFn<T, I> row = plain_max<T, I>;
  if constexpr (std::is_same_v<I, int32_t> && std::is_floating_point_v<T>) row = pool_rows<T>().max;
  else if constexpr (std::is_floating_point_v<T>) row = pool_rows<T>().max_long;
  for (int64_t a = 0; a < z.out; ++a)
    for (int64_t b = 0; b < v.out; ++b, y += h.out) {
      const int64_t corner = (z.start[size_t(a)] * v.in + v.start[size_t(b)]) * h.in;
      for (int64_t c = 0; c < h.out; ++c) {
        y[c] = lowest<T>();
        index[c] = I(corner + h.start[size_t(c)]);
      }
      for (int64_t i = z.start[size_t(a)]; i < z.end[size_t(a)]; i += z.step)
        for (int64_t j = v.start[size_t(b)]; j < v.end[size_t(b)]; j += v.step) {
          const int64_t line = (i * v.in + j) * h.in;
          if (h.sliding) {
            for (int64_t k = h.first_tap; k < h.last_tap; ++k) {
              int64_t first, last;
              h.inside(k, &first, &last);
              const int64_t at = line + first * h.stride - h.padding + k * h.step;
              if (last > first) row(x + at, last - first, h.stride, I(at), y + first, index + first);
            }
          } else {
            for (int64_t c = 0; c < h.out; ++c)
              for (int64_t k = h.start[size_t(c)]; k < h.end[size_t(c)]; k += h.step) {
                const T value = x[line + k];
                if (value > y[c] || value != value) y[c] = value, index[c] = I(line + k);
              }
          }
        }
      if (indices) {
        for (int64_t c = 0; c < h.out; ++c) indices[c] = int64_t(index[c]);
        indices += h.out;
      }
    }
}

Dims with_last(const Dims& shape, const Dims& last) {
  Dims out = shape;
  for (int i = 0; i < last.count; ++i) out[out.count - last.count + i] = last[i];
  return out;
}
int64_t planes_of(const Tensor& x, int n) {
  int64_t planes = 1;
  for (int d = 0; d < x->ndim - n; ++d) planes *= x->sizes[d];
  return planes;
}

template <int N, bool Adaptive> struct MaxPool {
  static constexpr const char* node =
      Adaptive ? N == 3 ? "AdaptiveMaxPool3DBackward0" : "AdaptiveMaxPool2DBackward0"
      : N == 3 ? "MaxPool3DWithIndicesBackward0"
               : "MaxPool2DWithIndicesBackward0";
  static constexpr uint32_t saves = kOutput;
  static constexpr bool chooses = true;
  PoolShape windows;
  bool want_indices;
  Dims shape{};

  std::vector<Tensor> forward(const Tensor& x) {
    shape = x->shape();
    Dims last;
    for (int i = 3 - N; i < 3; ++i) last.push(windows.axis[i].out);
    const Dims out = with_last(shape, last);
    const DType wide = kernel_dtype(x->dtype);
    Tensor values = empty(x->is_meta() ? x->dtype : wide, out, x->device), indices;
    if (want_indices) indices = empty(DType::Int64, out, x->device);
    const MemoryFormat format = pooled_format(x, N, Adaptive, true);
    if (!x->is_meta() && values->numel) {
      const Tensor from = dense(x, wide);
      const int64_t in_plane = windows.in_plane(), out_plane = windows.out_plane(),
                    width = windows.axis[2].out;
      by_kernel_type(wide, [&]<class T>(T) {
        auto run = [&]<class I>(I) {
          each_plane(planes_of(x, N), in_plane + out_plane, [&](int64_t p) {
            std::vector<I> index(static_cast<size_t>(width));
            max_plane<T, I>(windows, from->as<T>() + p * in_plane, values->as<T>() + p * out_plane,
                            indices ? indices->as<int64_t>() + p * out_plane : nullptr, index.data());
          });
        };
        if (in_plane < int64_t(1) << 31) run(int32_t{});
        else run(int64_t{});
      });
    }
    if (!x->is_meta() && wide != x->dtype) values = converted(values, x->dtype);
    std::vector<Tensor> result{in_pooled_format(std::move(values), format)};
    if (indices) result.push_back(in_pooled_format(std::move(indices), format));
    return result;
  }
  void vjp_batch(const Back& b, int64_t n, Tensor* d) const {
    Dims whole = shape, pooled = b.out[1]->shape();
    whole[0] *= n;
    pooled[0] *= n;
    Tensor history = history_of(b, 0, shape, b.g[0]->dtype);
    if (history) history = reshape(expand_to_batch(history, n), whole);
    const Tensor at = reshape(expand_to_batch(b.out[1], n), pooled);
    d[0] =
        reshape(call_structural(AddAt{whole, N}, reshape(b.g[0], pooled), at, history), with_batch(shape, n));
  }
  void vjp(const Back& b, Tensor* d) const {
    if (Adaptive && b.g[0])
      check_adaptive_gradient(N == 2 ? "adaptive_max_pool2d" : "adaptive_max_pool3d", b.g[0]);
    if (b.g[0])
      d[0] = call_structural(AddAt{shape, N}, b.g[0], b.out[1], history_of(b, 0, shape, b.g[0]->dtype));
  }
};

bool recorded(const Tensor& x) { return mode.forward || (mode.grad && requires_grad(*x)); }

template <int N, bool Adaptive>
Result pool_with(const Tensor& x, const PoolShape& windows, bool return_indices) {
  std::vector<Tensor> out = call_structural(MaxPool<N, Adaptive>{windows, return_indices || recorded(x)}, x);
  Result r;
  if (return_indices) detail::put(r, std::move(out));
  else detail::put(r, std::move(out[0]));
  return r;
}

template <int N> Result max_pool(const char* op, const Tensor& x, const Dims& kernel, const OptDims& stride,
                                 const Dims& padding, const Dims& dilation, bool ceil_mode,
                                 bool return_indices) {
  const PoolParams p = pool_params(op, N, kernel, stride, padding, dilation, ceil_mode);
  const Dims out = pooled_shape(N == 3 ? "max_pool3d_with_indices_out_cpu_template" : op, N, x, p);
  if (x->dtype == DType::Bool || is_complex(x->dtype) ||
      (x->dtype > DType::Int64 && x->dtype < DType::Float16))
    fail<NotImplemented>("\"", op, "\" not implemented for '", c_name(x->dtype), "'");
  PoolShape windows;
  for (int i = 0; i < N; ++i)
    windows.axis[3 - N + i] = PoolAxis::slide(x->sizes[x->ndim - N + i], out[i], p.kernel[i], p.stride[i],
                                              p.padding[i], p.dilation[i], false);
  return pool_with<N, false>(x, windows, return_indices);
}

// A result over images of one line, as lines.
Result one_line(Result r) {
  if (r.kind == Result::Kind::Tensor) r.tensor = squeeze(r.tensor, -2);
  else
    for (Tensor& t : r.tensors) t = squeeze(t, -2);
  return r;
}
int64_t only(const Dims& d, const char* op, const char* what) {
  if (d.count != 1)
    fail(op, "() ", what, " must be an int, list of ints or tuple of ints of size 1 but got size ", d.count);
  return d[0];
}

Result max_pool1d(const Tensor& x, const Dims& kernel, const OptDims& stride, const Dims& padding,
                  const Dims& dilation, bool ceil_mode, bool return_indices) {
  constexpr const char* op = "max_pool1d";
  if ((x->ndim != 2 && x->ndim != 3) || x->sizes[x->ndim - 1] == 0 || x->sizes[x->ndim - 2] == 0)
    fail(op, ": Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got:",
         to_string(x->shape()));
  if (return_indices) {  // straight to windows of two dimensions, with its errors
    auto line = [](const Dims& d, int64_t first) { return d.count == 1 ? Dims{first, d[0]} : d; };
    const OptDims s = stride && stride->count ? OptDims(line(*stride, 1)) : std::nullopt;
    return one_line(max_pool<2>("max_pool2d", unsqueeze(x, -2), line(kernel, 1), s, line(padding, 0),
                                line(dilation, 1), ceil_mode, true));
  }
  const int64_t k = only(kernel, op, "kernel_size");
  const int64_t s = stride && stride->count ? only(*stride, op, "stride") : k;
  const int64_t p = only(padding, op, "padding"), d = only(dilation, op, "dilation");
  if (k <= 0) fail(op, "() kernel_size must be greater than zero, but got ", k);
  if (s <= 0) fail(op, "() stride must be greater than zero, but got ", s);
  if (p < 0) fail(op, "() padding must be non-negative, but got ", p);
  if (p > k / 2)
    fail(op, "() padding should be at most half of kernel size, but got padding=", p, " and kernel_size=", k);
  if (d <= 0) fail(op, "() dilation must be greater than zero, but got ", d);
  const int64_t out = pooled_size(x->sizes[x->ndim - 1], k, s, p, d, ceil_mode);
  if (out < 1) fail(op, "() Invalid computed output size: ", out);
  if (!is_real_floating(x->dtype))
    fail<NotImplemented>("\"max_pool1d_impl\" not implemented for '", c_name(x->dtype), "'");
  return one_line(
      max_pool<2>("max_pool2d", unsqueeze(x, -2), {1, k}, Dims{1, s}, {0, p}, {1, d}, ceil_mode, false));
}
Result max_pool2d(const Tensor& x, const Dims& kernel, const OptDims& stride, const Dims& padding,
                  const Dims& dilation, bool ceil_mode, bool return_indices) {
  return max_pool<2>("max_pool2d", x, kernel, stride, padding, dilation, ceil_mode, return_indices);
}
Result max_pool3d(const Tensor& x, const Dims& kernel, const OptDims& stride, const Dims& padding,
                  const Dims& dilation, bool ceil_mode, bool return_indices) {
  return max_pool<3>("max_pool3d", x, kernel, stride, padding, dilation, ceil_mode, return_indices);
}
template <auto F> std::vector<Tensor> with_indices(const Tensor& x, const Dims& kernel, const OptDims& stride,
                                                   const Dims& padding, const Dims& dilation, bool ceil_mode,
                                                   bool) {
  return F(x, kernel, stride, padding, dilation, ceil_mode, true).tensors;
}

// ---- Adaptive

template <int N> Result adaptive_max(const Tensor& x, const Dims& size, bool return_indices) {
  const char* op = N == 2 ? "adaptive_max_pool2d" : "adaptive_max_pool3d";
  if (size.count != N && size.count != 1) fail(op, "(): internal error: output_size.size() must be ", N);
  const Dims out = size.count == N ? size : Dims::filled(N, size[0]);
  if (x->ndim != N + 1 && x->ndim != N + 2)
    fail(op, "(): Expected ", N + 1, "D or ", N + 2, "D tensor, but got: ", to_string(x->shape()));
  for (int d = x->ndim - N - (x->ndim == N + 2 ? 1 : 0); d < x->ndim; ++d)
    if (x->sizes[d] == 0)
      fail(op, "(): Expected input to have non-zero size for non-batch dimensions, but input has sizes ",
           to_string(x->shape()), " with dimension ", d, " being empty");
  if (!is_real_floating(x->dtype))
    fail<NotImplemented>("\"", op, N == 3 ? "_cpu" : "", "\" not implemented for '", c_name(x->dtype), "'");
  PoolShape windows;
  for (int i = 0; i < N; ++i) {
    if (out[i] < 0)
      fail("Trying to create tensor with negative dimension ", out[i], ": ",
           to_string(with_last(x->shape(), out)));
    windows.axis[3 - N + i] = PoolAxis::adaptive(x->sizes[x->ndim - N + i], out[i]);
  }
  return pool_with<N, true>(x, windows, return_indices);
}

Result adaptive_max_1d(const Tensor& x, const Dims& size, bool return_indices) {
  if (size.count != 1)
    fail("adaptive_max_pool1d() argument 'output_size' should contain one int (got ", size.count, ")");
  if (x->ndim != 2 && x->ndim != 3)
    fail("Expected 2 to 3 dimensions, but got ", int(x->ndim),
         "-dimensional tensor for argument #1 'self' (while checking arguments for adaptive_max_pool1d)");
  return one_line(adaptive_max<2>(unsqueeze(x, -2), {1, size[0]}, return_indices));
}
std::vector<Tensor> adaptive_max_pool1d(const Tensor& x, const Dims& size) {
  return adaptive_max_1d(x, size, true).tensors;
}

// ---- Unpooling: values back to the places of the maxima, zero elsewhere

template <int N> struct MaxUnpool {
  static constexpr const char* node = N == 3 ? "MaxUnpool3DBackward0" : "MaxUnpool2DBackward0";
  static constexpr uint32_t saves = saves_input(1);
  Dims size;
  Tensor forward(const Tensor& x, const Tensor& indices) const {
    const Dims shape = with_last(x->shape(), size);
    Tensor out = empty(x->dtype, shape, x->device);
    if (!out->is_meta() && out->numel) {
      const Tensor from = dense(x), at = dense(indices);
      const int64_t plane = size.numel(), each = x->numel / std::max<int64_t>(planes_of(x, N), 1);
      for (int64_t i = 0; i < at->numel; ++i) {
        const int64_t k = at->as<int64_t>()[i];
        if (k >= 0 && k < plane) continue;
        if (N == 2)
          fail("Found an invalid max index: ", k, " (output volumes are of size ", size[0], "x", size[1],
               ")");
        fail("found an invalid max index ", k, " (output volumes are of size ", size[0], "x", size[1], "x",
             size[N - 1], ")");
      }
      visit(x->dtype, [&]<class T>(T) {
        each_plane(planes_of(x, N), plane, [&](int64_t p) {
          T* to = out->as<T>() + p * plane;
          std::memset(static_cast<void*>(to), 0, size_t(plane) * sizeof(T));
          for (int64_t i = p * each; i < (p + 1) * each; ++i) to[at->as<int64_t>()[i]] = from->as<T>()[i];
        });
      });
    }
    return in_format(std::move(out), format_of(*x));
  }
  void vjp(const Back& b, Tensor* d) const { d[0] = call_structural(TakeAt{N}, b.g[0], b.in[1]); }
};

template <int N> Tensor max_unpool(const Tensor& x, const Tensor& indices, const Dims& size) {
  constexpr const char* op = N == 2 ? "max_unpool2d" : "max_unpool3d";
  if (size.count != N)
    fail("There should be exactly ", N == 2 ? "two" : "three", " elements (",
         N == 2 ? "height, width" : "depth, height, width", ") in output_size, but got ", size.count,
         " elements.");
  if (indices->dtype != DType::Int64)
    fail("elements in indices should be type int64 but got: ", c_name(indices->dtype));
  if (x->ndim != N + 1 && x->ndim != N + 2)
    fail("Input to max_unpooling", N, "d should be a ", N + 1, "d or ", N + 2,
         "d Tensor, but got a tensor with ", int(x->ndim), " dimensions.");
  if (!x->same_shape(*indices))
    fail("Expected shape of indices to be same as that of the input tensor (", to_string(x->shape()),
         ") but got indices tensor with shape: ", to_string(indices->shape()));
  for (int d = x->ndim == N + 2 ? 1 : 0; d < x->ndim; ++d)
    if (x->sizes[d] == 0)
      fail(op, "(): Expected input to have non-zero size for non-batch dimensions, but got ",
           to_string(x->shape()), " with dimension ", d, " being empty.");
  if (!is_real_floating(x->dtype))
    fail<NotImplemented>("\"", op, "\" not implemented for '", c_name(x->dtype), "'");
  return call_structural(MaxUnpool<N>{size}, x, indices);
}

}  // namespace

// ---- Adding at places and taking from them

// Indices may have been written to since, through x.data.
[[noreturn]] static void fail_outside() {
  fail("max_pool: found an invalid max index: the indices were changed after the forward pass");
}

Tensor AddAt::forward(const Tensor& g, const Tensor& indices, const Tensor&) const {
  const DType wide = compute_dtype(g->dtype);
  if (g->is_meta()) return empty(g->dtype, shape, g->device);
  Tensor out = empty(wide, shape);
  const Tensor from = dense(g, wide), at = dense(indices);
  int64_t plane = 1;
  for (int i = 0; i < n; ++i) plane *= shape[shape.count - 1 - i];
  const int64_t planes = out->numel / std::max<int64_t>(plane, 1), each = planes ? from->numel / planes : 0;
  std::atomic<bool> outside = false;
  visit(wide, [&]<class T>(T) {
    if constexpr (std::is_floating_point_v<T>)
      each_plane(planes, plane + each, [&](int64_t p) {
        T* to = out->as<T>() + p * plane;
        std::memset(to, 0, size_t(plane) * sizeof(T));
        for (int64_t i = p * each; i < (p + 1) * each; ++i) {
          const int64_t k = at->as<int64_t>()[i];
          if (uint64_t(k) < uint64_t(plane)) to[k] += from->as<T>()[i];
          else outside = true;
        }
      });
  });
  if (outside) fail_outside();
  return in_format(wide == g->dtype ? out : converted(out, g->dtype), format_of(*g));
}

Tensor TakeAt::forward(const Tensor& x, const Tensor& indices) {
  shape = x->shape();
  Tensor out = empty(x->dtype, indices->shape(), x->device);
  if (out->is_meta() || out->numel == 0) return out;
  const Tensor from = dense(x), at = dense(indices);
  int64_t plane = 1;
  for (int i = 0; i < n; ++i) plane *= shape[shape.count - 1 - i];
  const int64_t planes = from->numel / std::max<int64_t>(plane, 1), each = planes ? out->numel / planes : 0;
  std::atomic<bool> outside = false;
  visit(x->dtype, [&]<class T>(T) {
    each_plane(planes, each, [&](int64_t p) {
      const T* source = from->as<T>() + p * plane;
      for (int64_t i = p * each; i < (p + 1) * each; ++i) {
        const int64_t k = at->as<int64_t>()[i];
        if (uint64_t(k) < uint64_t(plane)) out->as<T>()[i] = source[k];
        else outside = true;
      }
    });
  });
  if (outside) fail_outside();
  return in_format(std::move(out), format_of(*indices));
}

static constexpr OpEntry entries[] = {
#define PARAMS                                                                                        \
  "Tensor input, int[1] kernel_size, int[1]? stride=None, int[1] padding=0, int[1] dilation=1, bool " \
  "ceil_mode=False"
    fn<max_pool1d>("max_pool1d(" PARAMS ", bool return_indices=False)", kFunction | kNN | kFold),
    fn<max_pool2d>("max_pool2d(" PARAMS ", bool return_indices=False)", kFunction | kNN | kFold),
    fn<max_pool3d>("max_pool3d(" PARAMS ", bool return_indices=False)", kFunction | kNN | kFold),
    fn<with_indices<max_pool1d>>("max_pool1d_with_indices(" PARAMS ", bool return_indices=True)",
                                 kFunction | kNN | kFold),
    fn<with_indices<max_pool2d>>("max_pool2d_with_indices(" PARAMS ", bool return_indices=True)",
                                 kNN | kFold),
    fn<with_indices<max_pool3d>>("max_pool3d_with_indices(" PARAMS ", bool return_indices=True)",
                                 kNN | kFold),
#undef PARAMS
    fn<adaptive_max_pool1d>("adaptive_max_pool1d(Tensor input, int[1] output_size)", kFunction | kFold),
    fn<adaptive_max_1d>("_adaptive_max_pool1d(Tensor input, int[1] output_size, bool return_indices)",
                        kPrivate | kFold),
    fn<adaptive_max<2>>("_adaptive_max_pool2d(Tensor input, int[1] output_size, bool return_indices)",
                        kPrivate | kFold),
    fn<adaptive_max<3>>("_adaptive_max_pool3d(Tensor input, int[1] output_size, bool return_indices)",
                        kPrivate | kFold),
    fn<max_unpool<2>>("_max_unpool2d(Tensor input, Tensor indices, int[] output_size)", kPrivate | kFold),
    fn<max_unpool<3>>("_max_unpool3d(Tensor input, Tensor indices, int[] output_size)", kPrivate | kFold),
};
FACULA_ENTRIES(pool_max)

}  // namespace facula
