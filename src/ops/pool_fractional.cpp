// Fractional max pooling: windows of a given size whose places depend on a random number for each plane and
// dimension (Graham, Fractional Max-Pooling, 2014).
#include <cmath>
#include "op/structural.h"
#include "ops/pool.h"

namespace facula {
namespace {

// The starts of `out` windows of `kernel` elements in `in`. Arithmetic is in the samples' type, as the starts
// depend on how it rounds.
template <class T> void starts(T sample, int64_t in, int64_t out, int64_t kernel, int64_t* to) {
  if (out > 1) {
    auto rounded = [](float v) { return v; };
    if constexpr (is_half_type<T>) {
      const float alpha = T(float(in - kernel) / float(T(float(out - 1))));
      const float s = sample;
      (void)rounded;
      for (int64_t i = 0; i + 1 < out; ++i)
        to[i] = int64_t(int(float(T(float(T(float(T(float(i))) + s)) * alpha)))) -
                int64_t(int(float(T(s * alpha))));
    } else {
      const T alpha = T(in - kernel) / T(out - 1);
      for (int64_t i = 0; i + 1 < out; ++i)
        to[i] = int64_t(int((T(i) + sample) * alpha)) - int64_t(int(sample * alpha));
    }
  }
  if (out > 0) to[out - 1] = in - kernel;
}

template <int N> struct FractionalMaxPool {
  static constexpr const char* node =
      N == 2 ? "FractionalMaxPool2DBackward0" : "FractionalMaxPool3DBackward0";
  static constexpr uint32_t saves = kOutput;
  static constexpr bool chooses = true;
  Dims kernel, size;
  Dims shape{};

  std::vector<Tensor> forward(const Tensor& x, const Tensor& samples) {
    shape = x->shape();
    Dims out = shape;
    Dims in{1, 1, 1}, window{1, 1, 1}, to{1, 1, 1};
    for (int i = 0; i < N; ++i) {
      out[out.count - N + i] = size[i];
      in[3 - N + i] = shape[shape.count - N + i];
      window[3 - N + i] = kernel[i];
      to[3 - N + i] = size[i];
    }
    Tensor values = empty(x->dtype, out, x->device), indices = empty(DType::Int64, out, x->device);
    if (x->is_meta() || values->numel == 0) return {values, indices};
    const Tensor from = dense(x), random = dense(samples);
    const int64_t in_plane = in.numel(), out_plane = to.numel(), planes = values->numel / out_plane;
    visit(x->dtype, [&]<class T>(T) {
      if constexpr (!std::is_integral_v<T> && !is_complex_type<T>)
        each_plane(planes, out_plane * window.numel(), [&](int64_t p) {
          std::vector<int64_t> at[3];
          for (int d = 0; d < 3; ++d) {
            at[d].resize(size_t(to[d]));
            // Two dimensions: the first number is the width's; three: depth, height, width.
            const int which = N == 2 ? 2 - d : d;
            if (N == 2 && d == 0) at[d][0] = 0;
            else starts<T>(random->as<T>()[p * N + which], in[d], to[d], window[d], at[d].data());
          }
          const T* plane = from->as<T>() + p * in_plane;
          int64_t o = p * out_plane;
          for (int64_t z0 : at[0])
            for (int64_t y0 : at[1])
              for (int64_t x0 : at[2]) {
                int64_t best = (z0 * in[1] + y0) * in[2] + x0;
                float_or<T> top = -INFINITY;
                for (int64_t z = z0; z < z0 + window[0]; ++z)
                  for (int64_t y = y0; y < y0 + window[1]; ++y)
                    for (int64_t k = x0; k < x0 + window[2]; ++k) {
                      const int64_t i = (z * in[1] + y) * in[2] + k;
                      const float_or<T> v = plane[i];
                      if (v > top || v != v) top = v, best = i;
                    }
                values->as<T>()[o] = plane[best];
                indices->as<int64_t>()[o++] = best;
              }
        });
    });
    return {values, indices};
  }
  void vjp(const Back& b, Tensor* d) const {
    if (b.g[0])
      d[0] = call_structural(AddAt{shape, N}, b.g[0], b.out[1], history_of(b, 0, shape, b.g[0]->dtype));
  }

 private:
  template <class T> using float_or = std::conditional_t<is_half_type<T>, float, T>;
};

template <int N>
std::vector<Tensor> fractional(const Tensor& x, const Dims& kernel, const Dims& size, const Tensor& samples) {
  constexpr const char* op = N == 2 ? "fractional_max_pool2d()" : "fractional_max_pool3d_out()";
  constexpr const char* sides[] = {"time", "height", "width"};
  const Dims &k = kernel, &out = size;  // Python gives each number, PyTorch takes no shorter tuple
  if (k.count != N)
    fail(N == 2 ? "fractional_max_pool2d: kernel_size must either be a single Int or tuple of Ints"
                : "fractional_max_pool3d: kernel_size must either be a single Int or tuple of three Ints");
  if (out.count != N)
    fail(N == 2 ? "fractional_max_pool2d: output_size must either be a single Int or tuple of Ints"
                : "fractional_max_pool3d: output_size must either be a single Int or tuple of three Ints");
  if (x->ndim != N + 1 && x->ndim != N + 2)
    fail(op, ": Expected ", N + 1, "D or ", N + 2, "D tensor, but got: ", to_string(x->shape()));
  for (int d = x->ndim == N + 2 ? 1 : 0; d < x->ndim; ++d)
    if (x->sizes[d] == 0)
      fail(op, ": Expected input to have non-zero size for non-batch dimensions, but got ",
           to_string(x->shape()), " with dimension ", d, " being empty.");
  for (int i = 0; i < N; ++i)
    if (k[i] < 1 || out[i] < 0) fail(op, ": kernel and output sizes must be greater than zero");
  for (int i = 0; i < N; ++i) {
    const int64_t in = x->sizes[x->ndim - N + i];
    if (out[i] + k[i] - 1 > in - (N == 3 ? 1 : 0))
      fail(op, ": pool ", sides[3 - N + i], " ", k[i], " too large relative to input ", sides[3 - N + i], " ",
           in);
  }
  if (!is_real_floating(x->dtype))
    fail<NotImplemented>("\"fractional_max_pool", N, "d_out_frame\" not implemented for '", c_name(x->dtype),
                         "'");
  if (samples->dtype != x->dtype) fail("Expect _random_samples to have the same dtype as input");
  const int64_t batch = x->ndim == N + 2 ? x->sizes[0] : 1, channels = x->sizes[x->ndim - N - 1];
  if (samples->ndim != 3) fail("Expect _random_samples to have 3 dimensions, got ", int(samples->ndim));
  if (samples->sizes[0] < batch) fail("Expect _random_samples.size(0) no less then input batch size.");
  if (samples->sizes[1] != channels) fail("Expect _random_samples.size(1) equals to input channel size.");
  if (samples->sizes[2] != N)
    fail("Expect _random_samples.size(2) equals to ", N, "; got ", samples->sizes[2], ".");
  const Tensor s = samples;
  return call_structural(FractionalMaxPool<N>{k, out}, x, s);
}

}  // namespace

static constexpr OpEntry entries[] = {
    fn<fractional<2>>(
        "_fractional_max_pool2d(Tensor input, int[1] kernel_size, int[1] output_size, Tensor samples)",
        kPrivate | kFold),
    fn<fractional<3>>(
        "_fractional_max_pool3d(Tensor input, int[1] kernel_size, int[1] output_size, Tensor samples)",
        kPrivate | kFold),
};
FACULA_ENTRIES(pool_fractional)

}  // namespace facula
