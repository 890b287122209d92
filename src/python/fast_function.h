// A C function that takes its arguments as they lie on the interpreter's stack, names of keywords last.
#pragma once
#include <Python.h>

namespace facula::python {

using FastFunction = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);

}  // namespace facula::python
