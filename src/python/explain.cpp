// What facula.explain sees of a recorded graph: the parts of its nodes, their formulas, and single steps of
// forward and backward.
#include "autograd/second_names.h"
#include "op/expr.h"
#include "python/nodes.h"
#include "python/tensor_type.h"

namespace facula::python {
namespace {

PyObject* tree(int at, std::vector<PyObject*>& made) {  // borrowed from `made`
  PyObject*& o = made[size_t(at)];
  if (o) return o;
  const Term t = formula_terms()[size_t(at)];
  if (!t.function) return o = PyFloat_FromDouble(t.number);
  Owned tuple(PyTuple_New(1 + t.count));
  PyTuple_SET_ITEM(tuple.get(), 0, PyUnicode_FromString(t.function));
  for (int i = 0; i < t.count; ++i)
    PyTuple_SET_ITEM(tuple.get(), 1 + i, Py_NewRef(tree(t.operands[i], made)));
  return o = tuple.release();
}

// (forward, gradient of input 0, ...) as nested tuples ("mul", ("a",), 2.0)
PyObject* formula(const PointwiseOp& op, const void* params) {
  Formula f;
  if (!formula_of(op, params, f)) Py_RETURN_NONE;
  std::vector<PyObject*> made(formula_terms().size());
  Owned all(PyTuple_New(1 + op.arity));
  PyTuple_SET_ITEM(all.get(), 0, Py_NewRef(tree(f.forward.at, made)));
  for (int i = 0; i < op.arity; ++i)
    PyTuple_SET_ITEM(all.get(), 1 + i, Py_NewRef(tree(f.gradients[i].at, made)));
  for (PyObject* o : made) Py_XDECREF(o);
  return all.release();
}

Node* node_argument(PyObject* o) {
  Node* n = node_of(o);
  if (!n) fail<TypeError>("expected a node of a recorded graph, got ", Py_TYPE(o)->tp_name);
  return n;
}

// (node, leaf, output, constant): the constant of an edge that leads nowhere is an address (int) or a number.
PyObject* edge_parts(const Edge& shown) {
  const Edge& e = seen_through(shown);
  const uint64_t c = e.constant();
  Owned node(wrap_node(e.node.get())), leaf(e.leaf ? wrap(e.leaf) : Py_NewRef(Py_None));
  Owned constant(!c        ? Py_NewRef(Py_None)
                 : c >> 48 ? PyFloat_FromDouble(std::bit_cast<double>(c))
                           : PyLong_FromUnsignedLongLong(c));
  return Py_BuildValue("(NNIN)", node.release(), leaf.release(), unsigned(e ? e.output : 0),
                       constant.release());
}

// None, a tensor, a number, or "changed" after an in-place write.
PyObject* saved_value(const Saved& s, bool released) {
  if (s.tensor && s.tensor->version() != s.version) return PyUnicode_FromString("changed");
  if (s.tensor) return wrap(s.is_output ? alias(*s.tensor) : s.tensor);
  return s.present && !released ? wrap(s.scalar) : Py_NewRef(Py_None);
}

// (name, edges, saved values, released, operation's public name or None)
PyObject* node_parts(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    Node* n = node_argument(o);
    const NodeParts p = n->parts();
    Owned edges(PyTuple_New(n->edge_count)), saved(PyTuple_New(Py_ssize_t(p.saved_count)));
    for (int i = 0; i < n->edge_count; ++i) PyTuple_SET_ITEM(edges.get(), i, edge_parts(n->edges[i]));
    for (size_t i = 0; i < p.saved_count; ++i)
      PyTuple_SET_ITEM(saved.get(), Py_ssize_t(i), saved_value(p.saved[i], p.released));
    const auto* op = static_cast<const PointwiseOp*>(p.pointwise);
    Owned name(op ? PyUnicode_FromStringAndSize(op->info->signature.name.data(),
                                                Py_ssize_t(op->info->signature.name.size()))
                  : Py_NewRef(Py_None));
    return Py_BuildValue("(sNNON)", n->name, edges.release(), saved.release(),
                         p.released ? Py_True : Py_False, name.release());
  });
}

PyObject* node_formula(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    const NodeParts p = node_argument(o)->parts();
    if (!p.pointwise) Py_RETURN_NONE;
    return formula(*static_cast<const PointwiseOp*>(p.pointwise), p.params);
  });
}

std::vector<Tensor> tensors_in(PyObject* sequence, size_t count) {
  const Owned items(PySequence_Tuple(sequence));
  std::vector<Tensor> out(count);
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()) && size_t(i) < count; ++i) {
    PyObject* o = PyTuple_GET_ITEM(items.get(), i);
    if (is_tensor(o)) out[size_t(i)] = tensor_of(o);
  }
  return out;
}

// (node, inputs): the outputs of the node's operation on other inputs; () where it cannot be run again.
PyObject* node_replay(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *o, *inputs;
    if (!PyArg_ParseTuple(args, "OO", &o, &inputs)) return nullptr;
    Node* n = node_argument(o);
    const std::vector<Tensor> in = tensors_in(inputs, n->edge_count);
    for (size_t i = 0; i < in.size(); ++i) {
      const Edge& e = n->edges[i];
      const bool number = e.constant() >> 48, given = bool(e) || e.constant();
      if (e.leaf && e.leaf->own_version && e.leaf->own_version->reshaped) return PyTuple_New(0);
      if (given && !number && !in[i]) fail<ValueError>("input ", i, " of ", n->name, " is a tensor");
    }
    return tuple_of(n->replay(in.data()));
  });
}

// (node, gradients of its outputs, create_graph): the gradients of its inputs. Calls no hooks.
PyObject* node_backward(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *o, *gradients;
    int create_graph = 0;
    if (!PyArg_ParseTuple(args, "OO|p", &o, &gradients, &create_graph)) return nullptr;
    Node* n = node_argument(o);
    std::vector<Tensor> grads(n->edge_count);
    const GradMode recorded(create_graph != 0);
    n->backward(tensors_in(gradients, n->output_count).data(), grads.data(), create_graph != 0);
    return tuple_of(grads);
  });
}

PyObject* second_names(PyObject*, PyObject* on) { return PyBool_FromLong(give_second_names(on == Py_True)); }

PyObject* address(PyObject*, PyObject* o) {
  if (!is_tensor(o)) return PyErr_Format(PyExc_TypeError, "expected a tensor");
  return PyLong_FromVoidPtr(tensor_of(o).get());
}

PyMethodDef kFunctions[] = {{"_node_parts", node_parts, METH_O, nullptr},
                            {"_node_formula", node_formula, METH_O, nullptr},
                            {"_node_replay", node_replay, METH_VARARGS, nullptr},
                            {"_node_backward", node_backward, METH_VARARGS, nullptr},
                            {"_give_second_names", second_names, METH_O, nullptr},
                            {"_tensor_address", address, METH_O, nullptr},
                            {}};

}  // namespace

void add_explain(PyObject* module) {
  if (PyModule_AddFunctions(module, kFunctions) < 0) throw PythonErrorAlreadySet();
}

}  // namespace facula::python
