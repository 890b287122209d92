// Factors with row exchanges: lu_factor, lu, lu_unpack, lu_solve.
#include "op/inplace.h"
#include "ops/linalg.h"

namespace facula::linalg {
namespace {

std::string zero_pivot(int at) {
  return concat(
      "U[", at, ",", at,
      "] is zero and using it on lu_solve would result in a division by zero. If you still want to "
      "perform the factorization, consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)");
}

// P x, where P puts row i at p[i]; P^T x picks row p[i].
Tensor permute_rows(const Tensor& x, const Tensor& p, bool inverse) {
  Tensor order = p;
  if (!inverse) {
    order = empty(DType::Int64, p->shape(), p->device);
    const int64_t n = p->ndim ? p->sizes[p->ndim - 1] : 0;
    for (int64_t i = 0; i < p->numel; ++i) order->as<int64_t>()[i / n * n + p->as<int64_t>()[i]] = i % n;
  }
  return gather(x, -2, expand(unsqueeze(order, -1), x->shape()));
}

// A = P L U. The gradient of L and U, which share their memory, is that of both.
struct Lu : Made {
  static constexpr const char* node = "LinalgLuFactorExBackward0";
  static constexpr uint32_t saves = kOutput;
  void vjp(const Back& b, Tensor* d) const {
    if (!b.g[0]) return;
    const Tensor &lu = b.out[0], &g = b.g[0];
    const int64_t m = rows(lu), n = columns(lu), k = std::min(m, n);
    const Tensor p = lu_permutation(b.out[1], m);
    const Tensor square = narrow(narrow(lu, -2, 0, k), -1, 0, k);
    const Tensor lh = adjoint(square),
                 uh = adjoint(triu(square));  // triangular solves read one triangle only
    const Tensor unit = tril(square, -1) + identity(k, k, lu->dtype, lu->device);
    const Tensor gs = narrow(narrow(g, -2, 0, k), -1, 0, k);
    const Tensor gl = tril(gs, -1), gu = triu(gs);
    auto behind_l = [&](const Tensor& x) { return solve_triangular(lh, x, true, true, true); };
    auto behind_u = [&](const Tensor& x) { return solve_triangular(uh, x, false, false); };
    Tensor below = matmul(adjoint(unit), gl), above = matmul(gu, uh);
    Tensor all;
    if (m == n) {
      all = behind_u(behind_l(tril(below, -1) + triu(above)));
    } else if (m < n) {
      const Tensor u2 = narrow(lu, -1, k, n - k), g2 = narrow(g, -1, k, n - k);
      below = below - matmul(g2, adjoint(u2));
      all = behind_l(cat({behind_u(tril(below, -1) + triu(above)), g2}, -1));
    } else {
      const Tensor l2 = narrow(lu, -2, k, m - k), g2 = narrow(g, -2, k, m - k);
      above = above - matmul(adjoint(l2), g2);
      all = behind_u(cat({behind_l(tril(below, -1) + triu(above)), g2}, -2));
    }
    d[0] = permute_rows(all, p, false);
  }
};

Tensors lu_recorded(const Tensor& a, bool pivot, const char* check_as) {
  if (!pivot) fail("linalg.lu_factor: LU without pivoting is not implemented on the CPU");
  if (a->numel) require_lapack_type("lu_cpu", a);
  Factors f = lu_factors(a);
  if (check_as && !f.info->is_meta())
    for (int64_t i = 0; i < f.info->numel; ++i)
      if (const int code = f.info->as<int>()[i]) fail_batch<Error>(check_as, f.info, i, zero_pivot(code));
  return call_structural(Lu{{{f.lu, f.pivots, f.info}}}, a);
}

void require_two(const char* name, const Tensor& a) {
  if (a->ndim < 2)
    fail(name, ": Expected tensor with 2 or more dimensions. Got size: ", to_string(a->shape()), " instead");
}

Tensors lu_factor_ex(const Tensor& a, bool pivot, bool check_errors) {
  require_two("torch.lu_factor", a);
  return lu_recorded(a, pivot, check_errors ? "torch.linalg.lu_factor_ex" : nullptr);
}
Tensors lu_factor(const Tensor& a, bool pivot) {
  require_two("torch.lu_factor", a);
  Tensors all = lu_recorded(a, pivot, "torch.linalg.lu_factor");
  return {all[0], all[1]};
}

// --- the factors by themselves ---

template <bool Whole> struct Unpack {
  static constexpr const char* node = Whole ? "LinalgLuBackward0" : "LuUnpackBackward0";
  static constexpr uint32_t saves = kNothing;
  int64_t m = 0, n = 0;
  Tensors forward(const Tensor& lu) {
    const GradMode off(false);
    m = rows(lu);
    n = columns(lu);
    const int64_t k = std::min(m, n);
    const Tensor l = contiguous(tril(narrow(lu, -1, 0, k), -1));
    if (!l->is_meta()) fill(*diagonal(l), 1);
    return {l, contiguous(triu(narrow(lu, -2, 0, k)))};
  }
  void vjp(const Back& b, Tensor* d) const {
    const int64_t k = std::min(m, n);
    Tensor gl = b.g[0] ? tril(b.g[0], -1) : Tensor(), gu = b.g[1] ? triu(b.g[1]) : Tensor();
    auto zero_part = [&](const Tensor& like, int64_t height, int64_t width) {
      return zeros(with(batch_of(like), {height, width}), like->dtype, like->device);
    };
    if (gl && n > k) gl = cat({gl, zero_part(gl, m, n - k)}, -1);
    if (gu && m > k) gu = cat({gu, zero_part(gu, m - k, n)}, -2);
    d[0] = gl && gu ? gl + gu : gl ? gl : gu;
  }
};

Tensor permutation_matrix(const Tensor& pivots, int64_t m, DType t) {
  const Dims batch(pivots->ndim - 1, pivots->sizes);
  const Dims shape = with(batch, {m, m});
  if (pivots->is_meta()) return empty(t, shape, pivots->device);
  const Tensor p = lu_permutation(pivots, m), out = zeros(shape, t);
  visit(t, [&](auto element) {
    using T = decltype(element);
    for (int64_t i = 0; i < p->numel; ++i)
      out->as<T>()[(i / m * m + p->as<int64_t>()[i]) * m + i % m] = T(1.0f);
  });
  return out;
}

Tensors lu_unpack(const Tensor& lu, const Tensor& pivots, bool data, bool with_pivots) {
  require_two("torch.lu_unpack", lu);
  if (with_pivots && pivots->dtype != DType::Int32)
    fail(
        "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\nNote: this "
        "function is intended to be used with the output produced by torch.linalg.lu_factor");
  Tensor p = empty(lu->dtype, {0}, lu->device), l = p, u = p;
  if (with_pivots) {
    const int64_t k = std::min(rows(lu), columns(lu));
    bool good = pivots->ndim == lu->ndim - 1 && pivots->sizes[pivots->ndim - 1] == k &&
                Dims(pivots->ndim - 1, pivots->sizes) == batch_of(lu);
    const Tensor order = pivots->is_meta() ? pivots : dense(pivots);
    for (int64_t i = 0; good && !order->is_meta() && i < order->numel; ++i)
      good = order->as<int>()[i] >= 1 && order->as<int>()[i] <= rows(lu);
    if (!good)
      fail(
          "pivots passed to lu_unpack must be between 1 and LU.size(-2) inclusive.Did you properly pass the "
          "result of lu_factor?");
    p = permutation_matrix(pivots, rows(lu), lu->dtype);
  }
  if (data) {
    Tensors parts = call_structural(Unpack<false>{}, lu);
    l = parts[0];
    u = parts[1];
  }
  return {p, l, u};
}

Tensors linalg_lu(const Tensor& a, bool pivot) {
  require_two("linalg.lu", a);
  const Tensors all = lu_recorded(a, pivot, nullptr);
  const Tensors parts = call_structural(Unpack<true>{}, all[0]);
  return {permutation_matrix(all[1], rows(a), a->dtype), parts[0], parts[1]};
}

// --- systems ---

// Inputs: factors and right-hand sides of one batch; solves A X = B, A^H X = B, X A = B or X A^H = B.
struct LuSolve {
  static constexpr const char* node = "LinalgLuSolveBackward0";
  static constexpr uint32_t saves = kInputs | kOutput;
  Tensor pivots;
  bool left, adjoint;
  Tensor forward(const Tensor& lu, const Tensor& given) const {
    const GradMode off(false);
    const bool conjugated = !left && adjoint && is_complex(lu->dtype);  // conj(A) X^T = B^T
    Tensor b = left ? given : transposed(given);
    const int64_t n = rows(b), k = columns(b);
    const Tensor x = by_columns(b->dtype, batch_of(b), n, k, b->device);
    if (!x->is_meta() && x->numel) {
      copy_into(*x, *(conjugated ? unary("conj", b) : b));
      const Tensor a = copy_by_columns(lu), order = dense(pivots);
      const char how = left ? (adjoint ? 'C' : 'N') : adjoint ? 'N' : 'T';
      for_type(b->dtype, [&]<class T>(T) {
        T* const all = x->as<T>();
        const T* const factors = a->as<T>();
        const int* const exchanged = order->as<int>();
        each_matrix(count_of(b), double(n) * double(n) * double(k), [&](int64_t first, int64_t last) {
          for (int64_t i = first; i < last; ++i)
            lapack::getrs(how, int(n), int(k), factors + i * n * n, exchanged + i * n, all + i * n * k);
        });
      });
    }
    const Tensor result = conjugated ? copy_by_columns(unary("conj", x)) : x;
    return left ? result : alias(*result, given->shape(), transposed(result)->stride());
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor& lu = b.in[0];
    if (b.needs(1)) d[1] = call_structural(LuSolve{pivots, left, !adjoint}, lu, b.g[0]);
    if (!b.needs(0)) return;
    // X A = B is A^H X^H = B^H.
    const Tensor x = left ? b.out[0] : linalg::adjoint(b.out[0]), g = left ? b.g[0] : linalg::adjoint(b.g[0]);
    const bool turned = left ? adjoint : !adjoint;
    const Tensor l = lu, u = triu(lu), lh = linalg::adjoint(lu), uh = linalg::adjoint(u);
    if (!turned) {
      const Tensor gv = solve_triangular(uh, g, false), v = matmul(u, x);
      const Tensor gl = matmul(solve_triangular(lh, gv, true, true, true), linalg::adjoint(v));
      d[0] = -(tril(gl, -1) + triu(matmul(gv, linalg::adjoint(x))));
      return;
    }
    const Tensor p = lu_permutation(pivots, rows(lu));
    const Tensor y = permute_rows(x, p, true), gy = permute_rows(g, p, true);
    const Tensor gw = solve_triangular(l, gy, false, true, true);
    const Tensor unit_h = linalg::adjoint(tril(lu, -1)) + identity(rows(lu), rows(lu), lu->dtype, lu->device);
    const Tensor w = matmul(unit_h, y);
    const Tensor gu = matmul(w, linalg::adjoint(solve_triangular(u, gw, true)));
    d[0] = -(tril(matmul(y, linalg::adjoint(gw)), -1) + triu(gu));
  }
};

void require_fitting(const char* name, const Tensor& a, const Tensor& b, bool left) {
  require_matrix(name, b, "B");
  if ((left ? rows(a) != rows(b) : columns(a) != columns(b)))
    fail(name, ": Incompatible shapes of A and B for the equation ", left ? "AX = B" : "XA = B", " (",
         rows(a), "x", columns(a), " and ", rows(b), "x", columns(b), ")");
}

Tensor linalg_lu_solve(const Tensor& lu, const Tensor& pivots, const Tensor& b, bool left, bool adjoint) {
  require_inexact("torch.linalg.lu_solve", lu);
  if (lu->dtype != b->dtype) require_same_types("linalg.lu_solve", lu, "LU", b, "B");
  if (pivots->dtype != DType::Int32)
    fail("linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32");
  require_square("torch.linalg.lu_solve", lu);
  require_fitting("linalg.lu_solve", lu, b, left);
  if (pivots->ndim != lu->ndim - 1 || pivots->sizes[pivots->ndim - 1] != rows(lu))
    fail("linalg.lu_solve: Number of pivots per batch should be same as the dimension of the matrix");
  if (!(Dims(pivots->ndim - 1, pivots->sizes) == batch_of(lu)))
    fail(
        "linalg.lu_solve: Expected LU.shape[:-1] and pivots.shape to be the same, but got pivots with shape ",
        to_string(pivots->shape()), " instead");
  require_lapack_type("linalg.lu_solve_cpu", lu);
  require_lapack_type("linalg.lu_solve_cpu", b);
  if (!pivots->is_meta()) {
    const Tensor order = dense(pivots);
    for (int64_t i = 0; i < order->numel; ++i)
      if (order->as<int>()[i] < 1)
        fail(
            "Pivots given to lu_solve must all be greater or equal to 1. Did you properly pass the result of "
            "lu_factor?");
      else if (order->as<int>()[i] > rows(lu))
        fail(
            "Pivots given to lu_solve must all be smaller or equal to LU.size(-2). Did you properly pass the "
            "result of lu_factor?");
  }
  return lu_solve(lu, pivots, b, left, adjoint);
}
Tensor torch_lu_solve(const Tensor& b, const Tensor& lu, const Tensor& pivots) {
  warn(
      "torch.lu_solve is deprecated in favor of torch.linalg.lu_solveand will be removed in a future PyTorch "
      "release.\nIts arguments are in another order: torch.linalg.lu_solve(LU, pivots, B).");
  return linalg_lu_solve(lu, pivots, b, true, false);
}

}  // namespace

Factors lu_factors(const Tensor& a) {
  const int64_t m = rows(a), n = columns(a), k = std::min(m, n);
  const Dims batch = batch_of(a);
  Factors f{by_columns(a->dtype, batch, m, n, a->device), empty(DType::Int32, with(batch, {k}), a->device),
            empty(DType::Int32, batch, a->device)};
  if (a->is_meta()) return f;
  fill(*f.info, 0);
  if (a->numel == 0) return f;
  copy_into(*f.lu, *a);
  for_type(a->dtype, [&]<class T>(T) {
    T* const all = f.lu->as<T>();
    int *const pivots = f.pivots->as<int>(), *const codes = f.info->as<int>();
    each_matrix(count_of(a), double(m) * double(n) * double(k) / 2, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i)
        codes[i] = lapack::getrf(int(m), int(n), all + i * m * n, pivots + i * k);
    });
  });
  return f;
}

Tensor lu_permutation(const Tensor& pivots, int64_t m) {
  const int64_t k = pivots->sizes[pivots->ndim - 1], count = Dims(pivots->ndim - 1, pivots->sizes).numel();
  const Tensor out = empty(DType::Int64, with(Dims(pivots->ndim - 1, pivots->sizes), {m}), pivots->device);
  if (out->is_meta()) return out;
  const Tensor order = dense(pivots);
  for (int64_t i = 0; i < count; ++i) {
    int64_t* const p = out->as<int64_t>() + i * m;
    for (int64_t j = 0; j < m; ++j) p[j] = j;
    for (int64_t j = 0; j < k; ++j) {
      const int64_t with = int64_t(order->as<int>()[i * k + j]) - 1;
      if (uint64_t(with) >= uint64_t(m)) fail("LU pivots must be between 1 and the number of rows inclusive");
      std::swap(p[j], p[with]);
    }
  }
  return out;
}

Tensor lu_solve(const Tensor& lu, const Tensor& pivots, const Tensor& b, bool left, bool adjoint) {
  const Dims batch = broadcast(batch_of(lu), batch_of(b));
  const int64_t n = rows(lu);
  return call_structural(LuSolve{expand(pivots, with(batch, {n})), left, adjoint},
                         expand(lu, with(batch, {n, n})), expand(b, with(batch, {rows(b), columns(b)})));
}

static constexpr OpEntry entries[] = {
    fn<lu_factor_ex>(
        "lu_factor_ex(Tensor A, *, bool pivot=True, bool check_errors=False) -> LU, pivots, info",
        kLinalg | kExactOut | kLeading),
    fn<lu_factor>("lu_factor(Tensor A, *, bool pivot=True) -> LU, pivots", kLinalg | kExactOut | kLeading),
    fn<lu_unpack>("lu_unpack(Tensor LU_data, Tensor LU_pivots, bool unpack_data=True, bool "
                  "unpack_pivots=True) -> P, L, U",
                  kFunction | kExactOut | kLeading),
    fn<linalg_lu>("lu(Tensor A, *, bool pivot=True) -> P, L, U", kLinalg | kExactOut | kLeading),
    fn<linalg_lu_solve>("lu_solve(Tensor LU, Tensor pivots, Tensor B, *, bool left=True, bool adjoint=False)",
                        kLinalg | kExactOut | kLeading),
    fn<torch_lu_solve>("lu_solve(Tensor input, Tensor LU_data, Tensor LU_pivots)",
                       kFunction | kMethod | kExactOut | kOutLikeResult | kLeading),
};

}  // namespace facula::linalg

namespace facula {
using linalg::entries;
FACULA_ENTRIES(linalg_lu)
}  // namespace facula
