// The kernels of cpu/rnn.h, for one instruction set.
#include "cpu/rnn.h"
#include "cpu/math.h"

namespace facula {
inline namespace FACULA_ISA {
namespace {

template <class T> void plain(bool rectified, T* gates, T* h, int64_t n) {
  if (rectified)
    for (int64_t i = 0; i < n; ++i) h[i] = gates[i] = relu(gates[i]);
  else
    for (int64_t i = 0; i < n; ++i) h[i] = gates[i] = tanh(gates[i]);
}
template <class T> void plain_back(bool rectified, const T* gates, const T* dh, T* dgates, int64_t n) {
  if (rectified)
    for (int64_t i = 0; i < n; ++i) dgates[i] = gates[i] > T(0) ? dh[i] : T(0);
  else
    for (int64_t i = 0; i < n; ++i) dgates[i] = dh[i] * (T(1) - gates[i] * gates[i]);
}

template <class T> void lstm(T* gates, const T* c_before, T* c, T* h, int64_t n) {
  T *const in = gates, *const forget = gates + n, *const cell = forget + n, *const out = cell + n;
#pragma GCC ivdep  // operands lie apart, or are the same element
  for (int64_t i = 0; i < n; ++i) {
    const T a = sigmoid(in[i]), f = sigmoid(forget[i]), g = tanh(cell[i]), o = sigmoid(out[i]);
    in[i] = a;
    forget[i] = f;
    cell[i] = g;
    out[i] = o;
    c[i] = f * c_before[i] + a * g;
    h[i] = o * tanh(c[i]);
  }
}
template <class T>
void lstm_back(const T* gates, const T* c_before, const T* c, const T* dh, T* dc, T* dgates, int64_t n) {
  const T *const in = gates, *const forget = gates + n, *const cell = forget + n, *const out = cell + n;
  T *const d_in = dgates, *const d_forget = dgates + n, *const d_cell = d_forget + n,
           *const d_out = d_cell + n;
#pragma GCC ivdep  // operands lie apart, or are the same element
  for (int64_t i = 0; i < n; ++i) {
    const T a = in[i], f = forget[i], g = cell[i], o = out[i], y = tanh(c[i]);
    const T all = dc[i] + dh[i] * o * (T(1) - y * y);
    d_in[i] = all * g * a * (T(1) - a);
    d_forget[i] = all * c_before[i] * f * (T(1) - f);
    d_cell[i] = all * a * (T(1) - g * g);
    d_out[i] = dh[i] * y * o * (T(1) - o);
    dc[i] = all * f;
  }
}

template <class T> void gru(T* gates, const T* hidden, const T* h_before, T* h, int64_t n) {
  T *const reset = gates, *const update = gates + n, *const fresh = update + n;
#pragma GCC ivdep  // operands lie apart, or are the same element
  for (int64_t i = 0; i < n; ++i) {
    const T r = sigmoid(reset[i] + hidden[i]), z = sigmoid(update[i] + hidden[n + i]);
    const T m = tanh(fresh[i] + r * hidden[2 * n + i]);
    reset[i] = r;
    update[i] = z;
    fresh[i] = m;
    h[i] = (h_before[i] - m) * z + m;
  }
}
template <class T>
void gru_back(const T* gates, const T* hidden_n, const T* h_before, T* dh, T* dgates, T* dhidden, int64_t n) {
  const T *const reset = gates, *const update = gates + n, *const fresh = update + n;
#pragma GCC ivdep  // operands lie apart, or are the same element
  for (int64_t i = 0; i < n; ++i) {
    const T r = reset[i], z = update[i], m = fresh[i], g = dh[i];
    const T d_fresh = g * (T(1) - z) * (T(1) - m * m);
    const T d_update = g * (h_before[i] - m) * z * (T(1) - z);
    const T d_reset = d_fresh * hidden_n[i] * r * (T(1) - r);
    dgates[i] = dhidden[i] = d_reset;
    dgates[n + i] = dhidden[n + i] = d_update;
    dgates[2 * n + i] = d_fresh;
    dhidden[2 * n + i] = d_fresh * r;
    dh[i] = g * z;
  }
}

template <class T>
constexpr RnnKernelsOf<T> of{plain<T>, plain_back<T>, lstm<T>, lstm_back<T>, gru<T>, gru_back<T>};
constexpr RnnKernels table{of<float>, of<double>};

}  // namespace

extern const RnnKernels* const rnn_kernels;
const RnnKernels* const rnn_kernels = &table;

}  // namespace FACULA_ISA
}  // namespace facula
