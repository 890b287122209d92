// unfold and fold of images (im2col, col2im), and shuffles of channels and pixels.
#include <algorithm>
#include "core/parallel.h"
#include "op/structural.h"
#include "ops/named.h"
#include "ops/spatial.h"

namespace facula {
namespace {

std::string tuple(const Dims& d) { return concat("(", d[0], ", ", d[1], ")"); }

// Windows over an image of two dimensions. Dims hold (height, width).
struct Blocks {
  Dims image, kernel, dilation, padding, stride;
  int64_t blocks(int d) const {
    return (image[d] + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d] + 1;
  }
  int64_t count() const { return blocks(0) * blocks(1); }
};

// f(row of the image, row of blocks, tap, first, last): block column j in [first, last) reads image column
// j * stride + k * dilation - padding.
template <class F> void each_run(const Blocks& w, F&& f) {
  const int64_t down = w.blocks(0), across = w.blocks(1);
  for (int64_t a = 0; a < w.kernel[0]; ++a)
    for (int64_t b = 0; b < w.kernel[1]; ++b) {
      const int64_t at = b * w.dilation[1] - w.padding[1], s = w.stride[1];
      const int64_t first = std::min(at >= 0 ? 0 : (-at + s - 1) / s, across);
      const int64_t last =
          at >= w.image[1] ? first : std::clamp((w.image[1] - 1 - at) / s + 1, first, across);
      for (int64_t i = 0; i < down; ++i)
        f(i * w.stride[0] + a * w.dilation[0] - w.padding[0], i, a * w.kernel[1] + b, at, first, last);
    }
}

template <class T> void add(T& to, const T& v) {
  if constexpr (is_complex_type<T>) to.re += v.re, to.im += v.im;
  else if constexpr (std::is_same_v<T, bool>) to = to || v;
  else if constexpr (is_half_type<T>) to = T(float(to) + float(v));
  else to = T(to + v);
}

struct Fold2d;

struct Unfold2d {
  static constexpr const char* node = "Im2ColBackward0";
  static constexpr uint32_t saves = kNothing;
  Blocks w;
  Tensor forward(const Tensor& x) const {  // (N, C, H, W) to (N, C * taps, blocks)
    const int64_t taps = w.kernel[0] * w.kernel[1], count = w.count(), planes = x->sizes[0] * x->sizes[1];
    Tensor out = empty(x->dtype, {x->sizes[0], x->sizes[1] * taps, count}, x->device);
    if (out->is_meta() || out->numel == 0) return out;
    const Tensor from = dense(x);
    const int64_t across = w.blocks(1), plane = w.image[0] * w.image[1], s = w.stride[1];
    visit(x->dtype, [&]<class T>(T) {
      parallel_pieces(planes, [&](int64_t p) {
        const T* image = from->as<T>() + p * plane;
        each_run(w, [&](int64_t row, int64_t i, int64_t tap, int64_t at, int64_t first, int64_t last) {
          T* to = out->as<T>() + (p * taps + tap) * count + i * across;
          if (row < 0 || row >= w.image[0]) first = last = across;
          const T* line = image + row * w.image[1] + at;
          for (int64_t j = 0; j < first; ++j) to[j] = T(0);
          if (s == 1 && last > first)
            std::memcpy(static_cast<void*>(to + first), line + first, size_t(last - first) * sizeof(T));
          else
            for (int64_t j = first; j < last; ++j) to[j] = line[j * s];
          for (int64_t j = last; j < across; ++j) to[j] = T(0);
        });
      });
    });
    return out;
  }
  void vjp(const Back& b, Tensor* d) const;
};

struct Fold2d {
  static constexpr const char* node = "Col2ImBackward0";
  static constexpr uint32_t saves = kNothing;
  Blocks w;
  Tensor forward(const Tensor& x) const {  // (N, C * taps, blocks) to (N, C, H, W)
    const int64_t taps = w.kernel[0] * w.kernel[1], count = w.count(), channels = x->sizes[1] / taps;
    const DType wide = compute_dtype(x->dtype);
    Tensor out = empty(wide, {x->sizes[0], channels, w.image[0], w.image[1]}, x->device);
    if (out->is_meta()) return empty(x->dtype, out->shape(), x->device);
    if (out->numel) {
      const Tensor from = dense(x, wide);
      const int64_t across = w.blocks(1), plane = w.image[0] * w.image[1], s = w.stride[1];
      visit(wide, [&]<class T>(T) {
        parallel_pieces(x->sizes[0] * channels, [&](int64_t p) {
          T* image = out->as<T>() + p * plane;
          std::memset(static_cast<void*>(image), 0, size_t(plane) * sizeof(T));
          each_run(w, [&](int64_t row, int64_t i, int64_t tap, int64_t at, int64_t first, int64_t last) {
            if (row < 0 || row >= w.image[0]) return;
            const T* g = from->as<T>() + (p * taps + tap) * count + i * across;
            T* line = image + row * w.image[1] + at;
            for (int64_t j = first; j < last; ++j) add(line[j * s], g[j]);
          });
        });
      });
    }
    return wide == x->dtype ? out : converted(out, x->dtype);
  }
  void vjp(const Back& b, Tensor* d) const { d[0] = call_structural(Unfold2d{w}, b.g[0]); }
};
void Unfold2d::vjp(const Back& b, Tensor* d) const { d[0] = call_structural(Fold2d{w}, b.g[0]); }

Dims two(const Dims& d, const char* what) {
  if (d.count == 1) return Dims::filled(2, d[0]);
  if (d.count != 2) fail("It is expected ", what, " equals to 2, but got size ", d.count);
  return d;
}
Blocks blocks_of(const Dims& image, const Dims& kernel, const Dims& dilation, const Dims& padding,
                 const Dims& stride) {
  const Blocks w{image, two(kernel, "kernel_size"), two(dilation, "dilation"), two(padding, "padding"),
                 two(stride, "stride")};
  auto check = [](const Dims& d, int64_t least, const char* what, const char* name, const char* need) {
    if (d[0] < least || d[1] < least)
      fail(what, " should be ", need, ", but got ", name, "_height: ", d[0], " ", name, "_width: ", d[1]);
  };
  check(w.kernel, 1, "kernel size", "kernel", "greater than zero");
  check(w.dilation, 1, "dilation", "dilation", "greater than zero");
  check(w.padding, 0, "padding", "pad", "non-negative");
  check(w.stride, 1, "stride", "stride", "greater than zero");
  return w;
}
void check_dtype(const Tensor& x, const char* op) {
  if (x->dtype != DType::Bool && !is_floating(x->dtype))
    fail<NotImplemented>("\"", op, "\" not implemented for '", c_name(x->dtype), "'");
}

Tensor unfold_image(const Tensor& x, const Dims& kernel, const Dims& dilation, const Dims& padding,
                    const Dims& stride) {
  if (x->ndim < 3)
    fail<IndexError>("Dimension out of range (expected to be in range of [", -std::max<int>(x->ndim, 1), ", ",
                     std::max<int>(x->ndim, 1) - 1, "], but got 2)");
  bool good = x->ndim == 3 || x->ndim == 4;
  for (int d = x->ndim - 3; good && d < x->ndim; ++d) good = x->sizes[d] != 0;
  if (!good)
    fail(
        "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for "
        "input, "
        "but got: ",
        to_string(x->shape()));
  const Blocks w =
      blocks_of({x->sizes[x->ndim - 2], x->sizes[x->ndim - 1]}, kernel, dilation, padding, stride);
  auto size = [&](int d) {
    const int64_t room = w.image[d] + 2 * w.padding[d] - w.dilation[d] * (w.kernel[d] - 1) - 1;
    return room >= 0 ? room / w.stride[d] + 1 : -((-room + w.stride[d] - 1) / w.stride[d]) + 1;
  };
  if (size(0) < 1 || size(1) < 1)
    fail("Given input with spatial size ", tuple(w.image), ", kernel_size=", tuple(w.kernel),
         ", dilation=", tuple(w.dilation), ", padding=", tuple(w.padding),
         ", calculated shape of the array of sliding blocks as (", size(0), ", ", size(1),
         "), but its components must be at least one.");
  check_dtype(x, "im2col_out_cpu");
  if (x->ndim == 4) return call_structural(Unfold2d{w}, x);
  return renamed(squeeze(call_structural(Unfold2d{w}, unsqueeze(x, 0)), 0), Unfold2d::node);
}

Tensor fold_image(const Tensor& x, const Dims& output_size, const Dims& kernel, const Dims& dilation,
                  const Dims& padding, const Dims& stride) {
  const Dims image = two(output_size, "output_size");
  const Blocks w = blocks_of(image, kernel, dilation, padding, stride);
  if ((x->ndim != 2 && x->ndim != 3) || x->sizes[x->ndim - 1] == 0 || x->sizes[x->ndim - 2] == 0)
    fail(
        "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions "
        "for "
        "input, but got: ",
        to_string(x->shape()));
  const int64_t taps = w.kernel[0] * w.kernel[1], channels = x->sizes[x->ndim - 2],
                given = x->sizes[x->ndim - 1];
  if (channels % taps != 0)
    fail(
        "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
        "input.size(1)=",
        channels, " and kernel_size=", tuple(w.kernel), ".");
  auto size = [&](int d) {
    const int64_t room = w.image[d] + 2 * w.padding[d] - w.dilation[d] * (w.kernel[d] - 1) - 1;
    return room >= 0 ? room / w.stride[d] + 1 : -((-room + w.stride[d] - 1) / w.stride[d]) + 1;
  };
  if (size(0) * size(1) != given || size(0) < 1 || size(1) < 1)
    fail("Given output_size=", tuple(image), ", kernel_size=", tuple(w.kernel),
         ", dilation=", tuple(w.dilation), ", padding=", tuple(w.padding), ", stride=", tuple(w.stride),
         ", expected size of input's dimension 2 to match the calculated number of sliding blocks ", size(0),
         " * ", size(1), " = ", size(0) * size(1), ", but got input.size(2)=", given, ".");
  if (image[0] < 1 || image[1] < 1)
    fail("Expected output spatial size to be positive, but got: output_size=", tuple(image), ".");
  check_dtype(x, "col2im_out_cpu");
  if (x->ndim == 3) return call_structural(Fold2d{w}, x);
  return renamed(squeeze(call_structural(Fold2d{w}, unsqueeze(x, 0)), 0), Fold2d::node);
}

// ---- Shuffles: a reshape, a permutation, a reshape

// What a shuffle does to (..., C, H, W), seen as `split` and then `order`.
struct Shuffle {
  static constexpr const char* node = "PixelShuffleBackward0";
  static constexpr uint32_t saves = kNothing;
  Dims split, order, result;
  Tensor forward(const Tensor& x) const {
    const Tensor flat = x->is_meta() ? x : dense(x);
    Dims sizes(order.count), strides(order.count);
    const Dims from = contiguous_strides(split);
    for (int d = 0; d < order.count; ++d) {
      sizes[d] = split[int(order[d])];
      strides[d] = from[int(order[d])];
    }
    Tensor out = empty(x->dtype, result, x->device);
    if (!out->is_meta() && out->numel)
      copy_into(*alias(*out, sizes, contiguous_strides(sizes)), *alias(*flat, sizes, strides));
    return in_format(std::move(out), format_of(*x));
  }
  Shuffle inverse(const Dims& input) const {
    Shuffle s{Dims(order.count), Dims(order.count), input};
    for (int d = 0; d < order.count; ++d) {
      s.split[d] = split[int(order[d])];
      s.order[int(order[d])] = d;
    }
    return s;
  }
};
struct PixelShuffle : Shuffle {
  Dims input;
  void vjp(const Back& b, Tensor* d) const;
};
struct PixelUnshuffle : Shuffle {
  static constexpr const char* node = "PixelUnshuffleBackward0";
  Dims input;
  void vjp(const Back& b, Tensor* d) const {
    d[0] = call_structural(PixelShuffle{inverse(input), result}, b.g[0]);
  }
};
void PixelShuffle::vjp(const Back& b, Tensor* d) const {
  d[0] = call_structural(PixelUnshuffle{inverse(input), result}, b.g[0]);
}
struct ChannelShuffle : Shuffle {
  static constexpr const char* node = "ChannelShuffleBackward0";
  Dims input;
  void vjp(const Back& b, Tensor* d) const {
    d[0] = call_structural(ChannelShuffle{inverse(input), result}, b.g[0]);
  }
};

Tensor pixel_shuffle(const Tensor& x, int64_t factor) {
  if (x->ndim < 3)
    fail("pixel_shuffle expects input to have at least 3 dimensions, but got input with ", int(x->ndim),
         " dimension(s)");
  if (factor <= 0) fail("pixel_shuffle expects a positive upscale_factor, but got ", factor);
  const int64_t channels = x->sizes[x->ndim - 3], height = x->sizes[x->ndim - 2],
                width = x->sizes[x->ndim - 1];
  if (factor > (int64_t(1) << 31))
    fail("upscale factor is too large, (upscale_factor)^2 overflowed: upscale_factor=", factor);
  if (channels % (factor * factor) != 0)
    fail(
        "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
        "upscale_factor, but "
        "input.size(-3)=",
        channels, " is not divisible by ", factor * factor);
  Dims result = x->shape(), batch = x->shape();
  batch.resize(x->ndim - 3);
  const int64_t fewer = channels / (factor * factor);
  result[x->ndim - 3] = fewer;
  result[x->ndim - 2] = height * factor;
  result[x->ndim - 1] = width * factor;
  return call_structural(
      PixelShuffle{{{batch.numel(), fewer, factor, factor, height, width}, {0, 1, 4, 2, 5, 3}, result},
                   x->shape()},
      x);
}
Tensor pixel_unshuffle(const Tensor& x, int64_t factor) {
  if (x->ndim < 3)
    fail("pixel_unshuffle expects input to have at least 3 dimensions, but got input with ", int(x->ndim),
         " dimension(s)");
  if (factor <= 0) fail("pixel_unshuffle expects a positive downscale_factor, but got ", factor);
  const int64_t channels = x->sizes[x->ndim - 3], height = x->sizes[x->ndim - 2],
                width = x->sizes[x->ndim - 1];
  if (height % factor != 0)
    fail("pixel_unshuffle expects height to be divisible by downscale_factor, but input.size(-2)=", height,
         " is not divisible by ", factor);
  if (width % factor != 0)
    fail("pixel_unshuffle expects width to be divisible by downscale_factor, but input.size(-1)=", width,
         " is not divisible by ", factor);
  Dims result = x->shape(), batch = x->shape();
  batch.resize(x->ndim - 3);
  result[x->ndim - 3] = channels * factor * factor;
  result[x->ndim - 2] = height / factor;
  result[x->ndim - 1] = width / factor;
  return call_structural(
      PixelUnshuffle{{{batch.numel(), channels, height / factor, factor, width / factor, factor},
                      {0, 1, 3, 5, 2, 4},
                      result},
                     x->shape()},
      x);
}
Tensor channel_shuffle(const Tensor& x, int64_t groups) {
  if (x->ndim <= 2)
    fail("channel_shuffle expects input with > 2 dims, but got input with sizes ", to_string(x->shape()));
  if (groups <= 0) fail("Number of groups to divide channels in must be positive. Value of groups:", groups);
  const int64_t channels = x->sizes[1];
  if (channels % groups != 0)
    fail("Number of channels must be divisible by groups. Got ", channels, " channels and ", groups,
         " groups.");
  int64_t inner = 1;
  for (int d = 2; d < x->ndim; ++d) inner *= x->sizes[d];
  return call_structural(
      ChannelShuffle{{{x->sizes[0], groups, channels / groups, inner}, {0, 2, 1, 3}, x->shape()}, x->shape()},
      x);
}

}  // namespace

static constexpr OpEntry entries[] = {
    fn<unfold_image>(
        "_unfold(Tensor input, int[1] kernel_size, int[1] dilation, int[1] padding, int[1] stride)",
        kPrivate),
    fn<fold_image>(
        "fold(Tensor input, int[1] output_size, int[1] kernel_size, int[1] dilation=1, int[1] padding=0, "
        "int[1] stride=1)",
        kNN),
    fn<pixel_shuffle>("pixel_shuffle(Tensor input, int upscale_factor)", kFunction | kNN | kLeading),
    fn<pixel_unshuffle>("pixel_unshuffle(Tensor input, int downscale_factor)", kFunction | kNN | kLeading),
    fn<channel_shuffle>("channel_shuffle(Tensor input, int groups)", kFunction | kNN | kFold),
    fn<channel_shuffle>("native_channel_shuffle(Tensor input, int groups)", kFunction | kNN | kFold),
};
FACULA_ENTRIES(windows)

}  // namespace facula
