// The way from a call to the batch rules in Python, and the batched tensor's face: a meta tensor that has the
// shape of one example.
#include "python/batching.h"
#include <unordered_map>
#include <unordered_set>
#include "autograd/forward.h"
#include "autograd/watch.h"
#include "ops/functions.h"
#include "python/args.h"
#include "python/tensor_type.h"

namespace facula::python {

thread_local constinit int live_vmaps [[gnu::tls_model("initial-exec")]] = 0;
thread_local constinit bool batched_as_number [[gnu::tls_model("initial-exec")]] = true;
PyObject* call_entry(PyObject*, PyObject* const* args, Py_ssize_t n);  // call.cpp

namespace {

PyTypeObject* batched_type = nullptr;
PyObject* handler = nullptr;  // (entry, arguments, inplace, out)

PyObject* to_python(const Param& p, const Value& v) {
  switch (v.kind) {
    case Value::Kind::Tensor: return wrap(Tensor(v.tensor));
    case Value::Kind::Number:
      return p.type == ParamType::Bool ? PyBool_FromLong(bool(v.number)) : wrap(v.number);
    case Value::Kind::Ints: return wrap(*v.ints);
    case Value::Kind::Floats: {
      const Owned list(PyTuple_New(Py_ssize_t(v.floats->size())));
      for (size_t i = 0; i < v.floats->size(); ++i)
        PyTuple_SET_ITEM(list.get(), Py_ssize_t(i), PyFloat_FromDouble((*v.floats)[i]));
      return Py_NewRef(list.get());
    }
    case Value::Kind::Tensors: {
      const Owned list(PyTuple_New(Py_ssize_t(v.tensors->size())));
      for (size_t i = 0; i < v.tensors->size(); ++i) {
        const Tensor& t = (*v.tensors)[i];
        PyTuple_SET_ITEM(list.get(), Py_ssize_t(i), t ? wrap(t) : Py_NewRef(Py_None));
      }
      return Py_NewRef(list.get());
    }
    case Value::Kind::DType: return wrap(v.dtype);
    case Value::Kind::Device: return wrap(v.device);
    case Value::Kind::MemoryFormat: {
      constexpr const char* names[] = {"contiguous_format", "preserve_format", "channels_last",
                                       "channels_last_3d"};
      return Py_NewRef(imported("facula._C", names[int(v.memory_format)]));
    }
    case Value::Kind::Str: return PyUnicode_FromStringAndSize(v.text, Py_ssize_t(v.length));
    case Value::Kind::Generator: return wrap_generator(v.generator);
    default: Py_RETURN_NONE;
  }
}

int index_of(const OpEntry& e) {
  static const std::unordered_map<const OpEntry*, int> known = [] {
    std::unordered_map<const OpEntry*, int> all;
    for (const OpEntry* each : all_entries()) all.emplace(each, int(all.size()));
    return all;
  }();
  return known.at(&e);
}

PyObject* make_batched(PyObject*, PyObject* physical) {
  return guarded([&] {
    if (!batched_type || !is_tensor(physical)) fail<TypeError>("_make_batched() takes a tensor");
    const TensorImpl& t = *tensor_of(physical);
    if (t.ndim == 0) fail("a batched tensor has a dimension");
    return wrap_as(batched_type, empty_strided(t.dtype, Dims(t.ndim - 1, t.sizes + 1),
                                               Dims(t.ndim - 1, t.strides + 1), {Device::Meta}));
  });
}
// (live levels, the class of batched tensors, the handler)
PyObject* set_vmap_state(PyObject*, PyObject* args) {
  PyObject *type, *call;
  int live;
  if (!PyArg_ParseTuple(args, "iOO", &live, &type, &call)) return nullptr;
  live_vmaps = live;
  if (!batched_type) {
    batched_type = reinterpret_cast<PyTypeObject*>(Py_NewRef(type));
    handler = Py_NewRef(call);
  }
  Py_RETURN_NONE;
}
// Values that repeat one example are wanted; but only batch rules and gradients may meet them, not the
// user's tensors.
thread_local bool lazy_wanted = false;
struct LazyBatch {
  bool previous = std::exchange(mode.lazy_batch, lazy_wanted);
  ~LazyBatch() { mode.lazy_batch = previous; }
};
PyObject* set_lazy_batch(PyObject*, PyObject* on) {
  return PyBool_FromLong(std::exchange(lazy_wanted, PyObject_IsTrue(on) == 1));
}
PyObject* lazily(PyObject*, PyObject* const* args, Py_ssize_t n) {  // (function, arguments...)
  return guarded([&] {
    if (n < 1) fail<TypeError>("_lazily() takes a function");
    const LazyBatch lazy;
    PyObject* result = PyObject_Vectorcall(args[0], args + 1, size_t(n - 1), nullptr);
    if (!result) throw PythonErrorAlreadySet();
    return result;
  });
}

// An alias with the same tangents: a leaf that asks for its gradient; a tensor without history.
PyObject* twin(PyObject* o, bool leaf) {
  return guarded([&] {
    if (!is_tensor(o)) fail<TypeError>("a tensor is wanted, not ", Py_TYPE(o)->tp_name);
    const Tensor& t = tensor_of(o);
    Tensor made = alias(*t);
    made->requires_grad = leaf;
    share_tangents(*made, *t, dual_levels() + 1);
    return wrap(made);
  });
}
PyObject* leaf_alias(PyObject*, PyObject* o) { return twin(o, true); }
PyObject* without_history(PyObject*, PyObject* o) { return twin(o, false); }

// Aliases whose transform has evaluated its function: what depends on them depends on nothing else for that.
// A leaf has no other use for the mark.
PyObject* close_aliases(PyObject*, PyObject* aliases) {
  return guarded([&]() -> PyObject* {
    if (!PyList_Check(aliases)) fail<TypeError>("_close_aliases() takes a list");
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(aliases); ++i) {
      TensorImpl& t = *tensor_of(PyList_GET_ITEM(aliases, i));
      if (!t.grad_fn) extras_of(t).retains_grad = true;
    }
    Py_RETURN_NONE;
  });
}

// (tensors, aliases): whether the history of the tensors leads to a leaf that is none of the aliases, or past
// an alias that has a history of its own.
PyObject* depends_on_others(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&] {
    if (n != 2 || !PyList_Check(args[0]) || !PyList_Check(args[1]))
      fail<TypeError>("_depends_on_others(tensors, aliases)");
    std::unordered_set<const void*> own, seen;
    bool others = false;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(args[1]); ++i) {
      TensorImpl* t = tensor_of(PyList_GET_ITEM(args[1], i)).get();
      if (grad_fn(t)) others = true;
      own.insert(t);
    }
    std::vector<Node*> todo;
    auto visit = [&](const Edge& e) {
      if (e.leaf) others |= !own.contains(e.leaf.get()) && !(e.leaf->extras && e.leaf->extras->retains_grad);
      else if (e.node && seen.insert(e.node.get()).second) todo.push_back(e.node.get());
    };
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(args[0]); ++i)
      if (const Tensor& t = tensor_of(PyList_GET_ITEM(args[0], i)); requires_grad(*t))
        visit(edge_to(t.get()));
    while (!others && !todo.empty()) {
      Node* node = todo.back();
      todo.pop_back();
      for (int i = 0; i < node->edge_count; ++i) visit(node->edges[i]);
    }
    return PyBool_FromLong(others);
  });
}

// A transform begins; it ends with _leave_transform.
PyObject* enter_transform(PyObject*, PyObject*) {
  capturing = new Capture{capturing, ++storage_age, {}};
  Py_RETURN_NONE;
}
// Tensors whose memory the transform's function may write to, although it is older.
PyObject* own_inputs(PyObject*, PyObject* tensors) {
  return guarded([&]() -> PyObject* {
    const Owned all(PySequence_Tuple(tensors));
    for (Py_ssize_t i = 0; capturing && i < PyTuple_GET_SIZE(all.get()); ++i)
      if (PyObject* o = PyTuple_GET_ITEM(all.get(), i); is_tensor(o))
        capturing->own.push_back(tensor_of(o)->storage);
    Py_RETURN_NONE;
  });
}
PyObject* leave_transform(PyObject*, PyObject*) {
  if (Capture* ended = capturing) {
    capturing = ended->outer;
    delete ended;
  }
  Py_RETURN_NONE;
}

PyMethodDef kFunctions[] = {
    {"_enter_transform", enter_transform, METH_NOARGS, nullptr},
    {"_own_inputs", own_inputs, METH_O, nullptr},
    {"_leave_transform", leave_transform, METH_NOARGS, nullptr},
    {"_leaf_alias", leaf_alias, METH_O, nullptr},
    {"_is_batched", [](PyObject*, PyObject* o) { return PyBool_FromLong(is_batched(o)); }, METH_O,
     "Whether a tensor stands for a batch of examples, whose values cannot be looked at."},
    {"_without_history", without_history, METH_O, nullptr},
    {"_close_aliases", close_aliases, METH_O, nullptr},
    {"_depends_on_others", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(depends_on_others)),
     METH_FASTCALL, nullptr},
    {"_make_batched", make_batched, METH_O, nullptr},
    {"_set_vmap_state", set_vmap_state, METH_VARARGS, nullptr},
    {"_set_lazy_batch", set_lazy_batch, METH_O, nullptr},
    {"_lazily", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(lazily)), METH_FASTCALL, nullptr},
    {"_call_entry", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(call_entry)), METH_FASTCALL,
     nullptr},
    {}};

}  // namespace

bool draws_numbers(const Signature& s) {
  for (int i = 0; i < s.count; ++i) {
    const Param& p = s.params[i];
    if (p.type == ParamType::Generator || p.name == "dropout_p" || p.name == "train") return true;
  }
  return false;
}
bool is_batched_type(PyTypeObject* type) { return type == batched_type; }

bool has_batched(const Call& call, const OpEntry& e) {
  auto batched = [](const TensorImpl* t) {
    return t && t->python && is_batched(static_cast<PyObject*>(t->python));
  };
  for (int i = 0; i < e.signature.count; ++i) {
    const Value& v = call.values[i];
    if (v.kind == Value::Kind::Tensor && batched(v.tensor)) return true;
    if (v.kind == Value::Kind::Tensors)
      for (const Tensor& t : *v.tensors)
        if (batched(t.get())) return true;
  }
  return false;
}

void refuse_escaped(const Call& call, const OpEntry& e) {
  if (!batched_type || !has_batched(call, e)) return;
  const Owned done(PyObject_CallNoArgs(imported("facula.func._batch", "refuse_escaped")));
  if (!done.get()) throw PythonErrorAlreadySet();
}

PyObject* dispatch_batched(const OpEntry& e, const Value* values, bool inplace, PyObject* out) {
  const int count = e.signature.count;
  const Owned args(PyTuple_New(count));
  for (int i = 0; i < count; ++i) {
    PyObject* value = to_python(e.signature.params[i], values[i]);
    if (!value) throw PythonErrorAlreadySet();
    PyTuple_SET_ITEM(args.get(), i, value);
  }
  const Owned index(PyLong_FromLong(index_of(e)));
  const LazyBatch lazy;
  PyObject* all[] = {index.get(), args.get(), inplace ? Py_True : Py_False, out ? out : Py_None};
  PyObject* result = PyObject_Vectorcall(handler, all, 4, nullptr);
  if (!result) throw PythonErrorAlreadySet();
  return result;
}

bool index_is_batched(PyObject* index) {
  if (is_batched(index)) return true;
  if (PyTuple_Check(index))
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(index); ++i)
      if (is_batched(PyTuple_GET_ITEM(index, i))) return true;
  return false;
}
PyObject* get_item_batched(PyObject* self, PyObject* index) {
  return PyObject_CallMethod(reinterpret_cast<PyObject*>(batched_type), "__getitem__", "OO", self, index);
}
int set_item_batched(PyObject* self, PyObject* index, PyObject* value) {
  PyObject* done = PyObject_CallMethod(reinterpret_cast<PyObject*>(batched_type), "__setitem__", "OOO", self,
                                       index, value);
  Py_XDECREF(done);
  return done ? 0 : -1;
}

bool any_batched(PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  const Py_ssize_t all = n + (keywords ? PyTuple_GET_SIZE(keywords) : 0);
  for (Py_ssize_t i = 0; i < all; ++i) {
    if (index_is_batched(args[i])) return true;
    if (PyList_Check(args[i]))
      for (Py_ssize_t k = 0; k < PyList_GET_SIZE(args[i]); ++k)
        if (is_batched(PyList_GET_ITEM(args[i], k))) return true;
  }
  return false;
}
PyObject* grad_batched(PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&] {
    PyObject* result = PyObject_Vectorcall(imported("facula.func._older", "grad"), args, size_t(n), keywords);
    if (!result) throw PythonErrorAlreadySet();
    return result;
  });
}

void add_batching(PyObject* module) {
  if (PyModule_AddFunctions(module, kFunctions) < 0) throw PythonErrorAlreadySet();
}

}  // namespace facula::python
