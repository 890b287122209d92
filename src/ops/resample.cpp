// Resampling of signals and images: nearest neighbours are maps of indices (ops/pad.cpp); linear and cubic
// interpolation, with and without smoothing, are weighted sums along one dimension after another. The
// gradient is the same with the transposed weights.
#include <algorithm>
#include <cmath>
#include "core/parallel.h"
#include "cpu/conv.h"
#include "op/structural.h"
#include "ops/spatial.h"

namespace facula {

const ConvTable& best_conv_kernels();  // cpu/conv.cpp

namespace {

// Output o is the sum of weight[i] * input[at[i]] for first[o] <= i < first[o + 1].
struct Taps {
  int64_t in = 0, out = 0;
  std::vector<int64_t> first = {0};
  std::vector<int64_t> at;
  std::vector<double> weight;

  void add(int64_t index, double w) {
    for (size_t i = size_t(first.back()); i < at.size(); ++i)
      if (at[i] == index) {
        weight[i] += w;
        return;
      }
    at.push_back(index);
    weight.push_back(w);
  }
  void end_output() { first.push_back(int64_t(at.size())); }
};

Taps transposed(const Taps& t) {
  Taps r;
  r.in = t.out;
  r.out = t.in;
  std::vector<int64_t> count(size_t(t.in) + 1, 0);
  for (int64_t i : t.at) ++count[size_t(i) + 1];
  for (size_t i = 1; i < count.size(); ++i) count[i] += count[i - 1];
  r.first = count;
  r.at.resize(t.at.size());
  r.weight.resize(t.at.size());
  for (int64_t o = 0; o < t.out; ++o)
    for (int64_t i = t.first[size_t(o)]; i < t.first[size_t(o) + 1]; ++i) {
      const size_t to = size_t(count[size_t(t.at[size_t(i)])]++);
      r.at[to] = o;
      r.weight[to] = t.weight[size_t(i)];
    }
  return r;
}

// ---- Where an output lies, in PyTorch's arithmetic: float for float and narrower types

template <class F> F scale_of(int64_t in, int64_t out, bool align_corners, double given) {
  if (align_corners) return out > 1 ? F(in - 1) / F(out - 1) : F(0);
  return given > 0 ? F(1.0 / given) : F(in) / F(out);
}
template <class F> F source_of(F scale, int64_t o, bool align_corners, bool cubic) {
  if (align_corners) return scale * F(o);
  const F at = std::fma(scale, F(o) + F(0.5), F(-0.5));
  return !cubic && at < F(0) ? F(0) : at;
}

template <class F> F cubic_weight(F x, F a) {  // Keys' kernel
  x = std::fabs(x);
  if (x < F(1)) return ((a + F(2)) * x - (a + F(3))) * x * x + F(1);
  if (x < F(2)) return (((x - F(5)) * x + F(8)) * x - F(4)) * a;
  return F(0);
}

template <class F> Taps interpolating(int64_t in, int64_t out, bool align_corners, double given, bool cubic) {
  Taps t;
  t.in = in;
  t.out = out;
  const F scale = scale_of<F>(in, out, align_corners, given);
  for (int64_t o = 0; o < out; ++o) {
    if (!cubic && in == out) {
      t.add(o, 1);
      t.end_output();
      continue;
    }
    const F real = source_of<F>(scale, o, align_corners, cubic);
    const int64_t low = std::min(int64_t(std::floor(real)), in - 1);
    const F part = std::clamp(real - F(low), F(0), F(1));
    if (cubic) {
      for (int64_t j = -1; j <= 2; ++j)
        t.add(std::clamp<int64_t>(low + j, 0, in - 1), double(cubic_weight<F>(F(j) - part, F(-0.75))));
    } else {
      t.add(low, double(F(1) - part));
      if (low < in - 1) t.add(low + 1, double(part));
      else t.add(low, double(part));
    }
    t.end_output();
  }
  return t;
}

// Smoothed: the kernel is stretched where the result is smaller than the input, and its weights add up to
// one.
template <class F> Taps smoothing(int64_t in, int64_t out, bool align_corners, double given, bool cubic) {
  Taps t;
  t.in = in;
  t.out = out;
  const F scale = scale_of<F>(in, out, align_corners, given), reach = cubic ? F(2) : F(1);
  const F support = scale >= F(1) ? reach * scale : reach, inverse = scale >= F(1) ? F(1) / scale : F(1);
  for (int64_t o = 0; o < out; ++o) {
    const F center = scale * (F(o) + F(0.5));
    const int64_t from = std::max<int64_t>(int64_t(center - support + F(0.5)), 0);
    const int64_t to = std::min<int64_t>(int64_t(center + support + F(0.5)), in);
    F total = 0;
    std::vector<F> weights;
    for (int64_t j = from; j < to; ++j) {
      const F x = (F(j) - center + F(0.5)) * inverse;
      const F w = cubic ? cubic_weight<F>(x, F(-0.5)) : std::max(F(1) - std::fabs(x), F(0));
      weights.push_back(w);
      total += w;
    }
    for (int64_t j = from; j < to; ++j)
      t.add(j, double(total != F(0) ? weights[size_t(j - from)] / total : weights[size_t(j - from)]));
    t.end_output();
  }
  return t;
}

// ---- Sums along one dimension

template <class T> const ConvKernels<T>& row_kernels() {
  static const ConvTable& best = best_conv_kernels();
  if constexpr (std::is_same_v<T, float>) return best.f32;
  else return best.f64;
}

// [outer, in, inner] to [outer, out, inner].
template <class T> void along(const Taps& t, int64_t outer, int64_t inner, const T* x, T* y) {
  const std::vector<T> weight(t.weight.begin(), t.weight.end());
  if (inner == 1) {
    const int64_t together = std::max<int64_t>(1, 16384 / (t.out + 1));
    bool pairs = true;
    for (int64_t o = 0; o < t.out; ++o) pairs &= t.first[size_t(o) + 1] - t.first[size_t(o)] == 2;
    parallel_pieces((outer + together - 1) / together, [&](int64_t piece) {
      for (int64_t r = piece * together; r < std::min(outer, (piece + 1) * together); ++r) {
        const T* from = x + r * t.in;
        T* to = y + r * t.out;
        if (pairs) {
          for (int64_t o = 0; o < t.out; ++o)
            to[o] = weight[size_t(2 * o)] * from[t.at[size_t(2 * o)]] +
                    weight[size_t(2 * o + 1)] * from[t.at[size_t(2 * o + 1)]];
          continue;
        }
        for (int64_t o = 0; o < t.out; ++o) {
          T total = 0;
          for (size_t i = size_t(t.first[size_t(o)]); i < size_t(t.first[size_t(o) + 1]); ++i)
            total += weight[i] * from[t.at[i]];
          to[o] = total;
        }
      }
    });
    return;
  }
  std::vector<int64_t> offsets(t.at);
  for (int64_t& o : offsets) o *= inner;
  const int64_t rows = outer * t.out, together = std::max<int64_t>(1, 16384 / inner);
  parallel_pieces((rows + together - 1) / together, [&](int64_t piece) {
    for (int64_t r = piece * together; r < std::min(rows, (piece + 1) * together); ++r) {
      const int64_t o = r % t.out, i = t.first[size_t(o)];
      row_kernels<T>().row(x + r / t.out * t.in * inner, offsets.data() + i, weight.data() + i,
                           t.first[size_t(o) + 1] - i, T(0), false, y + r * inner, inner);
    }
  });
}

// Bytes: weights of 16 bits with as many binary places as the largest of them allows.
void along(const Taps& t, int64_t outer, int64_t inner, const uint8_t* x, uint8_t* y) {
  double most = 0;
  for (double w : t.weight) most = std::max(most, w);
  int places = 0;
  while (places < 22 && int(0.5 + most * double(1 << (places + 1))) < 1 << 15) ++places;
  std::vector<int> weight;
  for (double w : t.weight) weight.push_back(int(w * double(1 << places) + (w < 0 ? -0.5 : 0.5)));
  parallel_pieces(outer, [&](int64_t r) {
    const uint8_t* from = x + r * t.in * inner;
    uint8_t* to = y + r * t.out * inner;
    for (int64_t o = 0; o < t.out; ++o)
      for (int64_t k = 0; k < inner; ++k) {
        int total = places > 0 ? 1 << (places - 1) : 0;
        for (size_t i = size_t(t.first[size_t(o)]); i < size_t(t.first[size_t(o) + 1]); ++i)
          total += weight[i] * int(from[t.at[i] * inner + k]);
        to[o * inner + k] = uint8_t(std::clamp(total >> places, 0, 255));
      }
  });
}

constexpr const char* kNodes[] = {"UpsampleLinear1DBackward0",     "UpsampleBilinear2DBackward0",
                                  "UpsampleTrilinear3DBackward0",  "UpsampleBicubic2DBackward0",
                                  "UpsampleBilinear2DAaBackward0", "UpsampleBicubic2DAaBackward0"};

template <int Kind> struct Resample {
  static constexpr const char* node = kNodes[Kind];
  static constexpr uint32_t saves = kNothing;
  std::vector<Taps> taps;  // of the last dimensions
  bool backwards = false;  // the first dimension before the last

  Tensor forward(const Tensor& x) const {
    const int n = int(taps.size());
    Dims shape = x->shape();
    for (int i = 0; i < n; ++i) shape[shape.count - n + i] = taps[size_t(i)].out;
    if (x->is_meta()) return in_format(empty(x->dtype, shape, x->device), format_of(*x));
    const DType wide = compute_dtype(x->dtype);
    Tensor now = dense(x, wide);
    for (int step = 0; step < n; ++step) {
      const int i = backwards ? step : n - 1 - step, d = shape.count - n + i;
      const Taps& t = taps[size_t(i)];
      if (wide == DType::UInt8 && t.in == t.out) continue;
      Dims next = now->shape();
      next[d] = t.out;
      int64_t outer = 1, inner = 1;
      for (int k = 0; k < next.count; ++k)
        if (k != d) (k < d ? outer : inner) *= next[k];
      Tensor out = empty(wide, next);
      if (out->numel) {
        if (wide == DType::UInt8) along(t, outer, inner, now->as<uint8_t>(), out->as<uint8_t>());
        else if (wide == DType::Float32) along<float>(t, outer, inner, now->as<float>(), out->as<float>());
        else along<double>(t, outer, inner, now->as<double>(), out->as<double>());
      }
      now = std::move(out);
    }
    if (wide != x->dtype) now = converted(now, x->dtype);
    if (now.get() == x.get() || now->storage == x->storage) {
      Tensor copy = empty(x->dtype, shape);
      copy_into(*copy, *x);
      now = std::move(copy);
    }
    return in_format(std::move(now), format_of(*x));
  }
  void vjp(const Back& b, Tensor* d) const {
    Resample back{{}, !backwards};
    for (const Taps& t : taps) back.taps.push_back(transposed(t));
    d[0] = call_structural(back, b.g[0]);
  }
};

// ---- Arguments

enum Mode { kLinear, kCubic, kNearest, kNearestExact };

std::string sides(const Dims& d, int n) {
  constexpr const char* names[] = {"D: ", "H: ", "W: "};
  std::string s;
  for (int i = 0; i < n; ++i) s += concat(i ? ", " : "", names[3 - n + i], d[d.count - n + i]);
  return s;
}

std::vector<int64_t> nearest_indices(int64_t in, int64_t out, double given, bool exact, bool wide,
                                     bool image) {
  std::vector<int64_t> from;
  if (image && !exact && (out == in || out == 2 * in)) {  // whatever the scale that was given
    for (int64_t o = 0; o < out; ++o) from.push_back(out == in ? o : o / 2);
    return from;
  }
  auto run = [&]<class F>(F) {
    const F scale = scale_of<F>(in, out, false, given);
    for (int64_t o = 0; o < out; ++o) {
      const F at = exact ? scale * (F(o) + F(0.5)) : scale * F(o);
      from.push_back(std::clamp<int64_t>(int64_t(std::floor(at)), 0, in - 1));
    }
  };
  if (wide) run(double{});
  else run(float{});
  return from;
}

// mode: a Mode. size: of the result; scales: given in place of ratios of sizes where over zero.
Tensor upsample(const Tensor& x, int64_t mode, const Dims& size, bool align_corners,
                const std::vector<double>& scales, bool antialias) {
  const int n = size.count;
  if (n < 1 || n > 3 || x->ndim != n + 2)
    fail("It is expected input_size equals to ", n + 2, ", but got size ", int(x->ndim));
  Dims out = x->shape();
  bool positive = true;
  for (int i = 0; i < n; ++i) {
    out[2 + i] = size[i];
    positive &= size[i] > 0 && x->sizes[2 + i] > 0;
    check_extent(size[i]);
    check_extent(x->sizes[2 + i]);
  }
  if (!positive)
    fail("Input and output sizes should be greater than 0, but got input (", sides(x->shape(), n),
         n == 1 ? ") and output (" : ") output (", sides(out, n), ")");
  if (x->sizes[1] == 0 || (x->numel == 0 && x->sizes[0] != 0))
    fail("Non-empty ", n + 2, "D data tensor expected but got a tensor with sizes ", to_string(x->shape()));
  const bool bytes = x->dtype == DType::UInt8;
  if (!is_real_floating(x->dtype) && !(bytes && (mode >= kNearest || n == 2))) {
    constexpr const char* kNames[][3] = {
        {"compute_indices_weights_linear", "upsample_bilinear2d_channels_last",
         "upsample_trilinear3d_channels_last"},
        {"", "compute_indices_weights_cubic", ""},
        {"compute_indices_weights_nearest", "upsample_nearest2d_channels_last",
         "upsample_nearest3d_channels_last"},
        {"compute_indices_weights_nearest", "upsample_nearest2d_channels_last",
         "upsample_nearest3d_channels_last"}};
    fail<NotImplemented>("\"", kNames[mode][n - 1], "\" not implemented for '", c_name(x->dtype), "'");
  }
  if (antialias && is_half(x->dtype))
    fail<NotImplemented>("\"compute_index_ranges_weights\" not implemented for '", c_name(x->dtype), "'");
  auto scale = [&](int i) { return scales.empty() ? 0.0 : scales[size_t(i)]; };
  if (mode >= kNearest) {
    IndexMaps maps;
    for (int i = 0; i < n; ++i)
      maps.push_back(nearest_indices(x->sizes[2 + i], size[i], scale(i), mode == kNearestExact,
                                     x->dtype == DType::Float64, n == 2));
    return map_indices(x, maps, mode == kNearest ? MapKind::Nearest : MapKind::NearestExact);
  }
  std::vector<Taps> taps;
  for (int i = 0; i < n; ++i) {
    auto make = [&]<class F>(F) {
      taps.push_back((antialias ? smoothing<F> : interpolating<F>)(x->sizes[2 + i], size[i], align_corners,
                                                                   scale(i), mode == kCubic));
    };
    if (bytes || x->dtype == DType::Float64) make(double{});
    else make(float{});
  }
  if (antialias)
    return mode == kLinear ? call_structural(Resample<4>{taps}, x) : call_structural(Resample<5>{taps}, x);
  if (mode == kCubic) return call_structural(Resample<3>{taps}, x);
  return n == 1   ? call_structural(Resample<0>{taps}, x)
         : n == 2 ? call_structural(Resample<1>{taps}, x)
                  : call_structural(Resample<2>{taps}, x);
}

}  // namespace

static constexpr OpEntry entries[] = {
    fn<upsample>(
        "_upsample(Tensor input, int mode, int[] size, bool align_corners, float[] scales, bool antialias)",
        kPrivate | kFold),
};
FACULA_ENTRIES(resample)

}  // namespace facula
