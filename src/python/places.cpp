// Which line of the user's program is running: what autograd/places.h asks for.
#include "autograd/places.h"
#include "python/convert.h"
#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030C0000 && !defined(PYPY_VERSION)
#define FACULA_FRAMES_IN_PLACE  // the interpreter's own record can be read without a frame object being made
#define Py_BUILD_CORE 1
#include <internal/pycore_frame.h>
#endif

namespace facula::python {
namespace {

// Frames of facula itself are not the user's. Optimizers are left as they are: their writes come in numbers.
bool is_ours(PyObject* filename) {
  static const std::string folder = [] {
    const Owned path(PyObject_GetAttrString(Owned(PyImport_ImportModule("facula._C")).get(), "__file__"));
    const std::string file = PyUnicode_AsUTF8(path.get());
    return file.substr(0, file.rfind('/') + 1);
  }();
  const char* name = PyUnicode_AsUTF8(filename);
  return name && !std::strncmp(name, folder.c_str(), folder.size()) &&
         std::strncmp(name + folder.size(), "optim/", 6) != 0;
}

// A frame's code and its position there; the line is looked up when an error asks for it.
Place place_in(PyFrameObject* frame) {
#if PY_VERSION_HEX >= 0x030B0000
  return {PyFrame_GetCode(frame), PyFrame_GetLasti(frame)};
#else
  return {PyFrame_GetCode(frame), PyFrame_GetLineNumber(frame)};
#endif
}

PyObject* foreign = nullptr;  // a file known not to be ours: most calls come from one

Place here() {
#ifdef FACULA_FRAMES_IN_PLACE
  const PyThreadState* thread = _PyThreadState_UncheckedGet();
  const _PyInterpreterFrame* running = thread->cframe->current_frame;
  if (running && running->f_code->co_filename == foreign && foreign) [[likely]]
    return {Py_NewRef(running->f_code), _PyInterpreterFrame_LASTI(running) * int(sizeof(_Py_CODEUNIT))};
#endif
  PyFrameObject* frame = PyEval_GetFrame();
  if (!frame) return {};
  Place p = place_in(frame);
  PyObject* const file = static_cast<PyCodeObject*>(p.code)->co_filename;
  if (file == foreign) [[likely]]
    return p;
  if (!is_ours(file)) {
    Py_XSETREF(foreign, Py_NewRef(file));
    return p;
  }
  Py_INCREF(frame);
  while (PyFrameObject* outer = PyFrame_GetBack(frame)) {
    Py_DECREF(frame);
    frame = outer;
    Py_DECREF(static_cast<PyObject*>(p.code));
    p = place_in(frame);
    if (!is_ours(static_cast<PyCodeObject*>(p.code)->co_filename)) break;
  }
  Py_DECREF(frame);
  return p;
}

void drop(Place p) { Py_DECREF(static_cast<PyObject*>(p.code)); }

std::string text(Place p) {
  auto* code = static_cast<PyCodeObject*>(p.code);
#if PY_VERSION_HEX >= 0x030B0000
  const int line = PyCode_Addr2Line(code, p.at);
#else
  const int line = p.at;
#endif
  try {
    const Owned said(PyObject_CallFunction(imported("facula._advice", "place"), "OiO", code->co_filename,
                                           line, code->co_name));
    return PyUnicode_AsUTF8(said.get());
  } catch (const PythonErrorAlreadySet&) {
    PyErr_Clear();
    return concat(PyUnicode_AsUTF8(code->co_filename), ":", line);
  }
}

}  // namespace

void add_places() { place_reader = {here, drop, text}; }

}  // namespace facula::python
