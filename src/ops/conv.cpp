// Convolutions and transposed convolutions of one to three dimensions. Both are linear in the input and in
// the weight, and each is the other's transpose: the derivatives of every order are made of the two and of
// the weight's gradient.
#include "cpu/conv.h"
#include "op/structural.h"
#include "ops/functions.h"
#include "ops/named.h"
#include "ops/product.h"
#include "ops/spatial.h"

namespace facula {
namespace {

struct Geometry {
  Dims stride, padding, dilation;
  int64_t groups;
};

Tensor adjoint(const Tensor& t) { return is_complex(t->dtype) ? unary("conj", t) : t; }

// ---- From a geometry to plans

// The plan of the plain convolution of `image` to `result` (sizes from the third on are spatial).
ConvPlan plan_of(const Geometry& g, const Dims& image, const Dims& result, const Dims& weight) {
  ConvPlan p;
  p.batch = image[0];
  p.groups = g.groups;
  p.in_channels = weight[1];
  p.out_channels = weight[0] / g.groups;
  const int n = image.count - 2;
  int64_t step = 1;
  for (int d = 2; d >= 0; --d) {
    ConvAxis& a = p.axis[d];
    a.out_stride = step;
    const int i = d - (3 - n);
    if (i < 0) continue;
    a.in = image[2 + i];
    a.out = result[2 + i];
    a.step = a.out > 1 ? g.stride[i] : 1;  // a lone position has no neighbour
    a.offsets.clear();
    for (int64_t k = 0; k < weight[2 + i]; ++k) a.offsets.push_back(k * g.dilation[i] - g.padding[i]);
    step *= a.out;
  }
  p.y_channel = step;
  p.y_batch = step * result[1];
  return p;
}

template <class T> void plain(const Geometry& g, const Dims& image, const Dims& result, const Dims& weight,
                              const T* x, const T* w, const T* bias, T* y, bool accumulate) {
  ConvPlan p = plan_of(g, image, result, weight);
  p.accumulate = accumulate;
  convolve(p, x, w, bias, y);
}

// The transpose: positions of the result that leave the same remainder modulo the stride read the same taps,
// as a convolution of step one.
template <class T> void transposed(const Geometry& g, const Dims& image, const Dims& result,
                                   const Dims& weight, const T* x, const T* w, const T* bias, T* y,
                                   bool accumulate) {
  const int n = image.count - 2;
  const int64_t per_group = weight[0] / g.groups, out_channels = weight[1];
  Dims kernel{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1}, padding{0, 0, 0}, in{1, 1, 1}, out{1, 1, 1};
  for (int i = 0; i < n; ++i) {
    const int d = 3 - n + i;
    kernel[d] = weight[2 + i];
    stride[d] = g.stride[i];
    dilation[d] = g.dilation[i];
    padding[d] = g.padding[i];
    in[d] = image[2 + i];
    out[d] = result[2 + i];
  }
  const int64_t pixels = out.numel(), taps = kernel.numel();
  std::vector<T> arranged;
  Dims phase{0, 0, 0};
  for (phase[0] = 0; phase[0] < std::min(stride[0], out[0]); ++phase[0])
    for (phase[1] = 0; phase[1] < std::min(stride[1], out[1]); ++phase[1])
      for (phase[2] = 0; phase[2] < std::min(stride[2], out[2]); ++phase[2]) {
        ConvPlan p;
        p.batch = image[0];
        p.groups = g.groups;
        p.in_channels = per_group;
        p.out_channels = out_channels;
        p.accumulate = accumulate;
        p.y_channel = pixels;
        p.y_batch = pixels * g.groups * out_channels;
        std::vector<int64_t> used[3];
        int64_t step = 1, start = 0;
        for (int d = 2; d >= 0; --d) {
          ConvAxis& a = p.axis[d];
          a.in = in[d];
          a.out = (out[d] - phase[d] + stride[d] - 1) / stride[d];
          a.out_stride = step * stride[d];
          start += phase[d] * step;
          step *= out[d];
          a.offsets.clear();
          for (int64_t k = 0; k < kernel[d]; ++k) {
            const int64_t at = phase[d] + padding[d] - k * dilation[d];
            if (at % stride[d] != 0) continue;
            used[d].push_back(k);
            a.offsets.push_back(at / stride[d]);
          }
        }
        arranged.resize(size_t(g.groups * out_channels * p.inner()));
        T* to = arranged.data();
        for (int64_t group = 0; group < g.groups; ++group)
          for (int64_t o = 0; o < out_channels; ++o)
            for (int64_t c = 0; c < per_group; ++c) {
              const T* from = w + ((group * per_group + c) * out_channels + o) * taps;
              for (int64_t a : used[0])
                for (int64_t b : used[1])
                  for (int64_t e : used[2]) *to++ = from[(a * kernel[1] + b) * kernel[2] + e];
            }
        convolve(p, x, static_cast<const T*>(arranged.data()), bias, y + start);
      }
}

// ---- Element types

// The real or imaginary parts of a dense complex tensor, or their negatives.
template <class T> Tensor part_of(const Tensor& t, int part, bool negate = false) {
  Tensor out = empty(dtype_of_element<T>, t->shape());
  const T* from = t->as<T>() + part;
  const T sign = negate ? T(-1) : T(1);
  for (int64_t i = 0; i < t->numel; ++i) out->as<T>()[i] = sign * from[2 * i];
  return out;
}
template <class T> void join_parts(const Tensor& re, const Tensor& im, TensorImpl& out) {
  T* to = out.as<T>();
  for (int64_t i = 0; i < out.numel; ++i) {
    to[2 * i] = re->as<T>()[i];
    to[2 * i + 1] = im->as<T>()[i];
  }
}

// run(x, y, out, accumulate, first) on dense tensors of a type that has kernels; `out` is of the result's
// shape.
template <class T, class Run>
void complex_product(const Tensor& x, const Tensor& y, TensorImpl& out, Run&& run) {
  Tensor re = empty(dtype_of_element<T>, out.shape()), im = empty(dtype_of_element<T>, out.shape());
  const Tensor xr = part_of<T>(x, 0), xi = part_of<T>(x, 1), yr = part_of<T>(y, 0), yi = part_of<T>(y, 1);
  run(T{}, xr, yr, re, false);
  run(T{}, part_of<T>(x, 1, true), yi, re, true);
  run(T{}, xr, yi, im, false);
  run(T{}, xi, yr, im, true);
  join_parts<T>(re, im, out);
}

// Small ones in three dimensions are transposed in double: their sums are long next to the work.
bool in_double(const Dims& image, const Dims& weight) {
  return weight.count == 5 &&
         double(image.numel()) * double(weight.numel()) < double(1 << 22) * double(image[1]);
}
DType doubled(DType t) {
  return t == DType::Float32 ? DType::Float64 : t == DType::Complex64 ? DType::Complex128 : t;
}

DType kernel_dtype(DType t) { return is_half(t) ? DType::Float32 : is_floating(t) ? t : DType::Int64; }

// ---- The operations. Inputs are batched; spatial sizes of the result are given.

struct ConvWeight;

struct Convolution {
  static constexpr const char* node = "ConvolutionBackward0";
  static constexpr uint32_t saves = saves_input(0) | saves_input(1);
  void show(Parameters& p) const {
    p("stride", g.stride), p("padding", g.padding), p("dilation", g.dilation), p("groups", g.groups),
        p("transposed", is_transposed);
  }
  Geometry g;
  bool is_transposed;
  Dims result;  // its shape
  MemoryFormat format = MemoryFormat::Contiguous;
  Dims image{}, weight{};

  uint32_t keeps(const Tensor* in) const {
    auto wants = [](const Tensor& t) { return t && requires_grad(*t); };
    return (wants(in[1]) ? saves_input(0) : 0) | (wants(in[0]) ? saves_input(1) : 0);
  }
  Tensor forward(const Tensor& x, const Tensor& w, const Tensor& bias) {
    image = x->shape();
    weight = w->shape();
    if (x->is_meta() || w->is_meta()) return in_format(empty(x->dtype, result, Device{Device::Meta}), format);
    const DType narrow = x->dtype, kernel = kernel_dtype(narrow),
                wide = is_transposed && in_double(image, weight) ? doubled(kernel) : kernel;
    const Tensor dx = dense(x, wide), dw = dense(w, wide), db = bias ? dense(bias, wide) : nullptr;
    Tensor out = empty(wide, result);
    auto run = [&]<class T>(T, const Tensor& a, const Tensor& b, const T* c, const Tensor& to,
                            bool accumulate) {
      (is_transposed ? transposed<T> : plain<T>)(g, image, result, weight, a->as<T>(), b->as<T>(), c,
                                                 to->as<T>(), accumulate);
    };
    auto real = [&]<class T>(T) { run(T{}, dx, dw, db ? db->as<T>() : nullptr, out, false); };
    auto complex = [&]<class T>(T) {
      Tensor parts[2];
      if (db)
        for (int i = 0; i < 2; ++i) parts[i] = part_of<T>(db, i);
      int call = 0;
      complex_product<T>(dx, dw, *out,
                         [&](T, const Tensor& a, const Tensor& b, const Tensor& to, bool accumulate) {
                           const Tensor& add = parts[call / 2];  // the real part is made first
                           run(T{}, a, b, add && call % 2 == 0 ? add->as<T>() : nullptr, to, accumulate);
                           ++call;
                         });
    };
    switch (wide) {
      case DType::Float32: real(float{}); break;
      case DType::Float64: real(double{}); break;
      case DType::Complex64: complex(float{}); break;
      case DType::Complex128: complex(double{}); break;
      default: real(int64_t{});
    }
    return in_format(wide == narrow ? out : converted(out, narrow), format);
  }
  void vjp(const Back& b, Tensor* d) const;
  void vjp_batch(const Back& b, int64_t n, Tensor* d) const;
};

// The gradient of the weight of a plain convolution of x to y: the sum over images and positions of y times
// what x the weight's element meets there.
struct ConvWeight {
  static constexpr const char* node = "ConvolutionBackwardBackward0";
  static constexpr uint32_t saves = saves_input(0) | saves_input(1);
  Geometry g;
  Dims weight;
  Dims image{}, result{};

  Tensor forward(const Tensor& x, const Tensor& y) {
    image = x->shape();
    result = y->shape();
    if (x->is_meta() || y->is_meta()) return empty(x->dtype, weight, Device{Device::Meta});
    const DType narrow = x->dtype, wide = kernel_dtype(narrow);
    const Tensor dx = dense(x, wide), dy = dense(y, wide);
    Tensor out = empty(wide, weight);
    auto real = [&]<class T>(T) {
      convolve_weight<T>(plan_of(g, image, result, weight), dx->as<T>(), dy->as<T>(), out->as<T>());
    };
    auto complex = [&]<class T>(T) {
      complex_product<T>(
          dx, dy, *out, [&](T, const Tensor& a, const Tensor& b, const Tensor& to, bool accumulate) {
            Tensor once = accumulate ? empty(dtype_of_element<T>, weight) : to;
            convolve_weight<T>(plan_of(g, image, result, weight), a->as<T>(), b->as<T>(), once->as<T>());
            if (accumulate)
              for (int64_t i = 0; i < to->numel; ++i) to->as<T>()[i] += once->as<T>()[i];
          });
    };
    switch (wide) {
      case DType::Float32: real(float{}); break;
      case DType::Float64: real(double{}); break;
      case DType::Complex64: complex(float{}); break;
      case DType::Complex128: complex(double{}); break;
      default: fail<NotImplemented>("\"conv_weight\" not implemented for '", c_name(narrow), "'");
    }
    return wide == narrow ? out : converted(out, narrow);
  }
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0)) d[0] = call_structural(Convolution{g, true, image}, adjoint(b.in[1]), b.g[0], Tensor());
    if (b.needs(1)) d[1] = call_structural(Convolution{g, false, result}, adjoint(b.in[0]), b.g[0], Tensor());
  }
};

void Convolution::vjp(const Back& b, Tensor* d) const {
  const Tensor& grad = b.g[0];
  if (b.needs(0))
    d[0] = call_structural(Convolution{g, !is_transposed, image, format}, grad, adjoint(b.in[1]), Tensor());
  if (b.needs(1))
    d[1] = is_transposed ? call_structural(ConvWeight{g, weight}, grad, adjoint(b.in[0]))
                         : call_structural(ConvWeight{g, weight}, adjoint(b.in[0]), grad);
  if (b.needs(2)) {
    Dims rest{0};
    for (int i = 2; i < result.count; ++i) rest.push(i);
    d[2] = sum(grad, rest, false);
  }
}

// The images of all vectors are one batch; each has a gradient of the weight of its own.
void Convolution::vjp_batch(const Back& b, int64_t n, Tensor* d) const {
  const Tensor& grad = b.g[0];
  auto together = [&](Dims shape) {
    shape[0] *= n;
    return shape;
  };
  if (b.needs(0))
    d[0] = reshape(call_structural(Convolution{g, !is_transposed, together(image)},
                                   reshape(grad, together(result)), adjoint(b.in[1]), Tensor()),
                   with_batch(image, n));
  if (b.needs(1)) {
    const Tensor x = adjoint(b.in[0]);
    Tensors each;
    for (int64_t k = 0; k < n; ++k) {
      const Tensor one = select(grad, 0, k);
      each.push_back(is_transposed ? call_structural(ConvWeight{g, weight}, one, x)
                                   : call_structural(ConvWeight{g, weight}, x, one));
    }
    d[1] = stack(each, 0);
  }
  if (b.needs(2)) {
    Dims rest{1};
    for (int i = 3; i <= result.count; ++i) rest.push(i);
    d[2] = sum(grad, rest, false);
  }
}

// ---- Arguments

Dims one_each(const Dims& given, int n, const char* what) {
  if (given.count == n) return given;
  if (given.count != 1)
    fail("expected ", what, " to be a single integer value or a list of ", n,
         " values to match the convolution dimensions, but got ", what, "=", to_string(given));
  return Dims::filled(n, given[0]);
}
bool any_below(const Dims& d, int64_t least) {
  for (int64_t v : d)
    if (v < least) return true;
  return false;
}
std::string sizes_of(const Tensor& t) { return to_string(t->shape()); }

void check_shapes(const Tensor& x, const Tensor& w, const Tensor& bias, const Geometry& g,
                  bool is_transposed) {
  const int n = w->ndim;
  if (x->ndim != n)
    fail("Expected ", n, "-dimensional input for ", n, "-dimensional weight ", sizes_of(w), ", but got ",
         x->ndim, "-dimensional input of size ", sizes_of(x), " instead");
  if (w->sizes[0] < g.groups)
    fail("Given groups=", g.groups, ", expected weight to be at least ", g.groups,
         " at dimension 0, but got weight of size ", sizes_of(w), " instead");
  if (w->sizes[0] % g.groups != 0)
    fail("Given groups=", g.groups, ", expected weight to be divisible by ", g.groups,
         " at dimension 0, but got weight of size [", sizes_of(w), "] instead");
  auto check_bias = [&](int64_t channels, const char* given) {
    if (bias && (bias->ndim != 1 || bias->sizes[0] != channels))
      fail("Given ", given, "weight of size ", sizes_of(w), ", expected bias to be 1-dimensional with ",
           channels, " elements, but got bias of size ", sizes_of(bias), " instead");
  };
  if (is_transposed) {
    if (x->sizes[1] != w->sizes[0])
      fail("Given transposed=1, weight of size ", sizes_of(w), ", expected input", sizes_of(x), " to have ",
           w->sizes[0], " channels, but got ", x->sizes[1], " channels instead");
    check_bias(w->sizes[1] * g.groups, "transposed=1, ");
    return;
  }
  if (x->sizes[1] != w->sizes[1] * g.groups)
    fail("Given groups=", g.groups, ", weight of size ", sizes_of(w), ", expected input", sizes_of(x),
         " to have ", w->sizes[1] * g.groups, " channels, but got ", x->sizes[1], " channels instead");
  check_bias(w->sizes[0], "");
  Dims padded, kernel;
  bool fits = true;
  for (int i = 0; i < n - 2; ++i) {
    padded.push(x->sizes[2 + i] + 2 * g.padding[i]);
    kernel.push(g.dilation[i] * (w->sizes[2 + i] - 1) + 1);
    fits &= padded[i] >= kernel[i];
  }
  if (!fits)
    fail("Calculated padded input size per channel: ", by_x(padded, n - 2),
         ". Kernel size: ", by_x(kernel, n - 2), ". Kernel size can't be greater than actual input size");
}

constexpr const char* kSides[] = {"depth", "height", "width"};
std::string side_values(const char* what, const Dims& d) {
  std::string s;
  for (int i = 0; i < d.count; ++i) s += concat(i ? " " : "", what, "_", kSides[3 - d.count + i], ": ", d[i]);
  return s;
}

bool any_over_one(const Dims& d) {
  for (int64_t v : d)
    if (v > 1) return true;
  return false;
}
void check_types(const Tensor& x, const Tensor& w, const Tensor& bias, bool is_transposed,
                 const Dims& dilation) {
  const int n = dilation.count;
  if (bias && bias->dtype != x->dtype && (!is_transposed || x->dtype == w->dtype))
    fail("Input type (", type_text(x->dtype), ") and bias type (", type_text(bias->dtype),
         ") should be the same");
  if (x->dtype != w->dtype) fail("expected scalar type ", c_name(x->dtype), " but found ", c_name(w->dtype));
  if (x->numel == 0) return;
  const bool whole = !is_floating(x->dtype);
  if (whole && !is_transposed && x->dtype != DType::Int64 && x->dtype != DType::Bool &&
      any_over_one(dilation))
    fail<NotImplemented>("\"slow_conv_dilated<>\" not implemented for '", c_name(x->dtype), "'");
  if (x->dtype == DType::Bool || (whole && is_transposed && x->dtype != DType::Int64) ||
      (x->dtype > DType::Int64 && x->dtype < DType::Float16))
    fail<NotImplemented>("\"",
                         n == 3 ? is_transposed ? "slow_conv_transpose3d_out_cpu" : "compute_columns3d"
                         : is_transposed ? "slow_conv_transpose2d_out_cpu"
                                         : "slow_conv2d_cpu",
                         "\" not implemented for '", c_name(x->dtype), "'");
}

MemoryFormat result_format(const Tensor& x, const Tensor& w) {
  if (!is_real_floating(x->dtype) || x->numel == 0) return MemoryFormat::Contiguous;
  const MemoryFormat f = suggested_format(*x);
  return f != MemoryFormat::Contiguous ? f : suggested_format(*w);
}

Tensor convolution(const Tensor& x, const Tensor& w, const Tensor& bias, const Dims& stride,
                   const Dims& padding, const Dims& dilation, bool is_transposed, const Dims& output_padding,
                   int64_t groups) {
  if (w->ndim < 3) fail("weight should have at least three dimensions");
  const int n = w->ndim - 2;
  if (n > 3) fail("unsupported ConvNd parameters: weight of ", w->ndim, " dimensions");
  const Geometry g{one_each(stride, n, "stride"), one_each(padding, n, "padding"),
                   one_each(dilation, n, "dilation"), groups};
  const Dims extra = one_each(output_padding, n, "output_padding");
  if (any_below(g.padding, 0)) fail("negative padding is not supported");
  if (any_below(extra, 0)) fail("negative output_padding is not supported");
  if (any_below(g.stride, 1)) fail("non-positive stride is not supported");
  if (any_below(g.dilation, 1)) fail("dilation should be greater than zero, but got ", to_string(g.dilation));
  if (groups <= 0) fail("non-positive groups is not supported");
  check_shapes(x, w, bias, g, is_transposed);
  check_types(x, w, bias, is_transposed, g.dilation);
  Dims kernel, result{x->sizes[0], is_transposed ? w->sizes[1] * groups : w->sizes[0]};
  for (int i = 0; i < n; ++i) kernel.push(w->sizes[2 + i]);
  if (any_below(kernel, 1))
    fail("kernel size should be greater than zero, but got ", side_values("kernel", kernel));
  for (int i = 0; i < n; ++i) {
    const int64_t reach = g.dilation[i] * (kernel[i] - 1), in = x->sizes[2 + i];
    result.push(is_transposed ? (in - 1) * g.stride[i] - 2 * g.padding[i] + reach + extra[i] + 1
                              : (in + 2 * g.padding[i] - reach - 1) / g.stride[i] + 1);
    if (is_transposed && extra[i] >= g.stride[i] && extra[i] >= g.dilation[i])
      fail("output padding must be smaller than either stride or dilation, but got ",
           side_values("output_padding", extra), " ", side_values("stride", g.stride), " ",
           side_values("dilation", g.dilation));
  }
  if (is_transposed)
    for (int i = 0; i < n; ++i)
      if (result[2 + i] < 1)
        fail("Given input size per channel: ", by_x(x->shape(), n),
             ". Calculated output size per channel: ", by_x(result, n), ". Output size is too small");
  const Tensor y = call_structural(Convolution{g, is_transposed, result, result_format(x, w)}, x, w, bias);
  return is_complex(y->dtype) ? renamed(y, "AddBackward0") : y;  // of products of parts, in PyTorch
}

// ---- Entries

// Adds the batch dimension where it is missing.
Tensor batched(const Tensor& x, int n, const char* name, bool* unbatched) {
  *unbatched = x->ndim == n + 1;
  if (x->ndim != n + 1 && x->ndim != n + 2)
    fail("Expected ", n + 1, "D (unbatched) or ", n + 2, "D (batched) input to ", name,
         ", but got input of size: ", sizes_of(x));
  return *unbatched ? unsqueeze(x, 0) : x;
}

constexpr const char* kNames[] = {"conv1d", "conv2d", "conv3d"};
constexpr const char* kTransposedNames[] = {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"};

template <int N> Tensor conv(const Tensor& x, const Tensor& w, const Tensor& bias, const Dims& stride,
                             const Dims& padding, const Dims& dilation, int64_t groups) {
  bool unbatched;
  const Tensor in = batched(x, N, kNames[N - 1], &unbatched);
  const Tensor y = convolution(in, w, bias, stride, padding, dilation, false, Dims{0}, groups);
  return unbatched ? squeeze(y, 0) : y;
}

template <int N> Tensor conv_named(const Tensor& x, const Tensor& w, const Tensor& bias, const Dims& stride,
                                   std::string_view padding, const Dims& dilation, int64_t groups) {
  if (padding == "valid") return conv<N>(x, w, bias, stride, Dims{0}, dilation, groups);
  if (padding != "same") fail("Invalid padding string: '", padding, "'");
  bool unbatched;
  Tensor in = batched(x, N, kNames[N - 1], &unbatched);
  if (w->ndim != in->ndim)
    fail("Expected ", w->ndim, "-dimensional input for ", w->ndim, "-dimensional weight ", sizes_of(w),
         ", but got ", in->ndim, "-dimensional input of size ", sizes_of(in), " instead");
  for (int64_t s : stride)
    if (s != 1) fail("padding='same' is not supported for strided convolutions");
  const Dims spread = one_each(dilation, N, "dilation");
  Dims around(N), more(2 * N);
  bool uneven = false;
  for (int i = 0; i < N; ++i) {
    const int64_t total = spread[i] * (w->sizes[2 + i] - 1);
    around[i] = total / 2;
    more[2 * (N - 1 - i)] = 0;
    more[2 * (N - 1 - i) + 1] = total % 2;
    uneven |= total % 2 != 0;
  }
  if (uneven) {
    static bool warned = false;
    if (!std::exchange(warned, true))
      warn(
          "Using padding='same' with even kernel lengths and odd dilation may require a zero-padded copy of "
          "the input "
          "be created");
    in = constant_pad(in, more, Scalar(0));
  }
  const Tensor y = convolution(in, w, bias, stride, around, spread, false, Dims{0}, groups);
  return unbatched ? squeeze(y, 0) : y;
}

template <int N> Tensor conv_transpose(const Tensor& x, const Tensor& w, const Tensor& bias,
                                       const Dims& stride, const Dims& padding, const Dims& output_padding,
                                       int64_t groups, const Dims& dilation) {
  bool unbatched;
  const Tensor in = batched(x, N, kTransposedNames[N - 1], &unbatched);
  const Tensor y = convolution(in, w, bias, stride, padding, dilation, true, output_padding, groups);
  return unbatched ? squeeze(y, 0) : y;
}

}  // namespace

static constexpr OpEntry entries[] = {
#define FACULA_CONV(N)                                                                                    \
  widens<conv<N>>("conv" #N                                                                               \
                  "d(Tensor input, Tensor weight, Tensor? bias=None, int[1] stride=1, int[1] padding=0, " \
                  "int[1] dilation=1, int groups=1)",                                                     \
                  kFunction | kNN),                                                                       \
      widens<conv_named<N>>("conv" #N                                                                     \
                            "d(Tensor input, Tensor weight, Tensor? bias=None, int[1] stride=1, "         \
                            "str padding='valid', int[1] dilation=1, int groups=1)",                      \
                            kFunction | kNN),                                                             \
      widens<conv_transpose<N>>(                                                                          \
          "conv_transpose" #N                                                                             \
          "d(Tensor input, Tensor weight, Tensor? bias=None, int[1] stride=1, "                           \
          "int[1] padding=0, int[1] output_padding=0, int groups=1, int[1] dilation=1)",                  \
          kFunction | kNN)
    FACULA_CONV(1),
    FACULA_CONV(2),
    FACULA_CONV(3),
#undef FACULA_CONV
    widens<convolution>(
        "convolution(Tensor input, Tensor weight, Tensor? bias, int[1] stride, int[1] padding, "
        "int[1] dilation, bool transposed, int[1] output_padding, int groups)",
        kFunction),
};
FACULA_ENTRIES(conv)

}  // namespace facula
