// The kernels of grid sampling of this machine.
#include "cpu/grid_sample.h"
#include "cpu/isa.h"

namespace facula {

FACULA_BY_ISA(GridKernels, grid_kernels)

}  // namespace facula
