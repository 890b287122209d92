#include "core/dims.h"
#include <algorithm>
#include "core/error.h"

namespace facula {

std::string to_string(const Dims& d) {
  std::string s = "[";
  for (int i = 0; i < d.count; ++i) {
    if (i) s += ", ";
    s += std::to_string(d[i]);
  }
  return s + "]";
}

int wrap_dim(int64_t dim, int ndim) {
  const int64_t n = std::max(ndim, 1);
  if (dim < -n || dim >= n)
    fail<IndexError>("Dimension out of range (expected to be in range of [", -n, ", ", n - 1, "], but got ",
                     dim, ")");
  return int(dim < 0 ? dim + n : dim);
}

Dims contiguous_strides(const Dims& sizes) {
  Dims s(sizes.count);
  int64_t n = 1;
  for (int d = sizes.count - 1; d >= 0; --d) {
    s[d] = n;
    if (__builtin_mul_overflow(n, std::max<int64_t>(sizes[d], 1), &n)) continue;  // wraps: of no elements
  }
  return s;
}

Dims broadcast(const Dims& a, const Dims& b) {
  Dims out = a.count >= b.count ? a : b;
  const Dims& small = a.count >= b.count ? b : a;
  for (int i = 1; i <= small.count; ++i) {
    int64_t& size = out[out.count - i];
    const int64_t other = small[small.count - i];
    if (size == other || other == 1) continue;
    if (size != 1)
      fail("The size of tensor a (", a[a.count - i], ") must match the size of tensor b (", b[b.count - i],
           ") at non-singleton dimension ", out.count - i, ": shapes ", to_string(a), " and ", to_string(b),
           " cannot be broadcast together");
    size = other;
  }
  return out;
}

Dims infer_size(const Dims& shape, int64_t numel) {
  Dims out = shape;
  int unknown = -1;
  int64_t known = 1;
  for (int d = 0; d < shape.count; ++d) {
    if (shape[d] == -1) {
      if (unknown >= 0) fail("only one dimension can be inferred");
      unknown = d;
    } else if (shape[d] < 0) {
      fail("invalid shape dimension ", shape[d], " at index ", d, " of shape ", to_string(shape));
    } else if (__builtin_mul_overflow(known, shape[d], &known)) {
      known = -1;
      break;
    }
  }
  if (known == numel && unknown < 0) return out;
  if (unknown >= 0 && known > 0 && numel % known == 0) {
    out[unknown] = numel / known;
    return out;
  }
  if (unknown >= 0 && known == 0 && numel == 0)
    fail("cannot reshape tensor of 0 elements into shape ", to_string(shape),
         " because the unspecified dimension size -1 can be any value and is ambiguous");
  fail("shape '", to_string(shape), "' is invalid for input of size ", numel);
}

}  // namespace facula
