// Autograd as Python sees it: backward, grad, node objects, hooks, modes.
#include "ops/functions.h"
#include "python/override.h"
#include "python/tensor_type.h"
#include <map>

namespace facula::python {
namespace {

TensorImpl* impl(PyObject* o) { return tensor_of(o).get(); }
bool given(PyObject* o) { return o && o != Py_None; }
bool is_true(PyObject* o, bool otherwise) {
  if (!given(o)) return otherwise;
  const int truth = PyObject_IsTrue(o);
  if (truth < 0) throw PythonErrorAlreadySet();
  return truth;
}

std::vector<Tensor> tensors_from(PyObject* o, const char* what, bool allow_none = false) {
  std::vector<Tensor> tensors;
  if (is_tensor(o)) return {tensor_of(o)};
  const Owned sequence(PySequence_Tuple(o));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(sequence.get()); ++i) {
    PyObject* t = PyTuple_GET_ITEM(sequence.get(), i);
    if (t == Py_None && allow_none) tensors.emplace_back();
    else if (!is_tensor(t))
      fail<TypeError>(what, " must be Tensors, element ", i, " is ", Py_TYPE(t)->tp_name);
    else tensors.push_back(tensor_of(t));
  }
  return tensors;
}

// --- hooks ---

struct PythonHook final : GradHook {
  PyObject* function;
  explicit PythonHook(PyObject* f) : function(Py_NewRef(f)) {}
  ~PythonHook() override { Py_XDECREF(function); }
  Tensor call(const Tensor& g) override {
    if (!function) return nullptr;  // removed
    const Owned keep(Py_NewRef(function));
    const Owned argument(wrap(g));
    const Owned result(PyObject_CallOneArg(keep.get(), argument.get()));
    if (result.get() == Py_None) return nullptr;
    if (!is_tensor(result.get()))
      fail<TypeError>("expected Variable, but hook returned '", Py_TYPE(result.get())->tp_name, "'");
    if (!tensor_of(result.get())->same_shape(*g))
      fail("hook '", PyUnicode_AsUTF8(Owned(PyObject_Str(keep.get())).get()),
           "' has changed the size of value");
    return tensor_of(result.get());
  }
};

struct PythonNodeHook final : NodeHook {  // a hook on a node sees tuples of gradients
  PyObject* function;
  bool pre;
  PythonNodeHook(PyObject* f, bool before) : function(Py_NewRef(f)), pre(before) {}
  ~PythonNodeHook() override { Py_XDECREF(function); }
  void call(Tensor* inputs, int input_count, const Tensor* outputs, int output_count) override {
    if (!function) return;
    const Owned keep(Py_NewRef(function));
    const Owned in(tuple_of({inputs, inputs + input_count}));
    const Owned out(pre ? Py_NewRef(Py_None) : tuple_of({outputs, outputs + output_count}));
    const Owned result(pre ? PyObject_CallOneArg(keep.get(), in.get())
                           : PyObject_CallFunctionObjArgs(keep.get(), in.get(), out.get(), nullptr));
    if (result.get() == Py_None) return;
    const std::vector<Tensor> replaced = tensors_from(result.get(), "gradients returned by a hook", true);
    if (int(replaced.size()) != input_count)
      fail("hook has returned an incorrect number of values (got ", replaced.size(), ", but expected ",
           input_count, ")");
    for (int i = 0; i < input_count; ++i) inputs[i] = replaced[size_t(i)];
  }
};

struct HandleObject {  // what register_hook returns
  PyObject_HEAD std::shared_ptr<PythonHook> hook;
  std::shared_ptr<PythonNodeHook> node_hook;
};
PyObject* handle_remove(PyObject* o, PyObject*) {
  auto* h = reinterpret_cast<HandleObject*>(o);
  if (h->hook) Py_CLEAR(h->hook->function);
  if (h->node_hook) Py_CLEAR(h->node_hook->function);
  Py_RETURN_NONE;
}
PyObject* handle_enter(PyObject* o, PyObject*) { return Py_NewRef(o); }
PyMethodDef handle_methods[] = {{"remove", handle_remove, METH_NOARGS, "Takes the hook away."},
                                {"__enter__", handle_enter, METH_NOARGS, nullptr},
                                {"__exit__", handle_remove, METH_VARARGS, nullptr},
                                {}};
void handle_dealloc(PyObject* o) {
  auto* h = reinterpret_cast<HandleObject*>(o);
  h->hook.~shared_ptr();
  h->node_hook.~shared_ptr();
  PyObject_Free(o);
}
PyTypeObject HandleType = {.ob_base = {PyObject_HEAD_INIT(nullptr) 0},
                           .tp_name = "torch.utils.hooks.RemovableHandle",
                           .tp_basicsize = sizeof(HandleObject),
                           .tp_dealloc = handle_dealloc,
                           .tp_flags = Py_TPFLAGS_DEFAULT,
                           .tp_methods = handle_methods};
PyObject* new_handle(std::shared_ptr<PythonHook> hook, std::shared_ptr<PythonNodeHook> node_hook = nullptr) {
  auto* h = PyObject_New(HandleObject, &HandleType);
  if (!h) throw PythonErrorAlreadySet();
  new (&h->hook) std::shared_ptr<PythonHook>(std::move(hook));
  new (&h->node_hook) std::shared_ptr<PythonNodeHook>(std::move(node_hook));
  return reinterpret_cast<PyObject*>(h);
}

void require_callable(PyObject* f) {
  if (!PyCallable_Check(f)) fail<TypeError>("a hook must be callable, got ", Py_TYPE(f)->tp_name);
}

PyObject* register_hook(PyObject* o, PyObject* f) {
  return guarded([&] {
    require_callable(f);
    TensorImpl& t = *impl(o);
    if (!requires_grad(t)) fail("cannot register a hook on a tensor that doesn't require gradient");
    auto hook = std::make_shared<PythonHook>(f);
    if (Node* n = grad_fn(&t)) n->hook_list().on_output.push_back({t.output_nr, hook});
    else extras_of(t).hooks.push_back(hook);
    return new_handle(hook);
  });
}
PyObject* register_post_accumulate(PyObject* o, PyObject* f) {
  return guarded([&] {
    require_callable(f);
    TensorImpl& t = *impl(o);
    if (!requires_grad(t)) fail("cannot register a hook on a tensor that doesn't require gradient");
    if (grad_fn(&t)) fail("post accumulate grad hooks cannot be registered on non-leaf tensors");
    auto hook = std::make_shared<PythonHook>(f);
    extras_of(t).after_accumulate.push_back(hook);
    return new_handle(hook);
  });
}

// --- nodes: one Python type per name, made on first sight ---

struct NodeObject {
  PyObject_HEAD Ref<Node> node;
  Tensor leaf;  // of AccumulateGrad
  PyObject* metadata;
};
NodeObject* node_object(PyObject* o) { return reinterpret_cast<NodeObject*>(o); }

void node_dealloc(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  NodeObject* self = node_object(o);
  if (self->node) self->node->python = nullptr;
  Py_XDECREF(self->metadata);
  self->node = nullptr;
  self->leaf = nullptr;
  type->tp_free(o);
  Py_DECREF(type);
}
PyObject* node_name(PyObject* o, PyObject*) {
  return PyUnicode_FromString(node_object(o)->node ? node_object(o)->node->name : "AccumulateGrad");
}
PyObject* node_next(PyObject* o, void*) {
  return guarded([&] {
    Node* n = node_object(o)->node.get();
    Owned tuple(PyTuple_New(n ? n->edge_count : 0));
    for (int i = 0; n && i < n->edge_count; ++i) PyTuple_SET_ITEM(tuple.get(), i, wrap_edge(n->edges[i]));
    return tuple.release();
  });
}
PyObject* node_variable(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    if (!node_object(o)->leaf)
      return PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'variable'",
                          Py_TYPE(o)->tp_name);
    return wrap(node_object(o)->leaf);
  });
}
PyObject* node_metadata(PyObject* o, void*) {
  if (!node_object(o)->metadata) node_object(o)->metadata = PyDict_New();
  return Py_XNewRef(node_object(o)->metadata);
}
PyObject* node_repr(PyObject* o) {
  return PyUnicode_FromFormat("<%s object at %p>",
                              node_object(o)->node ? node_object(o)->node->name : "AccumulateGrad", o);
}
PyObject* node_sequence(PyObject* o, PyObject*) {
  return PyLong_FromUnsignedLongLong(node_object(o)->node ? node_object(o)->node->sequence : UINT64_MAX);
}
PyObject* add_node_hook(PyObject* o, PyObject* f, bool pre) {
  return guarded([&]() -> PyObject* {
    require_callable(f);
    Node* n = node_object(o)->node.get();
    if (!n)
      fail<NotImplemented>(
          "hooks on AccumulateGrad: use Tensor.register_hook or register_post_accumulate_grad_hook");
    auto hook = std::make_shared<PythonNodeHook>(f, pre);
    (pre ? n->hook_list().pre : n->hook_list().post).push_back(hook);
    return new_handle(nullptr, hook);
  });
}
PyObject* node_register_hook(PyObject* o, PyObject* f) { return add_node_hook(o, f, false); }
PyObject* node_register_prehook(PyObject* o, PyObject* f) { return add_node_hook(o, f, true); }

PyMethodDef node_methods[] = {{"name", node_name, METH_NOARGS, nullptr},
                              {"_sequence_nr", node_sequence, METH_NOARGS, nullptr},
                              {"register_hook", node_register_hook, METH_O, nullptr},
                              {"register_prehook", node_register_prehook, METH_O, nullptr},
                              {}};
PyGetSetDef node_getset[] = {{"next_functions", node_next, nullptr, nullptr, nullptr},
                             {"variable", node_variable, nullptr, nullptr, nullptr},
                             {"metadata", node_metadata, nullptr, nullptr, nullptr},
                             {}};

PyTypeObject* node_type(const char* name) {
  static std::map<std::string, PyTypeObject*> types;
  PyTypeObject*& type = types[name];
  if (!type) {
    PyType_Slot slots[] = {{Py_tp_repr, reinterpret_cast<void*>(node_repr)},
                           {Py_tp_dealloc, reinterpret_cast<void*>(node_dealloc)},
                           {Py_tp_methods, node_methods},
                           {Py_tp_getset, node_getset},
                           {}};
    auto* kept = new std::string("builtins." + std::string(name));  // the type points to it
    PyType_Spec spec = {kept->c_str(), sizeof(NodeObject), 0, Py_TPFLAGS_DEFAULT, slots};
    type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
    if (!type) throw PythonErrorAlreadySet();
  }
  return type;
}
PyObject* new_node_object(const char* name, Node* node, const Tensor& leaf) {
  auto* o = PyObject_New(NodeObject, node_type(name));
  if (!o) throw PythonErrorAlreadySet();
  new (&o->node) Ref<Node>(node);
  new (&o->leaf) Tensor(leaf);
  o->metadata = nullptr;
  return reinterpret_cast<PyObject*>(o);
}

// --- backward and grad ---

void backward(const Tensor* roots, Tensor* gradients, size_t count, PyObject* retain, PyObject* create,
              PyObject* inputs) {
  BackwardOptions o;
  o.create_graph = is_true(create, false);
  o.retain_graph = is_true(retain, o.create_graph);
  std::vector<Tensor> only;
  if (given(inputs)) {
    only = tensors_from(inputs, "inputs");
    if (only.empty()) fail("'inputs' argument to backward() cannot be empty.");
    o.inputs = &only;
  }
  run_backward(roots, gradients, count, o);
}

PyObject* backward_method(PyObject* o, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    PyObject* slots[4] = {};
    if (n || keywords)
      bind_objects("backward", {"gradient", "retain_graph", "create_graph", "inputs"}, 0, args, n, keywords,
                   slots);
    Tensor gradient;
    if (given(slots[0])) {
      if (!is_tensor(slots[0]))
        fail<TypeError>("gradients can be either Tensors or None, but got ", Py_TYPE(slots[0])->tp_name);
      gradient = tensor_of(slots[0]);
    }
    const Tensor root = tensor_of(o);
    backward(&root, &gradient, 1, slots[1], slots[2], slots[3]);
    Py_RETURN_NONE;
  });
}

std::vector<Tensor> gradients_for(PyObject* o, size_t count) {
  if (!given(o)) return std::vector<Tensor>(count);
  std::vector<Tensor> g = tensors_from(o, "gradients can be either Tensors or None: they", true);
  if (g.size() != count) fail("got ", count, " tensors and ", g.size(), " gradients");
  return g;
}

bool asks(PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return override_modes || any_override(args, n + (keywords ? PyTuple_GET_SIZE(keywords) : 0));
}

PyObject* backward_function(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    if (asks(args, n, keywords)) [[unlikely]]
      return override_call(imported("facula.autograd", "backward"), args, n, keywords, Style::Python);
    PyObject* slots[6];
    bind_objects("backward",
                 {"tensors", "grad_tensors", "retain_graph", "create_graph", "grad_variables", "inputs"}, 1,
                 args, n, keywords, slots);
    const std::vector<Tensor> roots = tensors_from(slots[0], "tensors");
    std::vector<Tensor> gradients = gradients_for(given(slots[1]) ? slots[1] : slots[4], roots.size());
    backward(roots.data(), gradients.data(), roots.size(), slots[2], slots[3], slots[5]);
    Py_RETURN_NONE;
  });
}

PyObject* grad_function(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    if (asks(args, n, keywords)) [[unlikely]]
      return override_call(imported("facula.autograd", "grad"), args, n, keywords, Style::Python);
    PyObject* slots[9];
    bind_objects("grad",
                 {"outputs", "inputs", "grad_outputs", "retain_graph", "create_graph", "only_inputs",
                  "allow_unused", "is_grads_batched", "materialize_grads"},
                 2, args, n, keywords, slots);
    if (is_true(slots[7], false)) fail<NotImplemented>("grad(is_grads_batched=True) is not implemented");
    const std::vector<Tensor> roots = tensors_from(slots[0], "outputs"),
                              inputs = tensors_from(slots[1], "inputs");
    if (inputs.empty()) fail<ValueError>("grad requires non-empty inputs.");
    BackwardOptions o;
    const bool materialize = is_true(slots[8], false);
    o.create_graph = is_true(slots[4], false);
    o.retain_graph = is_true(slots[3], o.create_graph);
    o.accumulate = false;
    o.inputs = &inputs;
    o.allow_unused = is_true(slots[6], materialize) || materialize;
    std::vector<Tensor> gradients = gradients_for(slots[2], roots.size());
    std::vector<Tensor> grads = run_backward(roots.data(), gradients.data(), roots.size(), o);
    if (materialize)
      for (size_t i = 0; i < grads.size(); ++i)
        if (!grads[i]) grads[i] = zeros_like(inputs[i]);
    return tuple_of(grads);
  });
}

// --- tensor methods ---

PyObject* requires_grad_method(PyObject* o, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    PyObject* slot[1];
    bind_objects("requires_grad_", {"requires_grad"}, 0, args, n, keywords, slot);
    if (PyObject_SetAttrString(o, "requires_grad", is_true(slot[0], true) ? Py_True : Py_False) < 0)
      throw PythonErrorAlreadySet();
    return Py_NewRef(o);
  });
}
PyObject* retain_grad_method(PyObject* o, PyObject*) {
  return guarded([&]() -> PyObject* {
    TensorImpl& t = *impl(o);
    if (!requires_grad(t)) fail("can't retain_grad on Tensor that has requires_grad=False");
    Node* n = grad_fn(&t);
    if (n && !extras_of(t).retains_grad) {
      extras_of(t).retains_grad = true;
      n->hook_list().retained.push_back({t.output_nr, &t});
    }
    Py_RETURN_NONE;
  });
}
PyObject* detach_inplace(PyObject* o, PyObject*) {
  return guarded([&]() -> PyObject* {
    TensorImpl& t = *impl(o);
    if (t.view != ViewKind::None && t.base->requires_grad)
      fail(
          "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) "
          "for training, and "
          "gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() "
          "cannot be called on "
          "these gradients. To fix this error, please refer to the Optimizer.zero_grad() function in "
          "torch/optim/optimizer.py as "
          "a solution.");
    set_grad_fn(t, nullptr);
    Py_RETURN_NONE;
  });
}
PyObject* detach_inplace_method(PyObject* o, PyObject* a) {
  const PyObject* done = detach_inplace(o, a);
  if (!done) return nullptr;
  return Py_NewRef(o);
}

// --- modes ---

PyObject* set_grad_enabled(PyObject*, PyObject* on) {
  if (override_modes) [[unlikely]]
    return guarded(
        [&] { return override_call(imported("facula._C", "_set_grad_enabled"), &on, 1, nullptr); });
  PyObject* previous = PyBool_FromLong(mode.grad);
  mode.grad = PyObject_IsTrue(on) == 1;
  return previous;
}
PyObject* is_grad_enabled(PyObject*, PyObject*) { return PyBool_FromLong(mode.grad); }
PyObject* set_inference(PyObject*, PyObject* on) {
  PyObject* previous = PyBool_FromLong(mode.inference);
  mode.inference = PyObject_IsTrue(on) == 1;
  return previous;
}
PyObject* is_inference(PyObject*, PyObject*) { return PyBool_FromLong(mode.inference); }

PyMethodDef kFunctions[] = {
    {"_backward", as_function(backward_function), kFastCall, nullptr},
    {"_grad", as_function(grad_function), kFastCall, nullptr},
    {"_set_grad_enabled", set_grad_enabled, METH_O, nullptr},
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS, "Whether operations are being recorded."},
    {"_set_inference_mode", set_inference, METH_O, nullptr},
    {"is_inference_mode_enabled", is_inference, METH_NOARGS, "Whether inference mode is on."},
    {}};

}  // namespace

PyObject* python_hook_target(const GradHook& h) {
  const auto* hook = dynamic_cast<const PythonHook*>(&h);
  return hook ? hook->function : nullptr;
}

PyObject* wrap_node(Node* node) {
  if (!node) Py_RETURN_NONE;
  if (node->python) return Py_NewRef(static_cast<PyObject*>(node->python));
  PyObject* o = new_node_object(node->name, node, nullptr);
  node->python = o;
  return o;
}

Node* node_of(PyObject* o) {
  return Py_TYPE(o)->tp_dealloc == node_dealloc ? node_object(o)->node.get() : nullptr;
}

PyObject* wrap_edge(const Edge& e) {
  Owned node(e.leaf ? new_node_object("AccumulateGrad", nullptr, e.leaf) : wrap_node(e.node.get()));
  return Py_BuildValue("(Nk)", node.release(), static_cast<unsigned long>(e ? e.output : 0));
}

void add_autograd_methods(std::vector<PyMethodDef>& methods) {
  methods.push_back({"backward", as_function(backward_method), kFastCall,
                     "Computes the gradients of the leaves this tensor was made from."});
  methods.push_back(
      {"requires_grad_", as_function(requires_grad_method), kFastCall, "Sets requires_grad in place."});
  methods.push_back(
      {"retain_grad", retain_grad_method, METH_NOARGS, "Keeps .grad although this tensor is no leaf."});
  methods.push_back({"detach_", detach_inplace_method, METH_NOARGS, "Cuts this tensor from its history."});
  methods.push_back({"register_hook", register_hook, METH_O,
                     "Calls a function with the gradient; it may return another one."});
  methods.push_back({"register_post_accumulate_grad_hook", register_post_accumulate, METH_O, nullptr});
}

void add_autograd(PyObject* module) {
  if (PyType_Ready(&HandleType) < 0 || PyModule_AddFunctions(module, kFunctions) < 0)
    throw PythonErrorAlreadySet();
  PyModule_AddObjectRef(module, "_RemovableHandle", reinterpret_cast<PyObject*>(&HandleType));
}

}  // namespace facula::python
