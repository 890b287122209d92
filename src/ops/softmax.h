// Softmax as other operations call it.
#pragma once
#include "core/tensor.h"

namespace facula {

Tensor softmax(const Tensor&, int64_t dim);

}  // namespace facula
