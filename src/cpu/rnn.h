// Pointwise parts of recurrent cells, one row of n hidden units at a time.
#pragma once
#include <cstdint>

namespace facula {

enum class Cell : uint8_t { Tanh, Relu, Lstm, Gru };

template <class T> struct RnnKernelsOf {
  // `gates`: sums of input and hidden parts; become activations. Gates lie one after the other, n each.
  void (*plain)(bool relu, T* gates, T* h, int64_t n);
  void (*plain_back)(bool relu, const T* gates, const T* dh, T* dgates, int64_t n);
  void (*lstm)(T* gates, const T* c_before, T* c, T* h, int64_t n);  // i f g o
  void (*lstm_back)(const T* gates, const T* c_before, const T* c, const T* dh, T* dc, T* dgates, int64_t n);
  // r z n; `hidden`: the hidden parts of the three.
  void (*gru)(T* gates, const T* hidden, const T* h_before, T* h, int64_t n);
  // dh becomes the part of the gradient that skips the gates.
  void (*gru_back)(const T* gates, const T* hidden_n, const T* h_before, T* dh, T* dgates, T* dhidden,
                   int64_t n);
};
struct RnnKernels {
  RnnKernelsOf<float> f32;
  RnnKernelsOf<double> f64;
  template <class T> const RnnKernelsOf<T>& of() const {
    if constexpr (sizeof(T) == 4) return f32;
    else return f64;
  }
};
const RnnKernels& best_rnn_kernels();

}  // namespace facula
