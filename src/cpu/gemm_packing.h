// How the operands of a product are laid out for the register tiles of blocks/gemm.cpp: panels of kRows rows
// of the left one and of kWidth columns of the right one, k-major.
#pragma once
#include <cstring>
#include <type_traits>
#include "cpu/vectors.h"

namespace facula {
inline namespace FACULA_ISA {
namespace {

constexpr int kRows = kVectorBytes == 64 ? 8 : kVectorBytes == 32 ? 6 : 4;
constexpr int kColumns = 2;  // vectors in a row of a tile
template <class T> constexpr int kLanes = kVectorLanes<T>;

#define INLINE [[gnu::always_inline]] inline

template <class T> constexpr int kWidth = kColumns* kLanes<T>;  // elements in a row of a tile

// L x L elements: row r of the result is column r. Each round interleaves the first half of the rows with the
// second.
template <class T> INLINE void transpose_square(Vec<T> (&rows)[kLanes<T>]) {
  constexpr int L = kLanes<T>;
  using Index = Vec<std::conditional_t<sizeof(T) == 4, int32_t, int64_t>>;
  Index low, high;
#pragma GCC unroll 16
  for (int l = 0; l < L; ++l) {
    low[l] = l / 2 + (l % 2) * L;
    high[l] = low[l] + L / 2;
  }
#pragma GCC unroll 4
  for (int round = 1; round < L; round *= 2) {
    Vec<T> next[L];
#pragma GCC unroll 8
    for (int i = 0; i < L / 2; ++i) {
      next[2 * i] = __builtin_shuffle(rows[i], rows[i + L / 2], low);
      next[2 * i + 1] = __builtin_shuffle(rows[i], rows[i + L / 2], high);
    }
#pragma GCC unroll 16
    for (int i = 0; i < L; ++i) rows[i] = next[i];
  }
}

// to[p * width + r] = from[r * stride + p] for r < count <= width; lanes from count up to the next vector are
// zero.
template <class T>
void pack_transposed(const T* from, int64_t stride, int count, int64_t k, T* to, int width) {
  constexpr int L = kLanes<T>;
  for (int r0 = 0; r0 < count; r0 += L) {
    const int here = count - r0 < L ? count - r0 : L;
    // A vector written past the panel's width is overwritten by the next row; the last rows are written in
    // part.
    const int room = width - r0 < L ? width - r0 : L;
    for (int64_t p = 0; p < k; p += L) {
      const int depth = k - p < L ? int(k - p) : L;
      Vec<T> rows[L] = {};
      const T* source = from + r0 * stride + p;
      if (here == L && depth == L) {
#pragma GCC unroll 16
        for (int r = 0; r < L; ++r) rows[r] = load(source + r * stride);
      } else {
#pragma GCC unroll 16
        for (int r = 0; r < L; ++r)
          if (r < here) rows[r] = load_part(source + r * stride, depth);
      }
      transpose_square<T>(rows);
      T* out = to + p * width + r0;
      if (room == L && depth == L) {
#pragma GCC unroll 16
        for (int r = 0; r < L; ++r) store(out + r * width, rows[r]);
      } else {
#pragma GCC unroll 16
        for (int r = 0; r < L; ++r)
          if (r < depth) store_part(out + r * width, rows[r], room);
      }
    }
  }
}

// One panel: to[p * width + r] = from[r * across + p * along], zero for r >= count.
template <class T>
void pack_panel(const T* from, int64_t across, int64_t along, int count, int64_t k, T* to, int width) {
  if (along == 1 && across != 1) {
    const int written = (count + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
    for (int64_t p = 0; p < k && written < width; ++p)
      for (int r = written; r < width; ++r) to[p * width + r] = T(0);
    return pack_transposed(from, across, count, k, to, width);
  }
  if (k == 0) return;
  for (int64_t p = 0; p < k; ++p, from += along, to += width) {
    if (across == 1 && width % kLanes<T> == 0) {
      for (int r = 0; r < width; r += kLanes<T>)
        store(to + r,
              r < count ? load_part(from + r, count - r < kLanes<T> ? count - r : kLanes<T>) : Vec<T>{});
    } else if (across == 1 && count == width) {
      std::memcpy(to, from, sizeof(T) * width);
    } else {
      for (int r = 0; r < count; ++r) to[r] = from[r * across];
      for (int r = count; r < width; ++r) to[r] = T(0);
    }
  }
}

template <class T> void pack_a(const T* a, int64_t row, int64_t col, int64_t m, int64_t k, T* to) {
  constexpr int L = kLanes<T>;
  int64_t i = 0;
  if constexpr (L == 2 * kRows) {  // a square of elements is two panels side by side
    if (col == 1)
      for (; i + L <= m; i += L, to += L * k) {
        int64_t p = 0;
        for (; p + L <= k; p += L) {
          Vec<T> rows[L];
#pragma GCC unroll 16
          for (int r = 0; r < L; ++r) rows[r] = load(a + (i + r) * row + p);
          transpose_square<T>(rows);
#pragma GCC unroll 16
          for (int r = 0; r < L; ++r) {
            Vec<T, kVectorBytes / 2> halves[2];
            std::memcpy(halves, &rows[r], sizeof halves);
            std::memcpy(to + (p + r) * kRows, &halves[0], sizeof halves[0]);
            std::memcpy(to + (k + p + r) * kRows, &halves[1], sizeof halves[1]);
          }
        }
        for (int half = 0; half < 2; ++half)
          pack_panel(a + (i + half * kRows) * row + p, row, col, kRows, k - p, to + (half * k + p) * kRows,
                     kRows);
      }
  }
  if (row == 1 && i == 0) {  // columns in the order they lie in, of few panels: all may share one cache set
    constexpr int64_t kTogether = 4;
    const int64_t whole = m / kRows;
    for (int64_t first = 0; first < whole; first += kTogether) {
      const int64_t panels = whole - first < kTogether ? whole - first : kTogether;
      const T* from = a + first * kRows;
      T* out = to + first * k * kRows;
      for (int64_t p = 0; p < k; ++p, from += col, out += kRows)
        for (int64_t panel = 0; panel < panels; ++panel)
          std::memcpy(out + panel * k * kRows, from + panel * kRows, sizeof(T) * kRows);
    }
    i = whole * kRows;
    to += whole * kRows * k;
  }
  for (; i < m; i += kRows, to += kRows * k)
    pack_panel(a + i * row, row, col, int(m - i < kRows ? m - i : kRows), k, to, kRows);
}

template <class T> void pack_b(const T* b, int64_t row, int64_t col, int64_t k, int64_t n, T* to) {
  constexpr int64_t L = kLanes<T>;
  const int64_t whole = col == 1 ? n / kWidth<T> : 0;
  for (int64_t p = 0; p < k && whole > 0; ++p)  // rows in the order they lie in
    for (int64_t panel = 0; panel < whole; ++panel)
#pragma GCC unroll 2
      for (int v = 0; v < kColumns; ++v)
        store(to + (panel * k + p) * kWidth<T> + v * L, load(b + p * row + panel * kWidth<T> + v * L));
  to += whole * kWidth<T> * k;
  for (int64_t j = whole * kWidth<T>; j < n; j += kWidth<T>, to += kWidth<T> * k)
    pack_panel(b + j * col, col, row, int(n - j < kWidth<T> ? n - j : kWidth<T>), k, to, kWidth<T>);
}

#undef INLINE

}  // namespace
}  // namespace FACULA_ISA
}  // namespace facula
