// From a Python call to an entry: picks the overload, runs it in the form asked for, wraps the result.
#include "op/inplace.h"
#include "op/stored.h"
#include "ops/product.h"
#include "python/advice.h"
#include "python/args.h"
#include "python/override.h"
#include "python/batching.h"
#include "python/quick.h"
#include "python/run_entry.h"
#include "python/thunks.h"
#include <cmath>
#include <unordered_map>
#include <utility>

namespace facula::python {

struct Group {
  std::string name, inplace_name;
  std::vector<const OpEntry*> entries;
  std::string doc;
  uint32_t scope = 0;
  const PointwiseOp* fast =
      nullptr;           // the first overload, when plain positional tensors may go to it at once
  unsigned numbers = 0;  // bit i: its operand i may be a number
  alignas(16) char defaults[kMaxParams];   // its parameters
  const PointwiseOp* by_number = nullptr;  // pow(x, 2): an overload whose one parameter is a number
  const QuickBinding* of_self = nullptr;   // x.sum(): the overload that needs a tensor and nothing else
  std::vector<QuickBinding> quick;         // of each overload
  Style alone = Style::Native;             // the method called with nothing but self
  bool random = false;                     // draws random numbers
};

namespace {

std::vector<Group> groups;  // never grows after it is built: thunks and names point into it
std::unordered_map<std::string, Group*> by_name;

void make_defaults(Group& g) {
  for (const OpEntry* e : g.entries) g.quick.emplace_back(*e);
  for (const QuickBinding& q : g.quick) {
    const Signature& s = q.entry().signature;
    const PointwiseOp* op = q.entry().pointwise;
    if (!g.by_number && op && s.count == op->arity + 1 && s.positional == s.count &&
        s.params[op->arity].type == ParamType::Number && !s.params[op->arity].optional)
      g.by_number = op;
  }
  if (const QuickBinding& q = g.quick[0]; !q.entry().pointwise && q.takes_self_alone()) g.of_self = &q;
  const OpEntry& e = *g.entries[0];
  const Signature& s = e.signature;
  if (!e.pointwise) return;
  for (int i = s.tensors; i < s.count; ++i)
    if (!s.params[i].has_default) return;  // pow(x, exponent): needs its argument
  e.pointwise->make(g.defaults, g.quick[0].defaults() + s.tensors);
  g.fast = e.pointwise;
  for (int i = 0; i < g.fast->arity; ++i) g.numbers |= unsigned(takes_number(*g.fast, i)) << i;
}

// What torch.linalg alone has is no overload of torch's function of the same name.
std::string key_of(const std::string& name, const OpEntry& e) {
  if (e.scope == kPrivate && name[0] != '_') return "private." + name;  // conj, which computes
  return e.scope & kLinalg && !(e.scope & (kFunction | kMethod | kNN)) ? "linalg." + name : name;
}

void add_name(const std::string& name, const OpEntry& e) {
  Group*& g = by_name[key_of(name, e)];
  if (!g) {
    if (int(groups.size()) == kThunks) fail("more operations than thunks: raise kThunks in python/thunks.h");
    groups.push_back({});
    g = &groups.back();
    g->name = name;
    g->inplace_name = name + "_";
  }
  g->entries.push_back(&e);
  g->scope |= e.scope;
}

void build_groups() {
  if (!groups.empty()) return;
  groups.reserve(kThunks);
  for (const OpEntry* e : all_entries()) {
    add_name(std::string(e->signature.name), *e);
    std::string_view rest = e->aliases;
    while (!rest.empty()) {
      const size_t space = rest.find(' ');
      add_name(std::string(rest.substr(0, space)), *e);
      rest = space == rest.npos ? std::string_view() : rest.substr(space + 1);
    }
  }
  for (Group& g : groups) {
    make_defaults(g);
    if (g.entries.size() == 1 && g.entries[0]->signature.count == 1) g.alone = Style::Self;
    for (const OpEntry* e : g.entries) g.random |= draws_numbers(e->signature);
    for (const OpEntry* e : g.entries) g.doc += (g.doc.empty() ? "" : "\n") + std::string(e->signature.text);
  }
}

bool quick_number(PyObject* o, Scalar* out) {
  if (PyFloat_CheckExact(o)) return *out = Scalar(PyFloat_AS_DOUBLE(o)), true;
  return PyLong_CheckExact(o) && to_scalar(o, out);
}

// Plain operands and nothing else: straight to the operation. False: bind in full. `self`, when given, goes
// before the others.
template <class F> [[gnu::always_inline]] inline bool quick_pointwise(const Group& g, PyObject* self,
                                                                      PyObject* const* args, Py_ssize_t count,
                                                                      F&& run) {
  auto at = [&](Py_ssize_t i) { return self ? i ? args[i - 1] : self : args[i]; };
  count += self != nullptr;
  const PointwiseOp* op = g.fast;
  Arg in[kMaxArity];
  if (op && count == op->arity) {
    bool any = false;
    for (Py_ssize_t i = 0; i < count; ++i) {
      PyObject* o = at(i);
      if (is_plain_tensor(o)) {
        in[i].tensor = tensor_of(o).get();
        any = true;
      } else if (!(g.numbers >> i & 1) || !quick_number(o, &in[i].scalar)) {
        any = false;
        break;
      }
      in[i].present = true;
    }
    if (any) return run(*op, g.defaults, in), true;
  }
  op = g.by_number;
  if (!op || count != op->arity + 1) return false;
  for (int i = 0; i < op->arity; ++i) {
    if (!is_plain_tensor(at(i))) return false;
    in[i] = Arg(tensor_of(at(i)));
  }
  Value number;
  number.kind = Value::Kind::Number;
  if (!quick_number(at(count - 1), &number.number)) return false;
  alignas(16) char params[kMaxParams];
  op->make(params, &number);
  if (is_wide(number)) [[unlikely]]
    require_parameters(*op, params, in);
  run(*op, params, in);
  return true;
}

// Arguments without one keyword that every form of an operation has (out=, inplace=).
struct Taken {
  std::vector<PyObject*> args;
  PyObject* keywords = nullptr;
  PyObject* value = nullptr;
  ~Taken() { Py_XDECREF(keywords); }
};
bool take_keyword(const char* name, PyObject* const* args, Py_ssize_t count, PyObject* keywords,
                  Taken& taken) {
  const Py_ssize_t named = keywords ? PyTuple_GET_SIZE(keywords) : 0;
  for (Py_ssize_t k = 0; k < named; ++k) {
    if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(keywords, k), name) != 0) continue;
    taken.value = args[count + k];
    taken.args.assign(args, args + count + named);
    taken.args.erase(taken.args.begin() + count + k);
    if (named == 1) return true;
    taken.keywords = PyTuple_New(named - 1);
    for (Py_ssize_t i = 0, j = 0; i < named; ++i)
      if (i != k) PyTuple_SET_ITEM(taken.keywords, j++, Py_NewRef(PyTuple_GET_ITEM(keywords, i)));
    return true;
  }
  return false;
}

// What a handler is told: the function that the user called, or the method of this name.
PyObject* override_group(Group& g, How how, PyObject* function, PyObject* const* args, Py_ssize_t count,
                         PyObject* keywords, Style style) {
  if (function) return override_call(function, args, count, keywords, style);
  const char* name = how == How::InPlace ? g.inplace_name.c_str() : g.name.c_str();
  return override_method(name, args, count, keywords, count == 1 && !keywords ? g.alone : Style::Native);
}

bool is_number(PyObject* o) {
  Scalar s;
  return is_tensor(o) ? tensor_of(o)->ndim == 0 : to_scalar(o, &s);
}

// x.add_(-0.1, g), addmm(0.5, m, 2, a, b): numbers that are keywords now once stood before the operands they
// scale. False: these arguments are not of that form.
bool take_leading_numbers(const OpEntry& e, bool in_place, PyObject* const* args, Py_ssize_t count,
                          Taken& taken) {
  const Signature& s = e.signature;
  const Py_ssize_t extra = count - s.positional;
  if (extra < 1 || extra > 2 || s.count - s.positional < extra) return false;
  const Param* names = s.params + s.positional;
  const bool beta = names[0].name == "beta";
  if (!beta && names[0].name != "alpha" && names[0].name != "value") return false;
  const Py_ssize_t first = beta && !is_tensor(args[0]) ? 0 : 1;
  if (!is_number(args[first]) || (extra == 2 && !is_number(args[2]))) return false;
  taken.keywords = PyTuple_New(extra);
  for (Py_ssize_t i = 0; i < count; ++i)
    if (i != first && !(extra == 2 && i == 2)) taken.args.push_back(args[i]);
  for (Py_ssize_t k = 0; k < extra; ++k) {
    taken.args.push_back(args[k ? 2 : first]);
    PyTuple_SET_ITEM(taken.keywords, k,
                     PyUnicode_FromStringAndSize(names[k].name.data(), Py_ssize_t(names[k].name.size())));
  }
  static bool warned = false;
  if (!std::exchange(warned, true))
    warn(concat("This overload of ", s.name, in_place ? "_" : "", " is deprecated: give ", names[0].name,
                "= by its name, after the tensors"));
  return true;
}

// What a factory makes of a sparse layout: facula/_composite/sparse_factories.py.
PyObject* made_sparse(const Group& g, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  const Owned positional(PyTuple_New(count)), named(PyDict_New());
  for (Py_ssize_t i = 0; i < count; ++i) PyTuple_SET_ITEM(positional.get(), i, Py_NewRef(args[i]));
  for (Py_ssize_t k = 0; keywords && k < PyTuple_GET_SIZE(keywords); ++k)
    PyDict_SetItem(named.get(), PyTuple_GET_ITEM(keywords, k), args[count + k]);
  PyObject* made = PyObject_CallFunction(imported("facula._composite.sparse_factories", "made"), "sOO",
                                         g.name.c_str(), positional.get(), named.get());
  if (!made) throw PythonErrorAlreadySet();
  return made;
}

PyObject* call_bound(Group& g, How how, PyObject* const* args, Py_ssize_t count, PyObject* keywords,
                     PyObject* out, bool method) {
  if (out == Py_None) out = nullptr;
  if (Taken taken; !keywords && count > g.entries[0]->signature.positional &&
                   take_leading_numbers(*g.entries[0], how == How::InPlace, args, count, taken))
    return call_bound(g, how, taken.args.data(), g.entries[0]->signature.positional, taken.keywords, out,
                      method);
  if (out && g.entries[0]->pointwise && !is_tensor(out))
    fail<TypeError>(g.name, "(): argument 'out' must be Tensor, not ", Py_TYPE(out)->tp_name);
  Call call;
  call.method = method;
  const OpEntry* found = nullptr;
  if (g.entries.size() == 1) {
    found = g.entries[0];
    try_bind(found->signature, args, count, keywords, call, true, found->pointwise);
  } else {
    auto bind_any = [&](bool numbers) {
      batched_as_number = numbers;
      for (const OpEntry* e : g.entries)
        if (!found && try_bind(e->signature, args, count, keywords, call, false, e->pointwise)) found = e;
      batched_as_number = true;
    };
    bind_any(!live_vmaps);
    if (!found && live_vmaps) bind_any(true);
    if (!found) {
      std::string text =
          concat(g.name, "() received an invalid combination of arguments - got ",
                 describe_arguments(args + method, count - method, keywords), ", but expected one of:");
      for (const OpEntry* e : g.entries) text += "\n * " + std::string(e->signature.text);
      fail<TypeError>(text);
    }
  }
  if (call.layout) [[unlikely]]
    return made_sparse(g, args, count, keywords);
  if (live_vmaps) [[unlikely]] {
    if (g.random || has_batched(call, *found))
      return dispatch_batched(*found, call.values, how == How::InPlace, out);
  } else {
    refuse_escaped(call, *found);
  }
  PyObject* self = count ? args[0] : nullptr;
  if (!self && keywords && call.values[0].kind == Value::Kind::Tensor)  // relu(input=x, inplace=True)
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(keywords); ++k)
      if (is_tensor(args[k]) && tensor_of(args[k]).get() == call.values[0].tensor) self = args[k];
  return run_entry(*found, call.values, how, self, out);
}

PyObject* call_general(Group& g, How how, PyObject* const* args, Py_ssize_t count, PyObject* keywords,
                       PyObject* function, Style style, bool method = false) {
  if (any_override(args, count + (keywords ? PyTuple_GET_SIZE(keywords) : 0))) [[unlikely]]
    return override_group(g, how, function, args, count, keywords, style);
  Taken taken;
  if (keywords) {
    if ((g.scope & kOut) && how == How::Function && take_keyword("out", args, count, keywords, taken))
      return call_bound(g, how, taken.args.data(), count, taken.keywords, taken.value, method);
    if ((g.scope & kInPlaceNN) && take_keyword("inplace", args, count, keywords, taken)) {
      if (PyObject_IsTrue(taken.value) == 1) how = How::InPlace;
      return call_bound(g, how, taken.args.data(), count, taken.keywords, nullptr, method);
    }
  } else if ((g.scope & kInPlaceNN) && count == g.entries[0]->signature.positional + 1 &&
             !is_tensor(args[count - 1])) {
    const bool in_place = PyObject_IsTrue(args[count - 1]) == 1;  // F.relu(x, 1)
    return call_bound(g, in_place ? How::InPlace : how, args, count - 1, nullptr, nullptr, method);
  }
  return call_bound(g, how, args, count, keywords, nullptr, method);
}

}  // namespace

// Exact types in the places where they belong: x.sum(1), x.view(2, 3), cat([a, b], dim=1). Null: bind in
// full.
static PyObject* quick_call(const Group& g, How how, PyObject* self, PyObject* const* args, Py_ssize_t count,
                            PyObject* keywords) {
  if (g.random && live_vmaps) [[unlikely]]
    return nullptr;
  QuickArguments a(self, args, count, keywords);
  for (const QuickBinding& q : g.quick) {
    const QuickBinding::Fit fit = q.bind(a);
    if (fit == QuickBinding::Fit::Other) continue;
    if (fit == QuickBinding::Fit::Unsure) return nullptr;
    return run_entry(q.entry(), a.values, how, self ? self : count ? args[0] : nullptr, nullptr);
  }
  return nullptr;
}

static PyObject* call_as(Group& g, PyObject* const* args, Py_ssize_t count, PyObject* keywords,
                         PyObject* function, Style style) {
  PyObject* done = guarded([&]() -> PyObject* {
    if (override_modes) [[unlikely]]
      return override_group(g, How::Function, function, args, count, keywords, style);
    PyObject* at_once = nullptr;
    if (!keywords && quick_pointwise(g, nullptr, args, count, [&](const auto& op, const void* p, Arg* in) {
          at_once = wrap(pointwise(op, p, in));
        }))
      return at_once;
    if (PyObject* result = quick_call(g, How::Function, nullptr, args, count, keywords)) return result;
    return call_general(g, How::Function, args, count, keywords, function, style);
  });
  return advised(done, g.name.c_str(), nullptr, args, count, keywords);
}
PyObject* call_function(Group& g, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return call_as(g, args, count, keywords, nullptr, Style::Native);
}

static PyObject* with_self(Group& g, How how, PyObject* self, PyObject* const* args, Py_ssize_t count,
                           PyObject* keywords) {
  const Py_ssize_t all = count + (keywords ? PyTuple_GET_SIZE(keywords) : 0);
  if (all > 200) fail<TypeError>(g.name, "(): too many arguments");
  auto* both = static_cast<PyObject**>(__builtin_alloca(sizeof(PyObject*) * size_t(all + 1)));
  both[0] = self;
  for (Py_ssize_t i = 0; i < all; ++i) both[i + 1] = args[i];
  if (override_modes) [[unlikely]]
    return override_group(g, how, nullptr, both, count + 1, keywords, Style::Native);
  return call_general(g, how, both, count + 1, keywords, nullptr, Style::Native, true);
}

[[gnu::always_inline]] static inline PyObject* method_of(Group& g, PyObject* self, PyObject* const* args,
                                                         Py_ssize_t count, PyObject* keywords) {
  PyObject* done = guarded([&]() -> PyObject* {
    if (override_modes) [[unlikely]]
      return with_self(g, How::Function, self, args, count, keywords);
    PyObject* at_once = nullptr;
    if (!keywords && quick_pointwise(g, self, args, count, [&](const auto& op, const void* p, Arg* in) {
          at_once = wrap(pointwise(op, p, in));
        }))
      return at_once;
    if (g.of_self && !count && !keywords && is_plain_tensor(self) && !(g.random && live_vmaps)) {
      QuickArguments a(self, args, 0, nullptr);
      g.of_self->bind_self(a, tensor_of(self).get());
      return run_entry(g.of_self->entry(), a.values, How::Function, self, nullptr);
    }
    if (PyObject* result = quick_call(g, How::Function, self, args, count, keywords)) return result;
    return with_self(g, How::Function, self, args, count, keywords);
  });
  return advised(done, g.name.c_str(), self, args, count, keywords);
}

PyObject* call_method(Group& g, PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  return method_of(g, self, args, count, keywords);
}
PyObject* call_method_of(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords,
                         int group) noexcept {
  return method_of(groups[size_t(group)], self, args, count, keywords);
}

PyObject* call_inplace(Group& g, PyObject* self, PyObject* const* args, Py_ssize_t count,
                       PyObject* keywords) {
  PyObject* done = guarded([&]() -> PyObject* {
    if (override_modes) [[unlikely]]
      return with_self(g, How::InPlace, self, args, count, keywords);
    if (!keywords && quick_pointwise(g, self, args, count, pointwise_inplace)) return Py_NewRef(self);
    if (PyObject* result = quick_call(g, How::InPlace, self, args, count, keywords)) return result;
    return with_self(g, How::InPlace, self, args, count, keywords);
  });
  return advised(done, g.inplace_name.c_str(), self, args, count, keywords);
}

PyObject* call_inplace_of(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords,
                          int group) noexcept {
  return call_inplace(groups[size_t(group)], self, args, count, keywords);
}

// (index, arguments in the order of the signature, in place): one entry, however its arguments came.
PyObject* call_entry(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    if (n != 3 || !PyTuple_Check(args[1])) fail<TypeError>("_call_entry(index, arguments, inplace)");
    const auto& all = all_entries();
    const Py_ssize_t at = PyLong_AsSsize_t(args[0]);
    if (at < 0 || size_t(at) >= all.size()) fail<IndexError>("there is no entry ", at);
    const OpEntry& e = *all[size_t(at)];
    const Signature& s = e.signature;
    const Py_ssize_t given = PyTuple_GET_SIZE(args[1]);
    if (given != s.count) fail<TypeError>(s.name, "(): all ", s.count, " arguments are wanted");
    const Owned keywords(PyTuple_New(given - s.positional));
    for (Py_ssize_t i = s.positional; i < given; ++i) {
      const std::string_view name = s.params[i].name;
      PyTuple_SET_ITEM(keywords.get(), i - s.positional,
                       PyUnicode_FromStringAndSize(name.data(), Py_ssize_t(name.size())));
    }
    PyObject* const* items = PySequence_Fast_ITEMS(args[1]);
    const bool inplace = args[2] == Py_True;
    Call call;
    try_bind(s, items, s.positional, given > s.positional ? keywords.get() : nullptr, call, true,
             e.pointwise);
    if (live_vmaps && has_batched(call, e)) return dispatch_batched(e, call.values, inplace, nullptr);
    return run_entry(e, call.values, inplace ? How::InPlace : How::Function, given ? items[0] : nullptr,
                     nullptr);
  });
}

Group* find_group(std::string_view name) {
  build_groups();
  const auto found = by_name.find(std::string(name));
  return found == by_name.end() ? nullptr : found->second;
}

PyTypeObject* last_plain_subclass = nullptr;
bool is_plain_subclass(PyTypeObject* type) {
  if (type == last_plain_subclass) return true;
  static PyObject* disabled = imported("facula._C", "_disabled_torch_function_impl");
  static PyObject* name = PyUnicode_InternFromString("__torch_function__");
  PyObject* own = _PyType_Lookup(type, name);
  if (own != disabled || is_batched_type(type)) return false;
  Py_INCREF(type);
  Py_XDECREF(reinterpret_cast<PyObject*>(std::exchange(last_plain_subclass, type)));
  return true;
}

static PyObject* submodule(PyObject* module, const char* name) {
  PyObject* m = PyModule_New((std::string("facula._C.") + name).c_str());
  if (!m || PyModule_AddObjectRef(module, name, m) < 0) throw PythonErrorAlreadySet();
  return m;
}

// Module functions know their group, and themselves, by their `self`, a capsule.
struct Place {
  Group* group;
  PyObject* function;
  Style style;
};
static const Place& place_of(PyObject* capsule) {
  return *static_cast<Place*>(PyCapsule_GetPointer(capsule, nullptr));
}
static PyObject* function_entry(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  const Place& p = place_of(self);
  return call_as(*p.group, args, count, keywords, p.function, p.style);
}
static PyObject* inplace_entry(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  const Place& p = place_of(self);
  Group& g = *p.group;
  if (override_modes || any_override(args, count + (keywords ? PyTuple_GET_SIZE(keywords) : 0))) [[unlikely]]
    return guarded([&] { return override_call(p.function, args, count, keywords, p.style); });
  if (count < 1 || !is_tensor(args[0]))
    return PyErr_Format(PyExc_TypeError, "%s(): argument 'input' (position 1) must be Tensor",
                        g.inplace_name.c_str());
  return call_inplace(g, args[0], args + 1, count - 1, keywords);
}

static void add_function(PyObject* module, const char* name, FastFunction f, Group& g, Style style) {
  auto* def = new PyMethodDef{name, as_function(f), kFastCall, g.doc.c_str()};  // kept by the function object
  auto* place = new Place{&g, nullptr, style};
  const Owned capsule(PyCapsule_New(place, nullptr, nullptr));
  place->function = PyCFunction_NewEx(def, capsule.get(), nullptr);
  if (!place->function || PyModule_AddObject(module, name, place->function) < 0)
    throw PythonErrorAlreadySet();
}

int add_functions(PyObject* module) {
  return guarded([&] {
    build_groups();
    struct {
      uint32_t scope;
      PyObject* module;
    } places[] = {{kFunction, submodule(module, "_functions")},
                  {kNN, submodule(module, "_nn")},
                  {kSpecial, submodule(module, "_special")},
                  {kLinalg, submodule(module, "_linalg")},
                  {kPrivate, module}};
    for (int i = 0; i < int(groups.size()); ++i) {
      Group& g = groups[size_t(i)];
      for (const auto& place : places)
        if (g.scope & place.scope) {
          const Style style = place.scope == kNN ? Style::Python : Style::Native;
          add_function(place.module, g.name.c_str(), function_entry, g, style);
        }
      if ((g.scope & kInPlace) && (g.scope & kFunction))
        add_function(places[0].module, g.inplace_name.c_str(), inplace_entry, g, Style::Native);
      if (g.scope & kInPlaceNN)
        add_function(places[1].module, g.inplace_name.c_str(), inplace_entry, g, Style::Native);
    }
    return 0;
  });
}

const std::vector<PyMethodDef>& entry_methods() {
  static const std::vector<PyMethodDef> methods = [] {
    build_groups();
    std::vector<PyMethodDef> all;
    for (int i = 0; i < int(groups.size()); ++i) {
      Group& g = groups[size_t(i)];
      if (g.scope & kMethod)
        all.push_back({g.name.c_str(), as_function(method_thunk(i)), kFastCall, g.doc.c_str()});
      if (g.scope & kInPlace && g.scope & kMethod)
        all.push_back({g.inplace_name.c_str(), as_function(inplace_thunk(i)), kFastCall, g.doc.c_str()});
    }
    return all;
  }();
  return methods;
}

}  // namespace facula::python
