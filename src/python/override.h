// __torch_function__: classes and modes that see the calls they are part of. Whoever is called from Python
// asks overridden() or any_override() first, and hands the call to override_call() where the answer is yes.
#pragma once
#include "python/convert.h"

namespace facula::python {

// A TorchFunctionMode is on. The one test that calls on plain tensors pay.
extern thread_local constinit bool override_modes [[gnu::tls_model("initial-exec")]];

struct NoOverrides {  // until the end of the scope nobody is asked
  uint8_t previous;
  NoOverrides();
  ~NoOverrides();
  NoOverrides(const NoOverrides&) = delete;
};
struct CallersOverrides {  // for a thread that goes on with what another one, which waits, was doing
  std::vector<PyObject*> modes;
  uint8_t off;
  CallersOverrides();
  void take_over() const;
  void let_go() const;
};
// Whether this class, which is not Tensor itself, has a __torch_function__ that is to be asked now.
bool has_override(PyTypeObject* type);
inline bool overridden(PyObject* o) {
  return override_modes || (Py_TYPE(o) != &TensorType && has_override(Py_TYPE(o)));
}
// The same of all arguments, those in lists and tuples as well.
bool any_override(PyObject* const* args, Py_ssize_t count);

enum class Style : uint8_t {
  Native,  // handlers are told the classes that override, and no keywords as None
  Self,    // and the class of the first argument in any case
  Python,  // as functions written in Python do: the classes of all tensors; no keywords as {}
};
// Asks modes, then classes. `function`: what the user called. Throws TypeError where nobody answers.
PyObject* override_call(PyObject* function, PyObject* const* args, Py_ssize_t count, PyObject* keywords,
                        Style style = Style::Native);
PyObject* override_method(const char* name, PyObject* const* args, Py_ssize_t count, PyObject* keywords,
                          Style style = Style::Native);
// Of an operator: a TypeError on the way is NotImplemented.
PyObject* override_operator(const char* name, PyObject* a, PyObject* b, Style style = Style::Native);

// The method with that question asked before; methods on classes are left as they are.
PyMethodDef overridable(PyMethodDef);
void make_overridable(PyGetSetDef* attributes);  // a table that ends with {}
// A module's function that makes tensors of other data: modes are asked before, classes are not.
void add_overridable(PyObject* module, const PyMethodDef&);

PyObject* torch_function(PyObject* type, PyObject* args, PyObject* keywords);  // Tensor.__torch_function__
PyObject* disabled_impl(PyObject*, PyObject* args);       // Parameter's: calls with classes not being asked
PyObject* as_subclass(PyObject* tensor, PyObject* type);  // an alias of that class
void add_overridable_type(PyObject* module);              // overridable.cpp: of functions written in Python
void add_override(PyObject* module);

}  // namespace facula::python
