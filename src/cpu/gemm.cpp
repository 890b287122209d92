// How a product is cut: into what a single thread does best, and into pieces for the pool. Nothing here
// depends on the number of threads: pieces are cut by size alone, and no piece adds to another's result.
#include "cpu/gemm.h"
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>
#include "core/parallel.h"
#include "cpu/isa.h"

namespace facula {

FACULA_BY_ISA(GemmKernels, gemm_kernels)

namespace {

const GemmKernels& table() {
  static const GemmKernels& best = best_gemm_kernels();
  return best;
}
template <class T> const ProductKernels<T>& kernels() {
  if constexpr (std::is_same_v<T, float>) return table().f32;
  else return table().f64;
}

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Memory for packed panels, kept by the thread that calls: fresh pages cost as much as packing into them.
// Null where there is none: throwing is for the thread that started the product.
template <class T> T* scratch(int64_t elements) {
  struct Block {
    void* memory = nullptr;
    size_t bytes = 0;
    ~Block() { std::free(memory); }
  };
  static thread_local Block block;
  const size_t wanted = (elements * sizeof(T) + 4095) / 4096 * 4096;
  if (block.bytes < wanted) {
    std::free(block.memory);
    block.bytes = 0;
    block.memory = std::aligned_alloc(4096, wanted);
    if (!block.memory) return nullptr;
    block.bytes = wanted;
  }
  return static_cast<T*>(block.memory);
}

template <class T> Product<T> rows_of(Product<T> p, int64_t first, int64_t count) {
  p.m = count;
  p.a += first * p.a_row;
  p.c += first * p.c_row;
  p.d += first * p.d_row;
  return p;
}
template <class T> Product<T> columns_of(Product<T> p, int64_t first, int64_t count) {
  p.n = count;
  p.b += first * p.b_col;
  p.c += first;
  p.d += first;
  return p;
}

template <class T> void in_rows(const Product<T>& p, int64_t rows, void (*run)(const Product<T>&)) {
  parallel_pieces(ceil_div(p.m, rows),
                  [&](int64_t i) { run(rows_of(p, i * rows, std::min(rows, p.m - i * rows))); });
}
template <class T> void in_columns(const Product<T>& p, int64_t columns, void (*run)(const Product<T>&)) {
  parallel_pieces(ceil_div(p.n, columns),
                  [&](int64_t j) { run(columns_of(p, j * columns, std::min(columns, p.n - j * columns))); });
}

// Both operands are packed, a block at a time, for everybody; then tiles of c are handed out.
template <class T> void in_blocks(const Product<T>& p) {
  constexpr int64_t kSide = 4096;  // of a block
  const auto& kernel = kernels<T>();
  // A few tiles' rows of a, in the second-level cache: as many for every piece.
  const int64_t most = 96 / kernel.tile_rows * kernel.tile_rows, down = ceil_div(p.m, most);
  const int64_t tile_rows = ceil_div(ceil_div(p.m, down), kernel.tile_rows) * kernel.tile_rows;
  const int64_t tile_columns = p.m * p.n > 1024 * 1024 ? 512 : 128;
  const int64_t a_side = ceil_div(std::min(kSide, p.m), tile_rows) * tile_rows;
  const int64_t b_side = std::min(kSide, ceil_div(p.n, tile_columns) * tile_columns);
  const int64_t depth_most = std::min(p.k, kInner);
  T* const packed_a = scratch<T>((a_side + b_side) * depth_most);
  if (!packed_a) throw std::bad_alloc();
  T* const packed_b = packed_a + a_side * depth_most;
  for (int64_t j = 0; j < p.n; j += kSide)
    for (int64_t q = 0; q < p.k; q += kInner) {
      const int64_t depth = std::min(kInner, p.k - q), columns = std::min(kSide, p.n - j);
      const int64_t tiles_across = ceil_div(columns, tile_columns);
      for (int64_t i = 0; i < p.m; i += kSide) {
        const int64_t rows = std::min(kSide, p.m - i), tiles_down = ceil_div(rows, tile_rows);
        parallel_pieces(tiles_down + (i == 0 ? tiles_across : 0), [&](int64_t piece) {
          if (piece < tiles_down) {
            const int64_t r = piece * tile_rows;
            kernel.pack_a(p.a + (i + r) * p.a_row + q * p.a_col, p.a_row, p.a_col,
                          std::min(tile_rows, rows - r), depth, packed_a + r * depth);
          } else {
            const int64_t c = (piece - tiles_down) * tile_columns;
            kernel.pack_b(p.b + q * p.b_row + (j + c) * p.b_col, p.b_row, p.b_col, depth,
                          std::min(tile_columns, columns - c), packed_b + c * depth);
          }
        });
        parallel_pieces(tiles_down * tiles_across, [&](int64_t piece) {
          const int64_t r = piece / tiles_across * tile_rows, c = piece % tiles_across * tile_columns;
          Product<T> part = columns_of(rows_of(p, i + r, std::min(tile_rows, rows - r)), j + c,
                                       std::min(tile_columns, columns - c));
          part.k = depth;
          part.a = packed_a + r * depth;
          part.b = packed_b + c * depth;
          if (q > 0) {
            part.d = part.c;
            part.d_row = part.c_row;
            part.beta = T(1);
          }
          kernel.packed(part);
        });
      }
    }
}

// As in_blocks, by one thread, for few rows and columns.
template <class T> void one_block(Product<T> p) {
  const auto& kernel = kernels<T>();
  const int64_t rows = ceil_div(p.m, kernel.tile_rows) * kernel.tile_rows;
  const int64_t columns = ceil_div(p.n, kernel.tile_columns) * kernel.tile_columns;
  const bool worth = p.m >= 16 && p.n >= 16 && p.a_col != 1;  // rows along k are read well as they are
  T* const packed_a = !worth ? nullptr : scratch<T>((rows + columns) * kInner);
  if (!packed_a) return kernel.serial(p);
  T* const packed_b = packed_a + rows * kInner;
  for (int64_t q = 0; q < p.k; q += kInner) {
    Product<T> part = p;
    part.k = std::min(kInner, p.k - q);
    kernel.pack_a(p.a + q * p.a_col, p.a_row, p.a_col, p.m, part.k, packed_a);
    kernel.pack_b(p.b + q * p.b_row, p.b_row, p.b_col, part.k, p.n, packed_b);
    part.a = packed_a;
    part.b = packed_b;
    if (q > 0) {
      part.d = part.c;
      part.d_row = part.c_row;
      part.beta = T(1);
    }
    kernel.packed(part);
  }
}

constexpr int64_t kLongInner = 16384, kSmallResult = 128 * 128;

// A small result with a long sum: parts of the sum side by side, then added in order.
template <class T> void in_depth(const Product<T>& p) {
  const int64_t depth = std::max<int64_t>(8192, ceil_div(p.k, 64)), parts = ceil_div(p.k, depth);
  std::unique_ptr<T[]> sums(new T[parts * p.m * p.n]);
  parallel_pieces(parts, [&](int64_t i) {
    Product<T> q = p;
    q.k = std::min(depth, p.k - i * depth);
    q.a += i * depth * p.a_col;
    q.b += i * depth * p.b_row;
    q.c = sums.get() + i * p.m * p.n;
    q.d = q.c;
    q.c_row = q.d_row = p.n;
    q.alpha = T(1);
    q.beta = T(0);
    one_block(q);
  });
  for (int64_t i = 0; i < p.m; ++i)
    for (int64_t j = 0; j < p.n; ++j) {
      T v = sums[i * p.n + j];
      for (int64_t part = 1; part < parts; ++part) v += sums[(part * p.m + i) * p.n + j];
      v *= p.alpha;
      if (p.beta != T(0)) v += p.beta * p.d[i * p.d_row + j];
      p.c[i * p.c_row + j] = v;
    }
}

// A vector among the operands that does not lie densely, made dense.
template <class T> std::unique_ptr<T[]> dense(const T* x, int64_t n, int64_t step) {
  std::unique_ptr<T[]> copy(new T[n]);
  for (int64_t i = 0; i < n; ++i) copy[i] = x[i * step];
  return copy;
}

template <class T> void floating(Product<T> p) {
  const auto& kernel = kernels<T>();
  std::unique_ptr<T[]> held;
  if (p.n == 1 && p.m > 1) {
    const bool dense_result = p.c_row == 1 && (p.d_row == 1 || p.beta == T(0));
    if (dense_result && p.a_row == 1 &&
        p.a_col != 1) {  // a row times the transpose, whose rows are contiguous
      const T *a = p.a, *b = p.b;
      p = {1, p.m, p.k, b, 0, p.b_row, a, p.a_col, 1, p.c, p.m, p.d, p.m, p.alpha, p.beta};
    } else if (p.b_row != 1 && p.k > 1) {
      held = dense(p.b, p.k, p.b_row);
      p.b = held.get();
      p.b_row = 1;
    }
  } else if (p.m == 1 && p.a_col != 1 && p.k > 1) {
    held = dense(p.a, p.k, p.a_col);
    p.a = held.get();
    p.a_col = 1;
  }

  if (p.k >= kLongInner && p.m * p.n <= kSmallResult) return in_depth(p);
  const int64_t work = p.m * p.n * p.k;
  const bool thin = p.m < 16 || p.n < 16;
  if (work < (thin ? 1 << 20 : 1 << 21)) return kernel.serial(p);
  if (thin || p.k < 16) {  // packing both would cost more than it gives
    const int64_t pieces = std::clamp<int64_t>(work >> 17, 2, 256);
    if (p.m >= p.n) {
      const int64_t rows = std::max<int64_t>(ceil_div(p.m, pieces), 2);
      return in_rows(p, ceil_div(rows, kernel.tile_rows) * kernel.tile_rows, kernel.serial);
    }
    const int64_t columns = ceil_div(p.n, pieces);
    return in_columns(p, ceil_div(columns, 4 * kernel.tile_columns) * 4 * kernel.tile_columns, kernel.serial);
  }
  if (work < 1 << 24) {
    const int64_t rows = std::max<int64_t>(ceil_div(p.m, 4), 2);
    return in_rows(p, ceil_div(rows, kernel.tile_rows) * kernel.tile_rows, kernel.serial);
  }
  in_blocks(p);
}

template <class T> void whole(Product<T> p, void (*run)(const Product<T>&)) {
  std::unique_ptr<T[]> held;
  if (p.b_col != 1 && p.n > 1) {
    held.reset(new T[p.k * p.n]);
    for (int64_t j = 0; j < p.n; ++j)
      for (int64_t q = 0; q < p.k; ++q) held[q * p.n + j] = p.b[q * p.b_row + j * p.b_col];
    p.b = held.get();
    p.b_row = p.n;
    p.b_col = 1;
  }
  if (p.m * p.n * p.k < 1 << 18) return run(p);
  if (p.m >= 8) return in_rows(p, ceil_div(p.m, 64), run);
  in_columns(p, std::max<int64_t>(256, ceil_div(p.n, 64)), run);
}

}  // namespace

template <class T> void gemm(const Product<T>& p) {
  if (p.m == 0 || p.n == 0) return;
  if constexpr (std::is_floating_point_v<T>) {
    if (p.m * p.n * p.k < 1 << 15 && p.m > 1 && p.n > 1) return kernels<T>().serial(p);
    return floating(p);
  } else if constexpr (std::is_same_v<T, uint8_t>) return whole(p, table().u8);
  else if constexpr (std::is_same_v<T, int8_t>) return whole(p, table().i8);
  else if constexpr (std::is_same_v<T, int16_t>) return whole(p, table().i16);
  else if constexpr (std::is_same_v<T, int32_t>) return whole(p, table().i32);
  else return whole(p, table().i64);
}

template <class T> void gemm_batch(int64_t count, const Product<T>& first, int64_t a_step, int64_t b_step,
                                   int64_t c_step, int64_t d_step) {
  auto run = [&](int64_t i) {
    Product<T> p = first;
    p.a += i * a_step;
    p.b += i * b_step;
    p.c += i * c_step;
    p.d += i * d_step;
    gemm(p);
  };
  const int64_t work = first.m * first.n * first.k;
  if (work >= 1 << 21 || work * count < 1 << 17) {  // each has pieces of its own, or all together are nothing
    for (int64_t i = 0; i < count; ++i) run(i);
    return;
  }
  const int64_t together = std::max<int64_t>(1, (1 << 16) / std::max<int64_t>(work, 1));
  parallel_pieces(ceil_div(count, together), [&](int64_t piece) {
    for (int64_t i = piece * together; i < std::min(count, (piece + 1) * together); ++i) run(i);
  });
}

template <class T> int64_t Panels<T>::size(int64_t k, int64_t n) {
  const int64_t width = kernels<T>().tile_columns;
  return ceil_div(n, width) * width * k;
}
template <class T>
Panels<T>::Panels(T* memory, const T* b, int64_t b_row, int64_t b_col, int64_t k, int64_t n)
    : panels_(memory), k_(k), n_(n) {
  for (int64_t q = 0; q < k; q += kInner) {
    const int64_t depth = std::min(kInner, k - q);
    kernels<T>().pack_b(b + q * b_row, b_row, b_col, depth, n, memory);
    memory += size(depth, n);
  }
}
template <class T> void Panels<T>::times(int64_t m, int64_t n, const T* a, int64_t a_row, T* c, int64_t c_row,
                                         const T* d, int64_t d_row, T beta) const {
  const auto& kernel = kernels<T>();
  const int64_t width = kernel.tile_columns;
  for (int64_t q = 0; q < k_; q += kInner) {
    const int64_t depth = std::min(kInner, k_ - q);
    const T* panel = panels_ + size(q, n_);
    for (int64_t j = 0; j < n; j += width, panel += width * depth)
      kernel.serial({m, std::min(width, n - j), depth, a + q, a_row, 1, panel, width, 1, c + j, c_row,
                     (q ? c : d) + j, q ? c_row : d_row, T(1), q ? T(1) : beta});
  }
}
template class Panels<float>;
template class Panels<double>;

// ---- Complex: four real products of the separated parts.

namespace {

template <class T> struct Parts {  // one operand, dense, real parts and imaginary parts apart
  T *real, *imaginary;
  int64_t row, col;
};

template <class T>
Parts<T> separate(const T* x, int64_t rows, int64_t cols, int64_t row, int64_t col, bool conjugate, T* to) {
  const bool across = row < col;  // keeps the layout, so that both sides are read in order
  const int64_t outer = across ? cols : rows, inner = across ? rows : cols;
  const int64_t outer_step = across ? col : row, inner_step = across ? row : col;
  const T sign = conjugate ? T(-1) : T(1);
  T *real = to, *imaginary = to + rows * cols;
  for (int64_t i = 0; i < outer; ++i)
    for (int64_t j = 0; j < inner; ++j) {
      const T* z = x + 2 * (i * outer_step + j * inner_step);
      real[i * inner + j] = z[0];
      imaginary[i * inner + j] = sign * z[1];
    }
  return across ? Parts<T>{real, imaginary, 1, rows} : Parts<T>{real, imaginary, cols, 1};
}

}  // namespace

template <class T> void gemm(const ComplexProduct<T>& p) {
  if (p.m == 0 || p.n == 0) return;
  const int64_t size_a = p.m * p.k, size_b = p.k * p.n, size_c = p.m * p.n;
  T near[1024];
  std::unique_ptr<T[]> held;
  T* memory = near;
  if (2 * (size_a + size_b + size_c) > int64_t(std::size(near))) {
    held.reset(new T[2 * (size_a + size_b + size_c)]);
    memory = held.get();
  }
  const auto a = separate(p.a, p.m, p.k, p.a_row, p.a_col, p.conj_a, memory);
  const auto b = separate(p.b, p.k, p.n, p.b_row, p.b_col, p.conj_b, memory + 2 * size_a);
  T *real = memory + 2 * (size_a + size_b), *imaginary = real + size_c;
  auto multiply = [&](const T* x, const T* y, T* out, T alpha, T beta) {
    gemm(Product<T>{p.m, p.n, p.k, x, a.row, a.col, y, b.row, b.col, out, p.n, out, p.n, alpha, beta});
  };
  multiply(a.real, b.real, real, 1, 0);
  multiply(a.imaginary, b.imaginary, real, -1, 1);
  multiply(a.real, b.imaginary, imaginary, 1, 0);
  multiply(a.imaginary, b.real, imaginary, 1, 1);
  const bool plain = p.alpha[0] == T(1) && p.alpha[1] == T(0), keep = p.beta[0] != T(0) || p.beta[1] != T(0);
  for (int64_t i = 0; i < p.m; ++i)
    for (int64_t j = 0; j < p.n; ++j) {
      T x = real[i * p.n + j], y = imaginary[i * p.n + j];
      if (!plain) {
        const T scaled = p.alpha[0] * x - p.alpha[1] * y;
        y = p.alpha[0] * y + p.alpha[1] * x;
        x = scaled;
      }
      if (keep) {
        const T* d = p.d + 2 * (i * p.d_row + j);
        x += p.beta[0] * d[0] - p.beta[1] * d[1];
        y += p.beta[0] * d[1] + p.beta[1] * d[0];
      }
      T* c = p.c + 2 * (i * p.c_row + j);
      c[0] = x;
      c[1] = y;
    }
}

template <class T> T dot(int64_t n, const T* x, int64_t x_step, const T* y, int64_t y_step) {
  if constexpr (std::is_floating_point_v<T>) {
    std::unique_ptr<T[]> held_x, held_y;
    if (x_step != 1 && n > 1) x = (held_x = dense(x, n, x_step)).get();
    if (y_step != 1 && n > 1) y = (held_y = dense(y, n, y_step)).get();
    constexpr int64_t kPart = 8192;
    if (n <= kPart) return kernels<T>().dot(x, y, n);
    const int64_t parts = ceil_div(n, kPart), together = 8;  // parts in a piece
    std::vector<T> sums(parts);
    parallel_pieces(ceil_div(parts, together), [&](int64_t piece) {
      for (int64_t i = piece * together; i < std::min(parts, (piece + 1) * together); ++i)
        sums[i] = kernels<T>().dot(x + i * kPart, y + i * kPart, std::min(kPart, n - i * kPart));
    });
    double total = 0;
    for (T s : sums) total += s;
    return T(total);
  } else {
    T total = 0;
    for (int64_t i = 0; i < n; ++i) total = T(total + x[i * x_step] * y[i * y_step]);
    return total;
  }
}

#define INSTANTIATE(T)                                                                      \
  template void gemm(const Product<T>&);                                                    \
  template void gemm_batch(int64_t, const Product<T>&, int64_t, int64_t, int64_t, int64_t); \
  template T dot(int64_t, const T*, int64_t, const T*, int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(uint8_t)
INSTANTIATE(int8_t)
INSTANTIATE(int16_t)
INSTANTIATE(int32_t)
INSTANTIATE(int64_t)
#undef INSTANTIATE
template void gemm(const ComplexProduct<float>&);
template void gemm(const ComplexProduct<double>&);

}  // namespace facula
