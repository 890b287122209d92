// The small types: torch.Size, torch.dtype, torch.device, torch.layout, torch.memory_format and the named
// tuples that operations return.
#include "python/convert.h"
#include <structmember.h>
#include <map>

namespace facula::python {
namespace {

// --- named constants ---

PyObject* constant_repr(PyObject* o) {
  return PyUnicode_FromFormat("torch.%s", reinterpret_cast<ConstantObject*>(o)->name);
}
PyObject* constant_reduce(PyObject* o, PyObject*) {
  return PyUnicode_FromString(reinterpret_cast<ConstantObject*>(o)->name);
}
PyObject* constant_copy(PyObject* o, PyObject*) { return Py_NewRef(o); }
DType dtype_of(PyObject* o) { return DType(reinterpret_cast<ConstantObject*>(o)->value); }
PyObject* get_itemsize(PyObject* o, void*) { return PyLong_FromLongLong(item_size(dtype_of(o))); }
PyObject* get_floating(PyObject* o, void*) { return PyBool_FromLong(is_real_floating(dtype_of(o))); }
PyObject* get_complex(PyObject* o, void*) { return PyBool_FromLong(is_complex(dtype_of(o))); }
PyObject* get_signed(PyObject* o, void*) {
  const DType t = dtype_of(o);
  return PyBool_FromLong(t != DType::Bool && t != DType::UInt8 &&
                         !(t >= DType::UInt16 && t <= DType::UInt64));
}
PyObject* dtype_to_real(PyObject* o, PyObject*) { return wrap(to_real(dtype_of(o))); }
PyObject* dtype_to_complex(PyObject* o, PyObject*) { return wrap(to_complex(dtype_of(o))); }

PyMethodDef constant_methods[] = {{"__reduce__", constant_reduce, METH_NOARGS, nullptr},
                                  {"__copy__", constant_copy, METH_NOARGS, nullptr},
                                  {"__deepcopy__", constant_copy, METH_O, nullptr},
                                  {}};
PyMethodDef dtype_methods[] = {
    {"__reduce__", constant_reduce, METH_NOARGS, nullptr},
    {"__copy__", constant_copy, METH_NOARGS, nullptr},
    {"__deepcopy__", constant_copy, METH_O, nullptr},
    {"to_real", dtype_to_real, METH_NOARGS, "The real dtype of the same precision."},
    {"to_complex", dtype_to_complex, METH_NOARGS, "The complex dtype of the same precision."},
    {}};
PyGetSetDef dtype_getset[] = {{"itemsize", get_itemsize, nullptr, "Bytes per element.", nullptr},
                              {"is_floating_point", get_floating, nullptr, nullptr, nullptr},
                              {"is_complex", get_complex, nullptr, nullptr, nullptr},
                              {"is_signed", get_signed, nullptr, nullptr, nullptr},
                              {}};

PyObject* dtypes[kAllDTypes];

PyObject* new_constant(PyTypeObject* type, const char* name, int value) {
  auto* o = PyObject_New(ConstantObject, type);
  o->name = name;
  o->value = value;
  return reinterpret_cast<PyObject*>(o);
}

void ready(PyTypeObject& t, const char* name, reprfunc repr, PyMethodDef* methods,
           PyGetSetDef* getset = nullptr) {
  t.tp_name = name;
  t.tp_basicsize = sizeof(ConstantObject);
  t.tp_repr = repr;
  t.tp_flags = Py_TPFLAGS_DEFAULT;
  t.tp_methods = methods;
  t.tp_getset = getset;
  if (PyType_Ready(&t) < 0) throw PythonErrorAlreadySet();
}

// --- torch.Size ---

PyObject* size_repr(PyObject* o) {
  std::string s = "torch.Size([";
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i) {
    const Owned part(PyObject_Repr(PyTuple_GET_ITEM(o, i)));
    s += (i ? ", " : "") + std::string(PyUnicode_AsUTF8(part.get()));
  }
  return PyUnicode_FromString((s + "])").c_str());
}
PyObject* as_size(PyObject* tuple) {  // steals
  if (!tuple || !PyTuple_Check(tuple)) return tuple;
  const Py_ssize_t n = PyTuple_GET_SIZE(tuple);
  PyObject* size = SizeType.tp_alloc(&SizeType, n);
  for (Py_ssize_t i = 0; size && i < n; ++i) PyTuple_SET_ITEM(size, i, Py_NewRef(PyTuple_GET_ITEM(tuple, i)));
  Py_DECREF(tuple);
  return size;
}
PyObject* size_new(PyTypeObject*, PyObject* args, PyObject* keywords) {
  PyObject* tuple = PyTuple_Type.tp_new(&PyTuple_Type, args, keywords);
  for (Py_ssize_t i = 0; tuple && i < PyTuple_GET_SIZE(tuple); ++i) {
    PyObject* value = PyTuple_GET_ITEM(tuple, i);
    if (PyLong_Check(value) && !PyBool_Check(value)) continue;
    int64_t n = value == Py_True;
    try {
      if (!PyBool_Check(value) && !to_int(value, &n))
        fail<TypeError>("torch.Size() takes an iterable of 'int' (item ", i, " is '", Py_TYPE(value)->tp_name,
                        "')");
    } catch (...) {
      Py_DECREF(tuple);
      return translate_exception();
    }
    PyTuple_SET_ITEM(tuple, i, PyLong_FromLongLong(n));
    Py_DECREF(value);
  }
  return as_size(tuple);
}
PyObject* size_numel(PyObject* o, PyObject*) {
  long long n = 1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i) n *= PyLong_AsLongLong(PyTuple_GET_ITEM(o, i));
  return PyLong_FromLongLong(n);
}
PyObject* size_subscript(PyObject* o, PyObject* index) {
  PyObject* part = PyTuple_Type.tp_as_mapping->mp_subscript(o, index);
  return PySlice_Check(index) ? as_size(part) : part;
}
PyObject* size_concat(PyObject* a, PyObject* b) {
  if (!PyTuple_Check(a) || !PyTuple_Check(b)) Py_RETURN_NOTIMPLEMENTED;
  return as_size(PyTuple_Type.tp_as_sequence->sq_concat(a, b));
}
PyObject* size_join(PyObject* a, PyObject* b) {  // `+` comes here when size_concat declines
  if (PyTuple_Check(b)) return size_concat(a, b);
  return PyErr_Format(PyExc_TypeError, "can only concatenate tuple (not %s) to torch.Size",
                      Py_TYPE(b)->tp_name);
}
PyObject* size_repeat(PyObject* a, Py_ssize_t n) {
  return as_size(PyTuple_Type.tp_as_sequence->sq_repeat(a, n));
}
PyObject* size_reduce(PyObject* o, PyObject*) {
  PyObject* list = PySequence_List(o);
  if (!list) return nullptr;
  return Py_BuildValue("(O(sN))", imported("facula._tensor", "_construct"), "Size", list);
}
PyMethodDef size_methods[] = {
    {"numel", size_numel, METH_NOARGS, "The number of elements of a tensor of this size."},
    {"__reduce__", size_reduce, METH_NOARGS, nullptr},
    {}};
PyMappingMethods size_mapping = {.mp_subscript = size_subscript};
PySequenceMethods size_sequence = {.sq_concat = size_join, .sq_repeat = size_repeat};
PyNumberMethods size_number = {.nb_add = size_concat};

// --- torch.device ---

struct DeviceObject {
  PyObject_HEAD Device device;
};
Device device_of(PyObject* o) { return reinterpret_cast<DeviceObject*>(o)->device; }

PyObject* device_repr(PyObject* o) {
  const Device d = device_of(o);
  if (d.index >= 0)
    return PyUnicode_FromFormat("device(type='%s', index=%d)", device_type_name(d.type), d.index);
  return PyUnicode_FromFormat("device(type='%s')", device_type_name(d.type));
}
PyObject* device_str(PyObject* o) { return PyUnicode_FromString(to_string(device_of(o)).c_str()); }
PyObject* device_type(PyObject* o, void*) {
  return PyUnicode_FromString(device_type_name(device_of(o).type));
}
PyObject* device_index(PyObject* o, void*) {
  if (device_of(o).index < 0) Py_RETURN_NONE;
  return PyLong_FromLong(device_of(o).index);
}
Py_hash_t device_hash(PyObject* o) { return device_of(o).type * 1000 + device_of(o).index + 1; }
PyObject* device_compare(PyObject* a, PyObject* b, int op) {
  if (Py_TYPE(a) != &DeviceType || Py_TYPE(b) != &DeviceType || (op != Py_EQ && op != Py_NE))
    Py_RETURN_NOTIMPLEMENTED;
  return PyBool_FromLong((device_of(a) == device_of(b)) == (op == Py_EQ));
}
PyObject* device_new(PyTypeObject*, PyObject* args, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"device", "index", nullptr};
    static const char* other[] = {"type", "index", nullptr};
    PyObject *type, *index = nullptr;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O", const_cast<char**>(names), &type, &index)) {
      PyErr_Clear();
      if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|O", const_cast<char**>(other), &type, &index))
        return nullptr;
    }
    if (PyLong_CheckExact(type) && !index) {  // the device of this number that the machine has
      if (Py_SIZE(type) < 0) fail("Device index must not be negative");
      fail("Cannot access accelerator device when none is available.");
    }
    Device d;
    if (!to_device(type, &d))
      fail<TypeError>("device(): argument 'device' must be str, int or torch.device, not ",
                      Py_TYPE(type)->tp_name);
    if (index && index != Py_None) {
      if (d.index >= 0)
        fail("type (string) must not include an index because index was passed explicitly: ", to_string(d));
      const long i = PyLong_AsLong(index);
      if (i == -1 && PyErr_Occurred()) throw PythonErrorAlreadySet();
      if (i < 0) fail("Device index must not be negative");
      if (i > 127) fail("Device index must not be negative or too large, got ", i);
      d.index = int8_t(i);
    }
    return wrap(d);
  });
}
PyObject* device_reduce(PyObject* o, PyObject*) {
  return Py_BuildValue("(O(ss))", imported("facula._tensor", "_construct"), "device",
                       to_string(device_of(o)).c_str());
}
PyObject* device_enter(PyObject* o, PyObject*) {
  return guarded([&] {
    PyObject* result = PyObject_CallOneArg(imported("facula._device_mode", "enter"), o);
    if (!result) throw PythonErrorAlreadySet();
    return result;
  });
}
PyObject* device_exit(PyObject* o, PyObject*) {
  return guarded([&] {
    PyObject* result = PyObject_CallOneArg(imported("facula._device_mode", "leave"), o);
    if (!result) throw PythonErrorAlreadySet();
    return result;
  });
}
PyMethodDef device_methods[] = {{"__reduce__", device_reduce, METH_NOARGS, nullptr},
                                {"__enter__", device_enter, METH_NOARGS, nullptr},
                                {"__exit__", device_exit, METH_VARARGS, nullptr},
                                {}};
PyGetSetDef device_getset[] = {
    {"type", device_type, nullptr, nullptr, nullptr}, {"index", device_index, nullptr, nullptr, nullptr}, {}};

// --- torch.return_types ---

PyObject* named_repr(PyObject* o) {  // type(field=value, ...), one a line
  std::string s = std::string(Py_TYPE(o)->tp_name) + "(\n";
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i) {
    PyObject* part = PyObject_Repr(PyTuple_GET_ITEM(o, i));
    if (!part) return nullptr;
    s += (i ? ",\n" : "") + std::string(Py_TYPE(o)->tp_members[i].name) + "=" + PyUnicode_AsUTF8(part);
    Py_DECREF(part);
  }
  return PyUnicode_FromString((s + ")").c_str());
}

// "max", "linalg_svd"
std::string type_name(const OpEntry& e) {
  const bool linalg = e.scope & kLinalg && !(e.scope & (kFunction | kMethod));
  return (linalg ? "linalg_" : "") + std::string(e.signature.name);
}

std::map<std::string, PyTypeObject*, std::less<>> named_types;

PyTypeObject* named_type(std::string_view name, std::string_view results) {
  const auto known = named_types.find(name);
  if (known != named_types.end()) return known->second;
  auto* names = new std::vector<std::string>;  // kept: the type points to them
  std::string_view rest = results;
  while (!rest.empty()) {
    const size_t comma = rest.find(", ");
    names->emplace_back(rest.substr(0, comma));
    rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 2);
  }
  auto* fields = new std::vector<PyStructSequence_Field>;
  for (const std::string& n : *names) fields->push_back({n.c_str(), nullptr});
  fields->push_back({nullptr, nullptr});
  auto* qualified = new std::string("torch.return_types." + std::string(name));
  PyStructSequence_Desc desc = {qualified->c_str(), nullptr, fields->data(), int(names->size())};
  PyTypeObject* type = PyStructSequence_NewType(&desc);
  if (!type) throw PythonErrorAlreadySet();
  type->tp_repr = named_repr;
  return named_types[std::string(name)] = type;
}
PyTypeObject* named_type(const OpEntry& e) { return named_type(type_name(e), e.signature.results); }

}  // namespace

PyTypeObject DTypeType = {.ob_base = {PyObject_HEAD_INIT(nullptr) 0}};
PyTypeObject LayoutType = {.ob_base = {PyObject_HEAD_INIT(nullptr) 0}};
PyTypeObject MemoryFormatType = {.ob_base = {PyObject_HEAD_INIT(nullptr) 0}};
PyTypeObject SizeType = {.ob_base = {PyObject_HEAD_INIT(nullptr) 0}, .tp_name = "torch.Size"};
PyTypeObject DeviceType = {.ob_base = {PyObject_HEAD_INIT(nullptr) 0}, .tp_name = "torch.device"};

PyObject* wrap(DType t) { return Py_NewRef(dtypes[index(t)]); }

PyObject* wrap(Device d) {
  static PyObject* cpu = nullptr;
  if (d == Device{} && cpu) return Py_NewRef(cpu);
  auto* o = PyObject_New(DeviceObject, &DeviceType);
  if (!o) throw PythonErrorAlreadySet();
  o->device = d;
  if (d == Device{}) cpu = Py_NewRef(reinterpret_cast<PyObject*>(o));
  return reinterpret_cast<PyObject*>(o);
}

bool to_device(PyObject* o, Device* out) {
  if (Py_TYPE(o) == &DeviceType) {
    *out = device_of(o);
  } else if (PyUnicode_Check(o)) {
    Py_ssize_t n;
    const char* text = PyUnicode_AsUTF8AndSize(o, &n);
    if (!text) throw PythonErrorAlreadySet();
    *out = parse_device({text, size_t(n)});
  } else if (PyLong_Check(o) && !PyBool_Check(o)) {
    *out = {Device::CUDA, int8_t(PyLong_AsLong(o))};
  } else {
    return false;
  }
  return true;
}

PyObject* wrap(Result& r, const OpEntry& e, bool out) {
  switch (r.kind) {
    case Result::Kind::Tensor:
      if (!r.tensor) Py_RETURN_NONE;
      return wrap(std::move(r.tensor));
    case Result::Kind::Tuple: {
      if (e.signature.results.empty()) return tuple_of(r.tensors);
      PyTypeObject* const type = out ? named_type(type_name(e) + "_out", e.signature.results) : named_type(e);
      Owned named(PyStructSequence_New(type));
      for (size_t i = 0; i < r.tensors.size(); ++i)
        PyStructSequence_SetItem(named.get(), Py_ssize_t(i),
                                 r.tensors[i] ? wrap(r.tensors[i]) : Py_NewRef(Py_None));
      return named.release();
    }
    case Result::Kind::List: {
      Owned list(PyList_New(Py_ssize_t(r.tensors.size())));
      for (size_t i = 0; i < r.tensors.size(); ++i)
        PyList_SET_ITEM(list.get(), Py_ssize_t(i), wrap(r.tensors[i]));
      return list.release();
    }
    case Result::Kind::Number:
    case Result::Kind::Int:
    case Result::Kind::Bool: return wrap(r.number);
    case Result::Kind::Ints: return wrap(r.ints);
    case Result::Kind::DType: return wrap(r.dtype);
    case Result::Kind::Text: return PyUnicode_FromStringAndSize(r.text.data(), Py_ssize_t(r.text.size()));
    default: Py_RETURN_NONE;
  }
}

// (name, fields=None): the type of an operation's named results, or None. With fields ("values, indices") it
// is made if there is none yet: for operations written in Python.
static PyObject* return_type(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    const char *text, *fields = nullptr;
    if (!PyArg_ParseTuple(args, "s|z", &text, &fields)) return nullptr;
    for (const OpEntry* e : all_entries())
      if (!e->signature.results.empty() && type_name(*e) == text)
        return Py_NewRef(reinterpret_cast<PyObject*>(named_type(*e)));
    if (fields) return Py_NewRef(reinterpret_cast<PyObject*>(named_type(text, fields)));
    const auto known = named_types.find(std::string_view(text));
    if (known != named_types.end()) return Py_NewRef(reinterpret_cast<PyObject*>(known->second));
    Py_RETURN_NONE;
  });
}
static PyMethodDef kTypeFunctions[] = {{"_return_type", return_type, METH_VARARGS, nullptr}, {}};

void add_types(PyObject* module) {
  if (PyModule_AddFunctions(module, kTypeFunctions) < 0) throw PythonErrorAlreadySet();
  ready(DTypeType, "torch.dtype", constant_repr, dtype_methods, dtype_getset);
  ready(LayoutType, "torch.layout", constant_repr, constant_methods);
  ready(MemoryFormatType, "torch.memory_format", constant_repr, constant_methods);
  SizeType.tp_base = &PyTuple_Type;
  SizeType.tp_repr = size_repr;
  SizeType.tp_new = size_new;
  SizeType.tp_methods = size_methods;
  SizeType.tp_as_mapping = &size_mapping;
  SizeType.tp_as_sequence = &size_sequence;
  SizeType.tp_as_number = &size_number;
  SizeType.tp_flags = Py_TPFLAGS_DEFAULT;
  DeviceType.tp_basicsize = sizeof(DeviceObject);
  DeviceType.tp_repr = device_repr;
  DeviceType.tp_str = device_str;
  DeviceType.tp_hash = device_hash;
  DeviceType.tp_richcompare = device_compare;
  DeviceType.tp_new = device_new;
  DeviceType.tp_methods = device_methods;
  DeviceType.tp_getset = device_getset;
  DeviceType.tp_flags = Py_TPFLAGS_DEFAULT;
  if (PyType_Ready(&SizeType) < 0 || PyType_Ready(&DeviceType) < 0) throw PythonErrorAlreadySet();
  PyModule_AddObjectRef(module, "Size", reinterpret_cast<PyObject*>(&SizeType));
  PyModule_AddObjectRef(module, "device", reinterpret_cast<PyObject*>(&DeviceType));
  PyModule_AddObjectRef(module, "dtype", reinterpret_cast<PyObject*>(&DTypeType));
  PyModule_AddObjectRef(module, "layout", reinterpret_cast<PyObject*>(&LayoutType));
  PyModule_AddObjectRef(module, "memory_format", reinterpret_cast<PyObject*>(&MemoryFormatType));
  for (int i = 0; i < kAllDTypes; ++i) {
    dtypes[i] = new_constant(&DTypeType, kDTypeNames[i], i);
    PyModule_AddObjectRef(module, kDTypeNames[i], dtypes[i]);
  }
  const struct {
    const char* name;
    DType dtype;
  } short_names[] = {
      {"float", DType::Float32},    {"double", DType::Float64},     {"half", DType::Float16},
      {"int", DType::Int32},        {"long", DType::Int64},         {"short", DType::Int16},
      {"cfloat", DType::Complex64}, {"cdouble", DType::Complex128}, {"chalf", DType::Complex32}};
  for (const auto& s : short_names) PyModule_AddObjectRef(module, s.name, dtypes[index(s.dtype)]);
  const char* layouts[] = {"strided",    "sparse_coo", "sparse_csr", "sparse_csc",
                           "sparse_bsr", "sparse_bsc", "jagged"};
  for (int i = 0; i < int(std::size(layouts)); ++i)
    PyModule_AddObject(module, layouts[i], new_constant(&LayoutType, layouts[i], i));
  const char* formats[] = {"contiguous_format", "preserve_format", "channels_last", "channels_last_3d"};
  for (int i = 0; i < 4; ++i)
    PyModule_AddObject(module, formats[i], new_constant(&MemoryFormatType, formats[i], i));
}

}  // namespace facula::python
