// Binding for calls that need no thought: arguments of exactly the types that the signature names. Whatever
// else comes (subclasses, numbers of NumPy, out=, errors) is left to args.cpp.
#pragma once
#include <array>
#include <memory>
#include "python/convert.h"

namespace facula::python {

// Whether a Python number may stand for this operand (OpInfo::numbers).
bool takes_number(const PointwiseOp&, int operand);

class QuickArguments {
 public:
  // `self`, when given, goes before the others.
  QuickArguments(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords)
      : self_(self), args_(args), count_(count), keywords_(keywords) {}
  ~QuickArguments() {
    if (tensors_.capacity()) keep_tensors();
  }
  QuickArguments(const QuickArguments&) = delete;

  union {
    Value values[Signature::kMaxParams];  // raw: only those of the signature's parameters are ever set
  };

 private:
  friend class QuickBinding;
  int given() const { return int(count_) + (self_ ? 1 : 0); }
  PyObject* at(int i) const { return self_ ? i ? args_[i - 1] : self_ : args_[i]; }
  void take_tensors();
  void keep_tensors();

  PyObject* self_;
  PyObject* const* args_;
  Py_ssize_t count_;
  PyObject* keywords_;
  Dims ints_[2];
  int used_ints_ = 0;
  std::vector<Tensor> tensors_;
};

class QuickBinding {
 public:
  enum class Fit : uint8_t {
    Bound,
    Other,   // this overload does not take so many arguments: the next one may
    Unsure,  // the types are not exact: bind in full
  };
  explicit QuickBinding(const OpEntry&);
  Fit bind(QuickArguments&) const;
  // A call with one tensor and nothing else.
  bool takes_self_alone() const {
    const Signature& s = entry_->signature;
    return s.count > 0 && s.params[0].type == ParamType::Tensor && optional_ == 1 && varargs_ < 0;
  }
  void bind_self(QuickArguments& a, TensorImpl* self) const {
    std::memcpy(static_cast<void*>(a.values), defaults_.data(), sizeof(Value) * defaults_.size());
    a.values[0].kind = Value::Kind::Tensor;
    a.values[0].tensor = self;
  }
  const OpEntry& entry() const { return *entry_; }
  const Value* defaults() const { return defaults_.data(); }

 private:
  bool convert(const Param&, PyObject*, Value&, QuickArguments&) const;
  bool is_number_for_tensor(const Param&, PyObject*) const;
  bool spread(int from, QuickArguments&) const;

  const OpEntry* entry_;
  int optional_ = 0;  // all parameters from here on may be left out
  int varargs_ = -1;  // the parameter that takes all further positions
  std::vector<Value> defaults_;
  std::vector<PyObject*> names_;              // interned
  std::vector<std::unique_ptr<Dims>> lists_;  // what defaults point to
};

}  // namespace facula::python
