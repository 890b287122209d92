// Recurrent networks: rnn_tanh, rnn_relu, lstm (Hochreiter and Schmidhuber 1997), gru (Cho et al. 2014),
// their cells, and packing of sequences of different lengths.
#include "op/structural.h"
#include "ops/dropout.h"
#include "ops/matmul.h"
#include "ops/rnn_layer.h"

namespace facula {
namespace {

struct Net {
  bool biases;
  int64_t layers;
  double dropout;
  bool train, bidirectional;
  int64_t directions() const { return bidirectional ? 2 : 1; }
};

struct Weights {  // of one layer and direction
  Tensor input, hidden, input_bias, hidden_bias, projection;
};

std::vector<Weights> weights_of(Cell cell, const Tensors& params, const Net& net, bool projected) {
  const size_t each = size_t(net.biases ? 4 : 2) + (projected ? 1 : 0);
  const size_t count = size_t(net.layers * net.directions());
  if (net.layers < 1 || params.size() != each * count) fail("got an incorrect number of RNN parameters");
  std::vector<Weights> all;
  for (size_t i = 0; i < count; ++i) {
    const Tensor* p = params.data() + i * each;
    Weights w{p[0], p[1], net.biases ? p[2] : Tensor(), net.biases ? p[3] : Tensor(),
              projected ? p[each - 1] : Tensor()};
    if (w.hidden->ndim != 2 || w.input->ndim != 2 || w.hidden->sizes[0] % gates_of(cell) ||
        w.input->sizes[0] != w.hidden->sizes[0])
      fail("the weights of a recurrent layer must be matrices of ", gates_of(cell),
           " times the hidden size rows, but got ", to_string(w.input->shape()), " and ",
           to_string(w.hidden->shape()));
    all.push_back(std::move(w));
  }
  return all;
}

// x: (total, features). Returns (total, hidden), h and c.
Tensors run_layer(Cell cell, LayerName name, const TimeSteps& steps, bool reverse, const Tensor& x,
                  const Tensor& h, const Tensor& c, const Weights& w) {
  const bool gru = cell == Cell::Gru;
  const int64_t n = w.hidden->sizes[0] / gates_of(cell), out = w.hidden->sizes[1];
  const Tensor bias = gru || !w.input_bias ? w.input_bias : w.input_bias + w.hidden_bias;
  auto state = [&](const Tensor& s, int64_t size, const char* what) {
    if (s->ndim != 2 || s->sizes[0] != steps.batch() || s->sizes[1] != size)
      fail("Expected ", what, " size ", to_string({steps.batch(), size}), ", got ", to_string(s->shape()));
    if (s->dtype != x->dtype)
      fail("expected m1 and m2 to have the same dtype, but got: ", type_text(s->dtype),
           " != ", type_text(x->dtype));
  };
  state(h, out, "hidden");
  if (c) state(c, n, "cell");
  if (w.hidden->dtype != x->dtype)
    fail("expected m1 and m2 to have the same dtype, but got: ", type_text(x->dtype),
         " != ", type_text(w.hidden->dtype));
  if (w.hidden_bias && (w.hidden_bias->ndim != 1 || w.hidden_bias->numel != w.hidden->sizes[0]))
    fail("the hidden bias must have ", w.hidden->sizes[0], " elements, but its shape is ",
         to_string(w.hidden_bias->shape()));
  const Tensor gates = linear(x, w.input, bias);
  if (w.projection || !is_real_floating(x->dtype))
    return rnn_layer_composed(cell, steps, reverse, gates, h, c, w.hidden, gru ? w.hidden_bias : Tensor(),
                              w.projection);
  if (out != n)
    fail("the hidden weight must have ", n, " columns, but its shape is ", to_string(w.hidden->shape()));
  return rnn_layer(cell, name, steps, reverse, {gates, h, c, w.hidden, gru ? w.hidden_bias : Tensor()});
}

struct Outcome {
  Tensor out, h, c;
};

// `shape`: of the result of a layer without its last dimension.
Outcome run_net(Cell cell, LayerName name, const TimeSteps& steps, Tensor x, const Dims& shape,
                const Tensor& h0, const Tensor& c0, const Tensors& params, const Net& net) {
  const int64_t directions = net.directions(), states = net.layers * directions;
  const bool projected = c0 && h0->ndim && c0->ndim && h0->sizes[h0->ndim - 1] != c0->sizes[c0->ndim - 1];
  const std::vector<Weights> weights = weights_of(cell, params, net, projected);
  for (const Tensor* s : {&h0, &c0})
    if (*s && ((*s)->ndim != 3 || (*s)->sizes[0] < states))
      fail<IndexError>("the initial states must be of shape (", states, ", batch, hidden), but one is ",
                       to_string((*s)->shape()));
  Tensors h, c;
  for (int64_t layer = 0; layer < net.layers; ++layer) {
    Tensors outs;
    for (int64_t direction = 0; direction < directions; ++direction) {
      const int64_t i = layer * directions + direction;
      Tensors r = run_layer(cell, name, steps, direction == 1, x, select(h0, 0, i),
                            c0 ? select(c0, 0, i) : c0, weights[size_t(i)]);
      outs.push_back(r[0]);
      h.push_back(r[1]);
      if (c0) c.push_back(r[2]);
    }
    x = directions == 2 ? cat(outs, 1) : outs[0];
    if (net.dropout > 0 && net.train && layer + 1 < net.layers) x = dropout(x, net.dropout, true);
  }
  Dims whole = shape;
  whole.push(x->sizes[1]);
  return {shape.count > 1 ? view(x, whole) : x, stack(h, 0), c0 ? stack(c, 0) : c0};
}

Outcome padded(Cell cell, const Tensor& input, const Tensor& h, const Tensor& c, const Tensors& params,
               const Net& net, bool batch_first) {
  if (input->ndim != 3) fail("input must have 3 dimensions, got ", int64_t(input->ndim));
  const Tensor x = batch_first ? transpose(input, 0, 1) : input;
  const int64_t steps = x->sizes[0], batch = x->sizes[1];
  if (steps == 0) fail("Expected sequence length to be larger than 0 in RNN");
  const Tensor flat = reshape(x, {steps * batch, x->sizes[2]});
  const bool mkldnn = cell == Cell::Lstm && x->dtype != DType::Float64;
  Outcome r = run_net(cell, mkldnn ? LayerName::Mkldnn : LayerName::Stack,
                      {std::vector<int64_t>(size_t(steps), batch)}, flat, {steps, batch}, h, c, params, net);
  if (batch_first) r.out = transpose(r.out, 0, 1);
  return r;
}

TimeSteps steps_of(const Tensor& batch_sizes, int64_t total) {
  if (batch_sizes->is_meta()) fail("batch_sizes must be on the CPU, but they are on meta");
  if (batch_sizes->ndim != 1 || batch_sizes->dtype != DType::Int64)
    fail("batch_sizes tensor should be 1D of int64, but got a tensor with ", int64_t(batch_sizes->ndim),
         " dimensions of ", c_name(batch_sizes->dtype));
  const Tensor sizes = dense(batch_sizes);
  TimeSteps s;
  for (int64_t i = 0; i < sizes->numel; ++i) {
    const int64_t n = sizes->as<int64_t>()[i];
    if (n < 1 || (i && n > s.rows.back())) fail("batch_sizes must be positive and not increase");
    s.rows.push_back(n);
  }
  if (s.total() != total) fail("batch_sizes name ", s.total(), " rows, but the data has ", total);
  if (s.rows.empty()) fail("Expected sequence length to be larger than 0 in RNN");
  return s;
}

Outcome packed(Cell cell, const Tensor& data, const Tensor& batch_sizes, const Tensor& h, const Tensor& c,
               const Tensors& params, const Net& net) {
  if (data->ndim != 2) fail("the data of packed sequences must have 2 dimensions, got ", int64_t(data->ndim));
  return run_net(cell, LayerName::Cat, steps_of(batch_sizes, data->sizes[0]), data, {data->sizes[0]}, h, c,
                 params, net);
}

template <Cell cell> std::pair<Tensor, Tensor> rnn(const Tensor& x, const Tensor& h, const Tensors& params,
                                                   bool biases, int64_t layers, double dropout, bool train,
                                                   bool bidirectional, bool batch_first) {
  const Outcome r =
      padded(cell, x, h, nullptr, params, {biases, layers, dropout, train, bidirectional}, batch_first);
  return {r.out, r.h};
}
template <Cell cell> std::pair<Tensor, Tensor> rnn_packed(const Tensor& data, const Tensor& batch_sizes,
                                                          const Tensor& h, const Tensors& params, bool biases,
                                                          int64_t layers, double dropout, bool train,
                                                          bool bidirectional) {
  const Outcome r =
      packed(cell, data, batch_sizes, h, nullptr, params, {biases, layers, dropout, train, bidirectional});
  return {r.out, r.h};
}
void require_pair(const Tensors& hx) {
  if (hx.size() != 2 || !hx[0] || !hx[1]) fail("lstm expects two hidden states");
}
Tensors lstm(const Tensor& x, const Tensors& hx, const Tensors& params, bool biases, int64_t layers,
             double dropout, bool train, bool bidirectional, bool batch_first) {
  require_pair(hx);
  const Outcome r = padded(Cell::Lstm, x, hx[0], hx[1], params,
                           {biases, layers, dropout, train, bidirectional}, batch_first);
  return {r.out, r.h, r.c};
}
Tensors lstm_packed(const Tensor& data, const Tensor& batch_sizes, const Tensors& hx, const Tensors& params,
                    bool biases, int64_t layers, double dropout, bool train, bool bidirectional) {
  require_pair(hx);
  const Outcome r = packed(Cell::Lstm, data, batch_sizes, hx[0], hx[1], params,
                           {biases, layers, dropout, train, bidirectional});
  return {r.out, r.h, r.c};
}

// The sizes of a cell's arguments against each other.
void require_fitting(Cell cell, const Tensor& x, const Tensor& h, const Tensor& c, const Weights& w) {
  if (x->sizes[1] != w.input->sizes[1])
    fail("input has inconsistent input_size: got ", x->sizes[1], " expected ", w.input->sizes[1]);
  const int64_t size = w.hidden->sizes[1];
  const Tensor states[] = {h, c};
  for (int i = 0; i < 2; ++i) {
    const Tensor& s = states[i];
    if (!s) continue;
    if (s->ndim < 2) fail("hidden", i, " must have 2 dimensions, got ", int64_t(s->ndim));
    if (s->sizes[0] != x->sizes[0])
      fail("Input batch size ", x->sizes[0], " doesn't match hidden", i, " batch size ", s->sizes[0]);
    if (s->sizes[1] != size)
      fail("hidden", i, " has inconsistent hidden_size: got ", s->sizes[1], ", expected ", size);
    if (s->ndim != 2) fail("hidden", i, " must have 2 dimensions, got ", int64_t(s->ndim));
  }
  const int64_t gates = cell == Cell::Lstm ? 4 : cell == Cell::Gru ? 3 : 1;
  if (w.input->sizes[0] != gates * size)
    fail("weight_ih first dim must be ", gates, " * hidden_size = ", gates * size, ", but got ",
         w.input->sizes[0]);
}

Tensors one_step(Cell cell, LayerName name, const Tensor& x, const Tensor& h, const Tensor& c,
                 const Weights& w) {
  if (x->ndim == 1 && h->ndim == 1) {
    Tensors r = one_step(cell, name, unsqueeze(x, 0), unsqueeze(h, 0), c ? unsqueeze(c, 0) : c, w);
    for (Tensor& t : r) t = squeeze(t, 0);
    return r;
  }
  if (x->ndim != 2) fail("input must have 2 dimensions, got ", int64_t(x->ndim));
  if (w.input->ndim != 2 || w.hidden->ndim != 2) fail("the weights of a cell must be matrices");
  require_fitting(cell, x, h, c, w);
  if (bool(w.input_bias) != bool(w.hidden_bias)) {  // one of them alone: add it on its own
    Weights both = w;
    const Tensor& there = w.input_bias ? w.input_bias : w.hidden_bias;
    (w.input_bias ? both.hidden_bias : both.input_bias) = zeros(there->shape(), there->dtype, there->device);
    return one_step(cell, name, x, h, c, both);
  }
  return run_layer(cell, name, {{x->sizes[0]}}, false, x, h, c, w);
}
template <Cell cell> Tensor rnn_cell(const Tensor& x, const Tensor& h, const Tensor& w_ih, const Tensor& w_hh,
                                     const Tensor& b_ih, const Tensor& b_hh) {
  constexpr LayerName name = cell == Cell::Gru    ? LayerName::Add
                             : cell == Cell::Relu ? LayerName::Relu
                                                  : LayerName::Tanh;
  return one_step(cell, name, x, h, nullptr, {w_ih, w_hh, b_ih, b_hh, nullptr})[0];
}
std::pair<Tensor, Tensor> lstm_cell(const Tensor& x, const Tensors& hx, const Tensor& w_ih,
                                    const Tensor& w_hh, const Tensor& b_ih, const Tensor& b_hh) {
  if (hx.size() != 2 || !hx[0] || !hx[1]) fail("lstm_cell expects two hidden states");
  const Tensors r = one_step(Cell::Lstm, LayerName::Mul, x, hx[0], hx[1], {w_ih, w_hh, b_ih, b_hh, nullptr});
  return {r[0], r[2]};
}

#define FACULA_NET \
  ", Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional"
#define FACULA_CELL ", Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None)"
constexpr OpEntry entries[] = {
    fn<lstm>("lstm(Tensor input, Tensor[] hx" FACULA_NET ", bool batch_first)", kFunction),
    fn<lstm_packed>("lstm(Tensor data, Tensor batch_sizes, Tensor[] hx" FACULA_NET ")", kFunction),
    fn<rnn<Cell::Gru>>("gru(Tensor input, Tensor hx" FACULA_NET ", bool batch_first)", kFunction),
    fn<rnn_packed<Cell::Gru>>("gru(Tensor data, Tensor batch_sizes, Tensor hx" FACULA_NET ")", kFunction),
    fn<rnn<Cell::Tanh>>("rnn_tanh(Tensor input, Tensor hx" FACULA_NET ", bool batch_first)", kFunction),
    fn<rnn_packed<Cell::Tanh>>("rnn_tanh(Tensor data, Tensor batch_sizes, Tensor hx" FACULA_NET ")",
                               kFunction),
    fn<rnn<Cell::Relu>>("rnn_relu(Tensor input, Tensor hx" FACULA_NET ", bool batch_first)", kFunction),
    fn<rnn_packed<Cell::Relu>>("rnn_relu(Tensor data, Tensor batch_sizes, Tensor hx" FACULA_NET ")",
                               kFunction),
    fn<lstm_cell>("lstm_cell(Tensor input, Tensor[] hx" FACULA_CELL, kFunction),
    fn<rnn_cell<Cell::Gru>>("gru_cell(Tensor input, Tensor hx" FACULA_CELL, kFunction),
    fn<rnn_cell<Cell::Tanh>>("rnn_tanh_cell(Tensor input, Tensor hx" FACULA_CELL, kFunction),
    fn<rnn_cell<Cell::Relu>>("rnn_relu_cell(Tensor input, Tensor hx" FACULA_CELL, kFunction),
};
#undef FACULA_NET
#undef FACULA_CELL

}  // namespace

FACULA_ENTRIES(rnn)

}  // namespace facula
