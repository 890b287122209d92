// Runs one block kernel over operands of any layout and type: allocates the result, converts,
// broadcasts. Knows nothing of gradients.
#pragma once
#include "cpu/kernels.h"
#include "op/value.h"

namespace facula {

struct Execution {
  BlockFn kernel;
  const void* params;
  const Arg* in;
  int count;             // inputs
  int mask;              // the input that is bool, or -1
  DType computed;        // type of the other inputs' blocks
  DType result, stored;  // what the kernel writes, what the output tensor holds
  TensorImpl* into;      // where to write, or null
  std::string_view name;
  bool in_order = false;  // a result of its own is contiguous, whatever the operands
};

Tensor execute(const Execution& e);

// A tensor for the result of a pointwise operation on these operands (null: a number), laid out as PyTorch's
// TensorIterator does: in the order of dimensions of the operands, earlier ones first.
Tensor result_like(DType, const Dims& shape, Device, const TensorImpl* const* operands, int count);

// Operands in CPU memory that need no loop to be planned: of one type, dense, and of one shape or of one
// element each, in whatever number of dimensions; and real numbers. `first` is null where they are not alike.
struct Alike {
  const TensorImpl* first = nullptr;  // has the shape of the result
  bool shape = true, single = true;   // of one shape; of one element each
};
template <int N> Alike alike(const Arg* in) {
  Alike a;
  bool all = true;
  for (int i = 0; i < N; ++i) {
    const TensorImpl* t = in[i].tensor;
    if (!t) {
      all &= in[i].scalar.kind == Scalar::Kind::Int || in[i].scalar.kind == Scalar::Kind::Float;
      continue;
    }
    all &= t->contiguous & (t->device.type == Device::CPU);
    a.single &= t->numel == 1;
    if (!a.first) {
      a.first = t;
      continue;
    }
    all &= t->dtype == a.first->dtype;
    if (t->same_shape(*a.first)) continue;
    a.shape = false;
    if (t->ndim > a.first->ndim) a.first = t;
  }
  if (!(all & (a.shape | a.single))) a.first = nullptr;
  return a;
}

// A contiguous tensor whose dimensions of size 1 have other strides than empty() gives them.
inline bool has_odd_strides(const TensorImpl& t) {
  int64_t expected = 1;
  for (int d = t.ndim - 1; d >= 0; --d) {
    if (t.strides[d] != expected) return true;
    expected *= t.sizes[d];
  }
  return false;
}

void fill_scalar(char* to, DType t, Scalar s, int64_t n);  // a block of copies
// One run of the kernel over up to kBlock elements of operands that are alike.
template <int N> Tensor execute_alike(BlockFn kernel, const void* params, const Arg* in,
                                      const TensorImpl& shape, DType type, DType result) {
  Tensor out = empty_cpu(result, shape.ndim, shape.sizes);
  const int64_t n = shape.numel;
  void* block[N + 1] = {out->data};
  alignas(64) char filled[2][kBlock * 8];  // at most two numbers: some operand is a tensor
  for (int i = 0, used = 0; i < N; ++i) {
    if (in[i].tensor) block[i + 1] = in[i].tensor->data;
    else if (!in[i].present) block[i + 1] = block[1];
    else fill_scalar(static_cast<char*>(block[i + 1] = filled[used++]), type, in[i].scalar, n);
  }
  kernel(params, n, block);
  return out;
}
void store_scalar(char* to, DType t, Scalar s);        // checks that an integer fits
Dims strides_in_bytes(const TensorImpl& t, int ndim);  // as broadcast to ndim dimensions

}  // namespace facula
