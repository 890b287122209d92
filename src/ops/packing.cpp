// Sequences of different lengths, sorted by length, as one tensor without padding, and back.
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {
namespace {

struct Lengths {
  std::vector<int64_t> rows;  // sequences that reach each step
  bool batch_first;
};

// f(row of the packed tensor, step, sequence)
template <class F> void each_row(const Lengths& l, F&& f) {
  int64_t row = 0;
  for (size_t step = 0; step < l.rows.size(); ++step)
    for (int64_t i = 0; i < l.rows[step]; ++i) f(row++, int64_t(step), i);
}

struct Unpack {  // inputs: data (total, ...)
  static constexpr const char* node = "torch::autograd::CopySlices";
  static constexpr uint32_t saves = kNothing;
  Lengths l;
  int64_t steps;
  Scalar padding;
  TensorMeta meta(const Tensor& data) const {
    Dims shape = data->shape();
    shape[0] = steps;
    shape.insert(1, l.rows.empty() ? 0 : l.rows[0]);
    if (l.batch_first) std::swap(shape[0], shape[1]);
    return {data->dtype, shape};
  }
  void cpu(TensorImpl& out, const Tensor& data) const {
    fill(out, padding);
    const Tensor from = dense(data);
    const int64_t bytes = (data->sizes[0] ? data->numel / data->sizes[0] : 0) * item_size(data->dtype),
                  batch = l.rows[0];
    each_row(l, [&](int64_t row, int64_t step, int64_t i) {
      const int64_t to = l.batch_first ? i * steps + step : step * batch + i;
      std::memcpy(out.data + to * bytes, from->data + row * bytes, size_t(bytes));
    });
  }
  void vjp(const Back& b, Tensor* d) const;
};

struct Pack {  // inputs: x (T, B, ...) or (B, T, ...)
  static constexpr const char* node = "PackPaddedSequenceBackward0";
  static constexpr uint32_t saves = kNothing;
  Lengths l;
  int64_t steps = 0;
  TensorMeta meta(const Tensor& x) {
    steps = x->sizes[l.batch_first ? 1 : 0];
    Dims shape = x->shape();
    shape.erase(0);
    shape[0] = 0;
    for (const int64_t r : l.rows) shape[0] += r;
    return {x->dtype, shape};
  }
  void cpu(TensorImpl& out, const Tensor& x) const {
    const Tensor from = dense(x);
    const int64_t batch = x->sizes[l.batch_first ? 0 : 1];
    const int64_t bytes = (steps > 0 && batch > 0 ? x->numel / (steps * batch) : 0) * item_size(x->dtype);
    each_row(l, [&](int64_t row, int64_t step, int64_t i) {
      const int64_t at = l.batch_first ? i * steps + step : step * batch + i;
      std::memcpy(out.data + row * bytes, from->data + at * bytes, size_t(bytes));
    });
  }
  void vjp(const Back& b, Tensor* d) const { d[0] = call_structural(Unpack{l, steps, Scalar(0)}, b.g[0]); }
};

void Unpack::vjp(const Back& b, Tensor* d) const { d[0] = call_structural(Pack{l}, b.g[0]); }

std::pair<Tensor, Tensor> pack(const Tensor& x, const Tensor& lengths, bool batch_first) {
  if (lengths->is_meta()) fail("'lengths' argument should be on the CPU, but is on meta");
  if (x->numel == 0) fail("Cannot pack empty tensors.");
  if (lengths->ndim != 1 || lengths->dtype != DType::Int64)
    fail("'lengths' argument should be a 1D CPU int64 tensor, but got ", int64_t(lengths->ndim), "D cpu ",
         c_name(lengths->dtype), " tensor");
  if (x->ndim < 2) fail("the padded sequences must have at least 2 dimensions, got ", int64_t(x->ndim));
  const int64_t batch = x->sizes[batch_first ? 0 : 1], steps = x->sizes[batch_first ? 1 : 0];
  const Tensor values = dense(lengths);
  const int64_t* n = values->as<int64_t>();
  if (values->numel != batch)
    fail("Expected `len(lengths)` to be equal to batch_size, but got ", values->numel, " (batch_size=", batch,
         ")");
  for (int64_t i = 0; i < batch; ++i) {
    if (n[i] <= 0)
      fail("Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0");
    if (i && n[i] > n[i - 1])
      fail(
          "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
          "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement "
          "if you do not need ONNX exportability.");
  }
  if (n[0] > steps)
    fail("the longest sequence has ", n[0], " steps by 'lengths', but the input has only ", steps);
  Lengths l{{}, batch_first};
  const Tensor sizes = empty(DType::Int64, {n[0]});
  for (int64_t step = 0, left = batch; step < n[0]; ++step) {
    while (n[left - 1] <= step) --left;
    l.rows.push_back(left);
    sizes->as<int64_t>()[step] = left;
  }
  return {call_structural(Pack{l}, x), sizes};
}

std::pair<Tensor, Tensor> pad(const Tensor& data, const Tensor& batch_sizes, bool batch_first, Scalar padding,
                              int64_t total_length) {
  if (batch_sizes->is_meta()) fail("batch_sizes must be on the CPU, but they are on meta");
  if (batch_sizes->ndim != 1 || batch_sizes->dtype != DType::Int64)
    fail("batch_sizes must be a 1D int64 tensor");
  const Tensor sizes = dense(batch_sizes);
  Lengths l{{}, false};
  int64_t total = 0;
  for (int64_t i = 0; i < sizes->numel; ++i) {
    const int64_t r = sizes->as<int64_t>()[i];
    if (r < 1 || (i && r > l.rows.back())) fail("batch_sizes must be positive and not increase");
    l.rows.push_back(r);
    total += r;
  }
  if (l.rows.empty() || data->ndim < 1 || data->sizes[0] != total)
    fail("batch_sizes name ", total, " rows, but the data's shape is ", to_string(data->shape()));
  int64_t steps = sizes->numel;
  if (total_length > 0) {
    if (total_length < steps)
      fail(
          "Expected total_length to be at least the length of the longest sequence in input, but got "
          "total_length=",
          total_length, " and max sequence length being ", steps);
    steps = total_length;
  }
  const Tensor lengths = empty(DType::Int64, {l.rows[0]});
  for (int64_t i = 0; i < lengths->numel; ++i) {
    int64_t n = 0;
    while (n < sizes->numel && l.rows[size_t(n)] > i) ++n;
    lengths->as<int64_t>()[i] = n;
  }
  const Tensor padded = call_structural(Unpack{l, steps, padding}, data);
  return {batch_first ? transpose(padded, 0, 1) : padded, lengths};
}

constexpr OpEntry entries[] = {
    fn<pack>("_pack_padded_sequence(Tensor input, Tensor lengths, bool batch_first)", kFunction),
    fn<pad>("_pad_packed_sequence(Tensor data, Tensor batch_sizes, bool batch_first, Number padding_value, "
            "int total_length)",
            kFunction),
};

}  // namespace

FACULA_ENTRIES(packing)

}  // namespace facula
