// Factors and systems of matrices so small that a call of LAPACK costs more than the work: plain loops with
// the same results and codes. Real numbers, column by column, no gaps.
#pragma once
#include <cmath>
#include <utility>

namespace facula::small {

inline constexpr int kLargest = 8;

template <class T> int lu(int m, int n, T* a, int* pivots) {
  const int k = m < n ? m : n;
  int info = 0;
  for (int j = 0; j < k; ++j) {
    T* const column = a + j * m;
    int p = j;
    for (int i = j + 1; i < m; ++i)
      if (std::abs(column[i]) > std::abs(column[p])) p = i;
    pivots[j] = p + 1;
    if (column[p] == 0) {
      if (!info) info = j + 1;
      continue;
    }
    if (p != j)
      for (int c = 0; c < n; ++c) std::swap(a[c * m + j], a[c * m + p]);
    const T pivot = column[j];
    for (int i = j + 1; i < m; ++i) column[i] /= pivot;
    for (int c = j + 1; c < n; ++c) {
      T* const other = a + c * m;
      const T factor = other[j];
      for (int i = j + 1; i < m; ++i) other[i] -= column[i] * factor;
    }
  }
  return info;
}

// b (n x columns) becomes the solution, of the transposed system if `transposed`.
template <class T> void lu_solve(bool transposed, int n, int columns, const T* lu, const int* pivots, T* b) {
  for (int c = 0; c < columns; ++c, b += n) {
    if (!transposed) {
      for (int i = 0; i < n; ++i) std::swap(b[i], b[pivots[i] - 1]);
      for (int j = 0; j < n; ++j)
        for (int i = j + 1; i < n; ++i) b[i] -= lu[j * n + i] * b[j];
      for (int j = n - 1; j >= 0; --j) {
        b[j] /= lu[j * n + j];
        for (int i = 0; i < j; ++i) b[i] -= lu[j * n + i] * b[j];
      }
    } else {
      for (int j = 0; j < n; ++j) {
        for (int i = 0; i < j; ++i) b[j] -= lu[j * n + i] * b[i];
        b[j] /= lu[j * n + j];
      }
      for (int j = n - 1; j >= 0; --j)
        for (int i = j + 1; i < n; ++i) b[j] -= lu[j * n + i] * b[i];
      for (int i = n - 1; i >= 0; --i) std::swap(b[i], b[pivots[i] - 1]);
    }
  }
}

template <class T> int cholesky(bool upper, int n, T* a) {
  auto at = [&](int i, int j) -> T& { return upper ? a[i * n + j] : a[j * n + i]; };
  for (int j = 0; j < n; ++j) {
    T left = at(j, j);
    for (int k = 0; k < j; ++k) left -= at(j, k) * at(j, k);
    if (!(left > 0)) {
      at(j, j) = left;
      return j + 1;
    }
    const T root = std::sqrt(left);
    at(j, j) = root;
    for (int i = j + 1; i < n; ++i) {
      T rest = at(i, j);
      for (int k = 0; k < j; ++k) rest -= at(i, k) * at(j, k);
      at(i, j) = rest / root;
    }
  }
  return 0;
}

}  // namespace facula::small
