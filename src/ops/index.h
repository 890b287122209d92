// How tensors are indexed by tensors: shared by index.cpp and scatter.cpp.
#pragma once
#include "ops/functions.h"

namespace facula {

// An integer index tensor as a contiguous int64 one; IndexError for other types.
Tensor index_values(const Tensor& index, const char* function);
// Copies one element of `item` bytes.
inline void copy_element(char* to, const char* from, int64_t item) {
  switch (item) {
    case 1: *to = *from; break;
    case 2: std::memcpy(to, from, 2); break;
    case 4: std::memcpy(to, from, 4); break;
    case 8: std::memcpy(to, from, 8); break;
    default: std::memcpy(to, from, 16);
  }
}
// to[i] += from[i] for elements of the type of a tensor.
template <class T> void add_element(T& to, T from) {
  if constexpr (is_complex_type<T>) to = T(to.re + from.re, to.im + from.im);
  else if constexpr (is_half_type<T>) to = T(float(to) + float(from));
  else to = T(to + from);
}

// x[mask] where only values are wanted; null where the general way is needed.
Tensor read_under_mask(const Tensor& x, const Tensors& indices);
// x[mask] = number where nothing is recorded: whether it was done.
bool fill_under_mask(TensorImpl& x, const Tensors& indices, const Tensor& value);

Tensor fill_with(const Tensor& self,
                 const Tensor& value);  // every element becomes that of a 0-dim tensor; recorded

}  // namespace facula
