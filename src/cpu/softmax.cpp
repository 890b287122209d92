// The softmax kernels of this machine.
#include "cpu/softmax.h"
#include "cpu/isa.h"

namespace facula {

FACULA_BY_ISA(SoftmaxKernels, softmax_kernels)

}  // namespace facula
