// Register tiles for float and double, compiled once per instruction set. Threads, splitting and other dtypes
// are in gemm.cpp. Every element of a product is one chain of fused multiply-adds over k (in passes of
// kInner), or one vector of such chains where rows of both operands are read along k; which of the two is
// decided by sizes and strides alone.
#include <cstring>
#include <type_traits>
#include "cpu/gemm_kernels.h"
#include "cpu/gemm_packing.h"

namespace facula {
inline namespace FACULA_ISA {
namespace {

#define INLINE [[gnu::always_inline]] inline

// Where a tile's result goes, and how.
enum class Mode { Set, Add, Scale, Mix };  // v, v + d, alpha v, alpha v + beta d
template <class T> struct Target {
  Target(const Product<T>& p)
      : c(p.c), c_row(p.c_row), d(p.d), d_row(p.d_row), alpha(p.alpha), beta(p.beta), mode(choose()) {}
  Mode choose() const {
    if (beta == T(0)) return alpha == T(1) ? Mode::Set : Mode::Scale;
    return alpha == T(1) && beta == T(1) ? Mode::Add : Mode::Mix;
  }
  void move(int64_t rows, int64_t columns) {
    c += rows * c_row + columns;
    d += rows * d_row + columns;
  }
  void add_to_result() {  // the later passes over k
    d = c;
    d_row = c_row;
    beta = T(1);
    mode = choose();
  }
  T one(T v, int64_t row, int64_t column) const {
    if (mode == Mode::Set) return v;
    v *= alpha;
    return beta == T(0) ? v : v + beta * d[row * d_row + column];
  }

  T* c;
  int64_t c_row;
  const T* d;
  int64_t d_row;
  T alpha, beta;
  Mode mode;
};

// M x N vectors of c, the last column of vectors with `part` lanes if Part. `a` is read one element at a time
// with any strides, `b` in rows of vectors.
template <class T, int M, int N, bool Part>
[[gnu::noinline]] void tile(int64_t k, const T* a, int64_t a_row, int64_t a_col, const T* b, int64_t b_row,
                            int part, const Target<T>& out) {
  Vec<T> sums[M][N] = {};
  if (k >= 128)  // time enough to fetch what the sums are stored over
#pragma GCC unroll 16
    for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) __builtin_prefetch(out.c + i * out.c_row + j * kLanes<T>, 1);
#pragma GCC unroll 1
  for (int64_t p = 0; p < k; ++p) {
    Vec<T> row[N];
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j)
      row[j] = Part && j == N - 1 ? load_part(b + j * kLanes<T>, part) : load(b + j * kLanes<T>);
#pragma GCC unroll 16
    for (int i = 0; i < M; ++i) {
      const T s = a[i * a_row];
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) sums[i][j] += row[j] * s;
    }
    a += a_col;
    b += b_row;
  }
  auto finish = [&](auto&& result) [[gnu::always_inline]] {
#pragma GCC unroll 16
    for (int i = 0; i < M; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) {
        const bool last = Part && j == N - 1;
        const T* d = out.d + i * out.d_row + j * kLanes<T>;
        T* c = out.c + i * out.c_row + j * kLanes<T>;
        const Vec<T> v =
            result(sums[i][j], [&]() [[gnu::always_inline]] { return last ? load_part(d, part) : load(d); });
        if (last) store_part(c, v, part);
        else store(c, v);
      }
  };
  switch (out.mode) {
    case Mode::Set: return finish([](Vec<T> v, auto&&) [[gnu::always_inline]] { return v; });
    case Mode::Add: return finish([](Vec<T> v, auto&& old) [[gnu::always_inline]] { return v + old(); });
    case Mode::Scale: return finish([&](Vec<T> v, auto&&) [[gnu::always_inline]] { return v * out.alpha; });
    default:
      return finish([&](Vec<T> v, auto&& old)
                        [[gnu::always_inline]] { return v * out.alpha + old() * out.beta; });
  }
}

template <class T>
using TileFn = void (*)(int64_t, const T*, int64_t, int64_t, const T*, int64_t, int, const Target<T>&);
// [rows - 1][vectors - 1][last vector is partial]
template <class T, int... M> struct Tiles {
  static constexpr TileFn<T> of[sizeof...(M)][kColumns][2] = {
      {{tile<T, M + 1, 1, false>, tile<T, M + 1, 1, true>},
       {tile<T, M + 1, 2, false>, tile<T, M + 1, 2, true>}}...};
};
#if defined(__AVX512F__)
template <class T> using AllTiles = Tiles<T, 0, 1, 2, 3, 4, 5, 6, 7>;
#elif defined(__AVX2__)
template <class T> using AllTiles = Tiles<T, 0, 1, 2, 3, 4, 5>;
#else
template <class T> using AllTiles = Tiles<T, 0, 1, 2, 3>;
#endif

// All rows of a against one panel of b, at most kWidth columns. a_panel is the distance between groups of
// kRows.
template <class T> INLINE void column_of_tiles(int64_t m, int columns, int64_t k, const T* a, int64_t a_panel,
                                               int64_t a_row, int64_t a_col, const T* b, int64_t b_row,
                                               Target<T> out) {
  const int vectors = (columns + kLanes<T> - 1) / kLanes<T>, part = columns - (vectors - 1) * kLanes<T>;
  const bool is_part = part != kLanes<T>;
  const TileFn<T> whole = AllTiles<T>::of[kRows - 1][vectors - 1][is_part];
  for (; m >= kRows; m -= kRows) {
    whole(k, a, a_row, a_col, b, b_row, part, out);
    a += a_panel;
    out.move(kRows, 0);
  }
  if (m) AllTiles<T>::of[m - 1][vectors - 1][is_part](k, a, a_row, a_col, b, b_row, part, out);
}

template <class T> void packed(const Product<T>& p) {
  Target<T> out(p);
  const T* b = p.b;
  for (int64_t j = 0; j < p.n; j += kWidth<T>, b += kWidth<T> * p.k) {
    const int columns = int(p.n - j < kWidth<T> ? p.n - j : kWidth<T>);
    column_of_tiles<T>(p.m, columns, p.k, p.a, kRows * p.k, 1, kRows, b, kWidth<T>, out);
    out.move(0, kWidth<T>);
  }
}

// ---- Products read along k in both operands

template <class T, int Bytes> INLINE auto narrow(Vec<T, Bytes> v) {  // down to 16 bytes, halves added
  if constexpr (Bytes == 16) {
    return v;
  } else {
    Vec<T, Bytes / 2> halves[2];
    std::memcpy(halves, &v, sizeof v);
    return narrow<T, Bytes / 2>(halves[0] + halves[1]);
  }
}
template <class T> INLINE T add_lanes(Vec<T> v) {
  const auto x = narrow<T, kVectorBytes>(v);
  if constexpr (sizeof(T) == 4) return (x[0] + x[2]) + (x[1] + x[3]);
  else return x[0] + x[1];
}
// x and y pairwise: of each group of 2 w lanes, w sums of x's and then w of y's.
template <class T, int W> INLINE Vec<T> add_pairs(Vec<T> x, Vec<T> y) {
  using Index = Vec<std::conditional_t<sizeof(T) == 4, int32_t, int64_t>>;
  Index even{}, odd{};
#pragma GCC unroll 16
  for (int l = 0; l < kLanes<T>; ++l) {
    even[l] = l / (2 * W) * (2 * W) + l % W + (l / W % 2) * kLanes<T>;
    odd[l] = even[l] + W;
  }
  return __builtin_shuffle(x, y, even) + __builtin_shuffle(x, y, odd);
}
template <class T, int N> INLINE void add_lanes_of(const Vec<T>* v, T* sums) {
  if constexpr (N == 4) {
    if constexpr (sizeof(T) == 4) {
      const auto four =
          narrow<T, kVectorBytes>(add_pairs<T, 1>(add_pairs<T, 2>(v[0], v[2]), add_pairs<T, 2>(v[1], v[3])));
      std::memcpy(sums, &four, sizeof four);
    } else {
      const auto low = narrow<T, kVectorBytes>(add_pairs<T, 1>(v[0], v[1]));
      const auto high = narrow<T, kVectorBytes>(add_pairs<T, 1>(v[2], v[3]));
      std::memcpy(sums, &low, sizeof low);
      std::memcpy(sums + 2, &high, sizeof high);
    }
  } else {
    for (int i = 0; i < N; ++i) sums[i] = add_lanes<T>(v[i]);
  }
}

template <class T, int M, int N> [[gnu::noinline]] void dots(int64_t k, const T* a, int64_t a_row, const T* b,
                                                             int64_t b_col, const Target<T>& out) {
  constexpr int L = kLanes<T>;
  Vec<T> sums[M][N] = {};
  int64_t p = 0;
  auto step = [&](auto&& get) [[gnu::always_inline]] {
    Vec<T> x[M];
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i) x[i] = get(a + i * a_row + p);
#pragma GCC unroll 4
    for (int j = 0; j < N; ++j) {
      const Vec<T> y = get(b + j * b_col + p);
#pragma GCC unroll 4
      for (int i = 0; i < M; ++i) sums[i][j] += x[i] * y;
    }
  };
#pragma GCC unroll 1
  for (; p + L <= k; p += L) step([](const T* q) [[gnu::always_inline]] { return load(q); });
  if (p < k) {
    const int rest = int(k - p);
    step([rest](const T* q) [[gnu::always_inline]] { return load_part(q, rest); });
  }
#pragma GCC unroll 4
  for (int i = 0; i < M; ++i) {
    T total[N];
    add_lanes_of<T, N>(sums[i], total);
    T* c = out.c + i * out.c_row;
    if (out.mode == Mode::Set) {
      std::memcpy(c, total, sizeof total);
    } else {
#pragma GCC unroll 4
      for (int j = 0; j < N; ++j) c[j] = out.one(total[j], i, j);
    }
  }
}

template <class T> using DotsFn = void (*)(int64_t, const T*, int64_t, const T*, int64_t, const Target<T>&);
template <class T>
constexpr DotsFn<T> kDots[2][4] = {{dots<T, 1, 1>, dots<T, 1, 2>, dots<T, 1, 3>, dots<T, 1, 4>},
                                   {dots<T, 2, 1>, dots<T, 2, 2>, dots<T, 2, 3>, dots<T, 2, 4>}};

template <class T> void along_inner(const Product<T>& p) {
  for (int64_t i = 0; i < p.m; i += 2) {
    const int rows = p.m - i < 2 ? 1 : 2;
    Target<T> out(p);
    out.move(i, 0);
    for (int64_t j = 0; j < p.n; j += 4) {
      const int columns = p.n - j < 4 ? int(p.n - j) : 4;
      kDots<T>[rows - 1][columns - 1](p.k, p.a + i * p.a_row, p.a_row, p.b + j * p.b_col, p.b_col, out);
      out.move(0, 4);
    }
  }
}

template <class T> T dot(const T* x, const T* y, int64_t n) {
  constexpr int L = kLanes<T>, U = 8;
  Vec<T> sums[U] = {};
  int64_t i = 0;
  for (; i + U * L <= n; i += U * L)
#pragma GCC unroll 8
    for (int u = 0; u < U; ++u) sums[u] += load(x + i + u * L) * load(y + i + u * L);
  for (int u = 0; i < n; i += L, ++u) {
    const int count = n - i < L ? int(n - i) : L;
    sums[u] += load_part(x + i, count) * load_part(y + i, count);
  }
  return add_lanes<T>(((sums[0] + sums[1]) + (sums[2] + sums[3])) +
                      ((sums[4] + sums[5]) + (sums[6] + sums[7])));
}

// ---- One row times a matrix whose rows are contiguous: eight rows at a time pass over c, which stays in
// cache.

template <class T, int Rows>
INLINE void add_rows(const T* a, int64_t a_col, const T* b, int64_t b_row, int64_t n, T* sums) {
  constexpr int64_t L = kLanes<T>;
  Vec<T> s[Rows];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) s[r] = Vec<T>{} + a[r * a_col];
  for (int64_t j = 0; j < n; j += L) {
    const int count = n - j < L ? int(n - j) : int(L);
    Vec<T> v = load(sums + j);
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      const T* from = b + r * b_row + j;
      v += (count == L ? load(from) : load_part(from, count)) * s[r];
    }
    store(sums + j, v);
  }
}

template <class T> void row_times_matrix(const Product<T>& p) {
  constexpr int64_t L = kLanes<T>, kStrip = 8192 / sizeof(T);
  T sums[kStrip] __attribute__((aligned(64)));
  const Target<T> out(p);
  for (int64_t j = 0; j < p.n; j += kStrip) {
    const int64_t columns = p.n - j < kStrip ? p.n - j : kStrip;
    for (int64_t l = 0; l < columns; l += L) store(sums + l, Vec<T>{});
    const T* b = p.b + j;
    int64_t q = 0;
    for (; q + 8 <= p.k; q += 8)
      add_rows<T, 8>(p.a + q * p.a_col, p.a_col, b + q * p.b_row, p.b_row, columns, sums);
    for (; q < p.k; ++q) add_rows<T, 1>(p.a + q * p.a_col, p.a_col, b + q * p.b_row, p.b_row, columns, sums);
    if (out.mode == Mode::Set) std::memcpy(p.c + j, sums, columns * sizeof(T));
    else
      for (int64_t l = 0; l < columns; ++l) p.c[j + l] = out.one(sums[l], 0, j + l);
  }
}

// ---- The choice

// b's rows are contiguous, or are packed on the way, one panel at a time.
template <class T> void by_panels(const Product<T>& p, bool pack) {
  T panel[kInner * kWidth<T>] __attribute__((aligned(64)));
  for (int64_t j = 0; j < p.n; j += kWidth<T>) {
    const int columns = int(p.n - j < kWidth<T> ? p.n - j : kWidth<T>);
    Target<T> out(p);
    out.move(0, j);
    int64_t i = 0;
    do {  // once for k = 0, which leaves beta * d
      const int64_t depth = p.k - i < kInner ? p.k - i : kInner;
      const T* b = p.b + i * p.b_row + j * p.b_col;
      int64_t b_row = p.b_row;
      if (pack) {
        pack_panel(b, p.b_col, p.b_row, columns, depth, panel, kWidth<T>);
        b = panel;
        b_row = kWidth<T>;
      }
      column_of_tiles<T>(p.m, columns, depth, p.a + i * p.a_col, kRows * p.a_row, p.a_row, p.a_col, b, b_row,
                         out);
      out.add_to_result();
    } while ((i += kInner) < p.k);
  }
}

// c's transpose is the wide one: computed aside, strip by strip, and written across.
template <class T> void transposed(const Product<T>& p) {
  constexpr int kStrip = 4 * kLanes<T>;
  T strip[kLanes<T> * kStrip];
  const Target<T> out(p);
  for (int64_t i = 0; i < p.m; i += kStrip) {
    const int64_t rows = p.m - i < kStrip ? p.m - i : kStrip;
    by_panels<T>({p.n, rows, p.k, p.b, p.b_col, p.b_row, p.a + i * p.a_row, p.a_col, p.a_row, strip, kStrip,
                  strip, kStrip, T(1), T(0)},
                 false);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t j = 0; j < p.n; ++j) p.c[(i + r) * p.c_row + j] = out.one(strip[j * kStrip + r], i + r, j);
  }
}

template <class T> void serial(const Product<T>& p) {
  constexpr int64_t L = kLanes<T>;
  const bool a_along = p.a_col == 1 || p.k == 1, b_along = p.b_row == 1 || p.k == 1;
  const bool b_across = p.b_col == 1 || p.n == 1;
  // Costs in vector operations, roughly.
  const int64_t vectors = (p.n + L - 1) / L;
  if (a_along && b_along && p.k > 1) {
    const int64_t by_dots = p.m * p.n * ((p.k + L - 1) / L + 5);
    const int64_t by_tiles = p.m * vectors * p.k + (b_across ? 0 : vectors * ((p.k + L - 1) / L) * L * 6);
    if (by_dots < by_tiles) return along_inner(p);
  }
  if (b_across) {
    if (p.m == 1 && p.n > 2 * kWidth<T>) return row_times_matrix(p);
    if (p.n <= L / 2 && p.m >= L) {
      if (p.a_row == 1) return transposed(p);
      if (a_along && p.k >= L) {  // few columns: make them rows
        T columns[L / 2 * kInner];
        if (p.k <= kInner) {
          for (int64_t i = 0; i < p.k; ++i)
            for (int64_t j = 0; j < p.n; ++j) columns[j * p.k + i] = p.b[i * p.b_row + j];
          Product<T> q = p;
          q.b = columns;
          q.b_row = 1;
          q.b_col = p.k;
          return along_inner(q);
        }
      }
    }
    // A panel whose rows lie far apart misses the first-level cache again for every group of rows.
    const bool far = p.m > 2 * kRows && p.k * p.b_row * int64_t(sizeof(T)) > 32768;
    return by_panels(p, far);
  }
  by_panels(p, true);
}

// ---- Integers: wrap around as the type does, so the order of additions is free. b's rows are contiguous.

template <class T> void integers(const Product<T>& p) {
  constexpr int64_t kStrip = 2048 / sizeof(T);
  T sums[kStrip];
  for (int64_t j = 0; j < p.n; j += kStrip) {
    const int64_t columns = p.n - j < kStrip ? p.n - j : kStrip;
    for (int64_t i = 0; i < p.m; ++i) {
      for (int64_t l = 0; l < columns; ++l) sums[l] = 0;
      const T* a = p.a + i * p.a_row;
      const T* b = p.b + j;
      int64_t q = 0;
      for (; q + 4 <= p.k; q += 4, a += 4 * p.a_col, b += 4 * p.b_row) {
        const T s0 = a[0], s1 = a[p.a_col], s2 = a[2 * p.a_col], s3 = a[3 * p.a_col];
        const T *b1 = b + p.b_row, *b2 = b1 + p.b_row, *b3 = b2 + p.b_row;
#pragma GCC ivdep
        for (int64_t l = 0; l < columns; ++l)
          sums[l] = T(sums[l] + s0 * b[l] + s1 * b1[l] + s2 * b2[l] + s3 * b3[l]);
      }
      for (; q < p.k; ++q, a += p.a_col, b += p.b_row)
        for (int64_t l = 0; l < columns; ++l) sums[l] = T(sums[l] + a[0] * b[l]);
      T* c = p.c + i * p.c_row + j;
      if (p.beta == 0) {
        for (int64_t l = 0; l < columns; ++l) c[l] = T(p.alpha * sums[l]);
      } else {
        const T* d = p.d + i * p.d_row + j;
        for (int64_t l = 0; l < columns; ++l) c[l] = T(p.alpha * sums[l] + p.beta * d[l]);
      }
    }
  }
}

template <class T> constexpr ProductKernels<T> kernels_for() {
  return {kRows, kWidth<T>, serial<T>, pack_a<T>, pack_b<T>, packed<T>, dot<T>};
}
constexpr GemmKernels kernels{kernels_for<float>(), kernels_for<double>(), integers<uint8_t>,
                              integers<int8_t>,     integers<int16_t>,     integers<int32_t>,
                              integers<int64_t>};
#undef INLINE

}  // namespace

extern const GemmKernels* const gemm_kernels;
const GemmKernels* const gemm_kernels = &kernels;

}  // namespace FACULA_ISA
}  // namespace facula
