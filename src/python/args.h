// What call.cpp needs of args.cpp.
#pragma once
#include "python/convert.h"

namespace facula::python {

// False, or an error if `throws`, where the arguments do not fit. `op`: the pointwise operation, some of
// whose tensors may be given as numbers.
bool try_bind(const Signature& s, PyObject* const* args, Py_ssize_t count, PyObject* keywords, Call& call,
              bool throws, const PointwiseOp* op);
std::string describe_arguments(PyObject* const* args, Py_ssize_t count,
                               PyObject* keywords);  // "(Tensor, int)"
// The parameter's default; a list of ints is put into `ints`, which the value then points to.
void default_value(const Param& p, Value& v, Dims& ints, const std::vector<Tensor>& no_tensors);
Generator* generator_of(PyObject* o);
PyObject* wrap_generator(Generator* g);

}  // namespace facula::python
