"""Reductions of the segments of a dimension."""

from __future__ import annotations

import math
from functools import cache

from .. import _C
from . import composite, wrapped_dim
from .linalg_norms import type_name

_T = _C._functions
_EMPTY = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "max": -math.inf, "min": math.inf}


@composite("torch", aliases="_segment_reduce")
def segment_reduce(
    data, reduce, *, lengths=None, indices=None, offsets=None, axis=0, unsafe=False, initial=None
):
    """Reduces consecutive pieces of a dimension, each to one element.

    Args:
        data: floating-point tensor.
        reduce: "sum", "mean", "max", "min" or "prod".
        lengths: whole numbers, data.shape[:axis] + (segments,): how many elements each piece has.
        offsets: instead of lengths: where each piece begins and, last, where the last one ends. What lies
            before or behind them is in no piece.
        indices: not supported.
        axis: the dimension.
        unsafe: do not test that the lengths add up to the size of the dimension.
        initial: what each reduction begins with, and the result of an empty piece.

    Returns: data.shape with the number of segments at `axis`.
    """
    if reduce not in _EMPTY:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    axis = wrapped_dim(axis, data.dim())
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    given = offsets if lengths is None else lengths
    if given is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    name = "lengths" if lengths is not None else "offsets"
    if axis != given.dim() - 1:
        raise RuntimeError(
            f"segment_reduce(): Expected axis to be the last dimension of {name} but got {axis}."
        )
    outer, size, inner = data.shape[:axis], data.shape[axis], data.shape[axis + 1 :]
    if given.shape[:-1] != outer:
        raise RuntimeError(
            f"segment_reduce(): Expected all rows of {name} along axis: {name} has shape "
            f"{list(given.shape)}, data {list(data.shape)}, axis {axis}"
        )
    if given.is_floating_point():
        what = f"_segment_reduce_{name}_cpu_kernel1"
        raise NotImplementedError(f"\"{what}\" not implemented for '{type_name(given.dtype)}'")
    if not data.is_floating_point():
        raise NotImplementedError(f"\"_segment_reduce_cpu\" not implemented for '{type_name(data.dtype)}'")
    if lengths is not None and not unsafe:
        if (lengths < 0).any():
            raise RuntimeError("lengths contains negative value!")
        if (lengths.sum(-1) != size).any():
            raise RuntimeError(
                "segment_reduce(): Expected all rows of lengths along axis to sum to "
                "data.size(lengths.dim()-1) when !unsafe."
            )
    rows = math.prod(outer)
    given = given.reshape(rows, given.shape[-1])
    if lengths is None:
        first, ends, count = given[:, :1], given[:, 1:].contiguous(), given.diff(dim=-1)
    else:
        first, ends, count = None, given.cumsum(-1).contiguous(), given
    segments = ends.shape[-1]
    places = _T.arange(size, device=data.device).expand(rows, size).contiguous()
    where = _T.searchsorted(ends, places, right=True)
    if first is not None:  # what lies before the first piece goes where the rest goes that is in none
        where = _T.where(places < first, segments, where)
    flat = data.reshape(rows, size, math.prod(inner))
    index = where.unsqueeze(-1).expand(flat.shape)
    start = float(_EMPTY[reduce] if initial is None else initial)
    result = _T.full((rows, segments + 1, flat.shape[-1]), start, dtype=data.dtype, device=data.device)
    if reduce in ("max", "min"):
        result = _extremes()(flat, index, result, "amax" if reduce == "max" else "amin")
    else:
        result = result.scatter_reduce(1, index, flat, "sum" if reduce == "mean" else reduce)
    result = result[:, :segments].contiguous()
    if reduce == "mean":
        count = count.unsqueeze(-1)
        result = result / (count if initial is None else count.clamp(min=1)).to(data.dtype)
    return result.reshape(*outer, segments, *inner)


@cache
def _extremes():
    """The largest or smallest of each piece; its gradient goes in equal parts to what equals it or is NaN."""
    from ..autograd import Function

    class SegmentReduce(Function):
        @staticmethod
        def forward(flat, index, start, name):
            return start.scatter_reduce(1, index, flat, name)

        @staticmethod
        def setup_context(ctx, inputs, output):
            flat, index, start, _ = inputs
            chosen = ((flat == output.gather(1, index)) | flat.isnan()).to(flat.dtype)
            count = _T.zeros_like(start).scatter_add(1, index, chosen)
            share = chosen / count.gather(1, index).clamp(min=1)
            ctx.save_for_backward(share, index)
            ctx.save_for_forward(share, index, start)

        @staticmethod
        def backward(ctx, grad):
            share, index = ctx.saved_tensors
            return grad.gather(1, index) * share, None, None, None

        @staticmethod
        def jvp(ctx, tangent, *_):
            share, index, start = ctx.saved_tensors
            return _T.zeros_like(start).scatter_add(1, index, share * tangent)

    return SegmentReduce.apply
