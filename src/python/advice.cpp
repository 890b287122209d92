#include "python/advice.h"
#include "python/override.h"

namespace facula::python {

// An error that Python code raised (a hook, a subclass) has a traceback, and is left alone.
void add_advice(const char* operation, PyObject* self, PyObject* const* args, Py_ssize_t count,
                PyObject* keywords) noexcept {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  if (!value || traceback || !PyUnicode_Check(value)) return PyErr_Restore(type, value, traceback);
  try {
    const NoOverrides unseen;  // looking at the arguments is no call of the user's
    const Py_ssize_t named = keywords ? PyTuple_GET_SIZE(keywords) : 0, first = self ? 1 : 0;
    const Owned all(PyTuple_New(first + count + named));
    if (self) PyTuple_SET_ITEM(all.get(), 0, Py_NewRef(self));
    for (Py_ssize_t i = 0; i < count + named; ++i) PyTuple_SET_ITEM(all.get(), first + i, Py_NewRef(args[i]));
    const Owned more(PyObject_CallFunction(imported("facula._advice", "advise"), "OsOO", value, operation,
                                           all.get(), keywords ? keywords : Py_None));
    PyErr_SetObject(type, more.get());
    Py_DECREF(type);
    Py_DECREF(value);
  } catch (...) {  // the text of an error must never be the source of another
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
  }
}

}  // namespace facula::python
