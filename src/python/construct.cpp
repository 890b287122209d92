// Tensors from Python data: nested sequences, numbers, arrays.
#include <algorithm>
#include <cstring>
#include "op/execute.h"
#include "ops/functions.h"
#include "autograd/watch.h"
#include "python/override.h"
#include "python/batching.h"
#include "python/tensor_type.h"

namespace facula::python {
namespace {

bool is_sequence(PyObject* o) {
  return PyList_Check(o) || PyTuple_Check(o) || (PySequence_Check(o) && !PyUnicode_Check(o) && !is_tensor(o));
}

bool has_array_interface(PyObject* o) {
  if (PyFloat_CheckExact(o) || PyLong_CheckExact(o) || PyList_CheckExact(o) || PyTuple_CheckExact(o))
    return false;
  return !is_tensor(o) && PyObject_HasAttrString(o, "__array_interface__") && PyObject_CheckBuffer(o);
}

bool is_array(PyObject* o) {
  for (PyTypeObject* t = Py_TYPE(o); t; t = t->tp_base)
    if (std::strcmp(t->tp_name, "numpy.ndarray") == 0) return true;
  return false;
}

[[noreturn]] void fail_array_type(PyObject* o) {
  const Owned dtype(PyObject_GetAttrString(o, "dtype"));
  const Owned type(PyObject_GetAttrString(dtype.get(), "type"));
  const Owned name(PyObject_GetAttrString(type.get(), "__name__"));
  fail<TypeError>(
      "can't convert np.ndarray of type numpy.", PyUnicode_AsUTF8(name.get()),
      ". The only supported types are: float64, float32, float16, complex64, complex128, int64, int32, "
      "int16, int8, uint64, uint32, uint16, uint8, and bool.");
}

// The element type of a buffer format such as "<f4" written the struct way: "f", "<d", "Zf".
bool dtype_of_format(const char* format, Py_ssize_t size, DType* out) {
  if (!format) format = "B";
  if (*format == '<' || *format == '=' || *format == '@' || *format == '|') ++format;
  if (*format == '>' || *format == '!')
    fail<ValueError>(
        "given numpy array has byte order different from the native byte order. Conversion between byte "
        "orders is "
        "currently not supported.");
  const bool pair = *format == 'Z';
  if (pair) ++format;
  const char c = *format;
  if (!c || format[1]) return false;
  if (pair) {
    *out = c == 'f' ? DType::Complex64 : DType::Complex128;
    return c == 'f' || c == 'd';
  }
  if (c == '?') *out = DType::Bool;
  else if (c == 'e') *out = DType::Float16;
  else if (c == 'f') *out = DType::Float32;
  else if (c == 'd') *out = DType::Float64;
  else if (c == 'b' || c == 'h' || c == 'i' || c == 'l' || c == 'q')
    *out = size == 1 ? DType::Int8 : size == 2 ? DType::Int16 : size == 4 ? DType::Int32 : DType::Int64;
  else if (c == 'B' || c == 'H' || c == 'I' || c == 'L' || c == 'Q')
    *out = size == 1 ? DType::UInt8 : size == 2 ? DType::UInt16 : size == 4 ? DType::UInt32 : DType::UInt64;
  else return false;
  return true;
}

// NumPy's dates as numbers show their bytes.
bool is_date(PyObject* o) {
  const char* name = Py_TYPE(o)->tp_name;
  return std::strcmp(name, "numpy.datetime64") == 0 || std::strcmp(name, "numpy.timedelta64") == 0;
}

// Buffers have strides of their own in dimensions that are stepped over at most once.
void own_strides(PyObject* array, int64_t item, Dims* strides) {
  const Owned tuple(PyObject_GetAttrString(array, "strides"));
  if (!PyTuple_Check(tuple.get()) || PyTuple_GET_SIZE(tuple.get()) != strides->count) return;
  for (int d = 0; d < strides->count; ++d) {
    const Py_ssize_t s = PyLong_AsSsize_t(PyTuple_GET_ITEM(tuple.get(), d));
    if (s >= 0 && s % item == 0) strides->v[d] = s / item;
  }
}

void release_buffer(void* owner) {
  auto* view = static_cast<Py_buffer*>(owner);
  PyBuffer_Release(view);
  delete view;
}

Tensor share_buffer(PyObject* o, bool must_write) {
  auto view = std::make_unique<Py_buffer>();
  if (PyObject_GetBuffer(o, view.get(), PyBUF_FULL_RO) < 0) {
    if (!PyErr_ExceptionMatches(PyExc_ValueError) || !is_array(o)) throw PythonErrorAlreadySet();
    PyErr_Clear();
    fail_array_type(o);  // dates
  }
  struct Release {
    std::unique_ptr<Py_buffer>& v;
    ~Release() {
      if (v) PyBuffer_Release(v.get());
    }
  } release{view};
  DType dtype;
  if (!dtype_of_format(view->format, view->itemsize, &dtype) || is_date(o)) fail_array_type(o);
  if (view->readonly && must_write)
    warn(
        "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This "
        "means writing to this "
        "tensor will result in undefined behavior. You may want to copy the array to protect its data or "
        "make it writable before "
        "converting it to a tensor. This type of warning will be suppressed for the rest of this program.");
  Dims sizes(view->ndim), strides(view->ndim);
  for (int d = 0; d < view->ndim; ++d) {
    sizes[d] = view->shape[d];
    const Py_ssize_t s = view->strides ? view->strides[d] : 0;
    if (s < 0)
      fail<ValueError>(
          "At least one stride in the given numpy array is negative, and tensors with negative strides are "
          "not currently "
          "supported. (You can probably work around this by making a copy of your array  with "
          "array.copy().) ");
    if (s % view->itemsize != 0)
      fail<ValueError>(
          "given numpy array strides not a multiple of the element byte size. Copy the numpy array to "
          "reallocate the memory.");
    strides[d] = s / view->itemsize;
  }
  if (!view->strides) strides = contiguous_strides(sizes);
  if (std::any_of(sizes.begin(), sizes.end(), [](int64_t n) { return n < 2; }) && is_array(o)) [[unlikely]]
    own_strides(o, view->itemsize, &strides);
  char* data = static_cast<char*>(view->buf);
  const size_t bytes = size_t(view->len);
  return from_memory(dtype, sizes, strides, data, bytes, release_buffer, view.release());
}

// --- nested sequences ---

Dims shape_of(PyObject* o) {
  Dims shape;
  std::vector<Owned> held;  // items of sequences that make them on demand
  while (is_sequence(o)) {
    const Py_ssize_t n = PySequence_Size(o);
    if (n < 0) throw PythonErrorAlreadySet();
    shape.push(n);
    if (shape.count > kMaxDims * 2) fail<ValueError>("too many dimensions '", Py_TYPE(o)->tp_name, "'");
    if (n == 0) break;
    PyObject* first = PySequence_GetItem(o, 0);
    if (!first) {
      if (!PyErr_ExceptionMatches(PyExc_Exception)) throw PythonErrorAlreadySet();
      PyErr_Clear();
      fail<ValueError>("could not determine the shape of object type '", Py_TYPE(o)->tp_name, "'");
    }
    held.emplace_back(first);
    o = first;
  }
  if (PyUnicode_Check(o) && shape.count) fail<ValueError>("too many dimensions 'str'");
  if (shape.count > kMaxDims) fail<ValueError>("too many dimensions '", Py_TYPE(o)->tp_name, "'");
  return shape;
}

// Within a sequence a tensor is a number, whatever its dimensions are, and so is a 0-dim array.
void require_single(const TensorImpl& t) {
  if (t.numel != 1) fail<ValueError>("only one element tensors can be converted to Python scalars");
}

bool is_number_array(PyObject* o) { return has_array_interface(o) && share_buffer(o, false)->ndim == 0; }

Scalar element_of(const TensorImpl& t) {
  require_single(t);
  if (t.is_meta()) fail("Tensor.item() cannot be called on meta tensors");
  Scalar s;
  const Owned value(item(t.dtype, t.data));
  to_scalar(value.get(), &s);
  return s;
}

// Integers that no 64 bits hold: floating types and bool take them all the same.
bool is_beyond_int64(PyObject* o) {
  int overflow = 0;
  if (PyLong_Check(o)) PyLong_AsLongLongAndOverflow(o, &overflow);
  return overflow != 0;
}

// `wanted`: the type of the tensor, where it is known.
Scalar leaf_value(PyObject* o, const DType* wanted = nullptr) {
  Scalar s;
  if (is_batched(o)) {  // its item() says what is wrong with that
    const Owned value(PyObject_CallMethod(o, "item", nullptr));
    if (!value.get()) throw PythonErrorAlreadySet();
    to_scalar(value.get(), &s);
    return s;
  }
  if (is_tensor(o)) return element_of(*tensor_of(o));
  if (is_beyond_int64(o)) fail<ValueError>("Overflow when unpacking long long");
  if (to_scalar(o, &s)) return s;
  if (is_number_array(o)) return element_of(*share_buffer(o, false));
  if (PyUnicode_Check(o)) fail<TypeError>("new(): invalid data type 'str'");
  if (PyIndex_Check(o)) {
    const Owned i(PyNumber_Index(o));
    to_scalar(i.get(), &s);
    return s;
  }
  const char* type = Py_TYPE(o)->tp_name;
  if (!wanted) fail("Could not infer dtype of ", type);
  if (is_floating(*wanted)) fail<TypeError>("must be real number, not ", type);
  fail<TypeError>("'", type, "' object cannot be interpreted as an integer");
}

// NumPy's numbers have types of their own.
DType leaf_dtype(PyObject* o) {
  if (is_tensor(o)) return tensor_of(o)->dtype;
  if (is_number_array(o)) return share_buffer(o, false)->dtype;
  return dtype_of(leaf_value(o));
}

Scalar huge_value(PyObject* o, DType t) {
  if (t == DType::UInt64) {
    const unsigned long long bits = PyLong_AsUnsignedLongLong(o);
    if (!PyErr_Occurred()) return int64_t(bits);
    PyErr_Clear();
  } else if (t == DType::Bool) {
    return true;
  } else if (is_floating(t)) {
    const double v = PyLong_AsDouble(o);
    if (v == -1 && PyErr_Occurred()) throw PythonErrorAlreadySet();
    return v;
  }
  fail<ValueError>("Overflow when unpacking long long");
}

// Integers wrap in an unsigned type when they are negative, and floating numbers nowhere.
void require_exact(DType t, const Scalar& s) {
  if (!is_integral(t) || s.is_complex()) return;
  const double v = double(s);
  const bool fits = visit(t, [&](auto element) {
    using T = decltype(element);
    if constexpr (std::is_integral_v<T>) {
      using L = std::numeric_limits<T>;
      const double low = std::is_unsigned_v<T> && s.is_integral() ? -double(L::max()) : double(L::min());
      if (sizeof(T) == 8)
        return s.is_integral() || (v >= double(L::min()) && v < (std::is_signed_v<T> ? 0x1p63 : 0x1p64));
      return v >= low && v <= double(L::max());
    } else {
      return true;
    }
  });
  if (!fits) fail("value cannot be converted to type ", name(t), " without overflow");
}

class Filler {
 public:
  Filler(const Dims& shape, DType dtype, bool infer) : shape_(shape), dtype_(dtype), infer_(infer) {}
  DType inferred = DType::Bool;
  bool any = false;
  char* to = nullptr;  // null: only the type is wanted

  void walk(PyObject* o, int d) {
    if (infer_ && PyBytes_Check(o)) fail<TypeError>("new(): invalid data type 'bytes'");
    if (d == shape_.count) {
      if (is_sequence(o) && !is_number_array(o))
        fail<TypeError>(is_floating(inferred) ? "must be real number, not " : "'", Py_TYPE(o)->tp_name,
                        is_floating(inferred) ? "" : "' object cannot be interpreted as an integer",
                        "\nThe first elements at dim ", d, " are numbers, this one is a sequence of length ",
                        PySequence_Size(o));
      leaf(o);
      return;
    }
    if (is_batched(o)) {
      const Owned list(PyObject_CallMethod(o, "tolist", nullptr));
      if (!list.get()) throw PythonErrorAlreadySet();
      return walk(list.get(), d);
    }
    if (is_tensor(o) && tensor_of(o)->ndim) return walk_tensor(tensor_of(o), d);
    if (!is_sequence(o)) {
      leaf_dtype(o);
      fail<TypeError>("not a sequence: expected one of length ", shape_[d], " at dim ", d, ", got ",
                      Py_TYPE(o)->tp_name);
    }
    const bool fast = PyList_CheckExact(o) || PyTuple_CheckExact(o);
    const Py_ssize_t n = PySequence_Size(o);
    if (n < 0) throw PythonErrorAlreadySet();
    if (n != shape_[d])
      fail<ValueError>("expected sequence of length ", shape_[d], " at dim ", d, " (got ", n, ")");
    for (Py_ssize_t i = 0; i < n; ++i) {
      if (fast && i >= PySequence_Fast_GET_SIZE(o)) fail("sequence changed while it was read");
      if (fast && PySequence_Fast_GET_ITEM(o, i) == o)
        fail<TypeError>("new(): self-referential lists are incompatible with PyTorch");
      const Owned element(fast ? Py_NewRef(PySequence_Fast_GET_ITEM(o, i)) : PySequence_GetItem(o, i));
      walk(element.get(), d + 1);
    }
  }

 private:
  void walk_tensor(const Tensor& t, int d) {
    if (t->sizes[0] != shape_[d])
      fail<ValueError>("expected sequence of length ", shape_[d], " at dim ", d, " (got ", t->sizes[0], ")");
    for (int64_t i = 0; i < t->sizes[0]; ++i) {
      const Owned row(wrap(select(t, 0, i)));
      walk(row.get(), d + 1);
    }
  }
  void note(DType t) {
    inferred = any ? promote(inferred, t) : t;
    any = true;
  }
  void leaf(PyObject* o) {
    if (!to) {
      if (infer_) note(leaf_dtype(o));
      return;
    }
    const Scalar s = is_beyond_int64(o) ? huge_value(o, dtype_) : leaf_value(o, &dtype_);
    if (s.is_complex() && !is_complex(dtype_) && dtype_ != DType::Bool)
      fail<TypeError>(is_floating(dtype_) ? "must be real number, not complex"
                                          : "'complex' object cannot be interpreted as an integer");
    require_exact(dtype_, s);
    store_scalar(to, dtype_, s);
    to += item_size(dtype_);
  }

  const Dims& shape_;
  DType dtype_;
  bool infer_;
};

Tensor on_device(Tensor t, OptDType dtype, Device device) {
  require_available(device);
  if (dtype && *dtype != t->dtype) t = converted(t, *dtype);
  if (device.type == Device::Meta) return empty(t->dtype, t->shape(), device);
  return t;
}

struct Options {
  PyObject* data;
  OptDType dtype;
  Device device;
  bool requires_grad;
};
Options options(const char* function, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  PyObject* slots[5];
  bind_objects(function, {"data", "dtype", "device", "requires_grad", "pin_memory"}, 1, args, n, keywords,
               slots);
  Options o{slots[0], std::nullopt, {}, false};
  if (slots[1] && slots[1] != Py_None) {
    DType t;
    if (!to_dtype_object(slots[1], &t))
      fail<TypeError>(function, "(): argument 'dtype' must be torch.dtype, not ", Py_TYPE(slots[1])->tp_name);
    o.dtype = t;
  }
  if (slots[2] && slots[2] != Py_None && !to_device(slots[2], &o.device))
    fail<TypeError>(function, "(): argument 'device' must be torch.device, not ", Py_TYPE(slots[2])->tp_name);
  if (slots[3]) o.requires_grad = PyObject_IsTrue(slots[3]) == 1;
  return o;
}

PyObject* tensor(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    const Options o = options("tensor", args, n, keywords);
    if (is_tensor(o.data))
      warn(
          "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
          "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).");
    if (is_batched(o.data)) [[unlikely]] {
      const Owned dtype(o.dtype ? wrap(*o.dtype) : Py_NewRef(Py_None));
      PyObject* copy = PyObject_CallFunctionObjArgs(imported("facula.func._batch", "copied"), o.data,
                                                    dtype.get(), nullptr);
      if (!copy) throw PythonErrorAlreadySet();
      return copy;
    }
    if (is_tensor(o.data) && tensor_of(o.data)->is_meta() && is_sparse(*tensor_of(o.data))) [[unlikely]] {
      const Owned dtype(o.dtype ? wrap(*o.dtype) : Py_NewRef(Py_None));
      PyObject* copy = PyObject_CallFunction(imported("facula._parts", "copied"), "OOO", o.data, dtype.get(),
                                             o.requires_grad ? Py_True : Py_False);
      if (!copy) throw PythonErrorAlreadySet();
      return copy;
    }
    Tensor t = tensor_from(o.data, o.dtype, o.device);
    if (o.requires_grad) {
      if (!is_floating(t->dtype))
        fail("Only Tensors of floating point and complex dtype can require gradients");
      t->requires_grad = true;
    }
    return wrap(std::move(t));
  });
}
PyObject* as_tensor(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    const Options o = options("as_tensor", args, n, keywords);
    if (live_vmaps && is_batched(o.data)) [[unlikely]] {
      if (!o.dtype) return Py_NewRef(o.data);
      const Owned dtype(wrap(*o.dtype));
      return PyObject_CallMethod(o.data, "to", "O", dtype.get());
    }
    if (is_tensor(o.data)) {
      const Tensor& t = tensor_of(o.data);
      if (t->is_meta() && is_sparse(*t)) [[unlikely]] {
        const Owned dtype(wrap(o.dtype.value_or(t->dtype)));
        return PyObject_CallMethod(o.data, "to", "O", dtype.get());
      }
      if ((!o.dtype || *o.dtype == t->dtype) && o.device.type == t->device.type) return Py_NewRef(o.data);
      if (o.device.type == t->device.type) return wrap(to_dtype(t, *o.dtype));
    }
    return wrap(as_tensor_from(o.data, o.dtype, o.device));
  });
}
PyObject* from_numpy(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    if (!is_array(o)) fail<TypeError>("expected np.ndarray (got ", Py_TYPE(o)->tp_name, ")");
    return wrap(share_buffer(o, true));
  });
}
PyObject* frombuffer(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    PyObject* slots[5];
    bind_objects("frombuffer", {"buffer", "dtype", "count", "offset", "requires_grad"}, 2, args, n, keywords,
                 slots);
    const DType dtype = dtype_of_object(slots[1]);
    int64_t count = -1, offset = 0;
    if (slots[2]) to_int(slots[2], &count);
    if (slots[3]) to_int(slots[3], &offset);
    auto view = std::make_unique<Py_buffer>();
    if (!PyObject_CheckBuffer(slots[0]))
      fail<ValueError>("object does not implement Python buffer protocol.");
    if (PyObject_GetBuffer(slots[0], view.get(), PyBUF_SIMPLE) < 0) throw PythonErrorAlreadySet();
    const int64_t available = view->len - offset, size = item_size(dtype);
    if (view->len == 0 || count == 0) {
      const int64_t length = view->len;
      PyBuffer_Release(view.get());
      fail<ValueError>("both buffer length (", length, ") and count (", count, ") must not be 0");
    }
    const int64_t length = view->len;
    const std::string problem =
        offset < 0 || available <= 0
            ? concat("offset (", offset, " bytes) must be non-negative and no greater than buffer length (",
                     length, " bytes) minus 1")
        : count < 0 && available % size
            ? concat("buffer length (", available, " bytes) after offset (", offset,
                     " bytes) must be a multiple of element size (", size, ")")
        : count > available / size
            ? concat("requested buffer length (", count, " * ", size, " bytes) after offset (", offset,
                     " bytes) must not be greater than actual buffer length (", length, " bytes)")
            : std::string();
    if (!problem.empty()) {
      PyBuffer_Release(view.get());
      fail<ValueError>(problem);
    }
    if (static bool warned = false; view->readonly && !std::exchange(warned, true))
      warn(
          "The given buffer is not writable, and PyTorch does not support non-writable tensors. A write to "
          "the "
          "tensor goes to the buffer, which its owner takes for constant. Copy the buffer before, to protect "
          "its data or to make it writable. This warning is shown once.");
    const int64_t elements = count < 0 ? available / size : count;
    char* data = static_cast<char*>(view->buf) + offset;
    Tensor t = from_memory(dtype, Dims{elements}, Dims{1}, data, size_t(elements * size), release_buffer,
                           view.release());
    if (slots[4] && PyObject_IsTrue(slots[4]) == 1) t->requires_grad = true;
    return wrap(std::move(t));
  });
}

PyMethodDef kMakers[] = {
    // modes with a __torch_function__ see these
    {"tensor", as_function(tensor), kFastCall,
     "tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False)\n\n"
     "A new tensor with a copy of `data`: a number, nested sequences, or an array."},
    {"as_tensor", as_function(as_tensor), kFastCall,
     "as_tensor(data, dtype=None, device=None)\n\nA tensor that shares memory with `data` if it can."},
};
PyMethodDef kFunctions[] = {{"from_numpy", from_numpy, METH_O,
                             "from_numpy(ndarray)\n\nA tensor that shares memory with a NumPy array."},
                            {"frombuffer", as_function(frombuffer), kFastCall,
                             "frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False)\n\n"
                             "A one-dimensional tensor over a writable buffer."},
                            {}};

}  // namespace

// Storages, and objects of the DLPack protocol that are no arrays; null for all else.
static Tensor memory_of(PyObject* data, OptDType dtype) {
  if (PyList_Check(data) || PyTuple_Check(data) || PyNumber_Check(data)) return nullptr;
  PyObject* made = nullptr;
  if (PyObject_HasAttrString(data, "_as_tensor")) {
    const Owned wanted(dtype ? wrap(*dtype) : Py_NewRef(Py_None));
    made = PyObject_CallMethod(data, "_as_tensor", "O", wanted.get());
  } else if (PyObject_HasAttrString(data, "__dlpack__") &&
             PyObject_HasAttrString(data, "__dlpack_device__")) {
    made = PyObject_CallOneArg(imported("facula.utils.dlpack", "from_dlpack"), data);
  } else {
    return nullptr;
  }
  if (!made) throw PythonErrorAlreadySet();
  const Owned held(made);
  return is_tensor(made) ? tensor_of(made) : Tensor();
}

static void warn_of_arrays(PyObject* data) {
  if (!PyList_Check(data) && !PyTuple_Check(data)) return;
  if (!PySequence_Fast_GET_SIZE(data)) return;
  PyObject* first = PySequence_Fast_GET_ITEM(data, 0);
  if (PyFloat_Check(first) || PyLong_Check(first) || is_tensor(first) || !has_array_interface(first)) return;
  if (static bool warned = false; is_number_array(first) || std::exchange(warned, true)) return;
  warn(
      "Creating a tensor from a list of numpy.ndarrays is extremely slow. Please consider converting the "
      "list "
      "to a single numpy.ndarray with numpy.array() before converting to a tensor.");
}

Tensor tensor_from(PyObject* data, OptDType dtype, Device device) {
  if (is_tensor(data)) {
    const Tensor& t = tensor_of(data);
    Tensor copy = t->is_meta() ? empty(dtype.value_or(t->dtype), t->shape(), t->device)
                               : converted(t, dtype.value_or(t->dtype));
    return t->is_meta() ? copy : on_device(std::move(copy), dtype, device);
  }
  if (has_array_interface(data)) {
    const Tensor shared = share_buffer(data, false);
    return on_device(converted(shared, dtype.value_or(shared->dtype)), dtype, device);
  }
  if (PyUnicode_Check(data)) fail<TypeError>("new(): invalid data type 'str'");
  if (PyBytes_Check(data)) fail<TypeError>("new(): invalid data type 'bytes'");
  if (const Tensor shared = memory_of(data, dtype))
    return on_device(converted(dense(shared), dtype.value_or(shared->dtype)), dtype, device);
  warn_of_arrays(data);
  const Dims shape = shape_of(data);
  const bool infer = !dtype;
  Filler filler(shape, dtype.value_or(default_dtype), infer);
  filler.walk(data, 0);
  const DType t = dtype ? *dtype : filler.any ? filler.inferred : default_dtype;
  Tensor out = empty(t, shape);
  Filler writer(shape, t, false);
  writer.to = out->data;
  if (out->numel) writer.walk(data, 0);
  return on_device(std::move(out), std::nullopt, device);
}

Tensor as_tensor_from(PyObject* data, OptDType dtype, Device device) {
  if (has_array_interface(data)) return on_device(share_buffer(data, true), dtype, device);
  if (!is_tensor(data) && !PyUnicode_Check(data))
    if (Tensor shared = memory_of(data, dtype)) return on_device(std::move(shared), dtype, device);
  return tensor_from(data, dtype, device);
}

void add_construct(PyObject* module) {
  for (const PyMethodDef& m : kMakers) add_overridable(module, m);
  if (PyModule_AddFunctions(module, kFunctions) < 0) throw PythonErrorAlreadySet();
}

}  // namespace facula::python
