// What torch.utils.deterministic asks for: memory that a factory or resize_ leaves unwritten holds a known
// value. Defined in ops/create.cpp.
#pragma once
#include "core/tensor.h"

namespace facula {

extern bool fills_new_memory;
// NaN, the largest number or true, in every element; in those of its memory that begin at byte `from`.
void fill_uninitialized(TensorImpl&);
void fill_uninitialized(TensorImpl&, size_t from);

}  // namespace facula
