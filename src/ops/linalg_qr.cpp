// Factors with an orthonormal one, by Householder's reflections: qr, geqrf, householder_product, ormqr.
#include "op/inplace.h"
#include "ops/linalg.h"

namespace facula::linalg {
namespace {

double qr_work(int64_t m, int64_t n) { return 2 * double(m) * double(n) * double(std::min(m, n)); }

// --- a = q r ---

struct Qr {
  static constexpr const char* node = "LinalgQrBackward0";
  static constexpr uint32_t saves = kOutput;
  bool wants_q, complete;
  int64_t m = 0, n = 0;

  Tensors forward(const Tensor& x) {
    m = rows(x);
    n = columns(x);
    const int64_t k = std::min(m, n), basis = complete ? m : k, height = basis, room = std::max(n, basis);
    const Dims batch = batch_of(x);
    const Tensor r = by_columns(x->dtype, batch, height, n, x->device);
    const Tensor q =
        wants_q ? by_columns(x->dtype, batch, m, basis, x->device) : empty(x->dtype, {0}, x->device);
    if (x->is_meta()) return {q, r};
    if (x->numel == 0) {
      fill(*r, 0);
      if (wants_q) {
        fill(*q, 0);
        if (q->numel) fill(*diagonal(q), 1);
      }
      return {q, r};
    }
    const Tensor copy = copy_by_columns(x);
    for_type(x->dtype, [&]<class T>(T) {
      const T* const from = copy->as<T>();
      T *const to_q = wants_q ? q->as<T>() : nullptr, *const to_r = r->as<T>();
      each_matrix(batch.numel(), 2 * qr_work(m, basis), [&](int64_t first, int64_t last) {
        lapack::Room<T> factor, form;
        std::vector<T> a(static_cast<size_t>(m * room)), tau(static_cast<size_t>(k));
        for (int64_t i = first; i < last; ++i) {
          std::copy_n(from + i * m * n, m * n, a.data());
          lapack::geqrf(int(m), int(n), a.data(), tau.data(), factor);
          T* const triangle = to_r + i * height * n;
          for (int64_t j = 0; j < n; ++j) {
            const int64_t kept = std::min(j + 1, height);
            std::copy_n(a.data() + j * m, kept, triangle + j * height);
            std::fill(triangle + j * height + kept, triangle + (j + 1) * height, T{});
          }
          if (!wants_q) continue;
          lapack::orgqr(int(m), int(basis), int(k), a.data(), tau.data(), form);
          std::copy_n(a.data(), m * basis, to_q + i * m * basis);
        }
      });
    });
    return {q, r};
  }

  // Walter and Lehmann, "Algorithmic differentiation of linear algebra functions with application in optimum
  // experimental design" (2012). Columns beyond a square are Q^H times the input's and follow from that.
  void vjp(const Back& b, Tensor* d) const {
    if (!wants_q)
      fail(
          "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
          "linalg.qr(A, mode='reduced') if you are going to require gradients");
    if (complete && m > n)
      fail("The QR decomposition is not differentiable when mode='complete' and nrows > ncols.");
    const Tensor &q = b.out[0], &r = b.out[1];
    Tensor gq = b.g[0], gr = b.g[1];
    const int64_t k = std::min(m, n);
    const Tensor square = n > m ? narrow(r, -1, 0, k) : r;
    Tensor right;  // the gradient of the columns beyond
    if (n > m && gr) {
      const Tensor beyond = narrow(gr, -1, k, n - k), y = matmul(q, narrow(r, -1, k, n - k));
      right = matmul(q, beyond);
      const Tensor more = matmul(y, adjoint(beyond));
      gq = gq ? gq + more : more;
      gr = narrow(gr, -1, 0, k);
    }
    Tensor middle;
    if (gr) middle = matmul(gr, adjoint(square));
    if (gq) {
      const Tensor part = matmul(adjoint(q), gq);
      middle = middle ? middle - part : -part;
    }
    // The Hermitian matrix with the upper triangle of `middle`, whose diagonal is real.
    const Tensor upper = triu(middle, 1);
    Tensor symmetric = upper + adjoint(upper) + diag_embed(to_dtype(real_of(diagonal(middle)), q->dtype));
    Tensor g = matmul(q, symmetric);
    if (gq) g = g + gq;
    g = solve_triangular(adjoint(square), g, false, false);
    if (n > m) {
      if (!right) right = zeros(with(batch_of(q), {m, n - k}), q->dtype, q->device);
      g = cat({g, right}, -1);
    }
    d[0] = g;
  }
};

Tensors qr_checked(const Tensor& x, bool wants_q, bool complete) {
  require_matrix("linalg.qr", x);
  require_inexact("linalg.qr", x);
  require_lapack_type("geqrf_cpu", x);
  return call_structural(Qr{wants_q, complete}, x);
}
Tensors qr(const Tensor& x, std::string_view mode) {
  require_matrix("linalg.qr", x);
  require_inexact("linalg.qr", x);
  if (mode != "reduced" && mode != "complete" && mode != "r")
    fail("qr received unrecognized mode '", std::string(mode),
         "' but expected one of 'reduced' (default), 'r', or 'complete'");
  return qr_checked(x, mode != "r", mode == "complete");
}
Tensors torch_qr(const Tensor& x, bool some) { return qr_checked(x, true, !some); }

struct GeqrfNode : Made {
  static constexpr const char* node = "GeqrfBackward0";
  static constexpr uint32_t saves = kNothing;
  void vjp(const Back&, Tensor*) const {
    fail<NotImplemented>("the derivative for 'geqrf' is not implemented.");
  }
};
Tensors geqrf(const Tensor& x) {
  if (x->ndim < 2) fail("torch.geqrf: input must have at least 2 dimensions.");
  require_lapack_type("geqrf_cpu", x);
  const int64_t m = rows(x), n = columns(x), k = std::min(m, n);
  Dims line = batch_of(x);
  line.push(k);
  const Tensor a = copy_by_columns(x), tau = empty(x->dtype, line, x->device);
  if (!x->is_meta() && x->numel)
    for_type(x->dtype, [&]<class T>(T) {
      T *const all = a->as<T>(), *const scales = tau->as<T>();
      each_matrix(count_of(x), qr_work(m, n), [&](int64_t first, int64_t last) {
        lapack::Room<T> room;
        for (int64_t i = first; i < last; ++i)
          lapack::geqrf(int(m), int(n), all + i * m * n, scales + i * k, room);
      });
    });
  else if (!x->is_meta()) fill(*tau, 0);
  return call_structural(GeqrfNode{{{a, tau}}}, x);
}

// --- products of reflections H_1 ... H_k, H_i = 1 - tau_i v_i v_i^H ---

// Gradients of `v` (the columns below the diagonal of the factored matrix), tau and c, where g is the
// gradient of H_1 (H_2 (... c)), or with `backwards` of H_k^H (... (H_1^H c)).
struct Reflected {
  Tensor v, tau, c;
};
Reflected reflection_gradients(const Tensor& factored, const Tensor& tau, const Tensor& c, const Tensor& g,
                               bool backwards) {
  const int64_t m = rows(factored), k = tau->sizes[tau->ndim - 1];
  const Tensor vs = tril(narrow(factored, -1, 0, k), -1) + identity(m, k, factored->dtype, factored->device);
  auto v_of = [&](int64_t i) { return narrow(vs, -1, i, 1); };
  auto tau_of = [&](int64_t i) {
    const Tensor t = unsqueeze(narrow(tau, -1, i, 1), -1);
    return backwards ? conjugate(t) : t;
  };
  Tensors inner(static_cast<size_t>(k));  // what reflection i was applied to
  Tensor x = c;
  for (int64_t step = 0; step < k; ++step) {
    const int64_t i = backwards ? step : k - 1 - step;
    inner[size_t(i)] = x;
    x = x - tau_of(i) * matmul(v_of(i), matmul(adjoint(v_of(i)), x));
  }
  Tensors gv(static_cast<size_t>(k)), gt(static_cast<size_t>(k));
  Tensor gx = g;
  for (int64_t step = 0; step < k; ++step) {
    const int64_t i = backwards ? k - 1 - step : step;
    const Tensor v = v_of(i), t = tau_of(i), vh = adjoint(v), from = inner[size_t(i)];
    const Tensor xv = matmul(adjoint(from), v), gxv = matmul(adjoint(gx), v);
    // With M = x g^H: -v^H M v for the scale, -(conj(tau) M^H + tau M) v for the direction.
    gt[size_t(i)] = squeeze(-matmul(adjoint(gxv), xv), -1);
    gv[size_t(i)] = -(conjugate(t) * matmul(gx, xv) + t * matmul(from, gxv));
    gx = gx - conjugate(t) * matmul(v, matmul(vh, gx));
  }
  Reflected out;
  out.c = gx;
  if (k == 0) {
    out.v = zeros_like(factored);
    out.tau = zeros_like(tau);
    return out;
  }
  out.tau = cat(gt, -1);
  if (backwards) out.tau = conjugate(out.tau);
  Tensor whole = tril(cat(gv, -1), -1);
  const int64_t rest = columns(factored) - k;
  if (rest) whole = cat({whole, zeros(with(batch_of(whole), {m, rest}), whole->dtype, whole->device)}, -1);
  out.v = whole;
  return out;
}

struct HouseholderProduct {
  static constexpr const char* node = "LinalgHouseholderProductBackward0";
  static constexpr uint32_t saves = kInputs;
  Tensor forward(const Tensor& a, const Tensor& tau) const {
    const int64_t m = rows(a), n = columns(a), k = tau->sizes[tau->ndim - 1];
    const Tensor q = copy_by_columns(a);
    if (a->is_meta() || a->numel == 0) return q;
    if (k == 0) {
      fill(*q, 0);
      fill(*diagonal(q), 1);
      return q;
    }
    const Tensor scales = dense(tau);
    for_type(a->dtype, [&]<class T>(T) {
      T* const all = q->as<T>();
      const T* const from = scales->as<T>();
      each_matrix(count_of(a), qr_work(m, n), [&](int64_t first, int64_t last) {
        lapack::Room<T> room;
        for (int64_t i = first; i < last; ++i)
          lapack::orgqr(int(m), int(n), int(k), all + i * m * n, from + i * k, room);
      });
    });
    return q;
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor& a = b.in[0];
    if (a->numel == 0 || b.in[1]->numel == 0) return;
    const Tensor start = expand(identity(rows(a), columns(a), a->dtype, a->device), a->shape());
    const Reflected r = reflection_gradients(a, b.in[1], start, b.g[0], false);
    if (b.needs(0)) d[0] = r.v;
    if (b.needs(1)) d[1] = r.tau;
  }
};

void check_tau(const char* name, const Tensor& a, const Tensor& tau) {
  if (a->ndim - tau->ndim != 1)
    fail(name, ": Expected tau to have one dimension less than input, but got tau.ndim equal to ",
         int(tau->ndim), " and input.ndim is equal to ", int(a->ndim));
}
void check_tau_batch(const char* name, const Tensor& a, const Tensor& tau) {
  const Dims given(tau->ndim - 1, tau->sizes);
  if (!(given == batch_of(a)))
    fail(name, ": Expected batch dimensions of tau to be equal to input.shape[:-2], but got ",
         to_string(given));
}

Tensor householder_product(const Tensor& a, const Tensor& tau) {
  constexpr const char* name = "torch.linalg.householder_product";
  if (a->ndim < 2) fail(name, ": input must have at least 2 dimensions.");
  if (rows(a) < columns(a)) fail(name, ": input.shape[-2] must be greater than or equal to input.shape[-1]");
  if (tau->ndim && columns(a) < tau->sizes[tau->ndim - 1])
    fail(name, ": input.shape[-1] must be greater than or equal to tau.shape[-1]");
  check_tau(name, a, tau);
  check_tau_batch(name, a, tau);
  if (a->dtype != tau->dtype)
    fail(name, ": tau dtype ", c_name(tau->dtype), " does not match input dtype ", c_name(a->dtype));
  require_lapack_type("orgqr_cpu", a);
  return call_structural(HouseholderProduct{}, a, tau);
}

struct Ormqr {  // inputs: the factored matrix, tau, other
  static constexpr const char* node = "OrmqrBackward0";
  static constexpr uint32_t saves = kInputs;
  bool left, transpose;
  Tensor forward(const Tensor& a, const Tensor& tau, const Tensor& other) const {
    const int64_t m = rows(other), n = columns(other), k = tau->sizes[tau->ndim - 1], height = rows(a),
                  width = columns(a);
    const Tensor c = copy_by_columns(other);
    if (c->is_meta() || c->numel == 0 || k == 0) return c;
    const Tensor factored = copy_by_columns(a), scales = dense(tau);
    for_type(c->dtype, [&]<class T>(T) {
      T* const all = c->as<T>();
      const T *const from = factored->as<T>(), *const each = scales->as<T>();
      const char how = !transpose ? 'N' : is_complex_type<T> ? 'C' : 'T';
      each_matrix(count_of(c), 4 * double(m) * double(n) * double(k), [&](int64_t first, int64_t last) {
        lapack::Room<T> room;
        for (int64_t i = first; i < last; ++i)
          lapack::ormqr(left ? 'L' : 'R', how, int(m), int(n), int(k), from + i * height * width, int(height),
                        each + i * k, all + i * m * n, room);
      });
    });
    return c;
  }
  void vjp(const Back& b, Tensor* d) const {
    // C Q is (Q^H C^H)^H.
    const Tensor c = left ? b.in[2] : adjoint(b.in[2]), g = left ? b.g[0] : adjoint(b.g[0]);
    if (b.needs(2)) d[2] = call_structural(Ormqr{left, !transpose}, b.in[0], b.in[1], b.g[0]);
    if ((!b.needs(0) && !b.needs(1)) || b.in[0]->numel == 0 || b.in[1]->numel == 0) return;
    const Reflected r = reflection_gradients(b.in[0], b.in[1], c, g, left == transpose);
    if (b.needs(0)) d[0] = r.v;
    if (b.needs(1)) d[1] = r.tau;
  }
};
Tensor ormqr(const Tensor& a, const Tensor& tau, const Tensor& other, bool left, bool transpose) {
  constexpr const char* name = "torch.ormqr";
  if (a->ndim < 2) fail(name, ": input must have at least 2 dimensions.");
  if (other->ndim < 2) fail(name, ": other must have at least 2 dimensions.");
  const int side = left ? -2 : -1;
  const int64_t length = other->sizes[other->ndim + side];
  if (tau->ndim && length < tau->sizes[tau->ndim - 1])
    fail(name, ": other.shape[", side, "] must be greater than or equal to tau.shape[-1]");
  if (length != rows(a)) fail(name, ": other.shape[", side, "] must be equal to input.shape[-2]");
  if (tau->ndim && tau->sizes[tau->ndim - 1] != std::min(length, columns(a)))
    fail(name, ": tau.shape[-1] must be equal to min(other.shape[", side, "], input.shape[-1])");
  check_tau(name, a, tau);
  if (a->ndim != other->ndim)
    fail(name,
         ": Expected other to have the same number of dimensions as input, but got other.ndim equal to ",
         int(other->ndim), " and input.ndim is equal to ", int(a->ndim));
  check_tau_batch(name, a, tau);
  if (!(batch_of(other) == batch_of(a)))
    fail(name, ": Expected batch dimensions of other to be equal to input.shape[:-2], but got ",
         to_string(batch_of(other)));
  for (const auto& [t, what] : {std::pair(&tau, "tau"), std::pair(&other, "other")})
    if ((*t)->dtype != a->dtype)
      fail(name, ": Expected input and ", what, " to have the same dtype, but input has dtype",
           c_name(a->dtype), " and ", what, " has dtype ", c_name((*t)->dtype));
  require_lapack_type("ormqr_cpu", a);
  return call_structural(Ormqr{left, transpose}, a, tau, other);
}

constexpr OpEntry entries[] = {
    fn<qr>("qr(Tensor A, str mode='reduced') -> Q, R", kLinalg | kExactOut | kLeading),
    fn<torch_qr>("qr(Tensor input, bool some=True) -> Q, R",
                 kFunction | kMethod | kExactOut | kOutLikeResult | kLeading),
    fn<geqrf>("geqrf(Tensor input) -> a, tau", kFunction | kMethod | kOutLikeResult | kLeading),
    fn<householder_product>("householder_product(Tensor input, Tensor tau)", kLinalg | kOut | kLeading),
    fn<householder_product>("orgqr(Tensor input, Tensor input2)", kFunction | kMethod | kOut | kLeading),
    fn<ormqr>("ormqr(Tensor input, Tensor input2, Tensor input3, bool left=True, bool transpose=False)",
              kFunction | kMethod | kExactOut | kOutLikeResult | kLeading),
};

}  // namespace
}  // namespace facula::linalg

namespace facula {
using linalg::entries;
FACULA_ENTRIES(linalg_qr)
}  // namespace facula
