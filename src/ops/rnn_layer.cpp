// The recurrence of rnn, lstm and gru. The input's part of the gates is there for all steps; a step is one
// product with the hidden state and one pointwise kernel, and backward likewise.
#include "ops/rnn_layer.h"
#include <algorithm>
#include <cstring>
#include "core/parallel.h"
#include "cpu/gemm.h"
#include "op/recompute.h"

namespace facula {
namespace {

// Sequences of a batch do not know of each other: `first` and `count` choose some of them, all steps of these
// run on one thread, and others on other threads.
template <class T> struct Recurrence {
  const RnnKernelsOf<T>& k = best_rnn_kernels().of<T>();
  Cell cell;
  const TimeSteps& steps;
  bool reverse;
  int64_t n, width;  // hidden units; all gates
  // Of the weight's transpose in forward, of the weight in backward; else the matrix below is read.
  const Panels<T>* panels;
  const T* matrix;

  // A step's first row and rows, and those of the step before in time; in the order of time.
  struct At {
    int64_t first, rows, before_first, before_rows;
  };
  std::vector<At> order(int64_t from, int64_t count) const {
    std::vector<At> all;
    int64_t first = from;
    for (const int64_t r : steps.rows) {
      if (r > from) all.push_back({first, std::min(r - from, count), 0, 0});
      first += r;
    }
    if (reverse) std::reverse(all.begin(), all.end());
    for (size_t i = 1; i < all.size(); ++i) {
      all[i].before_first = all[i - 1].first;
      all[i].before_rows = std::min(all[i].rows, all[i - 1].rows);
    }
    return all;
  }
  // Rows as they were before the step: of the step before, or from the start.
  void gather(const At& at, const T* every, const T* start, T* to) const {
    const int64_t known = at.before_rows;
    std::memcpy(to, every + at.before_first * n, size_t(known * n) * sizeof(T));
    std::memcpy(to + known * n, start + known * n, size_t((at.rows - known) * n) * sizeof(T));
  }
  // The same of cells, where they lie if all rows have a step before.
  const T* cells_before(const At& at, const T* every, const T* start, T* aside) const {
    if (at.before_rows == at.rows) return every + at.before_first * n;
    gather(at, every, start, aside);
    return aside;
  }
  // c (rows, columns) = a (rows, inner) times the weight (inner, columns) + beta d
  void multiply(int64_t rows, int64_t inner, int64_t columns, const T* a, T* c, const T* d, int64_t d_row,
                T beta) const {
    if (panels) panels->times(rows, columns, a, inner, c, columns, d, d_row, beta);
    else
      gemm(Product<T>{rows, columns, inner, a, inner, 1, matrix, columns, 1, c, columns, d, d_row, T(1),
                      beta});
  }

  // `x`: the input's part of the gates; `before`: h before each row's step.
  void forward(int64_t from, int64_t count, const T* x, T* gates, T* hidden, const T* bias, const T* h0,
               const T* c0, T* before, T* cells, T* out) const {
    std::vector<T> sums(cell == Cell::Gru ? size_t(count * width) : 0),
        c_before(cell == Cell::Lstm ? size_t(count * n) : 0);
    for (const At& at : order(from, count)) {
      const T* const given = x + at.first * width;
      T *const g = gates + at.first * width, *const h = out + at.first * n, *const hb = before + at.first * n;
      gather(at, out, h0 + from * n, hb);
      if (cell == Cell::Gru) {
        multiply(at.rows, n, width, hb, sums.data(), bias, 0, T(bias != nullptr));
        std::memcpy(g, given, size_t(at.rows * width) * sizeof(T));
        for (int64_t r = 0; r < at.rows; ++r) {
          k.gru(g + r * width, sums.data() + r * width, hb + r * n, h + r * n, n);
          std::memcpy(hidden + (at.first + r) * n, sums.data() + r * width + 2 * n, size_t(n) * sizeof(T));
        }
        continue;
      }
      multiply(at.rows, n, width, hb, g, given, width, T(1));
      if (cell == Cell::Lstm) {
        const T* const cb = cells_before(at, cells, c0 + from * n, c_before.data());
        for (int64_t r = 0; r < at.rows; ++r)
          k.lstm(g + r * width, cb + r * n, cells + (at.first + r) * n, h + r * n, n);
      } else {
        for (int64_t r = 0; r < at.rows; ++r) k.plain(cell == Cell::Relu, g + r * width, h + r * n, n);
      }
    }
  }
  // dh, dc: gradients of the last states, become those of the first (dh only if `states`). `g`: of the
  // outputs, may be null.
  void backward(int64_t from, int64_t count, bool states, const T* gates, const T* hidden, const T* c0,
                const T* before, const T* cells, const T* g, T* dh, T* dc, T* dgates, T* dhidden) const {
    std::vector<T> c_before(cell == Cell::Lstm ? size_t(count * n) : 0);
    dh += from * n;
    if (cell == Cell::Lstm) dc += from * n;
    const std::vector<At> all = order(from, count);
    for (size_t i = all.size(); i-- > 0;) {
      const At& at = all[i];
      if (g)
        for (int64_t j = 0; j < at.rows * n; ++j) dh[j] += g[at.first * n + j];
      const T* const cb =
          cell == Cell::Lstm ? cells_before(at, cells, c0 + from * n, c_before.data()) : nullptr;
      T *const d = dgates + at.first * width, *const dp = dhidden + at.first * width;
      for (int64_t r = 0; r < at.rows; ++r) {
        const int64_t row = at.first + r;
        const T* const a = gates + row * width;
        if (cell == Cell::Lstm)
          k.lstm_back(a, cb + r * n, cells + row * n, dh + r * n, dc + r * n, d + r * width, n);
        else if (cell == Cell::Gru)
          k.gru_back(a, hidden + row * n, before + row * n, dh + r * n, d + r * width, dp + r * width, n);
        else k.plain_back(cell == Cell::Relu, a, dh + r * n, d + r * width, n);
      }
      if (i > 0 || states) multiply(at.rows, width, n, dp, dh, dh, n, T(cell == Cell::Gru));
    }
  }

  // Whether the batch is cut into sequences; else a step's product is cut. A weight that no cache holds is
  // not read again for every few rows.
  static bool by_sequences(const TimeSteps& steps, const TensorImpl& weight) {
    return steps.batch() >= 16 && weight.numel <= 1 << 20;
  }
  template <class F> void each(F&& run) const {  // run(first sequence, count)
    const int64_t batch = steps.batch();
    if (!panels) return run(int64_t(0), batch);
    const int64_t rows = std::clamp<int64_t>((batch / 8 + 7) / 8 * 8, 8, 64),
                  pieces = (batch + rows - 1) / rows;
    auto piece = [&](int64_t i) { run(i * rows, std::min(rows, batch - i * rows)); };
    if (steps.total() * n * width >= 1 << 19) return parallel_pieces(pieces, piece);
    for (int64_t i = 0; i < pieces; ++i) piece(i);
  }
};

template <class F> void by_type(DType t, F&& f) {
  if (t == DType::Float32) f(float{});
  else f(double{});
}
template <class T> T* pointer(const Tensor& t) { return t ? t->as<T>() : nullptr; }

template <LayerName Name> struct RnnLayer {  // inputs: gates, h, c, weight, bias
  static constexpr const char* names[] = {"StackBackward0", "CatBackward0",  "MkldnnRnnLayerBackward0",
                                          "TanhBackward0",  "ReluBackward0", "MulBackward0",
                                          "AddBackward0"};
  static constexpr const char* node = names[int(Name)];
  static constexpr uint32_t saves = kInputs;
  Cell cell;
  TimeSteps steps;
  bool reverse;
  // Kept for backward: activated gates, h before each step, cells, GRU's hidden part of the new state.
  Tensor gates{}, before{}, cells{}, hidden{};

  Tensors forward(const Tensor& x, const Tensor& h0, const Tensor& c0, const Tensor& weight,
                  const Tensor& bias) {
    const int64_t n = weight->sizes[1], width = weight->sizes[0], total = steps.total(),
                  batch = steps.batch();
    const DType narrow = x->dtype, type = compute_dtype(narrow);
    Tensors results{empty(type, {total, n}, x->device), empty(type, {batch, n}, x->device)};
    if (cell == Cell::Lstm) results.push_back(empty(type, {batch, n}, x->device));
    if (!x->is_meta()) {
      gates = empty(type, {total, width});
      before = empty(type, {total, n});
      if (cell == Cell::Lstm) cells = empty(type, {total, n});
      if (cell == Cell::Gru) hidden = empty(type, {total, n});
      const Tensor given = dense(x, type), first = dense(h0, type), first_c = c0 ? dense(c0, type) : c0,
                   added = bias ? dense(bias, type) : bias, w = dense(weight, type);
      by_type(type, [&]<class T>(T) {
        with_weight<T>(w, true, [&](const Recurrence<T>& run) {
          T* const out = results[0]->as<T>();
          run.each([&](int64_t from, int64_t count) {
            run.forward(from, count, given->as<T>(), gates->as<T>(), pointer<T>(hidden), pointer<T>(added),
                        first->as<T>(), pointer<T>(first_c), before->as<T>(), pointer<T>(cells), out);
          });
          last(run, out, results[1]->as<T>());
          if (cell == Cell::Lstm) last(run, cells->as<T>(), results[2]->as<T>());
        });
      });
    }
    if (narrow != type)
      for (Tensor& t : results)
        t = t->is_meta() ? empty(narrow, t->shape(), t->device) : converted(t, narrow);
    return results;
  }
  // f(recurrence): its products are with the weight (width, n), or with the transpose.
  template <class T, class F> void with_weight(const Tensor& weight, bool transposed, F&& f) const {
    const int64_t width = weight->sizes[0], n = weight->sizes[1];
    Recurrence<T> run{.cell = cell, .steps = steps, .reverse = reverse, .n = n, .width = width};
    const bool panels = Recurrence<T>::by_sequences(steps, *weight);
    Tensor laid;
    if (panels)
      laid = empty(weight->dtype, {transposed ? Panels<T>::size(n, width) : Panels<T>::size(width, n)});
    else if (transposed) laid = empty(weight->dtype, {n, width});
    T *const memory = pointer<T>(laid), *const w = weight->as<T>();
    if (panels) {
      const Panels<T> made =
          transposed ? Panels<T>(memory, w, 1, n, n, width) : Panels<T>(memory, w, n, 1, width, n);
      run.panels = &made;
      return f(run);
    }
    if (transposed) {
      GradMode off(false);
      copy_into(*laid, *transpose(weight, 0, 1));
    }
    run.matrix = transposed ? memory : w;
    f(run);
  }
  // The state of each sequence after its last step.
  template <class T> void last(const Recurrence<T>& run, const T* every, T* to) const {
    for (const auto& at : run.order(0, steps.batch()))
      std::memcpy(to, every + at.first * run.n, size_t(at.rows * run.n) * sizeof(T));
  }

  void vjp(const Back& b, Tensor* d) const {
    const Tensor& weight = b.in[3];
    if (mode.grad || mode.forward || weight->is_meta())
      return differentiate(b, d, [&](const Tensor* in) {
        return rnn_layer_composed(cell, steps, reverse, in[0], in[1], in[2], in[3], in[4], nullptr);
      });
    const int64_t n = weight->sizes[1], width = weight->sizes[0], total = steps.total(),
                  batch = steps.batch();
    const DType narrow = b.in[0]->dtype, type = compute_dtype(narrow);
    auto start = [&](const Tensor& g) {
      const Tensor t = empty(type, {batch, n});
      if (g) copy_into(*t, *g);
      else fill(*t, Scalar(0));
      return t;
    };
    const bool lstm = cell == Cell::Lstm, gru = cell == Cell::Gru;
    const Tensor g = b.g[0] ? dense(b.g[0], type) : b.g[0], w = dense(weight, type), dh = start(b.g[1]),
                 dc = lstm ? start(b.g[2]) : Tensor(), c0 = lstm ? dense(b.in[2], type) : Tensor();
    const Tensor dgates = empty(type, {total, width}), dhidden = gru ? empty(type, {total, width}) : dgates;
    Tensor dw = b.needs(3) ? empty(type, {width, n}) : Tensor();
    by_type(type, [&]<class T>(T) {
      with_weight<T>(w, false, [&](const Recurrence<T>& run) {
        run.each([&](int64_t from, int64_t count) {
          run.backward(from, count, b.needs(1), gates->as<T>(), pointer<T>(hidden), pointer<T>(c0),
                       before->as<T>(), pointer<T>(cells), pointer<T>(g), dh->as<T>(), pointer<T>(dc),
                       dgates->as<T>(), dhidden->as<T>());
        });
      });
      if (dw)
        gemm(Product<T>{width, n, total, dhidden->as<T>(), 1, width, before->as<T>(), n, 1, dw->as<T>(), n,
                        dw->as<T>(), n, T(1), T(0)});
    });
    auto put = [&](int i, const Tensor& t) {
      if (t && b.needs(i)) d[i] = t->dtype == b.in[i]->dtype ? t : converted(t, b.in[i]->dtype);
    };
    put(0, dgates);
    put(1, dh);
    put(2, dc);
    put(3, dw);
    if (b.needs(4)) put(4, sum(dhidden, {0}, false));
  }
};

template <LayerName Name>
Tensors call_layer(Cell cell, const TimeSteps& steps, bool reverse, const LayerInput& in) {
  return call_structural(RnnLayer<Name>{cell, steps, reverse}, in.gates, in.h, in.c, in.weight, in.bias);
}

}  // namespace

Tensors rnn_layer(Cell cell, LayerName name, const TimeSteps& steps, bool reverse, const LayerInput& in) {
  switch (name) {
    case LayerName::Stack: return call_layer<LayerName::Stack>(cell, steps, reverse, in);
    case LayerName::Cat: return call_layer<LayerName::Cat>(cell, steps, reverse, in);
    case LayerName::Mkldnn: return call_layer<LayerName::Mkldnn>(cell, steps, reverse, in);
    case LayerName::Tanh: return call_layer<LayerName::Tanh>(cell, steps, reverse, in);
    case LayerName::Relu: return call_layer<LayerName::Relu>(cell, steps, reverse, in);
    case LayerName::Mul: return call_layer<LayerName::Mul>(cell, steps, reverse, in);
    default: return call_layer<LayerName::Add>(cell, steps, reverse, in);
  }
}

Tensors rnn_layer_composed(Cell cell, const TimeSteps& steps, bool reverse, const Tensor& gates,
                           const Tensor& h0, const Tensor& c0, const Tensor& weight, const Tensor& bias,
                           const Tensor& projection) {
  const int64_t count = int64_t(steps.rows.size()), n = weight->sizes[0] / gates_of(cell);
  const Tensor transposed = t(weight), project = projection ? t(projection) : projection;
  Tensors out;
  out.resize(size_t(count));
  Tensor h = h0, c = c0;  // of all sequences, those that have ended included
  auto replace = [](const Tensor& all, const Tensor& now, int64_t rows) {
    return rows == all->sizes[0] ? now : cat({now, narrow(all, 0, rows, all->sizes[0] - rows)}, 0);
  };
  for (int64_t i = 0; i < count; ++i) {
    const int64_t step = reverse ? count - 1 - i : i, rows = steps.rows[size_t(step)];
    int64_t first = 0;
    for (int64_t k = 0; k < step; ++k) first += steps.rows[size_t(k)];
    const Tensor hb = narrow(h, 0, 0, rows), x = narrow(gates, 0, first, rows);
    Tensor hidden = matmul(hb, transposed), now;
    if (bias) hidden = hidden + bias;
    auto gate = [&](const Tensor& t, int64_t k) { return narrow(t, 1, k * n, n); };
    if (cell == Cell::Gru) {
      const Tensor r = unary("sigmoid", gate(x, 0) + gate(hidden, 0)),
                   z = unary("sigmoid", gate(x, 1) + gate(hidden, 1)),
                   m = unary("tanh", gate(x, 2) + r * gate(hidden, 2));
      now = (hb - m) * z + m;
    } else if (cell == Cell::Lstm) {
      const Tensor s = x + hidden;
      const Tensor cell_now = unary("sigmoid", gate(s, 1)) * narrow(c, 0, 0, rows) +
                              unary("sigmoid", gate(s, 0)) * unary("tanh", gate(s, 2));
      c = replace(c, cell_now, rows);
      now = unary("sigmoid", gate(s, 3)) * unary("tanh", cell_now);
      if (project) now = matmul(now, project);
    } else {
      now = unary(cell == Cell::Relu ? "relu" : "tanh", x + hidden);
    }
    h = replace(h, now, rows);
    out[size_t(step)] = now;
  }
  Tensors results{cat(out, 0), h};
  if (cell == Cell::Lstm) results.push_back(c);
  return results;
}

}  // namespace facula
