// What the files that make up the Tensor type need of each other.
#pragma once
#include <vector>
#include "op/pointwise.h"
#include "python/convert.h"

namespace facula::python {

void add_types(PyObject* module);
void add_tensor_type(PyObject* module);
PyObject* add_method(PyObject*, PyObject* args);  // (name, function): for methods written in Python
// Hand-written methods, attributes and slots (methods.cpp, attributes.cpp).
void add_tensor_methods(std::vector<PyMethodDef>&, PyNumberMethods&, PySequenceMethods&, PyMappingMethods&);
PyObject* missing_attribute(
    PyObject* o, PyObject* name);  // an AttributeError is set: methods written in Python, or a better text
PyObject* get_backward_hooks(PyObject* o, void* after);  // autograd.cpp
int set_backward_hooks(PyObject* o, PyObject* value, void*);
PyObject* python_hook_target(const GradHook&);  // the callable, if the hook is a Python one

// What x.name is for a method of the type (bound_method.cpp). Null: let Python bind it.
PyObject* bind_method(PyObject* self, PyMethodDescrObject*);
PyObject* kept_method(PyObject* value);
void add_bound_method_type();

// x[...] (index.cpp)
PyObject* get_item(PyObject* self, PyObject* index);
int set_item(PyObject* self, PyObject* index, PyObject* value);

extern PyGetSetDef kTensorAttributes[];                // attributes.cpp
void add_autograd_methods(std::vector<PyMethodDef>&);  // autograd.cpp
void add_autograd(PyObject* module);
void add_function_node(PyObject* module);  // function.cpp
void add_forward(PyObject* module);        // forward.cpp
void add_explain(PyObject* module);        // explain.cpp
void add_construct(PyObject* module);      // construct.cpp
void add_module_functions(PyObject* module);

}  // namespace facula::python
