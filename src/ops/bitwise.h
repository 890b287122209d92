// Operations on the bits of integers, and on integers as numbers.
#pragma once
#include "op/op.h"

namespace facula {
inline namespace FACULA_ISA {

#define FACULA_BITWISE(Name, name, op, kinds, where, wide)                                        \
  struct Name {                                                                                   \
    static constexpr OpInfo info{                                                                 \
        .signature = #name "(Tensor input, Tensor other)",                                        \
        .types = kinds,                                                                           \
        .python_operator = op,                                                                    \
        .numbers = sizeof(op) > 1 ? Numbers::One : Numbers::None, /* an operator takes numbers */ \
        .kernel = where,                                                                          \
        .unsigneds = Unsigned::wide};                                                             \
    template <class T> constexpr T forward(T a, T b) const { return name(a, b); }                 \
  };
FACULA_BITWISE(BitwiseAnd, bitwise_and, "&", kBools | kInts, nullptr, AsSigned)
FACULA_BITWISE(BitwiseOr, bitwise_or, "|", kBools | kInts, nullptr, AsSigned)
FACULA_BITWISE(BitwiseXor, bitwise_xor, "^", kBools | kInts, nullptr, AsSigned)
FACULA_BITWISE(BitwiseLeftShift, bitwise_left_shift, "<<", kInts, "lshift_cpu", No)
FACULA_BITWISE(BitwiseRightShift, bitwise_right_shift, ">>", kInts, "rshift_cpu", No)
FACULA_BITWISE(Gcd, gcd, "", kInts, nullptr, No)
FACULA_BITWISE(Lcm, lcm, "", kInts, nullptr, No)
#undef FACULA_BITWISE

struct BitwiseNot {
  static constexpr OpInfo info{
      .signature = "bitwise_not(Tensor input)", .types = kBools | kInts, .python_operator = "~"};
  template <class T> constexpr T forward(T x) const { return bitwise_xor(x, T(-1)); }
};

using bitwise_ops =
    List<BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseLeftShift, BitwiseRightShift, Gcd, Lcm, BitwiseNot>;

}  // namespace FACULA_ISA
}  // namespace facula
