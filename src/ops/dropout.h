// Dropout as other operations call it.
#pragma once
#include "core/tensor.h"

namespace facula {

Tensor dropout(const Tensor& x, double p, bool train);

}  // namespace facula
