// One call per optimizer step: _sgd_step and _adam_step walk the parameters of a group and their state, which
// stays in the optimizer's own dictionaries. They work on dense float and double tensors; for anything else
// they answer False before anything is touched, and the optimizer goes on in Python.
#include "python/optim.h"
#include <cmath>
#include <vector>
#include "autograd/watch.h"
#include "core/parallel.h"
#include "cpu/optim.h"
#include "ops/functions.h"
#include "python/convert.h"

namespace facula::python {
namespace {

constexpr int64_t kPiece = 1 << 15;  // elements; large parameters are cut into these

struct Names {
  PyObject* momentum_buffer = PyUnicode_InternFromString("momentum_buffer");
  PyObject* step = PyUnicode_InternFromString("step");
  PyObject* exp_avg = PyUnicode_InternFromString("exp_avg");
  PyObject* exp_avg_sq = PyUnicode_InternFromString("exp_avg_sq");
  PyObject* max_exp_avg_sq = PyUnicode_InternFromString("max_exp_avg_sq");
};
const Names& names() {
  static const Names n;
  return n;
}

struct Slot {  // one parameter that takes part
  PyObject* object;
  TensorImpl* param;
  Tensor grad;      // dense
  PyObject* state;  // its dictionary, borrowed; may be null for SGD
  TensorImpl *a = nullptr, *b = nullptr, *c = nullptr, *step = nullptr;
};

// Borrowed; null when absent or None.
PyObject* find(PyObject* dict, PyObject* key) {
  PyObject* value = PyDict_GetItemWithError(dict, key);
  if (!value && PyErr_Occurred()) throw PythonErrorAlreadySet();
  return value == Py_None ? nullptr : value;
}

bool fits(const TensorImpl& t, const TensorImpl& like) {
  return t.dtype == like.dtype && t.contiguous && !t.is_meta() && t.same_shape(like);
}

// The parameters of the group that have a gradient. False: not ours.
bool gather(PyObject* params, PyObject* state, std::vector<Slot>& slots) {
  const Py_ssize_t count = PyList_GET_SIZE(params);
  slots.reserve(size_t(count));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* object = PyList_GET_ITEM(params, i);
    if (!is_tensor(object)) return false;
    TensorImpl& p = *tensor_of(object);
    if (p.is_meta() && is_sparse(p)) return false;  // its gradient is elsewhere
    if (!p.extras || !p.extras->grad) continue;
    Tensor grad = p.extras->grad;
    if ((p.dtype != DType::Float32 && p.dtype != DType::Float64) || !fits(p, p)) return false;
    if (grad->dtype != p.dtype || !grad->same_shape(p) || grad->is_meta()) return false;
    if (!grad->contiguous) {
      GradMode off(false);
      grad = dense(grad);
    }
    PyObject* own = find(state, object);
    if (own && !PyDict_Check(own)) return false;
    slots.push_back({object, &p, std::move(grad), own});
  }
  return true;
}

// A state tensor that the kernels can work on; null otherwise.
TensorImpl* state_tensor(const Slot& s, PyObject* key) {
  PyObject* value = s.state ? find(s.state, key) : nullptr;
  if (!value || !is_tensor(value)) return nullptr;
  TensorImpl* t = tensor_of(value).get();
  return fits(*t, *s.param) ? t : nullptr;
}

template <class F> void in_pieces(int64_t n, F&& f) {
  parallel_pieces(n <= kPiece ? 1 : (n + kPiece - 1) / kPiece, [&](int64_t piece) {
    const int64_t from = piece * kPiece;
    f(from, n <= kPiece ? n : std::min(kPiece, n - from));
  });
}

template <class T> T* at(TensorImpl* t, int64_t from) { return t ? t->as<T>() + from : nullptr; }

bool numbers(PyObject* const* objects, int count, double* to) {
  for (int i = 0; i < count; ++i) {
    Scalar s;
    if (PyFloat_CheckExact(objects[i])) {
      to[i] = PyFloat_AS_DOUBLE(objects[i]);
      continue;
    }
    if (is_tensor(objects[i]) || !to_scalar(objects[i], &s) || s.is_complex()) return false;
    to[i] = double(s);
  }
  return true;
}

bool truth(PyObject* o) {
  const int t = PyObject_IsTrue(o);
  if (t < 0) throw PythonErrorAlreadySet();
  return t;
}

void check_arguments(const char* name, PyObject* const* args, Py_ssize_t count, Py_ssize_t wanted) {
  if (count != wanted || !PyList_Check(args[0]) || !PyDict_Check(args[1]))
    fail<TypeError>(name, "() takes a list of parameters, a dict of their state and ", wanted - 2,
                    " options");
}

// _sgd_step(params, state, lr, momentum, dampening, weight_decay, nesterov, maximize, differentiable)
PyObject* sgd_step(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    check_arguments("_sgd_step", args, count, 9);
    double option[4];
    std::vector<Slot> slots;
    if (truth(args[8]) || !numbers(args + 2, 4, option) || !gather(args[0], args[1], slots)) Py_RETURN_FALSE;
    const SgdStep step{option[0], option[1], option[2], option[3], truth(args[6]), truth(args[7])};
    const bool momentum = step.momentum != 0;
    if (momentum)
      for (Slot& s : slots) {
        s.a = state_tensor(s, names().momentum_buffer);
        if (!s.a && s.state && find(s.state, names().momentum_buffer)) Py_RETURN_FALSE;
      }
    const OptimKernels& kernels = best_optim_kernels();
    for (Slot& s : slots) {
      const bool fresh = momentum && !s.a;
      if (fresh) {
        const Tensor buffer = empty_as(*s.param);
        const Owned wrapped(wrap(buffer));
        const Owned own(s.state ? Py_NewRef(s.state) : PyDict_New());
        if (PyDict_SetItem(own.get(), names().momentum_buffer, wrapped.get()) < 0 ||
            (!s.state && PyDict_SetItem(args[1], s.object, own.get()) < 0))
          throw PythonErrorAlreadySet();
        s.a = buffer.get();  // the dictionary keeps it
      }
      in_pieces(s.param->numel, [&](int64_t from, int64_t n) {
        auto run = [&]<class T>(SgdFn<T> f) {
          f(step, n, s.param->as<T>() + from, s.grad->as<T>() + from, at<T>(s.a, from), fresh);
        };
        if (s.param->dtype == DType::Float32) run(kernels.sgd_float);
        else run(kernels.sgd_double);
      });
      s.param->bump_version();
      if (s.a) s.a->bump_version();
    }
    Py_RETURN_TRUE;
  });
}

// _adam_step(params, state, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled,
// differentiable)
PyObject* adam_step(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    check_arguments("_adam_step", args, count, 11);
    double option[5];
    std::vector<Slot> slots;
    if (truth(args[10]) || !numbers(args + 2, 5, option) || !gather(args[0], args[1], slots)) Py_RETURN_FALSE;
    const bool amsgrad = truth(args[7]), decoupled = truth(args[9]);
    const double lr = option[0], decay = option[4];
    AdamStep step{option[1], option[2], option[3],     decoupled ? 0 : decay, decoupled ? 1 - lr * decay : 1,
                  0,         0,         truth(args[8])};
    for (Slot& s : slots) {
      s.a = state_tensor(s, names().exp_avg);
      s.b = state_tensor(s, names().exp_avg_sq);
      s.c = amsgrad ? state_tensor(s, names().max_exp_avg_sq) : nullptr;
      PyObject* at_step = s.state ? find(s.state, names().step) : nullptr;
      if (!s.a || !s.b || (amsgrad && !s.c) || !at_step || !is_tensor(at_step)) Py_RETURN_FALSE;
      s.step = tensor_of(at_step).get();
      const bool real = s.step->dtype == DType::Float32 || s.step->dtype == DType::Float64;
      if (!real || s.step->numel != 1 || s.step->is_meta()) Py_RETURN_FALSE;
    }
    const OptimKernels& kernels = best_optim_kernels();
    double known = -1;  // the step whose corrections are in `step`
    for (Slot& s : slots) {
      const double now =
          s.step->dtype == DType::Float32 ? double(*s.step->as<float>() += 1) : *s.step->as<double>() += 1;
      s.step->bump_version();
      if (now != known) {
        known = now;
        step.step_size = lr / (1 - std::pow(step.beta1, known));
        step.root_correction = std::pow(1 - std::pow(step.beta2, known), 0.5);
      }
      in_pieces(s.param->numel, [&](int64_t from, int64_t n) {
        auto run = [&]<class T>(AdamFn<T> f) {
          f(step, n, s.param->as<T>() + from, s.grad->as<T>() + from, at<T>(s.a, from), at<T>(s.b, from),
            at<T>(s.c, from));
        };
        if (s.param->dtype == DType::Float32) run(kernels.adam_float);
        else run(kernels.adam_double);
      });
      for (TensorImpl* t : {s.param, s.a, s.b, s.c})
        if (t) t->bump_version();
    }
    Py_RETURN_TRUE;
  });
}

// _clear_grads(params): p.grad = None for each.
PyObject* clear_grads(PyObject*, PyObject* params) {
  return guarded([&]() -> PyObject* {
    if (!PyList_Check(params)) fail<TypeError>("_clear_grads() takes a list");
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(params); ++i) {
      PyObject* p = PyList_GET_ITEM(params, i);
      if (!is_tensor(p)) fail<TypeError>("_clear_grads() takes a list of tensors");
      if (tensor_of(p)->is_meta() && is_sparse(*tensor_of(p))) {
        if (PyObject_SetAttrString(p, "grad", Py_None) < 0) throw PythonErrorAlreadySet();
      } else if (Extras* extras = tensor_of(p)->extras) {
        const Tensor old = std::move(extras->grad);  // its end may run other code: the field is clear by then
        extras->grad = Tensor();
      }
    }
    Py_RETURN_NONE;
  });
}

template <class F> PyCFunction method(F* f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

PyMethodDef functions[] = {{"_sgd_step", method(sgd_step), METH_FASTCALL, nullptr},
                           {"_adam_step", method(adam_step), METH_FASTCALL, nullptr},
                           {"_clear_grads", clear_grads, METH_O, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

int add_optim(PyObject* module) {
  return PyModule_AddFunctions(module, functions) < 0 ? -1 : add_optim_steps(module);
}

}  // namespace facula::python
