#include "core/dtype.h"
#include <algorithm>
#include "core/error.h"

namespace facula {

DType default_dtype = DType::Float32;

DType promote_rare(DType a, DType b) {
  if (a == b) return a;
  const int ca = category(a), cb = category(b);
  if (is_float8(a) || is_float8(b))
    fail("Promotion for Float8 Types is not supported, attempted to promote ", c_name(a), " and ", c_name(b));
  const auto rare = [](DType t) { return t >= DType::UInt16 && t <= DType::UInt64; };
  if ((rare(a) || rare(b)) && ca != 2 && cb != 2)
    fail("Promotion for uint16, uint32, uint64 types is not supported, attempted to promote ", c_name(a),
         " and ", c_name(b));
  if (a == DType::Bool || b == DType::Bool) return a == DType::Bool ? b : a;
  if (ca == 3 || cb == 3) {
    const DType complex = ca == 3 ? a : b, other = ca == 3 ? b : a;
    if (complex == DType::Complex32 && (cb != ca ? other <= DType::Float16 : other == DType::Complex32))
      return complex;
    const bool wide =
        a == DType::Complex128 || b == DType::Complex128 || a == DType::Float64 || b == DType::Float64;
    return wide ? DType::Complex128 : DType::Complex64;
  }
  if (ca != cb) return ca > cb ? a : b;
  if (ca == 2) return is_half(a) && is_half(b) ? DType::Float32 : std::max(a, b);
  if (std::min(a, b) == DType::UInt8) return std::max(a, b) == DType::Int8 ? DType::Int16 : std::max(a, b);
  return std::max(a, b);
}

void fail_without_kernel(DType t) {
  fail<NotImplemented>("\"kernel\" not implemented for '", c_name(t), "'");
}

const char* type_text(DType t) {
  switch (t) {
    case DType::Bool: return "bool";
    case DType::UInt8: return "unsigned char";
    case DType::Int8: return "signed char";
    case DType::Int16: return "short int";
    case DType::Int32: return "int";
    case DType::Int64: return "long int";
    case DType::UInt16: return "short unsigned int";
    case DType::UInt32: return "unsigned int";
    case DType::UInt64: return "long unsigned int";
    case DType::Float16: return "c10::Half";
    case DType::BFloat16: return "c10::BFloat16";
    case DType::Float32: return "float";
    case DType::Float64: return "double";
    case DType::Complex64: return "c10::complex<float>";
    case DType::Complex128: return "c10::complex<double>";
    default: return c_name(t);
  }
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
      if (is_complex(low)) {
        if (is_float8(high)) fail("Unknown Complex ScalarType for ", c_name(high));
        high = to_complex(high);
      }
    } else if (is_complex(low)) {
      high = low;
    } else if (high == DType::Bool || is_floating(low)) {
      high = promote(high, low);
    }
  }
  return high;
}

}  // namespace facula
