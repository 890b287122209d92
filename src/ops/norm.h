// What the normalisations share.
#pragma once
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {

// The parameters of a normalisation have the input's type, or are float32 where it is a 16-bit one. Returns
// whether they are those. Null parameters count for nothing.
bool mixed_parameters(const Tensor& x, std::initializer_list<Tensor> parameters);
void require_floating(const Tensor& x, const char* kernel);

inline Tensor cast_back(const Tensor& t, DType to) {  // not recorded
  return t->dtype == to ? t : converted(t, to);
}

}  // namespace facula
