// The recurrent kernels of this machine.
#include "cpu/rnn.h"
#include "cpu/isa.h"

namespace facula {

FACULA_BY_ISA(RnnKernels, rnn_kernels)

}  // namespace facula
