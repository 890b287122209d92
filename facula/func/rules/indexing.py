"""Batch rules of indexing, gathering and scattering.

x[i, j] with batched indices is an index of the values with one more index array, the number of the example.
"""

from __future__ import annotations

from ... import _C
from .._batch import (
    BatchedTensor,
    NotBatchable,
    Tensor,
    batch_rule,
    decompose,
    full_rule,
    is_batched,
    top_level,
    value_of,
    wrap,
    writable,
)
from .._derived import along, leading

_f = _C._functions


def _items(index):
    return index if isinstance(index, tuple) else (index,)


def _as_index(item):
    """An item as basic (int, slice, None, ...) or a tensor."""
    if isinstance(item, Tensor):
        return item
    if isinstance(item, bool) or item is None or item is Ellipsis or isinstance(item, (int, slice)):
        return item
    if isinstance(item, (list, tuple, range)) or hasattr(item, "__array_interface__"):
        if any(type(x) is BatchedTensor for x in item):
            return _f.stack([x if isinstance(x, Tensor) else _C.tensor(x) for x in item])
        t = _C.tensor(item) if not isinstance(item, range) else _C.tensor(list(item))
        return t.long() if t.numel() == 0 else t
    if hasattr(item, "__index__"):
        return item.__index__()
    return item


def _is_mask(t):
    return t.dtype in (_C.bool, _C.uint8)


def _level_of(self, index, value=None):
    return top_level((self, value, *(i for i in _items(index) if isinstance(i, Tensor))))


def _mask_positions(mask, level):
    if is_batched(mask, level):
        if not level.alike:
            raise NotBatchable(
                "vmap: We do not support batching operators that can support dynamic shape. Attempting to "
                "batch over indexing with a boolean mask."
            )
        mask = mask._value.select(0, 0)
    return mask.nonzero(as_tuple=True)


def _plan(self, index, level):
    """What the basic items make, a value with the batch in front, and index tensors by dimension."""
    items = [_as_index(i) for i in _items(index)]
    used = sum(
        i.dim() if isinstance(i, Tensor) and _is_mask(i) else 1
        for i in items
        if isinstance(i, (Tensor, int, slice)) and not isinstance(i, bool)
    )
    if used > self.dim():
        raise IndexError(f"too many indices for tensor of dimension {self.dim()}")
    if sum(i is Ellipsis for i in items) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    tensors: dict[int, Tensor] = {}
    basic: list = []
    dim = 0  # of what the basic items make
    for i in items:
        if i is Ellipsis:
            basic.append(i)
            dim += self.dim() - used
        elif i is None:
            basic.append(i)
            dim += 1
        elif isinstance(i, bool) or (isinstance(i, Tensor) and _is_mask(i) and i.dim() == 0):
            basic.append(None)
            truth = i if isinstance(i, Tensor) else _C.tensor(i)
            tensors[dim] = _mask_positions(truth.reshape(1), level)[0]
            dim += 1
        elif isinstance(i, Tensor):
            if _is_mask(i):
                for k, positions in enumerate(_mask_positions(i, level)):
                    if not isinstance(self, BatchedTensor) or k < i.dim():
                        size = self.shape[_source_dim(basic, k, self, used)]
                        if size != i.shape[k]:
                            raise IndexError(
                                f"The shape of the mask {list(i.shape)} at index {k} does not match the "
                                f"shape of the indexed tensor {list(self.shape)} at index {k}"
                            )
                    tensors[dim] = positions
                    basic.append(slice(None))
                    dim += 1
            else:
                if i.dtype.is_floating_point or i.dtype.is_complex:
                    raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
                tensors[dim] = i
                basic.append(slice(None))
                dim += 1
        elif isinstance(i, slice):
            basic.append(
                slice(
                    *(
                        s if s is None or isinstance(s, int) else s.__index__()
                        for s in (i.start, i.stop, i.step)
                    )
                )
            )
            dim += 1
        else:
            basic.append(i)
    batched = is_batched(self, level)
    if batched:
        v = self._value
        seen = v[(slice(None), *basic)]
        if self.dim() == 0 and any(isinstance(b, int) for b in basic):
            raise IndexError(
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in "
                "C++ to convert a 0-dim tensor to a number"
            )
    else:
        seen = self[tuple(basic)] if basic else self
    return seen, tensors, batched


def _source_dim(basic, k, self, used):
    """The dimension of the indexed tensor that the next item takes."""
    taken = sum(1 for b in basic if b is not None and b is not Ellipsis)
    return taken + (self.dim() - used if Ellipsis in basic else 0)


class _Arranged:
    """A value whose indexed dimensions stand in front, and where the result's dimensions belong."""

    def __init__(self, seen, tensors, batched, level):
        self.level = level
        dims = sorted(tensors)
        self.index = [tensors[d] for d in dims]
        self.rank = max(i.dim() for i in self.index)  # of the broadcast indices
        lead = 1 if batched else 0
        others = [d for d in range(lead, seen.dim()) if d - lead not in tensors]
        self.batched_index = any(is_batched(i, level) for i in self.index)
        front = [d + lead for d in dims]
        adjacent = dims[-1] - dims[0] == len(dims) - 1
        self.at = dims[0] if adjacent else 0  # where the index dimensions go among the result's
        if not batched:
            self.value = seen.permute(front + others)
        elif self.batched_index:
            self.value = seen.permute([0, *front, *others])
        else:
            self.value = seen.permute([*front, 0, *others])
        self.others = [seen.shape[d] for d in others]
        self.batched = batched

    def indices(self):
        """The index arrays, those of a batch with it in front."""
        if not self.batched_index:
            return tuple(self.index)
        out = []
        for i in self.index:
            if is_batched(i, self.level):
                v = i._value
                v = v.reshape((v.size(0), *(1,) * (self.rank - i.dim()), *i.shape))
            else:
                v = i
            out.append(v.long() if not v.dtype == _C.int64 else v)
        if self.batched:
            n = self.level.size
            out.insert(0, _f.arange(n).reshape((n, *(1,) * self.rank)))
        return tuple(out)


def get_item(self, index):
    """x[index] where x or the index is batched."""
    level = _level_of(self, index)
    if level is None:
        return Tensor.__getitem__(self, index)
    seen, tensors, batched = _plan(self, index, level)
    if not tensors:
        return wrap(seen, level.number)
    a = _Arranged(seen, tensors, batched, level)
    found = a.value[a.indices()]  # [(batch,) index dimensions, (batch,) others]
    if not a.batched_index:
        found = found.movedim(a.rank, 0)
    if a.at:
        found = found.movedim(tuple(range(1, 1 + a.rank)), tuple(range(1 + a.at, 1 + a.at + a.rank)))
    return wrap(found, level.number)


def set_item(self, index, value):
    """x[index] = value where any of them is batched."""
    level = _level_of(self, index, value)
    if level is None:
        Tensor.__setitem__(self, index, value)
        return
    writable(self, level)
    seen, tensors, _ = _plan(self, index, level)
    if not isinstance(value, Tensor) and not isinstance(value, (int, float, complex, bool)):
        value = _C.tensor(value, dtype=self.dtype)
    if not tensors:
        if not isinstance(value, Tensor):
            seen.fill_(value)
            return
        value = _without_leading_ones(value, seen.dim() - 1)
        if is_batched(value, level):
            v = value._value
            v = v.reshape((v.size(0), *(1,) * (seen.dim() - v.dim()), *v.shape[1:]))
        else:
            v = value
        seen.copy_(v)
        return
    _put(_Arranged(seen, tensors, True, level), value, self.dtype, level, False)


def _without_leading_ones(value, rank):
    while value.dim() > rank and value.shape[0] == 1:
        value = value.squeeze(0)
    return value


def _put(a, value, dtype, level, accumulate):
    indices = a.indices()
    if not isinstance(value, Tensor):
        a.value.index_put_(indices, _C.tensor(value, dtype=dtype), accumulate)
        return
    value = value.to(dtype)
    shape = _f.broadcast_tensors(*[_f.empty(i.shape, device="meta") for i in a.index])[0].shape
    logical = [*a.others[: a.at], *shape, *a.others[a.at :]]
    value = _without_leading_ones(value, len(logical))
    v = value_of(value, level)
    v = v.reshape((v.size(0), *(1,) * (len(logical) - value.dim()), *value.shape))
    v = v.expand((level.size, *logical))
    if a.at:
        v = v.movedim(tuple(range(1 + a.at, 1 + a.at + a.rank)), tuple(range(1, 1 + a.rank)))
    if not a.batched_index:
        v = v.movedim(0, a.rank)
    a.value.index_put_(indices, v, accumulate)


def _indexed(x, indices, level):
    """The arrangement for index_put: tensors and None by dimension."""
    tensors: dict[int, Tensor] = {}
    dim = 0
    for i in indices:
        if i is None:
            dim += 1
        elif _is_mask(i):
            for positions in _mask_positions(i, level):
                tensors[dim] = positions
                dim += 1
        else:
            tensors[dim] = i
            dim += 1
    return _Arranged(x._value, tensors, True, level)


@full_rule("index_put_")
def index_put_(e, args, inplace, level):
    x, indices, values, accumulate = args
    writable(x, level)
    _put(_indexed(x, indices, level), values, x.dtype, level, accumulate)
    return x


@full_rule("index_put")
def index_put(e, args, inplace, level):
    x = wrap(value_of(args[0], level).clone(), level.number)
    return index_put_(e, (x, *args[1:]), True, level)


# --- masks ---


@full_rule("masked_fill")
def masked_fill(e, args, inplace, level):
    x, mask, value = args
    if not isinstance(value, Tensor):
        return leading(e, args, inplace, level)
    if value.dim():
        raise RuntimeError(
            "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.dim()} dimension(s)."
        )
    result = _f.where(mask, value.to(x.dtype), x)
    return x.copy_(result) if inplace else result


@decompose("fill")
def fill(x, value):
    if isinstance(value, Tensor):
        return value.to(x.dtype).expand(x.shape).clone()
    return _f.full_like(x, value)


@full_rule("fill_")
def fill_(e, args, inplace, level):
    x, value = args
    if not isinstance(value, Tensor):
        return leading(e, args, inplace, level)
    if value.dim():
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {value.dim()} dimensions."
        )
    return x.copy_(value)


# --- along a dimension ---


@decompose("take")
def take(x, index):
    n = x.numel()
    flat = index.reshape(-1)
    return x.reshape(-1).gather(0, _f.where(flat < 0, flat + n, flat)).reshape(index.shape)


@decompose("put")
def put(x, index, source, accumulate=False):
    flat = index.reshape(-1)
    flat = _f.where(flat < 0, flat + x.numel(), flat)
    out = x.reshape(-1)
    values = source.reshape(-1)
    out = out.scatter_add(0, flat, values) if accumulate else out.scatter(0, flat, values)
    return out.reshape(x.shape)


def _spread(index, x, dim):
    """A vector of positions along one dimension as an index of gather, of x's rank."""
    shape = [1] * x.dim()
    shape[dim] = index.numel()
    full = list(x.shape)
    full[dim] = index.numel()
    return index.reshape(shape).expand(full)


def _vector_rule(spread):
    """For index_select and the like: the index is a vector, the same for all examples or not."""

    def rule(e, args, inplace, level):
        x, dim, index = args[:3]
        if is_batched(index, level):
            wide = x.reshape(1) if x.dim() == 0 else x
            result = spread(wide, dim % wide.dim(), index, *args[3:])
            if x.dim() == 0:
                result = result.reshape(())
            return x.copy_(result) if inplace else result
        values = [value_of(a, level) if isinstance(a, Tensor) and i != 2 else a for i, a in enumerate(args)]
        if e.name == "index_fill":
            if is_batched(args[3], level):
                wide = x.reshape(1) if x.dim() == 0 else x
                result = spread(wide, dim % wide.dim(), index, args[3]).reshape(x.shape)
                return x.copy_(result) if inplace else result
            values[3] = args[3]
        single = x.dim() == 0
        if single or not -x.dim() <= dim < x.dim():
            e.run_meta(args)
        if single:
            values = [
                v.unsqueeze(1) if isinstance(v, Tensor) and i != 2 and v is not a and a.dim() == 0 else v
                for i, (v, a) in enumerate(zip(values, args))
            ]
        values[1] = 1 if single else dim % x.dim() + 1
        result = e.run(values)
        if single:
            result = result.reshape((level.size, *e.run_meta(args).shape))
        result = wrap(result, level.number)
        return x.copy_(result) if inplace else result

    return rule


@_vector_rule
def _select(x, dim, index):
    return x.gather(dim, _spread(index, x, dim))


@_vector_rule
def _add(x, dim, index, source, alpha=1):
    if source.dim() == 0:
        source = source.reshape(1)
    return x.scatter_add(dim, _spread(index, x, dim), source * alpha if alpha != 1 else source)


@_vector_rule
def _copy(x, dim, index, source):
    return x.scatter(dim, _spread(index, x, dim), source if source.dim() else source.reshape(1))


@_vector_rule
def _fill(x, dim, index, value):
    shape = [1] * x.dim()
    shape[dim] = x.shape[dim]
    line = _f.zeros(x.shape[dim], dtype=_C.bool)
    chosen = line.scatter(0, _f.where(index < 0, index + x.shape[dim], index).reshape(-1), True)
    return x.masked_fill(chosen.reshape(shape), value)


@_vector_rule
def _reduce(x, dim, index, source, reduce, include_self=True):
    return x.scatter_reduce(dim, _spread(index, x, dim), source, reduce, include_self=include_self)


full_rule("index_select")(_select)
full_rule("index_add")(_add)
full_rule("index_copy")(_copy)
full_rule("index_fill")(_fill)
full_rule("index_reduce")(_reduce)


@full_rule("take_along_dim")
def take_along_dim(e, args, inplace, level):
    x, indices, dim = args
    if dim is None:
        return x.reshape(-1).gather(0, indices.reshape(-1))
    if x.dim() and x.shape[dim]:
        indices = indices % x.shape[dim]
    d = dim % max(x.dim(), 1)
    shape = list(
        _f.broadcast_tensors(
            _f.empty([1 if i == d else s for i, s in enumerate(x.shape)], device="meta"),
            _f.empty([1 if i == d else s for i, s in enumerate(indices.shape)], device="meta"),
        )[0].shape
    )
    xs, at = list(shape), list(shape)
    if shape:
        xs[d], at[d] = x.shape[d], indices.shape[d]
    return x.expand(xs).gather(d, indices.expand(at))


def _value_as_tensor(e, args, inplace, level):
    """scatter(x, dim, index, 0-dim batched value)"""
    x, dim, index, value, *rest = args
    if isinstance(value, Tensor) and value.dim() == 0 and index.dim():
        args = (x, dim, index, value.expand(index.shape), *rest)
    return along(e, args, inplace, level)


full_rule("scatter")(_value_as_tensor)


@batch_rule("select_scatter")
def select_scatter(call, x, src, dim, index):
    call.entry.run_meta((x, src, dim, index))
    return _f.select_scatter(call.value(x), call.value(src), dim % x.dim() + 1, index)
