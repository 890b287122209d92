// x[...]: reading and writing through Python's indexing syntax.
#include <algorithm>
#include "ops/functions.h"
#include "ops/index.h"
#include "ops/view.h"
#include "python/advice.h"
#include "python/override.h"
#include "python/batching.h"
#include "python/tensor_type.h"

namespace facula::python {
namespace {

Tensor apply_slice(const Tensor& t, int dim, PyObject* s) {
  const int64_t size = t->sizes[dim];
  Py_ssize_t start, stop, step;
  if (PySlice_Unpack(s, &start, &stop, &step) < 0) throw PythonErrorAlreadySet();
  if (step <= 0) fail<ValueError>("step must be greater than zero");
  const bool whole = start == 0 && stop >= size && step == 1;  // as written: -3: of three elements is a slice
  PySlice_AdjustIndices(size, &start, &stop, step);
  if (whole) return t;  // leaves no node behind
  return slice(t, dim, start, stop < start ? start : stop, step);
}

// `place`: which of the indices it is; PyTorch calls that the dimension.
Tensor apply_integer(const Tensor& t, int dim, int64_t at, int place = 0) {
  if (t->ndim == 0 && at == 0)
    fail<IndexError>(
        "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to "
        "convert a 0-dim "
        "tensor to a number");
  const int64_t size = t->ndim ? t->sizes[dim] : 0;
  if (at < -size || at >= size)
    fail<IndexError>("index ", at, " is out of bounds for dimension ", place, " with size ", size);
  return select(t, dim, at);
}

// What one item of the index is.
enum class Item : uint8_t { Integer, Slice, NewAxis, Ellipsis, Truth, Tensor };

struct Parsed {
  Item kind;
  PyObject* object;
  Tensor tensor;  // Item::Tensor
};

Parsed parse(PyObject* o) {
  if (PySlice_Check(o)) return {Item::Slice, o, nullptr};
  if (PyBool_Check(o)) return {Item::Truth, o, nullptr};
  if (PyLong_Check(o)) return {Item::Integer, o, nullptr};
  if (o == Py_None) return {Item::NewAxis, o, nullptr};
  if (o == Py_Ellipsis) return {Item::Ellipsis, o, nullptr};
  if (is_tensor(o)) {
    const Tensor& t = tensor_of(o);
    if (t->ndim == 0 && is_integral(t->dtype) && t->dtype != DType::UInt8 && !t->is_meta())
      return {Item::Integer, o, nullptr};
    if (t->dtype != DType::Int64 && t->dtype != DType::Int32 && t->dtype != DType::UInt8 &&
        t->dtype != DType::Bool)
      fail<IndexError>("tensors used as indices must be long, int, byte or bool tensors");
    return {Item::Tensor, o, t};
  }
  if (PySequence_Check(o) && !PyUnicode_Check(o)) {  // lists, arrays; what is no position is cut off
    Tensor t = tensor_from(o, std::nullopt, Device{});
    if (is_complex(t->dtype) && (PyList_Check(o) || PyTuple_Check(o)))
      fail<TypeError>("'complex' object cannot be interpreted as an integer");
    if (t->dtype != DType::Bool && t->dtype != DType::UInt8) t = converted(t, DType::Int64);
    return {Item::Tensor, o, std::move(t)};
  }
  int64_t i;
  if (PyIndex_Check(o) && to_int(o, &i)) return {Item::Integer, o, nullptr};
  if (PyUnicode_Check(o))
    fail<TypeError>(
        "new(): invalid data type 'str'\nOnly integers, slices (`:`), ellipsis (`...`), None and "
        "tensors are indices.");
  fail<IndexError>(
      "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
      "(got ",
      Py_TYPE(o)->tp_name, ")");
}

// x[[[0, 1], [1, 2]]] is x[[0, 1], [1, 2]]: NumPy's old rule, which PyTorch keeps. A short list that holds
// anything but numbers stands for a tuple.
bool stands_for_tuple(PyObject* index) {
  if (!PyList_Check(index) || PyList_GET_SIZE(index) >= 32) return false;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(index); ++i) {
    PyObject* o = PyList_GET_ITEM(index, i);
    if (is_tensor(o) || o == Py_None || o == Py_Ellipsis || PySlice_Check(o) || PySequence_Check(o)) {
      static bool warned = false;
      if (!std::exchange(warned, true))
        warn(
            "Using a non-tuple sequence for multidimensional indexing is deprecated: use x[tuple(seq)] "
            "instead "
            "of x[seq], or x[torch.tensor(seq)] for one index of several dimensions");
      return true;
    }
  }
  return false;
}

// A limit of a slice as it is written: an int, or None for `absent`.
bool plain_limit(PyObject* o, int64_t absent, int64_t* out) {
  if (o == Py_None) return *out = absent, true;
  return exact_int(o, out);
}

// x[1, 2:5] without a history is one view, however many items it has. Null: more than integers and slices,
// nothing to cut off, or an error.
Tensor cut_at_once(const Tensor& self, PyObject* index) {
  PyObject* const* items = &index;
  Py_ssize_t n = 1;
  if (PyTuple_CheckExact(index)) {
    items = PySequence_Fast_ITEMS(index);
    n = PyTuple_GET_SIZE(index);
  }
  const TensorImpl& x = *self;
  if (n > x.ndim || x.ndim > TensorImpl::kInline || mode.forward || (mode.grad && requires_grad(x)))
    return nullptr;
  int64_t sizes[TensorImpl::kInline], strides[TensorImpl::kInline], offset = 0;
  int to = 0;
  bool whole = true;
  for (int d = 0; d < x.ndim; ++d) {
    const int64_t size = x.sizes[d], stride = x.strides[d];
    int64_t at, stop = size, step = 1, length = size;
    if (d < n && exact_int(items[d], &at)) {
      if (at < 0) at += size;
      if (at < 0 || at >= size) return nullptr;
      whole = false;
      offset += at * stride;
      continue;
    }
    if (d < n) {
      if (!PySlice_Check(items[d])) return nullptr;
      const auto* s = reinterpret_cast<PySliceObject*>(items[d]);
      if (!plain_limit(s->start, 0, &at) || !plain_limit(s->stop, size, &stop) ||
          !plain_limit(s->step, 1, &step) || step < 1)
        return nullptr;
      at = std::clamp<int64_t>(at < 0 ? at + size : at, 0, size);
      stop = std::clamp<int64_t>(stop < 0 ? stop + size : stop, at, size);
      length = step == 1 ? stop - at : (stop - at) / step + ((stop - at) % step != 0);
      whole &= length == size;
      offset += at * stride;
    }
    sizes[to] = length;
    strides[to++] = stride * step;
  }
  if (whole) return nullptr;
  Tensor out = alias(x, to, sizes, strides, offset);
  mark_view(*out, *self);
  return out;
}

// The views that the basic items make; `indices` receives the tensors, by dimension of the result (null:
// none).
Tensor apply(const Tensor& self, PyObject* index, Tensors& indices) {
  PyObject* const* items = &index;
  Py_ssize_t n = 1;
  if (PyTuple_Check(index)) {
    items = PySequence_Fast_ITEMS(index);
    n = PyTuple_GET_SIZE(index);
  } else if (stands_for_tuple(index)) {
    items = PySequence_Fast_ITEMS(index);
    n = PyList_GET_SIZE(index);
  }
  // One integer: nothing to plan.
  if (n == 1 && PyLong_CheckExact(items[0])) {
    int64_t at;
    to_int(items[0], &at);
    return apply_integer(self, 0, at);
  }
  std::vector<Parsed> parsed;
  parsed.reserve(size_t(n));
  int used = 0;
  for (Py_ssize_t i = 0; i < n; ++i) {
    parsed.push_back(parse(items[i]));
    const Parsed& p = parsed.back();
    if (p.kind == Item::Integer || p.kind == Item::Slice) ++used;
    if (p.kind == Item::Tensor) {
      const bool mask = p.tensor->dtype == DType::Bool || p.tensor->dtype == DType::UInt8;
      used += mask ? p.tensor->ndim : 1;
    }
  }
  if (used > self->ndim) {
    if (self->ndim == 0 && n == 1 && parsed[0].kind == Item::Integer) {
      int64_t at = 0;
      to_int(parsed[0].object, &at);
      return apply_integer(self, 0, at);
    }
    if (self->ndim == 0 && n == 1 && parsed[0].kind == Item::Slice)
      fail<IndexError>("slice() cannot be applied to a 0-dim tensor.");
    fail<IndexError>("too many indices for tensor of dimension ", int(self->ndim));
  }
  Tensor t = self;
  int dim = 0;
  for (const Parsed& p : parsed) {
    const bool takes = p.kind == Item::Integer || p.kind == Item::Slice || (p.tensor && p.tensor->ndim);
    if (dim + takes > t->ndim && p.kind != Item::Ellipsis)  // a second ellipsis went past the end
      fail<IndexError>("Dimension out of range (expected to be in range of [", -t->ndim, ", ", t->ndim - 1,
                       "], but got ", dim, ")");
    switch (p.kind) {
      case Item::Ellipsis: dim += self->ndim - used; break;
      case Item::NewAxis: t = unsqueeze(t, dim++); break;
      case Item::Slice: t = apply_slice(t, dim++, p.object); break;
      case Item::Integer: {
        int64_t at = 0;
        to_int(p.object, &at);
        t = apply_integer(t, dim, at, int(&p - parsed.data()));
        break;
      }
      case Item::Truth:
        t = unsqueeze(t, dim);
        indices.resize(size_t(dim));
        indices.push_back(full(Dims{1}, p.object == Py_True, DType::Bool));
        ++dim;
        break;
      case Item::Tensor: {
        const bool mask = p.tensor->dtype == DType::Bool || p.tensor->dtype == DType::UInt8;
        if (mask && p.tensor->ndim == 0) {  // a 0-dim mask is a truth value
          t = unsqueeze(t, dim);
          indices.resize(size_t(dim));
          indices.push_back(unsqueeze(to_dtype(p.tensor, DType::Bool), 0));
          ++dim;
          break;
        }
        indices.resize(size_t(dim));
        if (n == 1 && p.tensor->dtype == DType::Bool)
          indices.push_back(p.tensor);  // x[mask] needs no positions
        else if (mask)
          for (Tensor& positions : mask_positions(t, p.tensor, dim)) indices.push_back(std::move(positions));
        else indices.push_back(p.tensor);
        dim += mask ? p.tensor->ndim : 1;
        break;
      }
    }
  }
  return t;
}

}  // namespace

PyObject* get_item(PyObject* self, PyObject* index_object) {
  if (live_vmaps && (is_batched(self) || index_is_batched(index_object))) [[unlikely]]
    return get_item_batched(self, index_object);
  PyObject* done = guarded([&]() -> PyObject* {
    if (!overridden(self)) [[likely]]
      if (Tensor t = cut_at_once(tensor_of(self), index_object)) return wrap(std::move(t));
    if (overridden(self) || (!PyLong_CheckExact(index_object) && any_override(&index_object, 1)))
        [[unlikely]] {
      PyObject* args[] = {self, index_object};
      return override_method("__getitem__", args, 2, nullptr);
    }
    const Tensor& t = tensor_of(self);
    Tensors indices;
    Tensor seen = apply(t, index_object, indices);
    if (!indices.empty()) seen = index(seen, indices);
    else if (seen.get() == t.get())
      seen = PySlice_Check(index_object) ? slice(t, 0, 0, t->sizes[0]) : recorded_alias(t);
    return wrap(std::move(seen));
  });
  return advised(done, "__getitem__", self, &index_object, 1, nullptr);
}

// What is assigned is seen without its leading dimensions of size 1, then stretched: as nodes show it.
static Tensor without_leading_ones(const Tensor& x) {
  int first = 0;
  while (first < x->ndim && x->sizes[first] == 1) ++first;
  return view(x, Dims(x->ndim - first, x->sizes + first));
}
static bool broadcasts_to(const TensorImpl& from, const TensorImpl& to) {
  for (int d = 1; d <= from.ndim; ++d)
    if (d > to.ndim || (from.sizes[from.ndim - d] != 1 && from.sizes[from.ndim - d] != to.sizes[to.ndim - d]))
      return false;
  return true;
}

int set_item(PyObject* self, PyObject* index_object, PyObject* value) {
  if (live_vmaps && value && (is_batched(self) || is_batched(value) || index_is_batched(index_object)))
      [[unlikely]]
    return set_item_batched(self, index_object, value);
  const int failed = guarded([&] {
    if (!value) fail<TypeError>("Tensor does not support deleting items");
    if (overridden(self) || (Py_TYPE(value) != &TensorType && any_override(&value, 1)) ||
        (!PyLong_CheckExact(index_object) && any_override(&index_object, 1))) [[unlikely]] {
      PyObject* args[] = {self, index_object, value};
      const Owned done(override_method("__setitem__", args, 3, nullptr));
      return 0;
    }
    const Tensor t = tensor_of(self);
    Tensors indices;
    Tensor target = cut_at_once(t, index_object);
    if (!target) target = apply(t, index_object, indices);
    Scalar s;
    if (int64_t whole; PyLong_CheckExact(value)) to_int(value, &whole);  // refuses those beyond int64
    const bool number = !is_tensor(value) && to_scalar(value, &s);
    Tensor source;
    if (is_tensor(value)) source = tensor_of(value);
    else if (!number)
      fail<TypeError>("can't assign a ", Py_TYPE(value)->tp_name, " to a torch.", c_name(t->dtype), "Tensor");
    if (indices.empty()) {
      if (number && !(mode.grad && requires_grad(*target))) {
        require_writable(*target);
        fill_(target, s);
        return 0;
      }
      if (number) source = full(Dims(), s, target->dtype, target->device);
      if (source->ndim == 0 && target->ndim) {
        fill_with(target, source);
        return 0;
      }
      if (!target->same_shape(*source)) {
        source = without_leading_ones(source);
        if (broadcasts_to(*source, *target)) source = expand(source, target->shape());
      }
      copy_(target, source);
      return 0;
    }
    if (number) source = full(Dims(), s, target->dtype, target->device);
    else if (source->dtype != target->dtype && (!is_tensor(value) || fills_under_mask(indices, *source)))
      source = to_dtype(source, target->dtype);
    if ((source->ndim > 0 && source->sizes[0] == 1) || (mode.grad && requires_grad(*source)))
      source = without_leading_ones(source);
    index_put_(target, indices, source, false);
    return 0;
  });
  if (failed) [[unlikely]] {
    PyObject* const args[] = {index_object, value};
    add_advice("__setitem__", self, args, value ? 2 : 1, nullptr);
  }
  return failed;
}

}  // namespace facula::python
