#include "cpu/blocked.h"
#include <algorithm>
#include <vector>
#include "core/parallel.h"
#include "cpu/lapack.h"

namespace facula::lapack::blocked {
namespace {

constexpr int kBlock = 64;   // columns that are factored at once
constexpr int kStrip = 128;  // columns (or rows) of the rest that one thread changes at a time

struct Range {
  int from, to;
  int size() const { return to - from; }
};

// The columns of [from, to) in strips. The first has `first` columns, if that is not zero.
struct Strips {
  int from, to, first;
  int64_t count() const { return (first > 0) + (to - from - first + kStrip - 1) / kStrip; }
  Range operator[](int64_t i) const {
    if (first > 0 && i == 0) return {from, from + first};
    const int start = from + first + int(i - (first > 0)) * kStrip;
    return {start, std::min(start + kStrip, to)};
  }
};

template <class T> inline constexpr char kAdjoint = is_complex_type<T> ? 'C' : 'T';
template <class T> T* at(T* a, int lead, int row, int column) { return a + int64_t(column) * lead + row; }

// c (rows x columns) -= op(a) op(b), with `inner` terms
template <class T> void subtract(char of_a, char of_b, int rows, int columns, int inner, const T* a,
                                 int lead_a, const T* b, int lead_b, T* c, int lead_c) {
  if (rows > 0 && columns > 0)
    call<"gemm", T>(of_a, of_b, rows, columns, inner, T(-1), a, lead_a, b, lead_b, T(1), c, lead_c);
}
// b (rows x columns) := op(a)^-1 b or b op(a)^-1, a block of the triangle after the other: the products
// between them are faster than a library's solution of the whole.
template <class T> void triangle(char side, char part, char transposed, char diagonal, int rows, int columns,
                                 const T* a, int lead_a, T* b, int lead) {
  if (rows <= 0 || columns <= 0) return;
  const bool left = side == 'L', turned = transposed != 'N';
  const int order = left ? rows : columns, blocks = (order + kBlock - 1) / kBlock;
  const bool forward = (part == 'L') == (turned != left);  // which block depends on no other
  for (int step = 0; step < blocks; ++step) {
    const int i = (forward ? step : blocks - 1 - step) * kBlock, next = std::min(i + kBlock, order),
              width = next - i, from = forward ? next : 0, rest = forward ? order - next : i;
    const T* const corner = at(a, lead_a, i, i);
    // What the unknowns of this block are multiplied with in the rows (columns) that are left.
    const T* const beside = turned == left ? at(a, lead_a, i, from) : at(a, lead_a, from, i);
    if (left) {
      call<"trsm", T>('L', part, transposed, diagonal, width, columns, T(1), corner, lead_a, b + i, lead);
      subtract(transposed, 'N', rest, columns, width, beside, lead_a, b + i, lead, b + from, lead);
    } else {
      T* const solved = at(b, lead, 0, i);
      call<"trsm", T>('R', part, transposed, diagonal, rows, width, T(1), corner, lead_a, solved, lead);
      subtract('N', transposed, rows, rest, width, solved, lead, beside, lead_a, at(b, lead, 0, from), lead);
    }
  }
}

// Reflections that lie below the diagonal of a block, as one: I - V t V^H.
template <class T> struct Reflections {
  int m, j, width;  // of the matrix; first column and number
  const T* v;
  const T* t;  // width x width, kBlock apart
  // c: columns of the whole matrix, m apart
  void apply(char transposed, T* c, int columns, std::vector<T>& work) const {
    if (columns <= 0) return;
    work.resize(size_t(columns) * size_t(width));
    call<"larfb", T>('L', transposed, 'F', 'C', m - j, columns, width, at(v, m, j, j), m, t, kBlock,
                     at(c, m, j, 0), m, work.data(), columns);
  }
};

}  // namespace

template <class T> int lu(int m, int n, T* a, int* pivots) {
  const int k = std::min(m, n);
  int info = 0;
  auto factor = [&](int j, int width) {
    int code = 0;
    call<"getrf", T>(m - j, width, at(a, m, j, j), m, pivots + j, &code);
    for (int i = j; i < j + width; ++i) pivots[i] += j;
    if (code > 0 && info == 0) info = j + code;
  };
  factor(0, std::min(kBlock, k));
  for (int j = 0; j < k; j += kBlock) {
    const int next = std::min(j + kBlock, k), width = next - j, ahead = std::min(kBlock, k - next);
    const Strips right{next, n, ahead}, left{0, j, 0};
    parallel_pieces(right.count() + left.count(), [&](int64_t piece) {
      const bool after = piece < right.count();
      const Range r = after ? right[piece] : left[piece - right.count()];
      T* const columns = at(a, m, 0, r.from);
      call<"laswp", T>(r.size(), columns, m, j + 1, next, pivots, 1);
      if (!after) return;
      triangle('L', 'L', 'N', 'U', width, r.size(), at(a, m, j, j), m, columns + j, m);
      subtract('N', 'N', m - next, r.size(), width, at(a, m, next, j), m, columns + j, m, columns + next, m);
      if (piece == 0 && ahead) factor(next, ahead);
    });
  }
  return info;
}

template <class T> int lu_solve(char transposed, int n, int columns, const T* lu, const int* pivots, T* b) {
  const Strips strips{0, columns, 0};
  parallel_pieces(strips.count(), [&](int64_t piece) {
    const Range r = strips[piece];
    T* const x = at(b, n, 0, r.from);
    const bool turned = transposed != 'N';
    if (!turned) call<"laswp", T>(r.size(), x, n, 1, n, pivots, 1);
    triangle('L', turned ? 'U' : 'L', transposed, turned ? 'N' : 'U', n, r.size(), lu, n, x, n);
    triangle('L', turned ? 'L' : 'U', transposed, turned ? 'U' : 'N', n, r.size(), lu, n, x, n);
    if (turned) call<"laswp", T>(r.size(), x, n, 1, n, pivots, -1);
  });
  return 0;
}

template <class T> int cholesky(char part, int n, T* a) {
  const bool lower = part == 'L';
  const char how = kAdjoint<T>;
  for (int j = 0; j < n; j += kBlock) {
    const int next = std::min(j + kBlock, n), width = next - j;
    const T* const corner = at(a, n, j, j);
    int code = 0;
    call<"potrf", T>(part, width, at(a, n, j, j), n, &code);
    if (code) return j + code;
    const Strips strips{next, n, 0};
    parallel_pieces(strips.count(), [&](int64_t piece) {
      const Range r = strips[piece];
      if (lower) triangle('R', 'L', how, 'N', r.size(), width, corner, n, at(a, n, r.from, j), n);
      else triangle('L', 'U', how, 'N', width, r.size(), corner, n, at(a, n, j, r.from), n);
    });
    parallel_pieces(strips.count(), [&](int64_t piece) {
      const Range r = strips[piece];
      const T* const own = lower ? at(a, n, r.from, j) : at(a, n, j, r.from);
      const char form = lower ? 'N' : how;
      call_either<"syrk", "herk", T>(part, form, r.size(), width, Real<T>(-1), own, n, Real<T>(1),
                                     at(a, n, r.from, r.from), n);
      if (lower)
        subtract('N', how, n - r.to, r.size(), width, at(a, n, r.to, j), n, own, n, at(a, n, r.to, r.from),
                 n);
      else
        subtract(how, 'N', r.from - next, r.size(), width, at(a, n, j, next), n, own, n,
                 at(a, n, next, r.from), n);
    });
  }
  return 0;
}

template <class T> int qr(int m, int n, T* a, T* tau) {
  const int k = std::min(m, n);
  std::vector<T> now(size_t(kBlock) * kBlock), later(size_t(kBlock) * kBlock);
  auto factor = [&](int j, int width, std::vector<T>& t) {
    int info = 0;
    call<"geqrt3", T>(m - j, width, at(a, m, j, j), m, t.data(), kBlock, &info);
    for (int i = 0; i < width; ++i) tau[j + i] = t[size_t(i) * kBlock + size_t(i)];
  };
  factor(0, std::min(kBlock, k), now);
  for (int j = 0; j < k; j += kBlock) {
    const int next = std::min(j + kBlock, k), ahead = std::min(kBlock, k - next);
    const Strips right{next, n, ahead};
    const Reflections<T> block{m, j, next - j, a, now.data()};
    parallel_pieces(right.count(), [&](int64_t piece) {
      std::vector<T> work;
      const Range r = right[piece];
      block.apply(kAdjoint<T>, at(a, m, 0, r.from), r.size(), work);
      if (piece == 0 && ahead) factor(next, ahead, later);
    });
    now.swap(later);
  }
  return 0;
}

template <class T> int form_q(int m, int n, int k, T* a, const T* tau) {
  for (int c = k; c < n; ++c) {
    std::fill_n(at(a, m, 0, c), m, T{});
    *at(a, m, c, c) = T(1);
  }
  std::vector<T> t(size_t(kBlock) * kBlock);
  // The columns of a block become those of Q once its reflections have been applied to all behind it.
  auto form = [&](int j, int width, std::vector<T>& work) {
    work.resize(size_t(kBlock) * kBlock);
    int info = 0;
    call_either<"orgqr", "ungqr", T>(m - j, width, width, at(a, m, j, j), m, tau + j, work.data(),
                                     int(work.size()), &info);
    for (int c = j; c < j + width; ++c) std::fill_n(at(a, m, 0, c), j, T{});
  };
  std::vector<T> own;
  for (int j = (k - 1) / kBlock * kBlock; j >= 0; j -= kBlock) {
    const int next = std::min(j + kBlock, k), behind = std::min(kBlock, k - next);
    call<"larft", T>('F', 'C', m - j, next - j, at(a, m, j, j), m, tau + j, t.data(), kBlock);
    const Strips right{next, n, behind};
    const Reflections<T> block{m, j, next - j, a, t.data()};
    parallel_pieces(right.count(), [&](int64_t piece) {
      std::vector<T> work;
      const Range r = right[piece];
      if (piece == 0 && behind) form(next, behind, work);
      block.apply('N', at(a, m, 0, r.from), r.size(), work);
    });
  }
  form(0, std::min(kBlock, k), own);
  return 0;
}

template <class T> int apply_q(char transposed, int m, int n, int k, const T* a, const T* tau, T* c) {
  const Strips strips{0, n, 0};
  parallel_pieces(strips.count(), [&](int64_t piece) {
    const Range r = strips[piece];
    Room<T> room;
    room.use([&](T* work, int length) {
      int info = 0;
      call_either<"ormqr", "unmqr", T>('L', transposed, m, r.size(), k, a, m, tau, at(c, m, 0, r.from), m,
                                       work, length, &info);
      return info;
    });
  });
  return 0;
}

template <class T> void solve_triangle(char side, char part, char transposed, char diagonal, int m, int n,
                                       const T* a, int lead, T* b, int lead_b) {
  const bool left = side == 'L';
  const Strips strips{0, left ? n : m, 0};
  parallel_pieces(strips.count(), [&](int64_t piece) {
    const Range r = strips[piece];
    if (left)
      triangle('L', part, transposed, diagonal, m, r.size(), a, lead, at(b, lead_b, 0, r.from), lead_b);
    else triangle('R', part, transposed, diagonal, r.size(), n, a, lead, b + r.from, lead_b);
  });
}

#define FOR_TYPE(T)                                                     \
  template int lu<T>(int, int, T*, int*);                               \
  template int lu_solve<T>(char, int, int, const T*, const int*, T*);   \
  template int cholesky<T>(char, int, T*);                              \
  template int qr<T>(int, int, T*, T*);                                 \
  template int form_q<T>(int, int, int, T*, const T*);                  \
  template int apply_q<T>(char, int, int, int, const T*, const T*, T*); \
  template void solve_triangle<T>(char, char, char, char, int, int, const T*, int, T*, int);
FOR_TYPE(float)
FOR_TYPE(double)
FOR_TYPE(Complex<float>)
FOR_TYPE(Complex<double>)

}  // namespace facula::lapack::blocked
