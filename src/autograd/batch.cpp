// Gradients of many vectors in one pass (BackwardOptions::batch): every gradient on its way has the batch in
// front. What a node cannot do at once it does for one vector after the other.
#include "autograd/batch.h"
#include <algorithm>
#include <cstring>
#include <unordered_set>
#include "autograd/watch.h"

namespace facula {

Tensor select(const Tensor&, int64_t dim, int64_t index);       // ops/view.cpp
Tensor stack(const std::vector<Tensor>& tensors, int64_t dim);  // ops/join.cpp
Tensor expand(const Tensor&, const Dims& shape);                // ops/view.cpp
Tensor reshape(const Tensor&, const Dims& shape);               // ops/view.cpp

Dims with_batch(Dims shape, int64_t n) {
  shape.insert(0, n);
  return shape;
}

Tensor expand_to_batch(const Tensor& x, int64_t n) { return expand(x, with_batch(x->shape(), n)); }

Tensor sum_to_batch(const Tensor& g, const Dims& shape, int64_t n) {
  const Dims whole = with_batch(shape, n);
  if (g->shape() == whole) return g;
  Dims padded = whole;
  while (padded.count < g->ndim) padded.insert(1, 1);
  return reshape(sum_to(g, padded), whole);
}

bool is_zero(const TensorImpl& t) {
  if (t.is_meta() || t.numel == 0) return false;
  const size_t item = size_t(item_size(t.dtype));
  int dims = t.ndim;
  int64_t run = 1;  // elements that follow each other
  while (dims > 0 && (t.strides[dims - 1] == run || t.sizes[dims - 1] == 1)) run *= t.sizes[--dims];
  if (dims > 1 || (run < 8 && t.numel > 64)) return false;
  const int64_t rows = dims ? t.sizes[0] : 1, step = dims ? t.strides[0] * int64_t(item) : 0;
  const size_t bytes = size_t(run) * item;
  for (int64_t r = 0; r < rows; ++r) {
    const char* p = static_cast<const char*>(t.data) + r * step;
    if (*p || std::memcmp(p, p + 1, bytes - 1)) return false;
  }
  return true;
}

GraphSize graph_size(const std::vector<Tensor>& roots) {
  GraphSize size;
  std::unordered_set<const Node*> seen;
  std::vector<Node*> stack;
  auto visit = [&](Node* n) {
    if (n && seen.insert(n).second) stack.push_back(n);
  };
  for (const Tensor& t : roots) {
    size.largest = std::max(size.largest, t->numel);
    visit(grad_fn(t.get()));
  }
  while (!stack.empty()) {
    Node* n = stack.back();
    stack.pop_back();
    size.plain &= !n->python && !n->hooks;
    const NodeParts parts = n->parts();
    for (size_t i = 0; i < parts.saved_count; ++i) {
      if (const Tensor& t = parts.saved[i].tensor) size.largest = std::max(size.largest, t->numel);
      if (packed_before && packed_in(parts.saved[i])) size.plain = false;
    }
    for (int i = 0; i < n->edge_count; ++i) {
      const Edge& e = n->edges[i];
      visit(e.node.get());
      if (!e.leaf) continue;
      size.largest = std::max(size.largest, e.leaf->numel);
      size.plain &= !e.leaf->extras || e.leaf->extras->hooks.empty();
    }
  }
  return size;
}

void Node::backward_batch(const Tensor* g, Tensor* grads, bool create_graph, int64_t n) {
  std::vector<std::vector<Tensor>> rows(edge_count);
  std::vector<Tensor> one(output_count), found(edge_count);
  for (int64_t k = 0; k < n; ++k) {
    for (int i = 0; i < output_count; ++i) one[size_t(i)] = g[i] ? select(g[i], 0, k) : Tensor();
    backward(one.data(), found.data(), create_graph);
    for (int i = 0; i < edge_count; ++i) rows[size_t(i)].push_back(std::exchange(found[size_t(i)], nullptr));
  }
  for (int i = 0; i < edge_count; ++i) {
    std::vector<Tensor>& column = rows[size_t(i)];
    const auto some = std::find_if(column.begin(), column.end(), [](const Tensor& d) { return bool(d); });
    grads[i] = nullptr;
    if (some == column.end()) continue;
    const Tensor like = *some;
    for (Tensor& d : column)  // of vectors that have none
      if (!d) d = full_like(like, 0);
    grads[i] = stack(column, 0);
  }
}

}  // namespace facula
