#include "python/thunks.h"
#include <utility>

namespace facula::python {
namespace {

template <int I>
PyObject* method(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return call_method_of(self, args, count, keywords, I);  // last, where a jump will do
}
template <int I>
PyObject* in_place(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return call_inplace_of(self, args, count, keywords, I);
}
struct Tables {
  FastFunction methods[kThunks], in_places[kThunks];
};

template <int... I> constexpr Tables make_tables(std::integer_sequence<int, I...>) {
  return {{method<I>...}, {in_place<I>...}};
}
constexpr Tables tables = make_tables(std::make_integer_sequence<int, kThunks>{});

}  // namespace

FastFunction method_thunk(int i) { return tables.methods[i]; }
FastFunction inplace_thunk(int i) { return tables.in_places[i]; }

}  // namespace facula::python
