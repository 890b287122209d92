// Eigenvalues and eigenvectors, of symmetric (Hermitian) and of general matrices.
#include <cmath>
#include "ops/linalg.h"

namespace facula::linalg {
namespace {

std::string no_convergence(int code) {
  return concat(
      "The algorithm failed to converge because the input matrix is ill-conditioned or has too many repeated "
      "eigenvalues (error code: ",
      code, ").");
}

// Eigenvectors are known up to a phase; a loss that depends on it has no gradient.
void require_no_phase(const char* name, const Tensor& overlap) {
  const GradMode off(false);
  if (overlap->is_meta()) return;
  const Tensor phase = dense(imag_part(diagonal(overlap)));
  visit(phase->dtype, [&](auto element) {
    using T = decltype(element);
    if constexpr (std::is_floating_point_v<T>)
      for (int64_t i = 0; i < phase->numel; ++i)
        if (std::abs(phase->as<T>()[i]) > T(1e-2))
          fail(name,
               ": The eigenvectors in the complex case are specified up to multiplication by e^{i phi}. The "
               "specified loss function depends on this quantity, so it is ill-defined.");
  });
}

// 1 / (w_j - w_i), zero on the diagonal.
Tensor inverse_gaps(const Tensor& w) {
  const int64_t n = w->sizes[w->ndim - 1];
  const Tensor gaps = unsqueeze(w, -2) - unsqueeze(w, -1);
  const Tensor unit = identity(n, n, w->dtype, w->device);
  return (ones({n, n}, w->dtype, w->device) - unit) / (gaps + unit);
}

struct Eigh : Made {
  static constexpr const char* node = "LinalgEighBackward0";
  static constexpr uint32_t saves = kOutput;
  void vjp(const Back& b, Tensor* d) const {
    const Tensor &w = b.out[0], &v = b.out[1];
    const DType t = v->dtype;
    Tensor middle = b.g[0] ? diag_embed(to_dtype(b.g[0], t)) : Tensor();
    if (b.g[1]) {
      const Tensor overlap = matmul(adjoint(v), b.g[1]);
      if (is_complex(t)) require_no_phase("linalg_eigh_backward", overlap);
      const Tensor turned = overlap * to_dtype(inverse_gaps(w), t);
      middle = middle ? middle + turned : turned;
    }
    if (middle) d[0] = matmul(v, matmul(middle, adjoint(v)));
  }
};

Tensors eigh_made(const Tensor& a, bool upper, bool vectors) {
  const int64_t n = rows(a);
  const Dims batch = batch_of(a);
  Dims line = batch;
  line.push(n);
  const Tensor w = empty(to_real(a->dtype), line, a->device),
               v = by_columns(a->dtype, batch, n, n, a->device);
  if (!a->is_meta() && a->numel) {
    copy_into(*v, *a);
    const Tensor info = empty(DType::Int32, batch);
    for_type(a->dtype, [&]<class T>(T) {
      using R = lapack::Real<T>;
      T* const all = v->as<T>();
      R* const values = w->as<R>();
      int* const codes = info->as<int>();
      each_matrix(info->numel, 9 * double(n) * double(n) * double(n), [&](int64_t first, int64_t last) {
        lapack::Symmetric<T> solver;
        for (int64_t i = first; i < last; ++i)
          codes[i] = solver.solve(vectors, upper ? 'U' : 'L', int(n), all + i * n * n, values + i * n);
      });
    });
    check_info("linalg.eigh", info, no_convergence);
  }
  return {w, v};
}

bool is_upper(std::string_view part) {
  const char c = part.size() == 1 ? char(std::toupper(part[0])) : ' ';
  if (c != 'U' && c != 'L') fail("Expected UPLO argument to be 'L' or 'U', but got ", std::string(part));
  return c == 'U';
}
void check_eigh(const Tensor& a) {
  require_square("linalg.eigh", a);
  require_lapack_type("linalg_eigh_cpu", a);
}

Tensors eigh_entry(const Tensor& a, std::string_view part) {
  check_eigh(a);
  return eigh(a, is_upper(part));
}
Tensor eigvalsh(const Tensor& a, std::string_view part) {
  check_eigh(a);
  const bool upper = is_upper(part);
  return records(a) ? eigh(a, upper)[0] : eigh_made(a, upper, false)[0];
}

// --- general matrices ---

struct Eig : Made {
  static constexpr const char* node = "LinalgEigBackward0";
  static constexpr uint32_t saves = kOutput;
  DType type{};  // of the input
  void vjp(const Back& b, Tensor* d) const {
    const Tensor &w = b.out[0], &v = b.out[1];
    const Tensor vh = adjoint(v);
    Tensor middle = b.g[0] ? diag_embed(b.g[0]) : Tensor();
    if (b.g[1]) {
      const Tensor overlap = matmul(vh, b.g[1]);
      require_no_phase("linalg_eig_backward", overlap);
      const Tensor lengths = to_dtype(real_of(diagonal(overlap)), v->dtype);
      const Tensor turned = (overlap - matmul(vh, v * unsqueeze(lengths, -2))) * conjugate(inverse_gaps(w));
      middle = middle ? middle + turned : turned;
    }
    if (!middle) return;
    const Tensor g = linalg::solve(vh, matmul(middle, vh));
    d[0] = is_complex(type) ? g : real_of(g);
  }
};

Tensors eig_made(const char* name, const Tensor& a, bool vectors) {
  require_square(name, a);
  if (!is_floating(a->dtype)) fail("Unknown Complex ScalarType for ", c_name(a->dtype));
  require_lapack_type("linalg_eig_out_cpu", a);
  const int64_t n = rows(a);
  const Dims batch = batch_of(a);
  Dims line = batch;
  line.push(n);
  const DType t = to_complex(a->dtype);
  const Tensor w = empty(t, line, a->device), v = by_columns(t, batch, n, n, a->device);
  if (a->is_meta() || a->numel == 0) return {w, v};
  const Tensor copy = copy_by_columns(a), info = empty(DType::Int32, batch);
  if (!all_finite(copy)) fail("torch.linalg.eig: input tensor should not contain infs or NaNs.");
  for_type(a->dtype, [&]<class T>(T) {
    using C = Complex<lapack::Real<T>>;
    T* const all = copy->as<T>();
    C *const values = w->as<C>(), *const to = v->as<C>();
    int* const codes = info->as<int>();
    each_matrix(info->numel, 25 * double(n) * double(n) * double(n), [&](int64_t first, int64_t last) {
      lapack::General<T> solver;
      for (int64_t i = first; i < last; ++i)
        codes[i] = solver.solve(int(n), all + i * n * n, values + i * n, vectors ? to + i * n * n : nullptr);
    });
  });
  check_info(name, info, no_convergence);
  return {w, v};
}
Tensors eig(const Tensor& a) { return call_structural(Eig{{eig_made("linalg.eig", a, true)}, a->dtype}, a); }
Tensor eigvals(const Tensor& a) {
  Tensors made = eig_made("linalg.eigvals", a, records(a));
  return records(a) ? call_structural(Eig{{std::move(made)}, a->dtype}, a)[0] : made[0];
}

}  // namespace

Tensors eigh(const Tensor& a, bool upper) { return call_structural(Eigh{{eigh_made(a, upper, true)}}, a); }

static constexpr OpEntry entries[] = {
    fn<eigh_entry>("eigh(Tensor input, str UPLO='L') -> eigenvalues, eigenvectors",
                   kLinalg | kExactOut | kLeading),
    fn<eigvalsh>("eigvalsh(Tensor input, str UPLO='L')", kLinalg | kExactOut | kLeading),
    fn<eig>("eig(Tensor input) -> eigenvalues, eigenvectors", kLinalg | kOut | kLeading),
    fn<eigvals>("eigvals(Tensor input)", kLinalg | kOut | kLeading),
};

}  // namespace facula::linalg

namespace facula {
using linalg::entries;
FACULA_ENTRIES(linalg_eigen)
}  // namespace facula
