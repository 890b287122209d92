// Resampling along one dimension at a time, as tables of weights.
#pragma once
#include "ops/spatial.h"

namespace facula {

// Output o is the sum of weight[first[o] + i] * input[at[first[o] + i]] for its taps.
struct Taps {
  int64_t in, out;
  std::vector<int64_t> first;  // out + 1 of them
  std::vector<int64_t> at;
  std::vector<double> weight;
};
Taps transposed(const Taps&);

enum class Filter : uint8_t { Linear, Cubic };
// `scale`: given by the caller and used in place of in / out, where over zero.
Taps resampling(Filter, int64_t in, int64_t out, bool align_corners, double scale, DType compute);
Taps antialiased(Filter, int64_t in, int64_t out, bool align_corners, double scale, DType compute);

}  // namespace facula
