// Sampling images and volumes at the points of a grid. One linear map per order of derivative in each
// coordinate, and its transpose: both kinds of gradient, and theirs, are made of the two.
#include <algorithm>
#include <cmath>
#include "core/parallel.h"
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {
namespace {

enum Interpolation { kLinear, kNearest, kCubic };
enum Border { kZeros, kBorder, kReflection };

struct Sampler {
  int n;  // spatial dimensions
  Interpolation mode;
  Border border;
  bool align_corners;
  int64_t order[3] = {0, 0, 0};  // of the derivative, by coordinate: x, y, z
  int taps() const { return mode == kLinear ? 2 : mode == kNearest ? 1 : 4; }
};

constexpr int64_t kBlock = 64;  // points

template <class T> T reflected(T v, int64_t twice_low, int64_t twice_high, T* sign) {
  *sign = T(1);
  if (twice_low == twice_high) {
    *sign = T(0);
    return T(0);
  }
  const T low = T(twice_low) / 2, span = T(twice_high - twice_low) / 2;
  v -= low;
  if (v < 0) {
    v = -v;
    *sign = T(-1);
  }
  const T extra = std::fmod(v, span), flips = std::floor(v / span);
  if (std::fmod(flips, T(2)) == T(0)) return extra + low;
  *sign = -*sign;
  return span - extra + low;
}
template <class T> T clipped(T v, int64_t size, T* sign) {
  const T most = T(size - 1);
  if (!(v > T(0))) {  // NaN too
    *sign = T(0);
    return T(0);
  }
  if (v >= most) {
    *sign = T(0);
    return most;
  }
  return v;
}
template <class T> T bordered(const Sampler& s, T v, int64_t size, T* sign) {
  *sign = T(1);
  if (s.border == kZeros) return v;
  T turn = T(1);
  if (s.border == kReflection)
    v = s.align_corners ? reflected<T>(v, 0, 2 * (size - 1), &turn)
                        : reflected<T>(v, -1, 2 * size - 1, &turn);
  v = clipped(v, size, sign);
  *sign *= turn;
  return v;
}

// Derivatives of Keys' kernel with a = -0.75 at distances 1 + t, t, 1 - t, 2 - t from the four taps.
template <class T> void cubic_weights(T t, int64_t order, T* w) {
  constexpr T a = T(-0.75);
  auto near = [&](T x) {  // |x| < 1
    switch (order) {
      case 0: return ((a + 2) * x - (a + 3)) * x * x + 1;
      case 1: return (3 * (a + 2) * x - 2 * (a + 3)) * x;
      case 2: return 6 * (a + 2) * x - 2 * (a + 3);
      default: return order == 3 ? 6 * (a + 2) : T(0);
    }
  };
  auto far = [&](T x) {  // 1 <= |x| < 2
    switch (order) {
      case 0: return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
      case 1: return (3 * a * x - 10 * a) * x + 8 * a;
      case 2: return 6 * a * x - 10 * a;
      default: return order == 3 ? 6 * a : T(0);
    }
  };
  const T turn = order % 2 ? T(-1) : T(1);  // distances to the taps on the right fall as t grows
  w[0] = far(t + 1);
  w[1] = near(t);
  w[2] = turn * near(1 - t);
  w[3] = turn * far(2 - t);
}

// A coordinate from -1 to 1 as a place among `size` elements, rounded as PyTorch does it (images in one step,
// volumes not): a grid that maps an image to itself lies on the elements, where the last bit decides which
// side's slope counts.
template <class T> T place_of(const Sampler& s, T coordinate, int64_t size) {
  if (s.n == 2)
    return s.align_corners ? (coordinate + 1) * (T(size - 1) / 2)
                           : std::fma(coordinate + 1, T(size) / 2, T(-0.5));
  return s.align_corners ? (coordinate + 1) / 2 * T(size - 1) : ((coordinate + 1) * T(size) - 1) / 2;
}

// Where a coordinate reads, and with which weights. An index of -1 reads zero.
template <class T> void taps_of(const Sampler& s, int d, T coordinate, int64_t size, int64_t* at, T* w) {
  const T factor = s.align_corners ? T(size - 1) / 2 : T(size) / 2;
  T v = place_of(s, coordinate, size);
  const int64_t order = s.order[d];
  T slope = factor, sign;
  if (s.mode != kCubic) {
    v = bordered(s, v, size, &sign);
    slope *= sign;
  }
  auto index = [&](T i) { return i >= T(0) && i <= T(size - 1) ? int64_t(i) : int64_t(-1); };
  T scale = 1;
  for (int64_t i = 0; i < order; ++i) scale *= slope;
  if (s.mode == kNearest) {
    at[0] = index(std::nearbyint(v));
    w[0] = order ? T(0) : T(1);
    return;
  }
  const T low = std::floor(v), t = v - low;
  if (s.mode == kLinear) {
    at[0] = index(low);
    at[1] = index(low + 1);
    w[0] = order == 0 ? 1 - t : order == 1 ? -scale : T(0);
    w[1] = order == 0 ? t : order == 1 ? scale : T(0);
    return;
  }
  cubic_weights(t, order, w);
  for (int j = 0; j < 4; ++j) {
    w[j] *= scale;
    at[j] = index(bordered(s, low - 1 + T(j), size, &sign));
  }
}

// The taps of a block of points, each dimension's first and then all combinations.
template <class T> struct Block {
  int64_t at[64][kBlock];
  T weight[64][kBlock];
  int count;

  // grid: `points` coordinates (x, y, ...); sizes: slow to fast.
  void make(const Sampler& s, const T* grid, int64_t points, const int64_t* sizes) {
    const int each = s.taps();
    count = 1;
    for (int i = 0; i < s.n; ++i) count *= each;
    for (int64_t p = 0; p < points; ++p) {
      int64_t at1[3][4] = {};
      T w1[3][4];
      for (int d = 0; d < s.n; ++d) taps_of<T>(s, d, grid[p * s.n + d], sizes[s.n - 1 - d], at1[d], w1[d]);
      for (int k = 0; k < count; ++k) {
        const int a = k % each, b = k / each % each, c = k / each / each;
        const bool inside = at1[0][a] >= 0 && at1[1][b] >= 0 && (s.n == 2 || at1[2][c] >= 0);
        int64_t where = at1[1][b] * sizes[s.n - 1] + at1[0][a];
        T w = w1[0][a] * w1[1][b];
        if (s.n == 3) {
          where += at1[2][c] * sizes[1] * sizes[2];
          w *= w1[2][c];
        }
        at[k][p] = inside ? where : -1;
        weight[k][p] = w;
      }
    }
  }
};

int64_t product(const Dims& d, int from, int to) {
  int64_t n = 1;
  for (int i = from; i < to; ++i) n *= d[i];
  return n;
}

template <int N> struct Scatter;

template <int N> Tensor grid_gradient(const Sampler& s, const Tensor& x, const Tensor& grid, const Tensor& g);

// y[n, c, p] = sum over taps of weight(grid[n, p]) x[n, c, tap]
template <int N> struct Sample {
  static constexpr const char* node = N == 2 ? "GridSampler2DBackward0" : "GridSampler3DBackward0";
  static constexpr uint32_t saves = saves_input(0) | saves_input(1);
  Sampler s;
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
    const int64_t blocks = (count + kBlock - 1) / kBlock;
    parallel_pieces(batch * blocks, [&](int64_t piece) {
      const int64_t n = piece / blocks, first = piece % blocks * kBlock,
                    here = std::min(kBlock, count - first);
      Block<T> block;
      block.make(s, grid->as<T>() + (n * count + first) * N, here, image.v + 2);
      for (int64_t c = 0; c < channels; ++c) {
        const T* from = x->as<T>() + (n * channels + c) * plane;
        T* to = y->as<T>() + (n * channels + c) * count + first;
        for (int64_t p = 0; p < here; ++p) to[p] = 0;
        for (int k = 0; k < block.count; ++k)
          for (int64_t p = 0; p < here; ++p)
            to[p] += block.weight[k][p] * (block.at[k][p] >= 0 ? from[block.at[k][p]] : T(0));
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
  Sampler s;
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
    parallel_pieces(batch * groups, [&](int64_t piece) {
      const int64_t n = piece / groups, c0 = piece % groups * together,
                    c1 = std::min(channels, c0 + together);
      std::memset(x->as<T>() + (n * channels + c0) * plane, 0, size_t((c1 - c0) * plane) * sizeof(T));
      Block<T> block;
      for (int64_t first = 0; first < count; first += kBlock) {
        const int64_t here = std::min(kBlock, count - first);
        block.make(s, grid->as<T>() + (n * count + first) * N, here, image.v + 2);
        for (int64_t c = c0; c < c1; ++c) {
          T* to = x->as<T>() + (n * channels + c) * plane;
          const T* from = g->as<T>() + (n * channels + c) * count + first;
          for (int k = 0; k < block.count; ++k)
            for (int64_t p = 0; p < here; ++p)
              if (block.at[k][p] >= 0) to[block.at[k][p]] += block.weight[k][p] * from[p];
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
Tensor grid_gradient(const Sampler& s, const Tensor& x, const Tensor& grid, const Tensor& g) {
  if (s.mode == kNearest) return zeros(grid->shape(), grid->dtype, grid->device);
  Tensors parts;
  for (int d = 0; d < N; ++d) {
    Sampler next = s;
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
    fail(op, ": expected 4D or 5D input and grid with same number of dimensions, ", both());
  if (mode == kCubic && x->ndim == 5) fail(op, ": bicubic interpolation only supports 4D input");
  if (mode < 0 || mode > 2 || border < 0 || border > 2) fail(op, ": unknown interpolation or padding mode");
  if (!is_real_floating(x->dtype))
    fail<NotImplemented>(x->ndim == 4 ? "\"grid_sampler_2d_cpu_kernel_impl\"" : "\"grid_sampler3d_cpu\"",
                         " not implemented for '", c_name(x->dtype), "'");
  if (grid->dtype != x->dtype)
    fail("expected scalar type ", c_name(x->dtype), " but found ", c_name(grid->dtype));
  const Sampler s{x->ndim - 2, Interpolation(mode), Border(border), align_corners};
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
