#include "python/run_entry.h"
#include "op/inplace.h"
#include "op/stored.h"
#include "python/args.h"

namespace facula::python {
namespace {

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

}  // namespace

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

}  // namespace facula::python
