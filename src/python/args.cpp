// Argument binding: from Python arguments to the Values of a signature, with errors that name function and
// argument.
#include "python/args.h"
#include "python/batching.h"
#include <algorithm>
#include "autograd/forward.h"
#include "op/pointwise.h"
#include "python/quick.h"

namespace facula::python {

void default_value(const Param& p, Value& v, Dims& ints, const std::vector<Tensor>& no_tensors) {
  v.kind = Value::Kind::None;
  v.tensor = nullptr;
  if (p.default_text == "None") return;
  switch (p.type) {
    case ParamType::Number:
    case ParamType::Float:
    case ParamType::Int:
    case ParamType::Bool:
      v.kind = Value::Kind::Number;
      v.number = p.default_value;
      return;
    case ParamType::Ints: {  // "[]", "[0, 1]", "1"
      ints.resize(0);
      int64_t value = 0;
      bool digits = false, negative = false;
      for (char c : p.default_text) {
        if (c == '-') negative = true;
        else if (c >= '0' && c <= '9') value = value * 10 + (c - '0'), digits = true;
        else if (digits) ints.push(negative ? -value : value), value = 0, digits = negative = false;
      }
      if (digits) ints.push(negative ? -value : value);
      v.kind = Value::Kind::Ints;
      v.ints = &ints;
      return;
    }
    case ParamType::Str:
      v.kind = Value::Kind::Str;
      v.text = p.default_text.data() + 1;  // 'mean'
      v.length = p.default_text.size() - 2;
      return;
    case ParamType::Tensors:
      v.kind = Value::Kind::Tensors;
      v.tensors = &no_tensors;
      return;
    default: return;
  }
}
namespace {

const char* python_name(const Param& p) {
  switch (p.type) {
    case ParamType::Tensor:
    case ParamType::Mask:
    case ParamType::Operand: return "Tensor";
    case ParamType::Tensors: return "tuple of Tensors";
    case ParamType::Number: return "Number";
    case ParamType::Float: return "float";
    case ParamType::Int: return "int";
    case ParamType::Bool: return "bool";
    case ParamType::Ints: return "tuple of ints";
    case ParamType::Floats: return "tuple of floats";
    case ParamType::DType: return "torch.dtype";
    case ParamType::Device: return "torch.device";
    case ParamType::Layout: return "torch.layout";
    case ParamType::MemoryFormat: return "torch.memory_format";
    case ParamType::Str: return "str";
    default: return "torch.Generator";
  }
}

// Programs written for NumPy's names.
bool is_synonym(std::string_view key, std::string_view name) {
  if (name == "dim") return key == "axis" || key == "axes";
  if (name == "keepdim") return key == "keepdims";
  if (name == "input") return key == "self" || key == "x" || key == "a" || key == "x1";
  if (name == "other") return key == "x2";
  return false;
}

bool number_of_tensor(PyObject* o, Scalar* out) {  // a 0-dim tensor where a number is wanted
  if (!is_tensor(o)) return false;
  TensorImpl& t = *tensor_of(o);
  if (t.ndim != 0 || t.is_meta() || requires_grad(t) || (mode.forward && tangent_of(t))) return false;
  const Owned value(item(t.dtype, t.data));
  return to_scalar(value.get(), out);
}

bool convert(const Param& p, PyObject* o, Value& v, Call& call) {
  if (o == Py_None) {
    v.kind = Value::Kind::None;
    v.tensor = nullptr;
    return p.optional;
  }
  switch (p.type) {
    case ParamType::Operand: {
      Scalar s;
      if (to_scalar(o, &s)) {
        v.kind = Value::Kind::Number;
        v.number = s;
        return true;
      }
      [[fallthrough]];
    }
    case ParamType::Tensor:
    case ParamType::Mask:
      if (!is_tensor(o)) return false;
      v.kind = Value::Kind::Tensor;
      v.tensor = tensor_of(o).get();
      return true;
    case ParamType::Tensors: {
      if (!PyTuple_Check(o) && !PyList_Check(o)) return false;
      if (call.used_tensors == 2) fail("too many lists of tensors");
      std::vector<Tensor>& list = call.tensors[call.used_tensors++];
      const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
      list.clear();
      list.reserve(size_t(n));
      for (Py_ssize_t i = 0; i < n; ++i) {
        PyObject* t = PySequence_Fast_GET_ITEM(o, i);
        if (t == Py_None && p.optional) {
          list.emplace_back();
          continue;
        }
        if (!is_tensor(t)) {
          call.bad_item = i;
          call.bad_object = t;
          return false;
        }
        list.push_back(tensor_of(t));
      }
      v.kind = Value::Kind::Tensors;
      v.tensors = &list;
      return true;
    }
    case ParamType::Number:
    case ParamType::Float:
      if (live_vmaps && batched_as_number && is_batched(o) && tensor_of(o)->ndim == 0)
          [[unlikely]] {  // its batch rule sees to it
        v.kind = Value::Kind::Tensor;
        v.tensor = tensor_of(o).get();
        return true;
      }
      v.kind = Value::Kind::Number;
      if (!to_scalar(o, &v.number) && !number_of_tensor(o, &v.number)) return false;
      return p.type == ParamType::Number || !v.number.is_complex();
    case ParamType::Int: {
      int64_t i;
      if (!to_int(o, &i)) return false;
      v.kind = Value::Kind::Number;
      v.number = i;
      return true;
    }
    case ParamType::Bool:
      if (p.name == "size_average" || p.name == "reduce") {  // any object is true or not
        const int truth = PyObject_IsTrue(o);
        if (truth < 0) throw PythonErrorAlreadySet();
        v.kind = Value::Kind::Number;
        v.number = truth == 1;
        return true;
      }
      if (!PyBool_Check(o)) {
        Scalar s;
        if (!(is_tensor(o) && number_of_tensor(o, &s) && s.kind == Scalar::Kind::Bool)) {
          if (std::string_view(Py_TYPE(o)->tp_name).substr(0, 10) != "numpy.bool") return false;
        }
      }
      v.kind = Value::Kind::Number;
      v.number = PyObject_IsTrue(o) == 1;
      return true;
    case ParamType::Ints: {
      if (call.used_ints == int(std::size(call.ints))) fail("too many lists of ints");
      Dims& d = call.ints[call.used_ints];
      int64_t i;
      if (!to_ints(o, &d)) {
        if (!p.one_int || !to_int(o, &i)) return false;
        d.resize(1);
        d[0] = i;
      }
      ++call.used_ints;
      v.kind = Value::Kind::Ints;
      v.ints = &d;
      return true;
    }
    case ParamType::Floats: {
      if (!PyTuple_Check(o) && !PyList_Check(o)) return false;
      call.floats.clear();
      for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i) {
        Scalar s;
        if (!to_scalar(PySequence_Fast_GET_ITEM(o, i), &s)) return false;
        call.floats.push_back(double(s));
      }
      v.kind = Value::Kind::Floats;
      v.floats = &call.floats;
      return true;
    }
    case ParamType::DType: v.kind = Value::Kind::DType; return to_dtype_object(o, &v.dtype);
    case ParamType::Device: {
      Device d;
      if (!to_device(o, &d)) return false;
      v.kind = Value::Kind::Device;
      v.device = d;
      return true;
    }
    case ParamType::Layout:
      v.kind =
          Value::Kind::None;  // entries know strided alone; what an earlier call left here must not be read
      if (Py_TYPE(o) != &LayoutType) return false;
      if (const int64_t layout = reinterpret_cast<ConstantObject*>(o)->value;
          0 < layout && layout <= kLastSparse)
        call.layout = o;
      return true;
    case ParamType::MemoryFormat:
      if (Py_TYPE(o) != &MemoryFormatType) return false;
      v.kind = Value::Kind::MemoryFormat;
      v.memory_format = MemoryFormat(reinterpret_cast<ConstantObject*>(o)->value);
      return true;
    case ParamType::Str: {
      if (!PyUnicode_Check(o)) return false;
      Py_ssize_t n;
      v.text = PyUnicode_AsUTF8AndSize(o, &n);
      if (!v.text) throw PythonErrorAlreadySet();
      v.kind = Value::Kind::Str;
      v.length = size_t(n);
      return true;
    }
    default:
      if (Py_TYPE(o) != &GeneratorType) return false;
      v.kind = Value::Kind::Generator;
      v.generator = generator_of(o);
      return true;
  }
}

void set_default(const Param& p, Value& v, Call& call) {
  static const std::vector<Tensor> no_tensors;
  if (call.used_ints == int(std::size(call.ints))) fail("too many lists of ints");
  default_value(p, v, call.ints[call.used_ints], no_tensors);
  call.used_ints += v.kind == Value::Kind::Ints;
}

}  // namespace

[[noreturn]] void wrong_type(const Signature& s, int position, PyObject* got, const Call& call) {
  const Param& p = s.params[position];
  if (call.bad_object)
    fail<TypeError>("expected Tensor as element ", call.bad_item, " in argument ", position, ", but got ",
                    Py_TYPE(call.bad_object)->tp_name);
  if (p.name == "reduction" && p.type == ParamType::Str) {
    const Owned text(PyObject_Str(got));
    const char* shown = text.get() ? PyUnicode_AsUTF8(text.get()) : nullptr;
    if (!shown) throw PythonErrorAlreadySet();
    fail<ValueError>(shown, " is not a valid value for reduction");
  }
  const bool named = p.keyword_only;
  const std::string at = named ? "" : concat(" (position ", position + (call.method ? 0 : 1), ")");
  fail<TypeError>(s.name, "(): argument '", p.name, "'", at, " must be ", python_name(p), ", not ",
                  got == Py_None   ? "NoneType"
                  : is_tensor(got) ? "Tensor"
                                   : Py_TYPE(got)->tp_name);
}

bool try_bind(const Signature& s, PyObject* const* args, Py_ssize_t count, PyObject* keywords, Call& call,
              bool throws, const PointwiseOp* op) {
  const Numbers numbers = op ? op->info->numbers : Numbers::None;
  PyObject* slots[Signature::kMaxParams] = {};
  call.used_ints = call.used_tensors = 0;
  call.bad_object = nullptr;
  Py_ssize_t positional = count;
  bool spread = false;  // x.view(2, 3)
  int spread_at = 0;
  for (int i = 0; i < s.positional; ++i)
    if (s.params[i].varargs && (i == 0 || call.method) && count > i && !PyTuple_Check(args[i]) &&
        !PyList_Check(args[i]) && args[i] != Py_None) {
      spread = true;
      spread_at = i;
      positional = i;
    }
  if (positional > s.positional) {
    if (!throws) return false;
    const int expected = s.positional - call.method;
    const Py_ssize_t given = count - call.method;
    fail<TypeError>(s.name, "() takes ", expected, " positional argument", expected == 1 ? "" : "s", " but ",
                    given, given == 1 ? " was given" : " were given");
  }
  for (Py_ssize_t i = 0; i < positional; ++i) slots[i] = args[i];
  const Py_ssize_t named = keywords ? PyTuple_GET_SIZE(keywords) : 0;
  for (Py_ssize_t k = 0; k < named; ++k) {
    Py_ssize_t length;
    const char* text = PyUnicode_AsUTF8AndSize(PyTuple_GET_ITEM(keywords, k), &length);
    if (!text) throw PythonErrorAlreadySet();
    const std::string_view key(text, size_t(length));
    int i = 0;
    while (i < s.count && s.params[i].name != key) ++i;
    if (i == s.count)
      for (i = 0; i < s.count && !is_synonym(key, s.params[i].name);) ++i;
    if (i == s.count) {
      if (!throws) return false;
      fail<TypeError>(s.name, "() got an unexpected keyword argument '", key, "'; signature: ", s.text);
    }
    if (slots[i] || (spread && i == spread_at)) {
      if (!throws) return false;
      fail<TypeError>(s.name, "() got multiple values for argument '", key, "'");
    }
    slots[i] = args[count + k];
  }
  for (int i = 0; i < s.count; ++i) {
    const Param& p = s.params[i];
    Value& v = call.values[i];
    if (spread && i == spread_at && p.type == ParamType::Tensors) {
      const Owned list(PyTuple_New(count - positional));
      for (Py_ssize_t k = positional; k < count; ++k)
        PyTuple_SET_ITEM(list.get(), k - positional, Py_NewRef(args[k]));
      if (!convert(p, list.get(), v, call)) {
        if (!throws) return false;
        wrong_type(s, i, list.get(), call);
      }
    } else if (spread && i == spread_at) {
      Dims& d = call.ints[call.used_ints++];
      d.resize(0);
      for (Py_ssize_t k = positional; k < count; ++k) {
        int64_t n;
        if (PyBool_Check(args[k]) && k > positional) n = args[k] == Py_True;
        else if (!to_int(args[k], &n)) {
          if (!throws) return false;
          wrong_type(s, i, args[k], call);
        }
        d.push(n);
      }
      v.kind = Value::Kind::Ints;
      v.ints = &d;
    } else if (slots[i]) {
      if (op && p.type == ParamType::Tensor && takes_number(*op, i) && to_scalar(slots[i], &v.number)) {
        v.kind = Value::Kind::Number;
        continue;
      }
      if (!convert(p, slots[i], v, call)) {
        if (!throws) return false;
        wrong_type(s, i, slots[i], call);
      }
    } else if (p.has_default) {
      set_default(p, v, call);
    } else if (p.varargs && p.type == ParamType::Tensors) {
      set_default(p, v, call);
    } else {
      if (!throws) return false;
      fail<TypeError>(s.name, "() missing 1 required positional arguments: \"", p.name,
                      "\"; signature: ", s.text);
    }
  }
  if (numbers == Numbers::One) {  // some operand must be a tensor
    bool any = false;
    for (int i = 0; i < s.tensors; ++i) any |= call.values[i].kind == Value::Kind::Tensor;
    if (!any) {
      if (!throws) return false;
      wrong_type(s, 0, slots[0], call);
    }
  }
  return true;
}

void bind(const Signature& s, PyObject* const* args, Py_ssize_t count, PyObject* keywords, Call& call) {
  try_bind(s, args, count, keywords, call, true, nullptr);
}

void bind_objects(const char* function, std::initializer_list<const char*> names, int required,
                  PyObject* const* args, Py_ssize_t count, PyObject* keywords, PyObject** slots) {
  const int total = int(names.size());
  if (count > total) fail<TypeError>(function, "() takes at most ", total, " arguments (", count, " given)");
  for (int i = 0; i < total; ++i) slots[i] = i < count ? args[i] : nullptr;
  const Py_ssize_t named = keywords ? PyTuple_GET_SIZE(keywords) : 0;
  for (Py_ssize_t k = 0; k < named; ++k) {
    const char* text = PyUnicode_AsUTF8(PyTuple_GET_ITEM(keywords, k));
    if (!text) throw PythonErrorAlreadySet();
    int i = 0;
    while (i < total && std::string_view(names.begin()[i]) != text) ++i;
    if (i == total) fail<TypeError>(function, "() got an unexpected keyword argument '", text, "'");
    if (slots[i]) fail<TypeError>(function, "() got multiple values for argument '", text, "'");
    slots[i] = args[count + k];
  }
  for (int i = 0; i < required; ++i)
    if (!slots[i])
      fail<TypeError>(function, "() missing required argument '", names.begin()[i], "' (position ", i + 1,
                      ")");
}

std::string describe_arguments(PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  std::string s = "(";
  const Py_ssize_t named = keywords ? PyTuple_GET_SIZE(keywords) : 0;
  for (Py_ssize_t i = 0; i < count + named; ++i) {
    if (i) s += ", ";
    const Py_ssize_t at = i < count ? i : count + named - 1 - (i - count);  // keywords: the last one first
    if (i >= count) s += std::string(PyUnicode_AsUTF8(PyTuple_GET_ITEM(keywords, at - count))) + "=";
    s += args[at] == Py_None ? "NoneType" : is_tensor(args[at]) ? "Tensor" : Py_TYPE(args[at])->tp_name;
  }
  if (!count && named == 1) s += ", ";
  return s + ")";
}

}  // namespace facula::python
