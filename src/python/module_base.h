// The C base class of facula.nn.Module: attribute access and calls without Python frames.
// The rules of Module (what may be registered, hooks, state) live in facula/nn/modules/.
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>

namespace facula::python {

// Adds _ModuleBase and _watch_global_hooks to the extension module; -1 with an error set.
int add_module_base(PyObject* module);

}  // namespace facula::python
