// What the operations that draw random numbers share: the order in which a tensor's elements are drawn,
// in-place fills with their history, and the checks of factory arguments.
#pragma once
#include <functional>
#include "core/random.h"
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {

inline Generator& chosen(Generator* g) { return g ? *g : default_generator(); }

// "0.3", "-1", "1.23457e+08": numbers as PyTorch's messages show them.
std::string shown(double);

struct Drawn {  // a dense buffer to be filled, element after element
  DType dtype;  // real: a complex tensor is filled as twice as many real elements
  void* data;
  int64_t n;
  bool contiguous;  // the tensor is row-major; otherwise the buffer holds its elements in the order of memory
  const void* other;  // the elements of `other` in the same order
};
// Elements are drawn in the order of memory, which is not that of indices where a tensor is transposed.
// `other`, if given, has the same shape; it is read as its own type.
void fill_in_order(TensorImpl& t, const std::function<void(const Drawn&)>& draw,
                   const TensorImpl* other = nullptr);

template <size_t N> struct NodeName {
  char text[N];
  consteval NodeName(const char (&s)[N]) {
    for (size_t i = 0; i < N; ++i) text[i] = s[i];
  }
};

// Random numbers do not depend on what was in the tensor before, nor smoothly on their parameters: gradients
// are zero.
template <NodeName name, int inputs> struct NoGradient {
  static constexpr const char* node = name.text;
  static constexpr uint32_t saves = kNothing;
  Dims shapes[inputs];
  DType dtypes[inputs];
  explicit NoGradient(const Tensor* in) {
    for (int i = 0; i < inputs; ++i) {
      shapes[i] = in[i]->shape();
      dtypes[i] = in[i]->dtype;
    }
  }
  void vjp(const Back& b, Tensor* d) const {
    for (int i = 0; i < inputs; ++i)
      if (b.needs(i)) d[i] = full(shapes[i], Scalar(0), dtypes[i]);
  }
};
template <class Op, class... In> Ref<Node> new_node_for(const In&... inputs) {
  constexpr int count = sizeof...(In);
  const Tensor in[] = {inputs...};
  bool any = false;
  for (const Tensor& t : in) any |= is_floating(t->dtype) && requires_grad(*t);
  if (!mode.grad || !any) return nullptr;
  return detail::StructuralNode<Op>::create(Op(in), in, count, 1);
}

template <NodeName name, class... In> Ref<Node> no_gradient_node(const In&... inputs) {
  return new_node_for<NoGradient<name, sizeof...(In)>>(inputs...);
}

// x.name_(...): checks, fills by calling `fill()`, and makes the history of x one that ends here.
template <NodeName name, class Fill, class... In>
Tensor overwrite(const Tensor& self, Fill fill, const In&... others) {
  check_inplace(*self, requires_grad(*self) || (requires_grad(*others) || ... || false));
  const Ref<Node> node = is_floating(self->dtype) ? no_gradient_node<name>(self, others...) : Ref<Node>();
  require_writable(*self);
  fill();
  finish_inplace(*self, node);
  if (mode.forward) [[unlikely]]
    at_each_level([&] { write_tangent(*self, nullptr); });
  return self;
}
template <NodeName name, class... In> Tensor with_no_gradient(const Tensor& result, const In&... inputs) {
  if (const Ref<Node> node = no_gradient_node<name>(inputs...)) set_grad_fn(*result, node);
  if (mode.forward) [[unlikely]] {
    const Tensor in[] = {inputs...};
    at_each_level([&] {
      if (any_tangent(in, int(sizeof...(In)))) set_tangent(*result, full_like(alias(*result), 0));
    });
  }
  return result;
}

// Operations whose derivative PyTorch refuses to give, in backward only.
template <NodeName op, int inputs> struct Refuses : NoGradient<"NotImplemented", inputs> {
  using NoGradient<"NotImplemented", inputs>::NoGradient;
  void vjp(const Back&, Tensor*) const {
    fail("derivative for aten::", static_cast<const char*>(op.text), " is not implemented");
  }
};
template <NodeName op, class... In> Tensor without_derivative(const Tensor& result, const In&... inputs) {
  if (mode.forward) [[unlikely]] {
    const Tensor in[] = {inputs...};
    if (any_tangent(in, int(sizeof...(In))))
      fail<NotImplemented>("Trying to use forward AD with aten::", static_cast<const char*>(op.text),
                           " that does not support it.");
  }
  if (const Ref<Node> node = new_node_for<Refuses<op, sizeof...(In)>>(inputs...)) set_grad_fn(*result, node);
  return result;
}

// The in-place fills without history; each checks its arguments.
void uniform_into(TensorImpl&, double from, double to, Generator*);
void normal_into(TensorImpl&, double mean, double std, Generator*);
void bernoulli_into(TensorImpl&, double p, Generator*);
void bernoulli_into(TensorImpl&, const Tensor& p, Generator*);  // p is broadcast
void exponential_into(TensorImpl&, double rate, Generator*);
// Integers from `from` up to, not including, `to`; without `to` up to the largest that the type holds
// exactly.
void random_into(TensorImpl&, int64_t from, std::optional<int64_t> to, Generator*);

bool all_between(const TensorImpl& dense, double low, double high);  // false for NaN; `dense` is floating
[[noreturn]] void not_implemented(const char* kernel, DType);
void refuse_gradient(std::string_view function, const Tensor& out);  // of out= arguments

}  // namespace facula
