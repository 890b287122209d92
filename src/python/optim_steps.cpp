// _fused_step: one call per step for the optimizers whose update is a formula over the elements. As _sgd_step
// and _adam_step do, it answers False, with nothing touched, for what it cannot work on.
#include <algorithm>
#include <cmath>
#include <vector>
#include "autograd/watch.h"
#include "core/parallel.h"
#include "cpu/optim.h"
#include "ops/functions.h"
#include "python/convert.h"
#include "python/optim.h"

namespace facula::python {
namespace {

constexpr int64_t kPiece = 1 << 15;  // elements; large parameters are cut into these
constexpr int kStates = 3, kScalars = 2, kOptions = 8;

struct Slot {  // one parameter that takes part
  TensorImpl* param;
  Tensor grad;  // dense
  TensorImpl* state[kStates] = {};
  TensorImpl* step = nullptr;
  TensorImpl* scalar[kScalars] = {};
};

bool fits(const TensorImpl& t, const TensorImpl& like) {
  return t.dtype == like.dtype && t.contiguous && !t.is_meta() && t.same_shape(like);
}
bool is_scalar(const TensorImpl& t) {
  return t.numel == 1 && !t.is_meta() && (t.dtype == DType::Float32 || t.dtype == DType::Float64);
}
double get(const TensorImpl* t) {
  return t->dtype == DType::Float32 ? double(*t->as<float>()) : *t->as<double>();
}
void put(TensorImpl* t, double value) {
  if (t->dtype == DType::Float32) *t->as<float>() = float(value);
  else *t->as<double>() = value;
  t->bump_version();
}
bool known_dtype(DType t) {
  return t == DType::Float32 || t == DType::Float64 || t == DType::Complex64 || t == DType::Complex128;
}

TensorImpl* tensor_in(PyObject* dict, PyObject* key) {
  PyObject* value = PyDict_GetItemWithError(dict, key);
  if (!value && PyErr_Occurred()) throw PythonErrorAlreadySet();
  return value && is_tensor(value) ? tensor_of(value).get() : nullptr;
}

// What an optimizer asks for: options as they are in its group, made into constants of this step. `scalar`
// are the values that a parameter keeps for itself (the product of NAdam's momenta, ASGD's rates); they are
// updated.
StepConstants constants(StepKind kind, const double* o, double step, double* scalar) {
  StepConstants c;
  const double lr = o[0];
  auto set = [&](std::initializer_list<double> values) { std::copy(values.begin(), values.end(), c.v); };
  switch (kind) {
    case StepKind::Adadelta:  // lr, weight_decay, rho, eps
      c.decay = o[1];
      set({o[2], 1 - o[2], o[3], -lr});
      break;
    case StepKind::Adagrad:  // lr, weight_decay, lr_decay, eps
      c.decay = o[1];
      set({o[3], -(lr / (1 + (step - 1) * o[2]))});
      break;
    case StepKind::Adamax:  // lr, weight_decay, beta1, beta2, eps
      c.decay = o[1];
      set({1 - o[2], o[3], o[4], -(lr / (1 - std::pow(o[2], step)))});
      break;
    case StepKind::Asgd: {  // lr, weight_decay, lambd, alpha, t0; eta, mu
      c.decay = o[1];
      c.shrink = 1 - o[2] * scalar[0];
      set({-scalar[0], scalar[1], scalar[1] == 1 ? 1.0 : 0.0});
      // They pass through a tensor of the default type.
      auto rounded = [](double x) { return default_dtype == DType::Float64 ? x : double(float(x)); };
      scalar[0] = rounded(lr / std::pow(1 + o[2] * lr * step, o[3]));
      scalar[1] = rounded(1 / std::max(1.0, step - o[4]));
      break;
    }
    case StepKind::NAdam: {  // lr, weight_decay, beta1, beta2, eps, momentum_decay, decoupled; mu_product
      (o[6] != 0 ? c.shrink : c.decay) = o[6] != 0 ? 1 - lr * o[1] : o[1];
      const double mu = o[2] * (1 - 0.5 * std::pow(0.96, step * o[5]));
      const double next = o[2] * (1 - 0.5 * std::pow(0.96, (step + 1) * o[5]));
      const double product = double(float(scalar[0] * mu));  // it is kept in single precision
      scalar[0] *= mu;
      set({1 - o[2], o[3], 1 - o[3], 1 - std::pow(o[3], step), o[4], -lr * (1 - mu) / (1 - product),
           -lr * next / (1 - product * next)});
      break;
    }
    case StepKind::RAdam: {  // lr, weight_decay, beta1, beta2, eps, decoupled
      (o[5] != 0 ? c.shrink : c.decay) = o[5] != 0 ? 1 - lr * o[1] : o[1];
      const double power = std::pow(o[3], step), correction2 = 1 - power;
      const double limit = 2 / (1 - o[3]) - 1, length = limit - 2 * step * power / correction2;
      const double rectify =
          length > 5 ? std::sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length))
                     : 0;
      set({1 - o[2], o[3], 1 - o[3], 1 - std::pow(o[2], step), o[4], lr, std::sqrt(correction2), rectify});
      break;
    }
    case StepKind::RmsProp:  // lr, weight_decay, alpha, eps, momentum
      c.decay = o[1];
      set({o[2], 1 - o[2], o[3], o[4], -lr});
      break;
    case StepKind::Rprop: set({o[0], o[1], o[2], o[3]}); break;  // eta-, eta+, smallest and largest step
  }
  return c;
}

// The parameters that have a gradient, with their states. False: not ours.
bool gather(PyObject* params, PyObject* state, PyObject* names, PyObject* scalars, std::vector<Slot>& slots) {
  static PyObject* const step_name = PyUnicode_InternFromString("step");
  const Py_ssize_t count = PyList_GET_SIZE(params);
  slots.reserve(size_t(count));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* object = PyList_GET_ITEM(params, i);
    if (!is_tensor(object)) return false;
    TensorImpl& p = *tensor_of(object);
    if (p.is_meta() && is_sparse(p)) return false;  // its gradient is elsewhere
    if (!p.extras || !p.extras->grad) continue;
    Slot s{&p, p.extras->grad};
    if (!known_dtype(p.dtype) || !fits(p, p)) return false;
    if (s.grad->dtype != p.dtype || !s.grad->same_shape(p) || s.grad->is_meta()) return false;
    if (!s.grad->contiguous) {
      GradMode off(false);
      s.grad = dense(s.grad);
    }
    PyObject* own = PyDict_GetItemWithError(state, object);
    if (!own && PyErr_Occurred()) throw PythonErrorAlreadySet();
    if (!own || !PyDict_Check(own)) return false;
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(names); ++k) {
      PyObject* name = PyTuple_GET_ITEM(names, k);
      if (name == Py_None) continue;
      s.state[k] = tensor_in(own, name);
      if (!s.state[k] || !fits(*s.state[k], p)) return false;
    }
    s.step = tensor_in(own, step_name);
    if (!s.step || !is_scalar(*s.step)) return false;
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(scalars); ++k) {
      s.scalar[k] = tensor_in(own, PyTuple_GET_ITEM(scalars, k));
      if (!s.scalar[k] || !is_scalar(*s.scalar[k])) return false;
    }
    slots.push_back(std::move(s));
  }
  return true;
}

template <class T> T* at(TensorImpl* t, int64_t from) {
  return t ? reinterpret_cast<T*>(t->data) + from : nullptr;
}

template <class T> void run(StepFn<T> f, const StepConstants& c, const Slot& s) {
  // Complex numbers are pairs of real ones.
  const int64_t n = s.param->numel * (is_complex(s.param->dtype) ? 2 : 1);
  parallel_pieces(n <= kPiece ? 1 : (n + kPiece - 1) / kPiece, [&](int64_t piece) {
    const int64_t from = piece * kPiece;
    f(c, std::min(kPiece, n - from), at<T>(s.param, from), at<T>(s.grad.get(), from), at<T>(s.state[0], from),
      at<T>(s.state[1], from), at<T>(s.state[2], from));
  });
}

bool numbers(PyObject* tuple, double* to) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    PyObject* o = PyTuple_GET_ITEM(tuple, i);
    Scalar s;
    if (PyFloat_CheckExact(o)) to[i] = PyFloat_AS_DOUBLE(o);
    else if (is_tensor(o) || !to_scalar(o, &s) || s.is_complex()) return false;
    else to[i] = double(s);
  }
  return true;
}

// _fused_step(kind, params, state, names of states, names of scalars, options, maximize)
PyObject* fused_step(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    if (count != 7 || !PyLong_Check(args[0]) || !PyList_Check(args[1]) || !PyDict_Check(args[2]) ||
        !PyTuple_Check(args[3]) || !PyTuple_Check(args[4]) || !PyTuple_Check(args[5]) ||
        PyTuple_GET_SIZE(args[3]) > kStates || PyTuple_GET_SIZE(args[4]) > kScalars ||
        PyTuple_GET_SIZE(args[5]) > kOptions)
      fail<TypeError>("_fused_step() takes a kind, parameters, their state, names and options");
    const long number = PyLong_AsLong(args[0]);
    if (number < 0 || number >= kStepKinds) fail<ValueError>("_fused_step(): no such kind");
    const int maximize = PyObject_IsTrue(args[6]);
    if (maximize < 0) throw PythonErrorAlreadySet();
    double options[kOptions] = {};
    std::vector<Slot> slots;
    if (!numbers(args[5], options) || !gather(args[1], args[2], args[3], args[4], slots)) Py_RETURN_FALSE;
    const OptimKernels& kernels = best_optim_kernels();
    for (Slot& s : slots) {
      put(s.step, get(s.step) + 1);
      double scalar[kScalars] = {};
      for (int k = 0; k < kScalars; ++k)
        if (s.scalar[k]) scalar[k] = get(s.scalar[k]);
      StepConstants c = constants(StepKind(number), options, get(s.step), scalar);
      c.sign = maximize ? -1 : 1;
      for (int k = 0; k < kScalars; ++k)
        if (s.scalar[k]) put(s.scalar[k], scalar[k]);
      if (s.param->dtype == DType::Float32 || s.param->dtype == DType::Complex64)
        run<float>(kernels.step_float[number], c, s);
      else run<double>(kernels.step_double[number], c, s);
      s.param->bump_version();
      for (TensorImpl* t : s.state)
        if (t) t->bump_version();
    }
    Py_RETURN_TRUE;
  });
}

PyMethodDef functions[] = {
    {"_fused_step", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(fused_step)), METH_FASTCALL,
     nullptr},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

int add_optim_steps(PyObject* module) { return PyModule_AddFunctions(module, functions); }

}  // namespace facula::python
