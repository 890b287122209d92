// How a call finds the __torch_function__ of a mode or a class. One state per thread.
#include "python/override.h"
#include <string>
#include "ops/view.h"
#include "python/tensor_type.h"

namespace facula::python {

thread_local constinit bool override_modes [[gnu::tls_model("initial-exec")]] = false;

namespace {

enum class Off : uint8_t { Nothing, Subclasses, All };
thread_local Off off = Off::Nothing;
thread_local std::vector<PyObject*> modes;  // owned; the last is asked first

void update() { override_modes = !modes.empty() && off != Off::All; }

PyObject* handler_name() {
  static PyObject* name = PyUnicode_InternFromString("__torch_function__");
  return name;
}
PyObject* default_handler = nullptr;  // Tensor's own, a descriptor

bool is_basic(const PyTypeObject* t) {
  return t == &PyLong_Type || t == &PySlice_Type || t == &PyFloat_Type || t == &PyBool_Type ||
         t == Py_TYPE(Py_None) || t == &PyUnicode_Type || t == &PyTuple_Type || t == &PyList_Type ||
         t == &PyDict_Type || t == &DTypeType || t == &SizeType || t == &PyComplex_Type;
}
PyObject* disabled() {
  static PyObject* o = imported("facula._C", "_disabled_torch_function_impl");
  return o;
}
bool has_handler(PyTypeObject* type) {
  if (is_basic(type)) return false;
  PyObject* own = _PyType_Lookup(type, handler_name());
  return own && own != disabled();
}

// Classes in the order in which they are asked: as they come, a subclass before its bases.
struct Found {
  std::vector<PyObject*> objects;
  void add(PyObject* o) {
    PyTypeObject* type = Py_TYPE(o);
    size_t at = objects.size();
    for (size_t i = 0; i < objects.size(); ++i) {
      if (Py_TYPE(objects[i]) == type) return;
      if (at == objects.size() && PyType_IsSubtype(type, Py_TYPE(objects[i]))) at = i;
    }
    objects.insert(objects.begin() + Py_ssize_t(at), o);
  }
};
template <class F> bool visit(PyObject* const* args, Py_ssize_t count, F&& f) {  // until f says true
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* o = args[i];
    if (PyTuple_CheckExact(o) || PyList_CheckExact(o)) {
      for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(o); ++k) {
        PyObject* inner = PySequence_Fast_GET_ITEM(o, k);
        if (k == 0 && PyList_CheckExact(o) && (PyLong_CheckExact(inner) || PyFloat_CheckExact(inner)))
          break;  // long lists of numbers
        if (f(inner)) return true;
      }
    } else if (f(o)) {
      return true;
    }
  }
  return false;
}
bool overrides(PyObject* o) { return Py_TYPE(o) != &TensorType && has_override(Py_TYPE(o)); }

// "torch.add", for errors.
std::string public_name(PyObject* function) {
  const Owned text(PyObject_CallOneArg(imported("facula.overrides", "_public_name"), function));
  const char* s = PyUnicode_AsUTF8(text.get());
  return s ? s : "";
}
std::string text_of(PyObject* o) {
  const Owned text(PyObject_Repr(o));
  const char* s = PyUnicode_AsUTF8(text.get());
  return s ? s : "";
}
PyObject* type_of(PyObject* o) { return reinterpret_cast<PyObject*>(Py_TYPE(o)); }

[[noreturn]] void fail_unanswered(PyObject* function, const std::vector<PyObject*>& asked,
                                  PyObject* mode_asked, Style style) {
  if (style == Style::Python) {
    std::string types;
    for (PyObject* o : asked) types += (types.empty() ? "" : ", ") + text_of(type_of(o));
    fail<TypeError>("no implementation found for '", public_name(function),
                    "' on types that implement __torch_function__: [", types, "]",
                    mode_asked ? " nor in mode " + text_of(mode_asked) : std::string());
  }
  std::string text = concat("Multiple dispatch failed for '", public_name(function),
                            "'; all __torch_function__ handlers returned NotImplemented:\n\n");
  if (mode_asked) text += "  - mode object " + text_of(mode_asked) + "\n";
  for (PyObject* o : asked) text += "  - tensor subclass " + text_of(type_of(o)) + "\n";
  fail<TypeError>(text);
}

struct Switched {  // of the thread's state, until the end of the scope
  Off previous = off;
  explicit Switched(Off to) {
    off = to;
    update();
  }
  ~Switched() {
    off = previous;
    update();
  }
  Switched(const Switched&) = delete;
};
struct WithoutTopMode {
  PyObject* top = modes.back();
  WithoutTopMode() {
    modes.pop_back();
    update();
  }
  ~WithoutTopMode() {
    modes.push_back(top);
    update();
  }
  WithoutTopMode(const WithoutTopMode&) = delete;
};

// --- Tensor.__torch_function__ ---

PyObject* converted_to(PyObject* result, PyTypeObject* type) {  // takes and returns a reference
  if (is_tensor(result)) {
    if (PyType_IsSubtype(Py_TYPE(result), type)) return result;
    const Owned plain(result);
    return as_subclass(result, reinterpret_cast<PyObject*>(type));
  }
  if ((!PyTuple_Check(result) && !PyList_Check(result)) || Py_TYPE(result) == &SizeType) return result;
  const Owned old(result);
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(result);
  const Owned list(PyList_New(n));
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* one = converted_to(Py_NewRef(PySequence_Fast_GET_ITEM(result, i)), type);
    if (!one) throw PythonErrorAlreadySet();
    PyList_SET_ITEM(list.get(), i, one);
  }
  if (PyList_CheckExact(result)) return Py_NewRef(list.get());
  if (PyTuple_CheckExact(result)) return PyList_AsTuple(list.get());
  return PyObject_CallOneArg(type_of(result), list.get());
}

bool keeps_class(PyObject* function) {  // of what is returned: .grad and ._base
  static PyTypeObject* wrapper = nullptr;
  static PyObject* getters[3];
  if (!wrapper)
    for (int i = 0; i < 3; ++i) {
      const char* names[] = {"grad", "_grad", "_base"};
      const Owned attribute(PyObject_GetAttrString(reinterpret_cast<PyObject*>(&TensorType), names[i]));
      getters[i] = Owned(PyObject_GetAttrString(attribute.get(), "__get__")).release();
      wrapper = Py_TYPE(getters[i]);
    }
  if (Py_TYPE(function) != wrapper) return false;
  for (PyObject* g : getters)
    if (PyObject_RichCompareBool(function, g, Py_EQ) == 1) return true;
  return false;
}

PyObject* run_default(PyTypeObject* type, PyObject* function, PyObject* types, PyObject* args,
                      PyObject* keywords) {
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(types); ++i) {
    const int sub =
        PyObject_IsSubclass(reinterpret_cast<PyObject*>(type), PySequence_Fast_GET_ITEM(types, i));
    if (sub < 0) throw PythonErrorAlreadySet();
    if (!sub) Py_RETURN_NOTIMPLEMENTED;
  }
  PyObject* result;
  {
    const Switched plain(off == Off::All ? Off::All : Off::Subclasses);
    result = PyObject_Call(function, args, keywords);
  }
  if (!result) throw PythonErrorAlreadySet();
  if (type == &TensorType || keeps_class(function)) return result;
  result = converted_to(result, type);
  if (!result) throw PythonErrorAlreadySet();
  return result;
}

PyObject* ask(PyObject* object, PyObject* function, PyObject* types, PyObject* args, PyObject* keywords) {
  PyTypeObject* type = Py_TYPE(object);
  if (_PyType_Lookup(type, handler_name()) == default_handler)
    return run_default(type, function, types, args, keywords);
  const Owned handler(PyObject_GetAttr(object, handler_name()));
  if (PyMethod_Check(handler.get()) && PyMethod_GET_SELF(handler.get()) == object) {
    static bool warned = false;
    if (!std::exchange(warned, true))
      warn(
          "Defining your `__torch_function__` as a plain method is deprecated and will be an error in "
          "future, please define it as a classmethod.");
    if (PyErr_Occurred()) throw PythonErrorAlreadySet();
  }
  PyObject* result = PyObject_CallFunctionObjArgs(handler.get(), function, types, args, keywords, nullptr);
  if (!result) throw PythonErrorAlreadySet();
  return result;
}

PyObject* run(PyObject* function, Found& found, PyObject* args, PyObject* keywords, Style style) {
  const Owned types(PyTuple_New(Py_ssize_t(found.objects.size())));
  for (size_t i = 0; i < found.objects.size(); ++i)
    PyTuple_SET_ITEM(types.get(), Py_ssize_t(i), Py_NewRef(type_of(found.objects[i])));
  PyObject* mode_asked = nullptr;
  if (override_modes) {
    // Off while its handler runs, which may then call the function itself.
    const WithoutTopMode rest;
    mode_asked = rest.top;
    PyObject* result =
        PyObject_CallMethodObjArgs(rest.top, handler_name(), function, types.get(), args, keywords, nullptr);
    if (!result) throw PythonErrorAlreadySet();
    if (result != Py_NotImplemented) return result;
    Py_DECREF(result);
  }
  for (PyObject* o : found.objects) {
    PyObject* result = ask(o, function, types.get(), args, keywords);
    if (result != Py_NotImplemented) return result;
    Py_DECREF(result);
  }
  fail_unanswered(function, found.objects, mode_asked, style);
}

// --- methods and attributes with the question asked before ---

constexpr int kMethods = 96;
struct Wrapped {
  const char* name;
  PyCFunction function;
  Style style;
} wrapped[kMethods];
int wrapped_count = 0;

[[gnu::cold, gnu::noinline]] PyObject* answer(const Wrapped& w, PyObject* self, PyObject* const* args,
                                              Py_ssize_t count, PyObject* keywords) {
  return guarded([&] {
    std::vector<PyObject*> with_self{self};
    with_self.insert(with_self.end(), args, args + count + (keywords ? PyTuple_GET_SIZE(keywords) : 0));
    return override_method(w.name, with_self.data(), count + 1, keywords, w.style);
  });
}
template <int I> PyObject* no_arguments(PyObject* self, PyObject* argument) {
  const Wrapped& w = wrapped[I];
  if (overridden(self)) [[unlikely]]
    return answer(w, self, nullptr, 0, nullptr);
  return w.function(self, argument);
}
template <int I> PyObject* one_argument(PyObject* self, PyObject* argument) {
  const Wrapped& w = wrapped[I];
  if (overridden(self) || overrides(argument)) [[unlikely]]
    return answer(w, self, &argument, 1, nullptr);
  return w.function(self, argument);
}
PyObject* many_arguments(const Wrapped& w, PyObject* self, PyObject* const* args, Py_ssize_t count,
                         PyObject* keywords) {
  const Py_ssize_t all = count + (keywords ? PyTuple_GET_SIZE(keywords) : 0);
  if (overridden(self) || (all && any_override(args, all))) [[unlikely]]
    return answer(w, self, args, count, keywords);
  return reinterpret_cast<FastFunction>(reinterpret_cast<void (*)()>(w.function))(self, args, count,
                                                                                  keywords);
}
template <int I> PyObject* fast(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return many_arguments(wrapped[I], self, args, count, keywords);
}
template <int... I> PyCFunction thunk(int i, int flags, std::integer_sequence<int, I...>) {
  static constexpr PyCFunction none[] = {no_arguments<I>...}, one[] = {one_argument<I>...};
  static constexpr FastFunction many[] = {fast<I>...};
  return flags & METH_NOARGS ? none[i] : flags & METH_O ? one[i] : as_function(many[i]);
}

// PyTorch has these in Python.
bool written_in_python(std::string_view name) {
  for (const char* other :
       {"__copy__", "__deepcopy__", "__reduce_ex__", "__format__", "__array__", "__dir__", "__reversed__",
        "__setstate__", "__array_wrap__", "__repr__", "backward", "register_hook",
        "register_post_accumulate_grad_hook", "is_shared", "storage", "__dlpack__", "__dlpack_device__"})
    if (name == other) return true;
  return false;
}

struct Attribute {
  const char* name;
  getter get;
  setter set;
  void* closure;
};
PyObject* descriptor_part(const char* name, const char* part) {
  const Owned attribute(PyObject_GetAttrString(reinterpret_cast<PyObject*>(&TensorType), name));
  return Owned(PyObject_GetAttrString(attribute.get(), part)).release();
}
PyObject* get_attribute(PyObject* self, void* closure) {
  const auto& a = *static_cast<const Attribute*>(closure);
  if (overridden(self)) [[unlikely]]
    return guarded([&] {
      const Owned function(descriptor_part(a.name, "__get__"));
      return override_call(function.get(), &self, 1, nullptr, Style::Self);
    });
  return a.get(self, a.closure);
}
int set_attribute(PyObject* self, PyObject* value, void* closure) {
  const auto& a = *static_cast<const Attribute*>(closure);
  if (overridden(self) || (value && overrides(value))) [[unlikely]]
    return guarded([&] {
      const Owned function(descriptor_part(a.name, value ? "__set__" : "__delete__"));
      PyObject* args[] = {self, value};
      const Owned done(override_call(function.get(), args, value ? 2 : 1, nullptr, Style::Self));
      return 0;
    });
  return a.set(self, value, a.closure);
}

// --- functions of a module ---

struct Place {
  FastFunction function;
  PyObject* object = nullptr;  // what the user sees
};
PyObject* call_place(PyObject* capsule, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  const auto& p = *static_cast<const Place*>(PyCapsule_GetPointer(capsule, nullptr));
  if (override_modes) [[unlikely]]
    return guarded([&] { return override_call(p.object, args, count, keywords); });
  return p.function(nullptr, args, count, keywords);
}

// --- the state, as Python switches it ---

struct SwitchObject {  // with torch._C.DisableTorchFunction(): ...
  PyObject_HEAD Off previous;
};
template <Off To> PyObject* switch_enter(PyObject* o, PyObject*) {
  reinterpret_cast<SwitchObject*>(o)->previous = off;
  if (To > off) off = To;
  update();
  return Py_NewRef(o);
}
PyObject* switch_exit(PyObject* o, PyObject*) {
  off = reinterpret_cast<SwitchObject*>(o)->previous;
  update();
  Py_RETURN_NONE;
}
template <Off To> PyTypeObject* switch_type(const char* name) {
  static PyMethodDef methods[] = {{"__enter__", switch_enter<To>, METH_NOARGS, nullptr},
                                  {"__exit__", switch_exit, METH_VARARGS, nullptr},
                                  {}};
  static PyTypeObject t = {PyVarObject_HEAD_INIT(nullptr, 0)};
  t.tp_name = name;
  t.tp_basicsize = sizeof(SwitchObject);
  t.tp_flags = Py_TPFLAGS_DEFAULT;
  t.tp_new = PyType_GenericNew;
  t.tp_methods = methods;
  if (PyType_Ready(&t) < 0) throw PythonErrorAlreadySet();
  return &t;
}

PyObject* push_mode(PyObject*, PyObject* mode_object) {
  modes.push_back(Py_NewRef(mode_object));
  update();
  Py_RETURN_NONE;
}
PyObject* pop_mode(PyObject*, PyObject*) {
  if (modes.empty()) return PyErr_Format(PyExc_RuntimeError, "trying to pop from empty mode stack");
  PyObject* top = modes.back();
  modes.pop_back();
  update();
  return top;
}
PyObject* count_modes(PyObject*, PyObject*) { return PyLong_FromSize_t(modes.size()); }
PyObject* mode_at(PyObject*, PyObject* index) {
  const Py_ssize_t i = PyLong_AsSsize_t(index);
  if (i < 0 || size_t(i) >= modes.size()) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_RuntimeError, "Tried to get stack at idx that's too big");
    return nullptr;
  }
  return Py_NewRef(modes[size_t(i)]);
}
PyObject* is_enabled(PyObject*, PyObject*) { return PyBool_FromLong(off == Off::Nothing); }
PyObject* is_all_disabled(PyObject*, PyObject*) { return PyBool_FromLong(off == Off::All); }
PyObject* is_mode_enabled(PyObject*, PyObject*) { return PyBool_FromLong(override_modes); }

// has_torch_function(sequence), _unary(object), _variadic(*objects)
PyObject* has_of_sequence(PyObject*, PyObject* o) {
  if (override_modes) Py_RETURN_TRUE;
  PyObject* sequence = PySequence_Fast(o, "expected a sequence");
  if (!sequence) return nullptr;
  bool any = false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence) && !any; ++i)
    any = overrides(PySequence_Fast_GET_ITEM(sequence, i));
  Py_DECREF(sequence);
  return PyBool_FromLong(any);
}
PyObject* has_of_one(PyObject*, PyObject* o) { return PyBool_FromLong(override_modes || overrides(o)); }
PyObject* has_of_many(PyObject*, PyObject* const* args, Py_ssize_t count) {
  bool any = override_modes;
  for (Py_ssize_t i = 0; i < count && !any; ++i) any = overrides(args[i]);
  return PyBool_FromLong(any);
}
// (public_api, relevant_args, *args, **kwargs)
PyObject* handle(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    if (count < 2) fail<TypeError>("handle_torch_function() missing required arguments");
    const Owned relevant(PySequence_Tuple(args[1]));
    Found found;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(relevant.get()); ++i) {
      PyObject* o = PyTuple_GET_ITEM(relevant.get(), i);
      if (off == Off::Nothing && has_handler(Py_TYPE(o))) found.add(o);
    }
    const Owned tuple(PyTuple_New(count - 2)), named(PyDict_New());
    for (Py_ssize_t i = 2; i < count; ++i) PyTuple_SET_ITEM(tuple.get(), i - 2, Py_NewRef(args[i]));
    for (Py_ssize_t i = 0; keywords && i < PyTuple_GET_SIZE(keywords); ++i)
      PyDict_SetItem(named.get(), PyTuple_GET_ITEM(keywords, i), args[count + i]);
    return run(args[0], found, tuple.get(), named.get(), Style::Python);
  });
}

PyMethodDef kFunctions[] = {
    {"_push_on_torch_function_stack", push_mode, METH_O, nullptr},
    {"_pop_torch_function_stack", pop_mode, METH_NOARGS, nullptr},
    {"_len_torch_function_stack", count_modes, METH_NOARGS, nullptr},
    {"_get_function_stack_at", mode_at, METH_O, nullptr},
    {"_is_torch_function_enabled", is_enabled, METH_NOARGS, nullptr},
    {"_is_torch_function_all_disabled", is_all_disabled, METH_NOARGS, nullptr},
    {"_is_torch_function_mode_enabled", is_mode_enabled, METH_NOARGS, nullptr},
    {"_has_torch_function", has_of_sequence, METH_O,
     "Whether an element of a sequence, or a mode, has a __torch_function__ to be asked."},
    {"_has_torch_function_unary", has_of_one, METH_O,
     "Whether an object, or a mode, has a __torch_function__ to be asked."},
    {"_has_torch_function_variadic", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(has_of_many)),
     METH_FASTCALL, "Whether one of the arguments, or a mode, has a __torch_function__ to be asked."},
    {"_handle_torch_function", as_function(handle), kFastCall, nullptr},
    {}};

}  // namespace

NoOverrides::NoOverrides() : previous(uint8_t(off)) {
  off = Off::All;
  update();
}
NoOverrides::~NoOverrides() {
  off = Off(previous);
  update();
}

static std::vector<PyObject*>& modes_here() { return python::modes; }
CallersOverrides::CallersOverrides() : modes(modes_here()), off(uint8_t(python::off)) {}
void CallersOverrides::take_over() const {
  modes_here() = modes;  // their references are the caller's, which waits
  python::off = Off(off);
  update();
}
void CallersOverrides::let_go() const {
  modes_here().clear();
  python::off = Off::Nothing;
  update();
}

bool has_override(PyTypeObject* type) { return off == Off::Nothing && has_handler(type); }

bool any_override(PyObject* const* args, Py_ssize_t count) {
  return off == Off::Nothing && visit(args, count, overrides);
}

PyObject* override_call(PyObject* function, PyObject* const* args, Py_ssize_t count, PyObject* keywords,
                        Style style) {
  const Py_ssize_t named_count = keywords ? PyTuple_GET_SIZE(keywords) : 0;
  Found found;
  if (off == Off::Nothing)
    visit(args, count + named_count, [&](PyObject* o) {
      if (style == Style::Python ? has_handler(Py_TYPE(o)) : overrides(o)) found.add(o);
      return false;
    });
  if (style == Style::Self && found.objects.empty()) found.objects.push_back(args[0]);
  const Owned tuple(PyTuple_New(count));
  for (Py_ssize_t i = 0; i < count; ++i) PyTuple_SET_ITEM(tuple.get(), i, Py_NewRef(args[i]));
  if (!named_count && style != Style::Python) return run(function, found, tuple.get(), nullptr, style);
  const Owned named(PyDict_New());
  for (Py_ssize_t i = 0; i < named_count; ++i)
    if (PyDict_SetItem(named.get(), PyTuple_GET_ITEM(keywords, i), args[count + i]) < 0)
      throw PythonErrorAlreadySet();
  return run(function, found, tuple.get(), named.get(), style);
}

PyObject* override_method(const char* name, PyObject* const* args, Py_ssize_t count, PyObject* keywords,
                          Style style) {
  const Owned text(PyUnicode_InternFromString(name));
  PyObject* function = _PyType_Lookup(&TensorType, text.get());
  if (!function) fail<NotImplemented>("Tensor.", name, " is not there to be overridden");
  return override_call(function, args, count, keywords, style);
}

PyObject* override_operator(const char* name, PyObject* a, PyObject* b, Style style) {
  PyObject* args[] = {a, b};
  PyObject* result = guarded([&] { return override_method(name, args, 2, nullptr, style); });
  if (result || !PyErr_ExceptionMatches(PyExc_TypeError)) return result;
  PyErr_Clear();
  Py_RETURN_NOTIMPLEMENTED;
}

PyMethodDef overridable(PyMethodDef m) {
  if (m.ml_flags & (METH_STATIC | METH_CLASS)) return m;
  const bool fast_call = (m.ml_flags & kFastCall) == kFastCall;
  if (!fast_call && !(m.ml_flags & (METH_NOARGS | METH_O))) return m;
  if (wrapped_count == kMethods) fail("more methods than places for them: raise kMethods in override.cpp");
  const int i = wrapped_count++;
  const std::string_view name = m.ml_name;
  wrapped[i] = {name == "nelement"     ? "numel"
                : name == "ndimension" ? "dim"
                                       : m.ml_name,
                m.ml_meth,
                written_in_python(m.ml_name) ? Style::Python
                : m.ml_flags & METH_NOARGS   ? Style::Self
                                             : Style::Native};
  m.ml_meth = thunk(i, m.ml_flags, std::make_integer_sequence<int, kMethods>{});
  return m;
}

void make_overridable(PyGetSetDef* table) {
  for (PyGetSetDef* d = table; d->name; ++d) {
    if (std::string_view(d->name).substr(0, 2) == "__") continue;
    d->closure = new Attribute{d->name, d->get, d->set, d->closure};  // lives as long as the type
    d->get = get_attribute;
    if (d->set) d->set = set_attribute;
  }
}

void add_overridable(PyObject* module, const PyMethodDef& def) {
  auto* place = new Place{reinterpret_cast<FastFunction>(reinterpret_cast<void (*)()>(def.ml_meth))};
  auto* own = new PyMethodDef{def.ml_name, as_function(call_place), kFastCall, def.ml_doc};
  const Owned capsule(PyCapsule_New(place, nullptr, nullptr));  // all three live as long as the module
  place->object = PyCFunction_NewEx(own, capsule.get(), nullptr);
  if (!place->object || PyModule_AddObjectRef(module, def.ml_name, place->object) < 0)
    throw PythonErrorAlreadySet();
}

PyObject* as_subclass(PyObject* tensor, PyObject* type) {
  if (!PyType_Check(type)) fail<TypeError>("cls must be a type (got ", Py_TYPE(type)->tp_name, ")");
  auto* t = reinterpret_cast<PyTypeObject*>(type);
  if (!PyType_IsSubtype(t, &TensorType))
    fail<TypeError>(
        "Creating a Tensor subclass from a class that does not inherit from Tensor is not possible. Make "
        "sure your class inherits from Tensor.");
  return wrap_as(t, recorded_alias(tensor_of(tensor)));
}

PyObject* disabled_impl(PyObject*, PyObject* args) {
  PyObject *function, *types, *positional = nullptr, *named = nullptr;
  if (!PyArg_ParseTuple(args, "OO|OO", &function, &types, &positional, &named)) return nullptr;
  // A subclass's handler may end here: it is not to be asked again.
  const Switched plain(off == Off::All ? Off::All : Off::Subclasses);
  if (!positional) return PyObject_CallNoArgs(function);
  return PyObject_Call(function, positional, named && named != Py_None ? named : nullptr);
}

PyObject* torch_function(PyObject* type, PyObject* args, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"func", "types", "args", "kwargs", nullptr};
    PyObject *function, *types, *positional = nullptr, *named = nullptr;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|OO", const_cast<char**>(names), &function, &types,
                                     &positional, &named))
      throw PythonErrorAlreadySet();
    const Owned all_types(PySequence_Tuple(types));
    const Owned all(positional ? PySequence_Tuple(positional) : PyTuple_New(0));
    return run_default(reinterpret_cast<PyTypeObject*>(type), function, all_types.get(), all.get(),
                       named == Py_None ? nullptr : named);
  });
}

void add_override(PyObject* module) {
  default_handler = _PyType_Lookup(&TensorType, handler_name());
  if (PyModule_AddFunctions(module, kFunctions) < 0) throw PythonErrorAlreadySet();
  add_overridable_type(module);
  PyModule_AddObjectRef(module, "DisableTorchFunction",
                        reinterpret_cast<PyObject*>(switch_type<Off::All>("torch._C.DisableTorchFunction")));
  PyModule_AddObjectRef(
      module, "DisableTorchFunctionSubclass",
      reinterpret_cast<PyObject*>(switch_type<Off::Subclasses>("torch._C.DisableTorchFunctionSubclass")));
}

}  // namespace facula::python
