// Convolution by tiles: positions of the output are gathered into the panels that products are made of
// (cpu/gemm_kernels.h), a tile at a time, so that no matrix of all windows ever exists. Groups with few
// output channels are summed row by row instead. Pieces are cut by size alone.
#include "cpu/conv.h"
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>
#include "core/allocator.h"
#include "core/parallel.h"
#include "cpu/gemm_kernels.h"
#include "cpu/isa.h"

namespace facula {

FACULA_BY_ISA(ConvTable, conv_kernels)
const GemmKernels& best_gemm_kernels();  // cpu/gemm.cpp

namespace {

template <class T> const ConvKernels<T>& conv_table() {
  static const ConvTable& best = best_conv_kernels();
  if constexpr (std::is_same_v<T, float>) return best.f32;
  else return best.f64;
}
template <class T> const ProductKernels<T>& product_table() {
  static const GemmKernels& best = best_gemm_kernels();
  if constexpr (std::is_same_v<T, float>) return best.f32;
  else return best.f64;
}

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
constexpr int64_t kTile = 128;             // positions of one tile
constexpr int64_t kSpanned = 1024;         // images with fewer positions share tiles
constexpr int64_t kSlack = 64;             // elements that vectors may write past a tile
constexpr int64_t kImageBytes = 32 << 20;  // of padded images at a time
constexpr int64_t kFewChannels = 4;        // groups with fewer are summed row by row
constexpr int64_t kPieces = 32;            // enough for the threads of most machines

template <class T> class Scratch {  // made by the calling thread
 public:
  explicit Scratch(int64_t elements)
      : size_class_(size_class_of(size_t(elements) * sizeof(T))),
        data_(static_cast<T*>(allocate(size_class_))) {}
  ~Scratch() { deallocate(data_, size_class_); }
  Scratch(const Scratch&) = delete;
  T* data() const { return data_; }

 private:
  uint32_t size_class_;
  T* data_;
};

// Throwing is for the thread that called: a piece that finds no memory notes it here and does nothing.
std::atomic<bool> no_memory;
void out_of_memory() { no_memory = true; }
void check_memory() {
  if (no_memory.exchange(false)) throw std::bad_alloc();
}

// Memory of the thread that runs a piece; null where there is none.
template <class T> T* thread_scratch(int64_t elements) {
  struct Block {
    void* memory = nullptr;
    size_t bytes = 0;
    ~Block() { std::free(memory); }
  };
  static thread_local Block block;
  const size_t wanted = (size_t(elements) * sizeof(T) + 4095) / 4096 * 4096;
  if (block.bytes < wanted) {
    std::free(block.memory);
    block.memory = std::aligned_alloc(4096, wanted);
    block.bytes = block.memory ? wanted : 0;
  }
  return static_cast<T*>(block.memory);
}

// The images as windows read them: with a border of zeros, and with the columns of a row sorted by their
// remainder modulo the step, so that neighbouring outputs read neighbouring elements.
struct Layout {
  int64_t low[3], size[3];  // of the part of the image that is read, border included
  int64_t pitch, row, plane;
  bool copied;
  std::vector<int64_t> offsets;  // by (channel, tap)

  explicit Layout(const ConvPlan& p) {
    copied = false;
    int64_t high[3];
    for (int d = 0; d < 3; ++d) {
      const ConvAxis& a = p.axis[d];
      low[d] = *std::min_element(a.offsets.begin(), a.offsets.end());
      high[d] = *std::max_element(a.offsets.begin(), a.offsets.end()) + (a.out - 1) * a.step;
      size[d] = high[d] - low[d] + 1;
      copied |= low[d] < 0 || high[d] >= a.in;
    }
    const int64_t step = p.axis[2].step;
    copied |= step != 1;
    if (!copied)
      for (int d = 0; d < 3; ++d) low[d] = 0, size[d] = p.axis[d].in;
    pitch = ceil_div(size[2], step);
    row = pitch * step;
    // More than any memory, and than what the product of the sizes may be.
    if (double(size[0]) * double(size[1]) * double(row) * double(p.groups * p.in_channels) > 1e13)
      throw std::bad_alloc();
    plane = size[0] * size[1] * row;
    offsets.reserve(size_t(p.inner()));
    for (int64_t c = 0; c < p.in_channels; ++c)
      for (int64_t z : p.axis[0].offsets)
        for (int64_t y : p.axis[1].offsets)
          for (int64_t x : p.axis[2].offsets) {
            const int64_t column = x - low[2];
            offsets.push_back(c * plane + ((z - low[0]) * size[1] + y - low[1]) * row +
                              column % step * pitch + column / step);
          }
  }
  template <class T> void fill(const ConvPlan& p, const T* plane_of_x, T* to) const {
    const ConvAxis *depth = &p.axis[0], *height = &p.axis[1], *width = &p.axis[2];
    const int64_t step = width->step;
    for (int64_t z = 0; z < size[0]; ++z)
      for (int64_t y = 0; y < size[1]; ++y, to += row) {
        const int64_t from_z = z + low[0], from_y = y + low[1];
        if (from_z < 0 || from_z >= depth->in || from_y < 0 || from_y >= height->in) {
          std::memset(to, 0, size_t(row) * sizeof(T));
          continue;
        }
        const T* from = plane_of_x + (from_z * height->in + from_y) * width->in;
        for (int64_t r = 0; r < step; ++r) {
          T* out = to + r * pitch;
          // out[j] is column j * step + r + low
          const int64_t at = r + low[2];
          const int64_t first = std::clamp<int64_t>(at >= 0 ? 0 : ceil_div(-at, step), 0, pitch);
          const int64_t last =
              std::clamp<int64_t>(at >= width->in ? 0 : ceil_div(width->in - at, step), first, pitch);
          for (int64_t j = 0; j < first; ++j) out[j] = T(0);
          if (step == 1 && last > first)
            std::memcpy(out + first, from + at + first, size_t(last - first) * sizeof(T));
          else
            for (int64_t j = first; j < last; ++j) out[j] = from[at + j * step];
          for (int64_t j = last; j < pitch; ++j) out[j] = T(0);
        }
      }
  }
};

// f(image of the first one, number of the first, count) over all images, a few at a time.
template <class T, class F> void each_chunk(const ConvPlan& p, const Layout& layout, const T* x, F&& f) {
  const int64_t channels = p.groups * p.in_channels, image = channels * layout.plane;
  const int64_t x_plane = p.axis[0].in * p.axis[1].in * p.axis[2].in;
  if (!layout.copied) {
    f(x, int64_t(0), p.batch);
    return check_memory();
  }
  const int64_t chunk =
      std::clamp<int64_t>(kImageBytes / std::max<int64_t>(image * int64_t(sizeof(T)), 1), 1, p.batch);
  const Scratch<T> padded(chunk * image);
  for (int64_t n = 0; n < p.batch; n += chunk) {
    const int64_t count = std::min(chunk, p.batch - n), planes = count * channels;
    const int64_t together = std::max<int64_t>(1, 65536 / std::max<int64_t>(layout.plane, 1));
    parallel_pieces(ceil_div(planes, together), [&](int64_t piece) {
      for (int64_t i = piece * together; i < std::min(planes, (piece + 1) * together); ++i)
        layout.fill(p, x + (n * channels + i) * x_plane, padded.data() + i * layout.plane);
    });
    f(static_cast<const T*>(padded.data()), n, count);
    check_memory();
  }
}

// Positions [first, first + count) of the output as runs within rows; positions go on into the next image.
int segments_of(const ConvPlan& p, const Layout& layout, int64_t first, int64_t count, ConvSegment* out) {
  const int64_t height = p.axis[1].out, width = p.axis[2].out, depth = p.axis[0].out;
  int found = 0;
  for (int64_t at = first; at < first + count;) {
    const int64_t x = at % width, line = at / width, y = line % height, z = line / height % depth,
                  image = line / height / depth;
    const int64_t n = std::min(width - x, first + count - at);
    const int64_t from = image * p.groups * p.in_channels * layout.plane +
                         (z * p.axis[0].step * layout.size[1] + y * p.axis[1].step) * layout.row + x;
    ConvSegment* last = found ? out + found - 1 : nullptr;
    if (last && last->from + last->count == from) last->count += n;
    else out[found++] = {from, at - first, n};
    at += n;
  }
  return found;
}

struct Position {
  int64_t z, y, x;
};
Position position_of(const ConvPlan& p, int64_t at) {
  const int64_t width = p.axis[2].out, height = p.axis[1].out;
  return {at / width / height, at / width % height, at % width};
}
bool dense_output(const ConvPlan& p) {
  return p.axis[2].out_stride == 1 && p.axis[1].out_stride == p.axis[2].out &&
         p.axis[0].out_stride == p.axis[2].out * p.axis[1].out;
}

// A convolution as products: `w` is packed, tiles of positions of one group are gathered into panels. Tiles
// of small images go on into the next image, so that few are left with a rest that fills no vector.
template <class T> struct TiledProducts {
  const ConvPlan& p;
  const Layout& layout;
  const T *w, *bias;
  T* y;
  const ProductKernels<T>& product = product_table<T>();
  const ConvKernels<T>& kernel = conv_table<T>();
  int64_t inner = p.inner(), pixels = p.pixels(), lanes = product.tile_columns;
  int64_t rows = ceil_div(p.out_channels, product.tile_rows) * product.tile_rows;  // of w, packed
  bool spans = pixels < kSpanned && pixels % kTile != 0;
  bool direct = dense_output(p) && !spans;  // tiles are computed where they belong
  bool fresh = !p.accumulate || !direct;
  int64_t panels_size = (kTile / lanes + 1) * kInner * lanes + kSlack;

  // One chunk of images.
  const T *images = nullptr, *end = nullptr;
  int64_t first = 0, positions = 0, runs = 0, tiles = 0;
  int64_t all_tiles() const { return runs * p.groups * tiles; }
  void start(const T* chunk, int64_t first_image, int64_t count) {
    images = chunk;
    end = images + count * p.groups * p.in_channels * layout.plane;
    first = first_image;
    positions = spans ? count * pixels : pixels;
    runs = spans ? 1 : count;
    tiles = ceil_div(positions, kTile);
  }

  struct Tile {
    int64_t group, image, at, n;
  };
  Tile tile_of(int64_t index) const {
    const int64_t at = index % tiles * kTile, image = index / tiles;
    return {image % p.groups, image / p.groups, at, std::min(kTile, positions - at)};
  }
  void gather(const Tile& t, int64_t q, T* to) const {
    ConvSegment segments[kTile];
    const int64_t depth = std::min(kInner, inner - q);
    const T* source = images + (t.image * p.groups + t.group) * p.in_channels * layout.plane;
    for (int64_t j = 0; j < t.n; j += lanes) {
      const int found = segments_of(p, layout, t.at + j, std::min(lanes, t.n - j), segments);
      kernel.gather(source, end, layout.offsets.data() + q, depth, segments, found, to + j * depth, lanes);
    }
  }
  // Rows [r0, r1) of the tile: `aside` is where they are computed (row r at r * kTile), unless direct.
  void multiply(const Tile& t, int64_t r0, int64_t r1, int64_t q, const T* panels, T* aside) const {
    T* const out =
        direct ? y + (first + t.image) * p.y_batch + t.group * p.out_channels * p.y_channel + t.at : aside;
    const int64_t out_row = direct ? p.y_channel : kTile, depth = std::min(kInner, inner - q);
    if (q == 0 && fresh && bias)
      for (int64_t r = r0; r < r1; ++r)
        std::fill_n(out + r * out_row, t.n, bias[t.group * p.out_channels + r]);
    for (int64_t r = r0; r < r1; r += 12 * product.tile_rows) {
      Product<T> part{};
      part.m = std::min<int64_t>(12 * product.tile_rows, r1 - r);
      part.n = t.n;
      part.k = depth;
      part.a = w + t.group * rows * inner + q * rows + r * depth;
      part.b = panels;
      part.c = out + r * out_row;
      part.c_row = out_row;
      part.d = part.c;
      part.d_row = out_row;
      part.alpha = T(1);
      part.beta = q > 0 || bias || !fresh ? T(1) : T(0);
      product.packed(part);
    }
    if (!direct && q + kInner >= inner) put(t, r0, r1, aside);
  }
  void put(const Tile& t, int64_t r0, int64_t r1, const T* aside) const {
    const int64_t step = p.axis[2].out_stride;
    const bool dense = dense_output(p);
    for (int64_t i = 0; i < t.n;) {
      const int64_t pixel = (t.at + i) % pixels;
      const Position from = position_of(p, pixel);
      const int64_t run = std::min(dense ? pixels - pixel : p.axis[2].out - from.x, t.n - i);
      T* const to = y + (first + t.image + (t.at + i) / pixels) * p.y_batch +
                    t.group * p.out_channels * p.y_channel + from.z * p.axis[0].out_stride +
                    from.y * p.axis[1].out_stride + from.x * step;
      for (int64_t r = r0; r < r1; ++r) {
        T* const row = to + r * p.y_channel;
        const T* const v = aside + r * kTile + i;
        if (p.accumulate)
          for (int64_t k = 0; k < run; ++k) row[k * step] += v[k];
        else if (step == 1) std::memcpy(row, v, size_t(run) * sizeof(T));
        else
          for (int64_t k = 0; k < run; ++k) row[k * step] = v[k];
      }
      i += run;
    }
  }

  void by_tiles() const {  // each is gathered and multiplied by one thread
    parallel_pieces(all_tiles(), [&](int64_t index) {
      T* const panels = thread_scratch<T>(panels_size + (direct ? 0 : rows * kTile));
      if (!panels) return out_of_memory();
      const Tile t = tile_of(index);
      for (int64_t q = 0; q < inner; q += kInner) {
        gather(t, q, panels);
        multiply(t, 0, p.out_channels, q, panels, panels + panels_size);
      }
    });
  }
  void by_shares(int64_t shares) const {  // few tiles: the channels are shared out too
    const int64_t share = ceil_div(rows / product.tile_rows, shares) * product.tile_rows, count = all_tiles();
    const Scratch<T> panels(count * panels_size), aside(direct ? 1 : count * rows * kTile);
    for (int64_t q = 0; q < inner; q += kInner) {
      parallel_pieces(count,
                      [&](int64_t index) { gather(tile_of(index), q, panels.data() + index * panels_size); });
      parallel_pieces(count * shares, [&](int64_t piece) {
        const int64_t index = piece / shares, r0 = piece % shares * share;
        if (r0 < p.out_channels)
          multiply(tile_of(index), r0, std::min(r0 + share, p.out_channels), q,
                   panels.data() + index * panels_size, aside.data() + (direct ? 0 : index * rows * kTile));
      });
    }
  }
};

template <class T>
void by_products(const ConvPlan& p, const Layout& layout, const T* x, const T* w, const T* bias, T* y) {
  const ProductKernels<T>& product = product_table<T>();
  const int64_t inner = p.inner(), rows = ceil_div(p.out_channels, product.tile_rows) * product.tile_rows;
  const Scratch<T> packed_w(p.groups * rows * inner);
  const int64_t passes = ceil_div(inner, kInner);
  parallel_pieces(p.groups * passes, [&](int64_t piece) {
    const int64_t g = piece / passes, q = piece % passes * kInner, depth = std::min(kInner, inner - q);
    product.pack_a(w + g * p.out_channels * inner + q, inner, 1, p.out_channels, depth,
                   packed_w.data() + g * rows * inner + q * rows);
  });
  TiledProducts<T> run{.p = p, .layout = layout, .w = packed_w.data(), .bias = bias, .y = y};
  each_chunk(p, layout, x, [&](const T* images, int64_t first, int64_t count) {
    run.start(images, first, count);
    const int64_t shares =
        std::min(kPieces / run.all_tiles(), ceil_div(p.out_channels, 4 * product.tile_rows));
    if (shares > 1) run.by_shares(shares);
    else run.by_tiles();
  });
}

// The row kernel for types without vector kernels.
template <class T> void plain_row(const T* x, const int64_t* offsets, const T* w, int64_t depth, T bias,
                                  bool add, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = (add ? y[i] : T(0)) + bias;
  for (int64_t k = 0; k < depth; ++k)
    for (int64_t i = 0; i < n; ++i) y[i] += x[offsets[k] + i] * w[k];
}

template <class T>
void by_rows(const ConvPlan& p, const Layout& layout, const T* x, const T* w, const T* bias, T* y) {
  auto* row = &plain_row<T>;
  if constexpr (std::is_floating_point_v<T>) row = conv_table<T>().row;
  const int64_t inner = p.inner(), width = p.axis[2].out, step = p.axis[2].out_stride;
  const int64_t lines = p.axis[0].out * p.axis[1].out;
  each_chunk(p, layout, x, [&](const T* images, int64_t first, int64_t count) {
    const int64_t work = std::max<int64_t>(lines * width * std::max<int64_t>(inner, 1), 1);
    const int64_t planes = count * p.groups * p.out_channels, together = std::max<int64_t>(1, 262144 / work);
    parallel_pieces(ceil_div(planes, together), [&](int64_t piece) {
      T* aside = step == 1 ? nullptr : thread_scratch<T>(width);
      if (step != 1 && !aside) return out_of_memory();
      for (int64_t i = piece * together; i < std::min(planes, (piece + 1) * together); ++i) {
        const int64_t o = i % p.out_channels, image = i / p.out_channels, g = image % p.groups;
        const T* source = images + image * p.in_channels * layout.plane;
        const T* weights = w + (g * p.out_channels + o) * inner;
        const T b = bias ? bias[g * p.out_channels + o] : T(0);
        T* to = y + (first + image / p.groups) * p.y_batch + (g * p.out_channels + o) * p.y_channel;
        for (int64_t line = 0; line < lines; ++line) {
          const int64_t up = line % p.axis[1].out, deep = line / p.axis[1].out;
          const T* from =
              source + (deep * p.axis[0].step * layout.size[1] + up * p.axis[1].step) * layout.row;
          T* out = to + deep * p.axis[0].out_stride + up * p.axis[1].out_stride;
          if (step == 1) {
            row(from, layout.offsets.data(), weights, inner, b, p.accumulate, out, width);
            continue;
          }
          row(from, layout.offsets.data(), weights, inner, b, false, aside, width);
          for (int64_t k = 0; k < width; ++k)
            out[k * step] = aside[k] + (p.accumulate ? out[k * step] : T(0));
        }
      }
    });
  });
}

// y without any tap.
template <class T> void only_bias(const ConvPlan& p, const T* bias, T* y) {
  for (int64_t n = 0; n < p.batch; ++n)
    for (int64_t c = 0; c < p.groups * p.out_channels; ++c)
      for (int64_t i = 0; i < p.pixels(); ++i) {
        const Position at = position_of(p, i);
        T& out = y[n * p.y_batch + c * p.y_channel + at.z * p.axis[0].out_stride +
                   at.y * p.axis[1].out_stride + at.x * p.axis[2].out_stride];
        out = (p.accumulate ? out : T(0)) + (bias ? bias[c] : T(0));
      }
}

// ---- The weight's gradient

template <class T>
void weight_by_dots(const ConvPlan& p, const Layout& layout, const T* x, const T* y, T* w) {
  const ConvKernels<T>& kernel = conv_table<T>();
  const int64_t inner = p.inner(), width = p.axis[2].out, lines = p.axis[0].out * p.axis[1].out;
  std::memset(w, 0, size_t(p.groups * p.out_channels * inner) * sizeof(T));
  each_chunk(p, layout, x, [&](const T* images, int64_t first, int64_t count) {
    parallel_pieces(p.groups * p.out_channels, [&](int64_t c) {
      const int64_t g = c / p.out_channels;
      for (int64_t n = 0; n < count; ++n)
        for (int64_t line = 0; line < lines; ++line) {
          const int64_t up = line % p.axis[1].out, deep = line / p.axis[1].out;
          kernel.dots(images + (n * p.groups + g) * p.in_channels * layout.plane +
                          (deep * p.axis[0].step * layout.size[1] + up * p.axis[1].step) * layout.row,
                      layout.offsets.data(), inner,
                      y + (((first + n) * p.groups * p.out_channels + c) * lines + line) * width, width,
                      w + c * inner);
        }
    });
  });
}

template <class T>
void weight_by_products(const ConvPlan& p, const Layout& layout, const T* x, const T* y, T* w) {
  constexpr int64_t kPositions = 256, kColumns = 128;
  const ProductKernels<T>& product = product_table<T>();
  const ConvKernels<T>& kernel = conv_table<T>();
  const int64_t inner = p.inner(), tile_rows = product.tile_rows, pixels = p.pixels();
  const int64_t rows = ceil_div(p.out_channels, tile_rows) * tile_rows,
                size = p.groups * p.out_channels * inner;
  const int64_t blocks = p.groups * ceil_div(inner, kColumns), tiles = ceil_div(pixels, kPositions);
  const int64_t parts = std::clamp<int64_t>(ceil_div(kPieces, blocks), 1, p.batch * tiles);
  const Scratch<T> sums(parts > 1 ? parts * size : 1);
  T* const target = parts > 1 ? sums.data() : w;
  std::memset(target, 0, size_t(parts * size) * sizeof(T));
  each_chunk(p, layout, x, [&](const T* images, int64_t first, int64_t count) {
    const T* end = images + count * p.groups * p.in_channels * layout.plane;
    const int64_t work = count * tiles, each = ceil_div(work, parts);
    parallel_pieces(blocks * parts, [&](int64_t piece) {
      const int64_t part = piece / blocks, block = piece % blocks, g = block % p.groups,
                    k = block / p.groups * kColumns;
      const int64_t columns = std::min(kColumns, inner - k);
      T* memory = thread_scratch<T>(2 * (kColumns + 64) * kPositions + kSlack + rows * kPositions);
      if (!memory) return out_of_memory();
      T *packed_x = memory + (kColumns + 1) * kPositions + kSlack,
        *packed_y = packed_x + (kColumns + 63) * kPositions;
      ConvSegment segments[kPositions];
      for (int64_t i = part * each; i < std::min(work, (part + 1) * each); ++i) {
        const int64_t n = i / tiles, at = i % tiles * kPositions,
                      positions = std::min(kPositions, pixels - at);
        const int found = segments_of(p, layout, at, positions, segments);
        kernel.gather(images + (n * p.groups + g) * p.in_channels * layout.plane, end,
                      layout.offsets.data() + k, columns, segments, found, memory, kPositions);
        product.pack_b(memory, 1, kPositions, positions, columns, packed_x);
        product.pack_a(y + ((first + n) * p.groups + g) * p.out_channels * pixels + at, pixels, 1,
                       p.out_channels, positions, packed_y);
        Product<T> a{};
        a.m = p.out_channels;
        a.n = columns;
        a.k = positions;
        a.a = packed_y;
        a.b = packed_x;
        a.c = target + part * size + g * p.out_channels * inner + k;
        a.c_row = a.d_row = inner;
        a.d = a.c;
        a.alpha = a.beta = T(1);
        product.packed(a);
      }
    });
  });
  if (parts > 1)
    for (int64_t i = 0; i < size; ++i) {
      T total = target[i];
      for (int64_t part = 1; part < parts; ++part) total += target[part * size + i];
      w[i] = total;
    }
}

}  // namespace

template <class T> void convolve(const ConvPlan& p, const T* x, const T* w, const T* bias, T* y) {
  if (p.batch * p.groups * p.out_channels * p.pixels() == 0) return;
  if (p.inner() == 0 || p.axis[0].in * p.axis[1].in * p.axis[2].in == 0) return only_bias(p, bias, y);
  const Layout layout(p);
  if constexpr (std::is_floating_point_v<T>)
    if (p.out_channels >= kFewChannels) return by_products(p, layout, x, w, bias, y);
  by_rows(p, layout, x, w, bias, y);
}

template <class T> void convolve_weight(const ConvPlan& p, const T* x, const T* y, T* w) {
  const int64_t size = p.groups * p.out_channels * p.inner();
  if (size == 0) return;
  if (p.batch * p.pixels() * p.axis[0].in * p.axis[1].in * p.axis[2].in == 0) {
    std::memset(w, 0, size_t(size) * sizeof(T));
    return;
  }
  const Layout layout(p);
  if (p.out_channels >= kFewChannels) weight_by_products(p, layout, x, y, w);
  else weight_by_dots(p, layout, x, y, w);
}

template void convolve(const ConvPlan&, const float*, const float*, const float*, float*);
template void convolve(const ConvPlan&, const double*, const double*, const double*, double*);
template void convolve(const ConvPlan&, const int64_t*, const int64_t*, const int64_t*, int64_t*);
template void convolve_weight(const ConvPlan&, const float*, const float*, float*);
template void convolve_weight(const ConvPlan&, const double*, const double*, double*);

}  // namespace facula
