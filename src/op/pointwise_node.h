// The node of a pointwise operation: what it keeps, and the gradients by the kernels that the compiler
// derived from the formula. Only pointwise.cpp needs it.
#pragma once
#include "autograd/batch.h"
#include "autograd/forward.h"
#include "op/execute.h"
#include "op/inplace.h"
#include "op/pointwise.h"
#include "op/structural.h"

namespace facula {
namespace {

struct InputMeta {
  DType dtype;
  Dims shape;
  bool fits(const TensorImpl& t) const {
    return t.ndim == shape.count && !std::memcmp(t.sizes, shape.v, sizeof(int64_t) * t.ndim);
  }
};

std::string_view public_name(const OpInfo& info) {  // "_heaviside" is called by heaviside
  const std::string_view name = info.signature.name;
  return name.substr(name.starts_with('_') ? 1 : 0);
}

// A gradient that changes in steps only: its own derivative is zero, which is not the same as none.
struct Steps {
  static constexpr const char* node = "StepsBackward0";
  static constexpr uint32_t saves = kNothing;
  Dims shape;
  DType dtype;
  Device device;
  Tensor forward(const Tensor& gradient, const Tensor&) const { return alias(*gradient); }
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0)) d[0] = b.g[0];
    if (b.needs(1)) d[1] = full(shape, 0, dtype, device);
  }
};

// Whether the nodes of a formula lead from `from` to what `target` stands for. `ends` are the histories of
// the tensors the formula was given: behind them lies the rest of the graph.
template <size_t N> bool leads_to(const Node* from, const Edge& target, const Node* const (&ends)[N]) {
  if (!from) return false;
  if (from == target.node.get()) return true;
  for (const Node* end : ends)
    if (from == end) return false;
  for (int i = 0; i < from->edge_count; ++i) {
    const Edge& e = from->edges[i];
    if (e.leaf && e.leaf.get() == target.leaf.get()) return true;
    if (leads_to(e.node.get(), target, ends)) return true;
  }
  return false;
}

constexpr int gradient_type(DType t) {
  return t == DType::Float32 ? 0 : t == DType::Float64 ? 1 : t == DType::Complex64 ? 2 : 3;
}

// One class per arity, not per op: small nodes, little code.
struct PointwiseNodeBase : Node {
  using Node::Node;
  // `forward`: for a tangent, not for the history.
  virtual void record(const Arg* in, const Tensor& out, const TensorImpl* modified, bool forward = false) = 0;
  virtual void save_output(const Tensor& out, bool forward = false) = 0;
  virtual Tensor tangent(const Arg* in, const Tensor& out) = 0;
};

template <int N> class PointwiseNode final : public PointwiseNodeBase {
 public:
  PointwiseNode(const PointwiseOp& op, const void* params)
      : PointwiseNodeBase(op.backward_name, edges_, N), op_(op), rules_(op.usual_rules) {
    if (!op.usual) [[likely]]
      return;
    std::memcpy(static_cast<void*>(this + 1), params, op.params_size);
    if (!op.usual(params))
      rules_ = new (reinterpret_cast<char*>(this + 1) + rules_offset(op)) GradRules(op.rules(params));
  }
  static PointwiseNode* create(const PointwiseOp& op, const void* params) {
    return new (allocate(size_class(op))) PointwiseNode(op, params);
  }
  ~PointwiseNode() override {
    if (!metas_) return;
    for (int i = 0; i < N; ++i) metas_[i].~InputMeta();
    deallocate(metas_, kSizeClass<InputMeta[N]>);
  }
  uint32_t size_class() const override { return size_class(op_); }

  void record(const Arg* in, const Tensor& out, const TensorImpl* modified, bool forward) override {
    bool ordinary = true;  // no input was broadcast or converted
    bool single = true;    // one element each, of one type, in shapes that may differ
    for (int i = 0; i < N; ++i)
      if (const TensorImpl* t = in[i].tensor) {
        ordinary &= t->dtype == out->dtype && t->same_shape(*out);
        single &= t->dtype == out->dtype && t->numel == 1;
      }
    record_as(in, ordinary, single, modified, forward);
  }
  void record_as(const Arg* in, bool ordinary, bool single, const TensorImpl* modified, bool forward) {
    unsigned reads = 0;
    bool identity = true;  // every gradient is the one that comes in
    if (op_.info->number_node)
      for (int i = 0; i < N; ++i)
        if (!in[i].tensor) name = op_.info->number_node;
    for (int i = 0; i < N; ++i) {
      TensorImpl* t = in[i].tensor;
      if (!t) {
        edges_[i].remember(in[i].scalar);
      } else if (is_floating(t->dtype) && (forward ? bool(tangent_of(*t)) : requires_grad(*t))) {
        if (forward) edges_[i].leaf = Tensor(t);
        else if (t->requires_grad || grad_fn(t)) edges_[i].lead_to(t);
        else edges_[i].remember(t);  // a view made without history of a leaf
        reads |= rules_->v[i].reads;
        identity &= rules_->v[i].identity;
      } else {
        edges_[i].remember(t);
      }
      dims_[i] = t ? t->ndim : 0;
    }
    ordinary_ = ordinary;
    uniform_ = ordinary || single;
    identity_ = uniform_ && identity;
    if (!uniform_) {
      metas_ = static_cast<InputMeta*>(allocate(kSizeClass<InputMeta[N]>));
      for (int i = 0; i < N; ++i) {
        new (metas_ + i) InputMeta;
        if (TensorImpl* t = in[i].tensor) {
          metas_[i].dtype = t->dtype;
          metas_[i].shape = t->shape();
        }
      }
    }
    for (int i = 0; reads && i < N; ++i) {
      if (!(reads >> i & 1)) continue;
      TensorImpl* t = in[i].tensor;
      if (!t) saved_[i].keep_number(in[i].scalar);
      else saved_[i].keep_input(t == modified ? old_value(*t) : Tensor(t));  // its old value is about to go
    }
    reads_output_ = reads >> N & 1;
  }
  void save_output(const Tensor& out, bool forward) override {
    if (reads_output_ && forward) saved_[N].keep_input(out);
    else if (reads_output_) saved_[N].keep_output(out);
  }

  // The formula is diagonal: where all is real the tangent takes the gradient's place.
  Tensor tangent(const Arg* in, const Tensor& out) override {
    Tensor inputs[N], sum;
    bool real = !is_complex(out->dtype);
    for (int i = 0; i < N; ++i)
      if (in[i].tensor) {
        inputs[i] = Tensor(in[i].tensor);
        real &= !is_complex(inputs[i]->dtype);
      }
    if (!real) return push_forward(*this, inputs, N, &out, 1)[0];
    const int level = mode.level;
    const BelowLevel below;
    Edge all[N];
    for (int i = 0; i < N; ++i) all[i] = std::exchange(edges_[i], Edge());
    ordinary_ = uniform_ = true;  // what is made has the shape and type of the output
    for (int i = 0; i < N; ++i) {
      if (!all[i]) continue;
      edges_[i] = std::move(all[i]);
      Tensor t = tangent_at(*inputs[i], level), part[N];
      if (t->dtype != out->dtype) t = to_dtype(t, out->dtype);
      t = expanded_to(t, out->shape());
      backward(&t, part, mode.grad);
      edges_[i] = Edge();
      sum = sum ? facula::add(sum, part[i]) : part[i];
    }
    return sum ? sum : full_like(alias(*out), 0);
  }

  void backward(const Tensor* gs, Tensor* grads, bool create_graph) override {
    const Tensor& g = *gs;
    if (identity_ && !create_graph) {
      for (int i = 0; i < N; ++i) {
        if (!edges_[i]) grads[i] = nullptr;
        else if (ordinary_ || g->ndim == dims_[i]) grads[i] = g;
        else grads[i] = alias_contiguous(*g, shape_of(i, *g));
      }
      return;
    }
    Arg in[N + 2];  // g, inputs..., output
    in[0] = Arg(g);
    for (int i = 0; i <= N; ++i) {
      if (!saved_[i].present) continue;
      if (!saved_[i].tensor && !released_ && i < N) in[i + 1] = Arg(saved_[i].scalar);
      else in[i + 1] = Arg(saved_[i].peek(this));
    }
    if (create_graph | mode.forward) [[unlikely]]
      return backward_recorded(g, in, create_graph, grads);
    const DType dtype = g->dtype;
    const DType computed = gradient_dtype(dtype);
    for (int i = 0; i < N; ++i) {
      if (!edges_[i]) {
        grads[i] = nullptr;
        continue;
      }
      const DType wanted = dtype_of(i, *g);
      if (rules_->v[i].refused) fail<NotImplemented>(rules_->v[i].refused);
      if (rules_->v[i].identity && wanted == dtype) {
        grads[i] = g;
      } else if (rules_->v[i].zero) [[unlikely]] {
        grads[i] = no_gradient(g, wanted);
      } else {
        grads[i] = uniform_ ? gradient(i, in, computed, wanted) : gathered_gradient(i, in, computed, wanted);
      }
      if (ordinary_) continue;
      if (uniform_) {
        if (grads[i]->ndim != dims_[i]) grads[i] = alias_contiguous(*grads[i], shape_of(i, *g));
      } else if (!metas_[i].fits(*grads[i])) {
        const Dims& shape = metas_[i].shape;
        grads[i] = grads[i]->numel == shape.numel() && grads[i]->contiguous
                       ? alias_contiguous(*grads[i], shape)
                       : sum_to(grads[i], shape);
      }
    }
  }

  // Broadcasting does all but the sums, which must leave the batch alone.
  void backward_batch(const Tensor* gs, Tensor* grads, bool create_graph, int64_t n) override {
    const Tensor& g = *gs;
    Arg in[N + 2];
    in[0] = Arg(g);
    for (int i = 0; i <= N; ++i) {
      if (!saved_[i].present) continue;
      if (!saved_[i].tensor && !released_ && i < N) in[i + 1] = Arg(saved_[i].scalar);
      else in[i + 1] = Arg(saved_[i].peek(this));
    }
    if (create_graph | mode.forward) return backward_recorded(g, in, create_graph, grads, n);
    const DType dtype = g->dtype, computed = gradient_dtype(dtype);
    for (int i = 0; i < N; ++i) {
      grads[i] = nullptr;
      if (!edges_[i]) continue;
      const DType wanted = dtype_of(i, *g);
      if (rules_->v[i].refused) fail<NotImplemented>(rules_->v[i].refused);
      if (rules_->v[i].identity && wanted == dtype) grads[i] = g;
      else if (rules_->v[i].zero) grads[i] = no_gradient(g, wanted);
      else grads[i] = gathered_gradient(i, in, computed, wanted);
      if (!ordinary_) grads[i] = sum_to_batch(grads[i], shape_behind(i), n);
    }
  }

  void release() override {
    for (Saved& s : saved_)
      if (s.present) {  // numbers too: PyTorch keeps them as tensors
        if (s.tensor) s.tensor = nullptr;
        released_ = true;
      }
  }

  NodeParts parts() const override { return {&op_, this + 1, saved_, N + 1, released_}; }
  void show(Parameters& p) const override {
    if (op_.show) op_.show(this + 1, p);
  }
  std::vector<Tensor> replay(const Tensor* in) const override {
    Arg args[N];
    for (int i = 0; i < N; ++i) {
      const uint64_t number = edges_[i].constant();
      if (in[i]) args[i] = Arg(in[i]);
      else if (saved_[i].present && !saved_[i].tensor && !released_) args[i] = Arg(saved_[i].scalar);
      else if (number >> 48) args[i] = Arg(Scalar(std::bit_cast<double>(number)));
      else return {};
    }
    return {pointwise(op_, this + 1, args)};
  }

 private:
  // The formula runs in the type the forward ran in; conversions are part of the loop.
  DType gradient_dtype(DType of_gradient) const {
    DType computed = compute_dtype(of_gradient);
    if (!uniform_ && !is_complex(computed))
      for (int i = 0; i < N; ++i)
        if (op_.info->result != ResultType::Same && metas_[i].dtype > computed &&
            is_floating(metas_[i].dtype))
          computed = compute_dtype(metas_[i].dtype);
    return computed;
  }
  Dims shape_behind(int i) const {  // of an input that is not ordinary
    return uniform_ ? Dims::filled(dims_[i], 1) : metas_[i].shape;
  }
  static size_t rules_offset(const PointwiseOp& op) {
    return (op.params_size + alignof(GradRules) - 1) / alignof(GradRules) * alignof(GradRules);
  }
  static uint32_t size_class(const PointwiseOp& op) {
    if (!op.usual) [[likely]]
      return kSizeClass<PointwiseNode>;
    return size_class_of(sizeof(PointwiseNode) + rules_offset(op) + sizeof(GradRules));
  }
  DType dtype_of(int i, const TensorImpl& g) const { return uniform_ ? g.dtype : metas_[i].dtype; }
  Dims shape_of(int i, const TensorImpl& g) const {
    return ordinary_ ? g.shape() : uniform_ ? Dims::filled(dims_[i], 1) : metas_[i].shape;
  }
  Tensor gradient(int i, const Arg* in, DType computed, DType wanted) {
    if (!op_.mask && computed == wanted) {
      const Alike all = alike<N + 2>(in);
      if (all.first && all.first->dtype == wanted && uint64_t(all.first->numel - 1) < uint64_t(kBlock) &&
          !is_complex(wanted))
        return execute_alike<N + 2>(op_.kernels->backward[i][gradient_type(computed)], this + 1, in,
                                    *all.first, wanted, wanted);
    }
    return execute({op_.kernels->backward[i][gradient_type(computed)], this + 1, in, N + 2, op_.mask ? 1 : -1,
                    computed, computed, wanted, nullptr, op_.info->signature.name});
  }
  // Operands this gradient does not read are free when dense, not when they must be gathered.
  [[gnu::noinline]] Tensor gathered_gradient(int i, const Arg* in, DType computed, DType wanted) {
    Arg used[N + 2];
    used[0] = in[0];
    for (int k = 0; k <= N; ++k)
      if (rules_->v[i].reads >> k & 1) used[k + 1] = in[k + 1];
    return gradient(i, used, computed, wanted);
  }

  void backward_recorded(const Tensor& g, const Arg* in, bool create_graph, Tensor* grads,
                         int64_t batch = 0) {
    Var vars[N + 1], out[N];
    for (int i = 0; i <= N; ++i) {
      const Arg& a = in[i + 1];
      if (a.present) vars[i] = a.tensor ? Var(saved_[i].unpack(this, create_graph)) : Var(a.scalar);
    }
    op_.backward(this + 1, Var(g), vars, vars[N], out);
    for (int i = 0; i < N; ++i) {
      grads[i] = nullptr;
      if (!edges_[i]) continue;
      if (rules_->v[i].refused) fail<NotImplemented>(rules_->v[i].refused);
      if (rules_->v[i].zero) {
        grads[i] = no_gradient(g, dtype_of(i, *g));
      } else {
        grads[i] = out[i].tensor ? out[i].tensor : full(g->shape(), out[i].scalar, g->dtype, g->device);
        // Formulas on real numbers may pass through complex ones.
        if (is_complex(grads[i]->dtype) && !is_complex(dtype_of(i, *g))) grads[i] = real_part(grads[i]);
        // The derivative of an activation function depends on what it reads even where it only compares.
        if (op_.info->scope & kNN || op_.info->steps) grads[i] = stepping(i, grads[i], g, vars);
      }
      if (ordinary_) continue;
      if (const DType t = dtype_of(i, *g); t != grads[i]->dtype) grads[i] = to_dtype(grads[i], t);
      if (batch) grads[i] = sum_to_batch(grads[i], shape_behind(i), batch);
      else if (const Dims shape = shape_of(i, *g); !(shape == grads[i]->shape()))
        grads[i] = sum_to(grads[i], shape);
    }
  }

  Tensor stepping(int i, Tensor gradient, const Tensor& g, const Var* vars) const {
    const Node* ends[N + 2] = {grad_fn(g.get())};
    for (int k = 0; k <= N; ++k) ends[k + 1] = vars[k].tensor ? grad_fn(vars[k].tensor.get()) : nullptr;
    for (int k = 0; k <= N; ++k) {
      const Tensor& x = vars[k].tensor;
      if (!(rules_->v[i].reads >> k & 1) || !x || !requires_grad(*x)) continue;
      if (!leads_to(grad_fn(gradient.get()), edge_to(x.get()), ends))
        gradient = call_structural(Steps{x->shape(), x->dtype, x->device}, gradient, x);
    }
    return gradient;
  }

  Tensor no_gradient(const Tensor& g, DType t) const {
    if (op_.info->no_derivative) fail("derivative for aten::", public_name(*op_.info), " is not implemented");
    return full_like(g->dtype == t ? alias(*g) : empty_as(*g, t), 0);
  }

  const PointwiseOp& op_;
  const GradRules* rules_;  // the op's, or behind the parameters
  bool reads_output_ = false, released_ = false, ordinary_ = true, uniform_ = true, identity_ = false;
  uint8_t dims_[N];  // how many dimensions each input has
  Edge edges_[N];
  Saved saved_[N + 1];
  InputMeta* metas_ = nullptr;  // where !uniform_
  // the op's parameters follow, and the rules where they depend on these
};

}  // namespace
}  // namespace facula
