// The optimizer kernels of this machine.
#include "cpu/optim.h"
#include "cpu/isa.h"

namespace facula {

FACULA_BY_ISA(OptimKernels, optim_kernels)

}  // namespace facula
