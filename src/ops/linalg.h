// What the files of torch.linalg share: checks, matrices laid out for LAPACK, loops over a batch, errors with
// the number of the matrix at fault, and the functions that derivatives of other families call.
#pragma once
#include <algorithm>
#include "core/parallel.h"
#include "cpu/lapack.h"
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {

Tensor tril(const Tensor&, int64_t diagonal = 0);  // ops/grid.cpp
Tensor triu(const Tensor&, int64_t diagonal = 0);

namespace linalg {

// --- checks; `name` is what the text begins with ---

void require_square(const char* name, const Tensor& a, const char* argument = "A");
void require_matrix(const char* name, const Tensor& a, const char* argument = "A");
void require_inexact(const char* name, const Tensor& a);        // floating or complex
void require_lapack_type(const char* kernel, const Tensor& a);  // NotImplementedError
void require_same_types(const char* name, const Tensor& a, const char* a_name, const Tensor& b,
                        const char* b_name);

// --- shapes ---

inline int64_t rows(const Tensor& a) { return a->sizes[a->ndim - 2]; }
inline int64_t columns(const Tensor& a) { return a->sizes[a->ndim - 1]; }
inline Dims batch_of(const Tensor& a) { return Dims(a->ndim - 2, a->sizes); }
inline Dims with(Dims batch, std::initializer_list<int64_t> sizes) {
  for (int64_t s : sizes) batch.push(s);
  return batch;
}
inline int64_t count_of(const Tensor& a) { return batch_of(a).numel(); }

// A fresh tensor whose matrices lie column by column, as LAPACK wants and leaves them.
Tensor by_columns(DType, const Dims& batch, int64_t rows, int64_t columns, Device = {});
Tensor copy_by_columns(const Tensor& a);                     // not recorded
Tensor copy_by_columns(const Tensor& a, const Dims& batch);  // broadcast to this batch
Tensor adjoint(const Tensor& a);                             // conj(a)^T, recorded
Tensor conjugate(const Tensor& a);                           // itself when it is real
Tensor identity(int64_t n, int64_t m, DType, Device = {});
Tensor real_of(const Tensor& a);   // the real part, recorded
bool all_finite(const Tensor& t);  // of a tensor without gaps
inline Tensor diagonal(const Tensor& a) { return facula::diagonal(a, 0, -2, -1); }
inline Tensor diag_embed(const Tensor& a) { return facula::diag_embed(a, 0, -2, -1); }
inline Tensor transposed(const Tensor& a) { return transpose(a, -2, -1); }

// --- loops ---

// f(first, last) over the matrices of a batch, in pieces that depend on the sizes alone; `work` is about how
// many multiplications one matrix needs. The interpreter's lock is let go when there is much to do.
template <class F> void each_matrix(int64_t count, double work, F&& f) {
  if (count == 0) return;
  lapack::require();
  const int64_t per_piece = std::max<int64_t>(1, int64_t(2e5 / (work + 200))),
                pieces = (count + per_piece - 1) / per_piece;
  if (pieces > 1)
    return parallel_pieces(
        pieces, [&](int64_t piece) { f(piece * per_piece, std::min(count, (piece + 1) * per_piece)); });
  if (work * double(count) < 2e5) return f(int64_t(0), count);
  const WithoutInterpreter unlocked;
  f(int64_t(0), count);
}

// f(T{}) with the element type, one of LAPACK's four.
template <class F> void for_type(DType t, F&& f) {
  switch (t) {
    case DType::Float32: return f(float{});
    case DType::Float64: return f(double{});
    case DType::Complex64: return f(Complex<float>{});
    case DType::Complex128: return f(Complex<double>{});
    default: fail<NotImplemented>("linear algebra is not implemented for '", c_name(t), "'");
  }
}

// --- errors ---

// Throws for the first matrix whose code is not zero: `name: (Batch element 1): ` and what `explain` says.
void check_info(const char* name, const Tensor& info, std::string (*explain)(int code));
template <class E>
[[noreturn]] void fail_batch(const char* name, const Tensor& info, int64_t at, const std::string& text) {
  fail<E>(name, ": ", info->ndim ? concat("(Batch element ", at, "): ") : std::string(), text);
}

// Whether a derivative of what is computed from a will be asked for.
inline bool records(const Tensor& a) {
  return (mode.grad && requires_grad(*a)) || (mode.forward && tangent_of(*a));
}

// --- results that were computed already: a node is all that is left to make ---

// An op with `Tensors made` whose forward hands them out. It keeps no reference to them.
struct Made {
  Tensors made;
  template <class... T> Tensors forward(const T&...) { return std::move(made); }
};
// The same for what has no derivative: asking for one is the error.
struct Underivable : Made {
  static constexpr const char* node = "NotImplemented";
  static constexpr uint32_t saves = kNothing;
  const char* name = "";
  void vjp(const Back&, Tensor*) const { fail("derivative for ", name, " is not implemented"); }
};

// --- functions of one family that others use; all recorded ---

struct Factors {
  Tensor lu, pivots, info;
};
Factors lu_factors(const Tensor& a);  // not recorded
Tensor lu_solve(const Tensor& lu, const Tensor& pivots, const Tensor& b, bool left, bool adjoint);
Tensor lu_permutation(const Tensor& pivots,
                      int64_t rows);  // int64: row i of the product is row p[i] of the matrix
Tensor solve(const Tensor& a, const Tensor& b, bool left = true);  // b: matrices
Tensor solve_triangular(const Tensor& a, const Tensor& b, bool upper, bool left = true, bool unit = false);
Tensors svd(const Tensor& a, bool full);  // u, s, vh
Tensors eigh(const Tensor& a, bool upper);
Tensor pinv(const Tensor& a);  // with the default tolerance
Tensor pinv_gradient(const Tensor& a, const Tensor& p,
                     const Tensor& g);  // of a, where g is that of p = pinv(a)
Tensor det(const Tensor& a);

}  // namespace linalg
}  // namespace facula
