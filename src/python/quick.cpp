#include "python/quick.h"
#include "op/pointwise.h"
#include "python/args.h"

namespace facula::python {
namespace {

std::vector<Tensor> spare;  // its capacity serves call after call; guarded by the GIL
const std::vector<Tensor> no_tensors;

void set(Value& v, Scalar s) {
  v.kind = Value::Kind::Number;
  v.number = s;
}

}  // namespace

bool exact_int_of_any_size(PyObject* o, int64_t* out) {
  int overflow;
  *out = PyLong_AsLongLongAndOverflow(o, &overflow);
  return !overflow;
}

bool takes_number(const PointwiseOp& op, int operand) {
  const Numbers n = op.info->numbers;
  if (n == Numbers::Last) return operand == op.arity - 1;
  return n == Numbers::First ? operand == 0 : n != Numbers::None;
}

void QuickArguments::take_tensors() { tensors_.swap(spare); }
void QuickArguments::keep_tensors() {
  tensors_.clear();
  if (tensors_.capacity() > spare.capacity()) tensors_.swap(spare);
}

QuickBinding::QuickBinding(const OpEntry& e) : entry_(&e) {
  const Signature& s = e.signature;
  defaults_.resize(size_t(s.count));
  for (int i = 0; i < s.count; ++i) {
    const Param& p = s.params[i];
    if (p.varargs) varargs_ = i;
    names_.push_back(PyUnicode_FromStringAndSize(p.name.data(), Py_ssize_t(p.name.size())));
    PyUnicode_InternInPlace(&names_.back());
    if (p.has_default) {
      lists_.push_back(std::make_unique<Dims>());
      default_value(p, defaults_[size_t(i)], *lists_.back(), no_tensors);
    } else if (p.varargs && p.type == ParamType::Tensors) {
      defaults_[size_t(i)].kind = Value::Kind::Tensors;
      defaults_[size_t(i)].tensors = &no_tensors;
    } else {
      optional_ = i + 1;
    }
  }
}

bool QuickBinding::convert(const Param& p, PyObject* o, Value& v, QuickArguments& a) const {
  int64_t i;
  switch (p.type) {
    case ParamType::Operand:
    case ParamType::Tensor:
    case ParamType::Mask:
      if (is_plain_tensor(o)) {
        v.kind = Value::Kind::Tensor;
        v.tensor = tensor_of(o).get();
        return true;
      }
      if (p.type == ParamType::Operand ||
          (entry_->pointwise && takes_number(*entry_->pointwise, int(&p - entry_->signature.params)))) {
        if (PyFloat_CheckExact(o)) return set(v, PyFloat_AS_DOUBLE(o)), true;
        if (exact_int(o, &i)) return set(v, i), true;
      }
      break;
    case ParamType::Number:
    case ParamType::Float:
      if (PyFloat_CheckExact(o)) return set(v, PyFloat_AS_DOUBLE(o)), true;
      if (exact_int(o, &i)) return set(v, i), true;
      break;
    case ParamType::Int:
      if (exact_int(o, &i)) return set(v, i), true;
      break;
    case ParamType::Bool:
      if (PyBool_Check(o)) return set(v, o == Py_True), true;
      break;
    case ParamType::Ints: {
      if (a.used_ints_ == int(std::size(a.ints_))) return false;
      Dims& d = a.ints_[a.used_ints_];
      if (PyTuple_Check(o) || PyList_CheckExact(o)) {
        const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
        if (n > 64) return false;
        d.resize(int(n));
        for (Py_ssize_t k = 0; k < n; ++k)
          if (!exact_int(PySequence_Fast_GET_ITEM(o, k), &d[int(k)])) return false;
      } else if (p.one_int && exact_int(o, &i)) {
        d.resize(1);
        d[0] = i;
      } else {
        break;
      }
      ++a.used_ints_;
      v.kind = Value::Kind::Ints;
      v.ints = &d;
      return true;
    }
    case ParamType::Tensors: {
      if ((!PyTuple_CheckExact(o) && !PyList_CheckExact(o)) || !a.tensors_.empty()) return false;
      a.take_tensors();
      const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
      for (Py_ssize_t k = 0; k < n; ++k) {
        PyObject* item = PySequence_Fast_GET_ITEM(o, k);
        if (!is_plain_tensor(item)) return false;
        a.tensors_.push_back(tensor_of(item));
      }
      v.kind = Value::Kind::Tensors;
      v.tensors = &a.tensors_;
      return true;
    }
    case ParamType::DType:
      if (Py_TYPE(o) != &DTypeType) break;
      v.kind = Value::Kind::DType;
      v.dtype = dtype_of_object(o);
      return true;
    default: break;
  }
  if (o != Py_None || !p.optional) return false;
  v.kind = Value::Kind::None;
  v.tensor = nullptr;
  return true;
}

// clamp_min(x, 0): where only a tensor will do, the next overload takes the number.
bool QuickBinding::is_number_for_tensor(const Param& p, PyObject* o) const {
  return entry_->pointwise && p.type == ParamType::Tensor &&
         (PyFloat_CheckExact(o) || PyLong_CheckExact(o)) &&
         !takes_number(*entry_->pointwise, int(&p - entry_->signature.params));
}

// x.view(2, 3): all positions from here on are one list of ints.
bool QuickBinding::spread(int from, QuickArguments& a) const {
  const int n = a.given() - from;
  if (entry_->signature.params[from].type != ParamType::Ints || n > 64 ||
      a.used_ints_ == int(std::size(a.ints_)))
    return false;
  Dims& d = a.ints_[a.used_ints_++];
  d.resize(n);
  for (int k = 0; k < n; ++k)
    if (!exact_int(a.at(from + k), &d[k])) return false;
  a.values[from].kind = Value::Kind::Ints;
  a.values[from].ints = &d;
  return true;
}

QuickBinding::Fit QuickBinding::bind(QuickArguments& a) const {
  const Signature& s = entry_->signature;
  const int given = a.given();
  const bool spreads =
      varargs_ >= 0 && (varargs_ == 0 || a.self_) && given > varargs_ && PyLong_CheckExact(a.at(varargs_));
  if (!spreads && given > s.positional) return varargs_ < 0 ? Fit::Other : Fit::Unsure;
  if (!a.keywords_ && given < s.required) return Fit::Other;
  const Param* params = s.params;
  const int by_position = spreads ? varargs_ : given;
  uint32_t set = 0;
  a.used_ints_ = 0;
  bool any_tensor = false;
  for (int i = 0; i < by_position; ++i) {
    if (!convert(params[i], a.at(i), a.values[i], a))
      return is_number_for_tensor(params[i], a.at(i)) ? Fit::Other : Fit::Unsure;
    any_tensor |= a.values[i].kind == Value::Kind::Tensor;
    set |= 1u << i;
  }
  if (spreads) {
    if (!spread(varargs_, a)) return Fit::Unsure;
    set |= 1u << varargs_;
  }
  if (a.keywords_)
    for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(a.keywords_); ++k) {
      PyObject* key = PyTuple_GET_ITEM(a.keywords_, k);
      int i = 0;
      while (i < s.count && names_[size_t(i)] != key) ++i;
      if (i == s.count || set >> i & 1 || !convert(params[i], a.args_[a.count_ + k], a.values[i], a))
        return Fit::Unsure;
      set |= 1u << i;
    }
  for (int i = 0; i < s.count; ++i) {
    if (set >> i & 1) continue;
    if (i < optional_ && !params[i].has_default) return Fit::Unsure;
    std::memcpy(static_cast<void*>(&a.values[i]), &defaults_[size_t(i)], sizeof(Value));
  }
  return entry_->pointwise && !any_tensor ? Fit::Unsure : Fit::Bound;
}

}  // namespace facula::python
