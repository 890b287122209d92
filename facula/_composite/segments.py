"""Reductions of the segments of a dimension."""

from __future__ import annotations

import math

from .. import _C
from . import composite

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
        offsets: instead of lengths: where each piece begins and, last, where the last one ends.
        axis: the dimension.
        unsafe: do not test that the lengths add up to the size of the dimension.
        initial: what each reduction begins with, and the result of an empty piece.

    Returns: data.shape with the number of segments at `axis`.
    """
    if reduce not in _EMPTY:
        raise RuntimeError(f"Unsupported segment reduction: {reduce}")
    if lengths is None and offsets is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    if lengths is None:
        lengths = offsets.diff(dim=-1)
    axis = axis % data.dim()
    outer, size, inner = data.shape[:axis], data.shape[axis], data.shape[axis + 1 :]
    if lengths.shape[:-1] != outer:
        raise RuntimeError(
            "segment_reduce(): Expected all rows of lengths along axis: lengths has shape "
            f"{list(lengths.shape)}, "
            f"data {list(data.shape)}, axis {axis}"
        )
    if not unsafe and ((lengths < 0).any() or (lengths.sum(-1) != size).any()):
        raise RuntimeError(
            "segment_reduce(): Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1) "
            "when !unsafe."
        )
    segments, rows = lengths.shape[-1], math.prod(outer)
    ends = lengths.reshape(rows, segments).cumsum(-1).contiguous()
    places = _T.arange(size, device=data.device).expand(rows, size).contiguous()
    where = _T.searchsorted(ends, places, right=True)
    flat = data.reshape(rows, size, -1)
    index = where.unsqueeze(-1).expand(flat.shape)
    start = float(_EMPTY[reduce] if initial is None else initial)
    result = _T.full((rows, segments + 1, flat.shape[-1]), start, dtype=data.dtype, device=data.device)
    name = {"mean": "sum", "max": "amax", "min": "amin"}.get(reduce, reduce)
    result = result.scatter_reduce(1, index, flat, name)[:, :segments].contiguous()
    if reduce == "mean":
        count = lengths.reshape(rows, segments, 1)
        result = result / (count if initial is None else count.clamp(min=1)).to(data.dtype)
    return result.reshape(*outer, segments, *inner)
