// Convolution over raw memory, described by taps: an output position reads the input at fixed distances. A
// plain convolution is one such description; a transposed one is one for each phase of its stride.
#pragma once
#include <cstdint>
#include <vector>

namespace facula {

// One spatial dimension: output o reads input o * step + offsets[t], zero outside the input.
struct ConvAxis {
  int64_t out = 1, in = 1, step = 1;
  std::vector<int64_t> offsets = {0};  // by tap
  int64_t out_stride = 0;              // of y, in elements
};

struct ConvPlan {
  int64_t batch, groups, in_channels, out_channels;  // channels of one group
  ConvAxis axis[3];                                  // slow to fast
  int64_t y_batch = 0, y_channel = 0;                // strides of y
  bool accumulate = false;                           // add to y

  int64_t taps() const {
    return int64_t(axis[0].offsets.size() * axis[1].offsets.size() * axis[2].offsets.size());
  }
  int64_t inner() const { return in_channels * taps(); }  // what one output element sums over
  int64_t pixels() const { return axis[0].out * axis[1].out * axis[2].out; }
};

// y[n, g, o, position] = bias[g, o] + sum over channels c and taps t of w[g, o, c, t] x[n, g, c, read
// position]. x and w are dense in this order; y has the plan's strides; bias may be null. T: float, double,
// int64_t.
template <class T> void convolve(const ConvPlan&, const T* x, const T* w, const T* bias, T* y);

// w[g, o, c, t] = sum over n and positions of y[n, g, o, position] x[n, g, c, read position]; all dense.
// T: float, double.
template <class T> void convolve_weight(const ConvPlan&, const T* x, const T* y, T* w);

struct ConvSegment {  // `count` neighbouring positions of a tile, from `from` in the image
  int64_t from, to, count;
};

template <class T> struct ConvKernels {
  // to[k * pitch + s.to + i] = image[offsets[k] + s.from + i] for every segment s. Whole vectors are written:
  // what lies behind a row is overwritten, up to a vector past the last. Nothing at or after `end` is read.
  void (*gather)(const T* image, const T* end, const int64_t* offsets, int64_t depth, const ConvSegment*,
                 int segments, T* to, int64_t pitch);
  // y[i] (+)= bias + sum over k of w[k] x[offsets[k] + i], reading nothing past n elements.
  void (*row)(const T* x, const int64_t* offsets, const T* w, int64_t depth, T bias, bool add, T* y,
              int64_t n);
  // sums[k] += sum over i of y[i] x[offsets[k] + i]
  void (*dots)(const T* x, const int64_t* offsets, int64_t depth, const T* y, int64_t n, T* sums);
};
struct ConvTable {
  ConvKernels<float> f32;
  ConvKernels<double> f64;
};

}  // namespace facula
