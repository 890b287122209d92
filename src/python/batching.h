// vmap as the calls of operations see it: while one runs, calls with a batched tensor, and those that draw
// random numbers, go to Python with their arguments in the order of the signature (facula/func/_vmap.py).
#pragma once
#include "python/convert.h"

namespace facula::python {

extern thread_local constinit int live_vmaps [[gnu::tls_model("initial-exec")]];  // how many run

// Whether a batched tensor of no dimensions may stand for a number: where no other overload takes it.
extern thread_local constinit bool batched_as_number [[gnu::tls_model("initial-exec")]];

bool draws_numbers(const Signature& s);
bool is_batched_type(PyTypeObject* type);
inline bool is_batched(PyObject* o) { return is_batched_type(Py_TYPE(o)); }
bool has_batched(const Call& call, const OpEntry& e);
// Outside of every vmap: raises where an argument is a batched tensor that escaped from its function.
void refuse_escaped(const Call& call, const OpEntry& e);
PyObject* dispatch_batched(const OpEntry& e, const Value* values, bool inplace, PyObject* out);
// Whether x[index] concerns a batched tensor although x is none.
bool index_is_batched(PyObject* index);
PyObject* get_item_batched(PyObject* self, PyObject* index);
int set_item_batched(PyObject* self, PyObject* index, PyObject* value);
// Arguments of autograd.grad: whether any tensor is batched, and the gradients then.
bool any_batched(PyObject* const* args, Py_ssize_t n, PyObject* keywords);
PyObject* grad_batched(PyObject* const* args, Py_ssize_t n, PyObject* keywords);
void add_batching(PyObject* module);

}  // namespace facula::python
