// One layer of a recurrent network in one direction.
#pragma once
#include "cpu/rnn.h"
#include "ops/functions.h"

namespace facula {

enum class LayerName { Stack, Cat, Mkldnn, Tanh, Relu, Mul, Add };  // what PyTorch calls its last operation

// TimeSteps of a batch: as many rows a step as sequences reach it; all rows of all steps lie one after the
// other.
struct TimeSteps {
  std::vector<int64_t> rows;
  int64_t batch() const { return rows.empty() ? 0 : rows[0]; }
  int64_t total() const {
    int64_t n = 0;
    for (const int64_t r : rows) n += r;
    return n;
  }
};

struct LayerInput {
  Tensor gates;         // (total, gates * hidden): the input's part, with its biases
  Tensor h, c;          // (batch, hidden); c: LSTM only
  Tensor weight, bias;  // (gates * hidden, hidden); the bias of the hidden part, GRU only
};
// The outputs of all steps (total, hidden), the last h and, for LSTM, the last c.
Tensors rnn_layer(Cell, LayerName, const TimeSteps&, bool reverse, const LayerInput&);
// The same of any types and with LSTM's projection (null: none), step by step.
Tensors rnn_layer_composed(Cell, const TimeSteps&, bool reverse, const Tensor& gates, const Tensor& h,
                           const Tensor& c, const Tensor& weight, const Tensor& bias,
                           const Tensor& projection);
constexpr int64_t gates_of(Cell cell) { return cell == Cell::Lstm ? 4 : cell == Cell::Gru ? 3 : 1; }

}  // namespace facula
