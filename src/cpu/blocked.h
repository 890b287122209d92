// LAPACK's factorisations of one large matrix, on all threads: blocks of columns are factored one after the
// other, and what a block changes of the others is cut in strips of a fixed width, each the work of one
// thread. So the bits are the same for every number of threads. Matrices lie column by column without gaps; T
// is one of LAPACK's four types. The next block is factored beside the strips (look-ahead).
#pragma once
#include <cstdint>

namespace facula::lapack::blocked {

// From which sizes on it pays; what is smaller goes to LAPACK in one piece.
inline bool many(int64_t rows, int64_t columns) { return (rows < columns ? rows : columns) >= 192; }
inline bool much(int64_t order, int64_t vectors) { return order >= 64 && vectors >= 128; }

template <class T> int lu(int m, int n, T* a, int* pivots);  // getrf
template <class T> int lu_solve(char transposed, int n, int columns, const T* lu, const int* pivots, T* b);
template <class T> int cholesky(char part, int n, T* a);  // potrf; the other triangle is left alone
template <class T> int qr(int m, int n, T* a, T* tau);    // geqrf
template <class T> int form_q(int m, int n, int k, T* a, const T* tau);  // orgqr: the first n columns of Q
// c (m x n) := op(Q) c, where k reflections of length m lie in a.
template <class T> int apply_q(char transposed, int m, int n, int k, const T* a, const T* tau, T* c);
// b (m x n) := op(a)^-1 b or b op(a)^-1, a a triangle whose columns lie `lead` apart: trsm
template <class T> void solve_triangle(char side, char part, char transposed, char diagonal, int m, int n,
                                       const T* a, int lead, T* b, int lead_b);

}  // namespace facula::lapack::blocked
