// The list of terms that T = Expr writes, and the formulas of all pointwise operations.
#include "op/expr.h"
#include <unordered_map>
#include "op/pointwise.h"

namespace facula {
namespace {

std::vector<Term> terms;

Expr push(Term t) {
  terms.push_back(t);
  Expr e;
  e.at = int(terms.size()) - 1;
  return e;
}

using Writer = Formula (*)(const void*);
template <class Op> Formula write(const void* op) { return write_formula(*static_cast<const Op*>(op)); }

template <class Op> void add_writer(std::unordered_map<const PointwiseOp*, Writer>& all) {
  if constexpr (Differentiable<Op>) all[&row<Op>] = write<Op>;
}
template <class... Ops> void add_writers(List<Ops...>, std::unordered_map<const PointwiseOp*, Writer>& all) {
  (add_writer<Ops>(all), ...);
}

}  // namespace

void begin_formula() { terms.clear(); }
const std::vector<Term>& formula_terms() { return terms; }

Expr Expr::number(double c) { return push({nullptr, c}); }
Expr Expr::number(Scalar c) {
  if (c.is_complex()) return term("complex", number(c.d), number(c.imag));
  return number(double(c));
}
Expr term(const char* f) { return push({f, 0}); }
Expr term(const char* f, Expr a) { return push({f, 0, 1, {a.at}}); }
Expr term(const char* f, Expr a, Expr b) { return push({f, 0, 2, {a.at, b.at}}); }
Expr term(const char* f, Expr a, Expr b, Expr c) { return push({f, 0, 3, {a.at, b.at, c.at}}); }

bool formula_of(const PointwiseOp& op, const void* params, Formula& f) {
  static const auto writers = [] {
    std::unordered_map<const PointwiseOp*, Writer> all;
#define ADD(family) add_writers(family##_ops{}, all);
    FACULA_FAMILIES(ADD)
#undef ADD
    return all;
  }();
  const auto found = writers.find(&op);
  if (found == writers.end()) return false;
  f = found->second(params);
  return true;
}

}  // namespace facula
