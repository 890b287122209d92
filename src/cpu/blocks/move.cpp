// Rows and tiles of strided copies. Compiled once per instruction set.
#include "cpu/isa.h"
#include "cpu/move.h"

namespace facula {
inline namespace FACULA_ISA {
namespace {

struct Pair {
  uint64_t half[2];
};

template <class U>
void move_row(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n) {
  constexpr int64_t item = sizeof(U);
  if (to_stride != item) {
    for (int64_t i = 0; i < n; ++i)
      *reinterpret_cast<U*>(to + i * to_stride) = *reinterpret_cast<const U*>(from + i * from_stride);
    return;
  }
  U* out = reinterpret_cast<U*>(to);
  if (from_stride == item) {
    __builtin_memmove(to, from, size_t(n * item));
  } else if (from_stride == -item) {
    const U* last = reinterpret_cast<const U*>(from);
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) out[i] = last[-i];
  } else if (from_stride == 0) {
    const U value = *reinterpret_cast<const U*>(from);
    for (int64_t i = 0; i < n; ++i) out[i] = value;
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) out[i] = *reinterpret_cast<const U*>(from + i * from_stride);
  }
}

// By way of a tile of whole cache lines: each line is read once, however far apart they are.
template <class U> void turn_rows(char* to, int64_t to_stride, const char* from, int64_t from_stride,
                                  int64_t rows, int64_t columns) {
  constexpr int64_t side = sizeof(U) > 8 ? 8 : 64 / int64_t(sizeof(U));
  U tile[side][side];
  for (int64_t i = 0; i < rows; i += side)
    for (int64_t j = 0; j < columns; j += side) {
      const int64_t height = rows - i < side ? rows - i : side,
                    width = columns - j < side ? columns - j : side;
      const char* in = from + j * from_stride + i * int64_t(sizeof(U));
      char* out = to + i * to_stride + j * int64_t(sizeof(U));
      if (height == side && width == side) {
        for (int64_t b = 0; b < side; ++b) __builtin_memcpy(tile[b], in + b * from_stride, sizeof tile[b]);
        for (int64_t a = 0; a < side; ++a) {
          U line[side];
          for (int64_t b = 0; b < side; ++b) line[b] = tile[b][a];
          __builtin_memcpy(out + a * to_stride, line, sizeof line);
        }
      } else {
        for (int64_t a = 0; a < height; ++a)
          for (int64_t b = 0; b < width; ++b)
            reinterpret_cast<U*>(out + a * to_stride)[b] =
                reinterpret_cast<const U*>(in + b * from_stride)[a];
      }
    }
}

constexpr MoveKernels table = {
    {move_row<uint8_t>, move_row<uint16_t>, move_row<uint32_t>, move_row<uint64_t>, move_row<Pair>},
    {turn_rows<uint8_t>, turn_rows<uint16_t>, turn_rows<uint32_t>, turn_rows<uint64_t>, turn_rows<Pair>}};

}  // namespace

extern const MoveKernels* const move_kernels;
const MoveKernels* const move_kernels = &table;

}  // namespace FACULA_ISA
}  // namespace facula
