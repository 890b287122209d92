// Autograd as Python sees it: backward, grad, node objects, hooks, modes.
#include "autograd/batch.h"
#include "ops/functions.h"
#include "python/batching.h"
#include "python/nodes.h"
#include "python/override.h"
#include "python/tensor_type.h"

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

constexpr const char kGradients[] = "gradients can be either Tensors or None, but got ",
                     kInputs[] = "all inputs have to be Tensors or GradientEdges, but got ",
                     kRoots[] = "Expected output to be a torch.Tensor\nThere is one of type ";

// `what`: the error for others. `like`: gradients of the same number, whose shapes roots that are
// GradientEdges take.
std::vector<Tensor> tensors_from(PyObject* o, const char* what, bool allow_none = false,
                                 const std::vector<Tensor>* like = nullptr) {
  std::vector<Tensor> tensors;
  if (is_tensor(o)) return {tensor_of(o)};
  auto from_edge = [&](PyObject* e, size_t i) {
    int64_t output = 0;
    to_int(PyTuple_GET_ITEM(e, 1), &output);
    const Tensor given = like && i < like->size() ? (*like)[i] : Tensor();
    if (like && PyObject_HasAttrString(e, "shape")) {
      Dims shape;
      if (to_ints(Owned(PyObject_GetAttrString(e, "shape")).get(), &shape)) {
        if (!given && shape.numel() != 1) fail("grad can be implicitly created only for scalar outputs");
        if (given && given->shape() != shape)
          fail("Mismatch in shape: grad_output[", i, "] has a shape of torch.Size(",
               to_string(given->shape()), ") and output[", i, "] has a shape of torch.Size(",
               to_string(shape), ").");
      }
    }
    return tensor_at_edge(PyTuple_GET_ITEM(e, 0), output, like && i < like->size() ? &(*like)[i] : nullptr);
  };
  if (is_edge(o)) return {from_edge(o, 0)};
  auto refuse = [&](PyObject* t) {
    if (what == kRoots) fail<AssertionError>(what, type_name(t), ".");
    if (what == kInputs) fail(what, type_name(t));
    fail<TypeError>(what, type_name(t));
  };
  if (PyUnicode_Check(o)) refuse(o);
  const Owned sequence(PySequence_Tuple(o));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(sequence.get()); ++i) {
    PyObject* t = PyTuple_GET_ITEM(sequence.get(), i);
    if (t == Py_None && allow_none) tensors.emplace_back();
    else if (is_edge(t)) tensors.push_back(from_edge(t, size_t(i)));
    else if (!is_tensor(t)) refuse(t);
    else tensors.push_back(tensor_of(t));
  }
  return tensors;
}

bool warn_always = false;  // torch.set_warn_always

// --- hooks ---

struct PythonHook final : GradHook {
  PyObject* function;
  bool after;               // of a leaf whose .grad is there: it returns nothing, or the leaf
  uint64_t removed_at = 0;  // on the clock of HookPass
  explicit PythonHook(PyObject* f, bool accumulated = false) : function(Py_NewRef(f)), after(accumulated) {}
  ~PythonHook() override { Py_XDECREF(function); }
  Tensor call(const Tensor& g) override {
    if (!function || (removed_at && removed_at < HookPass::current)) return nullptr;
    const Owned keep(Py_NewRef(function));
    const Owned argument(g ? wrap(g) : Py_NewRef(Py_None));
    const Owned result(batch_of_run()
                           ? call_in_batch(keep.get(), Owned(PyTuple_Pack(1, argument.get())).get())
                           : PyObject_CallOneArg(keep.get(), argument.get()));
    if (result.get() == Py_None || (after && result.get() == argument.get())) return nullptr;
    if (!is_tensor(result.get()))
      fail<TypeError>("expected Variable, but hook returned '", Py_TYPE(result.get())->tp_name, "'");
    if (after)
      fail(
          "Tensor post accumulate grad hooks should return None.\nSuggestion: change p.grad in the hook "
          "instead.");
    if (!g) fail("can't replace a None gradient with a non-None value");
    const Tensor& replaced = tensor_of(result.get());
    if (replaced->dtype != g->dtype)
      fail("hook '", hook_name(keep.get()), "' has changed the type of value (was torch.", c_name(g->dtype),
           "Tensor got torch.", c_name(replaced->dtype), "Tensor)");
    if (!replaced->same_shape(*g)) fail("hook '", hook_name(keep.get()), "' has changed the size of value");
    return replaced;
  }
  bool alive() const { return function && !removed_at; }
};

// Takes those out whose handles were removed: a leaf may see many come and go.
void forget_removed(std::vector<std::shared_ptr<GradHook>>& hooks) {
  std::erase_if(hooks, [](const auto& h) {
    const auto* python = dynamic_cast<const PythonHook*>(h.get());
    return python && !python->alive();
  });
}
// The hooks as the dictionary that PyTorch keeps, or None.
PyObject* as_dictionary(const std::vector<std::shared_ptr<GradHook>>& hooks) {
  const Owned all(PyObject_CallNoArgs(imported("collections", "OrderedDict")));
  for (size_t i = 0; i < hooks.size(); ++i) {
    const auto* hook = dynamic_cast<const PythonHook*>(hooks[i].get());
    if (hook && hook->alive()) PyObject_SetItem(all.get(), Owned(PyLong_FromSize_t(i)).get(), hook->function);
  }
  return PyObject_Size(all.get()) ? Py_NewRef(all.get()) : Py_NewRef(Py_None);
}

struct HandleObject {  // what register_hook returns; the tensor or its node has the hook
  PyObject_HEAD std::weak_ptr<PythonHook> hook;
};
PyObject* handle_remove(PyObject* o, PyObject*) {
  if (const auto hook = reinterpret_cast<HandleObject*>(o)->hook.lock()) remove_hook(hook);
  Py_RETURN_NONE;
}
PyObject* handle_enter(PyObject* o, PyObject*) { return Py_NewRef(o); }
PyMethodDef handle_methods[] = {{"remove", handle_remove, METH_NOARGS, "Takes the hook away."},
                                {"__enter__", handle_enter, METH_NOARGS, nullptr},
                                {"__exit__", handle_remove, METH_VARARGS, nullptr},
                                {}};
void handle_dealloc(PyObject* o) {
  auto* h = reinterpret_cast<HandleObject*>(o);
  h->hook.~weak_ptr();
  PyObject_Free(o);
}
PyTypeObject HandleType = {.ob_base = {PyObject_HEAD_INIT(nullptr) 0},
                           .tp_name = "torch.utils.hooks.RemovableHandle",
                           .tp_basicsize = sizeof(HandleObject),
                           .tp_dealloc = handle_dealloc,
                           .tp_flags = Py_TPFLAGS_DEFAULT,
                           .tp_methods = handle_methods};
PyObject* new_handle(const std::shared_ptr<PythonHook>& hook) {
  auto* h = PyObject_New(HandleObject, &HandleType);
  if (!h) throw PythonErrorAlreadySet();
  new (&h->hook) std::weak_ptr<PythonHook>(hook);
  return reinterpret_cast<PyObject*>(h);
}

PyObject* register_hook(PyObject* o, PyObject* f) {
  return guarded([&] {
    TensorImpl& t = *impl(o);
    if (!requires_grad(t)) fail("cannot register a hook on a tensor that doesn't require gradient");
    auto hook = std::make_shared<PythonHook>(f);
    if (Node* n = grad_fn(&t)) n->hook_list().on_output.push_back({t.output_nr, hook});
    else {
      forget_removed(extras_of(t).hooks);
      extras_of(t).hooks.push_back(hook);
    }
    return new_handle(hook);
  });
}
PyObject* register_post_accumulate(PyObject* o, PyObject* f) {
  return guarded([&] {
    TensorImpl& t = *impl(o);
    if (!requires_grad(t)) fail("cannot register a hook on a tensor that doesn't require gradient");
    if (grad_fn(&t)) fail("post accumulate grad hooks cannot be registered on non-leaf tensors");
    auto hook = std::make_shared<PythonHook>(f, true);
    forget_removed(extras_of(t).after_accumulate);
    extras_of(t).after_accumulate.push_back(hook);
    return new_handle(hook);
  });
}

// --- backward and grad ---

// What `inputs` names: the values of a dictionary, in order. `names`: where there is one.
PyObject* values_of(PyObject* inputs, const char* function, PyObject** names = nullptr) {
  if (PyDict_CheckExact(inputs)) {
    if (names) *names = PyDict_Keys(inputs);
    return PyDict_Values(inputs);
  }
  if (!is_tensor(inputs) && !PyTuple_Check(inputs) && !PyList_Check(inputs) &&
      PyObject_IsInstance(inputs, imported("collections.abc", "Mapping")) == 1)
    fail<TypeError>("`inputs` argument to `", function, "()` must be a dict, not ", type_name(inputs),
                    ". Other Mapping types are not supported.");
  return Py_NewRef(inputs);
}

void retain_grad(TensorImpl& t) {
  if (!t.grad_fn || (t.extras && t.extras->retains_grad)) return;  // never recorded: a leaf, however stale
  Node* n = grad_fn(&t);
  extras_of(t).retains_grad = true;
  n->hook_list().retained.push_back({t.output_nr, &t});
}
bool transformed() { return capturing || live_vmaps; }
void refuse_in_transform(const char* method, const char* perhaps = "") {
  if (transformed())
    fail("You are attempting to call Tensor.", method, "() ", perhaps,
         "inside of a function being transformed by a functorch transform. This is unsupported, please "
         "attempt to use the functorch transforms (e.g. grad, vjp, jacrev, jacfwd, hessian) or call ",
         method, "() outside of a function being transformed instead.");
}

void backward(const Tensor* roots, Tensor* gradients, size_t count, PyObject* retain, PyObject* create,
              PyObject* inputs) {
  if (transformed())
    fail(
        "backward() called inside a functorch transform. This is not supported, please use functorch.grad or "
        "functorch.vjp instead or call backward() outside of functorch transforms.");
  BackwardOptions o;
  o.create_graph = is_true(create, false);
  o.retain_graph = is_true(retain, o.create_graph);
  std::vector<Tensor> only;
  if (given(inputs)) {
    only = tensors_from(Owned(values_of(inputs, "backward")).get(), kInputs);
    if (only.empty()) fail("`inputs` argument to `backward()` cannot be empty.");
    for (size_t i = 0; i < count; ++i)
      if (!requires_grad(*roots[i]))
        fail("element ", i, " of tensors does not require grad and does not have a grad_fn");
    for (const Tensor& t : only)
      if (!requires_grad(*t)) fail("can't retain_grad on Tensor that has requires_grad=False");
    for (const Tensor& t : only) retain_grad(*t);
    o.inputs = &only;
  }
  if (static bool warned = false; o.create_graph && (!std::exchange(warned, true) || warn_always))
    warn(
        "Using backward() with create_graph=True will create a reference cycle between the parameter and its "
        "gradient which can cause a memory leak. We recommend using autograd.grad when creating the graph to "
        "avoid this. If you have to use this function, make sure to reset the .grad fields of your "
        "parameters to None after use to break the cycle and avoid the leak.");
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
      const std::vector<Tensor> all = tensors_from(slots[0], kGradients, true);
      if (all.empty()) fail("got 1 tensors and 0 gradients");
      gradient = all[0];
    }
    const Tensor root = tensor_of(o);
    backward(&root, &gradient, 1, slots[1], slots[2], slots[3]);
    Py_RETURN_NONE;
  });
}

std::vector<Tensor> gradients_from(PyObject* o) {
  if (!given(o)) return {};
  return tensors_from(o, kGradients, true);
}
void check_count(std::vector<Tensor>& gradients, PyObject* o, size_t count) {
  if (!given(o) || gradients.size() > count) gradients.resize(count);
  if (gradients.size() != count) fail("got ", count, " tensors and ", gradients.size(), " gradients");
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
    if (given(slots[1]) && given(slots[4]))
      fail(
          "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. Please "
          "only "
          "use `grad_tensors`.");
    PyObject* given_gradients = given(slots[1]) ? slots[1] : slots[4];
    std::vector<Tensor> gradients = gradients_from(given_gradients);
    const std::vector<Tensor> roots = tensors_from(slots[0], kRoots, false, &gradients);
    check_count(gradients, given_gradients, roots.size());
    backward(roots.data(), gradients.data(), roots.size(), slots[2], slots[3], slots[5]);
    Py_RETURN_NONE;
  });
}

bool is_edge_at(PyObject* inputs, Py_ssize_t i) {
  if (is_edge(inputs)) return true;
  if (PyTuple_Check(inputs)) return is_edge(PyTuple_GET_ITEM(inputs, i));
  return PyList_Check(inputs) && is_edge(PyList_GET_ITEM(inputs, i));
}
PyObject* grad_of_slots(PyObject* const* slots) {
  if (is_true(slots[7], false)) {
    PyObject* all[] = {slots[0], slots[1], slots[2], slots[3], slots[4], slots[6], slots[8]};
    for (PyObject*& o : all)
      if (!o) o = Py_None;
    return PyObject_Vectorcall(imported("facula.autograd._batched", "grad"), all, std::size(all), nullptr);
  }
  std::vector<Tensor> gradients = gradients_from(slots[2]);
  const std::vector<Tensor> roots = tensors_from(slots[0], kRoots, false, &gradients),
                            inputs = tensors_from(slots[1], kInputs);
  check_count(gradients, slots[2], roots.size());
  if (inputs.empty()) fail("`inputs` argument to `grad()` cannot be empty.");
  BackwardOptions o;
  const bool materialize = is_true(slots[8], false);
  o.create_graph = is_true(slots[4], false);
  o.retain_graph = is_true(slots[3], o.create_graph);
  o.accumulate = false;
  o.inputs = &inputs;
  if (materialize && slots[6] && slots[6] == Py_False)
    fail<ValueError>(
        "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
        "allow_unused=False.");
  o.allow_unused = is_true(slots[6], materialize) || materialize;
  std::vector<Tensor> grads = run_backward(roots.data(), gradients.data(), roots.size(), o);
  if (materialize)
    for (size_t i = 0; i < grads.size(); ++i)
      if (!grads[i]) {
        if (is_edge_at(slots[1], Py_ssize_t(i)))
          fail("materialize_grads cannot be used when the given input is a GradientEdge");
        grads[i] = zeros_like(inputs[i]);
        grads[i]->requires_grad = o.create_graph;
      }
  return tuple_of(grads);
}

PyObject* grad_function(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  if (live_vmaps && any_batched(args, n, keywords)) [[unlikely]]
    return grad_batched(args, n, keywords);
  return guarded([&]() -> PyObject* {
    if (asks(args, n, keywords)) [[unlikely]]
      return override_call(imported("facula.autograd", "grad"), args, n, keywords, Style::Python);
    PyObject* slots[9];
    bind_objects("grad",
                 {"outputs", "inputs", "grad_outputs", "retain_graph", "create_graph", "only_inputs",
                  "allow_unused", "is_grads_batched", "materialize_grads"},
                 2, args, n, keywords, slots);
    if (slots[5] && !is_true(slots[5], true) &&
        PyErr_WarnEx(
            PyExc_FutureWarning,
            "only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate "
            "gradient for other parts of the graph, please use torch.autograd.backward.",
            1) < 0)
      throw PythonErrorAlreadySet();
    PyObject* names = nullptr;
    const Owned values(values_of(slots[1], "grad", &names));
    slots[1] = values.get();
    if (names) {
      const Owned keys(names), all(grad_of_slots(slots)), dict(PyDict_New());
      for (Py_ssize_t i = 0; i < PyList_GET_SIZE(keys.get()); ++i)
        PyDict_SetItem(dict.get(), PyList_GET_ITEM(keys.get(), i), PyTuple_GET_ITEM(all.get(), i));
      return Py_NewRef(dict.get());
    }
    return grad_of_slots(slots);
  });
}
// (outputs, inputs, gradients with a batch in front, its size, retain, create, allow_unused, drop zeros)
PyObject* grad_batch(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject*) {
  return guarded([&]() -> PyObject* {
    if (n != 8) fail<TypeError>("_grad_batch() takes 8 arguments");
    std::vector<Tensor> gradients = gradients_from(args[2]);
    const std::vector<Tensor> roots = tensors_from(args[0], kRoots, false, &gradients),
                              inputs = tensors_from(args[1], kInputs);
    check_count(gradients, args[2], roots.size());
    BackwardOptions o;
    to_int(args[3], &o.batch);
    if (o.batch <= 0) fail("_grad_batch() takes a batch of at least one");
    o.retain_graph = is_true(args[4], false);
    o.create_graph = is_true(args[5], false);
    o.allow_unused = is_true(args[6], false);
    o.drop_zeros = is_true(args[7], false);
    o.accumulate = false;
    o.inputs = &inputs;
    return tuple_of(run_backward(roots.data(), gradients.data(), roots.size(), o));
  });
}
PyObject* size_of_graph(PyObject*, PyObject* roots) {  // (largest, plain), see graph_size
  return guarded([&] {
    const GraphSize size = graph_size(tensors_from(roots, kRoots));
    return Py_BuildValue("(LO)", static_cast<long long>(size.largest), size.plain ? Py_True : Py_False);
  });
}

// --- tensor methods ---

PyObject* requires_grad_method(PyObject* o, PyObject* const* args, Py_ssize_t n, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    refuse_in_transform("requires_grad_", "(or perhaps using torch.autograd.functional.* APIs) ");
    PyObject* slot[1];
    bind_objects("requires_grad_", {"requires_grad"}, 0, args, n, keywords, slot);
    if (slot[0] && !PyBool_Check(slot[0]))
      fail<TypeError>("requires_grad_(): argument 'requires_grad' (position 1) must be bool, not ",
                      Py_TYPE(slot[0])->tp_name);
    if (is_true(slot[0], true) && impl(o)->grad_fn) return Py_NewRef(o);  // it does already
    if (is_true(slot[0], true) && !is_floating(impl(o)->dtype))
      fail("only Tensors of floating point dtype can require gradients\nIts dtype is torch.",
           name(impl(o)->dtype), ".\nSuggestion: convert first, x.float().requires_grad_().");
    if (PyObject_SetAttrString(o, "requires_grad", is_true(slot[0], true) ? Py_True : Py_False) < 0)
      throw PythonErrorAlreadySet();
    return Py_NewRef(o);
  });
}
PyObject* retain_grad_method(PyObject* o, PyObject*) {
  return guarded([&]() -> PyObject* {
    refuse_in_transform("retain_grad");
    TensorImpl& t = *impl(o);
    if (!requires_grad(t)) fail("can't retain_grad on Tensor that has requires_grad=False");
    retain_grad(t);
    Py_RETURN_NONE;
  });
}

PyObject* is_view(PyObject* o, PyObject*) { return PyBool_FromLong(impl(o)->base != nullptr); }

// --- modes ---

PyObject* set_grad_enabled(PyObject*, PyObject* on) {
  if (override_modes) [[unlikely]]
    return guarded(
        [&] { return override_call(imported("facula._C", "_set_grad_enabled"), &on, 1, nullptr); });
  PyObject* previous = PyBool_FromLong(mode.grad || (mode.inference && mode.asked));
  const bool asked = PyObject_IsTrue(on) == 1;
  if (mode.inference) mode.asked = asked;
  mode.grad = asked && !mode.inference;
  return previous;
}
// The same of the library's own: nobody is asked.
PyObject* set_recording(PyObject*, PyObject* on) {
  PyObject* previous = PyBool_FromLong(mode.grad);
  mode.grad = on == Py_True && !mode.inference;
  return previous;
}
PyObject* is_grad_enabled(PyObject*, PyObject*) {
  return PyBool_FromLong(mode.grad || (mode.inference && mode.asked));
}
PyObject* set_inference(PyObject*, PyObject* on) {
  PyObject* previous = PyBool_FromLong(mode.inference);
  mode.inference = PyObject_IsTrue(on) == 1;
  mode.asked = false;
  return previous;
}
PyObject* is_inference(PyObject*, PyObject*) { return PyBool_FromLong(mode.inference); }

PyObject* set_warn_always(PyObject*, PyObject* on) {
  warn_always = PyObject_IsTrue(on) == 1;
  Py_RETURN_NONE;
}

PyMethodDef kFunctions[] = {
    {"_grad_batch", as_function(grad_batch), kFastCall, nullptr},
    {"_graph_size", size_of_graph, METH_O, nullptr},
    {"_set_grad_enabled", set_grad_enabled, METH_O, nullptr},
    {"_set_recording", set_recording, METH_O, nullptr},
    {"_set_warn_always", set_warn_always, METH_O, nullptr},
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS, "Whether operations are being recorded."},
    {"_set_inference_mode", set_inference, METH_O, nullptr},
    {"is_inference_mode_enabled", is_inference, METH_NOARGS, "Whether inference mode is on."},
    {}};

PyMethodDef kPublic[] = {{"backward", as_function(backward_function), kFastCall, nullptr},
                         {"grad", as_function(grad_function), kFastCall, nullptr}};

}  // namespace

PyObject* python_hook_target(const GradHook& h) {
  const auto* hook = dynamic_cast<const PythonHook*>(&h);
  return hook ? hook->function : nullptr;
}

PyObject* get_backward_hooks(PyObject* o, void* after) {
  return guarded([&]() -> PyObject* {
    const TensorImpl& t = *impl(o);
    if (after) return t.extras ? as_dictionary(t.extras->after_accumulate) : Py_NewRef(Py_None);
    if (!t.grad_fn) return t.extras ? as_dictionary(t.extras->hooks) : Py_NewRef(Py_None);
    std::vector<std::shared_ptr<GradHook>> own;
    if (t.grad_fn->hooks)
      for (const Hooks::OnOutput& h : t.grad_fn->hooks->on_output)
        if (h.output == t.output_nr) own.push_back(h.hook);
    return as_dictionary(own);
  });
}
int set_backward_hooks(PyObject* o, PyObject* value, void*) {
  return guarded([&] {
    TensorImpl& t = *impl(o);
    if (!value) fail("Deletion of _backwards_hooks not allowed!");
    if (t.extras) t.extras->hooks.clear();
    if (value == Py_None) return 0;
    const Owned functions(PyMapping_Values(value));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(functions.get()); ++i)
      Py_DECREF(Owned(register_hook(o, PyList_GET_ITEM(functions.get(), i))).release());
    return 0;
  });
}

void add_autograd_methods(std::vector<PyMethodDef>& methods) {
  methods.push_back({"backward", as_function(backward_method), kFastCall,
                     "Computes the gradients of the leaves this tensor was made from."});
  methods.push_back(
      {"requires_grad_", as_function(requires_grad_method), kFastCall, "Sets requires_grad in place."});
  methods.push_back(
      {"retain_grad", retain_grad_method, METH_NOARGS, "Keeps .grad although this tensor is no leaf."});
  methods.push_back({"_is_view", is_view, METH_NOARGS, "Whether this is a view as autograd sees it."});
  methods.push_back({"register_hook", register_hook, METH_O,
                     "Calls a function with the gradient; it may return another one."});
  methods.push_back({"register_post_accumulate_grad_hook", register_post_accumulate, METH_O, nullptr});
}

void add_autograd(PyObject* module) {
  if (PyType_Ready(&HandleType) < 0 || PyModule_AddFunctions(module, kFunctions) < 0)
    throw PythonErrorAlreadySet();
  for (PyMethodDef& f : kPublic) {
    const Owned where(PyUnicode_FromString("torch.autograd"));
    PyModule_AddObject(module, concat("_", f.ml_name).c_str(), PyCFunction_NewEx(&f, module, where.get()));
  }
  PyModule_AddObjectRef(module, "_RemovableHandle", reinterpret_cast<PyObject*>(&HandleType));
}

}  // namespace facula::python
