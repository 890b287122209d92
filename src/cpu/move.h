// Copies of elements between two strided places: nothing but the size of an element counts.
#pragma once
#include "core/dims.h"

namespace facula {

struct MoveKernels {  // by size of the element: 1, 2, 4, 8, 16 bytes; strides are in bytes
  void (*row[5])(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n);
  // to[i][j] = from[j][i]: the second index of `to` and the first of `from` have the strides that are given,
  // the others are dense.
  void (*turn[5])(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t rows,
                  int64_t columns);
};
const MoveKernels& best_move_kernels();

// Strides may be zero in `from` and negative in both; the places are equal or apart.
void move_elements(const Dims& sizes, int64_t item, char* to, const Dims& to_strides, const char* from,
                   const Dims& from_strides);

}  // namespace facula
