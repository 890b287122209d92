// Second derivatives of operations whose fused backward cannot be differentiated: the forward is recorded
// anew from ordinary operations, and its gradients are taken with their graph.
#pragma once
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {

// d = the gradients of f(inputs), whose results match b.g one by one. f: const Tensor* -> Tensors. The inputs
// that need gradients must be saved.
template <class F> void differentiate(const Back& b, Tensor* d, F&& f) {
  GradMode on(true);
  std::vector<Tensor> in(b.in, b.in + b.inputs), wanted, roots, gradients;
  for (int i = 0; i < b.inputs; ++i)
    if (in[size_t(i)] && b.needs(i)) {
      // A view of its own, so that an input that occurs twice has two gradients.
      Tensor& t = in[size_t(i)];
      t = expand(t, t->shape());
      if (!requires_grad(*t)) {  // forward mode asks for gradients of plain numbers
        t = alias(*t);
        t->requires_grad = true;
      }
      wanted.push_back(t);
    }
  const Tensors results = f(static_cast<const Tensor*>(in.data()));
  for (size_t i = 0; i < results.size(); ++i)
    if (b.g[i] && results[i] && requires_grad(*results[i])) {
      roots.push_back(results[i]);
      gradients.push_back(b.g[i]);
    }
  if (roots.empty()) return;
  BackwardOptions o;
  o.retain_graph = o.create_graph = o.allow_unused = true;
  o.accumulate = false;
  o.inputs = &wanted;
  const std::vector<Tensor> found = run_backward(roots.data(), gradients.data(), roots.size(), o);
  size_t k = 0;
  for (int i = 0; i < b.inputs; ++i)
    if (b.in[i] && b.needs(i)) d[i] = found[k++];
}

}  // namespace facula
