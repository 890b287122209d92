// T = Quick<F>: formulas whose functions may decline an argument. The vector form of some functions
// (FACULA_QUICK_FUNCTIONS) does not reach every argument: the sine of a huge angle, the remainder of a huge
// quotient. On F they are libm's, exact and one at a time. On Quick<F> they are the vector form, which
// answers NaN where it cannot serve; a kernel runs a block on Quick<F> and then each NaN of it again on F.
#pragma once
#include "cpu/math.h"
#include "op/op.h"

namespace facula {
inline namespace FACULA_ISA {

template <Real F> struct Quick {
  F v;
  Quick() = default;
  template <class N>
  requires std::is_arithmetic_v<N>
  constexpr explicit Quick(N n) : v(F(n)) {}
  constexpr explicit Quick(Scalar n) : v(F(n)) {}
};

#define FACULA_DEFINE(op) \
  template <Real F> constexpr Quick<F> operator op(Quick<F> a, Quick<F> b) { return Quick<F>(a.v op b.v); }
FACULA_DEFINE(+)
FACULA_DEFINE(-)
FACULA_DEFINE(*)
FACULA_DEFINE(/)
#undef FACULA_DEFINE
#define FACULA_DEFINE(op) \
  template <Real F> constexpr bool operator op(Quick<F> a, Quick<F> b) { return a.v op b.v; }
FACULA_DEFINE(==)
FACULA_DEFINE(!=)
FACULA_DEFINE(<)
FACULA_DEFINE(<=)
FACULA_DEFINE(>)
FACULA_DEFINE(>=)
#undef FACULA_DEFINE
template <Real F> constexpr Quick<F> operator-(Quick<F> a) { return Quick<F>(-a.v); }
template <Real F> constexpr Quick<F> where(bool c, Quick<F> a, Quick<F> b) {
  return Quick<F>(where(c, a.v, b.v));
}

// Every function is F's own, except those below.
#define FACULA_DEFINE(name) \
  template <Real F> inline Quick<F> name(Quick<F> a) { return Quick<F>(name(a.v)); }
FACULA_UNARY_FUNCTIONS(FACULA_DEFINE)
#undef FACULA_DEFINE
#define FACULA_DEFINE(name) \
  template <Real F> inline bool name(Quick<F> a) { return name(a.v); }
FACULA_PREDICATES(FACULA_DEFINE)
#undef FACULA_DEFINE
#define FACULA_DEFINE(name) \
  template <Real F> inline Quick<F> name(Quick<F> a, Quick<F> b) { return Quick<F>(name(a.v, b.v)); }
FACULA_BINARY_FUNCTIONS(FACULA_DEFINE)
#undef FACULA_DEFINE
template <Real F> inline Quick<F> pow(Quick<F> a, Scalar exponent) { return Quick<F>(pow(a.v, exponent)); }
template <Real F> inline Quick<F> polygamma(Quick<F> a, int64_t n) { return Quick<F>(polygamma(a.v, n)); }

// What is not a template wins against the templates above.
inline Quick<float> sin(Quick<float> x) { return Quick<float>(quick_sin(x.v)); }
inline Quick<double> sin(Quick<double> x) { return Quick<double>(quick_sin(x.v)); }
inline Quick<float> cos(Quick<float> x) { return Quick<float>(quick_cos(x.v)); }
inline Quick<double> cos(Quick<double> x) { return Quick<double>(quick_cos(x.v)); }
inline Quick<float> tan(Quick<float> x) { return Quick<float>(quick_tan(x.v)); }
inline Quick<double> tan(Quick<double> x) { return Quick<double>(quick_tan(x.v)); }
inline Quick<float> sinc(Quick<float> x) { return Quick<float>(sinc_of(x.v, quick_sin(sinc_angle(x.v)))); }
inline Quick<double> sinc(Quick<double> x) { return Quick<double>(sinc_of(x.v, quick_sin(sinc_angle(x.v)))); }
inline Quick<float> fmod(Quick<float> a, Quick<float> b) { return Quick<float>(quick_fmod(a.v, b.v)); }
inline Quick<double> fmod(Quick<double> a, Quick<double> b) { return Quick<double>(quick_fmod(a.v, b.v)); }
inline Quick<float> remainder(Quick<float> a, Quick<float> b) {
  return Quick<float>(remainder_of(quick_fmod(a.v, b.v), b.v));
}
inline Quick<double> remainder(Quick<double> a, Quick<double> b) {
  return Quick<double>(remainder_of(quick_fmod(a.v, b.v), b.v));
}
inline Quick<float> floor_divide(Quick<float> a, Quick<float> b) {
  return Quick<float>(floor_divide_of(a.v, b.v, quick_fmod(a.v, b.v)));
}
inline Quick<double> floor_divide(Quick<double> a, Quick<double> b) {
  return Quick<double>(floor_divide_of(a.v, b.v, quick_fmod(a.v, b.v)));
}

// Whether a formula calls one of them. As with what it reads: only trusted where no parameter can change it.
template <class Op> constexpr bool forward_is_quick() {
  if constexpr (!std::is_empty_v<Op> || Op::info.result != ResultType::Same) return false;
  else {
    const Probe p(1, Probe::Computed);
    if constexpr (arity<Op> == 1) return Op{}.forward(p).quick;
    else if constexpr (arity<Op> == 2) return Op{}.forward(p, p).quick;
    else return Op{}.forward(p, p, p).quick;
  }
}
template <class Op, int Input> constexpr bool backward_is_quick() {
  if constexpr (!std::is_empty_v<Op>) return false;
  else return grad_rules(Op{}).v[Input].quick;
}

}  // namespace FACULA_ISA
}  // namespace facula
