// Nodes as Python sees them, and their hooks. One Python type per name, made on first sight.
#include "python/nodes.h"
#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>
#include "autograd/parameters.h"
#include "op/pointwise.h"
#include "python/tensor_type.h"

#include <structmember.h>

namespace facula::python {
namespace {

struct Noted {  // of an output of a node, whose tensor was seen: nodes do not keep it
  uint32_t output;
  DType dtype;
  Dims shape;
};
struct NodeObject {
  PyObject_HEAD Ref<Node> node;
  Tensor leaf;  // of AccumulateGrad
  PyObject *metadata, *weakrefs;
  std::vector<Noted> noted;
};
NodeObject* node_object(PyObject* o) { return reinterpret_cast<NodeObject*>(o); }
// One object a leaf, while anybody holds it: AccumulateGrad can be told by identity.
std::unordered_map<TensorImpl*, PyObject*> accumulators;

void node_dealloc(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  NodeObject* self = node_object(o);
  PyObject_GC_UnTrack(o);
  if (self->weakrefs) PyObject_ClearWeakRefs(o);
  if (self->node) self->node->python = nullptr;
  if (self->leaf) accumulators.erase(self->leaf.get());
  Py_XDECREF(self->metadata);
  self->node.~Ref<Node>();
  self->leaf.~Tensor();
  self->noted.~vector();
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

// Whether an edge is one that PyTorch has: masks and indices have none, nor numbers where the entry for
// numbers is one of its own.
bool is_shown(const Node& n, int i) {
  if (n.edges[i].never()) return false;
  const auto* op = static_cast<const PointwiseOp*>(n.parts().pointwise);
  if (!op) return true;
  return !(op->mask && i == 0) && !(op->info->number_node && n.edges[i].constant() >> 48);
}
std::vector<int> shown_edges(const Node& n) {
  std::vector<int> shown;
  for (int i = 0; i < n.edge_count; ++i)
    if (is_shown(n, i)) shown.push_back(i);
  return shown;
}

// Products transpose their operands themselves; where somebody looks, each has a node of its own for it, as
// it has in PyTorch. It takes gradients as the product gives them, which is in the layout of what was
// transposed.
class Transposed final : public Node {
 public:
  Transposed(Edge e, const Node& product) : Node("TBackward0", &edge_, 1), edge_(std::move(e)) {
    sequence = product.sequence;  // runs behind the product, and in front of what is older
  }
  void backward(const Tensor* g, Tensor* grads, bool) override { grads[0] = g[0]; }
  void backward_batch(const Tensor* g, Tensor* grads, bool, int64_t) override { grads[0] = g[0]; }
  void release() override {}
  uint32_t size_class() const override { return kSizeClass<Transposed>; }
  std::vector<Tensor> replay(const Tensor* in) const override {
    if (!in[0]) return {};
    return {in[0]};
  }
  const Edge& edge() const { return edge_; }

 private:
  Edge edge_;
};
void show_transposed(Node& product) {
  if (current_run() >= 0) return;  // which knows the nodes that it will meet
  Parameters parameters;
  product.show(parameters);
  for (const Parameters::Named& p : parameters.all) {
    if (p.name != "-transposed") continue;
    const int64_t which = std::get<int64_t>(p.value);
    for (int i = 0; i < product.edge_count; ++i) {
      Edge& e = product.edges[i];
      if (!(which >> i & 1) || !e || dynamic_cast<Transposed*>(e.node.get())) continue;
      Edge behind = std::exchange(e, Edge());
      e.node =
          Ref<Node>::adopt(new (allocate(kSizeClass<Transposed>)) Transposed(std::move(behind), product));
    }
  }
}

struct PythonNodeHook final : NodeHook {  // a hook on a node sees tuples of gradients
  PyObject* function;
  bool pre;
  uint64_t removed_at = 0;  // on the clock of HookPass
  std::vector<int> shown;   // which gradients it sees; empty: all
  PythonNodeHook(PyObject* f, bool before) : function(Py_NewRef(f)), pre(before) {}
  ~PythonNodeHook() override { Py_XDECREF(function); }
  void call(Tensor* inputs, int input_count, const Tensor* outputs, int output_count) override {
    if (!function || (removed_at && removed_at < HookPass::current)) return;
    if (shown.empty()) return call_with(inputs, input_count, outputs, output_count);
    std::vector<Tensor> some;
    for (const int i : shown) some.push_back(inputs[i]);
    call_with(some.data(), int(some.size()), outputs, output_count);
    for (size_t k = 0; k < some.size(); ++k) inputs[shown[k]] = std::move(some[k]);
  }
  void call_with(Tensor* inputs, int input_count, const Tensor* outputs, int output_count) {
    const Owned keep(Py_NewRef(function));
    const Owned in(tuple_of({inputs, inputs + input_count}));
    const Owned out(pre ? Py_NewRef(Py_None) : tuple_of({outputs, outputs + output_count}));
    const Owned arguments(pre ? PyTuple_Pack(1, in.get()) : PyTuple_Pack(2, in.get(), out.get()));
    const Owned result(batch_of_run() ? call_in_batch(keep.get(), arguments.get())
                                      : PyObject_Call(keep.get(), arguments.get(), nullptr));
    PyObject* r = result.get();
    if (r == Py_None) return;
    if (!PyTuple_Check(r))
      fail<TypeError>("expected tuple, but hook returned '", type_name(r),
                      "'\nSuggestion: return (gradient,), with one gradient or None for each of ",
                      input_count, ".");
    if (PyTuple_GET_SIZE(r) != input_count)
      fail("hook '", hook_name(keep.get()), "' has returned an incorrect number of values (got ",
           int64_t(PyTuple_GET_SIZE(r)), ", but expected ", input_count, ")");
    for (int i = 0; i < input_count; ++i) {
      PyObject* o = PyTuple_GET_ITEM(r, i);
      if (o == Py_None) {
        inputs[i] = nullptr;
        continue;
      }
      if (!inputs[i]) fail("can't replace a None gradient with a non-None value");
      if (!is_tensor(o)) fail<TypeError>("expected Variable, but hook returned '", Py_TYPE(o)->tp_name, "'");
      if (tensor_of(o)->dtype != inputs[i]->dtype)
        fail("hook '", hook_name(keep.get()), "' has changed the type of value (was torch.",
             c_name(inputs[i]->dtype), "Tensor got torch.", c_name(tensor_of(o)->dtype), "Tensor)");
      if (!tensor_of(o)->same_shape(*inputs[i]))
        fail("hook '", hook_name(keep.get()), "' has changed the size of value");
      inputs[i] = tensor_of(o);
    }
  }
};

// The collector follows a hook from its node where nobody else has it.
int traverse_hooks(const Hooks& hooks, visitproc visit, void* arg) {
  for (const Hooks::OnOutput& h : hooks.on_output)
    if (h.hook.use_count() == 1) Py_VISIT(python_hook_target(*h.hook));
  for (const auto* list : {&hooks.pre, &hooks.post})
    for (const auto& h : *list) {
      if (h.use_count() != 1) continue;
      if (const auto* hook = dynamic_cast<const PythonNodeHook*>(h.get())) Py_VISIT(hook->function);
      const auto* notes = dynamic_cast<const Notes*>(h.get());
      if (notes && notes->metadata.use_count() == 1) Py_VISIT(static_cast<PyObject*>(notes->metadata.get()));
    }
  return 0;
}

struct HandleObject {  // the node has the hook
  PyObject_HEAD std::weak_ptr<PythonNodeHook> hook;
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
PyTypeObject HandleType = [] {
  PyTypeObject t = {PyVarObject_HEAD_INIT(nullptr, 0)};
  t.tp_name = "torch.utils.hooks.RemovableHandle";
  t.tp_basicsize = sizeof(HandleObject);
  t.tp_flags = Py_TPFLAGS_DEFAULT;
  t.tp_methods = handle_methods;
  t.tp_dealloc = [](PyObject* o) {
    reinterpret_cast<HandleObject*>(o)->hook.~weak_ptr();
    PyObject_Free(o);
  };
  return t;
}();

template <class Lists> PyObject* add_hook(Lists& hooks, PyObject* f, bool pre, const Node* node = nullptr) {
  auto hook = std::make_shared<PythonNodeHook>(f, pre);
  if (node && !pre) {
    hook->shown = shown_edges(*node);
    if (hook->shown.size() == node->edge_count) hook->shown.clear();
  }
  auto& list = pre ? hooks.pre : hooks.post;
  std::erase_if(list, [](const auto& h) {  // those whose handles were removed
    const auto* python = dynamic_cast<const PythonNodeHook*>(h.get());
    return python && (!python->function || python->removed_at);
  });
  list.push_back(hook);
  auto* h = PyObject_New(HandleObject, &HandleType);
  if (!h) throw PythonErrorAlreadySet();
  new (&h->hook) std::weak_ptr<PythonNodeHook>(hook);
  return reinterpret_cast<PyObject*>(h);
}
PyObject* hook_of_object(PyObject* o, PyObject* f, bool pre) {
  return guarded([&]() -> PyObject* {
    NodeObject* self = node_object(o);
    if (self->node) return add_hook(self->node->hook_list(), f, pre, self->node.get());
    return add_hook(make_accumulate_hooks(*self->leaf), f, pre);
  });
}
PyObject* node_register_hook(PyObject* o, PyObject* f) { return hook_of_object(o, f, false); }
PyObject* node_register_prehook(PyObject* o, PyObject* f) { return hook_of_object(o, f, true); }

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
  return saved_called(n, text + 7, raw);
}
PyObject* node_dir(PyObject* o, PyObject*) {
  return guarded([&]() -> PyObject* {
    const Owned names(
        PyObject_CallMethod(reinterpret_cast<PyObject*>(&PyBaseObject_Type), "__dir__", "O", o));
    const Owned list(PySequence_List(names.get()));
    if (const Node* n = node_object(o)->node.get())
      for (const std::string& name : saved_attributes(*n))
        PyList_Append(list.get(), Owned(PyUnicode_FromString(name.c_str())).get());
    return Py_NewRef(list.get());
  });
}

// (tensor, name): the last of several nodes that stand for one of PyTorch's goes by its name.
PyObject* name_history(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    static std::unordered_set<std::string> names;  // nodes keep the address
    PyObject* tensor;
    const char* name;
    if (!PyArg_ParseTuple(args, "Os", &tensor, &name)) throw PythonErrorAlreadySet();
    if (Node* n = is_tensor(tensor) ? tensor_of(tensor)->grad_fn : nullptr)
      n->name = names.emplace(name).first->c_str();
    return Py_NewRef(tensor);
  });
}
// A gradient for an output, of the type that it has. Kernels trust the shape.
Tensor checked_gradient(NodeObject* self, uint32_t output, const Tensor& g) {
  for (const Noted& n : self->noted) {
    if (n.output != output) continue;
    if (g->shape() != n.shape)
      fail("Mismatch in shape: grad_output[", output, "] has a shape of torch.Size(", to_string(g->shape()),
           ") and output[", output, "] has a shape of torch.Size(", to_string(n.shape), ").");
    if (is_complex(g->dtype) != is_complex(n.dtype) || g->is_meta())
      fail("Function ", self->node->name, " takes a gradient of dtype torch.", name(n.dtype), ", not torch.",
           name(g->dtype), g->is_meta() ? " on the device meta" : "");
    return g->dtype == n.dtype ? g : to_dtype(g, n.dtype);
  }
  fail<NotImplemented>("a node whose tensor is not known (output ", output, " of ", self->node->name,
                       ") cannot be called\nSuggestion: take the node from its tensor, t.grad_fn, not from "
                       "next_functions.");
}

// node(*gradients): what its backward gives, without hooks. The last outputs may be missing: PyTorch does not
// count indices.
PyObject* node_call(PyObject* o, PyObject* args, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    NodeObject* self = node_object(o);
    const Py_ssize_t expected = self->node ? self->node->output_count : 1, given = PyTuple_GET_SIZE(args);
    if (given > expected || given == 0)
      fail<TypeError>("expected ", int64_t(expected), " arguments, got ", int64_t(given), " instead");
    std::vector<Tensor> g(static_cast<size_t>(expected));
    bool none = true;
    for (Py_ssize_t i = 0; i < given; ++i) {
      PyObject* a = PyTuple_GET_ITEM(args, i);
      if (a == Py_None) continue;
      if (!is_tensor(a)) fail<TypeError>("argument ", int64_t(i), " is not a Variable");
      g[size_t(i)] = self->node ? checked_gradient(self, uint32_t(i), tensor_of(a)) : tensor_of(a);
      none = false;
    }
    if (keywords && PyDict_GET_SIZE(keywords)) fail<TypeError>("keyword arguments are not supported");
    if (!self->node) {
      if (!none) run_backward(&self->leaf, g.data(), 1, {});
      return PyTuple_New(0);
    }
    Node& n = *self->node;
    const Ref<Node> alive(&n);
    std::vector<Tensor> grads(n.edge_count);
    const bool recorded = recording();
    if (!none) {
      const GradMode on(true);
      const NodeParts parts = n.parts();
      const Unpacked whole(const_cast<Saved*>(parts.saved), parts.released ? 0 : parts.saved_count, &n);
      n.backward(g.data(), grads.data(), true);
    }
    std::vector<Tensor> shown;
    for (const int i : shown_edges(n))
      shown.push_back(grads[size_t(i)] && !recorded ? alias(*grads[size_t(i)]) : grads[size_t(i)]);
    if (shown.size() != 1) return tuple_of(shown);
    return shown[0] ? wrap(shown[0]) : Py_NewRef(Py_None);
  });
}
int node_traverse(PyObject* o, visitproc visit, void* arg) {
  NodeObject* self = node_object(o);
  Py_VISIT(Py_TYPE(o));
  Py_VISIT(self->metadata);
  return visit_hooks(self->node.get(), visit, arg);
}
int node_clear(PyObject* o) {
  NodeObject* self = node_object(o);
  Py_CLEAR(self->metadata);
  clear_hooks(self->node.get());
  return 0;
}
void node_free(void* o) { PyObject_GC_Del(o); }
PyObject* node_requires_grad(PyObject*, void*) { Py_RETURN_TRUE; }
PyMethodDef node_methods[] = {{"name", node_name, METH_NOARGS, "The name of the operation's derivative."},
                              {"__dir__", node_dir, METH_NOARGS, nullptr},
                              {"_sequence_nr", node_sequence, METH_NOARGS, nullptr},
                              {"register_hook", node_register_hook, METH_O,
                               "Calls a function with the gradients of inputs and outputs."},
                              {"register_prehook", node_register_prehook, METH_O,
                               "Calls a function with the gradients of outputs, before."},
                              {}};
PyGetSetDef node_getset[] = {{"requires_grad", node_requires_grad, nullptr, nullptr, nullptr},
                             {"next_functions", node_next, nullptr, nullptr, nullptr},
                             {"metadata", node_metadata, nullptr, nullptr, nullptr},
                             {}};
PyGetSetDef accumulate_getset[] = {{"requires_grad", node_requires_grad, nullptr, nullptr, nullptr},
                                   {"next_functions", node_next, nullptr, nullptr, nullptr},
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
                           {Py_tp_traverse, reinterpret_cast<void*>(node_traverse)},
                           {Py_tp_clear, reinterpret_cast<void*>(node_clear)},
                           {Py_tp_free, reinterpret_cast<void*>(node_free)},
                           {Py_tp_call, reinterpret_cast<void*>(node_call)},
                           {Py_tp_getattro, reinterpret_cast<void*>(node_getattr)},
                           {Py_tp_methods, node_methods},
                           {Py_tp_members, node_members},
                           {Py_tp_getset, accumulate ? accumulate_getset : node_getset},
                           {}};
    auto* kept = new std::string("builtins." + std::string(name));  // the type points to it
    PyType_Spec spec = {kept->c_str(), sizeof(NodeObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
    type = reinterpret_cast<PyTypeObject*>(
        PyType_FromSpecWithBases(&spec, reinterpret_cast<PyObject*>(&NodeBaseType)));
    if (!type) throw PythonErrorAlreadySet();
    type->tp_name = kept->c_str() + std::strlen("builtins.");  // as errors name it
  }
  return type;
}
PyObject* new_node_object(const char* name, Node* node, const Tensor& leaf) {
  auto* o = PyObject_GC_New(NodeObject, node_type(name, bool(leaf)));
  if (!o) throw PythonErrorAlreadySet();
  new (&o->node) Ref<Node>(node);
  new (&o->leaf) Tensor(leaf);
  new (&o->noted) std::vector<Noted>;
  o->metadata = o->weakrefs = nullptr;
  PyObject_GC_Track(o);
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
    const Owned noted(wrap_history(*tensor_of(o)));
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
                            {"_name_history", name_history, METH_VARARGS, nullptr},
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

const Edge& seen_through(const Edge& e) {
  const auto* shown = dynamic_cast<const Transposed*>(e.node.get());
  return shown ? shown->edge() : e;
}
PyObject* next_functions(Node* n) {
  if (n) show_transposed(*n);
  const std::vector<int> shown = n ? shown_edges(*n) : std::vector<int>();
  const Owned tuple(PyTuple_New(Py_ssize_t(shown.size())));
  for (size_t k = 0; k < shown.size(); ++k)
    PyTuple_SET_ITEM(tuple.get(), Py_ssize_t(k), wrap_edge(n->edges[shown[k]]));
  return Py_NewRef(tuple.get());
}
int visit_hooks(const Node* n, visitproc visit, void* arg) {
  return n && n->refcount == 1 && n->hooks ? traverse_hooks(*n->hooks, visit, arg) : 0;
}
void clear_hooks(Node* n) {
  if (n && n->refcount == 1 && n->hooks) delete std::exchange(n->hooks, nullptr);
}
PyObject* add_node_hook(Node& node, PyObject* f, bool pre) {
  return add_hook(node.hook_list(), f, pre, &node);
}

PyObject* wrap_node(Node* node) {
  if (!node) Py_RETURN_NONE;
  if (PyObject* ctx = hand_out_context(node)) return ctx;
  if (node->python) return Py_NewRef(static_cast<PyObject*>(node->python));
  PyObject* o = new_node_object(node->name, node, nullptr);
  node->python = o;
  return o;
}
PyObject* wrap_history(TensorImpl& t) {
  PyObject* o = wrap_node(grad_fn(&t));
  if (Py_TYPE(o)->tp_dealloc != node_dealloc) return o;  // none, or the ctx of a Function, which knows
  std::vector<Noted>& noted = node_object(o)->noted;
  if (std::ranges::none_of(noted, [&](const Noted& n) { return n.output == t.output_nr; }))
    noted.push_back({t.output_nr, t.dtype, t.shape()});
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
  std::optional<Noted> known;
  if (!n && Py_TYPE(node)->tp_dealloc == node_dealloc) {
    if (node_object(node)->leaf) return node_object(node)->leaf;
    n = node_object(node)->node.get();
    for (const Noted& seen : node_object(node)->noted)
      if (seen.output == output) known = seen;
  } else if (n) {
    if (const Dims* shape = shape_of_output(n, output, &known.emplace().dtype)) known->shape = *shape;
    else known.reset();
  }
  if (!n) fail("the node of this GradientEdge is gone");
  if (output < 0 || output >= n->output_count) fail("GradientEdge: the node has no output ", output);
  if (like && !known)  // kernels trust the shape
    fail<NotImplemented>("the shape of the gradient at output ", output, " of ", n->name,
                         " is not known\nSuggestion: take the edge from its tensor, "
                         "torch.autograd.graph.get_gradient_edge(t).");
  const Tensor one = full(Dims(), 0, known ? known->dtype : default_dtype);
  Tensor t = known ? as_strided(one, known->shape, Dims::filled(known->shape.count, 0), 0) : one;
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
