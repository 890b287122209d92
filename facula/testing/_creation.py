"""make_tensor: random tensors of any dtype and layout for tests."""

from __future__ import annotations

import math
import warnings

import facula as torch

__all__ = ["make_tensor"]


def make_tensor(
    *shape,
    dtype,
    device="cpu",
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format=None,
):
    """A tensor of uniform random values in [low, high): -9 to 9 by default (10 for whole numbers, 2 for
    bool).

    Args:
        shape: sizes, or one sequence of them.
        dtype, device, requires_grad: of the result.
        low, high: bounds, cut to what the dtype holds.
        noncontiguous: every other element of a larger tensor.
        exclude_zero: zeros become one, or the smallest positive number.
        memory_format: of the result.

    Raises:
        ValueError: bounds that are NaN, in the wrong order or beyond the dtype; options that exclude
            each other.
        TypeError: a dtype that is not supported.
    """
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = shape[0]
    shape = tuple(shape)
    continuous = dtype.is_floating_point or dtype.is_complex
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            f"noncontiguous={noncontiguous!r} and memory_format={memory_format!r}"
        )
    if requires_grad and not continuous:
        raise ValueError(
            f"`requires_grad=True` is not supported for boolean and integral dtypes, but got dtype={dtype!r}"
        )
    noncontiguous = noncontiguous and math.prod(shape) > 1
    if noncontiguous:
        shape = (*shape[:-1], 2 * shape[-1])
    if dtype is torch.bool:
        bounds, default = (0, 2), (0, 2)
    elif continuous:
        info = torch.finfo(dtype)
        bounds, default = (info.min, info.max), (-9, 9)
    else:
        info = torch.iinfo(dtype)
        bounds, default = (info.min, info.max + (dtype is not torch.int64)), (-9, 10)
    low, high = _bounds(low, high, bounds, default, dtype, continuous)
    if not continuous:
        result = torch.randint(low, high, shape, device=device, dtype=dtype)
    else:
        small = dtype.is_floating_point and dtype.itemsize == 1
        result = torch.empty(shape, device=device, dtype=torch.float32 if small else dtype)
        values = torch.view_as_real(result) if dtype.is_complex else result
        if high - low >= torch.finfo(values.dtype).max:
            values.uniform_(low / 2, high / 2).mul_(2)
        else:
            values.uniform_(low, high)
        result = result.to(dtype)
    if noncontiguous:
        result = result[..., 1::2]
    elif memory_format is not None:
        result = result.clone(memory_format=memory_format)
    if exclude_zero:
        result[result == 0] = torch.finfo(dtype).tiny if continuous else 1
    return result.requires_grad_(requires_grad) if continuous else result


def _bounds(low, high, bounds, default, dtype, continuous):
    low = default[0] if low is None else low
    high = default[1] if high is None else high
    if any(isinstance(v, float) and math.isnan(v) for v in (low, high)):
        raise ValueError(f"`low` and `high` cannot be NaN, but got low={low!r} and high={high!r}")
    if low == high and continuous:
        warnings.warn(
            "Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is "
            "deprecated since "
            "2.1 and will be removed in 2.3. Use `torch.full(...)` instead.",
            FutureWarning,
            stacklevel=4,
        )
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    elif high < bounds[0] or low >= bounds[1]:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{low}, {high}), but {dtype} only supports "
            f"[{bounds[0]}, {bounds[1]})"
        )
    low, high = (min(max(v, bounds[0]), bounds[1]) for v in (low, high))
    return (low, high) if continuous else (math.ceil(low), math.ceil(high))
