// C functions for methods, one per group of overloads: a method descriptor gives its function nothing but the
// tensor, so the group must be known to the code. (Module functions carry their group as `self`.)
#pragma once
#include "python/fast_function.h"

namespace facula::python {

inline constexpr int kThunks = 1280;
FastFunction method_thunk(int i);
FastFunction inplace_thunk(int i);
// The call of the group with this number (call.cpp).
PyObject* call_method_of(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords,
                         int group) noexcept;
PyObject* call_inplace_of(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords,
                          int group) noexcept;

}  // namespace facula::python
