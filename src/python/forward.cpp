// Forward mode as Python sees it; facula/autograd/forward_ad.py is the other half.
#include "autograd/forward.h"
#include "ops/functions.h"
#include "python/tensor_type.h"

namespace facula::python {
namespace {

const Tensor& tensor_argument(const char* function, const char* name, PyObject* o) {
  if (!is_tensor(o))
    fail<TypeError>(function, "(): argument '", name, "' must be Tensor, not ", Py_TYPE(o)->tp_name);
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

// A tensor of its own, on the same memory and with the same history, that has no tangent.
Tensor same_with_history(const Tensor& t) {
  Node* history = grad_fn(t.get());
  if (!history && t->requires_grad) {
    NoForward off;
    return view(t, t->shape());
  }
  Tensor twin = alias(*t);
  if (history) set_grad_fn(*twin, Ref<Node>(history), t->output_nr);
  return twin;
}

PyObject* make_dual(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    if (n != 2) fail<TypeError>("_make_dual() takes 2 positional arguments");
    const Tensor &t = tensor_argument("_make_dual", "tensor", args[0]),
                 &tangent = tensor_argument("_make_dual", "tangent", args[1]);
    if (tangent_of(*t))
      fail(
          "Making a dual Tensor based on a Tensor that already has a forward gradient at the same level 0 is "
          "not supported.");
    check_tangent(t, tangent);
    NoForward off;
    Tensor dual = view(t, t->shape());
    bool same = true;  // then the tangent is taken as it is: whoever holds it sees in-place writes
    for (int d = 0; d < t->ndim; ++d) same &= t->sizes[d] < 2 || t->strides[d] == tangent->strides[d];
    if (same) set_view_tangent(*dual, tangent);
    else set_tangent(*dual, tangent);
    return wrap(dual);
  });
}
PyObject* unpack_dual(PyObject*, PyObject* o) {
  return guarded([&] {
    const Tensor& t = tensor_argument("_unpack_dual", "dual", o);
    const Tensor tangent = dual_level_open() ? tangent_of(*t) : Tensor();
    const Owned primal(tangent ? wrap(same_with_history(t)) : Py_NewRef(o)),
        second(tangent ? wrap(tangent) : Py_NewRef(Py_None));
    return PyTuple_Pack(2, primal.get(), second.get());
  });
}
// Of the result of a function whose jvp is written in Python; into a tensor that was written to.
PyObject* set_tangent_function(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    if (n != 3 || !is_tensor(args[0]) || !is_tensor(args[1]))
      fail<TypeError>("_set_tangent takes 3 arguments");
    const Tensor t = tensor_of(args[0]), tangent = tensor_of(args[1]);
    check_tangent(t, tangent);
    if (args[2] == Py_True) write_tangent(*t, tangent);
    else set_tangent(*t, tangent);
    Py_RETURN_NONE;
  });
}
PyObject* enter_level(PyObject*, PyObject*) {
  return guarded([&] {
    enter_dual_level();
    return PyLong_FromLong(0);
  });
}
PyObject* exit_level(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    if (!dual_level_open()) fail("Dual level must be a positive number.");
    exit_dual_level();
    Py_RETURN_NONE;
  });
}
PyObject* set_enabled(PyObject*, PyObject* on) {
  PyObject* previous = PyBool_FromLong(mode.forward_allowed);
  mode.forward_allowed = PyObject_IsTrue(on) == 1;
  mode.forward = mode.forward_allowed && dual_level_open();
  return previous;
}
PyObject* is_enabled(PyObject*, PyObject*) { return PyBool_FromLong(mode.forward_allowed); }
PyObject* is_active(PyObject*, PyObject*) { return PyBool_FromLong(mode.forward); }

template <class F> PyCFunction fast(F f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}
PyMethodDef kFunctions[] = {{"_make_dual", fast(make_dual), METH_FASTCALL, nullptr},
                            {"_unpack_dual", unpack_dual, METH_O, nullptr},
                            {"_set_tangent", fast(set_tangent_function), METH_FASTCALL, nullptr},
                            {"_enter_dual_level", enter_level, METH_NOARGS, nullptr},
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
