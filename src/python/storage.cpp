// torch.storage.UntypedStorage's base: the memory behind tensors, as bytes, and tensors laid over it. Every
// geometry is checked against the memory here: what comes from a file is not believed.
#include <cstring>
#include "op/execute.h"
#include "python/tensor_type.h"

namespace facula::python {
namespace {

struct StorageObject {
  PyObject_HEAD Storage* storage;
  Py_ssize_t exports;  // buffers that look into it
};
StorageObject* object(PyObject* o) { return reinterpret_cast<StorageObject*>(o); }
extern PyTypeObject StorageType;

Storage* storage_of(PyObject* o) { return object(o)->storage; }

void drop(Storage* s) {
  if (s && --s->refcount == 0) Storage::destroy(s);
}

// Takes over one count of the storage.
PyObject* new_object(PyTypeObject* type, Storage* s) {
  PyObject* o = type->tp_alloc(type, 0);
  if (!o) {
    drop(s);
    throw PythonErrorAlreadySet();
  }
  object(o)->storage = s;
  return o;
}

void storage_dealloc(PyObject* o) {
  drop(storage_of(o));
  Py_TYPE(o)->tp_free(o);
}

PyTypeObject* as_type(PyObject* o) { return reinterpret_cast<PyTypeObject*>(o); }

// StorageBase._of(tensor)
PyObject* of_tensor(PyObject* type, PyObject* tensor) {
  return guarded([&]() -> PyObject* {
    if (!is_tensor(tensor)) fail<TypeError>("expected a Tensor, but got ", Py_TYPE(tensor)->tp_name);
    Storage* s = tensor_of(tensor)->storage;
    ++s->refcount;
    return new_object(as_type(type), s);
  });
}

int64_t size_argument(PyObject* o, const char* what) {
  int64_t n;
  if (!to_int(o, &n)) fail<TypeError>(what, " must be an int, not ", Py_TYPE(o)->tp_name);
  if (n < 0) fail(what, " must not be negative, got ", n);
  if (n > int64_t(1) << 46)
    fail("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate ", n, " bytes");
  return n;
}

// StorageBase._new(nbytes, device)
PyObject* make(PyObject* type, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    Device d;
    if (count != 2 || !to_device(args[1], &d)) fail<TypeError>("_new() takes a number of bytes and a device");
    const int64_t n = size_argument(args[0], "the number of bytes");
    require_available(d);
    Storage* s = d.type == Device::Meta ? Storage::create_meta(size_t(n)) : Storage::create(size_t(n));
    return new_object(as_type(type), s);
  });
}

void release_buffer(void* owner) {
  auto* view = static_cast<Py_buffer*>(owner);
  PyBuffer_Release(view);
  delete view;
}

// StorageBase._over(buffer, offset, nbytes): shares the memory of a writable buffer
PyObject* over(PyObject* type, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    if (count != 3) fail<TypeError>("_over() takes a buffer, an offset and a number of bytes");
    const int64_t offset = size_argument(args[1], "the offset"),
                  n = size_argument(args[2], "the number of bytes");
    auto view = std::make_unique<Py_buffer>();
    if (PyObject_GetBuffer(args[0], view.get(), PyBUF_WRITABLE) < 0) throw PythonErrorAlreadySet();
    if (offset > view->len || n > view->len - offset) {
      PyBuffer_Release(view.get());
      fail("a storage of ", n, " bytes at ", offset, " does not fit into a buffer of ", int64_t(view->len));
    }
    char* data = static_cast<char*>(view->buf) + offset;
    Storage* s = Storage::create_external(data, size_t(n), release_buffer, view.release());
    return new_object(as_type(type), s);
  });
}

// storage._tensor(dtype, offset, size, stride): a tensor over this memory, a leaf without history
PyObject* tensor_over(PyObject* o, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    Dims sizes, strides;
    int64_t offset;
    if (count != 4) fail<TypeError>("_tensor() takes a dtype, an offset, a size and a stride");
    const DType dtype = dtype_of_object(args[0]);
    if (!to_int(args[1], &offset)) fail<TypeError>("the storage offset must be an int");
    for (int i : {2, 3})
      if ((PyTuple_Check(args[i]) || PyList_Check(args[i])) && PySequence_Fast_GET_SIZE(args[i]) > kMaxDims)
        fail("a tensor has at most ", kMaxDims, " dimensions, got ",
             int64_t(PySequence_Fast_GET_SIZE(args[i])));
    if (!to_ints(args[2], &sizes) || !to_ints(args[3], &strides))
      fail<TypeError>("size and stride must be tuples of ints");
    if (sizes.count != strides.count)
      fail("mismatch in length of strides and shape: ", strides.count, " and ", sizes.count);
    Storage* const s = storage_of(o);
    const int64_t item = item_size(dtype), room = int64_t(s->bytes) / item;
    if (offset < 0) fail("Tensor: invalid storage offset ", offset);
    int64_t last = 0, numel = 1;
    bool none = false, bad = false;
    for (int d = 0; d < sizes.count; ++d) {
      if (sizes[d] < 0)
        fail("Trying to create tensor with negative dimension ", sizes[d], ": ", to_string(sizes));
      if (strides[d] < 0)
        fail("as_strided: Negative strides are not supported at the moment, got strides: ",
             to_string(strides));
      if (sizes[d] == 0) none = true;
    }
    for (int d = 0; d < sizes.count && !none; ++d) {
      int64_t reach;
      bad |= __builtin_mul_overflow(numel, sizes[d], &numel);
      bad |= __builtin_mul_overflow(sizes[d] - 1, strides[d], &reach);
      bad |= __builtin_add_overflow(last, reach, &last);
    }
    if (bad || numel > (int64_t(1) << 59))
      fail("Storage size calculation overflowed with sizes=", to_string(sizes));
    if (none ? offset > room : (offset >= room || last >= room - offset))
      fail("setStorage: sizes ", to_string(sizes), ", strides ", to_string(strides), ", storage offset ",
           offset, ", and itemsize ", item, " are out of bounds for storage of size ", s->bytes);
    if (reinterpret_cast<uintptr_t>(s->data) % uintptr_t(is_complex(dtype) ? item / 2 : item) != 0)
      fail("the memory is not aligned for elements of ", name(dtype));
    Tensor t = empty_cpu(dtype, 1, std::array<int64_t, 1>{0}.data());
    ++s->refcount;
    t->leave_storage();
    t->lie_in(s);
    t->version_counter = &s->version;
    t->device = s->device;
    t->data = s->data + offset * item;  // on the meta device too: the offset is told from it
    t->set_ndim(sizes.count);
    t->set_geometry(sizes, strides);
    return wrap(std::move(t));
  });
}

PyObject* nbytes(PyObject* o, PyObject*) { return PyLong_FromSize_t(storage_of(o)->bytes); }
PyObject* data_ptr(PyObject* o, PyObject*) {
  const Storage* s = storage_of(o);
  return PyLong_FromVoidPtr(s->bytes && s->device.type != Device::Meta ? s->data : nullptr);
}
PyObject* resizable(PyObject* o, PyObject*) { return PyBool_FromLong(!storage_of(o)->fixed); }
PyObject* fix(PyObject* o, PyObject*) {
  storage_of(o)->fixed = true;
  Py_RETURN_NONE;
}
PyObject* users(PyObject* o, PyObject*) { return PyLong_FromUnsignedLong(storage_of(o)->refcount); }
PyObject* bump(PyObject* o, PyObject*) {
  ++storage_of(o)->version;
  Py_RETURN_NONE;
}
PyObject* get_cdata(PyObject* o, void*) { return PyLong_FromVoidPtr(storage_of(o)); }
PyObject* get_device(PyObject* o, void*) {
  return guarded([&] { return wrap(storage_of(o)->device); });
}

// storage._resize(nbytes): the tensors in it see the larger memory.
PyObject* resize(PyObject* o, PyObject* value) {
  return guarded([&]() -> PyObject* {
    const size_t n = size_t(size_argument(value, "the number of bytes"));
    Storage* const s = storage_of(o);
    if (object(o)->exports) {
      PyErr_SetString(PyExc_BufferError, "a storage cannot be resized while a memoryview looks into it");
      return nullptr;
    }
    if (s->refcount != 1 || !s->release || s->fixed) {
      resize_storage(*s, n);
      Py_RETURN_NONE;
    }
    Storage* larger = s->device.type == Device::Meta ? Storage::create_meta(n) : Storage::create(n);
    if (s->data && s->bytes) std::memcpy(larger->data, s->data, std::min(n, s->bytes));
    object(o)->storage = larger;
    drop(s);
    Py_RETURN_NONE;
  });
}

int get_buffer(PyObject* o, Py_buffer* view, int flags) {
  Storage* s = storage_of(o);
  if (s->device.type == Device::Meta) {
    PyErr_SetString(PyExc_BufferError, "a storage on the meta device has no memory");
    view->obj = nullptr;
    return -1;
  }
  static char nothing;
  const int failed = PyBuffer_FillInfo(view, o, s->data ? s->data : &nothing, Py_ssize_t(s->bytes), 0, flags);
  if (!failed) ++object(o)->exports;
  return failed;
}
void release_buffer_of(PyObject* o, Py_buffer*) { --object(o)->exports; }

Py_hash_t hash(PyObject* o) { return Py_hash_t(reinterpret_cast<uintptr_t>(storage_of(o)) >> 4); }
PyObject* compare(PyObject* a, PyObject* b, int op) {
  if (!PyObject_TypeCheck(b, &StorageType) || (op != Py_EQ && op != Py_NE)) Py_RETURN_NOTIMPLEMENTED;
  return PyBool_FromLong((storage_of(a) == storage_of(b)) == (op == Py_EQ));
}

template <class F> PyCFunction method(F* f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

PyMethodDef methods[] = {
    {"_of", of_tensor, METH_O | METH_CLASS, nullptr},
    {"_new", method(make), METH_FASTCALL | METH_CLASS, nullptr},
    {"_over", method(over), METH_FASTCALL | METH_CLASS, nullptr},
    {"_tensor", method(tensor_over), METH_FASTCALL, nullptr},
    {"_resize", resize, METH_O, nullptr},
    {"_fix", fix, METH_NOARGS, nullptr},
    {"_users", users, METH_NOARGS, nullptr},
    {"_bump_version", bump, METH_NOARGS, nullptr},
    {"resizable", resizable, METH_NOARGS, "Whether the memory may become larger: no array looks into it."},
    {"nbytes", nbytes, METH_NOARGS, "The number of bytes."},
    {"data_ptr", data_ptr, METH_NOARGS, "The address of the first byte."},
    {}};
PyGetSetDef getset[] = {{"_cdata", get_cdata, nullptr, nullptr, nullptr},
                        {"device", get_device, nullptr, "Where the memory is.", nullptr},
                        {}};
PyBufferProcs buffer = {get_buffer, release_buffer_of};

PyTypeObject StorageType = {.ob_base = {PyObject_HEAD_INIT(nullptr) 0}, .tp_name = "torch._C.StorageBase"};

}  // namespace

void add_storage(PyObject* module) {
  StorageType.tp_basicsize = sizeof(StorageObject);
  StorageType.tp_dealloc = storage_dealloc;
  StorageType.tp_methods = methods;
  StorageType.tp_getset = getset;
  StorageType.tp_as_buffer = &buffer;
  StorageType.tp_hash = hash;
  StorageType.tp_richcompare = compare;
  StorageType.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION;
  if (PyType_Ready(&StorageType) < 0) throw PythonErrorAlreadySet();
  PyModule_AddObjectRef(module, "StorageBase", reinterpret_cast<PyObject*>(&StorageType));
}

}  // namespace facula::python
