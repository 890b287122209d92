#include "python/thunks.h"
#include <utility>

namespace facula::python {
namespace {

template <int I> PyObject* function(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return call_function(group_at(I), args, count, keywords);
}
template <int I> PyObject* method(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return call_method(group_at(I), self, args, count, keywords);
}
template <int I> PyObject* in_place(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return call_inplace(group_at(I), self, args, count, keywords);
}
template <int I> PyObject* in_place_function(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  if (count < 1 || !is_tensor(args[0])) {
    PyErr_SetString(PyExc_TypeError, "argument 'input' (position 1) must be Tensor");
    return nullptr;
  }
  return call_inplace(group_at(I), args[0], args + 1, count - 1, keywords);
}

struct Tables {
  FastFunction functions[kThunks], methods[kThunks], in_places[kThunks], in_place_functions[kThunks];
};

template <int... I> constexpr Tables make_tables(std::integer_sequence<int, I...>) {
  return {{function<I>...}, {method<I>...}, {in_place<I>...}, {in_place_function<I>...}};
}
constexpr Tables tables = make_tables(std::make_integer_sequence<int, kThunks>{});

}  // namespace

FastFunction function_thunk(int i) { return tables.functions[i]; }
FastFunction method_thunk(int i) { return tables.methods[i]; }
FastFunction inplace_thunk(int i) { return tables.in_places[i]; }
FastFunction inplace_function_thunk(int i) { return tables.in_place_functions[i]; }

}  // namespace facula::python
