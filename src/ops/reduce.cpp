// sum: every partial result covers a fixed set of elements, and partial results are added in
// a fixed tree. The result depends neither on threads nor on vector width, and the error
// grows with the logarithm of the length.
#include <algorithm>
#include "core/parallel.h"
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {
namespace {

constexpr int64_t kLeaf = 1024;  // elements summed lane by lane before the tree starts

template <class W> W sum_tree(W* x, int64_t n) {  // pairwise, in place
  for (; n > 1; n = (n + 1) / 2)
    for (int64_t i = 0; i < (n + 1) / 2; ++i) x[i] = 2 * i + 1 < n ? x[2 * i] + x[2 * i + 1] : x[2 * i];
  return n ? x[0] : W(0);
}

template <class W, class T> W sum_row(const T* x, int64_t n, const ReduceKernels& kernels) {
  W result;
  if (n <= kLeaf) {
    kernels.sum_block(x, n, &result);
    return result;
  }
  const int64_t leaves = (n + kLeaf - 1) / kLeaf, per_piece = 64;
  std::vector<W> partial(static_cast<size_t>(leaves));
  parallel_pieces((leaves + per_piece - 1) / per_piece, [&](int64_t p) {
    for (int64_t i = p * per_piece; i < std::min(leaves, (p + 1) * per_piece); ++i)
      kernels.sum_block(x + i * kLeaf, std::min(kLeaf, n - i * kLeaf), &partial[size_t(i)]);
  });
  return sum_tree(partial.data(), leaves);
}

struct Sum {
  static constexpr const char* node = "SumBackward1";
  static constexpr uint32_t saves = kNothing;
  Dims dim;
  bool keepdim;
  Dims input_shape{};
  bool reduced[kMaxDims]{};

  TensorMeta meta(const Tensor& x) {
    input_shape = x->shape();
    Dims shape;
    for (int i = 0; i < dim.count; ++i) {
      dim[i] = wrap_dim(dim[i], x->ndim);
      if (reduced[dim[i]]) fail("dim ", dim[i], " appears multiple times in the list of dims");
      reduced[dim[i]] = true;
    }
    if (!dim.count)
      for (int d = 0; d < x->ndim; ++d) reduced[d] = true;
    for (int d = 0; d < x->ndim; ++d)
      if (!reduced[d] || keepdim) shape.push(reduced[d] ? 1 : x->sizes[d]);
    return {is_floating(x->dtype) ? x->dtype : DType::Int64, shape};
  }
  void cpu(TensorImpl& out, const Tensor& input) const {
    Dims sizes, strides;
    int64_t length = 1;
    for (int pass = 0; pass < 2; ++pass)
      for (int d = 0; d < input->ndim; ++d)
        if (reduced[d] == (pass == 1)) {
          sizes.push(input->sizes[d]);
          strides.push(input->strides[d]);
          if (pass) length *= input->sizes[d];
        }
    const Tensor x = dense(alias(*input, sizes, strides));
    visit(x->dtype, [&](auto zero) {
      using T = decltype(zero);
      if constexpr (!is_complex_type<T> && !is_half_type<T>) {
        using A = std::conditional_t<std::is_floating_point_v<T>, T, int64_t>;
        using W = std::conditional_t<std::is_floating_point_v<T>, double, int64_t>;
        const ReduceKernels& kernels = reduce_kernel(x->dtype);
        for (int64_t i = 0; i < out.numel; ++i) out.as<A>()[i] = A(sum_row<W>(x->as<T>() + i * length, length, kernels));
      } else {
        fail<NotImplemented>("\"sum_cpu\" not implemented for '", c_name(x->dtype), "'");
      }
    });
  }
  void vjp(const Back& b, Tensor* d) const {
    Tensor g = b.g[0];
    if (!keepdim)
      for (int i = 0; i < input_shape.count; ++i)
        if (reduced[i]) g = unsqueeze(g, i);
    d[0] = expand(g, input_shape);
  }
};

Tensor sum_all(const Tensor& x) { return sum(x, Dims(), false); }

}  // namespace

Tensor sum(const Tensor& x, const Dims& dims, bool keepdim) { return call_structural(Sum{dims, keepdim}, x); }

static constexpr OpEntry entries[] = {
    fn<sum_all>("sum(Tensor input)"),
    fn<sum>("sum(Tensor input, int[1] dim, bool keepdim=False)"),
};
FACULA_ENTRIES(reduce)

}  // namespace facula
