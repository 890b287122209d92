// Nodes as Python sees them, and their hooks. One Python type per name, made on first sight.
#include "python/nodes.h"
#include <algorithm>
#include <map>
#include <unordered_map>
#include "op/pointwise.h"
#include "python/tensor_type.h"

#include <structmember.h>

namespace facula::python {
namespace {

struct NodeObject {
  PyObject_HEAD Ref<Node> node;
  Tensor leaf;  // of AccumulateGrad
  PyObject *metadata, *weakrefs;
};
NodeObject* node_object(PyObject* o) { return reinterpret_cast<NodeObject*>(o); }
// One object a leaf, while anybody holds it: AccumulateGrad can be told by identity.
std::unordered_map<TensorImpl*, PyObject*> accumulators;

void node_dealloc(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  NodeObject* self = node_object(o);
  if (self->weakrefs) PyObject_ClearWeakRefs(o);
  if (self->node) self->node->python = nullptr;
  if (self->leaf) accumulators.erase(self->leaf.get());
  Py_XDECREF(self->metadata);
  self->node.~Ref<Node>();
  self->leaf.~Tensor();
  type->tp_free(o);
  Py_DECREF(type);
}
PyObject* node_name(PyObject* o, PyObject*) {  // those that no operation made carry their namespace
  const std::string_view name = node_object(o)->node ? node_object(o)->node->name : "AccumulateGrad";
  const bool own =
      name == "AccumulateGrad" || name == "CopySlices" || name == "CopyBackwards" || name == "NotImplemented";
  return PyUnicode_FromString(concat(own ? "torch::autograd::" : "", name).c_str());
}
PyObject* node_next(PyObject* o, void*) {
  return guarded([&] { return next_functions(node_object(o)->node.get()); });
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
  return guarded([&]() -> PyObject* {
    NodeObject* self = node_object(o);
    if (!self->node) {
      if (!self->metadata) self->metadata = Owned(PyDict_New()).release();
      return Py_NewRef(self->metadata);
    }
    Notes& notes = make_notes(*self->node);
    if (!notes.metadata) {
      PyObject* made = Owned(PyDict_New()).release();
      notes.metadata = {static_cast<void*>(made), [](void* p) { Py_DECREF(static_cast<PyObject*>(p)); }};
      if (notes.stack) PyDict_SetItemString(made, "traceback_", static_cast<PyObject*>(notes.stack.get()));
    }
    return Py_NewRef(static_cast<PyObject*>(notes.metadata.get()));
  });
}
PyObject* node_repr(PyObject* o) {
  return PyUnicode_FromFormat("<%s object at %p>",
                              node_object(o)->node ? node_object(o)->node->name : "AccumulateGrad", o);
}
PyObject* node_sequence(PyObject* o, PyObject*) {
  return PyLong_FromUnsignedLongLong(node_object(o)->node ? node_object(o)->node->sequence : UINT64_MAX);
}

// --- hooks ---

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
    const Owned arguments(pre ? PyTuple_Pack(1, in.get()) : PyTuple_Pack(2, in.get(), out.get()));
    const Owned result(batch_of_run() ? call_in_batch(keep.get(), arguments.get())
                                      : PyObject_Call(keep.get(), arguments.get(), nullptr));
    PyObject* r = result.get();
    if (r == Py_None) return;
    const Owned one(is_tensor(r) ? PyTuple_Pack(1, r) : Py_NewRef(r));
    if (!PyTuple_Check(one.get()) && !PyList_Check(one.get()))
      fail<TypeError>("hook should have returned a tuple of Tensors, but returned ", Py_TYPE(r)->tp_name);
    if (PySequence_Fast_GET_SIZE(one.get()) != input_count)
      fail("hook '", hook_name(keep.get()), "' has returned an incorrect number of values (got ",
           int64_t(PySequence_Fast_GET_SIZE(one.get())), ", but expected ", input_count, ")");
    for (int i = 0; i < input_count; ++i) {
      PyObject* o = PySequence_Fast_GET_ITEM(one.get(), i);
      if (o == Py_None) {
        inputs[i] = nullptr;
        continue;
      }
      if (!inputs[i] && pre) fail<TypeError>("can't replace a None gradient with a non-None value");
      if (!is_tensor(o)) fail<TypeError>("expected Variable, but hook returned '", Py_TYPE(o)->tp_name, "'");
      if (inputs[i] && !tensor_of(o)->same_shape(*inputs[i]))
        fail("hook '", hook_name(keep.get()), "' has changed the size of value");
      inputs[i] = tensor_of(o);
    }
  }
};

struct HandleObject {
  PyObject_HEAD std::shared_ptr<PythonNodeHook> hook;
};
PyObject* handle_remove(PyObject* o, PyObject*) {
  if (auto& hook = reinterpret_cast<HandleObject*>(o)->hook) Py_CLEAR(hook->function);
  Py_RETURN_NONE;
}
PyObject* handle_enter(PyObject* o, PyObject*) { return Py_NewRef(o); }
PyMethodDef handle_methods[] = {{"remove", handle_remove, METH_NOARGS, "Takes the hook away."},
                                {"__enter__", handle_enter, METH_NOARGS, nullptr},
                                {"__exit__", handle_remove, METH_VARARGS, nullptr},
                                {}};
PyTypeObject HandleType = [] {
  PyTypeObject t = {PyVarObject_HEAD_INIT(nullptr, 0)};
  t.tp_name = "torch.utils.hooks.RemovableHandle";
  t.tp_basicsize = sizeof(HandleObject);
  t.tp_flags = Py_TPFLAGS_DEFAULT;
  t.tp_methods = handle_methods;
  t.tp_dealloc = [](PyObject* o) {
    reinterpret_cast<HandleObject*>(o)->hook.~shared_ptr();
    PyObject_Free(o);
  };
  return t;
}();

template <class Lists> PyObject* add_hook(Lists& hooks, PyObject* f, bool pre) {
  if (!PyCallable_Check(f)) fail<TypeError>("a hook must be callable, got ", Py_TYPE(f)->tp_name);
  auto hook = std::make_shared<PythonNodeHook>(f, pre);
  auto& list = pre ? hooks.pre : hooks.post;
  std::erase_if(list, [](const auto& h) {  // those whose handles were removed
    const auto* python = dynamic_cast<const PythonNodeHook*>(h.get());
    return python && !python->function;
  });
  list.push_back(hook);
  auto* h = PyObject_New(HandleObject, &HandleType);
  if (!h) throw PythonErrorAlreadySet();
  new (&h->hook) std::shared_ptr<PythonNodeHook>(std::move(hook));
  return reinterpret_cast<PyObject*>(h);
}
PyObject* hook_of_object(PyObject* o, PyObject* f, bool pre) {
  return guarded([&]() -> PyObject* {
    NodeObject* self = node_object(o);
    if (self->node) return add_hook(self->node->hook_list(), f, pre);
    return add_hook(make_accumulate_hooks(*self->leaf), f, pre);
  });
}
PyObject* node_register_hook(PyObject* o, PyObject* f) { return hook_of_object(o, f, false); }
PyObject* node_register_prehook(PyObject* o, PyObject* f) { return hook_of_object(o, f, true); }

// What structural nodes keep of their inputs and outputs, in this order, by PyTorch's names; "-": nothing
// that it names, "x*": this and all after it, as a tuple.
constexpr std::pair<std::string_view, std::string_view> kSavedNames[] = {
    {"MmBackward0", "self mat2"},
    {"AddmmBackward0", "- mat1 mat2"},
    {"BmmBackward0", "self mat2"},
    {"BaddbmmBackward0", "- batch1 batch2"},
    {"AddbmmBackward0", "- batch1 batch2"},
    {"MvBackward0", "self vec"},
    {"AddmvBackward0", "- mat vec"},
    {"AddrBackward0", "- vec1 vec2"},
    {"DotBackward0", "self tensor"},
    {"VdotBackward0", "self other"},
    {"SoftmaxBackward0", "- result"},
    {"LogSoftmaxBackward0", "- result"},
    {"ConvolutionBackward0", "input weight"},
    {"NativeLayerNormBackward0", "input weight"},
    {"NativeGroupNormBackward0", "input weight"},
    {"NativeBatchNormBackward0", "input weight"},
    {"CumprodBackward0", "self result"},
    {"ProdBackward0", "self result"},
    {"ProdBackward1", "self result"},
    {"LinalgVectorNormBackward0", "self result"},
    {"LogsumexpBackward0", "self result"},
    {"StdBackward0", "self result"},
    {"VarBackward0", "self"},
    {"MaxBackward0", "- - indices"},
    {"MinBackward0", "- - indices"},
    {"MaxBackward1", "self result"},
    {"MinBackward1", "self result"},
    {"AmaxBackward0", "self result"},
    {"AminBackward0", "self result"},
    {"MedianBackward1", "- - indices"},
    {"KthvalueBackward0", "- - indices"},
    {"SortBackward0", "- - indices"},
    {"TopkBackward0", "- - indices"},
    {"CumminBackward0", "- - indices"},
    {"CummaxBackward0", "- - indices"},
    {"GatherBackward0", "- index"},
    {"ScatterAddBackward0", "- index"},
    {"ScatterBackward0", "- index"},
    {"IndexSelectBackward0", "- index"},
    {"IndexAddBackward0", "- index"},
    {"IndexBackward0", "- indices*"},
    {"EmbeddingBackward0", "- indices"},
    {"MaskedFillBackward0", "- mask"},
    {"MaskedSelectBackward0", "self mask"},
    {"MseLossBackward0", "self target"},
    {"SmoothL1LossBackward0", "self target"},
    {"HuberLossBackward0", "self target"},
    {"BinaryCrossEntropyBackward0", "self target weight"},
    {"BinaryCrossEntropyWithLogitsBackward0", "self target weight pos_weight"},
    {"LogcumsumexpBackward0", "self result"},
    {"LinalgCholeskyExBackward0", "- L"},
    {"LinalgInvExBackward0", "- inverse"},
    {"LinalgQrBackward0", "- Q R"},
    {"LinalgSvdBackward0", "- U S Vh"},
    {"LinalgEighBackward0", "- eigenvalues eigenvectors"},
    {"FftR2CBackward0", "self"},
};

PyObject* saved_by(Node* n, const NodeParts& parts, size_t i, bool raw) {
  PyErr_Clear();
  if (raw) return guarded([&] { return new_saved_tensor(n, i); });
  return guarded([&]() -> PyObject* {
    if (parts.released) fail_released(n);
    const Saved& s = parts.saved[i];
    if (!s.present) return Py_NewRef(Py_None);
    if (!s.tensor) return wrap(s.scalar);
    const Tensor kept = unpack(s, n);
    return wrap(is_floating(kept->dtype) ? kept : alias(*kept));  // indices have no history
  });
}

PyObject* saved_of_structural(Node* n, const NodeParts& parts, std::string_view wanted, bool raw) {
  const auto* row = std::find_if(std::begin(kSavedNames), std::end(kSavedNames),
                                 [&](const auto& r) { return r.first == n->name; });
  if (row == std::end(kSavedNames)) return nullptr;
  std::string_view names = row->second;
  for (size_t i = 0; i < parts.saved_count && !names.empty(); ++i) {
    const size_t end = std::min(names.find(' '), names.size());
    const std::string_view one = names.substr(0, end);
    names.remove_prefix(std::min(end + 1, names.size()));
    if (one == wanted) return saved_by(n, parts, i, raw);
    if (!one.ends_with('*') || one.substr(0, one.size() - 1) != wanted) continue;
    PyErr_Clear();
    return guarded([&] {
      Owned all(PyTuple_New(Py_ssize_t(parts.saved_count - i)));
      for (size_t k = i; k < parts.saved_count; ++k) {
        PyObject* part = saved_by(n, parts, k, raw);
        if (!part) throw PythonErrorAlreadySet();
        PyTuple_SET_ITEM(all.get(), Py_ssize_t(k - i), part);
      }
      return all.release();
    });
  }
  return nullptr;
}

// grad_fn._saved_self and ._raw_saved_self: what a node keeps, by the names of the operation's parameters.
PyObject* node_getattr(PyObject* o, PyObject* name) {
  PyObject* own = PyObject_GenericGetAttr(o, name);
  if (own || !PyErr_ExceptionMatches(PyExc_AttributeError)) return own;
  const char* text = PyUnicode_AsUTF8(name);
  Node* n = node_object(o)->node.get();
  if (!n || !text) return nullptr;
  const bool raw = std::strncmp(text, "_raw", 4) == 0;
  if (raw) text += 4;
  if (std::strncmp(text, "_saved_", 7) != 0) return nullptr;
  const NodeParts parts = n->parts();
  if (!parts.pointwise) return saved_of_structural(n, parts, text + 7, raw);
  const auto& op = *static_cast<const PointwiseOp*>(parts.pointwise);
  const std::string_view wanted = text + 7;
  for (size_t i = 0; i < parts.saved_count; ++i) {
    const bool output = i + 1 == parts.saved_count;
    std::string_view called = output ? "result" : op.info->signature.params[i].name;
    if (called == "input") called = "self";
    if (called != wanted || !parts.saved[i].present) continue;
    return saved_by(n, parts, i, raw);
  }
  return nullptr;
}

PyMethodDef node_methods[] = {{"name", node_name, METH_NOARGS, "The name of the operation's derivative."},
                              {"_sequence_nr", node_sequence, METH_NOARGS, nullptr},
                              {"register_hook", node_register_hook, METH_O,
                               "Calls a function with the gradients of inputs and outputs."},
                              {"register_prehook", node_register_prehook, METH_O,
                               "Calls a function with the gradients of outputs, before."},
                              {}};
PyGetSetDef node_getset[] = {{"next_functions", node_next, nullptr, nullptr, nullptr},
                             {"metadata", node_metadata, nullptr, nullptr, nullptr},
                             {}};
PyGetSetDef accumulate_getset[] = {{"next_functions", node_next, nullptr, nullptr, nullptr},
                                   {"variable", node_variable, nullptr, nullptr, nullptr},
                                   {"metadata", node_metadata, nullptr, nullptr, nullptr},
                                   {}};
PyMemberDef node_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(NodeObject, weakrefs), READONLY, nullptr}, {}};

PyTypeObject* node_type(const char* name, bool accumulate) {
  static std::map<std::string, PyTypeObject*> types;
  PyTypeObject*& type = types[name];
  if (!type) {
    PyType_Slot slots[] = {{Py_tp_repr, reinterpret_cast<void*>(node_repr)},
                           {Py_tp_dealloc, reinterpret_cast<void*>(node_dealloc)},
                           {Py_tp_getattro, reinterpret_cast<void*>(node_getattr)},
                           {Py_tp_methods, node_methods},
                           {Py_tp_members, node_members},
                           {Py_tp_getset, accumulate ? accumulate_getset : node_getset},
                           {}};
    auto* kept = new std::string("builtins." + std::string(name));  // the type points to it
    PyType_Spec spec = {kept->c_str(), sizeof(NodeObject), 0, Py_TPFLAGS_DEFAULT, slots};
    type = reinterpret_cast<PyTypeObject*>(
        PyType_FromSpecWithBases(&spec, reinterpret_cast<PyObject*>(&NodeBaseType)));
    if (!type) throw PythonErrorAlreadySet();
    type->tp_name = kept->c_str() + std::strlen("builtins.");  // as errors name it
  }
  return type;
}
PyObject* new_node_object(const char* name, Node* node, const Tensor& leaf) {
  auto* o = PyObject_New(NodeObject, node_type(name, bool(leaf)));
  if (!o) throw PythonErrorAlreadySet();
  new (&o->node) Ref<Node>(node);
  new (&o->leaf) Tensor(leaf);
  o->metadata = o->weakrefs = nullptr;
  return reinterpret_cast<PyObject*>(o);
}
PyObject* wrap_leaf(const Tensor& leaf) {
  const auto found = accumulators.find(leaf.get());
  if (found != accumulators.end()) return Py_NewRef(found->second);
  PyObject* o = new_node_object("AccumulateGrad", nullptr, leaf);
  accumulators[leaf.get()] = o;
  return o;
}

// _edge_of(tensor): (node, number), as get_gradient_edge() wants it.
PyObject* edge_of(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    if (!is_tensor(o)) fail<TypeError>("expected a Tensor, got ", Py_TYPE(o)->tp_name);
    return wrap_edge(edge_to(tensor_of(o).get()));
  });
}
PyObject* current_task(PyObject*, PyObject*) { return PyLong_FromLongLong(current_run()); }
PyObject* will_execute(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    if (current_run() < 0) fail("_get_should_execute_nodes should only be called during the backward pass");
    if (PyType_IsSubtype(Py_TYPE(o), &NodeBaseType) && Py_TYPE(o)->tp_dealloc == node_dealloc) {
      NodeObject* self = node_object(o);
      return PyBool_FromLong(self->leaf ? run_will_reach(self->leaf.get())
                                        : run_will_reach(self->node.get()));
    }
    if (Node* n = node_behind(o)) return PyBool_FromLong(run_will_reach(n));
    fail<TypeError>("_will_engine_execute_node expects an grad_fn, but got ", Py_TYPE(o)->tp_name);
  });
}
PyObject* queue_callback(PyObject*, PyObject* f) {
  return guarded([&]() -> PyObject* {
    const std::shared_ptr<PyObject> kept(Py_NewRef(f), [](PyObject* o) { Py_DECREF(o); });
    after_run([kept] { const Owned done(PyObject_CallNoArgs(kept.get())); });
    Py_RETURN_NONE;
  });
}

PyObject* checkpoint_valid(PyObject*, PyObject*) { return PyBool_FromLong(!run_for_inputs()); }

PyMethodDef kFunctions[] = {{"_is_checkpoint_valid", checkpoint_valid, METH_NOARGS, nullptr},
                            {"_edge_of", edge_of, METH_O, nullptr},
                            {"_current_graph_task_id", current_task, METH_NOARGS, nullptr},
                            {"_will_engine_execute_node", will_execute, METH_O, nullptr},
                            {"_queue_callback", queue_callback, METH_O, nullptr},
                            {}};

}  // namespace

PyObject* call_in_batch(PyObject* f, PyObject* arguments) {
  PyObject* result =
      PyObject_CallFunctionObjArgs(imported("facula.autograd._batched", "call"), f, arguments, nullptr);
  if (!result) throw PythonErrorAlreadySet();
  return result;
}

std::string hook_name(PyObject* f) {
  PyObject* name = PyObject_GetAttrString(f, "__name__");
  if (!name) PyErr_Clear();
  const Owned text(name ? name : PyUnicode_FromString("<unknown>"));
  const char* s = PyUnicode_AsUTF8(text.get());
  return s ? s : "";
}
Node* node_of(PyObject* o) {
  return Py_TYPE(o)->tp_dealloc == node_dealloc ? node_object(o)->node.get() : node_behind(o);
}

PyTypeObject NodeBaseType = [] {
  PyTypeObject t = {PyVarObject_HEAD_INIT(nullptr, 0)};
  t.tp_name = "torch._C._NodeBase";
  t.tp_basicsize = sizeof(PyObject);
  t.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE;
  return t;
}();

PyObject* next_functions(const Node* n) {
  const Owned tuple(PyTuple_New(n ? n->edge_count : 0));
  for (int i = 0; n && i < n->edge_count; ++i) PyTuple_SET_ITEM(tuple.get(), i, wrap_edge(n->edges[i]));
  return Py_NewRef(tuple.get());
}
PyObject* add_node_hook(Node& node, PyObject* f, bool pre) { return add_hook(node.hook_list(), f, pre); }

PyObject* wrap_node(Node* node) {
  if (!node) Py_RETURN_NONE;
  if (PyObject* ctx = hand_out_context(node)) return ctx;
  if (node->python) return Py_NewRef(static_cast<PyObject*>(node->python));
  PyObject* o = new_node_object(node->name, node, nullptr);
  node->python = o;
  return o;
}
PyObject* wrap_edge(const Edge& e) {
  const Owned node(e.leaf ? wrap_leaf(e.leaf) : wrap_node(e.node.get()));
  return Py_BuildValue("(Ok)", node.get(), e ? static_cast<unsigned long>(e.output) : 0ul);
}

bool is_edge(PyObject* o) {
  return PyTuple_Check(o) && PyTuple_GET_SIZE(o) >= 2 &&
         PyType_IsSubtype(Py_TYPE(PyTuple_GET_ITEM(o, 0)), &NodeBaseType);
}
Tensor tensor_at_edge(PyObject* node, int64_t output, const Tensor* like) {
  Node* n = node_behind(node);
  if (!n && Py_TYPE(node)->tp_dealloc == node_dealloc) {
    if (node_object(node)->leaf) return node_object(node)->leaf;
    n = node_object(node)->node.get();
  }
  if (!n) fail("the node of this GradientEdge is gone");
  if (output < 0 || output >= n->output_count) fail("GradientEdge: the node has no output ", output);
  Tensor t = like && *like ? alias(**like) : full(Dims(), 0, default_dtype);
  set_grad_fn(*t, Ref<Node>(n), int(output));
  return t;
}

void add_node_types(PyObject* module) {
  if (PyType_Ready(&NodeBaseType) < 0 || PyType_Ready(&HandleType) < 0 ||
      PyModule_AddFunctions(module, kFunctions) < 0)
    throw PythonErrorAlreadySet();
  PyModule_AddObjectRef(module, "_NodeBase", reinterpret_cast<PyObject*>(&NodeBaseType));
}

}  // namespace facula::python
