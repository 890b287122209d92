// Functions of matrices and small products: matrix_exp, cross, trace.
#include <cmath>
#include "ops/linalg.h"
#include "ops/lines.h"

namespace facula::linalg {
namespace {

// --- the exponential ---

// Scaling, a rational approximation of order 13 and repeated squaring: Higham, "The scaling and squaring
// method for the matrix exponential revisited" (2005).
Tensor exponential(const Tensor& a) {
  const GradMode off(false);
  if (a->numel == 0 || a->is_meta()) return empty(a->dtype, a->shape(), a->device);
  constexpr double theta = 5.371920351148152;  // the norm up to which no scaling is needed
  // Coefficients of the numerator over the first of them.
  constexpr double b[] = {64764752532480000.,
                          32382376266240000.,
                          7771770303897600.,
                          1187353796428800.,
                          129060195264000.,
                          10559470521600.,
                          670442572800.,
                          33522128640.,
                          1323241920.,
                          40840800.,
                          960960.,
                          16380.,
                          182.,
                          1.};
  auto c = [&](int i) { return Scalar(b[i] / b[0]); };
  const int64_t n = rows(a), count = count_of(a);
  const Tensor flat = reshape(detach(a), {count, n, n});
  const Tensor sums = to_dtype(sum(unary("abs", flat), Dims{-2}, false), DType::Float64);
  const Tensor scale = empty(DType::Float64, {count}), halvings = empty(DType::Int64, {count});
  int64_t most = 0;
  for (int64_t i = 0; i < count; ++i) {
    double norm = 0;
    for (int64_t j = 0; j < n; ++j) norm = std::max(norm, sums->as<double>()[i * n + j]);
    const int64_t times =
        norm > theta && std::isfinite(norm) ? int64_t(std::ceil(std::log2(norm / theta))) : 0;
    halvings->as<int64_t>()[i] = times;
    scale->as<double>()[i] = std::ldexp(1., -int(times));
    most = std::max(most, times);
  }
  const Tensor x = most ? flat * to_dtype(reshape(scale, {count, 1, 1}), a->dtype) : flat;
  const Tensor unit = identity(n, n, a->dtype);
  const Tensor x2 = matmul(x, x), x4 = matmul(x2, x2), x6 = matmul(x4, x2);
  const Tensor u = matmul(
      x, matmul(x6, x6 * c(13) + x4 * c(11) + x2 * c(9)) + x6 * c(7) + x4 * c(5) + x2 * c(3) + unit * c(1));
  const Tensor v = matmul(x6, x6 * c(12) + x4 * c(10) + x2 * c(8)) + x6 * c(6) + x4 * c(4) + x2 * c(2) + unit;
  Tensor y = contiguous(linalg::solve(v - u, v + u));
  for (int64_t step = 0; step < most; ++step) {
    const Tensor squared = matmul(y, y);
    y = where(reshape(binary("gt", halvings, Scalar(step)), {count, 1, 1}), squared, y);
  }
  return reshape(y, a->shape());
}

struct MatrixExp {
  static constexpr const char* node = "LinalgMatrixExpBackward0";
  static constexpr uint32_t saves = saves_input(0);
  // Squarings multiply the error of what is squared: in double where that is cheap.
  Tensor forward(const Tensor& a) const {
    const GradMode off(false);
    const NoForward plain;
    if ((a->dtype != DType::Float32 && a->dtype != DType::Complex64) || rows(a) > 256)
      return alias(*exponential(a));  // no view of what was made here
    const DType wide = a->dtype == DType::Float32 ? DType::Float64 : DType::Complex128;
    return to_dtype(exponential(to_dtype(a, wide)), a->dtype);
  }
  // The exponential of [[A^H, g], [0, A^H]] has the derivative in direction g at the top right.
  void vjp(const Back& b, Tensor* d) const {
    const Tensor ah = adjoint(b.in[0]);
    const int64_t n = rows(ah);
    if (b.in[0]->numel == 0) {
      d[0] = zeros_like(b.in[0]);
      return;
    }
    const Tensor whole = cat({cat({ah, b.g[0]}, -1), cat({zeros_like(ah), ah}, -1)}, -2);
    d[0] = narrow(narrow(call_structural(MatrixExp{}, whole), -2, 0, n), -1, n, n);
  }
};
Tensor matrix_exp(const Tensor& a) {
  require_square("linalg.matrix_exp", a);
  require_inexact("linalg.matrix_exp", a);
  if (is_half(a->dtype)) return to_dtype(matrix_exp(to_dtype(a, DType::Float32)), a->dtype);
  require_lapack_type("linalg.matrix_exp", a);
  return call_structural(MatrixExp{}, a);
}

// --- vector products ---

template <class T> T cross_term(T a, T b, T c, T d) {  // a b - c d
  if constexpr (is_complex_type<T>)
    return {(a.re * b.re - a.im * b.im) - (c.re * d.re - c.im * d.im),
            (a.re * b.im + a.im * b.re) - (c.re * d.im + c.im * d.re)};
  else if constexpr (is_half_type<T>) return T(float(T(float(a) * float(b))) - float(T(float(c) * float(d))));
  else return T(a * b - c * d);
}

struct Cross {  // inputs of one shape
  static constexpr const char* node = "LinalgCrossBackward0";
  static constexpr uint32_t saves = kInputs;
  void show(Parameters& p) const { p("dim", dim); }
  int dim;
  TensorMeta meta(const Tensor& a, const Tensor&) const { return {a->dtype, a->shape()}; }
  void cpu(TensorImpl& out, const Tensor& a, const Tensor& b) const {
    const Tensor x = dense(a), y = dense(b);
    const Lines lines(out.shape(), dim);
    visit(a->dtype, [&](auto element) {
      using T = decltype(element);
      if constexpr (!std::is_same_v<T, bool>)
        lines.each([&](int64_t start, int64_t step) {
          const T *p = x->as<T>() + start, *q = y->as<T>() + start;
          T* const to = out.as<T>() + start;
          const T p0 = p[0], p1 = p[step], p2 = p[2 * step], q0 = q[0], q1 = q[step], q2 = q[2 * step];
          to[0] = cross_term(p1, q2, p2, q1);
          to[step] = cross_term(p2, q0, p0, q2);
          to[2 * step] = cross_term(p0, q1, p1, q0);
        });
    });
  }
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0)) d[0] = call_structural(Cross{dim}, conjugate(b.in[1]), b.g[0]);
    if (b.needs(1)) d[1] = call_structural(Cross{dim}, b.g[0], conjugate(b.in[0]));
  }
};
Tensor linalg_cross(const Tensor& a, const Tensor& b, int64_t dim) {
  if (a->ndim != b->ndim) fail("linalg.cross: inputs must have the same number of dimensions.");
  const int d = own_dim(dim, a);
  if (a->sizes[d] != 3 || b->sizes[d] != 3)
    fail("linalg.cross: inputs dimension ", dim, " must have length 3. Got ", a->sizes[d], " and ",
         b->sizes[d]);
  if (a->dtype == DType::Bool) fail<NotImplemented>("\"cross\" not implemented for 'Bool'");
  if (a->dtype != b->dtype) fail("expected scalar type ", c_name(a->dtype), " but found ", c_name(b->dtype));
  const Dims shape = broadcast(a->shape(), b->shape());
  auto fitted = [&](const Tensor& x) { return x->shape() == shape ? x : expand(x, shape); };
  return call_structural(Cross{d}, fitted(a), fitted(b));
}
Tensor cross(const Tensor& a, const Tensor& b, std::optional<int64_t> dim) {
  if (dim) return linalg_cross(a, b, *dim);
  warn(
      "Using torch.cross without specifying the dim arg is deprecated.\nPlease either pass the dim "
      "explicitly or "
      "simply use torch.linalg.cross.\nThe default value of dim will change to agree with that of "
      "linalg.cross in "
      "a future release.");
  if (a->ndim != b->ndim) fail("linalg.cross: inputs must have the same number of dimensions.");
  for (int d = 0; d < a->ndim; ++d)
    if (a->sizes[d] == 3) return linalg_cross(a, b, d);
  fail("no dimension of size 3 in input");
}

struct Trace {
  static constexpr const char* node = "TraceBackward0";
  static constexpr uint32_t saves = kNothing;
  void show(Parameters& p) const { p("self_sym_sizes", shape); }
  Dims shape{};
  Tensor forward(const Tensor& x) {
    const GradMode off(false);
    shape = x->shape();
    return sum(facula::diagonal(x, 0, 0, 1), Dims{0}, false);
  }
  void vjp(const Back& b, Tensor* d) const {
    d[0] = b.g[0] * identity(shape[0], shape[1], b.g[0]->dtype, b.g[0]->device);
  }
};
Tensor trace(const Tensor& x) {
  if (x->dtype == DType::Bool) fail<NotImplemented>("\"trace\" not implemented for 'Bool'");
  if (x->ndim != 2) fail("trace: expected a matrix, but got tensor with dim ", int(x->ndim));
  return call_structural(Trace{}, x);
}

constexpr OpEntry entries[] = {
    fn<matrix_exp>("matrix_exp(Tensor input)", kFunction | kMethod | kLinalg | kLeading),
    fn<linalg_cross>("cross(Tensor input, Tensor other, *, int dim=-1)", kLinalg | kApartOut),
    fn<cross>("cross(Tensor input, Tensor other, int? dim=None)", kFunction | kMethod | kApartOut),
    fn<trace>("trace(Tensor input)", kFunction | kMethod),
};

}  // namespace
}  // namespace facula::linalg

namespace facula {
using linalg::entries;
FACULA_ENTRIES(linalg_functions)
}  // namespace facula
