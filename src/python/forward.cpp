// Forward mode as Python sees it; facula/autograd/forward_ad.py is the other half.
#include "autograd/forward.h"
#include <algorithm>
#include "ops/functions.h"
#include "python/tensor_type.h"

namespace facula::python {
namespace {

const Tensor& tensor_argument(const char* function, const char* name, PyObject* o, int position) {
  if (!is_tensor(o))
    fail<TypeError>(function, "(): argument '", name, "' (position ", position, ") must be Tensor, not ",
                    Py_TYPE(o)->tp_name);
  return tensor_of(o);
}

void check_tangent(const Tensor& t, const Tensor& tangent) {
  if (!tangent->same_shape(*t))
    fail(
        "Trying to set a forward gradient that has a different size than that of the original Tensor, this "
        "is "
        "not supported. Tensor is of size ",
        to_string(t->shape()), " while the given forward gradient is of size ", to_string(tangent->shape()),
        ".");
  if (!(tangent->device == t->device))
    fail("Expected all tensors to be on the same device, but found at least two devices, ",
         to_string(t->device), " and ", to_string(tangent->device), "!");
}

// Of one layout, the tangent is taken as it is: whoever holds it sees in-place writes.
void take_tangent(TensorImpl& t, const Tensor& tangent) {
  bool same = true;
  for (int d = 0; d < t.ndim; ++d) same &= t.sizes[d] < 2 || t.strides[d] == tangent->strides[d];
  if (same) set_view_tangent(t, tangent);
  else set_tangent(t, tangent);
}

// The tangent in memory of the size of t's, at the same place: what as_strided reaches from t it reaches from
// there.
Tensor beside(TensorImpl& t, const Tensor& tangent) {
  const size_t wanted = t.storage->bytes / item_size(t.dtype),
               has = tangent->storage->bytes / item_size(tangent->dtype);
  if (t.is_meta() || tangent->is_meta() || !t.numel || (wanted == has && t.offset() == tangent->offset()))
    return tangent;
  const Tensor room = full({int64_t(wanted)}, 0, tangent->dtype, tangent->device);
  const NoForward off;
  return copy_(as_strided(room, t.shape(), t.stride(), t.offset()), tangent);
}

// A tensor of its own, on the same memory and with the same history, that has no tangent from `level` on.
Tensor same_with_history(const Tensor& t, int level) {
  Node* history = grad_fn(t.get());
  if (!history && t->requires_grad) {
    const NoForward off;
    return view(t, t->shape());
  }
  Tensor twin = alias(*t);
  if (history) set_grad_fn(*twin, Ref<Node>(history), t->output_nr);
  share_tangents(*twin, *t, level);
  return twin;
}

// The last argument, if there are more than `others`; else the innermost level.
int level_argument(PyObject* const* args, Py_ssize_t n, Py_ssize_t others) {
  int64_t level = dual_levels();
  if (n > others && (!to_int(args[others], &level) || level < 1 || level > dual_levels()))
    fail("there is no forward AD level ", level);
  return int(level);
}

PyObject* make_dual(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    if (n < 2) fail<TypeError>("_make_dual() takes 2 positional arguments");
    const Tensor &t = tensor_argument("_make_dual", "tensor", args[0], 1),
                 &tangent = tensor_argument("_make_dual", "tangent", args[1], 2);
    const int level = level_argument(args, n, 2);
    if (level == 0) fail("there is no open forward AD level");
    if (tangent_at(*t, level))
      fail(
          "Making a dual Tensor based on a Tensor that already has a forward gradient at the same level 0 is "
          "not supported.");
    if (tangent_at(*tangent, level))
      fail("Setting a forward grad that itself has a forward gradient at the same level", level - 1,
           " is not supported.");
    check_tangent(t, tangent);
    Tensor dual = view(t, t->shape());
    const Tensor placed = n == 2 ? beside(*t, tangent) : tangent;
    mode_at(level, [&] { take_tangent(*dual, placed); });
    return wrap(dual);
  });
}
PyObject* unpack_dual(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    if (n < 1) fail<TypeError>("_unpack_dual() takes a tensor");
    const Tensor& t = tensor_argument("_unpack_dual", "dual", args[0], 1);
    const int level = level_argument(args, n, 1);
    const Tensor tangent = level ? tangent_at(*t, level) : Tensor();
    const Owned primal(tangent ? wrap(same_with_history(t, level)) : Py_NewRef(args[0])),
        second(tangent ? wrap(tangent) : Py_NewRef(Py_None));
    return PyTuple_Pack(2, primal.get(), second.get());
  });
}
// Of the result of a function whose jvp is written in Python; into a tensor that was written to.
PyObject* set_tangent_function(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    if (n < 3 || !is_tensor(args[0]) || !is_tensor(args[1]))
      fail<TypeError>("_set_tangent takes 3 arguments");
    const Tensor t = tensor_of(args[0]), tangent = tensor_of(args[1]);
    check_tangent(t, tangent);
    mode_at(level_argument(args, n, 3), [&] {
      if (args[2] == Py_True) write_tangent(*t, tangent);
      else take_tangent(*t, tangent);
    });
    Py_RETURN_NONE;
  });
}
PyObject* enter_level(PyObject*, PyObject*) {  // the user's, which does not nest
  return guarded([&] {
    if (dual_levels()) fail("Nested forward mode AD is not supported at the moment");
    return PyLong_FromLong(enter_dual_level() - 1);
  });
}
PyObject* push_level(PyObject*, PyObject*) { return PyLong_FromLong(enter_dual_level()); }
PyObject* exit_level(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    if (!dual_levels()) fail("Dual level must be a positive number.");
    exit_dual_level();
    Py_RETURN_NONE;
  });
}
// Which levels, of those open, results get tangents at: up to a number.
PyObject* set_levels(PyObject*, PyObject* to) {
  return guarded([&] {
    int64_t level;
    if (!to_int(to, &level)) fail<TypeError>("_set_forward_levels() takes an int");
    PyObject* previous = PyLong_FromLong(mode.forward);
    mode.forward = int(std::min<int64_t>(level, dual_levels()));
    return previous;
  });
}
PyObject* set_enabled(PyObject*, PyObject* on) {
  PyObject* previous = PyBool_FromLong(mode.forward_allowed);
  mode.forward_allowed = PyObject_IsTrue(on) == 1;
  mode.forward = mode.forward_allowed ? dual_levels() : 0;
  return previous;
}
PyObject* is_enabled(PyObject*, PyObject*) { return PyBool_FromLong(mode.forward_allowed); }
PyObject* is_active(PyObject*, PyObject*) { return PyBool_FromLong(mode.forward); }

template <class F> PyCFunction fast(F f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}
PyMethodDef kFunctions[] = {{"_make_dual", fast(make_dual), METH_FASTCALL, nullptr},
                            {"_unpack_dual", fast(unpack_dual), METH_FASTCALL, nullptr},
                            {"_set_tangent", fast(set_tangent_function), METH_FASTCALL, nullptr},
                            {"_enter_dual_level", enter_level, METH_NOARGS, nullptr},
                            {"_push_dual_level", push_level, METH_NOARGS, nullptr},
                            {"_set_forward_levels", set_levels, METH_O, nullptr},
                            {"_exit_dual_level", exit_level, METH_NOARGS, nullptr},
                            {"_set_fwd_grad_enabled", set_enabled, METH_O, nullptr},
                            {"_is_fwd_grad_enabled", is_enabled, METH_NOARGS, nullptr},
                            {"_forward_mode_active", is_active, METH_NOARGS, nullptr},
                            {}};

}  // namespace

void add_forward(PyObject* module) {
  if (PyModule_AddFunctions(module, kFunctions) < 0) throw PythonErrorAlreadySet();
}

}  // namespace facula::python
