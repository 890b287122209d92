// What the pooling families share: windows, a dimension at a time, and the checks of their parameters.
#pragma once
#include <algorithm>
#include "core/parallel.h"
#include "cpu/pool.h"
#include "op/structural.h"
#include "ops/spatial.h"

namespace facula {

// One spatial dimension. Output o covers in[start[o]], in[start[o] + step], ... below end[o].
struct PoolAxis {
  int64_t in = 1, out = 1, step = 1;
  std::vector<int64_t> start = {0}, end = {1}, count = {1};  // count: what an average divides by
  // Sliding windows also have this form: o * stride - padding + k * step, cut to the input.
  int64_t kernel = 1, stride = 1, padding = 0;
  bool sliding = true;
  int64_t first_tap = 0, last_tap = 1;  // those that some window finds inside
  bool whole = false;                   // count is that of the cut window

  static PoolAxis slide(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t padding,
                        int64_t dilation, bool count_padding) {
    check_extent(out);
    PoolAxis a;
    a.in = in;
    a.out = out;
    a.step = dilation;
    a.kernel = kernel;
    a.stride = stride;
    a.padding = padding;
    a.first_tap = std::max<int64_t>(0, (padding - (out - 1) * stride) / dilation);
    a.last_tap = std::min(kernel, (in - 1 + padding) / dilation + 1);
    a.start.clear(), a.end.clear(), a.count.clear();
    for (int64_t o = 0; o < out; ++o) {
      int64_t first = o * stride - padding;
      const int64_t last = std::min(first + (kernel - 1) * dilation + 1, in + padding);
      const int64_t cut = std::min(last, in), all = last - first;
      if (first < 0) first += (-first + dilation - 1) / dilation * dilation;
      a.start.push_back(first);
      a.end.push_back(cut);
      a.count.push_back(count_padding ? all : cut - first);
    }
    return a;
  }
  static PoolAxis adaptive(int64_t in, int64_t out) {
    check_extent(out);
    PoolAxis a;
    a.in = in;
    a.out = out;
    a.sliding = false;
    a.start.clear(), a.end.clear(), a.count.clear();
    for (int64_t o = 0; o < out; ++o) {
      a.start.push_back(o * in / out);
      a.end.push_back(((o + 1) * in + out - 1) / out);
      a.count.push_back(a.end.back() - a.start.back());
    }
    return a;
  }
  // The outputs [first, last) for which tap k of the window lies inside.
  void inside(int64_t k, int64_t* first, int64_t* last) const {
    const int64_t at = k * step - padding;
    *first = std::min(at >= 0 ? 0 : (-at + stride - 1) / stride, out);
    *last = at >= in ? *first : std::clamp((in - 1 - at) / stride + 1, *first, out);
  }
};

struct PoolShape {
  PoolAxis axis[3];  // slow to fast
  int64_t in_plane() const { return axis[0].in * axis[1].in * axis[2].in; }
  int64_t out_plane() const { return axis[0].out * axis[1].out * axis[2].out; }
};

template <class T> const PoolRows<T>& pool_rows() {
  static const PoolTable& best = best_pool_kernels();
  if constexpr (std::is_same_v<T, float>) return best.f32;
  else return best.f64;
}

// f(plane) for each, in parallel when there is much to do. f may not allocate through core/allocator.h.
template <class F> void each_plane(int64_t planes, int64_t work, F&& f) {
  const int64_t together = std::max<int64_t>(1, 32768 / std::max<int64_t>(work, 1));
  parallel_pieces((planes + together - 1) / together, [&](int64_t piece) {
    for (int64_t p = piece * together; p < std::min(planes, (piece + 1) * together); ++p) f(p);
  });
}

// The parameters of sliding windows over the last N dimensions, complete.
struct PoolParams {
  Dims kernel, stride, padding, dilation;
  bool ceil_mode;
};

inline int64_t pooled_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation,
                           bool ceil) {
  const int64_t room = in + 2 * padding - dilation * (kernel - 1) - 1 + (ceil ? stride - 1 : 0);
  int64_t out = (room >= 0 ? room / stride : -((-room + stride - 1) / stride)) + 1;
  if (ceil && (out - 1) * stride >= in + padding) --out;
  return out;
}

inline Dims pool_param(const Dims& given, int n, const char* op, const char* what,
                       bool may_be_omitted = false) {
  if (given.count == n) return given;
  if (given.count != 1)
    fail(op, ": ", what, " must either be ", may_be_omitted ? "omitted, " : "",
         "a single int, or a tuple of ", n == 2 ? "two" : "three", " ints");
  return Dims::filled(n, given[0]);
}

inline PoolParams pool_params(const char* op, int n, const Dims& kernel, const OptDims& stride,
                              const Dims& padding, const Dims& dilation, bool ceil_mode) {
  PoolParams p;
  p.kernel = pool_param(kernel, n, op, "kernel_size");
  p.stride = stride && stride->count ? pool_param(*stride, n, op, "stride", true) : p.kernel;
  p.padding = pool_param(padding, n, op, "padding");
  p.dilation = pool_param(dilation, n, op, "dilation");
  p.ceil_mode = ceil_mode;
  return p;
}

// Checks the parameters against the input, (N, C, ...) or (C, ...), and gives the output's spatial sizes.
Dims pooled_shape(const char* op, int n, const Tensor& x, const PoolParams&);

// The memory format of a result, which is that of the images; some kernels of volumes only know one.
inline MemoryFormat pooled_format(const Tensor& x, int n, bool adaptive, bool maxima) {
  if (n == 3 && maxima && !adaptive && x->ndim == 4) {
    const Dims one{1, x->sizes[0], x->sizes[1], x->sizes[2], x->sizes[3]},
        wanted = format_strides(one, MemoryFormat::ChannelsLast3d);
    bool last = !x->contiguous;
    for (int d = 0; d < 4; ++d) last &= x->sizes[d] == 1 || x->strides[d] == wanted[d + 1];
    return last ? MemoryFormat::ChannelsLast3d : MemoryFormat::Contiguous;
  }
  return n == 3 && (adaptive || !maxima) ? MemoryFormat::Contiguous : suggested_format(*x);
}
// As in_format, of (C, D, H, W) too.
inline Tensor in_pooled_format(Tensor t, MemoryFormat format) {
  if (format == MemoryFormat::ChannelsLast3d && t->ndim == 4)
    return squeeze(in_format(unsqueeze(t, 0), format), 0);
  return in_format(std::move(t), format);
}
// PyTorch refuses gradients of adaptive pooling without elements, but for the first dimension.
inline void check_adaptive_gradient(const char* op, const Tensor& g) {
  for (int d = 1; d < g->ndim; ++d)
    if (g->sizes[d] == 0)
      fail(op, "_backward(): Expected grad_output to have non-zero size for non-batch dimensions, but ",
           "grad_output has sizes ", to_string(g->shape()), " with dimension ", d, " being empty");
}

// ops/pool_max.cpp: with indices into each plane (int64). to[index] = or += x, and x[index].
Tensor place_at(const Tensor& x, const Tensor& indices, const Dims& shape, int n, const char* node);
struct AddAt {
  static constexpr const char* node = "MaxPoolBackwardBackward0";
  static constexpr uint32_t saves = saves_input(1);
  Dims shape;  // of the result
  int n;       // spatial dimensions
  Tensor forward(const Tensor& g, const Tensor& indices, const Tensor& history) const;
  void vjp(const Back& b, Tensor* d) const;
};
struct TakeAt {
  static constexpr const char* node = "MaxPoolTakeBackward0";
  static constexpr uint32_t saves = saves_input(1);
  int n;
  Dims shape{};
  Tensor forward(const Tensor& x, const Tensor& indices);
  void vjp(const Back& b, Tensor* d) const {
    d[0] = call_structural(AddAt{shape, n}, b.g[0], b.in[1], Tensor());
  }
};
inline void AddAt::vjp(const Back& b, Tensor* d) const {
  if (b.needs(0)) d[0] = call_structural(TakeAt{n}, b.g[0], b.in[1]);
  if (b.needs(2)) d[2] = zeros(shape, b.g[0]->dtype, b.g[0]->device);
}

}  // namespace facula
