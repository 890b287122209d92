// Drawing from the generator into dense buffers. Each function takes the words of the stream in PyTorch's
// order and turns them into PyTorch's values; which tensors are filled, in which order of elements, is
// decided in ops/random.cpp.
#pragma once
#include "core/dtype.h"
#include "core/random.h"

namespace facula {

// Compiled once per instruction set (cpu/blocks/random.cpp).
struct RandomKernels {
  void (*words)(Mersenne&, uint32_t* out, int64_t n);
  void (*uniform_float)(Mersenne&, float* out, int64_t n, float from,
                        float to);  // 24 random bits, a word each
  void (*uniform_double)(Mersenne&, double* out, int64_t n, double from,
                         double to);  // 53 bits, two words each
  // In place, on groups of 16 uniform numbers: numbers j and j + 8 of a group make two normal ones.
  void (*box_muller)(float* data, int64_t groups, float mean, float std);
  // In place, within two last bits of what libm gives: log(1 - u), and two normal numbers for two uniform
  // ones.
  void (*log_of_rest)(double* u, int64_t n);
  void (*normal_pairs)(double* u, int64_t pairs);
};
const RandomKernels& best_random_kernels();

// In all of these `data` holds n elements of type `t`. Complex buffers are filled as twice as many real
// elements.
void fill_uniform(Generator&, DType t, void* data, int64_t n, double from, double to);

// Dense tensors of 16 elements and more are filled in groups, all others one by one (`fill_normal_serial`):
// PyTorch has two streams of normal numbers, and which one is used depends on the layout of the tensor.
void fill_normal(Generator&, DType t, void* data, int64_t n, double mean, double std);
void fill_normal_serial(Generator&, DType t, void* data, int64_t n, double mean, double std);

void fill_bernoulli(Generator&, DType t, void* data, int64_t n, double p);
// A probability per element: float64 probabilities take two words each, all others one.
void fill_bernoulli(Generator&, DType t, void* data, DType p_type, const void* p, int64_t n);

void fill_exponential(Generator&, DType t, void* data, int64_t n, double rate);
void fill_geometric(Generator&, DType t, void* data, int64_t n, double p);
void fill_cauchy(Generator&, DType t, void* data, int64_t n, double median, double sigma);
void fill_log_normal(Generator&, DType t, void* data, int64_t n, double mean, double std);

// Integers base, ..., base + range - 1; range 0 means all 2^64.
void fill_integers(Generator&, DType t, void* data, int64_t n, uint64_t range, int64_t base);
// All integers from 0 that the type holds exactly.
void fill_integers(Generator&, DType t, void* data, int64_t n);

void fill_permutation(Generator&, DType t, void* data, int64_t n);

// Single numbers, evaluated by libm.
double uniform_double(Generator&);   // in [0, 1)
double standard_normal(Generator&);  // two come from each pair of uniform numbers

// Samples by rejection, which take as many numbers as they need (cpu/random_rejection.cpp).
void fill_poisson(Generator&, DType t, void* data, const void* rates, int64_t n);
double sample_gamma(Generator&, double shape);
double sample_binomial(Generator&, double count, double p);

}  // namespace facula
