// The sorting kernels of this machine.
#include "cpu/order.h"
#include "cpu/isa.h"

namespace facula {

FACULA_BY_ISA(OrderKernels, order_kernels)

}  // namespace facula
