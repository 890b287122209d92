// Integers: divisors, bits, shifts, powers.
#pragma once
#include "cpu/math_round.h"

namespace facula {
inline namespace FACULA_ISA {

template <Whole T> constexpr T bitwise_and(T a, T b) { return T(a & b); }
template <Whole T> constexpr T bitwise_or(T a, T b) { return T(a | b); }
template <Whole T> constexpr T bitwise_xor(T a, T b) { return T(a ^ b); }
template <Whole T> constexpr T bitwise_not(T a) {
  if constexpr (std::is_same_v<T, bool>) return !a;
  else return T(~a);
}

// Shifts by a negative count or by the width and more move every bit out, as in PyTorch.
template <Whole T> constexpr T bitwise_left_shift(T a, T count) {
  constexpr T width = std::is_same_v<T, bool> ? T(1) : T(sizeof(T) * 8);
  const bool inside = (count >= T(0)) & (count < width);
  return inside ? T(a << (inside ? count : T(0))) : T(0);
}
template <Whole T> constexpr T bitwise_right_shift(T a, T count) {
  constexpr int all = int(sizeof(T) * 8) - 1;  // of a signed number: leaves its sign
  const bool inside = (count >= T(0)) & (count <= T(all));
  const T shifted = T(a >> (inside ? int(count) : all));
  return inside || std::is_signed_v<T> ? shifted : T(0);
}

// Euclid's algorithm on absolute values; only the minimum, which has none, gives odd results.
template <Whole T> constexpr T gcd(T a, T b) {
  if constexpr (std::is_same_v<T, bool>) return a || b;
  else {
    a = a < T(0) ? T(T(0) - a) : a;
    b = b < T(0) ? T(T(0) - b) : b;
    while (a != T(0)) {
      const T r = fmod(b, a);
      b = a;
      a = r;
    }
    return b;
  }
}
template <Whole T> constexpr T lcm(T a, T b) {
  const auto product =
      trunc_divide(a, gcd(a, b)) * b;  // narrow types: an int, made positive before it is cut
  return T(product < 0 ? -product : product);
}

// x^n by squaring, wrapping. Negative powers are truncated: 0 unless x is 1 or -1.
template <Whole T> constexpr T integer_power(T x, int64_t n) {
  if (n < 0)
    return x == T(1) || (std::is_signed_v<T> && x == T(-1) && n % 2 == 0)
               ? T(1)
               : (std::is_signed_v<T> && x == T(-1) ? T(-1) : T(0));
  T result = T(1);
  for (T square = x; n > 0; n >>= 1, square = T(square * square))
    if (n & 1) result = T(result * square);
  return result;
}

}  // namespace FACULA_ISA
}  // namespace facula
