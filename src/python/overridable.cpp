// facula._C._overridable: a function written in Python that asks modes and classes first.
#include "python/override.h"

namespace facula::python {
namespace {

struct FunctionObject {
  PyObject_HEAD vectorcallfunc call;
  PyObject *function, *dict, *weakrefs;
};
FunctionObject* function_object(PyObject* o) { return reinterpret_cast<FunctionObject*>(o); }

PyObject* function_call(PyObject* o, PyObject* const* args, size_t n, PyObject* keywords) {
  const Py_ssize_t count = PyVectorcall_NARGS(n), all = count + (keywords ? PyTuple_GET_SIZE(keywords) : 0);
  if (override_modes || any_override(args, all)) [[unlikely]]
    return guarded([&] { return override_call(o, args, count, keywords, Style::Python); });
  return PyObject_Vectorcall(function_object(o)->function, args, n, keywords);
}
PyObject* function_new(PyTypeObject* type, PyObject* args, PyObject*) {
  PyObject *function, *name = nullptr;
  if (!PyArg_ParseTuple(args, "O|U", &function, &name)) return nullptr;
  auto* o = reinterpret_cast<FunctionObject*>(type->tp_alloc(type, 0));
  if (!o) return nullptr;
  o->call = function_call;
  o->function = Py_NewRef(function);
  o->dict = PyDict_New();
  if (!o->dict || PyDict_SetItemString(o->dict, "__wrapped__", function) < 0 ||
      (name && PyDict_SetItemString(o->dict, "__name__", name) < 0)) {
    Py_DECREF(o);
    return nullptr;
  }
  return reinterpret_cast<PyObject*>(o);
}
int function_traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(function_object(o)->function);
  Py_VISIT(function_object(o)->dict);
  return 0;
}
int function_clear(PyObject* o) {
  Py_CLEAR(function_object(o)->function);
  Py_CLEAR(function_object(o)->dict);
  return 0;
}
void function_dealloc(PyObject* o) {
  PyObject_GC_UnTrack(o);
  if (function_object(o)->weakrefs) PyObject_ClearWeakRefs(o);
  function_clear(o);
  Py_TYPE(o)->tp_free(o);
}
PyObject* function_getattr(PyObject* o, PyObject* name) {
  PyObject* own = PyObject_GenericGetAttr(o, name);
  if (own || !PyErr_ExceptionMatches(PyExc_AttributeError) || !function_object(o)->function) return own;
  PyErr_Clear();
  return PyObject_GetAttr(function_object(o)->function, name);
}
PyObject* from_function(PyObject* o, void* name) {
  return PyObject_GetAttrString(function_object(o)->function, static_cast<const char*>(name));
}
PyObject* function_repr(PyObject* o) {
  const Owned name(PyObject_GetAttrString(function_object(o)->function, "__qualname__"));
  return PyUnicode_FromFormat("<function %U at %p>", name.get(), o);
}
PyObject* function_bind(PyObject* o, PyObject* object, PyObject*) {
  return !object || object == Py_None ? Py_NewRef(o) : PyMethod_New(o, object);
}
PyObject* function_reduce_in(PyObject* o) {
  const Owned name(PyObject_GetAttrString(o, "__name__"));
  if (PyUnicode_Check(name.get()) && _PyType_Lookup(&TensorType, name.get()) == o) {
    const Owned builtins(PyImport_ImportModule("builtins"));
    const Owned get(PyObject_GetAttrString(builtins.get(), "getattr"));
    return Py_BuildValue("O(OO)", get.get(), reinterpret_cast<PyObject*>(&TensorType), name.get());
  }
  return PyObject_GetAttrString(function_object(o)->function, "__qualname__");
}
PyObject* function_reduce(PyObject* o, PyObject*) {
  return guarded([&] { return function_reduce_in(o); });
}
PyMethodDef function_methods[] = {{"__reduce__", function_reduce, METH_NOARGS, nullptr}, {}};
PyGetSetDef function_attributes[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {"__doc__", from_function, nullptr, nullptr, const_cast<char*>("__doc__")},
    {"__module__", from_function, nullptr, nullptr, const_cast<char*>("__module__")},
    {}};
PyTypeObject FunctionType = [] {
  PyTypeObject t = {PyVarObject_HEAD_INIT(nullptr, 0)};
  t.tp_name = "torch._C.overridable";
  t.tp_doc = "A Python function that asks modes and classes with a __torch_function__ first.";
  t.tp_basicsize = sizeof(FunctionObject);
  t.tp_flags =
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR;
  t.tp_new = function_new;
  t.tp_dealloc = function_dealloc;
  t.tp_traverse = function_traverse;
  t.tp_clear = function_clear;
  t.tp_call = PyVectorcall_Call;
  t.tp_vectorcall_offset = offsetof(FunctionObject, call);
  t.tp_dictoffset = offsetof(FunctionObject, dict);
  t.tp_weaklistoffset = offsetof(FunctionObject, weakrefs);
  t.tp_getattro = function_getattr;
  t.tp_repr = function_repr;
  t.tp_descr_get = function_bind;
  t.tp_methods = function_methods;
  t.tp_getset = function_attributes;
  return t;
}();

}  // namespace

void add_overridable_type(PyObject* module) {
  if (PyType_Ready(&FunctionType) < 0) throw PythonErrorAlreadySet();
  PyModule_AddObjectRef(module, "_overridable", reinterpret_cast<PyObject*>(&FunctionType));
}

}  // namespace facula::python
