// Calls of structural and composite operations with types that have no kernels (core/dtype.h): passed on,
// computed in a wider type, or refused, as the entry's scope says.
#pragma once
#include <bit>
#include "op/entry.h"

namespace facula {

// Whether such a type is among the arguments.
inline bool reads_stored(const Signature& s, const Value* values) {
  for (uint32_t rest = s.typed; rest; rest &= rest - 1) {
    const Value& v = values[std::countr_zero(rest)];
    if (v.kind == Value::Kind::Tensor) {
      if (v.tensor && is_stored_only(v.tensor->dtype)) return true;
    } else if (v.kind == Value::Kind::Tensors) {
      for (const Tensor& t : *v.tensors)
        if (t && is_stored_only(t->dtype)) return true;
    } else if (v.kind == Value::Kind::DType && is_stored_only(v.dtype)) {
      return true;
    }
  }
  return false;
}
// Entries that are not pointwise and do not take any type whatever it is.
inline bool needs_wider(const OpEntry& e, const Value* values) {
  return (e.scope & (kAnyDType | kWideComplex32)) != kAnyDType && reads_stored(e.signature, values);
}

// e.invoke where needs_wider.
void invoke_wider(const OpEntry& e, const Value* values, Result& result);

}  // namespace facula
