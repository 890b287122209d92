// torch.autograd.Function: a node whose derivative is written in Python. facula/autograd/function.py is the
// other half.
#include "ops/functions.h"
#include "python/tensor_type.h"

namespace facula::python {
namespace {

class FunctionNode final : public Node {
 public:
  FunctionNode(PyObject* context, PyObject* backward, std::string text, size_t inputs, size_t outputs)
      : Node("", nullptr, uint32_t(inputs), uint32_t(outputs)),
        context_(Py_NewRef(context)),
        backward_(Py_NewRef(backward)),
        text_(std::move(text)),
        storage_(inputs),
        shapes_(outputs),
        saved_() {
    name = text_.c_str();
    edges = storage_.data();
  }
  ~FunctionNode() override {
    Py_XDECREF(context_);
    Py_XDECREF(backward_);
  }
  uint32_t size_class() const override { return kSizeClass<FunctionNode>; }

  void note_output(size_t i, const TensorImpl& t) { shapes_[i] = {t.dtype, t.shape(), t.device}; }
  void save(const std::vector<Tensor>& tensors, const std::vector<Tensor>& outputs) {
    for (const Tensor& t : tensors) {
      saved_.emplace_back();
      if (!t) continue;
      int output = -1;
      for (size_t i = 0; i < outputs.size(); ++i)
        if (outputs[i].get() == t.get()) output = int(i);
      if (output >= 0) saved_.back().keep_output(t, output);
      else saved_.back().keep_input(t);
    }
  }

  void backward(const Tensor* g, Tensor* grads, bool create_graph) override {
    if (released_) fail_released(this);
    std::vector<Tensor> kept;
    for (const Saved& s : saved_) kept.push_back(s.unpack(this, create_graph));
    const Owned saved(tuple_of(kept));
    const Owned materialize(PyObject_GetAttrString(context_, "materialize_grads"));
    const bool zeros_for_none = PyObject_IsTrue(materialize.get()) == 1;
    std::vector<Tensor> incoming(g, g + output_count);
    for (size_t i = 0; i < incoming.size(); ++i)
      if (!incoming[i] && zeros_for_none && shapes_[i].known)
        incoming[i] = zeros(shapes_[i].shape, shapes_[i].dtype, shapes_[i].device);
    if (PyObject_SetAttrString(context_, "_unpacked", saved.get()) < 0) throw PythonErrorAlreadySet();
    const Owned arguments(tuple_of(incoming));
    const Owned all(PyTuple_Pack(1, context_)), call(PySequence_Concat(all.get(), arguments.get()));
    PyObject* made = PyObject_CallObject(backward_, call.get());
    PyObject_SetAttrString(context_, "_unpacked", Py_None);
    const Owned result(made);
    take(result.get(), grads);
  }
  void release() override {
    if (saved_.empty()) return;
    saved_.clear();
    released_ = true;
  }

 private:
  struct Output {
    DType dtype{};
    Dims shape;
    Device device;
    bool known = false;
    Output() = default;
    Output(DType t, Dims s, Device d) : dtype(t), shape(std::move(s)), device(d), known(true) {}
  };

  void take(PyObject* result, Tensor* grads) {
    const bool many = PyTuple_Check(result) || PyList_Check(result);
    Py_ssize_t n = many ? PySequence_Fast_GET_SIZE(result) : 1;
    auto at = [&](Py_ssize_t i) { return many ? PySequence_Fast_GET_ITEM(result, i) : result; };
    while (n > edge_count && at(n - 1) == Py_None) --n;  // trailing Nones may be too many
    if (n != edge_count)
      fail("function ", text_, " returned an incorrect number of gradients (expected ", int(edge_count),
           ", got ", int64_t(n), ")");
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* o = at(i);
      grads[i] = nullptr;
      if (o == Py_None) continue;
      if (!is_tensor(o))
        fail<TypeError>("function ", text_, " returned a gradient of type ", Py_TYPE(o)->tp_name,
                        " at position ", int64_t(i + 1), ", but expected a Tensor or None");
      if (!edges[i]) continue;
      grads[i] = tensor_of(o);
    }
  }

  PyObject *context_, *backward_;
  std::string text_;
  std::vector<Edge> storage_;
  std::vector<Output> shapes_;
  std::vector<Saved> saved_;
  bool released_ = false;
};

std::vector<Tensor> tensors_or_null(PyObject* tuple) {
  std::vector<Tensor> out;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    PyObject* o = PyTuple_GET_ITEM(tuple, i);
    out.push_back(is_tensor(o) ? tensor_of(o) : Tensor());
  }
  return out;
}

// _attach_function(context, backward, name, inputs, outputs, saved, dirty, constant): gives `outputs` their
// history. What is no tensor among inputs and outputs is passed over. Returns the outputs: an input returned
// as it is becomes an alias.
PyObject* attach(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    if (count != 8) fail<TypeError>("_attach_function takes 8 arguments");
    for (int i = 3; i < 8; ++i)
      if (!PyTuple_Check(args[i])) fail<TypeError>("_attach_function: expected tuples");
    const std::vector<Tensor> inputs = tensors_or_null(args[3]), saved = tensors_or_null(args[5]),
                              dirty = tensors_or_null(args[6]), constant = tensors_or_null(args[7]);
    std::vector<Tensor> outputs = tensors_or_null(args[4]);
    auto among = [](const std::vector<Tensor>& list, const Tensor& t) {
      for (const Tensor& other : list)
        if (other && other.get() == t.get()) return true;
      return false;
    };
    auto* n = new (allocate(kSizeClass<FunctionNode>))
        FunctionNode(args[0], args[1], PyUnicode_AsUTF8(args[2]), inputs.size(), outputs.size());
    const Ref<Node> node = Ref<Node>::adopt(n);
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i] && is_floating(inputs[i]->dtype) && requires_grad(*inputs[i]))
        n->edges[i] = edge_to(inputs[i].get());
    for (size_t i = 0; i < outputs.size(); ++i) {
      Tensor& t = outputs[i];
      if (!t || !is_floating(t->dtype) || among(constant, t)) continue;
      n->note_output(i, *t);
      if (among(inputs, t)) {
        if (among(dirty, t)) check_inplace(*t, true);
        else t = alias(*t);
      } else if (t->grad_fn || t->requires_grad) {
        t = alias(*t);
      }
    }
    n->save(saved, outputs);
    Owned result(PyTuple_New(PyTuple_GET_SIZE(args[4])));
    for (size_t i = 0; i < outputs.size(); ++i) {
      Tensor& t = outputs[i];
      if (t && is_floating(t->dtype) && !among(constant, t)) {
        if (among(inputs, t)) finish_inplace(*t, node);
        else set_grad_fn(*t, node, int(i));
      }
      PyTuple_SET_ITEM(result.get(), Py_ssize_t(i),
                       t ? wrap(t) : Py_NewRef(PyTuple_GET_ITEM(args[4], Py_ssize_t(i))));
    }
    return result.release();
  });
}

PyMethodDef kFunctions[] = {
    {"_attach_function", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(attach)), METH_FASTCALL,
     nullptr},
    {}};

}  // namespace

void add_function_node(PyObject* module) {
  if (PyModule_AddFunctions(module, kFunctions) < 0) throw PythonErrorAlreadySet();
}

}  // namespace facula::python
