"""Methods that call a Python function for each element, and the order of dimensions in memory."""

from __future__ import annotations

from itertools import product

from .. import _C
from . import composite

# --- a function for each element


def _need_plain(name: str, *tensors) -> None:
    if any(t.requires_grad for t in tensors):
        raise RuntimeError(
            f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead."
        )


def _need_type(name: str, self, other, argument: str) -> None:
    if other.dtype != self.dtype:
        raise TypeError(f"{name}: expected {self.type()} for {argument} (got {other.type()})")


def _checked(value, dtype):
    """A result of the user's function, as the C API of Python would take it for a number of this type."""
    numbers = (int, float, complex) if dtype.is_complex else (int, float)
    if isinstance(value, numbers):
        return value
    if dtype.is_floating_point or dtype.is_complex:
        if not hasattr(value, "__float__") and not hasattr(value, "__index__"):
            raise TypeError(f"must be real number, not {type(value).__name__}")
        return value
    if isinstance(value, complex) and dtype == _C.bool:
        return bool(value)
    if isinstance(value, _C.Tensor) and (value.numel() != 1 or value.is_floating_point()):
        raise TypeError("only integer tensors of a single element can be converted to an index")
    if not hasattr(value, "__index__"):
        raise TypeError(f"'{type(value).__name__}' object cannot be interpreted as an integer")
    return value


def _apply(self, others, function):
    if self.is_meta:
        return self
    others = [t.expand_as(self) for t in others]
    if 0 in self.stride():  # equal places are read and written one after the other
        for index in product(*map(range, self.shape)):
            value = function(self[index].item(), *(t[index].item() for t in others))
            self[index] = _checked(value, self.dtype)
        return self
    columns = [t.flatten().tolist() for t in (self, *others)]
    values = [_checked(function(*each), self.dtype) for each in zip(*columns)]
    return self.copy_(_C.tensor(values, dtype=self.dtype).view(self.shape))


@composite("Tensor")
def apply_(self, callable):
    """Replaces each element by `callable(element)`, in place; the tensor does not require grad."""
    _need_plain("apply_", self)
    return _apply(self, (), callable)


@composite("Tensor")
def map_(self, tensor, callable):
    """Replaces each element by `callable(element, the one of tensor)`, in place.

    Args:
        tensor: of the same dtype, of the shape of this one or broadcast to it.

    Raises:
        RuntimeError: one of them requires grad. TypeError: the dtypes differ.
    """
    if not isinstance(tensor, _C.Tensor):
        kind = type(tensor).__name__
        raise TypeError(f"map_(): argument 'other' (position 1) must be Tensor, not {kind}")
    _need_plain("map_", self, tensor)
    _need_type("map_", self, tensor, "'other'")
    return _apply(self, (tensor,), callable)


@composite("Tensor")
def map2_(self, x, y, callable):
    """Replaces each element by `callable(element, the one of x, the one of y)`, in place; see `map_`."""
    for place, (name, other) in enumerate((("x", x), ("y", y)), 1):
        if not isinstance(other, _C.Tensor):
            kind = type(other).__name__
            raise TypeError(f"map2_(): argument '{name}' (position {place}) must be Tensor, not {kind}")
    _need_plain("map2_", self, x, y)
    _need_type("map2_", self, x, "argument 'x'")
    _need_type("map2_", self, y, "argument 'y'")
    return _apply(self, (x, y), callable)


# --- the order of dimensions


@composite("Tensor")
def dim_order(self, *, ambiguity_check=False):
    """The dimensions from the outermost in memory to the innermost, a tuple.

    Args:
        ambiguity_check: True to refuse a tensor that several orders could describe (a dimension of size
            1, two equal strides), or a list of memory formats of which it must have exactly one then.

    Raises:
        RuntimeError: the order is not unique.
    """
    if self.is_sparse:
        raise AttributeError(
            f"Can't get dim order on sparse type: {self.type()} Use Tensor.to_dense() to convert to a dense "
            "tensor first."
        )
    formats = [] if isinstance(ambiguity_check, bool) else ambiguity_check
    if not isinstance(formats, list) or not all(isinstance(f, _C.memory_format) for f in formats):
        raise TypeError("The ambiguity_check argument must be a bool or a list of memory formats.")
    shape, stride = tuple(self.shape), tuple(self.stride())
    if ambiguity_check is not False:
        several = 1 in shape or any(a == b for a, b in zip(stride, stride[1:]))
        if several and sum(self.is_contiguous(memory_format=f) for f in formats) != 1:
            raise RuntimeError(
                "The tensor does not have unique dim order, or cannot map to exact one of the given memory "
                "formats."
            )
    flat, last = self.is_contiguous(), self.is_contiguous(memory_format=_C.channels_last)
    if flat != last:
        return tuple(range(self.dim())) if flat else (0, *range(2, self.dim()), 1)
    order, tied = _sorted(shape, stride)
    if tied and ambiguity_check is not False:
        raise RuntimeError("The tensor does not have unique dim order.")
    return order


def _sorted(shape, stride) -> tuple[tuple[int, ...], bool]:
    """Dimensions by stride, then size, and whether some could not be told apart.

    Dimensions that are tied, or expanded (stride 0), stay where they are: an insertion sort from the last.
    """
    order, tied = list(reversed(range(len(shape)))), False
    for i in range(1, len(order)):
        place = i
        for j in reversed(range(i)):
            a, b = order[j], order[place]
            if 0 in (stride[a], stride[b]) or (stride[a], shape[a]) == (stride[b], shape[b]):
                tied = True
            elif (stride[a], shape[a]) > (stride[b], shape[b]):
                order[j], order[place] = b, a
                place = j
            elif stride[a] < stride[b]:
                break
            else:
                tied = True
    return tuple(reversed(order)), tied
