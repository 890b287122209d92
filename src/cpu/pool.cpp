#include "cpu/pool.h"
#include "cpu/isa.h"

namespace facula {

FACULA_BY_ISA(PoolTable, pool_kernels)

}  // namespace facula
