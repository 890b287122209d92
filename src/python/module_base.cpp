// _ModuleBase: what makes `self.weight` and `layer(x)` cheap. A module keeps its parameters in
// dictionaries inside its __dict__, so a Python __getattr__ would run for each access, and a Python
// __call__ for each layer. Here both are slots; everything rare goes to Python (`_call_impl`).
#include "python/module_base.h"
#include <cstddef>
#include <initializer_list>

namespace facula::python {
namespace {

// An attribute that was looked up: good as long as neither dictionary has changed.
struct Found {
  PyObject* name;        // owned: another text at its address would be taken for it
  PyObject* registry;    // where it was found; null: in __dict__ itself
  uint64_t of_registry;  // its version
  PyObject* value;
};
// What __dict__ held at its version `of_dict`. All but the names are borrowed.
constexpr int kFound = 8;
struct Seen {
  uint64_t of_dict;
  PyObject* registries[3];
  PyObject* hooks[4];
  bool own_forward;
  int next;  // of `found`
  Found found[kFound];
};
struct ModuleObject {
  PyObject_HEAD PyObject* dict;
  PyObject* weakrefs;
  Seen seen;
};

// A number that no state of any other dictionary has; 0 where the interpreter does not tell.
uint64_t version_of(PyObject* dict) {
#if PY_VERSION_HEX < 0x030D0000
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  return reinterpret_cast<PyDictObject*>(dict)->ma_version_tag;
#pragma GCC diagnostic pop
#else
  return dict ? 0 : 1;
#endif
}

// Interned once: dictionary lookups then compare pointers.
struct Names {
  PyObject* registries[3] = {PyUnicode_InternFromString("_parameters"),
                             PyUnicode_InternFromString("_buffers"), PyUnicode_InternFromString("_modules")};
  PyObject* hooks[4] = {
      PyUnicode_InternFromString("_forward_hooks"), PyUnicode_InternFromString("_forward_pre_hooks"),
      PyUnicode_InternFromString("_backward_hooks"), PyUnicode_InternFromString("_backward_pre_hooks")};
  PyObject* forward = PyUnicode_InternFromString("forward");
  PyObject* call_impl = PyUnicode_InternFromString("_call_impl");
  PyObject* getattr = PyUnicode_InternFromString("__getattr__");
  PyObject* getattribute = PyUnicode_InternFromString("__getattribute__");
  PyObject* init_subclass = PyUnicode_InternFromString("__init_subclass__");
};
const Names* names = nullptr;

// Dictionaries of hooks that apply to every module; owned for the life of the process.
constexpr int kMaxGlobals = 8;
PyObject* global_hooks[kMaxGlobals];
int global_hook_count = 0;

extern PyTypeObject ModuleBaseType;

PyObject*& dict_of(PyObject* self) { return reinterpret_cast<ModuleObject*>(self)->dict; }

// Borrowed; null without an error when absent.
PyObject* find(PyObject* dict, PyObject* key) { return PyDict_GetItemWithError(dict, key); }

// What Module.__getattr__ answers: parameters, then buffers, then submodules.
PyObject* from_registries(PyObject* self, PyObject* name) {
  if (PyObject* dict = dict_of(self)) {
    for (PyObject* key : names->registries) {
      PyObject* registry = find(dict, key);
      if (registry && PyDict_Check(registry)) {
        if (PyObject* value = find(registry, name)) return Py_NewRef(value);
      }
      if (PyErr_Occurred()) return nullptr;
    }
  }
  if (!PyUnicode_Check(name)) return PyErr_Format(PyExc_TypeError, "attribute name must be string");
  return PyErr_Format(PyExc_AttributeError, "'%.200s' object has no attribute '%U'", Py_TYPE(self)->tp_name,
                      name);
}

// Brings `seen` up to date; null after an error.
Seen* look(PyObject* self) {
  PyObject* dict = dict_of(self);
  Seen& seen = reinterpret_cast<ModuleObject*>(self)->seen;
  const uint64_t version = version_of(dict);
  if (version && version == seen.of_dict) [[likely]]
    return &seen;
  for (int i = 0; i < 3; ++i) {
    seen.registries[i] = find(dict, names->registries[i]);
    if (seen.registries[i] && !PyDict_Check(seen.registries[i])) seen.registries[i] = nullptr;
  }
  for (int i = 0; i < 4; ++i) seen.hooks[i] = find(dict, names->hooks[i]);
  seen.own_forward = find(dict, names->forward);
  if (PyErr_Occurred()) return nullptr;
  for (Found& f : seen.found) Py_CLEAR(f.name);
  seen.of_dict = version;
  return &seen;
}

// What stands under this name in __dict__, then in the registries. Borrowed; null, without an error, when
// absent.
PyObject* known(PyObject* self, PyObject* name) {
  Seen* seen = look(self);
  if (!seen) return nullptr;
  for (const Found& f : seen->found)
    if (f.name == name && (!f.registry || version_of(f.registry) == f.of_registry)) return f.value;
  PyObject *registry = nullptr, *value = find(dict_of(self), name);
  for (int i = 0; !value && i < 3 && !PyErr_Occurred(); ++i)
    if ((registry = seen->registries[i])) value = find(registry, name);
  if (value && seen->of_dict && (!registry || version_of(registry))) {
    int at = 0;  // the place that the name had, or the next
    while (at < kFound && seen->found[at].name != name) ++at;
    if (at == kFound) at = seen->next = (seen->next + 1) % kFound;
    Found& f = seen->found[at];
    Py_XSETREF(f.name, Py_NewRef(name));
    f = {name, registry, registry ? version_of(registry) : 0, value};
  }
  return value;
}

PyObject* getattro(PyObject* self, PyObject* name) {
  PyTypeObject* type = Py_TYPE(self);
  // A class with a __getattr__ or __getattribute__ of its own reaches this as object.__getattribute__;
  // the registries then belong to its __getattr__, which may answer first.
  if (type->tp_getattro != getattro) return PyObject_GenericGetAttr(self, name);
  PyObject* dict = dict_of(self);
  if (dict && PyUnicode_CheckExact(name) && !_PyType_Lookup(type, name)) {
    if (PyObject* value = known(self, name)) return Py_NewRef(value);
    if (PyErr_Occurred()) return nullptr;
    return from_registries(self, name);  // the error
  }
  if (PyObject* value = PyObject_GenericGetAttr(self, name)) return value;
  if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return nullptr;
  PyErr_Clear();
  return from_registries(self, name);
}

bool nonempty(PyObject* hooks) { return hooks && PyDict_Check(hooks) && PyDict_GET_SIZE(hooks) > 0; }

bool has_hooks(const Seen& seen) {
  for (int i = 0; i < global_hook_count; ++i)
    if (PyDict_GET_SIZE(global_hooks[i])) return true;
  for (PyObject* hooks : seen.hooks)
    if (nonempty(hooks)) return true;
  return false;
}

PyObject* call(PyObject* self, PyObject* args, PyObject* keywords) {
  PyObject* dict = dict_of(self);
  const Seen* seen = dict ? look(self) : nullptr;
  if (dict && !seen) return nullptr;
  const bool hooked = dict && has_hooks(*seen);
  if (dict && !hooked) {
    constexpr Py_ssize_t kStack = 8;
    const Py_ssize_t count = PyTuple_GET_SIZE(args);
    PyObject* forward = _PyType_Lookup(Py_TYPE(self), names->forward);
    if (forward && PyFunction_Check(forward) && count < kStack && !seen->own_forward) {
      PyObject* stack[kStack + 1];
      stack[0] = self;
      for (Py_ssize_t i = 0; i < count; ++i) stack[i + 1] = PyTuple_GET_ITEM(args, i);
      Py_INCREF(forward);  // the class may change while it runs
      PyObject* result = PyObject_VectorcallDict(forward, stack, size_t(count) + 1, keywords);
      Py_DECREF(forward);
      return result;
    }
    if (PyErr_Occurred()) return nullptr;
  }
  // An instance or a wrapper may bring its own forward: the ordinary way.
  PyObject* target = PyObject_GetAttr(self, hooked || !dict ? names->call_impl : names->forward);
  if (!target) return nullptr;
  PyObject* result = PyObject_Call(target, args, keywords);
  Py_DECREF(target);
  return result;
}

// Since __getattr__ is visible in the class, every subclass would get the generic slot that calls it.
// Where a subclass defines neither __getattr__ nor __getattribute__, give it the direct one. (An
// assignment to either later makes the interpreter put the generic slot back.)
PyObject* init_subclass(PyObject* cls, PyObject* args, PyObject* keywords) {
  auto* type = reinterpret_cast<PyTypeObject*>(cls);
  auto inherits = [&](PyObject* name) {
    return _PyType_Lookup(type, name) == find(ModuleBaseType.tp_dict, name);
  };
  if (inherits(names->getattr) && inherits(names->getattribute)) type->tp_getattro = getattro;
  PyObject* super = PyObject_CallFunctionObjArgs(reinterpret_cast<PyObject*>(&PySuper_Type),
                                                 reinterpret_cast<PyObject*>(&ModuleBaseType), cls, nullptr);
  PyObject* method = super ? PyObject_GetAttr(super, names->init_subclass) : nullptr;
  PyObject* result = method ? PyObject_Call(method, args, keywords) : nullptr;
  Py_XDECREF(super);
  Py_XDECREF(method);
  return result;
}

// _set_plain(name, value): stores a value that can be neither parameter, buffer nor submodule under a
// name that is none of them, and says True; says False where the rules of Module must decide.
PyObject* set_plain(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (count != 2) return PyErr_Format(PyExc_TypeError, "_set_plain() takes a name and a value");
  PyObject *name = args[0], *value = args[1];
  const bool plain = PyLong_Check(value) || PyUnicode_CheckExact(value) || PyFloat_CheckExact(value) ||
                     PyTuple_CheckExact(value) || PyList_CheckExact(value) || PyDict_CheckExact(value) ||
                     value == Py_None;
  if (!plain) Py_RETURN_FALSE;
  if (PyObject* dict = dict_of(self)) {
    for (PyObject* key : names->registries) {
      PyObject* registry = find(dict, key);
      const int known = registry && PyDict_Check(registry) ? PyDict_Contains(registry, name) : 0;
      if (known < 0 || PyErr_Occurred()) return nullptr;
      if (known) Py_RETURN_FALSE;
    }
  }
  if (PyObject_GenericSetAttr(self, name, value) < 0) return nullptr;
  Py_RETURN_TRUE;
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(dict_of(self));
  return 0;
}

int clear(PyObject* self) {
  Py_CLEAR(dict_of(self));
  return 0;
}

void dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  if (reinterpret_cast<ModuleObject*>(self)->weakrefs) PyObject_ClearWeakRefs(self);
  Py_CLEAR(dict_of(self));
  for (Found& f : reinterpret_cast<ModuleObject*>(self)->seen.found) Py_CLEAR(f.name);
  Py_TYPE(self)->tp_free(self);
}

// _watch_global_hooks(*dicts): as long as all of them are empty, calls go straight to forward().
PyObject* watch_global_hooks(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (count > kMaxGlobals) return PyErr_Format(PyExc_TypeError, "too many dictionaries of hooks");
  for (Py_ssize_t i = 0; i < count; ++i)
    if (!PyDict_Check(args[i])) return PyErr_Format(PyExc_TypeError, "expected dictionaries");
  for (int i = 0; i < kMaxGlobals; ++i) {
    PyObject* old = global_hooks[i];
    global_hooks[i] = i < count ? Py_NewRef(args[i]) : nullptr;
    if (i >= count) global_hook_count = int(count);
    Py_XDECREF(old);
  }
  global_hook_count = int(count);
  Py_RETURN_NONE;
}

template <class F> PyCFunction as_function(F* f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

PyMethodDef methods[] = {
    {"__getattr__", from_registries, METH_O, "Looks a name up among parameters, buffers and submodules."},
    {"__init_subclass__", as_function(init_subclass), METH_CLASS | METH_VARARGS | METH_KEYWORDS, nullptr},
    {"_set_plain", as_function(set_plain), METH_FASTCALL, nullptr},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef getset[] = {{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
                        {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMethodDef functions[] = {{"_watch_global_hooks", as_function(watch_global_hooks), METH_FASTCALL, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

PyTypeObject ModuleBaseType = [] {
  PyTypeObject t = {PyVarObject_HEAD_INIT(nullptr, 0)};
  t.tp_name = "torch._C._ModuleBase";
  t.tp_basicsize = sizeof(ModuleObject);
  t.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC;
  t.tp_dealloc = dealloc;
  t.tp_traverse = traverse;
  t.tp_clear = clear;
  t.tp_getattro = getattro;
  t.tp_call = call;
  t.tp_methods = methods;
  t.tp_getset = getset;
  t.tp_dictoffset = offsetof(ModuleObject, dict);
  t.tp_weaklistoffset = offsetof(ModuleObject, weakrefs);
  return t;
}();

}  // namespace

int add_module_base(PyObject* module) {
  if (!names) names = new Names;
  // object's own __new__, so that object.__new__(cls) stays legal for modules.
  ModuleBaseType.tp_new = PyBaseObject_Type.tp_new;
  if (PyType_Ready(&ModuleBaseType) < 0 || PyModule_AddFunctions(module, functions) < 0) return -1;
  // It must not stand before the __new__ of classes that come after Module among the bases of a class.
  if (PyDict_DelItemString(ModuleBaseType.tp_dict, "__new__") < 0) return -1;
  PyType_Modified(&ModuleBaseType);
  return PyModule_AddObjectRef(module, "_ModuleBase", reinterpret_cast<PyObject*>(&ModuleBaseType));
}

}  // namespace facula::python
