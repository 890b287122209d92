// Results that are composed here of several operations where PyTorch has one: printed under its name.
#pragma once
#include "op/structural.h"

namespace facula {

template <class Name> struct NamedResult {  // Name: { static constexpr const char* node = "CdistBackward0"; }
  static constexpr const char* node = Name::node;
  static constexpr uint32_t saves = kNothing;
  Tensor forward(const Tensor& x) const { return alias(*x); }  // no view in the eyes of autograd
  void vjp(const Back& b, Tensor* d) const { d[0] = b.g[0]; }
  std::optional<NamedResult> batched(const Back&, int64_t) const { return *this; }
};

template <class Name> Tensor named_result(const Tensor& x) {
  return x->grad_fn && mode.grad ? call_structural(NamedResult<Name>{}, x) : x;
}

// Where a node more is not wanted: the last node goes by that name.
inline Tensor renamed(const Tensor& x, const char* node) {
  if (x->grad_fn) x->grad_fn->name = node;
  return x;
}

}  // namespace facula
