// The fused steps of facula.optim.
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>

namespace facula::python {

// Adds _sgd_step, _adam_step and _clear_grads to the extension module; -1 with an error set.
int add_optim(PyObject* module);
int add_optim_steps(PyObject* module);  // _fused_step (optim_steps.cpp)

}  // namespace facula::python
