"""Batch rules of operations on lists of tensors."""

from __future__ import annotations

from ... import _C
from .._batch import at_depth, batch_rule, decompose
from .views import atleast_1d, atleast_2d, atleast_3d

_f = _C._functions


@batch_rule("cat")
def cat(call, tensors, dim=0, out=None):
    kept = [t for t in tensors if tuple(t.shape) != (0,)] or list(tensors)
    left_out = [t for t in tensors if tuple(t.shape) == (0,)] if len(kept) < len(tensors) else []
    n = kept[0].dim()
    if n == 0 or not -n <= dim < n or any(t.dim() != n for t in kept):
        call.entry.run_meta((tuple(tensors), dim, None))
    joined = _f.cat([call.value(t) for t in kept], dim % n + 1)
    if not left_out:
        return joined
    return _f.cat([joined, *(call.peel(t).reshape(-1) for t in left_out)], dim % n + 1)


@batch_rule("stack")
def stack(call, tensors, dim=0, out=None):
    if not tensors or not -tensors[0].dim() - 1 <= dim <= tensors[0].dim():
        call.entry.run_meta((tuple(tensors), dim, None))
    if any(t.shape != tensors[0].shape for t in tensors):
        call.entry.run_meta((tuple(tensors), dim, None))
    return _f.stack([call.value(t) for t in tensors], dim + 1 if dim >= 0 else dim)


@decompose("hstack")
def hstack(tensors, out=None):
    wide = [atleast_1d(t) for t in tensors]
    return _f.cat(wide, 0 if wide[0].dim() == 1 else 1)


@decompose("vstack", "row_stack")
def vstack(tensors, out=None):
    return _f.cat([atleast_2d(t) for t in tensors], 0)


@decompose("dstack")
def dstack(tensors, out=None):
    return _f.cat([atleast_3d(t) for t in tensors], 2)


@decompose("column_stack")
def column_stack(tensors, out=None):
    return _f.cat([t.reshape((t.numel(), 1)) if t.dim() <= 1 else t for t in tensors], 1)


def example(f, *args, **kwargs):
    """What f makes of the examples' shapes, or its error."""
    with at_depth(0):
        return f(*args, **kwargs)
