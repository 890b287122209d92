// Kernels of grid sampling: what each point of a block reads, and sums over it.
#pragma once
#include <cstdint>
#include <type_traits>

namespace facula {

inline constexpr int64_t kGridBlock = 64;  // points
inline constexpr int64_t kMostGridPixels = INT32_MAX;

struct GridSampler {
  enum Interpolation { Linear, Nearest, Cubic };
  enum Border { Zeros, Edge, Reflection };
  int n;  // spatial dimensions
  Interpolation mode;
  Border border;
  bool align_corners;
  int64_t order[3] = {0, 0, 0};  // of the derivative, by coordinate: x, y, z
  int taps() const { return mode == Linear ? 2 : mode == Nearest ? 1 : 4; }  // of a coordinate
};

// Tap k of point p lies at [k * kGridBlock + p]: all combinations of each coordinate's taps.
template <class T> struct GridTaps {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  int32_t at[16 * kGridBlock];  // in the image; 0 where the tap is outside
  T weight[16 * kGridBlock];
  Bits inside[16 * kGridBlock];  // all bits or none
  int count;                     // of a point: 1, 4, 8 or 16
  bool whole;                    // no tap is outside
};

template <class T> struct GridKernelsOf {
  // grid: `points` coordinates (x, y, ...); sizes: slow to fast.
  void (*make)(const GridSampler& s, const T* grid, int64_t points, const int64_t* sizes, GridTaps<T>& to);
  // to[p] = the sum over taps of weight times element
  void (*read)(const GridTaps<T>& taps, const T* from, int64_t points, T* to);
  // The transpose: to[tap] += weight * from[p]
  void (*add)(const GridTaps<T>& taps, const T* from, int64_t points, T* to);
};
struct GridKernels {
  GridKernelsOf<float> f32;
  GridKernelsOf<double> f64;
  template <class T> const GridKernelsOf<T>& of() const {
    if constexpr (sizeof(T) == 4) return f32;
    else return f64;
  }
};
const GridKernels& best_grid_kernels();

}  // namespace facula
