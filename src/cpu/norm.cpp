// The normalisation kernels of this machine.
#include "cpu/norm.h"
#include "cpu/isa.h"

namespace facula {

FACULA_BY_ISA(NormKernels, norm_kernels)

}  // namespace facula
