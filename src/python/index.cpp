// x[...]: reading and writing through Python's indexing syntax.
#include "ops/functions.h"
#include "python/tensor_type.h"

namespace facula::python {
namespace {

Tensor apply_slice(const Tensor& t, int dim, PyObject* s) {
  const int64_t size = t->sizes[dim];
  Py_ssize_t start, stop, step;
  if (PySlice_Unpack(s, &start, &stop, &step) < 0) throw PythonErrorAlreadySet();
  if (step <= 0) fail<ValueError>("step must be greater than zero");
  PySlice_AdjustIndices(size, &start, &stop, step);
  return slice(t, dim, start, stop < start ? start : stop, step);
}

// Basic indices only: false when the index needs more (tensors, lists).
bool basic(const Tensor& self, PyObject* index, Tensor* out) {
  PyObject* const* items = &index;
  Py_ssize_t n = 1;
  if (PyTuple_Check(index)) {
    items = PySequence_Fast_ITEMS(index);
    n = PyTuple_GET_SIZE(index);
  }
  int used = 0;
  bool ellipsis = false;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* o = items[i];
    if (o == Py_Ellipsis) {
      if (ellipsis) fail<IndexError>("an index can only have a single ellipsis ('...')");
      ellipsis = true;
    } else if (PySlice_Check(o) || (PyLong_Check(o) && !PyBool_Check(o))) {
      ++used;
    } else if (o != Py_None) {
      return false;
    }
  }
  if (used > self->ndim) fail<IndexError>("too many indices for tensor of dimension ", int(self->ndim));
  Tensor t = self;
  int dim = 0;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* o = items[i];
    if (o == Py_Ellipsis) {
      dim += self->ndim - used;
    } else if (o == Py_None) {
      t = unsqueeze(t, dim++);
    } else if (PySlice_Check(o)) {
      t = apply_slice(t, dim++, o);
    } else {
      int64_t at;
      to_int(o, &at);
      const int64_t size = t->sizes[dim];
      if (at < -size || at >= size)
        fail<IndexError>("index ", at, " is out of bounds for dimension ", dim, " with size ", size);
      t = select(t, dim, at);
    }
  }
  *out = t.get() == self.get() && t->ndim ? slice(self, 0, 0, self->sizes[0]) : t;
  return true;
}

}  // namespace

PyObject* get_item(PyObject* self, PyObject* index) {
  return guarded([&]() -> PyObject* {
    Tensor out;
    if (!basic(tensor_of(self), index, &out)) fail<NotImplemented>("indexing with tensors or lists is not implemented");
    return wrap(std::move(out));
  });
}

int set_item(PyObject* self, PyObject* index, PyObject* value) {
  return guarded([&] {
    if (!value) fail<TypeError>("Tensor does not support deleting items");
    Tensor target;
    if (!basic(tensor_of(self), index, &target)) fail<NotImplemented>("indexing with tensors or lists is not implemented");
    Scalar s;
    if (is_tensor(value)) copy_(target, tensor_of(value));
    else if (to_scalar(value, &s)) fill_(target, s);
    else fail<TypeError>("can't assign a ", Py_TYPE(value)->tp_name, " to a torch.", c_name(target->dtype), "Tensor");
    return 0;
  });
}

}  // namespace facula::python
