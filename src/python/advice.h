// What an error of an operation says after PyTorch's text: the arguments with their shapes, and one change to
// make. Everything is put together in facula/_advice.py, and only once an error has been raised.
#pragma once
#include "python/convert.h"

namespace facula::python {

// The Python error is set, by our code: lengthens its text. `self`, when given, goes before the arguments.
void add_advice(const char* operation, PyObject* self, PyObject* const* args, Py_ssize_t count,
                PyObject* keywords) noexcept;

// The result as it is; for a null one advice is added to its error.
inline PyObject* advised(PyObject* result, const char* operation, PyObject* self, PyObject* const* args,
                         Py_ssize_t count, PyObject* keywords) {
  if (!result) [[unlikely]]
    add_advice(operation, self, args, count, keywords);
  return result;
}

}  // namespace facula::python
