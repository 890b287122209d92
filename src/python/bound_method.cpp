// x.sum before it is called. A type whose attribute lookup has a fallback (methods written in Python, the
// text of the error) makes the interpreter bind every method it calls; these bound methods come from a free
// list and cost a third of its own.
#include <algorithm>
#include "python/tensor_type.h"
#include <structmember.h>

namespace facula::python {
namespace {

struct BoundMethod {
  PyObject_HEAD vectorcallfunc call;
  PyObject* self;
  PyMethodDescrObject* method;  // lives as long as the Tensor type
};
BoundMethod* bound(PyObject* o) { return reinterpret_cast<BoundMethod*>(o); }

constexpr int kFree = 16;
BoundMethod* free_methods[kFree];
int free_count = 0;

PyObject* call_fast(PyObject* o, PyObject* const* args, size_t n, PyObject* keywords) {
  const BoundMethod* b = bound(o);
  const auto f = reinterpret_cast<FastFunction>(reinterpret_cast<void (*)()>(b->method->d_method->ml_meth));
  return f(b->self, args, PyVectorcall_NARGS(n), keywords);
}
// Any other calling convention, and every wrong call: the descriptor knows how.
PyObject* call_descriptor(PyObject* o, PyObject* const* args, size_t n, PyObject* keywords) {
  const BoundMethod* b = bound(o);
  const Py_ssize_t count = PyVectorcall_NARGS(n), all = count + (keywords ? PyTuple_GET_SIZE(keywords) : 0);
  if (count == 0 && !keywords && b->method->d_method->ml_flags == METH_NOARGS)
    return b->method->d_method->ml_meth(b->self, nullptr);
  std::vector<PyObject*> both(size_t(all) + 1);
  both[0] = b->self;
  std::copy(args, args + all, both.begin() + 1);
  return PyObject_Vectorcall(reinterpret_cast<PyObject*>(b->method), both.data(), size_t(count) + 1,
                             keywords);
}

void dealloc(PyObject* o) {
  BoundMethod* b = bound(o);
  Py_DECREF(b->self);
  if (free_count < kFree) free_methods[free_count++] = b;
  else PyObject_Free(o);
}
PyObject* repr(PyObject* o) {
  const BoundMethod* b = bound(o);
  return PyUnicode_FromFormat("<built-in method %s of Tensor object at %p>", b->method->d_method->ml_name,
                              static_cast<void*>(b->self));
}
PyObject* compare(PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || Py_TYPE(a) != Py_TYPE(b)) Py_RETURN_NOTIMPLEMENTED;
  const bool same = bound(a)->self == bound(b)->self && bound(a)->method == bound(b)->method;
  return PyBool_FromLong(same == (op == Py_EQ));
}
Py_hash_t hash(PyObject* o) {
  const auto h = Py_hash_t(reinterpret_cast<uintptr_t>(bound(o)->self) >> 4 ^
                           reinterpret_cast<uintptr_t>(bound(o)->method));
  return h == -1 ? -2 : h;
}
PyObject* doc(PyObject* o, void*) {
  return PyObject_GetAttrString(reinterpret_cast<PyObject*>(bound(o)->method), "__doc__");
}
// __name__, __text_signature__ and the like are the descriptor's.
PyObject* getattr(PyObject* o, PyObject* name) {
  PyObject* own = PyObject_GenericGetAttr(o, name);
  if (own || !PyErr_ExceptionMatches(PyExc_AttributeError)) return own;
  PyErr_Clear();
  return PyObject_GetAttr(reinterpret_cast<PyObject*>(bound(o)->method), name);
}
PyObject* reduce(PyObject* o, PyObject*) {
  const Owned builtins(PyImport_ImportModule("builtins"));
  const Owned function(PyObject_GetAttrString(builtins.get(), "getattr"));
  return Py_BuildValue("O(Os)", function.get(), bound(o)->self, bound(o)->method->d_method->ml_name);
}

PyMemberDef members[] = {{"__self__", T_OBJECT, offsetof(BoundMethod, self), READONLY, nullptr}, {}};
PyGetSetDef attributes[] = {{"__doc__", doc, nullptr, nullptr, nullptr}, {}};
PyMethodDef methods[] = {{"__reduce__", reduce, METH_NOARGS, nullptr}, {}};
PyTypeObject BoundMethodType = {.ob_base = {PyObject_HEAD_INIT(nullptr) 0},
                                .tp_name = "torch._C.bound_method"};

}  // namespace

PyObject* bind_method(PyObject* self, PyMethodDescrObject* method) {
  BoundMethod* b;
  if (free_count) {
    b = free_methods[--free_count];
    Py_SET_REFCNT(reinterpret_cast<PyObject*>(b), 1);
  } else {
    b = PyObject_New(BoundMethod, &BoundMethodType);
    if (!b) return nullptr;
  }
  b->call = method->d_method->ml_flags == kFastCall ? call_fast : call_descriptor;
  b->self = Py_NewRef(self);
  b->method = method;
  return reinterpret_cast<PyObject*>(b);
}

// A tensor that keeps one of its own methods is a circle, which the collector sees through Python's bound
// methods but not through these. So what is kept is one of Python's. A new reference.
PyObject* kept_method(PyObject* o) {
  if (Py_TYPE(o) != &BoundMethodType) return Py_NewRef(o);
  auto* method = reinterpret_cast<PyObject*>(bound(o)->method);
  return Py_TYPE(method)->tp_descr_get(method, bound(o)->self, nullptr);
}

void add_bound_method_type() {
  PyTypeObject& t = BoundMethodType;
  t.tp_basicsize = sizeof(BoundMethod);
  t.tp_dealloc = dealloc;
  t.tp_vectorcall_offset = offsetof(BoundMethod, call);
  t.tp_call = PyVectorcall_Call;
  t.tp_repr = repr;
  t.tp_hash = hash;
  t.tp_richcompare = compare;
  t.tp_getattro = getattr;
  t.tp_members = members;
  t.tp_methods = methods;
  t.tp_getset = attributes;
  t.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL;
  if (PyType_Ready(&t) < 0) throw PythonErrorAlreadySet();
}

}  // namespace facula::python
