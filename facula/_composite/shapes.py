"""What shapes broadcast to, whether an element is not zero, indices of a given number."""

from __future__ import annotations

from .. import _C
from . import composite

_T = _C._functions


@composite("torch")
def broadcast_shapes(*shapes):
    """The shape that these shapes (tuples or ints) broadcast to, as a Size; RuntimeError if there is none."""
    result: list[int] = []
    for position, shape in enumerate(shapes):
        if isinstance(shape, int):
            shape = (shape,)
        if not isinstance(shape, (tuple, list)):
            raise RuntimeError(
                f"Input shapes should be of type ints, a tuple of ints, or a list of ints, got {shape}"
            )
        result = [1] * (len(shape) - len(result)) + result
        for i in range(-1, -1 - len(shape), -1):
            if shape[i] < 0:
                raise ValueError("Attempting to broadcast a dimension with negative length!")
            if shape[i] == 1 or shape[i] == result[i]:
                continue
            if result[i] != 1:
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {shape[i]} at {i}! Mismatching argument "
                    f"at index {position} had {tuple(shape)}; but expected shape should be broadcastable to "
                    f"{result}"
                )
            result[i] = shape[i]
    return _C.Size(result)


@composite("torch", "Tensor")
def is_nonzero(input):
    """Whether the only element of a tensor is not zero; RuntimeError if there are several or none."""
    if not isinstance(input, _C.Tensor):
        raise TypeError(
            f"is_nonzero(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        )
    return bool(input)


@composite(
    "torch", "Tensor", out="nonzero_static: Expected out tensor to have scalar type {} but got scalar type{}"
)
def nonzero_static(input, *, size, fill_value=-1):
    """The first `size` rows of nonzero(), filled up with rows of `fill_value`: int64, (size, input.dim())."""
    if isinstance(size, float):
        raise TypeError("nonzero_static(): argument 'size' must be int, not float")
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    flat = input.reshape(-1) != 0
    place = _T.where(flat, flat.cumsum(0) - 1, size).clamp_max(size)  # of each that is found; others last
    each = _T.arange(flat.shape[0], device=input.device)
    result = _T.full((size, input.dim()), fill_value, dtype=_C.int64, device=input.device)
    columns = []
    for d in range(input.dim()):
        step = 1
        for n in input.shape[d + 1 :]:
            step *= n
        position = each // max(step, 1) % max(input.shape[d], 1)
        ending = _T.full((size + 1,), fill_value, dtype=_C.int64, device=input.device)
        columns.append(ending.scatter(0, place, position)[:size])
    if columns:
        result = _T.stack(columns, 1)
    return result
