// The attention kernels of this machine.
#include "cpu/attention.h"
#include "cpu/isa.h"

namespace facula {

FACULA_BY_ISA(AttentionKernels, attention_kernels)

}  // namespace facula
