// LDL factors of symmetric and Hermitian matrices (Bunch and Kaufman), and systems solved with them.
#include "ops/linalg.h"

namespace facula::linalg {
namespace {

Tensors factorise(const Tensor& a, bool hermitian, const char* check_as) {
  require_square("torch.linalg.ldl_factor_ex", a);
  require_inexact("torch.linalg.ldl_factor_ex", a);
  require_lapack_type("ldl_factor_kernel_cpu", a);
  const int64_t n = rows(a);
  const Dims batch = batch_of(a);
  const Tensor ld = by_columns(a->dtype, batch, n, n, a->device),
               pivots = empty(DType::Int32, with(batch, {n}), a->device),
               info = empty(DType::Int32, batch, a->device);
  if (!a->is_meta()) {
    fill(*info, 0);
    copy_into(*ld, *tril(detach(a)));
    if (a->numel)
      for_type(a->dtype, [&]<class T>(T) {
        T* const all = ld->as<T>();
        int *const order = pivots->as<int>(), *const codes = info->as<int>();
        each_matrix(count_of(a), double(n) * double(n) * double(n) / 3, [&](int64_t first, int64_t last) {
          lapack::Room<T> room;
          for (int64_t i = first; i < last; ++i)
            codes[i] = lapack::sytrf(hermitian, 'L', int(n), all + i * n * n, order + i * n, room);
        });
      });
    if (check_as)
      for (int64_t i = 0; i < info->numel; ++i)
        if (const int code = info->as<int>()[i])
          fail_batch<Error>(
              check_as, info, i,
              concat("D[", code, ",", code, "] is zero and using it in ldl_solve would divide by zero"));
  }
  Underivable op;
  op.made = {ld, pivots, info};
  op.name = "aten::linalg_ldl_factor_ex";
  return call_structural(std::move(op), a);
}
Tensors ldl_factor_ex(const Tensor& a, bool hermitian, bool check_errors) {
  return factorise(a, hermitian, check_errors ? "torch.linalg.ldl_factor_ex" : nullptr);
}
Tensors ldl_factor(const Tensor& a, bool hermitian) {
  const Tensors all = factorise(a, hermitian, "torch.linalg.ldl_factor");
  return {all[0], all[1]};
}

// What xSYTRS may follow without leaving the matrix: rows exchanged within it, 2 by 2 blocks in pairs.
bool valid_pivots(const int* p, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const int64_t row = std::abs(int64_t(p[i]));
    if (row < 1 || row > n) return false;
    if (p[i] < 0) {
      if (i + 1 == n || p[i + 1] != p[i]) return false;
      ++i;
    }
  }
  return true;
}

Tensor ldl_solve(const Tensor& ld, const Tensor& pivots, const Tensor& b, bool hermitian) {
  constexpr const char* name = "torch.linalg.ldl_solve";
  require_square(name, ld);
  require_inexact(name, ld);
  if (b->ndim < 2) {
    wrap_dim(-2, b->ndim);
    require_matrix(name, b, "B");
  }
  const int64_t n = rows(ld), k = columns(b);
  if (n != rows(b))
    fail("Incompatible matrix sizes for ", name, ": each A matrix is ", n, " by ", n,
         " but each b matrix is ", rows(b), " by ", k);
  if (ld->dtype != b->dtype)
    fail("Expected b and A to have the same dtype, but found b of type ", c_name(b->dtype), " and A of type ",
         c_name(ld->dtype), " instead.");
  if (!(Dims(ld->ndim - 1, ld->sizes) == pivots->shape()))
    fail(name, ": Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with shape ",
         to_string(pivots->shape()), " instead");
  if (!is_integral(pivots->dtype))
    fail(name, ": Expected pivots to be integers. Got ", c_name(pivots->dtype));
  require_lapack_type("ldl_solve_kernel_cpu", ld);
  const Dims batch = broadcast(batch_of(ld), batch_of(b));
  const Tensor x = by_columns(b->dtype, batch, n, k, b->device);
  if (!x->is_meta() && x->numel) {
    copy_into(*x, *b);
    const Tensor a = copy_by_columns(ld, batch), order = empty(DType::Int32, with(batch, {n}));
    copy_into(*order, *pivots);
    for (int64_t i = 0; i < batch.numel(); ++i)
      if (!valid_pivots(order->as<int>() + i * n, n))
        fail(name, ": the pivots are not those of a factorisation by torch.linalg.ldl_factor");
    for_type(b->dtype, [&]<class T>(T) {
      T* const all = x->as<T>();
      const T* const factors = a->as<T>();
      const int* const exchanged = order->as<int>();
      each_matrix(batch.numel(), 2 * double(n) * double(n) * double(k), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i)
          lapack::sytrs(hermitian, 'L', int(n), int(k), factors + i * n * n, exchanged + i * n,
                        all + i * n * k);
      });
    });
  }
  Underivable op;
  op.made = {x};
  op.name = "aten::linalg_ldl_solve";
  return call_structural(std::move(op), ld, b)[0];
}

constexpr OpEntry entries[] = {
    fn<ldl_factor_ex>(
        "ldl_factor_ex(Tensor input, *, bool hermitian=False, bool check_errors=False) -> LD, pivots, info",
        kLinalg | kExactOut | kLeading),
    fn<ldl_factor>("ldl_factor(Tensor input, *, bool hermitian=False) -> LD, pivots",
                   kLinalg | kExactOut | kLeading),
    fn<ldl_solve>("ldl_solve(Tensor LD, Tensor pivots, Tensor B, *, bool hermitian=False)",
                  kLinalg | kExactOut | kLeading),
};

}  // namespace
}  // namespace facula::linalg

namespace facula {
using linalg::entries;
FACULA_ENTRIES(linalg_ldl)
}  // namespace facula
