// Runs one block kernel over operands of any layout and type: allocates the result, converts,
// broadcasts. Knows nothing of gradients.
#pragma once
#include "cpu/kernels.h"
#include "op/value.h"

namespace facula {

struct Execution {
  BlockFn kernel;
  const void* params;
  const Arg* in;
  int count;             // inputs
  int mask;              // the input that is bool, or -1
  DType computed;        // type of the other inputs' blocks
  DType result, stored;  // what the kernel writes, what the output tensor holds
  TensorImpl* into;      // where to write, or null
  std::string_view name;
};

Tensor execute(const Execution& e);
void store_scalar(char* to, DType t, Scalar s);        // checks that an integer fits
Dims strides_in_bytes(const TensorImpl& t, int ndim);  // as broadcast to ndim dimensions

}  // namespace facula
