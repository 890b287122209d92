// Singular values and vectors, and the pseudo-inverse.
#include <cmath>
#include "op/inplace.h"
#include "ops/linalg.h"

namespace facula::linalg {
namespace {

std::string no_convergence(int code) {
  if (code == -4)
    return "The algorithm failed to converge because the input matrix contained non-finite values.";
  return concat(
      "The algorithm failed to converge because the input matrix is ill-conditioned or has too many repeated "
      "singular values (error code: ",
      code, ").");
}

// --- a = u s vh ---

Tensors svd_made(const Tensor& a, bool vectors, bool full) {
  const int64_t m = rows(a), n = columns(a), k = std::min(m, n), left = full ? m : k, right = full ? n : k;
  const Dims batch = batch_of(a);
  Dims line = batch;
  line.push(k);
  const Tensor s = empty(to_real(a->dtype), line, a->device);
  const Tensor none = vectors ? Tensor() : empty(a->dtype, {0}, a->device);
  const Tensor u = vectors ? by_columns(a->dtype, batch, m, left, a->device) : none,
               vh = vectors ? by_columns(a->dtype, batch, right, n, a->device) : none;
  if (a->is_meta()) return {u, s, vh};
  if (a->numel == 0) {
    if (vectors)
      for (const Tensor& t : {u, vh}) {
        fill(*t, 0);
        if (t->numel) fill(*diagonal(t), 1);
      }
    return {u, s, vh};
  }
  const Tensor copy = copy_by_columns(a), info = empty(DType::Int32, batch);
  for_type(a->dtype, [&]<class T>(T) {
    using R = lapack::Real<T>;
    T *const all = copy->as<T>(), *const to_u = vectors ? u->as<T>() : nullptr,
             *const to_v = vectors ? vh->as<T>() : nullptr;
    R* const values = s->as<R>();
    int* const codes = info->as<int>();
    const double work = 8 * double(m) * double(n) * double(k) + 10 * double(k) * double(k) * double(k);
    each_matrix(info->numel, work, [&](int64_t first, int64_t last) {
      lapack::Singular<T> solver;
      T unused{};
      for (int64_t i = first; i < last; ++i)
        codes[i] =
            solver.solve(!vectors ? 'N'
                         : full   ? 'A'
                                  : 'S',
                         int(m), int(n), all + i * m * n, values + i * k,
                         vectors ? to_u + i * m * left : &unused, vectors ? to_v + i * right * n : &unused);
    });
  });
  check_info("linalg.svd", info, no_convergence);
  return {u, s, vh};
}

// X - X^H
Tensor skew(const Tensor& x) { return x - adjoint(x); }

void require_no_phase(const Tensor& overlaps) {
  const GradMode off(false);
  if (overlaps->is_meta()) return;
  const Tensor phase = dense(imag_part(diagonal(overlaps)));
  visit(phase->dtype, [&](auto element) {
    using T = decltype(element);
    if constexpr (std::is_floating_point_v<T>)
      for (int64_t i = 0; i < phase->numel; ++i)
        if (std::abs(phase->as<T>()[i]) > T(1e-2))
          fail(
              "svd_backward: The singular vectors in the complex case are specified up to multiplication by "
              "e^{i "
              "phi}. The specified loss function depends on this phase term, making it ill-defined.");
  });
}

// U [ skew(U^H dU) / E S + S skew(V^H dV) / E + dS ] V^H, E_ij = s_j^2 - s_i^2, and what lies outside of the
// spaces that U and V span.
struct Svd : Made {
  static constexpr const char* node = "LinalgSvdBackward0";
  static constexpr uint32_t saves = kOutput;
  int64_t m = 0, n = 0;
  void vjp(const Back& b, Tensor* d) const {
    const int64_t k = std::min(m, n);
    auto trimmed = [&](const Tensor& t, int dim) {
      return t && t->sizes[t->ndim + dim] > k ? narrow(t, dim, 0, k) : t;
    };
    const Tensor u = trimmed(b.out[0], -1), vh = trimmed(b.out[2], -2), &s = b.out[1];
    const Tensor gu = trimmed(b.g[0], -1), gvh = trimmed(b.g[2], -2), &gs = b.g[1];
    const DType t = u->dtype;
    if (!gu && !gvh) {
      if (gs)
        d[0] = m >= n ? matmul(u, unsqueeze(to_dtype(gs, t), -1) * vh)
                      : matmul(u * unsqueeze(to_dtype(gs, t), -2), vh);
      return;
    }
    const Tensor across = gu ? matmul(adjoint(u), gu) : Tensor(),
                 down = gvh ? matmul(vh, adjoint(gvh)) : Tensor();
    if (is_complex(t)) require_no_phase(!across ? down : !down ? across : across + down);
    const Tensor row = unsqueeze(s, -2), column = unsqueeze(s, -1);
    const Tensor gaps = to_dtype((row - column) * (row + column) + identity(k, k, s->dtype, s->device), t);
    const Tensor row_t = to_dtype(row, t), column_t = to_dtype(column, t);
    Tensor middle;
    auto include = [&](const Tensor& part) { middle = middle ? middle + part : part; };
    if (gu) {
      const Tensor turned = skew(across);
      include(turned / gaps * row_t);
      if (is_complex(t) && gvh) include(diag_embed(diagonal(turned) / (to_dtype(s, t) * Scalar(2.0))));
    }
    if (gvh) include(skew(down) / gaps * column_t);
    if (gs) include(diag_embed(to_dtype(gs, t)));
    Tensor g = matmul(u, middle);
    if (gu && m > k) g = g + (gu - matmul(u, across)) / row_t;
    g = matmul(g, vh);
    if (gvh && n > k) g = g + matmul(u / row_t, gvh - matmul(matmul(gvh, adjoint(vh)), vh));
    d[0] = g;
  }
};

Tensors svd_recorded(const Tensor& a, bool full) {
  return call_structural(Svd{{svd_made(a, true, full)}, rows(a), columns(a)}, a);
}
void check_svd(const Tensor& a) {
  require_matrix("linalg.svd", a);
  require_inexact("linalg.svd", a);
  if (a->numel) require_lapack_type("linalg_svd_cpu", a);
}
void check_driver(std::optional<std::string_view> driver) {
  if (driver)
    fail(
        "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER "
        "backend.");
}

Tensors svd_entry(const Tensor& a, bool full, std::optional<std::string_view> driver) {
  check_driver(driver);
  check_svd(a);
  return svd_recorded(a, full);
}
Tensor svdvals(const Tensor& a, std::optional<std::string_view> driver) {
  check_driver(driver);
  check_svd(a);
  return records(a) ? svd_recorded(a, false)[1] : svd_made(a, false, false)[1];
}
Tensors torch_svd(const Tensor& a, bool some, bool vectors) {
  if (a->ndim < 2)
    fail("linalg.svd: input should have at least 2 dimensions, but has ", int(a->ndim),
         " dimensions instead");
  check_svd(a);
  if (vectors) {
    const Tensors parts = svd_recorded(a, !some);
    return {parts[0], parts[1], adjoint(parts[2])};
  }
  const Tensor s = svdvals(a, {});
  const Dims batch = batch_of(a);
  const Tensor v = by_columns(a->dtype, batch, columns(a), columns(a), a->device);
  fill(*v, 0);
  return {zeros(with(batch, {rows(a), rows(a)}), a->dtype, a->device), s, v};
}

// --- the pseudo-inverse ---

struct Pinv : Made {
  static constexpr const char* node = "LinalgPinvBackward0";
  static constexpr uint32_t saves = saves_input(0) | kOutput;
  void vjp(const Back& b, Tensor* d) const { d[0] = pinv_gradient(b.in[0], b.out[0], b.g[0]); }
};

double default_tolerance(const Tensor& a) {
  const double epsilon = to_real(a->dtype) == DType::Float32 ? 0x1p-23 : 0x1p-52;
  return epsilon * double(std::max(rows(a), columns(a)));
}

// Tolerances: null, or tensors that broadcast with the batch.
Tensor pinv_entry(const Tensor& a, const Tensor& atol, const Tensor& rtol, bool hermitian) {
  require_matrix("linalg.pinv", a);
  require_inexact("linalg.pinv", a);
  Tensor made;
  {
    const GradMode off(false);
    if (a->numel == 0) {
      made = zeros(with(batch_of(a), {columns(a), rows(a)}), a->dtype, a->device);
    } else {
      const DType real = to_real(a->dtype);
      auto limit = [&](const Tensor& largest) {
        Tensor bound;
        if (rtol) bound = to_dtype(rtol, real) * largest;
        else if (!atol) bound = largest * Scalar(default_tolerance(a));
        else bound = where(binary("gt", atol, Scalar(0)), Scalar(0), largest * Scalar(default_tolerance(a)));
        if (atol) bound = binary("maximum", to_dtype(atol, real), bound);
        return unsqueeze(bound, -1);
      };
      if (hermitian) {
        require_square("linalg.pinv", a);
        check_svd(a);
        const Tensors wv = eigh(a, false);
        const Tensor size = unary("abs", wv[0]);
        // Eigenvalues ascend: one of the ends is the largest.
        const Tensor largest = binary("maximum", select(size, -1, 0), select(size, -1, rows(a) - 1));
        const Tensor keep = binary("gt", size, limit(largest));
        const Tensor inverse = to_dtype(where(keep, unary("reciprocal", wv[0]), Scalar(0)), a->dtype);
        made = matmul(wv[1] * unsqueeze(inverse, -2), adjoint(wv[1]));
      } else {
        check_svd(a);
        const Tensors usv = svd_made(a, true, false);
        const Tensor keep = binary("gt", usv[1], limit(select(usv[1], -1, 0)));
        const Tensor inverse = to_dtype(where(keep, unary("reciprocal", usv[1]), Scalar(0)), a->dtype);
        made = matmul(adjoint(usv[2]) * unsqueeze(inverse, -2), adjoint(usv[0]));
      }
    }
  }
  return call_structural(Pinv{{{made}}}, a)[0];
}

}  // namespace

Tensors svd(const Tensor& a, bool full) { return svd_recorded(a, full); }
Tensor pinv(const Tensor& a) { return pinv_entry(a, {}, {}, false); }
// Golub and Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose
// variables separate" (1973). Products in the order that keeps them small.
Tensor pinv_gradient(const Tensor& a, const Tensor& p, const Tensor& g) {
  const Tensor gh = adjoint(g), ph = adjoint(p);
  if (rows(a) <= columns(a)) {
    const Tensor k = matmul(gh, p), kp = matmul(k, ph);
    return kp - adjoint(matmul(p, k)) - matmul(matmul(a, p), kp) + matmul(matmul(ph, p), gh - matmul(k, a));
  }
  const Tensor k = matmul(p, gh), pk = matmul(ph, k);
  return pk - adjoint(matmul(k, p)) - matmul(matmul(pk, p), a) + matmul(matmul(gh - matmul(a, k), p), ph);
}

static constexpr OpEntry entries[] = {
    fn<svd_entry>("svd(Tensor A, bool full_matrices=True, *, str? driver=None) -> U, S, Vh",
                  kLinalg | kOut | kLeading),
    fn<svdvals>("svdvals(Tensor A, *, str? driver=None)", kLinalg | kExactOut | kLeading),
    fn<torch_svd>("svd(Tensor input, bool some=True, bool compute_uv=True) -> U, S, V",
                  kFunction | kMethod | kOutLikeResult | kLeading),
    fn<pinv_entry>("_pinv(Tensor A, Tensor? atol=None, Tensor? rtol=None, bool hermitian=False)", kPrivate),
};

}  // namespace facula::linalg

namespace facula {

Tensor nuclear_norm(const Tensor& x, const OptDims& dims, bool keepdim) {
  const Dims both = dims.value_or(x->ndim > 2 ? Dims::filled(x->ndim, 0) : Dims{-2, -1});
  linalg::require_matrix("linalg.matrix_norm", x);
  if (both.count != 2) {
    std::string text;
    for (int i = 0; i < both.count; ++i) text += " " + std::to_string(dims ? both[i] : int64_t(i));
    fail("linalg.matrix_norm: dim must be a 2-tuple. Got", text);
  }
  if (is_half(x->dtype))
    fail("linalg.matrix_norm: Low precision dtypes not supported. Got ", c_name(x->dtype));
  const int first = wrap_dim(both[0], x->ndim), second = wrap_dim(both[1], x->ndim);
  if (first == second) fail("linalg.matrix_norm: dims must be different. Got (", both[0], ", ", both[1], ")");
  const Tensor total = sum(linalg::svdvals(movedim(x, {first, second}, {-2, -1}), {}), Dims{-1}, false);
  if (!keepdim) return total;
  return unsqueeze(unsqueeze(total, std::min(first, second)), std::max(first, second));
}

using linalg::entries;
FACULA_ENTRIES(linalg_svd)
}  // namespace facula
