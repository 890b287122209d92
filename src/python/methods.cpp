// Tensor's methods that are no operations, and its slots.
#include <algorithm>
#include "ops/functions.h"
#include "python/override.h"
#include "python/tensor_type.h"

namespace facula::python {
namespace {

TensorImpl* impl(PyObject* o) { return tensor_of(o).get(); }

std::string one_number_advice(const TensorImpl& t) {
  return concat("\nIt has shape ", to_string(t.shape()), ", dtype torch.", name(t.dtype),
                ".\nSuggestion: pick one element (x[0]), reduce (x.sum()), or take x.tolist().");
}
PyObject* item_method(PyObject* o, PyObject*) {
  return guarded([&] {
    const TensorImpl& t = *impl(o);
    if (t.numel != 1)
      fail("a Tensor with ", t.numel, " elements cannot be converted to Scalar", one_number_advice(t));
    if (t.is_meta()) fail("Tensor.item() cannot be called on meta tensors");
    return item(t.dtype, t.data);
  });
}
PyObject* tolist_method(PyObject* o, PyObject*) {
  return guarded([&] { return tolist(*impl(o)); });
}
PyObject* numel_method(PyObject* o, PyObject*) { return PyLong_FromLongLong(impl(o)->numel); }
PyObject* dim_method(PyObject* o, PyObject*) { return PyLong_FromLong(impl(o)->ndim); }
PyObject* element_size_method(PyObject* o, PyObject*) {
  return PyLong_FromLongLong(item_size(impl(o)->dtype));
}
PyObject* data_ptr_method(PyObject* o, PyObject*) {
  return PyLong_FromUnsignedLongLong(impl(o)->is_meta() || impl(o)->numel == 0 ? 0 : uint64_t(impl(o)->data));
}
PyObject* storage_offset_method(PyObject* o, PyObject*) { return PyLong_FromLongLong(impl(o)->offset()); }
PyObject* is_inference_method(PyObject* o, PyObject*) { return PyBool_FromLong(impl(o)->inference); }
PyObject* get_device_method(PyObject* o, PyObject*) { return PyLong_FromLong(impl(o)->device.index); }
PyObject* false_method(PyObject*, PyObject*) { Py_RETURN_FALSE; }
PyObject* never(PyObject*, PyObject* const*, Py_ssize_t, PyObject*) { Py_RETURN_FALSE; }
PyObject* is_set_to_method(PyObject* o, PyObject* other) {
  if (!is_tensor(other))
    return PyErr_Format(PyExc_TypeError, "is_set_to(): argument 'tensor' must be Tensor");
  const TensorImpl &a = *impl(o), &b = *impl(other);
  return PyBool_FromLong(a.data == b.data && a.same_shape(b) && a.stride() == b.stride());
}

PyObject* dims_or_one(PyObject* o, PyObject* const* args, Py_ssize_t n, PyObject* keywords, const Dims& all,
                      const char* function) {
  PyObject* slot[1];
  bind_objects(function, {"dim"}, 0, args, n, keywords, slot);
  if (!slot[0] || slot[0] == Py_None) return nullptr;
  int64_t d;
  if (!to_int(slot[0], &d))
    fail<TypeError>(function, "(): argument 'dim' must be int, not ", Py_TYPE(slot[0])->tp_name);
  if (all.count == 0) fail<IndexError>("Dimension specified as ", d, " but tensor has no dimensions");
  return PyLong_FromLongLong(all[wrap_dim(d, all.count)]);
}
PyObject* size_method(PyObject* o, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&] {
    const Dims shape = impl(o)->shape();
    PyObject* one = dims_or_one(o, args, n, keywords, shape, "size");
    return one ? one : wrap(shape);
  });
}
PyObject* stride_method(PyObject* o, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&] {
    const Dims strides = impl(o)->stride();
    if (PyObject* one = dims_or_one(o, args, n, keywords, strides, "stride")) return one;
    Owned tuple(PyTuple_New(strides.count));
    for (int d = 0; d < strides.count; ++d) PyTuple_SET_ITEM(tuple.get(), d, PyLong_FromLongLong(strides[d]));
    return tuple.release();
  });
}

// --- methods written in Python: facula/_tensor.py holds a function of the same name, called with self first
// ---

PyObject* call_python(const char* name, PyObject* self, PyObject* const* args, Py_ssize_t n,
                      PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    const Py_ssize_t all = n + (keywords ? PyTuple_GET_SIZE(keywords) : 0);
    std::vector<PyObject*> both{self};
    both.insert(both.end(), args, args + all);
    PyObject* result =
        PyObject_Vectorcall(imported("facula._tensor", name), both.data(), size_t(n + 1), keywords);
    if (!result) throw PythonErrorAlreadySet();
    return result;
  });
}
template <size_t N> struct Literal {
  char text[N]{};
  constexpr Literal(const char (&s)[N]) { std::copy_n(s, N, text); }
};
template <Literal Name>
PyObject* python_method(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return call_python(Name.text, self, args, n, keywords);
}
template <Literal Name> PyMethodDef in_python() {
  return {Name.text, as_function(python_method<Name>), kFastCall, nullptr};
}

PyObject* tensor_repr(PyObject* o) {
  if (overridden(o)) [[unlikely]]
    return guarded([&] { return override_method("__repr__", &o, 1, nullptr, Style::Python); });
  return call_python("__repr__", o, nullptr, 0, nullptr);
}

// --- slots ---

void require_one_element(PyObject* o) {
  const TensorImpl& t = *impl(o);
  if (t.numel != 1)
    fail<ValueError>("only one element tensors can be converted to Python scalars", one_number_advice(t));
}
Scalar one_element(PyObject* o) {
  const Owned value(item_method(o, nullptr));
  Scalar s;
  to_scalar(value.get(), &s);
  return s;
}
// What a handler says of bool(x), len(x) and the like.
PyObject* ask(const char* name, PyObject* o, Style style = Style::Self) {
  return override_method(name, &o, 1, nullptr, style);
}
int tensor_bool(PyObject* o) {
  return guarded([&] {
    if (overridden(o)) [[unlikely]]
      return PyObject_IsTrue(Owned(ask("__bool__", o)).get());
    const TensorImpl& t = *impl(o);
    if (t.numel != 1)
      fail("Boolean value of Tensor with ", t.numel ? "more than one value" : "no values",
           " is ambiguous\nIt has shape ", to_string(t.shape()), ", dtype torch.", name(t.dtype),
           ".\nSuggestion: say which is meant: x.any(), x.all(), or x.numel() > 0.");
    return int(bool(one_element(o)));
  });
}
PyObject* tensor_float(PyObject* o) {
  return guarded([&] {
    if (overridden(o)) [[unlikely]]
      return ask("__float__", o);
    require_one_element(o);
    const Owned value(item_method(o, nullptr));
    if (PyComplex_Check(value.get()) && PyComplex_ImagAsDouble(value.get()) != 0)
      fail("value cannot be converted to type double without overflow");
    if (PyComplex_Check(value.get())) return PyFloat_FromDouble(PyComplex_RealAsDouble(value.get()));
    return PyNumber_Float(value.get());
  });
}
PyObject* tensor_int(PyObject* o) {
  return guarded([&] {
    if (overridden(o)) [[unlikely]]
      return ask("__int__", o);
    require_one_element(o);
    const Owned value(item_method(o, nullptr));
    if (PyComplex_Check(value.get()) && PyComplex_ImagAsDouble(value.get()) != 0)
      fail("value cannot be converted to type int64_t without overflow");
    if (PyComplex_Check(value.get())) return PyLong_FromDouble(PyComplex_RealAsDouble(value.get()));
    return PyNumber_Long(value.get());
  });
}
PyObject* tensor_index(PyObject* o) {
  return guarded([&] {
    if (overridden(o)) [[unlikely]]
      return ask("__index__", o);
    const TensorImpl& t = *impl(o);
    if (is_floating(t.dtype) || t.numel != 1)
      fail<TypeError>("only integer tensors of a single element can be converted to an index");
    const Owned value(item_method(o, nullptr));
    return PyNumber_Long(value.get());
  });
}
PyObject* tensor_complex(PyObject* o, PyObject*) {
  return guarded([&] {
    require_one_element(o);
    const Scalar s = one_element(o);
    return PyComplex_FromDoubles(double(s), s.is_complex() ? s.imag : 0);
  });
}
Py_ssize_t tensor_length(PyObject* o) {
  if (overridden(o)) [[unlikely]] {
    const Py_ssize_t length = guarded([&]() -> Py_ssize_t {
      return PyNumber_AsSsize_t(Owned(ask("__len__", o, Style::Python)).get(), PyExc_OverflowError);
    });
    return length;
  }
  if (impl(o)->ndim == 0) {
    PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
    return -1;
  }
  return impl(o)->sizes[0];
}
PyObject* tensor_item_at(PyObject* o, Py_ssize_t i) {
  return guarded([&] {
    if (overridden(o)) [[unlikely]]
      return get_item(o, Owned(PyLong_FromSsize_t(i)).get());
    return wrap(select(tensor_of(o), 0, i));
  });
}
std::string repr_of(PyObject* o) {
  const Owned text(PyObject_Repr(o));
  const char* s = PyUnicode_AsUTF8(text.get());
  return s ? s : "";
}
int tensor_contains(PyObject* o, PyObject* value) {
  return guarded([&] {
    if (overridden(o)) [[unlikely]] {
      PyObject* args[] = {o, value};
      return PyObject_IsTrue(Owned(override_method("__contains__", args, 2, nullptr, Style::Python)).get());
    }
    Scalar s;
    if (!is_tensor(value) && !to_scalar(value, &s))
      fail("Tensor.__contains__ only supports Tensor or scalar, but you passed in a ",
           repr_of(reinterpret_cast<PyObject*>(Py_TYPE(value))), ".");
    const Owned equal(PyObject_RichCompare(o, value, Py_EQ));
    const Owned any(PyObject_CallMethod(equal.get(), "any", nullptr));
    return PyObject_IsTrue(any.get());
  });
}
PyObject* tensor_iter(PyObject* o) {
  return guarded([&]() -> PyObject* {
    if (overridden(o)) [[unlikely]] {  // as PyTorch: by way of two methods
      const Owned dims(PyObject_CallMethod(o, "dim", nullptr));
      if (PyLong_Check(dims.get()) && PyLong_AsLong(dims.get()) == 0)
        fail<TypeError>("iteration over a 0-d tensor");
      return PyObject_GetIter(Owned(PyObject_CallMethod(o, "unbind", "i", 0)).get());
    }
    if (impl(o)->ndim == 0) fail<TypeError>("iteration over a 0-d tensor");
    static Group* g = find_group("unbind");
    if (!g) return PySeqIter_New(o);
    const Owned parts(call_function(*g, &o, 1, nullptr));
    return PyObject_GetIter(parts.get());
  });
}
PyObject* tensor_new(PyTypeObject* type, PyObject* args,
                     PyObject* keywords) {  // torch.Tensor(2, 3), torch.Tensor([1, 2])
  return guarded([&]() -> PyObject* {
    const NoOverrides as_it_is;
    const Owned plain(PyObject_Call(imported("facula._legacy", "legacy_constructor"), args, keywords));
    return type == &TensorType ? Py_NewRef(plain.get()) : wrap_as(type, alias(*tensor_of(plain.get())));
  });
}

// Tensor._make_subclass(cls, data, require_grad=False): how Parameter is made.
PyObject* make_subclass(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    PyObject* slots[3];
    bind_objects("_make_subclass", {"cls", "data", "require_grad"}, 2, args, n, keywords, slots);
    if (!PyType_Check(slots[0])) fail<TypeError>("cls must be a type (got ", Py_TYPE(slots[0])->tp_name, ")");
    if (!is_tensor(slots[1]))
      fail<TypeError>("_make_subclass(): argument 'data' (position 2) must be Tensor, not ",
                      Py_TYPE(slots[1])->tp_name);
    if (!PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(slots[0]), &TensorType))
      as_subclass(slots[1], slots[0]);  // says so
    Tensor t = detached_data(*tensor_of(slots[1]));
    if (slots[2] && PyObject_IsTrue(slots[2]) == 1) {
      if (!is_floating(t->dtype))
        fail("Only Tensors of floating point and complex dtype can require gradients");
      t->requires_grad = true;
    }
    return wrap_as(reinterpret_cast<PyTypeObject*>(slots[0]), std::move(t));
  });
}
PyObject* as_subclass_method(PyObject* o, PyObject* type) {
  return guarded([&] { return as_subclass(o, type); });
}
// Tensor._make_wrapper_subclass(cls, size, strides=None, storage_offset=None, memory_format=None, dtype=None,
// layout, device, pin_memory, requires_grad): a tensor of a class that keeps its elements elsewhere.
PyObject* make_wrapper_subclass(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    PyObject* slots[12];
    bind_objects("_make_wrapper_subclass",
                 {"cls", "size", "strides", "storage_offset", "memory_format", "dtype", "layout", "device",
                  "pin_memory", "requires_grad", "dispatch_sizes_strides_policy", "dispatch_device"},
                 2, args, n, keywords, slots);
    if (!PyType_Check(slots[0])) fail<TypeError>("cls must be a type (got ", Py_TYPE(slots[0])->tp_name, ")");
    Dims sizes, strides;
    if (!to_ints(slots[1], &sizes)) fail<TypeError>("_make_wrapper_subclass(): 'size' must be tuple of ints");
    strides = contiguous_strides(sizes);
    if (slots[2] && slots[2] != Py_None && !to_ints(slots[2], &strides))
      fail<TypeError>("_make_wrapper_subclass(): 'strides' must be tuple of ints");
    DType dtype = default_dtype;
    if (slots[5] && slots[5] != Py_None && !to_dtype_object(slots[5], &dtype))
      fail<TypeError>("_make_wrapper_subclass(): 'dtype' must be torch.dtype");
    Tensor t = empty_strided(dtype, sizes, strides, Device());
    t->requires_grad = slots[9] && PyObject_IsTrue(slots[9]) == 1 && is_floating(dtype);
    auto* type = reinterpret_cast<PyTypeObject*>(slots[0]);
    if (!PyType_IsSubtype(type, &TensorType)) as_subclass(Owned(wrap(t)).get(), slots[0]);  // says so
    return wrap_as(type, std::move(t));
  });
}

// How many hold the tensor; its Python object is one of them.
PyObject* use_count_method(PyObject* o, PyObject*) { return PyLong_FromLong(long(impl(o)->refcount)); }
// Exchanges what two objects are: class, attributes, tensor. For utils.swap_tensors, which asks who holds
// them.
PyObject* swap_contents_method(PyObject* o, PyObject* other) {
  return guarded([&] {
    if (!is_tensor(other))
      fail<TypeError>("_swap_contents(): argument must be Tensor, not ", Py_TYPE(other)->tp_name);
    PyTypeObject *type = Py_TYPE(o), *theirs = Py_TYPE(other);
    if (type->tp_basicsize != theirs->tp_basicsize || type->tp_dictoffset != theirs->tp_dictoffset ||
        ((type->tp_flags ^ theirs->tp_flags) & Py_TPFLAGS_MANAGED_DICT))
      fail<TypeError>("objects of the classes ", type->tp_name, " and ", theirs->tp_name,
                      " are laid out differently");
    auto *one = reinterpret_cast<TensorObject*>(o), *two = reinterpret_cast<TensorObject*>(other);
    std::swap(one->tensor, two->tensor);
    std::swap(one->dict, two->dict);
    one->tensor->python = one;
    two->tensor->python = two;
    Py_SET_TYPE(o, theirs);
    Py_SET_TYPE(other, type);
    for (TensorObject* each : {one, two}) {  // as wrap() and the subclasses' allocation leave them
      PyObject* object = reinterpret_cast<PyObject*>(each);
      const bool collected = Py_TYPE(object) != &TensorType || each->dict;
      if (collected && !PyObject_GC_IsTracked(object)) PyObject_GC_Track(object);
      if (!collected && PyObject_GC_IsTracked(object)) PyObject_GC_UnTrack(object);
    }
    return Py_NewRef(Py_None);
  });
}

PyMethodDef kMethods[] = {
    {"item", item_method, METH_NOARGS, "The value of a one-element tensor as a Python number."},
    {"tolist", tolist_method, METH_NOARGS, "Nested lists of Python numbers; a number for a 0-dim tensor."},
    {"numel", numel_method, METH_NOARGS, "The number of elements."},
    {"nelement", numel_method, METH_NOARGS, "The number of elements."},
    {"dim", dim_method, METH_NOARGS, "The number of dimensions."},
    {"ndimension", dim_method, METH_NOARGS, "The number of dimensions."},
    {"element_size", element_size_method, METH_NOARGS, "Bytes per element."},
    {"data_ptr", data_ptr_method, METH_NOARGS, "The address of the first element."},
    {"const_data_ptr", data_ptr_method, METH_NOARGS, "The address of the first element."},
    {"storage_offset", storage_offset_method, METH_NOARGS,
     "Elements from the start of the storage to the first element."},
    {"is_inference", is_inference_method, METH_NOARGS, nullptr},
    {"get_device", get_device_method, METH_NOARGS, nullptr},
    {"is_pinned", as_function(never), kFastCall, nullptr},
    {"is_conj", false_method, METH_NOARGS, nullptr},
    {"is_neg", false_method, METH_NOARGS, nullptr},
    {"is_set_to", is_set_to_method, METH_O, nullptr},
    {"_use_count", use_count_method, METH_NOARGS, nullptr},
    {"size", as_function(size_method), kFastCall, "The size of all dimensions, or of one."},
    {"stride", as_function(stride_method), kFastCall,
     "Elements from one index to the next, for all dimensions or one."},
    {"__complex__", tensor_complex, METH_NOARGS, nullptr},
    {"_make_subclass", as_function(make_subclass), kFastCall | METH_STATIC, nullptr},
    {"_make_wrapper_subclass", as_function(make_wrapper_subclass), kFastCall | METH_STATIC, nullptr},
    {"__torch_function__", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(torch_function)),
     METH_CLASS | METH_VARARGS | METH_KEYWORDS,
     "Runs the function on plain tensors; results are of this class."},
    // Beside the slot, which knows no keywords: subclasses call it with tensor_contents=.
    {"__repr__", as_function(python_method<"__repr__">), kFastCall | METH_COEXIST, nullptr},
    in_python<"__copy__">(),
    in_python<"__deepcopy__">(),
    in_python<"__format__">(),
    in_python<"__array__">(),
    in_python<"__dir__">(),
    in_python<"__reversed__">(),
    in_python<"__setstate__">(),
    in_python<"_typed_storage">(),
    in_python<"__dlpack__">(),
    in_python<"__dlpack_device__">(),
    in_python<"__array_wrap__">()};

}  // namespace

PyObject* missing_attribute(PyObject* o, PyObject* name) {
  // Anything else that facula/_tensor.py defines is a method too; found there only when it is asked for.
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);
  PyObject* result = nullptr;
  const char* text = PyUnicode_AsUTF8(name);
  if (text && text[0] != '_') {
    try {
      result = PyObject_CallFunctionObjArgs(imported("facula._tensor", "find_method"), o, name, nullptr);
    } catch (...) { translate_exception(); }
    if (result || (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_AttributeError))) {
      Py_XDECREF(type);
      Py_XDECREF(value);
      Py_XDECREF(trace);
      return result;
    }
    PyErr_Clear();
  }
  PyErr_Restore(type, value, trace);
  return nullptr;
}

void add_tensor_methods(std::vector<PyMethodDef>& methods, PyNumberMethods& numbers,
                        PySequenceMethods& sequence, PyMappingMethods& mapping) {
  for (const PyMethodDef& m : kMethods) methods.push_back(overridable(m));
  methods.push_back({"_swap_contents", swap_contents_method, METH_O, nullptr});  // of whatever class
  methods.push_back(
      {"as_subclass", as_subclass_method, METH_O, "The same tensor as an instance of a subclass."});
  methods.push_back(in_python<"__reduce_ex__">());
  methods.push_back(in_python<"_repr_html_">());
  std::vector<PyMethodDef> of_autograd;
  add_autograd_methods(of_autograd);
  for (const PyMethodDef& m : of_autograd) methods.push_back(overridable(m));
  make_overridable(kTensorAttributes);
  numbers.nb_bool = tensor_bool;
  numbers.nb_float = tensor_float;
  numbers.nb_int = tensor_int;
  numbers.nb_index = tensor_index;
  sequence.sq_length = tensor_length;
  sequence.sq_item = tensor_item_at;
  sequence.sq_contains = tensor_contains;
  mapping.mp_length = tensor_length;
  mapping.mp_subscript = get_item;
  mapping.mp_ass_subscript = set_item;
  TensorType.tp_repr = tensor_repr;
  TensorType.tp_iter = tensor_iter;
  TensorType.tp_new = tensor_new;
  TensorType.tp_getset = kTensorAttributes;
}

}  // namespace facula::python
