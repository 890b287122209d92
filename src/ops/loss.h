// What the losses share.
#pragma once
#include <optional>
#include <string_view>
#include "core/tensor.h"

namespace facula {

enum class Reduction : uint8_t { None, Mean, Sum };

// The meaning of reduction= and of the two arguments that came before it.
Reduction reduction_of(std::string_view text, std::optional<bool> size_average, std::optional<bool> reduce);
Tensor sum_all(const Tensor&);
Tensor reduce_loss(const Tensor& loss, Reduction);

}  // namespace facula
