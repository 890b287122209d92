// A bound call of an entry: computes, records, stores in out= or in place.
#pragma once
#include "python/convert.h"

namespace facula::python {

enum class How : uint8_t { Function, InPlace };

// `values` in the order of the signature (they may be changed). In place: into `self`. `out`: what out= was,
// or null.
PyObject* run_entry(const OpEntry& e, Value* values, How how, PyObject* self, PyObject* out);

// Whether float32 may be too narrow for a number: then the operation is asked whether its type is.
inline bool is_wide(const Value& v) {
  return v.kind == Value::Kind::Number &&
         (v.number.is_complex() || std::abs(double(v.number)) > 0x1.fffffep127);
}

}  // namespace facula::python
