// Cholesky factors and what is computed from them.
#include "op/inplace.h"
#include "ops/linalg.h"

namespace facula::linalg {
namespace {

std::string not_definite(int order) {
  return concat(
      "The factorization could not be completed because the input is not positive-definite (the leading "
      "minor of "
      "order ",
      order, " is not positive-definite).");
}

struct Factor {
  Tensor factor, info;
};

Factor factorise(const Tensor& a, bool upper) {
  const int64_t n = rows(a);
  Factor f{by_columns(a->dtype, batch_of(a), n, n, a->device), empty(DType::Int32, batch_of(a), a->device)};
  if (a->is_meta()) return f;
  fill(*f.info, 0);
  if (a->numel == 0) return f;
  copy_into(*f.factor, *a);
  for_type(a->dtype, [&]<class T>(T) {
    T* const all = f.factor->as<T>();
    int* const codes = f.info->as<int>();
    each_matrix(count_of(a), double(n) * double(n) * double(n) / 3, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        T* const m = all + i * n * n;
        codes[i] = lapack::potrf(upper ? 'U' : 'L', int(n), m);
        for (int64_t j = 0; j < n; ++j) {  // the other triangle is zero
          if (upper) std::fill(m + j * n + j + 1, m + (j + 1) * n, T{});
          else std::fill(m + j * n, m + j * n + j, T{});
        }
      }
    });
  });
  return f;
}

struct Cholesky : Made {
  static constexpr const char* node = "LinalgCholeskyExBackward0";
  static constexpr uint32_t saves = kOutput;
  bool upper = false;
  // With P the lower triangle of L^H dL, its diagonal halved twice over: L^-H (P + P^H) / 2 L^-1.
  void vjp(const Back& b, Tensor* d) const {
    if (!b.g[0]) return;
    const Tensor l = upper ? adjoint(b.out[0]) : b.out[0], g = upper ? adjoint(b.g[0]) : b.g[0];
    const Tensor p = tril(matmul(adjoint(l), g));
    const Tensor middle = (p + adjoint(tril(p, -1))) * Scalar(0.5);
    const Tensor lh = adjoint(l);
    d[0] = solve_triangular(lh, solve_triangular(l, middle, false, false), true);
  }
};

Tensors recorded(const Tensor& a, bool upper, const Factor& f) {
  return call_structural(Cholesky{{{f.factor, f.info}}, upper}, a);
}

void check(const char* name, const Tensor& a) {
  require_square(name, a);
  require_lapack_type("cholesky_cpu", a);
}

Tensors cholesky_ex(const Tensor& a, bool upper, bool check_errors) {
  require_square("linalg.cholesky", a);
  require_inexact("linalg.cholesky", a);
  require_lapack_type("cholesky_cpu", a);
  const Factor f = factorise(a, upper);
  if (check_errors) check_info("linalg.cholesky_ex", f.info, not_definite);
  return recorded(a, upper, f);
}
Tensors replay_op(const Cholesky& op, const Tensor* in, int) { return cholesky_ex(in[0], op.upper, false); }
Tensor linalg_cholesky(const Tensor& a, bool upper) {
  require_square("linalg.cholesky", a);
  require_inexact("linalg.cholesky", a);
  require_lapack_type("cholesky_cpu", a);
  const Factor f = factorise(a, upper);
  check_info("linalg.cholesky", f.info, not_definite);
  return recorded(a, upper, f)[0];
}
Tensor cholesky(const Tensor& a, bool upper) {
  check("cholesky", a);
  const Factor f = factorise(a, upper);
  check_info("cholesky", f.info, not_definite);
  return recorded(a, upper, f)[0];
}

// --- the inverse of the matrix whose factor is given ---

std::string singular(int at) {
  return concat("The diagonal element ", at,
                " is zero, the inversion could not be completed because the input matrix is singular.");
}

struct CholeskyInverse {
  static constexpr const char* node = "CholeskyInverseBackward0";
  static constexpr uint32_t saves = saves_input(0) | kOutput;
  bool upper;
  Tensor forward(const Tensor& factor) const {
    const int64_t n = rows(factor);
    const Tensor out = by_columns(factor->dtype, batch_of(factor), n, n, factor->device);
    if (factor->is_meta() || factor->numel == 0) return out;
    copy_into(*out, *factor);
    const Tensor info = empty(DType::Int32, batch_of(factor));
    for_type(factor->dtype, [&]<class T>(T) {
      T* const all = out->as<T>();
      int* const codes = info->as<int>();
      each_matrix(count_of(factor), double(n) * double(n) * double(n), [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i) {
          T* const m = all + i * n * n;
          codes[i] = lapack::potri(upper ? 'U' : 'L', int(n), m);
          for (int64_t j = 0; j < n; ++j)  // the triangle that LAPACK leaves is the conjugate of the other
            for (int64_t k = j + 1; k < n; ++k) {
              T &low = m[j * n + k], &high = m[k * n + j];
              T& to = upper ? low : high;
              const T from = upper ? high : low;
              if constexpr (is_complex_type<T>) to = {from.re, -from.im};
              else to = from;
            }
        }
      });
    });
    check_info("cholesky_inverse", info, singular);
    return out;
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor& y = b.out[0];
    const Tensor both = matmul(y, matmul(b.g[0] + adjoint(b.g[0]), y));
    d[0] = -(upper ? matmul(b.in[0], both) : matmul(both, b.in[0]));
  }
};
Tensor cholesky_inverse(const Tensor& factor, bool upper) {
  require_square("cholesky_inverse", factor);
  require_lapack_type("cholesky_inverse_out_cpu", factor);
  return call_structural(CholeskyInverse{upper}, factor);
}

// --- systems ---

struct CholeskySolve {  // inputs: right-hand sides, factor, of one batch
  static constexpr const char* node = "CholeskySolveBackward0";
  static constexpr uint32_t saves = kInputs | kOutput;
  bool upper;
  Tensor forward(const Tensor& b, const Tensor& factor) const {
    const int64_t n = rows(b), k = columns(b);
    const Tensor x = by_columns(b->dtype, batch_of(b), n, k, b->device);
    if (b->is_meta() || x->numel == 0) return x;
    copy_into(*x, *b);
    const Tensor a = copy_by_columns(factor);
    for_type(b->dtype, [&]<class T>(T) {
      T* const all = x->as<T>();
      const T* const factors = a->as<T>();
      each_matrix(count_of(b), double(n) * double(n) * double(k) * 2, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i)
          lapack::potrs(upper ? 'U' : 'L', int(n), int(k), factors + i * n * n, all + i * n * k);
      });
    });
    return x;
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor gb = call_structural(CholeskySolve{upper}, b.g[0], b.in[1]);
    if (b.needs(0)) d[0] = gb;
    if (!b.needs(1)) return;
    const Tensor half = matmul(gb, adjoint(b.out[0])), both = half + adjoint(half);
    d[1] = -(upper ? matmul(b.in[1], both) : matmul(both, b.in[1]));
  }
};
Tensor cholesky_solve(const Tensor& b, const Tensor& factor, bool upper) {
  for (const auto& [t, name] : {std::pair(&b, "b"), std::pair(&factor, "u")})
    if ((*t)->ndim < 2)
      fail(name, " should have at least 2 dimensions, but has ", int((*t)->ndim), " dimensions instead");
  if (b->dtype != factor->dtype)
    fail("Expected b and A to have the same dtype, but found b of type ", c_name(b->dtype), " and A of type ",
         c_name(factor->dtype), " instead.");
  const int64_t n = rows(factor), m = columns(factor);
  if (n != m) fail("A must be batches of square matrices, but they are ", n, " by ", m, " matrices");
  if (rows(b) != n)
    fail("Incompatible matrix sizes for cholesky_solve: each A matrix is ", n, " by ", n,
         " but each b matrix is ", rows(b), " by ", columns(b));
  require_lapack_type("cholesky_solve_cpu", b);
  require_lapack_type("cholesky_solve_cpu", factor);
  const Dims batch = broadcast(batch_of(b), batch_of(factor));
  return call_structural(CholeskySolve{upper}, expand(b, with(batch, {rows(b), columns(b)})),
                         expand(factor, with(batch, {n, n})));
}

constexpr OpEntry entries[] = {
    fn<cholesky_ex>("cholesky_ex(Tensor input, *, bool upper=False, bool check_errors=False) -> L, info",
                    kLinalg | kOut | kLeading),
    fn<linalg_cholesky>("cholesky(Tensor input, *, bool upper=False)", kLinalg | kExactOut | kLeading),
    fn<cholesky>("cholesky(Tensor input, bool upper=False)", kFunction | kMethod | kOut | kLeading),
    fn<cholesky_inverse>("cholesky_inverse(Tensor input, bool upper=False)",
                         kFunction | kMethod | kOutLikeResult | kLeading),
    fn<cholesky_solve>("cholesky_solve(Tensor input, Tensor input2, bool upper=False)",
                       kFunction | kMethod | kOut | kLeading),
};

}  // namespace
}  // namespace facula::linalg

namespace facula {
using linalg::entries;
FACULA_ENTRIES(linalg_cholesky)
}  // namespace facula
