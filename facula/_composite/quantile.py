"""quantile and nanquantile: elements of the sorted tensor, and what lies between two of them."""

from __future__ import annotations

from .. import _C
from . import composite
from .fft import _wrap

_T = _C._functions


def _check_q(input, q):
    if not isinstance(q, _C.Tensor):
        if not 0 <= q <= 1:
            raise RuntimeError(f"quantile() q must be in the range [0, 1] but got {q:g}")
        q = _C.tensor(float(q), dtype=input.dtype, device=input.device)
    if input.numel() == 0:
        raise RuntimeError("quantile() input tensor must be non-empty")
    if q.dim() > 1:
        raise RuntimeError("quantile() q must be a scalar or 1D tensor")
    if input.dtype not in (_C.float32, _C.float64):
        raise RuntimeError("quantile() input tensor must be either float or double dtype")
    if q.dtype != input.dtype:
        raise RuntimeError("quantile() q tensor must be same dtype as the input tensor")
    if q.numel() and not q.is_meta and not _C._is_batched(q) and not bool(((q >= 0) & (q <= 1)).all()):
        raise RuntimeError("quantile() q values must be in the range [0, 1]")
    return q


def _quantile(input, q, dim, keepdim, interpolation, skip_nan):
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise RuntimeError(
            "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got "
            f"{interpolation}"
        )
    q = _check_q(input, q)
    scalar, ndim = q.dim() == 0, input.dim()
    if dim is None:
        lines = input.flatten()
        shape = [1] * ndim if keepdim else []
    else:
        d = _wrap(dim, ndim) if ndim else _wrap(dim, 1)
        lines = input.unsqueeze(-1).transpose(d, -1).squeeze(d) if ndim else input.reshape(1)
        shape = list(input.shape)
        if ndim:
            shape[d : d + 1] = [1] if keepdim else []
    lines = lines.sort(-1).values
    n = lines.shape[-1]
    q = q.reshape(-1)
    if skip_nan:
        last = (lines.isnan().logical_not().sum(-1, keepdim=True) - 1).clamp(min=0)
        rank = q * last.to(q.dtype)
    else:
        rank = (q * (n - 1)).expand(*lines.shape[:-1], q.numel())
        # A NaN is sorted to the end and is every quantile of its line.
        rank = _T.where(lines[..., -1:].isnan(), float(n - 1), rank)
    if interpolation == "lower":
        rank = rank.floor()
    elif interpolation == "higher":
        rank = rank.ceil()
    elif interpolation == "nearest":
        rank = rank.round()
    below = rank.to(_C.int64)
    values = lines.gather(-1, below)
    if interpolation in ("linear", "midpoint"):
        above = lines.gather(-1, rank.ceil().to(_C.int64))
        weight = _T.full_like(rank, 0.5) if interpolation == "midpoint" else rank - below
        values = values.lerp(above, weight)
    if scalar:
        return _C._name_history(values.reshape([*shape, 1]).squeeze(-1), "SqueezeBackward4")
    ordered = values.reshape([*shape, q.numel()]).unsqueeze(0).transpose(0, -1).squeeze(-1)
    return _C._name_history(ordered, "SqueezeBackward4")


@composite("torch", "Tensor", out="quantile() out tensor must be same dtype as the input tensor")
def quantile(input, q, dim=None, keepdim=False, *, interpolation="linear"):
    """The q-quantiles of the elements along `dim`, or of all.

    Args:
        input: float32 or float64.
        q: a number or a 1-d tensor in [0, 1]; with a tensor the result has a first dimension for it.
        dim, keepdim: as for sum.
        interpolation: between the two nearest elements: "linear", "lower", "higher", "midpoint", "nearest".
    """
    return _quantile(input, q, dim, keepdim, interpolation, False)


@composite("torch", "Tensor", out="quantile() out tensor must be same dtype as the input tensor")
def nanquantile(input, q, dim=None, keepdim=False, *, interpolation="linear"):
    """quantile of the elements that are not NaN; NaN where all are."""
    return _quantile(input, q, dim, keepdim, interpolation, True)


@composite("torch")
def unravel_index(indices, shape):
    """Coordinates in a tensor of this shape of the elements with these numbers: a tuple of tensors."""
    if indices.is_floating_point() or indices.is_complex() or indices.dtype == _C.bool:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    if not isinstance(shape, (int, tuple, list)):
        raise TypeError(f"expected 'shape' to be int or sequence of ints, but got {type(shape)}")
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    for size in shape:
        if not isinstance(size, int):
            raise TypeError(f"expected 'shape' sequence to only contain ints, but got {type(size)}")
    if any(size < 0 for size in shape):
        raise ValueError(f"'shape' cannot have negative values, but got {shape}")
    steps = [1]
    for size in reversed(shape[1:]):
        steps.append(steps[-1] * size)
    if not shape or not indices.numel():
        return tuple(indices.unsqueeze(-1).expand(*indices.shape, len(shape)).to(_C.int64).unbind(-1))
    steps = _C.tensor(steps[::-1], dtype=_C.int64, device=indices.device)
    sizes = _C.tensor(shape, dtype=_C.int64, device=indices.device)
    return (indices.unsqueeze(-1).div(steps, rounding_mode="floor") % sizes).unbind(-1)
