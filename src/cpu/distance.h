// Kernels of distances from one point to many.
#pragma once
#include <cstdint>

namespace facula {

// to[j] = norm(x - column j of ys): ys is `length` rows of `count` numbers, `step` apart.
template <class T>
using DistanceFn = void (*)(const T* x, const T* ys, int64_t length, int64_t step, int64_t count, T* to);

template <class T> struct Distances { DistanceFn<T> sum, euclidean, largest; };
struct DistanceKernels {
  Distances<float> of_float;
  Distances<double> of_double;
};
const DistanceKernels& best_distance_kernels();

}  // namespace facula
