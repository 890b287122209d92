"""Batch rules of searching, sorting, counting, norms and linear systems."""

from __future__ import annotations

from ... import _C
from .._batch import Tensor, as_rows, batch_rule, decompose, full_rule, is_batched, value_of, wrap
from .._derived import _in_front, along, leading, over_all

_f = _C._functions
_linalg = _C._linalg


@decompose("msort")
def msort(x):
    return x.sort(dim=0)[0]


@batch_rule("searchsorted")
def searchsorted(call, sequence, x, out_int32=False, right=False, side=None, sorter=None):
    options = (out_int32, right, side)
    if not isinstance(x, Tensor):
        if sequence.dim() == 1:
            column = call.value(sequence).new_full((call.size, 1), x, dtype=_C.tensor(x).dtype)
            return call.run(call.value(sequence), column, *options, _or_none(call, sorter)).squeeze(1)
        call.entry.run_meta((sequence, x, *options, sorter))
    if sequence.dim() == 1 and not call.batched(sequence) and not call.batched(sorter):
        return call.run(sequence, x._value, *options, sorter)
    s, v = call.value(sequence), call.value(x)
    if sequence.dim() == 1:
        return call.run(s, as_rows(v), *options, _or_none(call, sorter)).reshape(v.shape)
    return call.run(s, v, *options, _or_none(call, sorter))


def _or_none(call, x):
    return None if x is None else call.value(x)


@decompose("bucketize")
def bucketize(x, boundaries, out_int32=False, right=False):
    if boundaries.dim() != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.dim()})")
    return _f.searchsorted(boundaries, x, out_int32=out_int32, right=right)


@decompose("isin")
def isin(elements, test_elements, assume_unique=False, invert=False):
    if not isinstance(elements, Tensor):
        elements = _C.tensor(elements)
    if not isinstance(test_elements, Tensor):
        found = elements == test_elements
    else:
        found = (elements.unsqueeze(-1) == test_elements.reshape(-1)).any(-1)
    return ~found if invert else found


@decompose("dist")
def dist(x, other, p=2):
    return _linalg.vector_norm(x - other, p)


@full_rule("norm")
def norm(e, args, inplace, level):
    if args[1] == "nuc":
        if args[2] is None:
            return _linalg.svdvals(args[0]).sum(-1, keepdim=args[3] and args[0].dim() < 2)
        x = args[0].movedim(tuple(args[2]), (-2, -1))
        out = _linalg.svdvals(x).sum(-1)
        return _kept(out, args[2], args[0].dim()) if args[3] else out
    return along(e, args, inplace, level)


def _kept(out, dims, rank):
    for d in sorted(d % rank for d in dims):
        out = out.unsqueeze(d)
    return out


@full_rule("max", "min", "median", "nanmedian")
def extreme(e, args, inplace, level):
    if len(args) > 1 and isinstance(args[1], Tensor):
        return leading(e, args, inplace, level)
    return along(e, args, inplace, level) if e.dims else over_all(e, args, inplace, level)


@decompose("cross")
def cross(x, other, dim=-1):
    shape = _f.broadcast_tensors(_f.empty(x.shape, device="meta"), _f.empty(other.shape, device="meta"))[
        0
    ].shape
    if dim is None:
        dim = next((i for i, n in enumerate(shape) if n == 3), None)
        if dim is None:
            raise RuntimeError("no dimension of size 3 in input")
    n = len(shape)
    if not -n <= dim < n or shape[dim] != 3:
        from .joining import example

        return example(_linalg.cross, x, other, dim=dim)
    x, other = x.expand(shape), other.expand(shape)
    a, b = ([t.select(dim, i) for i in range(3)] for t in (x, other))
    parts = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    return _f.stack(parts, dim % n)


@full_rule("solve", "solve_ex")
def solve(e, args, inplace, level):
    """A right hand side may be a vector, which its shape decides."""
    a, b = args[:2]
    vector = b.dim() == 1 or (a.dim() - 1 == b.dim() and tuple(a.shape[:-1]) == tuple(b.shape))
    if not vector:
        return leading(e, (wrap(value_of(a, level), level.number), *args[1:]), inplace, level)
    if a.dim() < 2:
        e.run_meta(args)
    values = [value_of(a, level), value_of(b, level).unsqueeze(-1), *args[2:]]
    if b.dim() == 1 and a.dim() > 2:  # one vector for a stack of matrices
        values[1] = values[1].reshape((level.size, *(1,) * (a.dim() - 2), *values[1].shape[1:]))
    result = e.run(values)
    if isinstance(result, Tensor):
        return wrap(result.squeeze(-1), level.number)
    return type(result)((wrap(result[0].squeeze(-1), level.number), wrap(result[1], level.number)))


@full_rule("lstsq")
def lstsq(e, args, inplace, level):
    a, b = args[:2]
    vector = a.dim() - 1 == b.dim()
    va, vb = value_of(a, level), value_of(b, level)
    result = e.run([va, vb.unsqueeze(-1) if vector else vb, *args[2:]])
    parts = list(result)
    if vector:
        parts[0] = parts[0].squeeze(-1)
    parts = [p.new_zeros((level.size, 0)) if tuple(p.shape) == (0,) else p for p in parts]
    return wrap(type(result)(parts), level.number)


@full_rule("lu_solve", "ldl_solve", "lu_unpack")
def factors(e, args, inplace, level):
    """Factors and pivots go together: both have the batch."""
    values = list(args)
    for name in ("LU", "LU_data", "LD", "pivots", "LU_pivots"):
        if name in e.names:
            at = e.position(name)
            values[at] = wrap(value_of(args[at], level), level.number)
    return leading(e, tuple(values), inplace, level)


@full_rule("orgqr", "ormqr", "householder_product")
def reflections(e, args, inplace, level):
    return wrap(e.run([value_of(a, level) if isinstance(a, Tensor) else a for a in args]), level.number)


@full_rule("pdist")
def pdist(e, args, inplace, level):
    x, p = args
    if x.dim() != 2:
        e.run_meta(args)
    i, j = _f.triu_indices(x.shape[0], x.shape[0], 1) if hasattr(_f, "triu_indices") else _pairs(x.shape[0])
    return _linalg.vector_norm(x[i] - x[j], p, -1)


def _pairs(n):
    whole = _f.combinations(_f.arange(n), 2)
    return whole.T


@batch_rule("_cdist")
def cdist(call, a, b, p=2, compute_mode=None):
    rank = max(a.dim(), b.dim())
    va = _in_front(a, rank) if is_batched(a, call.level) else a
    vb = _in_front(b, rank) if is_batched(b, call.level) else b
    return call.run(va, vb, p, compute_mode)


@decompose("histc")
def histc(x, bins=100, min=0, max=0):  # noqa: A002  their public names
    if bins <= 0:
        raise RuntimeError("bins must be > 0")
    x = x.reshape(-1)
    low, high = _C.tensor(min, dtype=x.dtype), _C.tensor(max, dtype=x.dtype)
    if min == max:
        low, high = x.min(), x.max()
        flat = low == high
        low, high = _f.where(flat, low - 1, low), _f.where(flat, high + 1, high)
    inside = (x >= low) & (x <= high)
    at = ((x - low) * (bins / (high - low))).long().clamp(0, bins - 1)
    return x.new_zeros(bins).scatter_add(0, at, inside.to(x.dtype))
