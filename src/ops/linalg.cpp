// The helpers of the linear algebra families (ops/linalg.h).
#include "ops/linalg.h"
#include <cmath>

namespace facula::linalg {

void require_matrix(const char* name, const Tensor& a, const char* argument) {
  if (a->ndim < 2) fail(name, ": The input tensor ", argument, " must have at least 2 dimensions.");
}

void require_square(const char* name, const Tensor& a, const char* argument) {
  require_matrix(name, a, argument);
  if (rows(a) != columns(a))
    fail(name, ": ", argument, " must be batches of square matrices, but they are ", rows(a), " by ",
         columns(a), " matrices");
}

void require_inexact(const char* name, const Tensor& a) {
  if (!is_floating(a->dtype))
    fail(name, ": Expected a floating point or complex tensor as input. Got ", c_name(a->dtype));
}

void require_lapack_type(const char* kernel, const Tensor& a) {
  const DType t = a->dtype;
  if (t != DType::Float32 && t != DType::Float64 && t != DType::Complex64 && t != DType::Complex128)
    fail<NotImplemented>("\"", kernel, "\" not implemented for '", c_name(t), "'");
  for (int i = std::max(0, a->ndim - 2); i < a->ndim; ++i)
    if (a->sizes[i] > INT32_MAX / 2) fail(kernel, ": the matrix is too large for LAPACK");
}

void require_same_types(const char* name, const Tensor& a, const char* a_name, const Tensor& b,
                        const char* b_name) {
  if (a->dtype != b->dtype)
    fail(name, ": Expected ", a_name, " and ", b_name, " to have the same dtype, but found ", a_name,
         " of type ", c_name(a->dtype), " and ", b_name, " of type ", c_name(b->dtype), " instead");
}

Tensor by_columns(DType t, const Dims& batch, int64_t rows, int64_t columns, Device device) {
  const int n = batch.count;
  const Dims shape = with(batch, {rows, columns});
  Dims strides(n + 2);
  int64_t step = std::max<int64_t>(rows, 1) * std::max<int64_t>(columns, 1);
  strides[n] = 1;
  strides[n + 1] = std::max<int64_t>(rows, 1);
  for (int d = n - 1; d >= 0; --d) {
    strides[d] = step;
    step *= std::max<int64_t>(shape[d], 1);
  }
  return empty_strided(t, shape, strides, device);
}

Tensor copy_by_columns(const Tensor& a, const Dims& batch) {
  const Tensor out = by_columns(a->dtype, batch, rows(a), columns(a), a->device);
  copy_into(*out, *a);
  return out;
}
Tensor copy_by_columns(const Tensor& a) { return copy_by_columns(a, batch_of(a)); }

Tensor conjugate(const Tensor& a) { return is_complex(a->dtype) ? unary("conj", a) : a; }
Tensor adjoint(const Tensor& a) { return conjugate(transposed(a)); }
Tensor real_of(const Tensor& a) { return is_complex(a->dtype) ? real_part(a) : a; }

Tensor identity(int64_t n, int64_t m, DType t, Device device) {
  const GradMode off(false);
  const Tensor out = zeros({n, m}, t, device);
  fill(*facula::diagonal(out, 0, 0, 1), 1);
  return out;
}

bool all_finite(const Tensor& t) {
  bool finite = true;
  for_type(t->dtype, [&]<class T>(T) {
    using R = lapack::Real<T>;
    const R* parts = reinterpret_cast<const R*>(t->as<T>());
    for (int64_t i = 0; i < t->numel * int64_t(sizeof(T) / sizeof(R)); ++i) finite &= std::isfinite(parts[i]);
  });
  return finite;
}

void check_info(const char* name, const Tensor& info, std::string (*explain)(int)) {
  if (info->is_meta()) return;
  const int* codes = info->as<int>();
  for (int64_t i = 0; i < info->numel; ++i)
    if (codes[i]) fail_batch<LinAlgError>(name, info, i, explain(codes[i]));
}

}  // namespace facula::linalg
