#include "core/dtype.h"
#include <algorithm>
#include "core/error.h"

namespace facula {

DType default_dtype = DType::Float32;

DType promote_rare(DType a, DType b) {
  if (a == b) return a;
  const int ca = category(a), cb = category(b);
  if (a == DType::Bool || b == DType::Bool) return a == DType::Bool ? b : a;
  if (a > DType::Complex128 || b > DType::Complex128)
    fail("Promotion for Float8 Types is not supported, attempted to promote ", c_name(a), " and ", c_name(b));
  if (ca == 3 || cb == 3) {
    const bool wide =
        a == DType::Complex128 || b == DType::Complex128 || a == DType::Float64 || b == DType::Float64;
    return wide ? DType::Complex128 : DType::Complex64;
  }
  if (ca != cb) return ca > cb ? a : b;
  if (ca == 2) return is_half(a) && is_half(b) ? DType::Float32 : std::max(a, b);
  const bool a_rare = a >= DType::UInt16, b_rare = b >= DType::UInt16;
  if (a_rare || b_rare) {
    const DType other = a_rare ? b : a;
    if ((a_rare && b_rare) || other == DType::UInt8) return std::max(a, b);
    fail("Promotion for uint16, uint32, uint64 types is not supported, attempted to promote ", c_name(a),
         " and ", c_name(b));
  }
  if (std::min(a, b) == DType::UInt8) return std::max(a, b) == DType::Int8 ? DType::Int16 : std::max(a, b);
  return std::max(a, b);
}

bool can_cast(DType from, DType to) {
  if (category(from) > category(to)) return false;
  return !(to == DType::Bool && from != DType::Bool);
}

DType Promotion::result() const {
  DType high{};
  bool any = false;
  for (int p = 0; p < 3; ++p) {
    if (!seen[p]) continue;
    const DType low = types[p];
    if (!any) {
      high = low;
      any = true;
    } else if (is_complex(high)) {
      continue;
    } else if (is_real_floating(high)) {
      if (is_complex(low)) high = high == DType::Float16 ? DType::Complex64 : to_complex(high);
    } else if (high == DType::Bool || is_floating(low)) {
      high = promote(high, low);
    }
  }
  return high;
}

}  // namespace facula
