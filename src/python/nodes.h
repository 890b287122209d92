// What the files about nodes, hooks and functions of the user's own need of each other.
#pragma once
#include "autograd/watch.h"
#include "python/convert.h"

namespace facula::python {

extern PyTypeObject NodeBaseType;  // of every node object: torch.autograd.graph.Node

// What a Function's node keeps, or null: where it is no Function, or the index too high.
Saved* saved_of_function(Node* node, size_t index, bool* released);
PyObject* new_saved_tensor(Node* node, size_t index);  // watch.cpp
// The value of grad_fn._saved_NAME, or of ._raw_saved_NAME; null without an error where there is none.
PyObject* saved_called(Node* node, std::string_view name, bool raw);  // saved_names.cpp
std::vector<std::string> saved_attributes(const Node& node);
// Takes a hook's function away: at once, or after the hooks that are being called.
template <class Hook> void remove_hook(const std::shared_ptr<Hook>& hook) {
  if (!HookPass::current) {
    Py_CLEAR(hook->function);
    return;
  }
  if (hook->removed_at) return;
  hook->removed_at = ++HookPass::clock;
  HookPass::later.emplace_back([hook] { Py_CLEAR(hook->function); });
}
std::string hook_name(PyObject* function);
inline std::string type_name(PyObject* o) {  // without its module
  const std::string name = Py_TYPE(o)->tp_name;
  return name.substr(name.rfind('.') + 1);
}
// f(*arguments) where a backward sends many gradients at once: it sees one, as under vmap.
PyObject* call_in_batch(PyObject* f, PyObject* arguments);
PyObject* next_functions(Node* node);
const Edge& seen_through(const Edge& e);  // what is behind a node that is only shown
PyObject* wrap_history(TensorImpl& t);    // t.grad_fn; its object knows what t is
PyObject* add_node_hook(Node& node, PyObject* f, bool pre);
// For the collector: the hooks of a node that nobody but the object asked has.
int visit_hooks(const Node* node, visitproc visit, void* arg);
void clear_hooks(Node* node);
// Of a Function's node: what an output was, or null.
const Dims* shape_of_output(const Node* node, int64_t output, DType* dtype);
PyObject* hand_out_context(Node* node);  // of a Function: its ctx, a new reference; null for other nodes
Node* node_behind(PyObject* ctx);        // the node of a ctx, or null

// The gradient edge that a node object and a number mean, as a tensor without elements of its own: roots and
// inputs of a backward may be given so.
Tensor tensor_at_edge(PyObject* node, int64_t output, const Tensor* like);
bool is_edge(PyObject* o);  // a GradientEdge

void add_node_types(PyObject* module);
void add_watch(PyObject* module);  // watch.cpp

}  // namespace facula::python
