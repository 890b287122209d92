// OpenBLAS from the package scipy-openblas32, loaded when something first asks for it: linear algebra beyond
// products (LAPACK), which we do not write ourselves. Products use cpu/gemm.h.
#pragma once
#include <string>
#include "core/error.h"

namespace facula {

struct LinAlgError : Error {  // torch.linalg.LinAlgError: a matrix that the method cannot cope with
  using Error::Error;
};

// How to find the shared library; set once by the Python layer. Returns its path, or "" if it is not
// installed.
void set_blas_locator(std::string (*)());

// The address of an exported function, for example blas_symbol("dgetrf_"); the package's prefix is added
// here. Fails with an error that names the package if it is not installed. The library uses one thread.
void* blas_symbol(const char* name);
bool blas_available();

}  // namespace facula
