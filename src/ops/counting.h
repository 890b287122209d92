// Counting integers of a small range in a table, where sorting would cost more.
#pragma once
#include "op/structural.h"

namespace facula {

struct Range {
  int64_t low, high;
  uint64_t width() const { return uint64_t(high) - uint64_t(low); }  // one less than how many numbers it has
};
// Of a contiguous tensor of integers (up to int64) or bools with elements.
Range range_of(const Tensor& x);

// counts[v - low] += how many elements are v, of a contiguous tensor; `bins` counts.
void count_values(const Tensor& x, int64_t low, int64_t bins, int64_t* counts);

// to[i] = table[x[i] - low], of a contiguous tensor.
void look_up(const Tensor& x, int64_t low, const int64_t* table, int64_t* to);

}  // namespace facula
