// What operations on images and signals share: parameters given once for all dimensions, memory formats, and
// the linear maps that act on the last dimensions.
#pragma once
#include "op/structural.h"
#include "ops/functions.h"

namespace facula {

// NCHW and NCDHW tensors with channels innermost say so; all others are Contiguous.
inline MemoryFormat format_of(const TensorImpl& t) { return suggested_format(t); }

// A fresh result in another format; not recorded.
inline Tensor in_format(Tensor fresh, MemoryFormat format) {
  if (format == MemoryFormat::Contiguous) return fresh;
  Tensor out = empty_in(*fresh, fresh->dtype, format, fresh->device);
  if (!out->is_meta()) copy_into(*out, *fresh);
  return out;
}

// "(5 x 7)": the last `n` sizes.
inline std::string by_x(const Dims& d, int n) {
  std::string s = "(";
  for (int i = d.count - n; i < d.count; ++i) s += (i > d.count - n ? " x " : "") + std::to_string(d[i]);
  return s + ")";
}

// Tables by output position are made only of sizes that memory has room for.
inline void check_extent(int64_t out) {
  if (out > int64_t(1) << 28)
    fail<OutOfMemory>("a dimension of ", out, " elements is more than there is memory for");
}

// For gradients of linear maps, which in PyTorch depend on the map's input too, with a gradient of zero: a
// tensor with the history of input i and no elements of its own. Null where nothing is recorded.
inline Tensor history_of(const Back& b, int i, const Dims& shape, DType dtype) {
  if (!mode.grad || !b.edges[i]) return nullptr;
  if (b.edges[i].leaf) return b.edges[i].leaf;
  Tensor t = alias(*empty(dtype, {}), shape, Dims::filled(shape.count, 0));
  set_grad_fn(*t, b.edges[i].node, int(b.edges[i].output));
  return t;
}

// The same for gradients that are made already: `d`, tied to input i.
struct Tied {
  static constexpr const char* node = "TiedBackward0";
  static constexpr uint32_t saves = kNothing;
  Tensor forward(const Tensor& d, const Tensor&) const { return alias(*d); }
  void vjp(const Back& b, Tensor* d) const {
    if (b.needs(0)) d[0] = b.g[0];
    if (b.needs(1)) d[1] = zeros(b.g[0]->shape(), b.g[0]->dtype, b.g[0]->device);
  }
};
inline Tensor tied(Tensor d, const Back& b, int i) {
  const Tensor history = history_of(b, i, d->shape(), d->dtype);
  return history ? call_structural(Tied{}, d, history) : d;
}

// ops/pad.cpp
// `pads`: before and after, of the last dimension first; negative ones cut.
Tensor constant_pad(const Tensor&, const Dims& pads, Scalar value);

// For each of the last dimensions, the index that every output element reads; empty: the dimension is kept.
using IndexMaps = std::vector<std::vector<int64_t>>;
enum class MapKind : uint8_t { Reflection, Replication, Circular, Nearest, NearestExact };
Tensor map_indices(const Tensor& x, const IndexMaps&, MapKind);

}  // namespace facula
