// From a Python call to an entry: picks the overload, runs it in the form asked for, wraps the result.
#include "op/inplace.h"
#include "op/stored.h"
#include "ops/product.h"
#include "python/advice.h"
#include "python/args.h"
#include "python/override.h"
#include "python/batching.h"
#include "python/quick.h"
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

enum class How : uint8_t { Function, InPlace };

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

// Whether float32 may be too narrow for a number: then the operation is asked whether its type is.
bool is_wide(const Value& v) {
  return v.kind == Value::Kind::Number &&
         (v.number.is_complex() || std::abs(double(v.number)) > 0x1.fffffep127);
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

PyObject* run_pointwise(const OpEntry& e, const Value* values, How how, PyObject* self, PyObject* out) {
  const PointwiseOp& op = *e.pointwise;
  const Signature& s = e.signature;
  Arg in[kMaxArity];
  for (int i = 0; i < s.tensors; ++i) {
    const Value& v = values[i];
    in[i] = v.kind == Value::Kind::Tensor ? Arg(v.tensor) : Arg(v.number);
  }
  Tensor number;  // add(2, 3): the first becomes a tensor
  if (op.info->numbers == Numbers::Any && !in[0].tensor && !in[1].tensor) {
    number = full(Dims(), in[0].scalar, dtype_of(in[0].scalar), Device());
    in[0] = Arg(number);
  }
  alignas(16) char params[kMaxParams];
  op.make(params, values + s.tensors);
  for (int i = s.tensors; i < s.count; ++i)
    if (is_wide(values[i])) require_parameters(op, params, in);
  if (how == How::InPlace) {
    pointwise_inplace(op, params, in);
    return Py_NewRef(self);
  }
  if (out) {
    pointwise_out(op, params, in, tensor_of(out));
    return Py_NewRef(out);
  }
  return wrap(pointwise(op, params, in));
}

bool any_requires_grad(const Signature& s, const Value* values) {
  for (int i = 0; i < s.count; ++i) {
    const Value& v = values[i];
    if (v.kind == Value::Kind::Tensor && v.tensor && requires_grad(*v.tensor)) return true;
  }
  return false;
}

constexpr uint16_t kExactBit = kExactOut & ~kOut, kApartBit = kApartOut & ~kExactOut,
                   kLikeBit = kOutLikeResult & ~kOut;

// kApartOut, and in part kOutLikeResult: before anything is computed.
void require_apart(const OpEntry& e, const Value* values, const Tensor& out) {
  require_writable(*out);
  for (int i = 0; i < e.signature.count; ++i)
    if (values[i].kind == Value::Kind::Tensor && values[i].tensor) {
      if (e.scope & kApartBit) require_no_overlap(*out, *values[i].tensor);
      else require_no_partial_overlap(*out, *values[i].tensor);
    }
}
// The entry's own words, or the usual ones, for an out= that is not of the type `wanted`.
[[gnu::cold]] [[noreturn]] void fail_out(const OpEntry& e, DType wanted, DType given, size_t which) {
  std::string_view text =
      e.out_text ? e.out_text : "Expected out tensor to have dtype $r, but got $o instead";
  if (text.starts_with('~')) text.remove_prefix(1);
  for (; which && text.find('|') != text.npos; --which) text.remove_prefix(text.find('|') + 1);
  text = text.substr(0, text.find('|'));
  std::string said;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] == '$' ? text[++i] : '\0';
    if (!c) said += text[i];
    else said += c == 'R' ? c_name(wanted) : c == 'O' ? c_name(given) : type_text(c == 'r' ? wanted : given);
  }
  fail(said);
}
// rand, eye, multinomial: no results of other tensors' elements.
bool makes_anew(const Signature& s) {
  for (int i = 0; i < s.count; ++i)
    if (s.params[i].type == ParamType::Layout || s.params[i].type == ParamType::Generator) return true;
  return false;
}
void store(const OpEntry& e, const Tensor& out, const Tensor& result, size_t which = 0) {
  const auto is_byte = [](DType t) { return t == DType::Bool || t == DType::UInt8; };
  // any() and all() say it in either.
  const bool either = e.out_text && *e.out_text == '~' && is_byte(out->dtype) && is_byte(result->dtype);
  if ((e.scope & kExactBit) && out->dtype != result->dtype && !either)
    fail_out(e, result->dtype, out->dtype, which);
  // LAPACK's results lie by columns.
  if (makes_anew(e.signature) && !(out->shape() == result->shape())) {  // without a warning
    require_writable(*out);
    resize_tensor(*out, result->shape(), contiguous_strides(result->shape()));
  }
  const Tensor kept = either ? to_dtype(result, out->dtype) : result;
  copy_to_out(out, kept, e.signature.name, e.scope & (kLinalg | kLikeBit));
}

// What PyTorch looks at before it computes, asked only once something has failed: out= of what requires a
// gradient, and views whose history can no longer be told.
[[gnu::cold]] [[gnu::noinline]] void refuse_before(const OpEntry& e, const Value* values, PyObject* out) {
  if (!mode.grad || e.signature.name.ends_with('_')) return;
  bool any = out && is_tensor(out) && requires_grad(*tensor_of(out));
  const auto look = [&](TensorImpl* t) {
    if (!t || !requires_grad(*t)) return;
    any = true;
    grad_fn(t);
  };
  for (int i = 0; i < e.signature.count; ++i) {
    if (values[i].kind == Value::Kind::Tensor) look(values[i].tensor);
    else if (values[i].kind == Value::Kind::Tensors)
      for (const Tensor& t : *values[i].tensors) look(t.get());
  }
  if (out && any)
    fail(e.signature.name,
         "(): functions with out=... arguments don't support automatic differentiation, but one of the "
         "arguments requires grad.");
}

// scatter_(), index_add_() and the like: what they write and where to must not lie in what is written to.
bool writes_to_places(const OpEntry& e) {
  bool index = false, source = false;
  for (int i = 0; i < e.signature.count; ++i) {
    const std::string_view name = e.signature.params[i].name;
    index |= name == "index";
    source |= name == "source" || name == "src";
  }
  return index && source;
}
bool meets_sources(const OpEntry& e, const Value* values, const TensorImpl& target) {
  for (int i = 1; i < e.signature.count; ++i)
    if (values[i].kind == Value::Kind::Tensor && values[i].tensor &&
        values[i].tensor->storage == target.storage &&
        memory_overlap(target, *values[i].tensor) != Overlap::No)
      return true;
  return false;
}
[[noreturn]] void fail_overlap() {
  fail(
      "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single "
      "memory location. Please clone() the tensor before performing the operation.");
}

PyObject* run_entry(const OpEntry& e, Value* values, How how, PyObject* self, PyObject* out) {
  if (e.pointwise) return run_pointwise(e, values, how, self, out);
  const bool wider = needs_wider(e, values);
  if (how == How::Function && !out && e.direct && !wider) [[likely]] {
    try {
      return wrap(e.direct(values));
    } catch (const std::exception&) {
      refuse_before(e, values, nullptr);
      throw;
    }
  }
  Result r;
  const auto invoke = [&] {
    try {
      if (wider) invoke_wider(e, values, r);
      else e.invoke(values, r);
    } catch (const std::exception&) {
      refuse_before(e, values, out);
      throw;
    }
  };
  if (how == How::InPlace) {
    const Tensor target = tensor_of(self);
    const bool recorded = any_requires_grad(e.signature, values);
    check_assign(target, recorded, e.signature.name);
    const bool meets = writes_to_places(e) && meets_sources(e, values, *target);
    Tensor before;  // the derivative may read what is overwritten
    if (recorded && mode.grad && is_floating(target->dtype)) {
      before = old_value(*target);
      for (int i = 0; i < e.signature.count; ++i)
        if (Value& v = values[i]; v.kind == Value::Kind::Tensor && v.tensor == target.get())
          v.tensor = before.get();
    }
    invoke();
    if (meets) fail_overlap();
    assign(target, r.tensor);
    return Py_NewRef(self);
  }
  if (out && (e.scope & (kApartBit | kLikeBit))) {
    if (is_tensor(out)) require_apart(e, values, tensor_of(out));
    else if (PyTuple_Check(out) || PyList_Check(out))
      for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(out); ++i)
        if (PyObject* o = PySequence_Fast_GET_ITEM(out, i); is_tensor(o))
          require_apart(e, values, tensor_of(o));
  }
  if (out && is_tensor(out) && !(e.scope & kExactBit))  // computed in the type of out=
    for (int i = 0; i < e.signature.count; ++i)
      if (Value& v = values[i];
          e.signature.params[i].type == ParamType::DType && e.signature.params[i].name == "dtype") {
        const DType own = tensor_of(out)->dtype;
        if (v.kind == Value::Kind::DType && v.dtype != own) fail_out(e, v.dtype, own, 0);
        if (e.input_decides && values[0].kind == Value::Kind::Tensor && !is_floating(values[0].tensor->dtype))
          continue;
        v.kind = Value::Kind::DType;
        v.dtype = own;
      }
  invoke();
  if (!out) return wrap(r, e);
  if (r.kind == Result::Kind::Tensor) {
    if (!is_tensor(out))
      fail<TypeError>(e.signature.name, "(): argument 'out' must be Tensor, not ", Py_TYPE(out)->tp_name);
    store(e, tensor_of(out), r.tensor);
    return Py_NewRef(out);
  }
  if (!(e.scope & kOut) && is_tensor(out))
    fail(e.signature.name, " does not support the out kwarg when ",
         e.signature.params[e.signature.count - 1].name, " is True");
  if (!PyTuple_Check(out) && !PyList_Check(out))
    fail<TypeError>(e.signature.name, "(): argument 'out' must be tuple of Tensors, not ",
                    Py_TYPE(out)->tp_name);
  if (size_t(PySequence_Fast_GET_SIZE(out)) != r.tensors.size())
    fail<TypeError>(e.signature.name, "(): 'out' must hold ", r.tensors.size(), " tensors");
  for (size_t i = 0; i < r.tensors.size(); ++i) {
    PyObject* o = PySequence_Fast_GET_ITEM(out, Py_ssize_t(i));
    if (!is_tensor(o)) fail<TypeError>(e.signature.name, "(): argument 'out' must be tuple of Tensors");
    store(e, tensor_of(o), r.tensors[i], i);
    r.tensors[i] = tensor_of(o);
  }
  return wrap(r, e, true);
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

PyObject* call_method(Group& g, PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
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
Group& group_at(int i) { return groups[size_t(i)]; }

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
