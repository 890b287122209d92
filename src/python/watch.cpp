// What autograd/watch.h leaves to Python: hooks on saved tensors, and where the nodes of anomaly mode were
// made.
#include <thread>
#include "core/parallel.h"
#include "python/nodes.h"
#include "python/override.h"
#include "python/tensor_type.h"

namespace facula::python {
namespace {

// --- hooks on saved tensors ---

struct HookPair {
  PyObject *pack, *unpack;
};
thread_local std::vector<HookPair> pairs;     // the last is asked; owned
thread_local std::vector<PyObject*> refused;  // messages of disable_saved_tensors_hooks

// Hooks that an unpack hook puts on or takes off during a backward are as they were before.
class SameHooks {
 public:
  SameHooks() : active_(current_run() >= 0) {
    if (!active_) return;
    before_ = pairs;
    for (const HookPair& p : before_) Py_INCREF(p.pack), Py_INCREF(p.unpack);
  }
  ~SameHooks() {
    if (!active_) return;
    pairs.swap(before_);
    packing = !pairs.empty() && packing_;
    for (const HookPair& p : before_) Py_DECREF(p.pack), Py_DECREF(p.unpack);
  }
  SameHooks(const SameHooks&) = delete;

 private:
  bool active_, packing_ = packing;
  std::vector<HookPair> before_;
};

struct PackedByPython final : PackedTensor {
  PyObject *unpack_function, *object;
  PackedByPython(PyObject* f, PyObject* o) : unpack_function(Py_NewRef(f)), object(o) {}
  ~PackedByPython() override {
    Py_DECREF(unpack_function);
    Py_DECREF(object);
  }
  Tensor unpack() override {
    const SameHooks same;
    const Owned result(PyObject_CallOneArg(unpack_function, object));
    if (!is_tensor(result.get()))
      fail<TypeError>("Output of saved tensor unpack_hook expected to be a Tensor but got result of type ",
                      Py_TYPE(result.get())->tp_name);
    return tensor_of(result.get());
  }
};
std::shared_ptr<PackedTensor> pack_in_python(const Tensor& t) {
  if (pairs.empty()) return nullptr;
  const HookPair top = pairs.back();
  const Owned pack(Py_NewRef(top.pack)), unpack(Py_NewRef(top.unpack)), argument(wrap(t));
  const GradMode off(false);
  return std::make_shared<PackedByPython>(unpack.get(),
                                          Owned(PyObject_CallOneArg(pack.get(), argument.get())).release());
}
PyObject* push_hooks(PyObject*, PyObject* args) {
  PyObject *pack, *unpack;
  if (!PyArg_ParseTuple(args, "OO", &pack, &unpack)) return nullptr;
  if (!PyCallable_Check(pack) || !PyCallable_Check(unpack))
    return PyErr_Format(
        PyExc_TypeError,
        "_push_saved_tensors_default_hooks(): incompatible function arguments. Both hooks must "
        "be callable.");
  if (!refused.empty()) {
    PyErr_SetObject(PyExc_RuntimeError, refused.back());
    return nullptr;
  }
  pairs.push_back({Py_NewRef(pack), Py_NewRef(unpack)});
  packing = true;
  Py_RETURN_NONE;
}
PyObject* pop_hooks(PyObject*, PyObject*) {
  if (pairs.empty()) return PyErr_Format(PyExc_RuntimeError, "no saved tensor hooks to take away");
  const HookPair top = pairs.back();
  pairs.pop_back();
  packing = !pairs.empty();
  Py_DECREF(top.pack);
  Py_DECREF(top.unpack);
  Py_RETURN_NONE;
}
PyObject* refuse_hooks(PyObject*, PyObject* message) {  // None: allow again
  return guarded([&]() -> PyObject* {
    if (message == Py_None) {
      if (refused.empty()) Py_RETURN_NONE;
      Py_DECREF(refused.back());
      refused.pop_back();
    } else {
      if (!pairs.empty()) {
        PyErr_SetObject(PyExc_RuntimeError, message);
        throw PythonErrorAlreadySet();
      }
      refused.push_back(Py_NewRef(message));
    }
    Py_RETURN_NONE;
  });
}
PyObject* hooks_allowed(PyObject*, PyObject*) { return PyBool_FromLong(refused.empty()); }
PyObject* top_hooks(PyObject*, PyObject*) {  // (pack, unpack) or None
  if (pairs.empty()) Py_RETURN_NONE;
  return PyTuple_Pack(2, pairs.back().pack, pairs.back().unpack);
}

// grad_fn._raw_saved_self: one saved tensor, to be given hooks of its own.
struct SavedTensorObject {
  PyObject_HEAD Ref<Node> node;
  size_t index;
};
Saved& saved_behind(PyObject* o) {
  auto* self = reinterpret_cast<SavedTensorObject*>(o);
  bool released = false;
  Saved* s = saved_of_function(self->node.get(), self->index, &released);
  if (!s) {
    const NodeParts parts = self->node->parts();
    released = released || parts.released;
    if (self->index < parts.saved_count) s = const_cast<Saved*>(parts.saved) + self->index;
  }
  if (released || !s || !s->tensor)
    fail(
        "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values of the "
        "graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need "
        "to backward through the graph a second time or if you need to access saved variables after calling "
        "backward.");
  return *s;
}
PyObject* register_hooks(PyObject* o, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *pack, *unpack;
    if (!PyArg_ParseTuple(args, "OO", &pack, &unpack)) throw PythonErrorAlreadySet();
    if (!PyCallable_Check(pack) || !PyCallable_Check(unpack))
      fail<TypeError>("register_hooks(): incompatible function arguments: both hooks must be callable");
    Saved& s = saved_behind(o);
    if (packed_in(s))
      fail(
          "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only one pair "
          "of "
          "hooks is allowed at a time.");
    const Tensor t = s.tensor;
    const uint32_t version = t->version();
    const Owned argument(wrap(alias(*t)));
    std::shared_ptr<PackedTensor> packed;
    {
      const GradMode off(false);
      packed = std::make_shared<PackedByPython>(unpack,
                                                Owned(PyObject_CallOneArg(pack, argument.get())).release());
    }
    if (t->version() != version)
      fail(
          "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook "
          "cannot be modified by in-place operations as this can lead to unexpected side-effects. Please "
          "open "
          "an issue if you need to perform in-place operations on the input to a pack hook.");
    Saved& now = saved_behind(o);  // the hook may have run a backward
    keep_packed(now, t, now.is_output, std::move(packed));
    Py_RETURN_NONE;
  });
}
PyMethodDef saved_methods[] = {{"register_hooks", register_hooks, METH_VARARGS,
                                "Packs the tensor by one function; the other unpacks it."},
                               {}};
PyObject* no_saved_tensor(PyTypeObject*, PyObject*, PyObject*) {
  return PyErr_Format(PyExc_RuntimeError, "Trying to create a SavedTensor object from Python is forbidden.");
}
PyTypeObject SavedTensorType = [] {
  PyTypeObject t = {PyVarObject_HEAD_INIT(nullptr, 0)};
  t.tp_name = "torch._C._autograd.SavedTensor";
  t.tp_basicsize = sizeof(SavedTensorObject);
  t.tp_flags = Py_TPFLAGS_DEFAULT;
  t.tp_new = no_saved_tensor;
  t.tp_methods = saved_methods;
  t.tp_dealloc = [](PyObject* o) {
    reinterpret_cast<SavedTensorObject*>(o)->node.~Ref<Node>();
    PyObject_Free(o);
  };
  return t;
}();

// --- backwards within backwards ---

void run_on_fresh_stack(const std::function<void()>& f) {
  const std::vector<HookPair> hooks = pairs;
  const std::vector<PyObject*> messages = refused;
  const bool packs = packing;
  const CallersOverrides overrides;
  std::exception_ptr failed;
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  {
    const WithoutInterpreter others_go_on;
    std::thread([&] {
      const PyGILState_STATE state = PyGILState_Ensure();
      pairs = hooks;
      refused = messages;
      packing = packs;
      overrides.take_over();
      try {
        f();
      } catch (...) {
        failed = std::current_exception();
        PyErr_Fetch(&type, &value, &traceback);
      }
      overrides.let_go();
      PyGILState_Release(state);
    }).join();
  }
  if (type) PyErr_Restore(type, value, traceback);
  if (failed) std::rethrow_exception(failed);
}

// --- anomaly mode ---

std::shared_ptr<void> owned_by_cpp(PyObject* o) {
  return {static_cast<void*>(o), [](void* p) { Py_DECREF(static_cast<PyObject*>(p)); }};
}
// Keeps the Python stack, and which node's derivative was running, with a new node.
void note_creation(Node* n) {
  const Notes* outer = running_node ? notes_of(*running_node) : nullptr;
  void* parent = outer ? outer->stack.get() : nullptr;
  PyObject* stack = PyObject_CallOneArg(imported("facula.autograd.anomaly_mode", "_stack"),
                                        parent ? static_cast<PyObject*>(parent) : Py_None);
  if (!stack) throw PythonErrorAlreadySet();
  make_notes(*n).stack = owned_by_cpp(stack);
}
void tell_failure(const Node& n) {
  PyObject *type, *value, *tb;
  PyErr_Fetch(&type, &value, &tb);
  const Notes* notes = notes_of(n);
  PyObject* where = notes && notes->stack ? static_cast<PyObject*>(notes->stack.get()) : Py_None;
  const Owned done(
      PyObject_CallFunction(imported("facula.autograd.anomaly_mode", "_tell"), "sO", n.name, where));
  PyErr_Restore(type, value, tb);
}
bool has_nan(const Tensor& t) {
  if (!is_floating(t->dtype)) return false;
  const Owned o(wrap(t)), nan(PyObject_CallMethod(o.get(), "isnan", nullptr)),
      any(PyObject_CallMethod(nan.get(), "any", nullptr));
  return PyObject_IsTrue(any.get()) == 1;
}
PyObject* set_anomaly(PyObject*, PyObject* args) {
  int on, check_nan = 1;
  if (!PyArg_ParseTuple(args, "p|p", &on, &check_nan)) return nullptr;
  anomaly.on = on;
  anomaly.check_nan = check_nan;
  Py_RETURN_NONE;
}
PyObject* set_keep_layout(PyObject*, PyObject* on) {
  keep_layout = PyObject_IsTrue(on) == 1;
  Py_RETURN_NONE;
}
PyObject* layout_kept(PyObject*, PyObject*) { return PyBool_FromLong(keep_layout); }
PyObject* anomaly_enabled(PyObject*, PyObject*) { return PyBool_FromLong(anomaly.on); }
PyObject* anomaly_checks(PyObject*, PyObject*) { return PyBool_FromLong(anomaly.check_nan); }

PyObject* bump_version(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    if (!is_tensor(o)) fail<TypeError>("increment_version expects a Tensor, got ", Py_TYPE(o)->tp_name);
    if (tensor_of(o)->counts_writes()) tensor_of(o)->bump_version();
    Py_RETURN_NONE;
  });
}

PyMethodDef kFunctions[] = {
    {"_set_grad_layout_enforcement_enabled", set_keep_layout, METH_O, nullptr},
    {"_is_grad_layout_enforcement_enabled", layout_kept, METH_NOARGS, nullptr},
    {"_push_saved_tensors_default_hooks", push_hooks, METH_VARARGS, nullptr},
    {"_pop_saved_tensors_default_hooks", pop_hooks, METH_NOARGS, nullptr},
    {"_refuse_saved_tensors_hooks", refuse_hooks, METH_O, nullptr},
    {"_saved_tensors_hooks_is_enabled", hooks_allowed, METH_NOARGS, nullptr},
    {"_top_saved_tensors_default_hooks", top_hooks, METH_NOARGS, nullptr},
    {"_set_anomaly_enabled", set_anomaly, METH_VARARGS, nullptr},
    {"is_anomaly_enabled", anomaly_enabled, METH_NOARGS, "Whether anomaly mode is on."},
    {"is_anomaly_check_nan_enabled", anomaly_checks, METH_NOARGS,
     "Whether anomaly mode looks for NaN in gradients."},
    {"_bump_version", bump_version, METH_O, nullptr},
    {}};

}  // namespace

PyObject* new_saved_tensor(Node* node, size_t index) {
  auto* o = PyObject_New(SavedTensorObject, &SavedTensorType);
  if (!o) throw PythonErrorAlreadySet();
  new (&o->node) Ref<Node>(node);
  o->index = index;
  return reinterpret_cast<PyObject*>(o);
}

void add_watch(PyObject* module) {
  dense_of = [](const Tensor& t) {
    const Owned o(wrap(t)), dense(PyObject_CallMethod(o.get(), "to_dense", nullptr));
    return Tensor(tensor_of(dense.get()));
  };
  is_sparse = [](const TensorImpl& t) {
    auto* o = static_cast<PyObject*>(t.python);
    if (!o || Py_TYPE(o) == &TensorType) return false;
    return PyObject_HasAttrString(o, "_of_parts") == 1;
  };
  add_sparse = [](const Tensor& sum, const Tensor& part, bool in_place) {
    const Owned first(sum ? wrap(sum) : Py_NewRef(Py_None)), second(wrap(part)),
        result(PyObject_CallFunction(imported("facula._composite.sparse", "accumulated"), "OOO", first.get(),
                                     second.get(), in_place ? Py_True : Py_False));
    return Tensor(tensor_of(result.get()));
  };
  if (PyType_Ready(&SavedTensorType) < 0) throw PythonErrorAlreadySet();
  PyModule_AddObjectRef(module, "_SavedTensor", reinterpret_cast<PyObject*>(&SavedTensorType));
  pack_tensor = pack_in_python;
  on_fresh_stack = run_on_fresh_stack;
  anomaly.has_nan = has_nan;
  anomaly.created = note_creation;
  anomaly.failed = tell_failure;
  if (PyModule_AddFunctions(module, kFunctions) < 0) throw PythonErrorAlreadySet();
}

}  // namespace facula::python
