// Sampling images and volumes at the points of a grid. One linear map per order of derivative in each
// coordinate, and its transpose: both kinds of gradient, and theirs, are made of the two.
#include <algorithm>
#include <cmath>
#include "core/parallel.h"
#include "cpu/grid_sample.h"
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {
namespace {

int64_t product(const Dims& d, int from, int to) {
  int64_t n = 1;
  for (int i = from; i < to; ++i) n *= d[i];
  return n;
}

template <int N> struct Scatter;

template <int N>
Tensor grid_gradient(const GridSampler& s, const Tensor& x, const Tensor& grid, const Tensor& g);

// y[n, c, p] = sum over taps of weight(grid[n, p]) x[n, c, tap]
template <int N> struct Sample {
  static constexpr const char* node = N == 2 ? "GridSampler2DBackward0" : "GridSampler3DBackward0";
  static constexpr uint32_t saves = saves_input(0) | saves_input(1);
  GridSampler s;
  Dims image{};
  Tensor forward(const Tensor& x, const Tensor& grid) {
    image = x->shape();
    Dims out{image[0], image[1]};
    for (int d = 1; d <= N; ++d) out.push(grid->sizes[d]);
    if (x->is_meta()) return empty(x->dtype, out, x->device);
    const DType wide = compute_dtype(x->dtype);
    Tensor y = empty(wide, out);
    const Tensor from = dense(x, wide), points = dense(grid, wide);
    if (wide == DType::Float32) run<float>(from, points, y);
    else run<double>(from, points, y);
    return wide == x->dtype ? y : converted(y, x->dtype);
  }
  template <class T> void run(const Tensor& x, const Tensor& grid, const Tensor& y) const {
    const int64_t batch = image[0], channels = image[1], plane = product(image, 2, image.count);
    const int64_t count = y->numel / std::max<int64_t>(batch * channels, 1);
    if (y->numel == 0) return;
    const int64_t blocks = (count + kGridBlock - 1) / kGridBlock;
    const GridKernelsOf<T>& kernels = best_grid_kernels().of<T>();
    parallel_pieces(batch * blocks, [&](int64_t piece) {
      const int64_t n = piece / blocks, first = piece % blocks * kGridBlock,
                    here = std::min(kGridBlock, count - first);
      GridTaps<T> taps;
      kernels.make(s, grid->as<T>() + (n * count + first) * N, here, image.v + 2, taps);
      for (int64_t c = 0; c < channels; ++c) {
        const T* from = x->as<T>() + (n * channels + c) * plane;
        T* to = y->as<T>() + (n * channels + c) * count + first;
        kernels.read(taps, from, here, to);
      }
    });
  }
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0)) d[0] = call_structural(Scatter<N>{s, image}, b.g[0], b.in[1]);
    if (b.needs(1)) d[1] = grid_gradient<N>(s, b.in[0], b.in[1], b.g[0]);
  }
};

// The transpose: x[n, c, tap] += weight(grid[n, p]) g[n, c, p]
template <int N> struct Scatter {
  static constexpr const char* node =
      N == 2 ? "GridSampler2DBackwardBackward0" : "GridSampler3DBackwardBackward0";
  static constexpr uint32_t saves = saves_input(0) | saves_input(1);
  GridSampler s;
  Dims image;
  Tensor forward(const Tensor& g, const Tensor& grid) const {
    if (g->is_meta()) return empty(g->dtype, image, g->device);
    const DType wide = compute_dtype(g->dtype);
    Tensor x = empty(wide, image);
    const Tensor from = dense(g, wide), points = dense(grid, wide);
    if (wide == DType::Float32) run<float>(from, points, x);
    else run<double>(from, points, x);
    return wide == g->dtype ? x : converted(x, g->dtype);
  }
  template <class T> void run(const Tensor& g, const Tensor& grid, const Tensor& x) const {
    const int64_t batch = image[0], channels = image[1], plane = product(image, 2, image.count);
    if (x->numel == 0) return;
    const int64_t count = g->numel / (batch * channels), together = 8,
                  groups = (channels + together - 1) / together;
    const GridKernelsOf<T>& kernels = best_grid_kernels().of<T>();
    parallel_pieces(batch * groups, [&](int64_t piece) {
      const int64_t n = piece / groups, c0 = piece % groups * together,
                    c1 = std::min(channels, c0 + together);
      std::memset(x->as<T>() + (n * channels + c0) * plane, 0, size_t((c1 - c0) * plane) * sizeof(T));
      GridTaps<T> taps;
      for (int64_t first = 0; first < count; first += kGridBlock) {
        const int64_t here = std::min(kGridBlock, count - first);
        kernels.make(s, grid->as<T>() + (n * count + first) * N, here, image.v + 2, taps);
        for (int64_t c = c0; c < c1; ++c) {
          T* to = x->as<T>() + (n * channels + c) * plane;
          const T* from = g->as<T>() + (n * channels + c) * count + first;
          kernels.add(taps, from, here, to);
        }
      }
    });
  }
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0)) d[0] = call_structural(Sample<N>{s}, b.g[0], b.in[1]);
    if (b.needs(1)) d[1] = grid_gradient<N>(s, b.g[0], b.in[1], b.in[0]);
  }
};

// The sum over channels of g times the derivative of the samples of x, by coordinate.
template <int N>
Tensor grid_gradient(const GridSampler& s, const Tensor& x, const Tensor& grid, const Tensor& g) {
  if (s.mode == GridSampler::Nearest) return zeros(grid->shape(), grid->dtype, grid->device);
  Tensors parts;
  for (int d = 0; d < N; ++d) {
    GridSampler next = s;
    ++next.order[d];
    parts.push_back(sum(g * call_structural(Sample<N>{next}, x, grid), Dims{1}, false));
  }
  return stack(parts, -1);
}

Tensor grid_sampler(const Tensor& x, const Tensor& grid, int64_t mode, int64_t border, bool align_corners) {
  constexpr const char* op = "grid_sampler()";
  auto both = [&] {
    return concat("but got input with sizes ", to_string(x->shape()), " and grid with sizes ",
                  to_string(grid->shape()));
  };
  if (x->ndim == 0 || grid->ndim == 0)
    fail<IndexError>("Dimension specified as 0 but tensor has no dimensions");
  if (x->sizes[0] != grid->sizes[0]) fail(op, ": expected grid and input to have same batch size, ", both());
  if (grid->sizes[grid->ndim - 1] != x->ndim - 2)
    fail(op, ": expected grid to have size ", x->ndim - 2, " in last dimension, but got grid with sizes ",
         to_string(grid->shape()));
  for (int d = 2; d < x->ndim; ++d)
    if (x->sizes[d] <= 0)
      fail(op, ": expected input to have non-empty spatial dimensions, but input has sizes ",
           to_string(x->shape()), " with dimension ", d, " being empty");
  if ((x->ndim != 4 && x->ndim != 5) || x->ndim != grid->ndim)
    fail(op, ": expected ",
         x->ndim == 4   ? "4D"
         : x->ndim == 5 ? "5D"
                        : "4D or 5D",
         " input and grid with same number of dimensions, ", both());
  if (mode == GridSampler::Cubic && x->ndim == 5) fail(op, ": bicubic interpolation only supports 4D input");
  if (mode < 0 || mode > 2 || border < 0 || border > 2) fail(op, ": unknown interpolation or padding mode");
  if (x->numel / std::max<int64_t>(x->sizes[0] * x->sizes[1], 1) > kMostGridPixels)
    fail(op, ": images of more than ", kMostGridPixels, " elements are not supported");
  if (!is_real_floating(x->dtype))
    fail<NotImplemented>(x->ndim == 4 ? "\"grid_sampler_2d_cpu_kernel_impl\"" : "\"grid_sampler3d_cpu\"",
                         " not implemented for '", c_name(x->dtype), "'");
  if (grid->dtype != x->dtype)
    fail("expected scalar type ", c_name(x->dtype), " but found ", c_name(grid->dtype));
  const GridSampler s{x->ndim - 2, GridSampler::Interpolation(mode), GridSampler::Border(border),
                      align_corners};
  return x->ndim == 4 ? call_structural(Sample<2>{s}, x, grid) : call_structural(Sample<3>{s}, x, grid);
}

}  // namespace

static constexpr OpEntry entries[] = {
#define PARAMS "Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners"
    fn<grid_sampler>("grid_sampler(" PARAMS ")", kFunction | kFold),
    fn<grid_sampler>("grid_sampler_2d(" PARAMS ")", kFunction | kFold),
    fn<grid_sampler>("grid_sampler_3d(" PARAMS ")", kFunction | kFold),
#undef PARAMS
};
FACULA_ENTRIES(grid_sample)

}  // namespace facula
