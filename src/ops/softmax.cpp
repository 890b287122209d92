// softmax and log_softmax.
#include "cpu/softmax.h"
#include "core/parallel.h"
#include "op/structural.h"
#include "ops/functions.h"
#include "ops/softmax.h"

namespace facula {
namespace {

// Outer pieces of `n * inner` elements; a piece is independent of all others.
void run(const TensorImpl& x, TensorImpl& y, int64_t dim, bool log) {
  if (x.numel == 0) return;
  const int64_t n = x.ndim ? x.sizes[dim] : 1;
  int64_t inner = 1;
  for (int d = int(dim) + 1; d < x.ndim; ++d) inner *= x.sizes[d];
  const int64_t slab = n * inner, outer = x.numel / slab;
  const int64_t per_piece = std::max<int64_t>(1, (1 << 15) / slab);
  const SoftmaxKernels& kernels = best_softmax_kernels();
  parallel_pieces((outer + per_piece - 1) / per_piece, [&](int64_t piece) {
    const int64_t from = piece * per_piece, count = std::min(per_piece, outer - from);
    auto of = [&]<class T>(SoftmaxFn<T> f) {
      const T* in = x.as<T>() + from * slab;
      T* out = y.as<T>() + from * slab;
      if (inner == 1) return f(in, out, count, n, 1, log);
      for (int64_t i = 0; i < count; ++i) f(in + i * slab, out + i * slab, inner, n, inner, log);
    };
    if (x.dtype == DType::Float32) of(kernels.of_float);
    else of(kernels.of_double);
  });
}

template <bool kLog> struct SoftmaxOp {
  static constexpr const char* node = kLog ? "LogSoftmaxBackward0" : "SoftmaxBackward0";
  static constexpr uint32_t saves = kOutput;
  void show(Parameters& p) const { p("dim", dim); }
  int64_t dim;

  TensorMeta meta(const Tensor& x) {
    dim = wrap_dim(dim, x->ndim);
    if (!is_real_floating(x->dtype))
      fail<NotImplemented>("\"", kLog ? "log_" : "",
                           dim + 1 >= x->ndim ? "softmax_lastdim_kernel_impl" : "softmax_kernel_impl",
                           "\" not implemented for '", c_name(x->dtype), "'");
    return {x->dtype, x->shape()};
  }
  void cpu(TensorImpl& out, const Tensor& x) const {
    if (!is_half(x->dtype)) return run(*dense(x), out, dim, kLog);
    const Tensor wide = dense(x, DType::Float32), result = empty(DType::Float32, x->shape());
    run(*wide, *result, dim, kLog);
    cast_kernel(DType::Float32, x->dtype)(result->data, out.data, out.numel);
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor &g = b.g[0], &y = b.out[0];
    if constexpr (kLog) d[0] = g - unary("exp", y) * sum(g, {dim}, true);
    else d[0] = y * (g - sum(g * y, {dim}, true));
  }
  std::optional<SoftmaxOp> batched(const Back& b, int64_t) const {
    if (b.out[0]->ndim == 0) return std::nullopt;
    return SoftmaxOp{dim + 1};
  }
};

template <bool kLog> Tensor softmax(const Tensor& x, int64_t dim, OptDType dtype) {
  return call_structural(SoftmaxOp<kLog>{dim}, dtype ? to_dtype(x, *dtype) : x);
}

constexpr OpEntry entries[] = {
    fn<softmax<false>>("softmax(Tensor input, int dim, dtype? dtype=None)",
                       kFunction | kMethod | kExactOut | kSpecial),
    fn<softmax<true>>("log_softmax(Tensor input, int dim, dtype? dtype=None)",
                      kFunction | kMethod | kExactOut | kSpecial),
};

}  // namespace

Tensor softmax(const Tensor& x, int64_t dim) { return softmax<false>(x, dim, std::nullopt); }
Tensor log_softmax(const Tensor& x, int64_t dim) { return softmax<true>(x, dim, std::nullopt); }

FACULA_ENTRIES(softmax)

}  // namespace facula
