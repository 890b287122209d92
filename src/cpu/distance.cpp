// The distance kernels of this machine.
#include "cpu/distance.h"
#include "cpu/isa.h"

namespace facula {

FACULA_BY_ISA(DistanceKernels, distance_kernels)

}  // namespace facula
