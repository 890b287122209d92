"""torch.masked: each operation sees its identity where the mask is False.

All take `mask`, bool (or converted to it), of a shape that can be expanded to that of `input`; True is what
counts. `dim` is a dimension, several, or None for all; `dtype` that of the result.
"""

from __future__ import annotations

from .. import _C
from . import composite, wrapped_dim

_T = _C._functions
_SMALL_INTS = (_C.uint8, _C.bool, _C.int8, _C.int16, _C.int32)


def _dims(dim, ndim):
    """The dimensions meant, non-negative; all for None and ()."""
    dim = tuple(range(ndim)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    dim = dim or tuple(range(ndim))
    n = max(ndim, 1)
    found = []
    for d in dim:
        d = wrapped_dim(d, n)
        if d in found:
            raise RuntimeError(f"dim={d} appears multiple times in the list of dims")
        found.append(d)
    return found


def _full_mask(input, mask):
    if mask.shape != input.shape:
        if mask.dim() > input.dim():
            raise IndexError(
                "_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)"
            )
        mask = mask.expand(input.shape)
    return mask.to(_C.bool)


def _lowest(dtype):
    if dtype.is_floating_point:
        return -float("inf")
    return _limits(dtype).min


def _highest(dtype):
    if dtype.is_floating_point:
        return float("inf")
    return _limits(dtype).max


def _limits(dtype):
    from .._info import iinfo

    if dtype == _C.bool:
        raise NotImplementedError(f"identity of masked operation on {dtype} input")
    return iinfo(dtype)


def _filled(input, mask, value):
    """input, with `value` (or what it says of the dtype) where the mask is False."""
    if mask is None:
        return input
    mask = _full_mask(input, mask)
    value = value(input.dtype) if callable(value) else value
    fill = _T.full((), value, dtype=input.dtype, device=input.device)
    return _T.where(mask, input, fill)


def _wide(input, dtype):
    if dtype is None:
        return _C.int64 if input.dtype in _SMALL_INTS else input.dtype
    return dtype


@composite("masked")
def _input_mask(input, *args, mask=None, **kwargs):
    """The mask of a masked operation in full: bool, of the shape of `input`."""
    if mask is None:
        raise ValueError("_input_mask requires explicit mask")
    return _full_mask(input, mask)


@composite("masked")
def _output_mask(op, input, *args, mask=None, **kwargs):
    """Which elements of the result of a masked operation have any selected element behind them."""
    from inspect import signature

    if not callable(op):
        raise ValueError(f"_output_mask expected masked operation (got {type(op).__name__} object)")
    found = _input_mask(input, mask=mask)
    if "keepdim" not in signature(op).parameters:
        return found
    if "ord" in signature(op).parameters:
        args = args[1:]
    dim = args[0] if args else kwargs.get("dim")
    for d in sorted(_dims(dim, input.dim()), reverse=True):
        found = found.any(d, kwargs.get("keepdim", False))
    return found


@composite("masked", name="sum")
def masked_sum(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Sum of the selected elements; 0 where there are none."""
    dtype = _wide(input, dtype)
    return _T.sum(_filled(input, mask, 0), _dims(dim, input.dim()), bool(keepdim), dtype=dtype)


@composite("masked", name="prod")
def masked_prod(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Product of the selected elements; 1 where there are none."""
    result = _filled(input, mask, 1).to(_wide(input, dtype))
    for d in sorted(_dims(dim, input.dim()), reverse=True):
        result = result.prod(dim=d, keepdim=bool(keepdim))
    return result


@composite("masked", name="cumsum")
def masked_cumsum(input, dim, *, dtype=None, mask=None):
    """Running sum along `dim` of the selected elements."""
    dtype = dtype or input.dtype
    return _filled(input, mask, 0).cumsum(_dims(dim, input.dim())[0], dtype=dtype).to(dtype)


@composite("masked", name="cumprod")
def masked_cumprod(input, dim, *, dtype=None, mask=None):
    """Running product along `dim` of the selected elements."""
    dtype = dtype or input.dtype
    return _filled(input, mask, 1).cumprod(_dims(dim, input.dim())[0], dtype=dtype).to(dtype)


@composite("masked", name="amax")
def masked_amax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Largest of the selected elements; the dtype's lowest where there are none."""
    filled = _filled(input, mask, _lowest)
    return filled.amax(_dims(dim, input.dim()), bool(keepdim)).to(dtype or input.dtype)


@composite("masked", name="amin")
def masked_amin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Smallest of the selected elements; the dtype's highest where there are none."""
    filled = _filled(input, mask, _highest)
    return filled.amin(_dims(dim, input.dim()), bool(keepdim)).to(dtype or input.dtype)


@composite("masked", name="argmax")
def masked_argmax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Where the largest selected element stands."""
    filled = _filled(input, mask, _lowest)
    return filled.argmax(dim, bool(keepdim)).to(dtype or input.dtype)


@composite("masked", name="argmin")
def masked_argmin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Where the smallest selected element stands."""
    filled = _filled(input, mask, _highest)
    return filled.argmin(dim, bool(keepdim)).to(dtype or input.dtype)


def _counted(input, dim, keepdim, mask):
    """How many elements are selected, and the mask in full (or None)."""
    if mask is None:
        ones = _T.ones(input.shape, dtype=_C.int64, device=input.device)
        return ones.sum(_dims(dim, input.dim()), keepdim), None
    mask = _full_mask(input, mask)
    return mask.sum(_dims(dim, input.dim()), keepdim), mask


@composite("masked", name="mean")
def masked_mean(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Mean of the selected elements, floating or complex; NaN where there are none."""
    source = "Optional" if dtype is not None else "Input"
    dtype = dtype or input.dtype
    if not (dtype.is_floating_point or dtype.is_complex):
        raise ValueError(
            f"mean(): Could not infer output dtype. {source} dtype must be either a floating point or "
            f"complex dtype. Got: {dtype}"
        )
    count, mask = _counted(input, dim, bool(keepdim), mask)
    return masked_sum(input, dim, keepdim=keepdim, dtype=dtype, mask=mask) / count


@composite("masked", name="median")
def masked_median(input, dim=-1, *, keepdim=False, dtype=None, mask=None):
    """Median along `dim` of the selected elements (the lower of two), NaN left out."""
    dtype = dtype or input.dtype
    floating = input.dtype.is_floating_point
    x = input if floating else input.to(_C.float32)
    filled = _filled(x, mask, float("nan"))
    result = _T.nanmedian(filled, _dims(dim, input.dim())[0], keepdim)[0]
    if floating:
        return result
    if result.isnan().any():
        raise ValueError("masked median expects no fully masked out rows if dtype is not floating point")
    return result.to(dtype)


@composite("masked", name="logsumexp")
def masked_logsumexp(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Logarithm of the sum of exponentials of the selected elements."""
    filled = _filled(input, mask, complex(-float("inf")) if input.is_complex() else _lowest)
    return filled.logsumexp(_dims(dim, input.dim()), keepdim).to(dtype or input.dtype)


@composite("masked", name="logaddexp")
def masked_logaddexp(input, other, *, dtype=None, input_mask=None, other_mask=None):
    """logaddexp of two tensors with a mask each; what is not selected counts as log(0)."""
    a, b = _filled(input, input_mask, _lowest), _filled(other, other_mask, _lowest)
    return _T.logaddexp(a, b).to(dtype or input.dtype)


@composite("masked", name="norm")
def masked_norm(input, ord=2.0, dim=None, *, keepdim=False, dtype=None, mask=None):
    """linalg.vector_norm of the selected elements."""
    from ..linalg import vector_norm

    value = float("inf") if ord == -float("inf") else 0
    filled = _filled(input, mask, value)
    dtype = dtype or input.dtype
    return vector_norm(filled, ord, _dims(dim, input.dim()), bool(keepdim), dtype=dtype)


def _spread(input, dim, unbiased, correction, keepdim, dtype, mask):
    if unbiased is not None and correction is not None:
        raise AssertionError("Only one of unbiased and correction may be given")
    if correction is None:
        correction = 1.0 if unbiased in (None, True) else 0.0
    dtype = dtype or input.dtype
    if not (dtype.is_floating_point or dtype.is_complex):
        dtype = _C.float32
    count, mask = _counted(input, dim, True, mask)
    mean = masked_sum(input, dim, keepdim=True, dtype=dtype, mask=mask) / count
    off = input - mean
    total = masked_sum(off * off.conj(), dim, keepdim=keepdim, dtype=dtype, mask=mask)
    count = count.reshape(total.shape)
    if correction:
        real = {_C.complex64: _C.float32, _C.complex128: _C.float64}.get(dtype, dtype)
        count = (count.to(real) - correction).clamp(min=0)
    return (total / count).to(dtype)


@composite("masked", name="var")
def masked_var(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """Variance of the selected elements, divided by their number less the correction (1)."""
    return _spread(input, dim, unbiased, correction, keepdim, dtype, mask)


@composite("masked", name="std")
def masked_std(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """Root of the variance of the selected elements."""
    return _spread(input, dim, unbiased, correction, keepdim, dtype, mask).sqrt()


@composite("masked", name="softmax")
def masked_softmax(input, dim, *, dtype=None, mask=None):
    """softmax along `dim` over the selected elements; the others are 0."""
    filled = _filled(input, mask, _lowest)
    return filled.softmax(_dims(dim, input.dim())[0], dtype=dtype or input.dtype)


@composite("masked", name="log_softmax")
def masked_log_softmax(input, dim, *, dtype=None, mask=None):
    """log_softmax along `dim` over the selected elements; the others are -inf."""
    filled = _filled(input, mask, _lowest)
    return filled.log_softmax(_dims(dim, input.dim())[0], dtype=dtype or input.dtype)


@composite("masked", name="softmin")
def masked_softmin(input, dim, *, dtype=None, mask=None):
    """softmax of the negated elements."""
    filled = _filled(input, mask, _highest)
    return (-filled).softmax(_dims(dim, input.dim())[0], dtype=dtype or input.dtype)


@composite("masked", name="normalize")
def masked_normalize(input, ord, dim, *, eps=1e-12, dtype=None, mask=None):
    """The selected elements divided by their norm along `dim`, which counts as eps at least."""
    length = masked_norm(input, ord, dim, keepdim=True, dtype=dtype or input.dtype, mask=mask)
    return _filled(input, mask, 0) / _T.maximum(length, _T.full_like(length, eps))
