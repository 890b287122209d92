// torch.autograd.Function: a node whose derivative is written in Python. facula/autograd/function.py is the
// other half.
//
// The node and its Python object, the ctx, are one thing to the user (`y.grad_fn` is the ctx), and either may
// outlive what refers to the other. While Python holds the ctx, the ctx owns the node; else the node owns the
// ctx. They change places where Python asks for the ctx, and where it lets go of it.
#include "autograd/batch.h"
#include "ops/functions.h"
#include "python/nodes.h"
#include "python/override.h"
#include "python/tensor_type.h"

#include <structmember.h>

namespace facula::python {
namespace {

class FunctionNode;
struct Context {
  PyObject_HEAD Ref<Node> owned;  // while Python holds the ctx
  FunctionNode* node;             // null before the call is recorded, or where it is not
  PyObject *to_save, *for_forward, *dirty, *constant, *needs, *metadata, *dict, *weakrefs;
  bool saved_once;                         // saved tensors are given out once
  bool materialize, materialize_constant;  // the latter: of outputs marked as without gradients, too
};
Context* context(PyObject* o) { return reinterpret_cast<Context*>(o); }

struct Meta {
  DType dtype{};
  Dims shape;
  Device device;
  bool known = false, constant = false;
  void note(const TensorImpl& t) {
    dtype = t.dtype;
    shape = t.shape();
    device = t.device;
    known = true;
  }
};

class FunctionNode final : public Node {
 public:
  FunctionNode(PyObject* ctx, size_t inputs, size_t outputs)
      : Node("", nullptr, uint32_t(inputs), uint32_t(outputs)),
        text_(Py_TYPE(ctx)->tp_name),
        storage_(inputs),
        inputs_(inputs),
        outputs_(outputs) {
    if (const size_t dot = text_.rfind('.'); dot != text_.npos) text_.erase(0, dot + 1);
    name = text_.c_str();
    edges = storage_.data();
    python = ctx;
  }
  ~FunctionNode() override {
    if (!owns_) return;
    auto* ctx = static_cast<PyObject*>(python);
    context(ctx)->node = nullptr;
    Py_DECREF(ctx);
  }
  uint32_t size_class() const override { return kSizeClass<FunctionNode>; }

  void note_input(size_t i, const TensorImpl& t) { inputs_[i].note(t); }
  void note_output(size_t i, const TensorImpl& t) { outputs_[i].note(t); }
  void mark_constant(size_t i) { outputs_[i].constant = true; }
  const Dims* shape_of(int64_t output, DType* dtype) const {
    if (output < 0 || size_t(output) >= outputs_.size() || !outputs_[size_t(output)].known) return nullptr;
    *dtype = outputs_[size_t(output)].dtype;
    return &outputs_[size_t(output)].shape;
  }
  void save(PyObject* tensors, const std::vector<Tensor>& outputs) {
    if (tensors && tensors != Py_None && !PyTuple_Check(tensors))
      fail<TypeError>("saved tensors must be a tuple, not ", Py_TYPE(tensors)->tp_name);
    const Py_ssize_t n = tensors && tensors != Py_None ? PyTuple_GET_SIZE(tensors) : 0;
    for (Py_ssize_t k = 0; k < n; ++k) {
      PyObject* o = PyTuple_GET_ITEM(tensors, k);
      Saved& s = saved_.emplace_back();
      if (o == Py_None) continue;
      if (!is_tensor(o))
        fail<TypeError>("save_for_backward can only save variables, but argument ", int64_t(k),
                        " is of type ", Py_TYPE(o)->tp_name);
      const Tensor& t = tensor_of(o);
      int output = -1;
      for (size_t i = 0; i < outputs.size(); ++i)
        if (outputs[i] && outputs[i].get() == t.get() && t->grad_fn == this) output = int(i);
      if (output >= 0) s.keep_output(t, output);
      else s.keep_input(t);
    }
  }
  PyObject* unpack() {
    if (released_) fail_released(this);
    std::vector<Tensor> kept;
    for (const Saved& s : saved_) kept.push_back(facula::unpack(s, this));
    return tuple_of(kept);
  }

  PyObject* unpack_once() {
    if (taken_)
      fail(
          "saved_tensors can only be accessed once when clear_saved_tensors_on_access=True is set on the "
          "autograd.Function. Either access saved_tensors only once, or set "
          "clear_saved_tensors_on_access=False.");
    PyObject* all = unpack();
    saved_.clear();
    taken_ = true;
    return all;
  }

  Saved* saved_at(size_t i) { return i < saved_.size() ? &saved_[i] : nullptr; }
  size_t saved_count() const { return saved_.size(); }
  bool released() const { return released_; }

  bool single = false;  // one output has gradients

  // A new reference; the ctx then owns the node.
  PyObject* hand_out() {
    auto* ctx = static_cast<PyObject*>(python);
    if (!std::exchange(owns_, false)) return Py_NewRef(ctx);
    context(ctx)->owned = Ref<Node>(this);
    return ctx;
  }
  void take_back() { owns_ = true; }

  void backward(const Tensor* g, Tensor* grads, bool) override { run(g, grads, 0); }
  // As under vmap, which is what PyTorch does.
  void backward_batch(const Tensor* g, Tensor* grads, bool, int64_t n) override { run(g, grads, n); }
  void run(const Tensor* g, Tensor* grads, int64_t batch) {
    const Owned ctx(hand_out());
    const bool materialize = context(ctx.get())->materialize,
               materialize_constant = context(ctx.get())->materialize_constant;
    const Owned arguments(PyTuple_New(output_count));
    for (int i = 0; i < output_count; ++i) {
      Tensor t = g[i];
      const Meta& m = outputs_[size_t(i)];
      if (!t && materialize && m.known && (materialize_constant || !m.constant))
        t = zeros(batch ? with_batch(m.shape, batch) : m.shape, m.dtype, m.device);
      PyTuple_SET_ITEM(arguments.get(), i, t ? wrap(t) : Py_NewRef(Py_None));
    }
    const Owned apply(PyObject_GetAttrString(ctx.get(), "apply"));
    const Owned result(batch ? call_in_batch(apply.get(), arguments.get())
                             : PyObject_CallObject(apply.get(), arguments.get()));
    take(result.get(), grads, batch);
  }
  void release() override {
    if (saved_.empty()) return;
    saved_.clear();
    released_ = true;
  }

 private:
  void take(PyObject* result, Tensor* grads, int64_t batch) {
    const bool many = PyTuple_Check(result);
    Py_ssize_t n = many ? PyTuple_GET_SIZE(result) : 1;
    auto at = [&](Py_ssize_t i) { return many ? PyTuple_GET_ITEM(result, i) : result; };
    const Py_ssize_t given = n;
    while (n > edge_count && at(n - 1) == Py_None) --n;  // trailing Nones may be too many
    if (n != edge_count)
      fail("function ", text_, " returned an incorrect number of gradients (expected ", int(edge_count),
           ", got ", int64_t(given), ")");
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* o = at(i);
      const Meta& m = inputs_[size_t(i)];
      grads[i] = nullptr;
      if (o == Py_None) continue;
      if (!m.known)
        fail("function ", text_, " returned a gradient different than None at position ", int64_t(i + 1),
             ", but the corresponding forward input was not a Variable");
      if (!is_tensor(o)) fail("expected Variable or None (got ", Py_TYPE(o)->tp_name, ")");
      if (!edges[i]) continue;
      Meta wanted = m;
      if (batch) wanted.shape = with_batch(m.shape, batch);
      grads[i] = fitting(tensor_of(o), wanted, int(i));
    }
  }
  Tensor fitting(Tensor g, const Meta& m, int i) const {
    if (g->shape() != m.shape) {
      bool expanded = g->ndim >= m.shape.count;  // m.shape stretched: the gradient is summed
      for (int d = 0; expanded && d < m.shape.count; ++d) {
        const int64_t size = g->sizes[g->ndim - m.shape.count + d];
        expanded = m.shape[d] == size || m.shape[d] == 1;
      }
      if (!expanded)
        fail("Function ", text_, " returned an invalid gradient at index ", i, " - got ",
             to_string(g->shape()), " but expected shape compatible with ", to_string(m.shape));
      g = sum_to(g, m.shape);
    }
    if (g->is_meta() && is_sparse(*g)) return edges[i].node && !is_function(*edges[i].node) ? dense_of(g) : g;
    if (!(g->device == m.device))
      fail("Function ", text_, " returned an invalid gradient at index ", i, " - expected device ",
           to_string(m.device), " but got ", to_string(g->device));
    if (is_complex(g->dtype) && !is_complex(m.dtype))
      fail(
          "Expected isFloatingType(grad.scalar_type()) || (input_is_complex == grad_is_complex) to be true, "
          "but got false.\nFunction ",
          text_, " returned a complex gradient at index ", i,
          " for a real input.\nSuggestion: return its real part.");
    return g->dtype == m.dtype ? g : to_dtype(g, m.dtype);
  }

  std::string text_;
  std::vector<Edge> storage_;
  std::vector<Meta> inputs_, outputs_;
  std::vector<Saved> saved_;
  bool owns_ = false, released_ = false, taken_ = false;
};

// --- the ctx ---

void context_drop(Context* c) {
  Py_CLEAR(c->to_save);
  Py_CLEAR(c->for_forward);
  Py_CLEAR(c->dirty);
  Py_CLEAR(c->constant);
}
PyObject* context_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* o = type->tp_alloc(type, 0);
  if (!o) return nullptr;
  new (&context(o)->owned) Ref<Node>;
  context(o)->materialize = context(o)->materialize_constant = true;
  return o;
}
// Set on every class of contexts: Python's own would clear the dictionary before anybody could object.
void context_dealloc(PyObject* o) {
  Context* c = context(o);
  PyTypeObject* type = Py_TYPE(o);
  if (c->owned && c->owned->refcount > 1) {  // the graph goes on: the node keeps the ctx
    Py_SET_REFCNT(o, 1);
    c->node->take_back();
    c->owned = nullptr;
    return;
  }
  PyObject_GC_UnTrack(o);
  if (c->weakrefs) PyObject_ClearWeakRefs(o);
  const Ref<Node> node = std::move(c->owned);  // goes last
  if (c->node) c->node->python = nullptr;
  c->owned.~Ref<Node>();
  context_drop(c);
  Py_CLEAR(c->needs);
  Py_CLEAR(c->metadata);
  Py_CLEAR(c->dict);
  type->tp_free(o);
  Py_DECREF(type);
}
int context_traverse(PyObject* o, visitproc visit, void* arg) {
  Context* c = context(o);
  Py_VISIT(Py_TYPE(o));
  Py_VISIT(c->to_save);
  Py_VISIT(c->for_forward);
  Py_VISIT(c->dirty);
  Py_VISIT(c->constant);
  Py_VISIT(c->needs);
  Py_VISIT(c->metadata);
  Py_VISIT(c->dict);
  return visit_hooks(c->owned.get(), visit, arg);
}
int context_clear(PyObject* o) {
  context_drop(context(o));
  Py_CLEAR(context(o)->dict);
  clear_hooks(context(o)->owned.get());
  return 0;
}
FunctionNode* need_node(PyObject* o, const char* attribute) {
  if (!context(o)->node)
    fail("Attribute '", attribute,
         "' is invalid for this instance of _C._FunctionBase. Accessing this attribute directly on an "
         "instance of autograd.Function is a legacy access pattern that is no longer supported. For examples "
         "on how to use new-style autograd functions, see "
         "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function ");
  return context(o)->node;
}
PyObject* context_saved(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    Context* c = context(o);
    if (c->for_forward && PyTuple_Check(c->for_forward)) return Py_NewRef(c->for_forward);
    if (c->node && c->saved_once) return c->node->unpack_once();
    if (c->node) return c->node->unpack();
    return PyTuple_New(0);
  });
}
PyObject* context_name(PyObject* o, PyObject*) {
  return PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(o)), "__name__");
}
PyObject* context_next(PyObject* o, void*) {
  return guarded([&] { return next_functions(need_node(o, "next_functions")); });
}
PyObject* context_metadata(PyObject* o, void*) {
  if (!context(o)->metadata) context(o)->metadata = PyDict_New();
  return Py_XNewRef(context(o)->metadata);
}
PyObject* context_sequence(PyObject* o, PyObject*) {
  return guarded([&] { return PyLong_FromUnsignedLongLong(need_node(o, "_sequence_nr")->sequence); });
}
PyObject* context_hook(PyObject* o, PyObject* f) {
  return guarded([&] { return add_node_hook(*need_node(o, "register_hook"), f, false); });
}
PyObject* context_prehook(PyObject* o, PyObject* f) {
  return guarded([&] { return add_node_hook(*need_node(o, "register_prehook"), f, true); });
}
PyObject* context_requires_grad(PyObject* o, void*) { return PyBool_FromLong(context(o)->node != nullptr); }
PyObject* get_materialize(PyObject* o, void*) { return PyBool_FromLong(context(o)->materialize); }
int set_materialize(PyObject* o, PyObject* value, void*) {
  context(o)->materialize = value && PyObject_IsTrue(value) == 1;
  return 0;
}

PyObject* get_saved_once(PyObject* o, void*) { return PyBool_FromLong(context(o)->saved_once); }
int set_saved_once(PyObject* o, PyObject* value, void*) {
  context(o)->saved_once = value == Py_True;
  return 0;
}
PyObject* get_materialize_constant(PyObject* o, void*) {
  return PyBool_FromLong(context(o)->materialize_constant);
}
int set_materialize_constant(PyObject* o, PyObject* value, void*) {
  context(o)->materialize_constant = value && PyObject_IsTrue(value) == 1;
  return 0;
}
PyObject* context_variables(PyObject* o, void*) {
  if (PyErr_WarnEx(PyExc_DeprecationWarning, "'saved_variables' is deprecated; use 'saved_tensors'", 0) < 0)
    return nullptr;
  return context_saved(o, nullptr);
}

PyObject* context_raw_saved(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    FunctionNode* n = need_node(o, "_raw_saved_tensors");
    if (n->released()) fail_released(n);
    const Owned all(PyTuple_New(Py_ssize_t(n->saved_count())));
    for (size_t i = 0; i < n->saved_count(); ++i)
      PyTuple_SET_ITEM(all.get(), Py_ssize_t(i), new_saved_tensor(n, i));
    return Py_NewRef(all.get());
  });
}

PyMemberDef context_members[] = {
    {"to_save", T_OBJECT, offsetof(Context, to_save), 0, nullptr},
    {"saved_for_forward", T_OBJECT, offsetof(Context, for_forward), 0, nullptr},
    {"dirty_tensors", T_OBJECT, offsetof(Context, dirty), 0, nullptr},
    {"non_differentiable", T_OBJECT, offsetof(Context, constant), 0, nullptr},
    {"needs_input_grad", T_OBJECT, offsetof(Context, needs), 0, "Which arguments need a gradient."},
    {}};
PyGetSetDef context_attributes[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {"saved_tensors", context_saved, nullptr, "The tensors given to save_for_backward().", nullptr},
    {"saved_variables", context_variables, nullptr, nullptr, nullptr},
    {"_raw_saved_tensors", context_raw_saved, nullptr, nullptr, nullptr},
    {"next_functions", context_next, nullptr, nullptr, nullptr},
    {"metadata", context_metadata, nullptr, nullptr, nullptr},
    {"requires_grad", context_requires_grad, nullptr, nullptr, nullptr},
    {"materialize_grads", nullptr, set_materialize, nullptr, nullptr},
    {"_materialize_grads", get_materialize, nullptr, nullptr, nullptr},
    {"_saved_once", get_saved_once, set_saved_once, nullptr, nullptr},
    {"_materialize_non_diff_grads", get_materialize_constant, set_materialize_constant, nullptr, nullptr},
    {}};
// Every class of contexts, whoever makes it.
PyObject* context_subclass(PyObject* type, PyObject*, PyObject*) {
  reinterpret_cast<PyTypeObject*>(type)->tp_dealloc = context_dealloc;
  Py_RETURN_NONE;
}
PyMethodDef context_methods[] = {
    {"__init_subclass__", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(context_subclass)),
     METH_CLASS | METH_VARARGS | METH_KEYWORDS, nullptr},

    {"name", context_name, METH_NOARGS, "The name of the node."},
    {"_sequence_nr", context_sequence, METH_NOARGS, nullptr},
    {"register_hook", context_hook, METH_O, "Calls a function with the gradients of inputs and outputs."},
    {"register_prehook", context_prehook, METH_O, "Calls a function with the gradients of outputs, before."},
    {}};
PyTypeObject ContextType = [] {
  PyTypeObject t = {PyVarObject_HEAD_INIT(nullptr, 0)};
  t.tp_name = "torch._C._FunctionBase";
  t.tp_basicsize = sizeof(Context);
  t.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC;
  t.tp_new = context_new;
  t.tp_dealloc = context_dealloc;
  t.tp_traverse = context_traverse;
  t.tp_clear = context_clear;
  t.tp_dictoffset = offsetof(Context, dict);
  t.tp_weaklistoffset = offsetof(Context, weakrefs);
  t.tp_members = context_members;
  t.tp_getset = context_attributes;
  t.tp_methods = context_methods;
  return t;
}();

// --- recording ---

std::vector<Tensor> tensors_or_null(PyObject* tuple) {
  std::vector<Tensor> out;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    PyObject* o = PyTuple_GET_ITEM(tuple, i);
    out.push_back(is_tensor(o) ? tensor_of(o) : Tensor());
  }
  return out;
}
std::vector<Tensor> marked(PyObject* o, const char* what) {
  if (!o || o == Py_None) return {};
  if (!PyTuple_Check(o)) fail<TypeError>(what, " must be a tuple");
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i)
    if (!is_tensor(PyTuple_GET_ITEM(o, i)))
      fail(what,
           std::string_view(what) == "mark_dirty" ? " can only accept variables, but argument "
                                                  : " only accepts variable arguments, but got ",
           int64_t(i), " is of type ", Py_TYPE(PyTuple_GET_ITEM(o, i))->tp_name);
  return tensors_or_null(o);
}
bool among(const std::vector<Tensor>& list, const Tensor& t) {
  for (const Tensor& other : list)
    if (other && other.get() == t.get()) return true;
  return false;
}
// t again, on the same memory: a view of it. A class of the user's makes it itself.
Tensor alias_view(TensorImpl& t, PyObject* object, std::vector<Owned>& kept) {
  if (overridden(object)) {
    const GradMode off(false);
    kept.emplace_back(PyObject_CallMethod(object, "view_as", "O", object));
    if (is_tensor(kept.back().get())) return tensor_of(kept.back().get());
  }
  Tensor out = alias(t);
  mark_view(*out, t);
  return out;
}
// _attach_function(ctx, inputs, outputs, recorded): gives `outputs` their history and returns them. An input
// that is returned as it is becomes a view of itself.
PyObject* attach(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    if (count != 4 || !PyType_IsSubtype(Py_TYPE(args[0]), &ContextType) || !PyTuple_Check(args[1]) ||
        !PyTuple_Check(args[2]))
      fail<TypeError>("_attach_function takes a context, two tuples and a bool");
    Context* c = context(args[0]);
    const bool recorded = args[3] == Py_True;
    const std::vector<Tensor> inputs = tensors_or_null(args[1]), dirty = marked(c->dirty, "mark_dirty"),
                              constant = marked(c->constant, "mark_non_differentiable");
    std::vector<Tensor> outputs = tensors_or_null(args[2]);
    for (const Tensor& t : dirty)
      if (!among(outputs, t))
        fail(
            "Some elements marked as dirty during the forward method were not returned as output. The inputs "
            "that are modified inplace must all be outputs of the Function.");
    static bool warned = false;
    for (const Tensor& t : dirty)
      if (!among(inputs, t) && !std::exchange(warned, true))
        warn(
            "ctx.mark_dirty() received a tensor that was not an input. Only input Tensors that have been "
            "mutated should be passed to ctx.mark_dirty().");
    Ref<Node> node;
    FunctionNode* n = nullptr;
    if (recorded) {
      n = new (allocate(kSizeClass<FunctionNode>)) FunctionNode(args[0], inputs.size(), outputs.size());
      node = Ref<Node>::adopt(n);
      for (size_t i = 0; i < inputs.size(); ++i) {
        if (!inputs[i]) {
          n->edges[i].remember(nullptr, true);
          continue;
        }
        n->note_input(i, *inputs[i]);
        if (is_floating(inputs[i]->dtype) && requires_grad(*inputs[i]))
          n->edges[i] = edge_to(inputs[i].get());
      }
      c->node = n;
      c->owned = node;
    }
    std::vector<Owned> kept;  // what alias_view() made: as objects they have their class
    int differentiable = 0;
    for (size_t i = 0; i < outputs.size(); ++i) {
      Tensor& t = outputs[i];
      if (!t) continue;
      PyObject* const given = PyTuple_GET_ITEM(args[2], Py_ssize_t(i));
      if (n) n->note_output(i, *t);
      const bool of_input = among(inputs, t), written = among(dirty, t);
      if (n && among(constant, t)) n->mark_constant(i);
      if (!n || !is_floating(t->dtype) || among(constant, t)) {
        if (written && !n) t->bump_version();
        if (of_input && !written) t = requires_grad(*t) ? alias(*t) : alias_view(*t, given, kept);
        else if (requires_grad(*t) && !of_input && t->view == ViewKind::None) set_grad_fn(*t, nullptr);
        continue;
      }
      ++differentiable;
      if (written) {
        if (requires_grad(*t) && !grad_fn(t.get()))
          fail("a leaf Variable that requires grad has been used in an in-place operation.");
        if (t->view != ViewKind::None && outputs.size() > 1)
          fail(
              "If your Function modifies inplace an input that is a view of another Tensor, your Function "
              "cannot return more than one Tensor. This is not supported by the current autograd engine. You "
              "should either make sure the input is not a view (using .clone() for example) or make your "
              "Function only return one Tensor (potentially splitting it into two Functions: one doing the "
              "inplace that returns a single Tensor and a second one that does the other operations). You "
              "can "
              "ask on the forum https://discuss.pytorch.org/ if you need help to do this change.");
        check_inplace(*t, true);
        finish_inplace(*t, node);
        if (t->grad_fn == n) t->output_nr = uint16_t(i);
        continue;
      }
      if (of_input) t = alias_view(*t, given, kept);
      else if (t->grad_fn == n) t->output_nr = uint16_t(i);  // returned twice
      else if (t->grad_fn || t->requires_grad) t = alias(*t);
      set_grad_fn(*t, node, int(i));
      t->seen_version = t->version();  // whatever `forward` wrote is part of this history
    }
    if (n) n->single = differentiable == 1;
    // Views among the outputs may not be written to: that would go around the user's derivative.
    for (const Tensor& t : outputs) {
      if (!t || t->view == ViewKind::None || t->view == ViewKind::Inference || among(dirty, t)) continue;
      if (t->grad_fn && t->grad_fn != n) continue;
      t->view = ViewKind::Multi;
      if (!t->grad_fn) t->output_nr = kOfFunction;
    }
    if (n) n->save(c->to_save, outputs);
    context_drop(c);
    const Owned result(PyTuple_New(PyTuple_GET_SIZE(args[2])));
    for (size_t i = 0; i < outputs.size(); ++i)
      PyTuple_SET_ITEM(result.get(), Py_ssize_t(i),
                       outputs[i] ? wrap(outputs[i]) : Py_NewRef(PyTuple_GET_ITEM(args[2], Py_ssize_t(i))));
    return Py_NewRef(result.get());
  });
}

// For each of a tuple of arguments whether it is a tensor that requires grad. Classes are not asked.
PyObject* needs_grad(PyObject*, PyObject* arguments) {
  return guarded([&]() -> PyObject* {
    const Owned all(PyTuple_New(PyTuple_GET_SIZE(arguments)));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(arguments); ++i) {
      PyObject* o = PyTuple_GET_ITEM(arguments, i);
      PyTuple_SET_ITEM(all.get(), i, PyBool_FromLong(is_tensor(o) && requires_grad(*tensor_of(o))));
    }
    return Py_NewRef(all.get());
  });
}

PyMethodDef kFunctions[] = {
    {"_needs_grad", needs_grad, METH_O, nullptr},
    {"_attach_function", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(attach)), METH_FASTCALL,
     nullptr},
    {}};

}  // namespace

Saved* saved_of_function(Node* node, size_t index, bool* released) {
  auto* n = dynamic_cast<FunctionNode*>(node);
  if (n) *released = n->released();
  return n ? n->saved_at(index) : nullptr;
}

PyObject* hand_out_context(Node* node) {
  auto* n = dynamic_cast<FunctionNode*>(node);
  return n ? n->hand_out() : nullptr;
}

const Dims* shape_of_output(const Node* node, int64_t output, DType* dtype) {
  const auto* n = dynamic_cast<const FunctionNode*>(node);
  return n ? n->shape_of(output, dtype) : nullptr;
}

Node* node_behind(PyObject* ctx) {
  return PyType_IsSubtype(Py_TYPE(ctx), &ContextType) ? context(ctx)->node : nullptr;
}

void add_function_node(PyObject* module) {
  ContextType.tp_base = &NodeBaseType;
  is_function = [](const Node& n) { return dynamic_cast<const FunctionNode*>(&n) != nullptr; };
  is_single_function = [](const Node& n) {
    const auto* f = dynamic_cast<const FunctionNode*>(&n);
    return f && f->single;
  };
  if (PyType_Ready(&ContextType) < 0 || PyModule_AddFunctions(module, kFunctions) < 0)
    throw PythonErrorAlreadySet();
  PyModule_AddObjectRef(module, "_FunctionBase", reinterpret_cast<PyObject*>(&ContextType));
}

}  // namespace facula::python
