// Systems of equations and what follows from solving them: solve, solve_triangular, inv, det, slogdet.
#include <cmath>
#include "op/inplace.h"
#include "ops/linalg.h"

namespace facula::linalg {
namespace {

std::string singular(int) { return "The solver failed because the input matrix is singular."; }
std::string not_invertible(int at) {
  return concat("The diagonal element ", at,
                " is zero, the inversion could not be completed because the input matrix is singular.");
}

// --- A X = B and X A = B ---

void require_fitting(const char* name, const Tensor& a, const Tensor& b, bool left, bool vector) {
  const int64_t height = vector ? b->sizes[b->ndim - 1] : rows(b), width = vector ? 1 : columns(b);
  if (left ? rows(a) != height : columns(a) != width)
    fail(name, ": Incompatible shapes of A and B for the equation ", left ? "AX = B" : "XA = B", " (",
         rows(a), "x", columns(a), " and ", height, "x", width, ")");
}

// Solves in the memory of x, which holds the right-hand sides by columns. True: codes has no error.
void solve_in_place(const Factors& f, const Tensor& x, char how, const Dims& batch) {
  const int64_t n = rows(f.lu), k = columns(x);
  if (x->numel == 0) return;
  const bool same = batch == batch_of(f.lu);
  const Tensor lu = same ? f.lu : copy_by_columns(f.lu, batch);
  const Tensor pivots = same ? f.pivots : dense(expand(f.pivots, with(batch, {n})));
  for_type(x->dtype, [&]<class T>(T) {
    T* const all = x->as<T>();
    const T* const factors = lu->as<T>();
    const int* const order = pivots->as<int>();
    each_matrix(batch.numel(), double(n) * double(n) * double(k), [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i)
        lapack::getrs(how, int(n), int(k), factors + i * n * n, order + i * n, all + i * n * k);
    });
  });
}

struct Solve : Made {  // inputs: A, B (matrices, any batch)
  static constexpr const char* node = "LinalgSolveExBackward0";
  static constexpr uint32_t saves = saves_input(0) | kOutput;
  Factors factors;
  bool left = true, vector = false;
  Dims shape_a, shape_b;
  void vjp(const Back& b, Tensor* d) const {
    if (!b.g[0]) return;
    const Tensor& a = b.in[0];
    const Tensor g = vector ? unsqueeze(b.g[0], -1) : b.g[0], x = vector ? unsqueeze(b.out[0], -1) : b.out[0];
    // The factors serve where nothing more is to be differentiated.
    const Tensor gb =
        mode.grad ? linalg::solve(adjoint(a), g, left) : lu_solve(factors.lu, factors.pivots, g, left, true);
    if (b.needs(0)) d[0] = sum_to(-(left ? matmul(gb, adjoint(x)) : matmul(adjoint(x), gb)), shape_a);
    if (b.needs(1)) d[1] = sum_to(vector ? squeeze(gb, -1) : gb, shape_b);
  }
};

Factors solved(const Tensor& a, const Tensor& b, bool left, bool vector, Tensor& result) {
  const GradMode off(false);
  const Tensor sides = vector ? unsqueeze(b, -1) : left ? b : transposed(b);
  const Dims batch = broadcast(batch_of(a), batch_of(sides));
  const Tensor x = by_columns(b->dtype, batch, rows(sides), columns(sides), b->device);
  Factors f = lu_factors(a);
  if (!x->is_meta()) {
    copy_into(*x, *sides);
    solve_in_place(f, x, left ? 'N' : 'T', batch);
  }
  result = x;
  if (vector) {
    // Vectors of one batch lie as the columns of a matrix would.
    Dims shape = batch;
    shape.push(rows(x));
    result = empty_strided(x->dtype, shape, contiguous_strides(shape), x->device);
    if (batch.count) {
      Dims turned(batch.count - 1, batch.v);
      result = by_columns(x->dtype, turned, batch[batch.count - 1], rows(x), x->device);
    }
    if (!x->is_meta()) copy_into(*result, *squeeze(x, -1));
  } else if (!left) {
    result = alias(*x, transposed(x)->shape(), transposed(x)->stride());
  }
  return f;
}

bool is_vector(const Tensor& a, const Tensor& b) {
  if (b->ndim == 1) return true;
  if (a->ndim - 1 != b->ndim) return false;
  return b->shape() == Dims(a->ndim - 1, a->sizes);
}

Tensors solve_checked(const Tensor& a, const Tensor& b, bool left, bool check, const char* check_as) {
  require_inexact("linalg.solve", a);
  require_square("linalg.solve", a);
  const bool vector = b->ndim && is_vector(a, b);
  if (!vector) require_matrix("linalg.solve", b, "B");
  require_same_types("linalg.solve", a, "A", b, "B");
  if (vector && !left)
    fail(
        "linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. In this "
        "case "
        "linalg.solve is equivalent to B / A.squeeze(-1)");
  require_fitting("linalg.solve", a, b, left, vector);
  require_lapack_type("lu_cpu", a);
  Tensor x;
  const Factors f = solved(a, b, left, vector, x);
  if (check) check_info(check_as, f.info, singular);
  Solve op{{{x, f.info}}, f, left, vector, a->shape(), b->shape()};
  return call_structural(std::move(op), a, b);
}
Tensors solve_ex(const Tensor& a, const Tensor& b, bool left, bool check_errors) {
  return solve_checked(a, b, left, check_errors, "torch.linalg.solve_ex");
}
Tensor solve_entry(const Tensor& a, const Tensor& b, bool left) {
  return solve_checked(a, b, left, true, "torch.linalg.solve")[0];
}

// --- triangular systems ---

struct SolveTriangular {  // inputs of one batch
  static constexpr const char* node = "LinalgSolveTriangularBackward0";
  static constexpr uint32_t saves = saves_input(0) | kOutput;
  bool upper, left, unit;
  Tensor forward(const Tensor& a, const Tensor& b) const {
    const int64_t m = rows(b), n = columns(b), size = rows(a);
    const Tensor x = by_columns(b->dtype, batch_of(b), m, n, b->device);
    if (x->is_meta() || x->numel == 0) return x;
    copy_into(*x, *b);
    // A matrix that lies by rows is its transpose by columns; no copy is needed for either.
    const int64_t row_step = a->strides[a->ndim - 2], column_step = a->strides[a->ndim - 1];
    const bool by_rows = column_step == 1 && row_step >= std::max<int64_t>(size, 1) && row_step <= INT32_MAX,
               fits = by_rows || (row_step == 1 && column_step >= std::max<int64_t>(size, 1) &&
                                  column_step <= INT32_MAX);
    const Tensor read = fits ? a : copy_by_columns(a);
    const bool turned = fits && by_rows;
    const int lead = int(!fits ? std::max<int64_t>(size, 1) : turned ? row_step : column_step);
    const int batches = a->ndim - 2;
    auto start = [&](int64_t i) {  // of matrix i, in elements
      int64_t offset = 0;
      for (int d = batches - 1; d >= 0; --d) {
        offset += i % read->sizes[d] * read->strides[d];
        i /= read->sizes[d];
      }
      return offset;
    };
    for_type(b->dtype, [&]<class T>(T) {
      T* const all = x->as<T>();
      const T* const triangles = read->as<T>();
      each_matrix(count_of(b), double(m) * double(n) * double(size) / 2, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; ++i)
          lapack::trsm(left ? 'L' : 'R', upper != turned ? 'U' : 'L', turned ? 'T' : 'N', unit ? 'U' : 'N',
                       int(m), int(n), triangles + start(i), lead, all + i * m * n);
      });
    });
    return x;
  }
  void vjp(const Back& b, Tensor* d) const {
    const Tensor gb = call_structural(SolveTriangular{!upper, left, unit}, adjoint(b.in[0]), b.g[0]);
    if (b.needs(1)) d[1] = gb;
    if (!b.needs(0)) return;
    const Tensor xh = adjoint(b.out[0]), whole = -(left ? matmul(gb, xh) : matmul(xh, gb));
    d[0] = upper ? triu(whole, unit) : tril(whole, -int64_t(unit));
  }
};
Tensor solve_triangular_entry(const Tensor& a, const Tensor& b, bool upper, bool left, bool unit) {
  require_same_types("linalg.solve_triangular", a, "A", b, "B");
  require_square("linalg.solve_triangular", a);
  require_matrix("linalg.solve_triangular", b, "B");
  require_fitting("linalg.solve_triangular", a, b, left, false);
  require_lapack_type("triangular_solve_cpu", a);
  require_lapack_type("triangular_solve_cpu", b);
  return solve_triangular(a, b, upper, left, unit);
}

struct CopyByColumns {
  static constexpr const char* node = "TriangularSolveBackward0";
  static constexpr uint32_t saves = kNothing;
  Tensor forward(const Tensor& a) const { return copy_by_columns(a); }
  void vjp(const Back& b, Tensor* d) const { d[0] = b.g[0]; }
};

// The older form, with the arguments the other way round.
Tensors triangular_solve(const Tensor& b, const Tensor& a, bool upper, bool transpose, bool unit) {
  warn(
      "torch.triangular_solve is deprecated in favor of torch.linalg.solve_triangularand will be removed in "
      "a "
      "future PyTorch release.\nThat takes A first, and does not return a copy of it.");
  for (const auto& [t, name] : {std::pair(&b, "b"), std::pair(&a, "A")})
    if ((*t)->ndim < 2)
      fail("torch.triangular_solve: Expected ", name, " to have at least 2 dimensions, but it has ",
           int((*t)->ndim), " dimensions instead");
  if (a->dtype != b->dtype)
    fail("Expected b and A to have the same dtype, but found b of type ", c_name(b->dtype), " and A of type ",
         c_name(a->dtype), " instead.");
  if (rows(a) != columns(a))
    fail("A must be batches of square matrices, but they are ", rows(a), " by ", columns(a), " matrices");
  if (rows(a) != rows(b))
    fail("Incompatible matrix sizes for triangular_solve: each A matrix is ", rows(a), " by ", rows(a),
         " but each b matrix is ", rows(b), " by ", columns(b));
  require_lapack_type("triangular_solve_cpu", a);
  const Dims batch = broadcast(batch_of(a), batch_of(b));
  const Tensor read = transpose ? transposed(a) : a;
  return {solve_triangular(read, b, upper != transpose, true, unit),
          call_structural(CopyByColumns{}, expand(a, with(batch, {rows(a), rows(a)})))};
}

// --- the inverse ---

struct Inverse : Made {
  static constexpr const char* node = "LinalgInvExBackward0";
  static constexpr uint32_t saves = kOutput;
  void vjp(const Back& b, Tensor* d) const {
    if (!b.g[0]) return;
    const Tensor yh = adjoint(b.out[0]);
    d[0] = -matmul(yh, matmul(b.g[0], yh));
  }
};
Tensors inverse(const Tensor& a, bool check, const char* check_as) {
  require_square("linalg.inv", a);
  require_inexact("linalg.inv", a);
  if (is_half(a->dtype)) fail("linalg.inv: Low precision dtypes not supported. Got ", c_name(a->dtype));
  require_lapack_type("linalg_inv_ex_out_cpu", a);
  const int64_t n = rows(a);
  const Factors f = lu_factors(a);
  const Tensor x = by_columns(a->dtype, batch_of(a), n, n, a->device);
  if (!x->is_meta()) {
    fill(*x, 0);
    if (n) fill(*diagonal(x), 1);
    solve_in_place(f, x, 'N', batch_of(a));
    if (check) check_info(check_as, f.info, not_invertible);
  }
  return call_structural(Inverse{{{x, f.info}}}, a);
}
Tensors inv_ex(const Tensor& a, bool check_errors) { return inverse(a, check_errors, "linalg.inv_ex"); }
Tensor inv(const Tensor& a) { return inverse(a, true, "linalg.inv")[0]; }

// --- determinants ---

// The product of the diagonal of U, with the sign of the exchanges.
template <class T> T multiplied(T a, T b) {
  if constexpr (is_complex_type<T>) return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
  else return a * b;
}

// Rows of a dense real matrix are the columns of its transpose, which has the same determinant.
bool by_rows(const Tensor& a) { return a->contiguous && !is_complex(a->dtype); }
Factors det_factors(const Tensor& a) { return lu_factors(by_rows(a) ? transposed(a) : a); }
// a^-H times `right`.
Tensor solved_adjoint(const Tensor& a, const Factors& f, const Tensor& right) {
  return lu_solve(f.lu, f.pivots, right, true, !by_rows(a));
}

struct Det : Made {
  static constexpr const char* node = "LinalgDetBackward0";
  static constexpr uint32_t saves = saves_input(0) | kOutput;
  Factors factors;
  // conj(det) g A^-H. Of a singular matrix the product of its other singular values remains, in its null
  // space.
  void vjp(const Back& b, Tensor* d) const {
    const Tensor &a = b.in[0], &det = b.out[0];
    const int64_t n = rows(a);
    if (n == 1) {
      d[0] = reshape(b.g[0], a->shape());
      return;
    }
    const double epsilon = to_real(a->dtype) == DType::Float32 ? 0x1p-23 : 0x1p-52;
    const Tensor scale = unsqueeze(unsqueeze(b.g[0] * conjugate(det), -1), -1);
    const Tensor unit = identity(n, n, a->dtype, a->device);
    auto regular = [&](const Tensor& m, const Tensor& s) { return linalg::solve(adjoint(m), s * unit); };
    auto singular = [&](const Tensor& m, const Tensor& g) {
      const Tensors usv = svd(m, false);
      const Tensor s = to_dtype(usv[1], m->dtype);
      Tensors others;  // products without one
      for (int64_t i = 0; i < n; ++i) {
        Tensor product = ones(Dims(s->ndim - 1, s->sizes), m->dtype, m->device);
        for (int64_t j = 0; j < n; ++j)
          if (j != i) product = product * select(s, -1, j);
        others.push_back(product);
      }
      const Tensor phase = conjugate(linalg::det(usv[0]) * linalg::det(usv[2])) * g;
      return matmul(usv[0] * unsqueeze(unsqueeze(phase, -1) * stack(others, -1), -2), usv[2]);
    };
    const Tensor size = unary("abs", detach(det));
    const Tensor mask = binary("lt", size, Scalar(100 * epsilon));
    const int64_t count = nonzero(mask)->sizes[0];
    if (n == 0) d[0] = zeros_like(a);
    else if (count == 0 && !mode.grad) d[0] = solved_adjoint(a, factors, scale * unit);
    else if (count == 0) d[0] = regular(a, scale);
    else if (count == mask->numel) d[0] = singular(a, b.g[0]);
    else {
      const Tensor rest = unary("logical_not", mask);
      const Tensor bad = index(a, {mask}), good = index(a, {rest});
      Tensor out = zeros_like(a);
      out = index_put(out, {mask}, singular(bad, index(b.g[0], {mask})), false);
      d[0] = index_put(out, {rest}, regular(good, index(scale, {rest})), false);
    }
  }
};

struct SlogDet : Made {  // outputs: sign, logarithm of the absolute value
  static constexpr const char* node = "LinalgSlogdetBackward0";
  static constexpr uint32_t saves = saves_input(0) | kOutput;
  Factors factors;
  void vjp(const Back& b, Tensor* d) const {
    const Tensor& a = b.in[0];
    Tensor scale = b.g[1];
    if (is_complex(a->dtype)) {
      if (scale) scale = to_dtype(scale, a->dtype);
      if (b.g[0]) {
        const Tensor turn = imag_part(unary("conj", b.g[0]) * b.out[0]);
        const Tensor part = to_dtype(turn, a->dtype) * Scalar::complex(0, -1);
        scale = scale ? scale + part : part;
      }
    }
    if (!scale) {
      d[0] = zeros_like(a);
      return;
    }
    const Tensor right =
        unsqueeze(unsqueeze(scale, -1), -1) * identity(rows(a), rows(a), a->dtype, a->device);
    d[0] = mode.grad ? linalg::solve(adjoint(a), right) : solved_adjoint(a, factors, right);
  }
};

void check_det(const char* name, const Tensor& a) {
  require_square(name, a);
  require_inexact(name, a);
  if (is_half(a->dtype) && std::string_view(name) != "linalg.det")
    fail(name, ": Low precision dtypes not supported. Got ", c_name(a->dtype));
  require_lapack_type("lu_cpu", a);
}

Tensor det_of(const Tensor& a) {
  check_det("linalg.det", a);
  const Factors f = det_factors(a);
  const Tensor out = empty(a->dtype, batch_of(a), a->device);
  const int64_t n = rows(a);
  if (!out->is_meta())
    for_type(a->dtype, [&]<class T>(T) {
      for (int64_t i = 0; i < out->numel; ++i) {
        const T* const u = f.lu->as<T>() + i * n * n;
        T product(1);
        for (int64_t j = 0; j < n; ++j) {
          product = multiplied(product, u[j * (n + 1)]);
          if (f.pivots->as<int>()[i * n + j] != j + 1) product = multiplied(product, T(-1));
        }
        out->as<T>()[i] = product;
      }
    });
  return call_structural(Det{{{out}}, f}, a)[0];
}

Tensors slogdet(const Tensor& a) {
  check_det("linalg.slogdet", a);
  const Factors f = det_factors(a);
  const Tensor sign = empty(a->dtype, batch_of(a), a->device),
               size = empty(to_real(a->dtype), batch_of(a), a->device);
  const int64_t n = rows(a);
  if (!sign->is_meta())
    for_type(a->dtype, [&]<class T>(T) {
      using R = lapack::Real<T>;
      for (int64_t i = 0; i < sign->numel; ++i) {
        const T* const u = f.lu->as<T>() + i * n * n;
        T direction(1);
        R total = 0;
        for (int64_t j = 0; j < n; ++j) {
          const T x = u[j * (n + 1)];
          R length;
          T unit;
          if constexpr (is_complex_type<T>) {
            length = std::hypot(x.re, x.im);
            unit = length == 0 ? T(0) : T(x.re / length, x.im / length);
          } else {
            length = std::abs(x);
            unit = x > 0 ? T(1) : x < 0 ? T(-1) : x;
          }
          total += std::log(length);
          direction = multiplied(direction, unit);
          if (f.pivots->as<int>()[i * n + j] != j + 1) direction = multiplied(direction, T(-1));
        }
        sign->as<T>()[i] = direction;
        size->as<R>()[i] = total;
      }
    });
  return call_structural(SlogDet{{{sign, size}}, f}, a);
}
Tensor logdet(const Tensor& a) {
  check_det("logdet", a);
  const Tensors parts = slogdet(a);
  if (is_complex(a->dtype)) return unary("log", parts[0]) + parts[1];
  return where(binary("eq", parts[0], Scalar(-1)), Scalar(double(NAN)), parts[1]);
}

// What was made outside of the operation is made again, for explain.
Tensors replay_op(const Inverse&, const Tensor* in, int) { return inverse(in[0], false, ""); }
Tensors replay_op(const Det&, const Tensor* in, int) { return {det_of(in[0])}; }
Tensors replay_op(const SlogDet&, const Tensor* in, int) { return slogdet(in[0]); }
Tensors replay_op(const Solve& op, const Tensor* in, int) {
  if (op.vector) return {squeeze(linalg::solve(in[0], unsqueeze(in[1], -1), op.left), -1)};
  return {linalg::solve(in[0], in[1], op.left)};
}

}  // namespace

Tensor solve(const Tensor& a, const Tensor& b, bool left) {
  Tensor x;
  const Factors f = solved(a, b, left, false, x);
  return call_structural(Solve{{{x, f.info}}, f, left, false, a->shape(), b->shape()}, a, b)[0];
}
Tensor solve_triangular(const Tensor& a, const Tensor& b, bool upper, bool left, bool unit) {
  const Dims batch = broadcast(batch_of(a), batch_of(b));
  auto spread = [&](const Tensor& t) {
    const Dims shape = with(batch, {rows(t), columns(t)});
    return t->shape() == shape ? t : expand(t, shape);
  };
  return call_structural(SolveTriangular{upper, left, unit}, spread(a), spread(b));
}
Tensor det(const Tensor& a) { return det_of(a); }

static constexpr OpEntry entries[] = {
    fn<solve_ex>("solve_ex(Tensor A, Tensor B, *, bool left=True, bool check_errors=False) -> result, info",
                 kLinalg | kOut),
    fn<solve_entry>("solve(Tensor A, Tensor B, *, bool left=True)", kLinalg | kExactOut),
    fn<solve_triangular_entry>(
        "solve_triangular(Tensor A, Tensor B, *, bool upper, bool left=True, bool unitriangular=False)",
        kLinalg | kExactOut | kLeading),
    fn<triangular_solve>(
        "triangular_solve(Tensor input, Tensor A, bool upper=True, bool transpose=False, bool "
        "unitriangular=False) -> solution, cloned_coefficient",
        kFunction | kMethod | kExactOut | kOutLikeResult | kLeading),
    fn<inv_ex>("inv_ex(Tensor A, *, bool check_errors=False) -> inverse, info",
               kLinalg | kExactOut | kLeading),
    fn<inv>("inv(Tensor A)", kLinalg | kExactOut | kLeading),
    fn<inv>("inverse(Tensor input)", kFunction | kMethod | kExactOut | kLeading),
    fn<det>("det(Tensor A)", kLinalg | kExactOut | kLeading),
    fn<det>("det(Tensor input)", kFunction | kMethod | kExactOut | kLeading),
    fn<slogdet>("slogdet(Tensor A) -> sign, logabsdet", kLinalg | kExactOut | kLeading),
    fn<slogdet>("slogdet(Tensor input) -> sign, logabsdet", kFunction | kMethod | kExactOut | kLeading),
    fn<logdet>("logdet(Tensor input)", kFunction | kMethod | kLeading),
};

}  // namespace facula::linalg

namespace facula {
using linalg::entries;
FACULA_ENTRIES(linalg_solve)
}  // namespace facula
