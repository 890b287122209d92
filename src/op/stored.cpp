#include "op/stored.h"
#include <deque>

namespace facula {
namespace {

[[noreturn]] void refuse(const OpEntry& e, DType t) {
  fail<NotImplemented>("\"", e.signature.name, "_cpu\" not implemented for '", c_name(t), "'");
}

// The arguments with every tensor that the entry does not take as it is converted to what it is computed in.
class Wider {
 public:
  std::vector<Value> values;
  bool complex = false, floats = false;  // what was widened

  Wider(const OpEntry& e, const Value* given)
      : values(given, given + e.signature.count), entry_(e), asked_(asked(given)) {
    for (int i = 0; i < e.signature.count; ++i) {
      Value& v = values[size_t(i)];
      if (v.kind == Value::Kind::Tensor && v.tensor) {
        v.tensor = kept_.emplace_back(wide(Tensor(v.tensor))).get();
      } else if (v.kind == Value::Kind::Tensors) {
        std::vector<Tensor>& all = lists_.emplace_back(*v.tensors);
        for (Tensor& t : all)
          if (t) t = wide(t);
        v.tensors = &all;
      } else if (v.kind == Value::Kind::DType && is_stored_only(v.dtype) && !(e.scope & kAnyDType)) {
        if (v.dtype != DType::Complex32 || !(e.scope & kWideComplex32)) refuse(e, v.dtype);
        v.dtype = DType::Complex64;
        complex = true;
      }
    }
  }
  // A result in the type that the arguments had; one whose dtype was asked for has it.
  Tensor narrow(Tensor t) const {
    if (!t || asked_) return t;
    if (complex && t->dtype == DType::Complex64) return to_dtype(t, DType::Complex32);
    if (complex && t->dtype == DType::Float32) return to_dtype(t, DType::Float16);
    if (floats && t->dtype == DType::Float32) return to_dtype(t, float8_);
    return t;
  }

 private:
  bool asked(const Value* given) const {
    for (int i = 0; i < entry_.signature.count; ++i)
      if (given[i].kind == Value::Kind::DType && !is_stored_only(given[i].dtype)) return true;
    return false;
  }
  Tensor wide(Tensor t) {
    const DType own = t->dtype;
    if (!is_stored_only(own)) return t;
    const bool widened = entry_.scope & (is_complex(own) ? kWideComplex32 : kWideFloat8);
    if (!widened && !asked_) {
      if (entry_.scope & kAnyDType) return t;
      refuse(entry_, own);
    }
    if (is_complex(own)) complex = true;
    else if (floats && own != float8_) promote(own, float8_);  // says what is wrong
    else floats = true, float8_ = own;
    return to_dtype(t, compute_dtype(own));
  }

  const OpEntry& entry_;
  const bool asked_;
  DType float8_{};
  std::deque<Tensor> kept_;
  std::deque<std::vector<Tensor>> lists_;
};

}  // namespace

void invoke_wider(const OpEntry& e, const Value* values, Result& result) {
  const Wider w(e, values);
  if (!w.complex && !w.floats) return e.invoke(values, result);
  e.invoke(w.values.data(), result);
  result.tensor = w.narrow(std::move(result.tensor));
  for (Tensor& t : result.tensors) t = w.narrow(std::move(t));
  if (e.signature.name.back() == '_' && result.tensor && w.values[0].tensor != values[0].tensor)
    result.tensor = copy_(Tensor(values[0].tensor), result.tensor);
}

}  // namespace facula
