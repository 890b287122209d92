// The names that formulas may call, once: each is defined for every element type in cpu/math.h
// and cpu/complex.h, and Probe, Var and Expr get their overloads from these lists. Operators
// (+ - * / unary -, == != < <= > >=) belong to the vocabulary too, `pow(x, Scalar)`,
// `polygamma(x, int64_t)` and `where(condition, a, b)` besides. Names are those of the operations they
// become.
//
//   #define FACULA_DECLARE(name) Var name(const Var&);
//   FACULA_UNARY_FUNCTIONS(FACULA_DECLARE)
//   #undef FACULA_DECLARE
#pragma once

// T f(T). On complex numbers abs, angle, real and imag return the real type; where PyTorch has no
// complex form (floor, erf ...) there is no overload, so that instantiating one does not compile.
// Lists in macro calls read as expressions to the formatter, differently each time.
// clang-format off
#define FACULA_UNARY_FUNCTIONS(X)                                                                           \
  X(abs)                                                                                                    \
  X(angle)                                                                                                  \
  X(conj)                                                                                                   \
  X(real) X(imag) X(sign) X(sgn) X(square) X(reciprocal) X(relu) X(floor) X(ceil) X(trunc) X(round) X(frac) \
      X(sqrt) X(rsqrt) X(exp) X(exp2) X(expm1) X(log) X(log2) X(log10) X(log1p) X(sigmoid) X(log_sigmoid)   \
          X(sin) X(cos) X(tan) X(asin) X(acos) X(atan) X(sinc) X(sinh) X(cosh) X(tanh) X(asinh) X(acosh)    \
              X(atanh) X(erf) X(erfc) X(erfinv) X(lgamma) X(digamma) X(erfcx) X(i0) X(i0e) X(i1) X(i1e)

// T f(T, T). maximum and minimum pass NaN on, fmax and fmin prefer the number. Integers divide by
// zero to 0: the operation checks beforehand.
#define FACULA_BINARY_FUNCTIONS(X)                                                                \
  X(maximum)                                                                                      \
  X(minimum)                                                                                      \
  X(fmax)                                                                                         \
  X(fmin) X(pow) X(atan2) X(hypot) X(copysign) X(nextafter) X(fmod) X(remainder) X(floor_divide)  \
      X(trunc_divide) X(logaddexp) X(logaddexp2) X(xlogy) X(xlog1py) X(zeta) X(gcd) X(lcm) X(bitwise_and) \
          X(bitwise_or) X(bitwise_xor) X(bitwise_left_shift) X(bitwise_right_shift)

// bool f(T).
#define FACULA_PREDICATES(X) X(isnan) X(isinf) X(isfinite) X(isposinf) X(isneginf) X(signbit)

// T f(bool, T, T); the first argument is whatever comparisons and predicates return.
#define FACULA_TERNARY_FUNCTIONS(X) X(where)

// Those of them whose vector form does not reach every argument: cpu/math_quick.h.
#define FACULA_QUICK_FUNCTIONS(X) X(sin) X(cos) X(tan) X(sinc) X(fmod) X(remainder) X(floor_divide)
// clang-format on
