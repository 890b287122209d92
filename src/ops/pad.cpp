// Padding, and what it shares with nearest-neighbour resampling: maps that say for each output element which
// input element it copies, a dimension at a time.
#include "op/structural.h"
#include "ops/lines.h"
#include "ops/spatial.h"
#include "ops/units.h"

namespace facula {
namespace {

constexpr int64_t kRowsPerPiece = 32768;  // elements, about

// ---- Constant values

struct ConstantPad {
  static constexpr const char* node = "ConstantPadNdBackward0";
  static constexpr uint32_t saves = kNothing;
  Dims before, after;  // by dimension
  Scalar value;

  Tensor forward(const Tensor& x) const {
    Dims shape = x->shape();
    bool only_cuts = true;
    for (int d = 0; d < x->ndim; ++d) {
      shape[d] += before[d] + after[d];
      only_cuts &= before[d] <= 0 && after[d] <= 0;
    }
    if (only_cuts) return cut(*x, shape);
    Tensor out = empty(x->dtype, shape, x->device);
    if (!out->is_meta() && out->numel) {
      const Tensor from = dense(x), filler = empty(x->dtype, {});
      fill(*filler, value);
      by_unit(item_size(x->dtype), [&]<class T>(T) { run<T>(*out, *from, *filler->as<T>()); });
    }
    return in_format(std::move(out), format_of(*x));
  }
  std::optional<ConstantPad> batched(const Back&, int64_t) const {
    return ConstantPad{with_batch(before, 0), with_batch(after, 0), value};
  }
  void vjp(const Back& b, Tensor* d) const {
    Dims back_before = before, back_after = after;
    for (int i = 0; i < before.count; ++i) back_before[i] = -before[i], back_after[i] = -after[i];
    d[0] = call_structural(ConstantPad{back_before, back_after, Scalar(0)}, b.g[0]);
  }

 private:
  // A copy of what is left, in the order in which it lies in memory.
  Tensor cut(const TensorImpl& x, const Dims& shape) const {
    int64_t offset = 0;
    for (int d = 0; d < x.ndim; ++d) offset -= before[d] * x.strides[d];
    const Tensor rest = alias(x, shape, x.stride(), offset);
    Tensor out = empty_in(*rest, x.dtype, MemoryFormat::Preserve, x.device);
    if (!out->is_meta()) copy_into(*out, *rest);
    return out;
  }
  template <class T> void run(TensorImpl& out, const TensorImpl& x, T filler) const {
    // The last padded dimension, and what lies within one step of it, make a row.
    int last = out.ndim - 1;
    while (last > 0 && before[last] == 0 && after[last] == 0) --last;
    int64_t inner = 1;
    for (int d = last + 1; d < out.ndim; ++d) inner *= out.sizes[d];
    const int64_t width = out.sizes[last], row = width * inner, rows = out.numel / row;
    const int64_t low = std::clamp<int64_t>(before[last], 0, width);
    const int64_t high = std::clamp<int64_t>(before[last] + x.sizes[last], low, width);
    const int64_t skip = std::max<int64_t>(-before[last], 0);
    const int64_t together = std::max<int64_t>(1, kRowsPerPiece / row);
    parallel_pieces((rows + together - 1) / together, [&](int64_t piece) {
      for (int64_t r = piece * together; r < std::min(rows, (piece + 1) * together); ++r) {
        T* to = out.as<T>() + r * row;
        int64_t rest = r, from = 0, step = x.sizes[last] * inner;
        bool inside = true;
        for (int d = last - 1; d >= 0; --d) {
          const int64_t at = rest % out.sizes[d] - before[d];
          rest /= out.sizes[d];
          inside &= at >= 0 && at < x.sizes[d];
          from += at * step;
          step *= x.sizes[d];
        }
        if (!inside) {
          std::fill(to, to + row, filler);
          continue;
        }
        std::fill(to, to + low * inner, filler);
        if (high > low)
          std::memcpy(to + low * inner, x.as<T>() + from + skip * inner,
                      size_t((high - low) * inner) * sizeof(T));
        std::fill(to + high * inner, to + row, filler);
      }
    });
  }
};

// ---- Maps

// Rows of the last dimension, with the dimensions before it spread over the maps' dimensions.
struct MapShape {
  int64_t planes = 1, in[3] = {1, 1, 1}, out[3] = {1, 1, 1};
  const std::vector<int64_t>* from[3] = {};  // null where kept
  MapShape(const Dims& small, const Dims& large, const IndexMaps& maps) {
    const int n = int(maps.size());
    for (int d = 0; d < small.count - n; ++d) planes *= small[d];
    for (int i = 0; i < n; ++i) {
      const int d = 3 - n + i;
      in[d] = small[small.count - n + i];
      out[d] = large[large.count - n + i];
      if (!maps[size_t(i)].empty()) from[d] = &maps[size_t(i)];
    }
  }
  int64_t map(int d, int64_t i) const { return from[d] ? (*from[d])[size_t(i)] : i; }
  int64_t in_plane() const { return in[0] * in[1] * in[2]; }
  int64_t out_plane() const { return out[0] * out[1] * out[2]; }
};

Dims mapped_shape(const Dims& shape, const IndexMaps& maps) {
  Dims out = shape;
  for (size_t i = 0; i < maps.size(); ++i)
    if (!maps[i].empty()) out[out.count - int(maps.size()) + int(i)] = int64_t(maps[i].size());
  return out;
}

constexpr const char* kMapNodes[][3] = {
    {"ReflectionPad1DBackward0", "ReflectionPad2DBackward0", "ReflectionPad3DBackward0"},
    {"ReplicationPad1DBackward0", "ReplicationPad2DBackward0", "ReplicationPad3DBackward0"},
    {"CopySlices", "CopySlices", "CopySlices"},
    {"UpsampleNearest1DBackward0", "UpsampleNearest2DBackward0", "UpsampleNearest3DBackward0"},
    {"UpsampleNearestExact1DBackward0", "UpsampleNearestExact2DBackward0",
     "UpsampleNearestExact3DBackward0"}};

// Of a row: what lies between [low, high) is read in order, without gaps.
struct DensePart {
  int64_t low = 0, high = 0;
  DensePart(const int64_t* columns, int64_t width) {
    for (int64_t i = 0, start = 0; i < width; ++i) {
      if (i && columns[i] != columns[i - 1] + 1) start = i;
      if (i + 1 - start > high - low) low = start, high = i + 1;
    }
  }
};

template <class T> void read_mapped(const MapShape& s, const T* x, T* y) {
  const int64_t width = s.out[2], lines = s.out[0] * s.out[1], rows = s.planes * lines;
  const int64_t* columns = s.from[2] ? s.from[2]->data() : nullptr;
  const DensePart dense(columns, columns ? width : 0);
  const int64_t together = std::max<int64_t>(1, kRowsPerPiece / width);
  parallel_pieces((rows + together - 1) / together, [&](int64_t piece) {
    const T* last = nullptr;
    const int64_t first = piece * together;
    int64_t plane = first / lines, z = first % lines / s.out[1], line = first % s.out[1];
    for (int64_t r = first; r < std::min(rows, first + together); ++r) {
      const T* from = x + plane * s.in_plane() + (s.map(0, z) * s.in[1] + s.map(1, line)) * s.in[2];
      T* to = y + r * width;
      if (from == last) {
        std::memcpy(to, to - width, size_t(width) * sizeof(T));
      } else if (!columns) {
        std::memcpy(to, from, size_t(width) * sizeof(T));
      } else {
        for (int64_t i = 0; i < dense.low; ++i) to[i] = from[columns[i]];
        std::memcpy(to + dense.low, from + columns[dense.low], size_t(dense.high - dense.low) * sizeof(T));
        for (int64_t i = dense.high; i < width; ++i) to[i] = from[columns[i]];
      }
      last = from;
      if (++line == s.out[1]) {
        line = 0;
        if (++z == s.out[0]) z = 0, ++plane;
      }
    }
  });
}

template <class T> void add(T& to, const T& v) {
  if constexpr (is_complex_type<T>) to.re += v.re, to.im += v.im;
  else to += v;
}
template <class T> void add_mapped(const MapShape& s, const T* g, T* x) {
  const int64_t width = s.out[2], lines = s.out[0] * s.out[1], in_plane = s.in_plane();
  const int64_t together = std::max<int64_t>(1, kRowsPerPiece / (lines * width + 1));
  parallel_pieces((s.planes + together - 1) / together, [&](int64_t piece) {
    for (int64_t p = piece * together; p < std::min(s.planes, (piece + 1) * together); ++p) {
      T* plane = x + p * in_plane;
      std::memset(static_cast<void*>(plane), 0, size_t(in_plane) * sizeof(T));
      for (int64_t l = 0; l < lines; ++l) {
        T* to = plane + (s.map(0, l / s.out[1]) * s.in[1] + s.map(1, l % s.out[1])) * s.in[2];
        const T* from = g + (p * lines + l) * width;
        if (s.from[2])
          for (int64_t i = 0; i < width; ++i) add(to[(*s.from[2])[size_t(i)]], from[i]);
        else
          for (int64_t i = 0; i < width; ++i) add(to[i], from[i]);
      }
    }
  });
}

void read_mapped(const MapShape& s, const TensorImpl& from, const TensorImpl& to) {
  by_unit(item_size(to.dtype), [&]<class T>(T) { read_mapped<T>(s, from.as<T>(), to.as<T>()); });
}
void add_mapped(const MapShape& s, const TensorImpl& from, const TensorImpl& to) {
  visit(to.dtype, [&]<class T>(T) {
    if constexpr (!std::is_integral_v<T> && !is_half_type<T>) add_mapped<T>(s, from.as<T>(), to.as<T>());
  });
}

// The transpose: each element is added where it was read.
template <int Kind, int N> struct MapBack;

template <int Kind, int N> struct MapIndices {
  static constexpr const char* node = kMapNodes[Kind][N - 1];
  static constexpr uint32_t saves = kNothing;
  IndexMaps maps;
  Dims image{};

  Tensor forward(const Tensor& x) {
    image = x->shape();
    Tensor out = empty(x->dtype, mapped_shape(image, maps), x->device);
    if (!out->is_meta() && out->numel) {
      const Tensor from = dense(x);
      const MapShape s(image, out->shape(), maps);
      read_mapped(s, *from, *out);
    }
    return in_format(std::move(out),
                     Kind == int(MapKind::Circular) ? MemoryFormat::Contiguous : format_of(*x));
  }
  void vjp(const Back& b, Tensor* d) const {
    d[0] = call_structural(MapBack<Kind, N>{maps, image, b.g[0]->shape()}, b.g[0]);
    if (Kind == int(MapKind::Reflection) || Kind == int(MapKind::Replication)) d[0] = tied(d[0], b, 0);
  }
};

template <int Kind, int N> struct MapBack {
  static constexpr const char* node = "MapBackwardBackward0";
  static constexpr uint32_t saves = kNothing;
  IndexMaps maps;
  Dims image, mapped;
  Tensor forward(const Tensor& g) const {
    const DType wide = compute_dtype(g->dtype);
    Tensor out = empty(wide, image, g->device);
    if (out->is_meta()) return empty(g->dtype, image, g->device);
    if (out->numel) {
      const Tensor from = dense(g, wide);
      const MapShape s(image, mapped, maps);
      add_mapped(s, *from, *out);
    }
    if (wide != g->dtype) out = converted(out, g->dtype);
    return in_format(std::move(out), format_of(*g));
  }
  void vjp(const Back& b, Tensor* d) const { d[0] = call_structural(MapIndices<Kind, N>{maps}, b.g[0]); }
};

template <int Kind> Tensor map_kind(const Tensor& x, const IndexMaps& maps) {
  switch (maps.size()) {
    case 1: return call_structural(MapIndices<Kind, 1>{maps}, x);
    case 2: return call_structural(MapIndices<Kind, 2>{maps}, x);
    default: return call_structural(MapIndices<Kind, 3>{maps}, x);
  }
}

// ---- F.pad

std::vector<int64_t> mapped(MapKind kind, int64_t size, int64_t before, int64_t after) {
  check_extent(size + before + after);
  std::vector<int64_t> from(size_t(size + before + after));
  for (int64_t i = 0; i < int64_t(from.size()); ++i) {
    int64_t at = i - before;
    if (kind == MapKind::Reflection) {
      at = at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at;
    } else if (kind == MapKind::Replication) {
      at = std::clamp<int64_t>(at, 0, size - 1);
    } else {  // what negative padding leaves goes round
      const int64_t cut = std::max<int64_t>(-before, 0), kept = size - cut - std::max<int64_t>(-after, 0);
      at = cut + ((at - cut) % kept + kept) % kept;
    }
    from[size_t(i)] = at;
  }
  return from;
}

void check_nonconstant(const Tensor& x, const Dims& pads, int n, MapKind kind) {
  const bool reflects = kind == MapKind::Reflection;
  if (kind != MapKind::Circular) {
    for (int d = x->ndim - n - (x->ndim > n ? 1 : 0); d < x->ndim; ++d)
      if (x->sizes[d] == 0)
        fail("Expected ", n + 1, "D or ", n + 2,
             "D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but "
             "got: ",
             to_string(x->shape()));
    if (x->dtype == DType::Bool)
      fail<NotImplemented>("\"", reflects ? "reflection" : "replication", "_pad", n,
                           "d\" not implemented for 'Bool'");
  }
  for (int i = 0; i < n; ++i) {
    const int d = x->ndim - 1 - i;
    const int64_t before = pads[2 * i], after = pads[2 * i + 1], size = x->sizes[d],
                  out = size + before + after;
    if (reflects && (before >= size || after >= size))
      fail("Argument #", 4 + 2 * i,
           ": Padding size should be less than the corresponding input dimension, but got: "
           "padding (",
           before, ", ", after, ") at dimension ", d, " of input ", to_string(x->shape()));
    if (kind == MapKind::Circular) {
      if (before > size || after > size) fail("Padding value causes wrapping around more than once.");
      if (out < 0) fail("Negative padding value is resulting in an empty dimension");
    } else if (out < 1) {
      constexpr const char* kSides[] = {"W", "H", "D"};
      fail("input (", kSides[i], ": ", size, ") is too small. Calculated output ", kSides[i], ": ", out);
    }
  }
}

Tensor pad_mapped(const Tensor& x, const Dims& pads, MapKind kind) {
  const int n = pads.count / 2;
  if (n < 1 || n > 3 || (x->ndim != n + 1 && x->ndim != n + 2))
    fail<NotImplemented>("Padding size ", pads.count, " is not supported for ", int(x->ndim),
                         "D input tensor.\n",
                         "Supported combinations for non-constant padding:\n"
                         "  - 2D or 3D input: padding size = 2 (pads last dimension)\n"
                         "  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)\n"
                         "  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)");
  check_nonconstant(x, pads, n, kind);
  IndexMaps maps(static_cast<size_t>(n));
  bool any_empty = false;
  for (int i = 0; i < n; ++i) {
    maps[size_t(n - 1 - i)] = mapped(kind, x->sizes[x->ndim - 1 - i], pads[2 * i], pads[2 * i + 1]);
    any_empty |= maps[size_t(n - 1 - i)].empty();
  }
  if (any_empty) {  // circular padding that cuts everything: an empty map means a kept dimension
    Dims cut = pads;
    return constant_pad(x, cut, Scalar(0));
  }
  return map_indices(x, maps, kind);
}

Tensor pad(const Tensor& x, const Dims& pads, std::string_view mode, std::optional<Scalar> value) {
  if (pads.count % 2 != 0) fail("Padding length must be divisible by 2");
  if (pads.count > 2 * x->ndim)
    fail(
        "Padding length should be less than or equal to two times the input dimension but got padding "
        "length ",
        pads.count, " and input of dimension ", int(x->ndim));
  if (mode == "constant") return constant_pad(x, pads, value.value_or(Scalar(0)));
  if (value && double(*value) != 0) fail("Padding mode \"", mode, "\" doesn't take in value argument");
  if (mode == "reflect") return pad_mapped(x, pads, MapKind::Reflection);
  if (mode == "replicate") return pad_mapped(x, pads, MapKind::Replication);
  if (mode == "circular") return pad_mapped(x, pads, MapKind::Circular);
  fail<NotImplemented>("Unrecognised padding mode ", mode);
}

Tensor constant_pad_nd(const Tensor& x, const Dims& pads, Scalar value) {
  return constant_pad(x, pads, value);
}

}  // namespace

Tensor constant_pad(const Tensor& x, const Dims& pads, Scalar value) {
  if (pads.count % 2 != 0) fail("Length of pad must be even but instead it equals ", pads.count);
  if (pads.count > 2 * x->ndim)
    fail("Length of pad should be no more than twice the number of dimensions of the input. Pad length is ",
         pads.count, "while the input has ", int(x->ndim), "dimensions.");
  ConstantPad op{Dims::filled(x->ndim, 0), Dims::filled(x->ndim, 0), value};
  for (int i = 0; i < pads.count / 2; ++i) {
    const int d = x->ndim - 1 - i;
    op.before[d] = pads[2 * i];
    op.after[d] = pads[2 * i + 1];
    if (x->sizes[d] + std::min<int64_t>(op.before[d], 0) + std::min<int64_t>(op.after[d], 0) < 0)
      fail("narrow(): length must be non-negative.\nDimension ", d, " has ", x->sizes[d],
           " elements; the padding ", op.before[d], " and ", op.after[d], " takes away more.");
  }
  return call_structural(op, x);
}

Tensor map_indices(const Tensor& x, const IndexMaps& maps, MapKind kind) {
  switch (kind) {
    case MapKind::Reflection: return map_kind<0>(x, maps);
    case MapKind::Replication: return map_kind<1>(x, maps);
    case MapKind::Circular: return map_kind<2>(x, maps);
    case MapKind::Nearest: return map_kind<3>(x, maps);
    default: return map_kind<4>(x, maps);
  }
}

static constexpr OpEntry entries[] = {
    moves<pad>("pad(Tensor input, int[] pad, str mode='constant', Number? value=None)", kNN),
    moves<constant_pad_nd>("constant_pad_nd(Tensor input, int[1] pad, Number value=0)", kFunction | kLeading),
};
FACULA_ENTRIES(pad)

}  // namespace facula
