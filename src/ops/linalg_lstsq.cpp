// Least squares, by LAPACK's four drivers.
#include <cmath>
#include <limits>
#include "ops/linalg.h"

namespace facula::linalg {
namespace {

enum class Driver { Gels, Gelsy, Gelsd, Gelss };

Driver driver_named(std::optional<std::string_view> name) {
  if (!name || *name == "gelsy") return Driver::Gelsy;
  if (*name == "gels") return Driver::Gels;
  if (*name == "gelsd") return Driver::Gelsd;
  if (*name == "gelss") return Driver::Gelss;
  fail("torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss)");
}

// One problem after another of the same shape: a (m x n) is destroyed, b (max(m, n) x k) receives the
// solution.
template <class T> struct LeastSquares {
  using R = lapack::Real<T>;
  Driver driver;
  int m, n, k;
  R rcond;
  lapack::Room<T> room;
  std::vector<R> real_work;
  std::vector<int> integers;

  int solve(T* a, T* b, R* s, int* rank) {
    if (driver == Driver::Gelsy && lapack::blocked::many(m, n) && solve_full_rank(a, b)) {
      *rank = std::min(m, n);
      return 0;
    }
    const int lead = std::max(m, 1), lead_b = std::max({m, n, 1}), small = std::max(std::min(m, n), 1);
    if (driver == Driver::Gelsy) integers.assign(size_t(n), 0);  // no column is fixed in its place
    if (driver == Driver::Gelsd && integers.empty()) ask(a, b, s, rank);
    if (is_complex_type<T> && real_work.empty()) real_work.resize(size_t(std::max(2 * n, 5 * small)));
    return room.use([&](T* work, int length) {
      int info = 0;
      if (driver == Driver::Gels) {
        lapack::call<"gels", T>('N', m, n, k, a, lead, b, lead_b, work, length, &info);
      } else if (driver == Driver::Gelsy) {
        if constexpr (is_complex_type<T>)
          lapack::call<"gelsy", T>(m, n, k, a, lead, b, lead_b, integers.data(), rcond, rank, work, length,
                                   real_work.data(), &info);
        else
          lapack::call<"gelsy", T>(m, n, k, a, lead, b, lead_b, integers.data(), rcond, rank, work, length,
                                   &info);
      } else if (driver == Driver::Gelsd) {
        run_gelsd(a, b, s, rank, work, length, real_work.data(), integers.data(), &info);
      } else if constexpr (is_complex_type<T>) {
        lapack::call<"gelss", T>(m, n, k, a, lead, b, lead_b, s, rcond, rank, work, length, real_work.data(),
                                 &info);
      } else {
        lapack::call<"gelss", T>(m, n, k, a, lead, b, lead_b, s, rcond, rank, work, length, &info);
      }
      return info;
    });
  }

 private:
  static constexpr char kAdjoint = is_complex_type<T> ? 'C' : 'T';

  // A problem whose rank is full beyond doubt has one solution, for which no columns need be exchanged.
  // False, and b as it was: gelsy has to look.
  bool solve_full_rank(const T* a, T* b) {
    namespace blocked = lapack::blocked;
    const int tall = std::max(m, n), small = std::min(m, n);
    std::vector<T> factors(size_t(tall) * size_t(small)), tau(static_cast<size_t>(small));
    T* const q = factors.data();
    if (m >= n) std::copy_n(a, factors.size(), q);
    else
      for (int j = 0; j < n; ++j)
        for (int i = 0; i < m; ++i)
          q[size_t(i) * size_t(n) + size_t(j)] = conjugated(a[size_t(j) * size_t(m) + size_t(i)]);
    blocked::qr(tall, small, q, tau.data());
    const R largest = growth(q, tall, small, false), smallest = 1 / growth(q, tall, small, true);
    if (!(largest < std::numeric_limits<R>::max() && smallest > 3 * rcond * largest)) return false;
    if (m >= n) blocked::apply_q(kAdjoint, m, k, n, q, tau.data(), b);
    blocked::solve_triangle('L', 'U', m >= n ? 'N' : kAdjoint, 'N', small, k, q, tall, b, tall);
    if (m < n) {
      for (int c = 0; c < k; ++c) std::fill_n(b + size_t(c) * size_t(n) + size_t(m), n - m, T{});
      blocked::apply_q('N', n, k, m, q, tau.data(), b);
    }
    return true;
  }
  static T conjugated(T v) {
    if constexpr (is_complex_type<T>) return {v.re, -v.im};
    else return v;
  }
  // The norm of the triangle r, or of its inverse, from below: the power method, of which a few steps come
  // close.
  R growth(const T* r, int lead, int order, bool inverse) const {
    std::vector<T> v(static_cast<size_t>(order));
    for (int i = 0; i < order; ++i) v[size_t(i)] = T(R(i % 7 < 3 ? -1 : 1) + R(i % 5) / 8);
    R found = 0;
    for (int step = 0; step < 5; ++step) {
      R squares = 0;
      for (const T& x : v) squares += squared(x);
      const R norm = std::sqrt(squares);
      if (step) found = std::sqrt(norm);
      for (T& x : v) x = divided(x, norm);
      for (const char how : {inverse ? kAdjoint : 'N', inverse ? 'N' : kAdjoint})
        if (inverse) lapack::call<"trsv", T>('U', how, 'N', order, r, lead, v.data(), 1);
        else lapack::call<"trmv", T>('U', how, 'N', order, r, lead, v.data(), 1);
    }
    return found;
  }
  static T divided(T v, R by) {
    if constexpr (is_complex_type<T>) return {v.re / by, v.im / by};
    else return v / by;
  }
  static R squared(T v) {
    if constexpr (is_complex_type<T>) return v.re * v.re + v.im * v.im;
    else return v * v;
  }
  void run_gelsd(T* a, T* b, R* s, int* rank, T* work, int length, R* real, int* integer, int* info) {
    const int lead = std::max(m, 1), lead_b = std::max({m, n, 1});
    if constexpr (is_complex_type<T>)
      lapack::call<"gelsd", T>(m, n, k, a, lead, b, lead_b, s, rcond, rank, work, length, real, integer,
                               info);
    else lapack::call<"gelsd", T>(m, n, k, a, lead, b, lead_b, s, rcond, rank, work, length, integer, info);
  }
  void ask(T* a, T* b, R* s, int* rank) {  // for the sizes of the other two work spaces
    T size{};
    R reals = 0;
    int count = 0, info = 0;
    run_gelsd(a, b, s, rank, &size, -1, &reals, &count, &info);
    real_work.resize(size_t(std::max(1, int(reals))));
    integers.resize(size_t(std::max(1, count)));
  }
};

struct Lstsq : Made {  // inputs: A, B; outputs: solution, residuals (may have no elements), rank
  static constexpr const char* node = "LinalgLstsqBackward0";
  static constexpr uint32_t saves = kInputs | kOutput;
  bool vector = false;
  Dims shape_a, shape_b;
  void vjp(const Back& b, Tensor* d) const {
    const Tensor &a = b.in[0], sides = vector ? unsqueeze(b.in[1], -1) : b.in[1];
    Tensor ga, gb;
    auto add_to = [](Tensor& sum, const Tensor& part) { sum = sum ? sum + part : part; };
    if (b.g[0]) {
      const Tensor g = vector ? unsqueeze(b.g[0], -1) : b.g[0], p = pinv(a);
      if (b.needs(0)) add_to(ga, pinv_gradient(a, p, matmul(g, adjoint(sides))));
      if (b.needs(1)) add_to(gb, matmul(adjoint(p), g));
    }
    if (b.g[1] && b.g[1]->numel) {  // |A X - B|^2 is least: only A and B move it
      const Tensor x = vector ? unsqueeze(b.out[0], -1) : b.out[0];
      const Tensor away = (matmul(a, x) - sides) * (to_dtype(unsqueeze(b.g[1], -2), a->dtype) * Scalar(2.0));
      if (b.needs(0)) add_to(ga, matmul(away, adjoint(x)));
      if (b.needs(1)) add_to(gb, -away);
    }
    if (ga) d[0] = sum_to(ga, shape_a);
    if (gb) d[1] = sum_to(vector ? squeeze(gb, -1) : gb, shape_b);
  }
};

void require_finite(const Tensor& t) {
  if (!all_finite(t))
    fail(
        "torch.linalg.lstsq: the input contains infs or NaNs, with which the drivers gelsd and gelss do not "
        "end");
}

Tensors lstsq(const Tensor& a, const Tensor& b, std::optional<double> rcond,
              std::optional<std::string_view> driver_name) {
  constexpr const char* name = "torch.linalg.lstsq";
  if (a->ndim < 2) fail(name, ": input must have at least 2 dimensions.");
  if (b->ndim < 1) fail(name, ": other must have at least 1 dimension.");
  if (a->dtype != b->dtype)
    fail(name, ": Expected input and other to have the same dtype, but got input's dtype ", c_name(a->dtype),
         " and other's dtype ", c_name(b->dtype));
  if (a->ndim < b->ndim || a->ndim - b->ndim > 1)
    fail(name, ": input.dim() must be greater or equal to other.dim() and (input.dim() - other.dim()) <= 1");
  const bool vector = b->ndim == 1 || (a->ndim - 1 == b->ndim && b->shape() == Dims(a->ndim - 1, a->sizes));
  if (!vector && b->ndim < 2) fail(name, ": other must have at least 1 dimension.");
  const int64_t m = rows(a), n = columns(a), height = vector ? b->sizes[b->ndim - 1] : rows(b);
  if (m != height) fail(name, ": input.size(-2) should match other.size(", vector ? -1 : -2, ")");
  const Driver driver = driver_named(driver_name);
  if (!is_floating(a->dtype) || is_half(a->dtype))
    fail("This function doesn't handle types other than float and double");
  require_lapack_type("linalg_lstsq_cpu", a);
  const DType real = to_real(a->dtype);
  const double epsilon = real == DType::Float32 ? 0x1p-23 : 0x1p-52;
  const double limit = rcond.value_or(epsilon * double(std::max(m, n)));

  Tensor sides;
  {
    const GradMode off(false);
    sides = vector ? unsqueeze(b, -1) : detach(b);
  }
  const Dims batch = broadcast(batch_of(a), batch_of(sides));
  const int64_t k = columns(sides), tall = std::max(m, n), small = std::min(m, n), count = batch.numel();
  const bool ranked = driver != Driver::Gels, with_s = driver == Driver::Gelsd || driver == Driver::Gelss;
  const Tensor x = by_columns(a->dtype, batch, tall, k, a->device);
  Tensor rank = empty(DType::Int64, ranked ? batch : Dims{0}, a->device);
  const Tensor s = empty(real, with_s ? with(batch, {small}) : Dims{0}, a->device);
  if (!x->is_meta()) {
    const GradMode off(false);
    fill(*x, 0);
    copy_into(*narrow(x, -2, 0, m), *sides);
    if (ranked) fill(*rank, 0);
    if (with_s) fill(*s, 0);
    if (a->numel == 0) fill(*x, 0);
    if (x->numel && a->numel) {
      const Tensor copy = copy_by_columns(a, batch), info = empty(DType::Int32, batch);
      if (with_s) {
        require_finite(copy);
        require_finite(x);
      }
      for_type(a->dtype, [&]<class T>(T) {
        using R = lapack::Real<T>;
        T *const all = copy->as<T>(), *const to = x->as<T>();
        R* const values = with_s ? s->as<R>() : nullptr;
        int64_t* const ranks = ranked ? rank->as<int64_t>() : nullptr;
        int* const codes = info->as<int>();
        each_matrix(count, 4 * double(m) * double(n) * double(small + k), [&](int64_t first, int64_t last) {
          LeastSquares<T> solver{driver, int(m), int(n), int(k), R(limit), {}, {}, {}};
          for (int64_t i = first; i < last; ++i) {
            int found = 0;
            codes[i] = solver.solve(all + i * m * n, to + i * tall * k, with_s ? values + i * small : nullptr,
                                    &found);
            if (ranked) ranks[i] = found;
          }
        });
      });
      check_info(name, info, [](int code) {
        return concat(
            "The least squares problem could not be solved because the input matrix does not have full rank "
            "(error code: ",
            code, ").");
      });
    }
  }
  // The rows of b beyond the solution hold what is left over, where the matrix has full rank.
  Tensor residuals = empty(real, {0}, a->device);
  Tensor solution;
  {
    const GradMode off(false);
    bool full = m > n && driver != Driver::Gelsy && !x->is_meta();
    for (int64_t i = 0; full && ranked && i < rank->numel; ++i) full = rank->as<int64_t>()[i] == n;
    if (full) {
      const Tensor rest = unary("abs", narrow(x, -2, n, m - n));
      residuals = sum(rest * rest, Dims{-2}, false);
    } else if (x->is_meta() && m > n && driver != Driver::Gelsy) {
      residuals = empty(real, with(batch, {k}), a->device);
    }
    Dims shape = x->shape(), strides = x->stride();
    shape[shape.count - 2] = n;
    if (vector) {
      shape.erase(shape.count - 1);
      strides.erase(strides.count - 1);
    }
    solution = alias(*x, shape, strides);
  }
  Tensors out = call_structural(Lstsq{{{solution, residuals}}, vector, a->shape(), b->shape()}, a, b);
  return {out[0], out[1], rank, s};
}

constexpr OpEntry entries[] = {
    fn<lstsq>("lstsq(Tensor input, Tensor b, float? rcond=None, *, str? driver=None) -> solution, residuals, "
              "rank, singular_values",
              kLinalg | kOut),
};

}  // namespace
}  // namespace facula::linalg

namespace facula {
using linalg::entries;
FACULA_ENTRIES(linalg_lstsq)
}  // namespace facula
