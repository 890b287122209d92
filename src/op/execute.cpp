#include "op/execute.h"
#include <algorithm>
#include <limits>
#include <numeric>
#include "autograd/mode.h"
#include "cpu/loop.h"

namespace facula {

template <class T> static void check_fits(int64_t i) {
  using L = std::numeric_limits<T>;
  const bool fits = std::is_unsigned_v<T> ? i <= int64_t(L::max()) && -i <= int64_t(L::max())
                                          : i >= int64_t(L::min()) && i <= int64_t(L::max());
  if (!fits) fail("value cannot be converted to type ", name(dtype_of_element<T>), "_t without overflow");
}

// `fits`: an integer beyond the type is an error; else it wraps, as that of a tensor would.
static void store(char* to, DType t, Scalar s, bool fits) {
  if (is_stored_only(t)) [[unlikely]] {
    alignas(16) char wide[16];
    store(wide, compute_dtype(t), s, fits);
    return cast_block(compute_dtype(t), t, wide, to, 1);
  }
  visit(t, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (is_half_type<T>) {
      *reinterpret_cast<T*>(to) = T(float(s));
    } else {
      if constexpr (std::is_integral_v<T> && sizeof(T) < 8 && !std::is_same_v<T, bool>)
        if (s.kind == Scalar::Kind::Int) {
          if (fits) check_fits<T>(s.i);
          else return void(*reinterpret_cast<T*>(to) = T(s.i));
        }
      *reinterpret_cast<T*>(to) = T(s);
    }
  });
}
void store_scalar(char* to, DType t, Scalar s) { store(to, t, s, true); }

// Numbers become one block of copies, so that kernels have a single shape.
void fill_scalar(char* to, DType t, Scalar s, int64_t n) {
  store(to, t, s, false);
  const int64_t item = item_size(t);
  for (int64_t filled = 1; filled < n; filled *= 2)
    std::memcpy(to + filled * item, to, size_t(std::min(filled, n - filled) * item));
}

Dims strides_in_bytes(const TensorImpl& t, int ndim) {
  Dims s(ndim);
  for (int d = 0; d < ndim; ++d) {
    const int own = d - (ndim - t.ndim);
    s[d] = own < 0 || t.sizes[own] == 1 ? 0 : t.strides[own] * item_size(t.dtype);
  }
  return s;
}

// 0-dim cpu tensors go with any device.
static Device common_device(const Execution& e) {
  Device found;
  bool any = false;
  for (int k = -1; k < e.count; ++k) {
    const TensorImpl* t = k < 0 ? e.into : e.in[k].tensor;
    if (!t || (t->ndim == 0 && t->device.type == Device::CPU && k >= 0)) continue;
    if (any && !(found == t->device))
      fail("Expected all tensors to be on the same device, but found at least two devices, ",
           to_string(found), " and ", to_string(t->device), "!");
    found = t->device;
    any = true;
  }
  return found;
}

// Strides of a 4-dimensional tensor whose second dimension is the fastest.
static Dims channels_last_strides(const Dims& shape) {
  const int64_t row = shape[3] * shape[1];
  return {row * shape[2], 1, row, shape[1]};
}
static bool is_channels_last(const TensorImpl& t) {
  int64_t expected = 1;
  for (const int d : {1, 3, 2, 0}) {
    if (t.sizes[d] == 1) continue;
    if (t.strides[d] != expected) return false;
    expected *= t.sizes[d];
  }
  return true;
}

Tensor result_like(DType dtype, const Dims& shape, Device device, const TensorImpl* const* operands,
                   int count) {
  const int n = shape.count;
  if (n < 2) return empty(dtype, shape, device);
  bool same = true, contiguous = true, channels_last = n == 4, alike = true;
  for (int k = 0; k < count; ++k) {
    const TensorImpl* t = operands[k];  // null: a number, which counts as a tensor of another shape
    if (!t || !(t->shape() == shape)) {
      same = false;
      break;
    }
    contiguous &= t->contiguous;
    channels_last = channels_last && is_channels_last(*t);
    alike &= t->stride() == operands[0]->stride() && is_dense_permutation(*t);
  }
  if (same && contiguous) return empty(dtype, shape, device);
  if (same && channels_last) return empty_strided(dtype, shape, channels_last_strides(shape), device);
  if (same && alike) return empty_strided(dtype, shape, operands[0]->stride(), device);
  // Insertion sort of the dimensions by the operands' strides, earlier operands first; an operand that is
  // broadcast in either of two says nothing about them.
  auto stride = [&](const TensorImpl& t, int64_t d) -> int64_t {
    const int own = int(d) - (n - t.ndim);
    return own < 0 || (t.sizes[own] == 1 && shape[int(d)] != 1) ? 0 : t.strides[own] * item_size(t.dtype);
  };
  auto swapped = [&](int64_t a, int64_t b) {  // +1: a is slower than b and must come after
    for (int k = 0; k < count; ++k) {
      if (!operands[k]) continue;
      const int64_t sa = stride(*operands[k], a), sb = stride(*operands[k], b);
      if (sa == 0 || sb == 0) continue;
      if (sa != sb) return sa < sb ? -1 : 1;
      if (shape[int(a)] > shape[int(b)]) return 1;
    }
    return 0;
  };
  Dims order(n);
  for (int d = 0; d < n; ++d) order[d] = n - 1 - d;  // fastest first
  for (int i = 1; i < n; ++i)
    for (int at = i, j = i - 1; j >= 0; --j) {
      const int c = swapped(order[j], order[at]);
      if (c > 0) {
        std::swap(order[j], order[at]);
        at = j;
      } else if (c < 0) {
        break;
      }
    }
  bool usual = true;
  for (int d = 0; d < n; ++d) usual &= order[d] == n - 1 - d;
  if (usual) return empty(dtype, shape, device);
  Dims strides(n);
  int64_t step = 1;
  for (int i = 0; i < n; ++i) {
    strides[int(order[i])] = step;
    step *= shape[int(order[i])];
  }
  return empty_strided(dtype, shape, strides, device);
}

static Tensor allocate_result(const Execution& e, const Dims& shape, Device device) {
  if (e.in_order) return empty(e.stored, shape, device);
  const TensorImpl* operands[kMaxOperands];
  int count = 0;
  for (int k = 0; k < e.count; ++k)
    if (e.in[k].tensor || e.in[k].present) operands[count++] = e.in[k].tensor;
  return result_like(e.stored, shape, device, operands, count);
}

// Where every operand repeats along dimension 0 (examples that vmap made of one), so does the result: one
// of them is computed.
static bool repeats(const Execution& e, const Dims& shape) {
  if (!mode.lazy_batch || e.into || shape.count == 0 || shape[0] < 2) return false;
  for (int k = 0; k < e.count; ++k)
    if (const TensorImpl* t = e.in[k].tensor;
        t && t->ndim == shape.count && t->sizes[0] != 1 && t->strides[0])
      return false;
  return true;
}

// Whether `in` shows elements of `out` in other places than out does. A search would tell; where it would be
// long, "no": the order in which elements are written is not defined then.
static bool reads_elsewhere(const TensorImpl& out, const TensorImpl& in) {
  if (in.storage != out.storage || in.numel == 0 || out.numel > kBlock) return false;
  if (in.data == out.data && in.same_shape(out) && in.stride() == out.stride()) return false;
  const int64_t item = item_size(out.dtype), in_item = item_size(in.dtype);
  int64_t step = 0, out_end = item, in_end = in_item;
  for (int d = 0; d < out.ndim; ++d) {
    out_end += (out.sizes[d] - 1) * out.strides[d] * item;
    if (out.sizes[d] > 1) step = std::gcd(step, out.strides[d] * item);
  }
  for (int d = 0; d < in.ndim; ++d) {
    in_end += (in.sizes[d] - 1) * in.strides[d] * in_item;
    if (in.sizes[d] > 1) step = std::gcd(step, in.strides[d] * in_item);
  }
  if (in.data >= out.data + out_end || out.data >= in.data + in_end) return false;
  return step == 0 || (in.data - out.data) % step == 0;  // columns of a matrix pass by each other
}

// Whether two elements of t may be one: an in-place write then reads what it has written.
static bool overlaps_itself(const TensorImpl& t) {
  if (t.contiguous || is_dense_permutation(t)) return false;
  Dims order;
  for (int d = 0; d < t.ndim; ++d)
    if (t.sizes[d] > 1) order.push(d);
  std::sort(order.v, order.v + order.count,
            [&](int64_t a, int64_t b) { return t.strides[a] < t.strides[b]; });
  int64_t reach = 0;
  for (int64_t d : order) {
    if (t.strides[d] <= reach) return true;
    reach += t.strides[d] * (t.sizes[d] - 1);
  }
  return false;
}

// One element after the other, as PyTorch's loop goes: what was written is read where operands lie in the
// result. Dimensions in the order of the result's strides, then of the operands'.
static void run_in_sequence(const Execution& e, const Dims& shape, const LoopOperand* operands) {
  const int n = shape.count, count = e.count + 1;
  auto slower = [&](int64_t a, int64_t b) {  // +1: a must come after b
    for (int k = 0; k < count; ++k) {
      const int64_t sa = operands[k].strides[a], sb = operands[k].strides[b];
      if (sa == 0 || sb == 0) continue;
      if (sa != sb) return sa < sb ? -1 : 1;
      if (shape[int(a)] > shape[int(b)]) return 1;
    }
    return 0;
  };
  Dims order(n), index(n);
  for (int d = 0; d < n; ++d) order[d] = n - 1 - d;  // fastest first
  for (int i = 1; i < n; ++i)
    for (int at = i, j = i - 1; j >= 0; --j) {
      const int c = slower(order[j], order[at]);
      if (c < 0) break;
      if (c == 0) continue;
      std::swap(order[j], order[at]);
      at = j;
    }
  for (int d = 0; d < n; ++d) index[d] = 0;
  void* at[kMaxOperands];
  for (int k = 0; k < count; ++k) at[k] = operands[k].data;
  for (bool more = true; more;) {
    e.kernel(e.params, 1, at);
    more = false;
    for (int i = 0; i < n && !more; ++i) {
      const int d = int(order[i]);
      more = ++index[d] < shape[d];
      if (!more) index[d] = 0;
      for (int k = 0; k < count; ++k)
        if (operands[k].data)
          at[k] = static_cast<char*>(at[k]) + operands[k].strides[d] * (more ? 1 : 1 - shape[d]);
    }
  }
}

[[gnu::noinline]] static Tensor execute_general(const Execution& e) {
  Dims shape;
  for (int k = 0; k < e.count; ++k)
    if (e.in[k].tensor) shape = broadcast(shape, e.in[k].tensor->shape());
  const Device device = common_device(e);
  const Dims whole = shape;
  const bool repeated = repeats(e, shape);
  if (repeated) shape[0] = 1;
  Tensor out;
  if (e.into) {
    if (!(shape == e.into->shape()))
      fail("output with shape ", to_string(e.into->shape()), " doesn't match the broadcast shape ",
           to_string(shape));
    require_writable(*e.into);
    for (int k = 0; k < e.count; ++k)
      if (e.in[k].tensor && e.in[k].tensor != e.into) require_no_partial_overlap(*e.into, *e.in[k].tensor);
    out = Tensor(e.into);
  } else {
    out = allocate_result(e, shape, device);
  }
  auto finished = [&] {
    if (repeated) {
      Dims strides = out->stride();
      strides[0] = 0;
      out->set_geometry(whole, strides);
    }
    return out;
  };
  if (device.type == Device::Meta) return finished();
  LoopOperand operands[kMaxOperands];
  alignas(16) char scalars[kMaxOperands][16];
  auto set = [&](int k, const TensorImpl& t, DType computed) {
    operands[k].data = t.data;
    operands[k].stored = t.dtype;
    operands[k].computed = computed;
    std::memcpy(operands[k].strides, strides_in_bytes(t, shape.count).v,
                sizeof(int64_t) * size_t(shape.count));
  };
  set(0, *out, e.result);
  for (int k = 0; k < e.count; ++k) {
    const Arg& a = e.in[k];
    const DType computed = k == e.mask ? DType::Bool : e.computed;
    if (a.tensor) {
      set(k + 1, *a.tensor, computed);
      continue;
    }
    if (a.present) store(scalars[k], computed, a.scalar, e.mask >= 0);
    operands[k + 1].data = a.present ? scalars[k] : nullptr;
    operands[k + 1].stored = operands[k + 1].computed = computed;
    std::memset(operands[k + 1].strides, 0, sizeof(int64_t) * size_t(shape.count));
  }
  if (e.into) {
    bool sequence = overlaps_itself(*out), plain = true;
    for (int k = 0; k < e.count; ++k) sequence |= e.in[k].tensor && reads_elsewhere(*out, *e.in[k].tensor);
    for (int k = 0; k <= e.count; ++k) plain &= operands[k].stored == operands[k].computed;
    if (sequence && plain) [[unlikely]] {
      if (out->numel) run_in_sequence(e, shape, operands);
      return finished();
    }
  }
  if (out->numel) run_loop(e.kernel, e.params, shape, operands, e.count + 1);
  return finished();
}

Tensor execute(const Execution& e) {
  // Same type, and same shape and dense (or single elements of any shape): no loop to plan.
  const TensorImpl* first = nullptr;
  bool uniform = e.result == e.stored;
  unsigned constants = 0;
  for (int k = 0; k < e.count; ++k) {
    const TensorImpl* t = e.in[k].tensor;
    if (!t) {
      constants |= 2u << k;
      continue;
    }
    uniform &= t->contiguous & (t->dtype == (k == e.mask ? DType::Bool : e.computed)) &
               (t->device.type == Device::CPU);
    if (!first) first = t;
    else if (t->numel == 1 && first->numel == 1) first = t->ndim > first->ndim ? t : first;
    else uniform &= t->same_shape(*first);
  }
  if (e.into)
    uniform &= e.into->contiguous && e.into->dtype == e.stored && e.into->same_shape(*first) &&
               (e.in[0].tensor == e.into) &&
               (e.count < 2 || !e.in[1].tensor || e.in[1].tensor->storage != e.into->storage) &&
               (e.count < 3 || !e.in[2].tensor || e.in[2].tensor->storage != e.into->storage);
  // A number is an operand of another shape: the result follows the strides of the tensor.
  if (!uniform || first->numel == 0 || (constants && !e.into && has_odd_strides(*first)))
    return execute_general(e);

  Tensor out = e.into ? Tensor(e.into) : empty_cpu(e.stored, first->ndim, first->sizes);
  const int64_t n = first->numel;
  char* block[kMaxOperands] = {out->data};
  alignas(64) char filled[2][kBlock * 16];  // at most two numbers: some operand is a tensor
  for (int k = 0, used = 0; k < e.count; ++k) {
    const Arg& a = e.in[k];
    if (a.tensor) {
      block[k + 1] = a.tensor->data;
      continue;
    }
    if (!a.present) {
      block[k + 1] = block[1];
      continue;
    }
    block[k + 1] = filled[used++];
    const DType t = k == e.mask ? DType::Bool : e.computed;
    if (e.mask >= 0) store_scalar(block[k + 1], t, a.scalar);  // where() is the one that looks
    fill_scalar(block[k + 1], t, a.scalar, std::min(n, kBlock));
  }
  if (n <= kBlock) {
    e.kernel(e.params, n, reinterpret_cast<void* const*>(block));
  } else {
    int sizes[kMaxOperands] = {int(item_size(e.result))};
    for (int k = 0; k < e.count; ++k) sizes[k + 1] = int(item_size(k == e.mask ? DType::Bool : e.computed));
    for (int k = 0; k < e.count; ++k)
      if (!e.in[k].tensor && !e.in[k].present) constants &= ~(2u << k), sizes[k + 1] = 0;
    run_dense(e.kernel, e.params, n, block, sizes, e.count + 1, constants);
  }
  return out;
}

}  // namespace facula
