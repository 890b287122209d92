"""torch._foreach_NAME and torch._foreach_NAME_: the operation NAME over lists of tensors.

There is no list of names: whatever is a function of torch or a method of Tensor has a form over lists, whose
arguments are lists (one item for each tensor) or stand for all of them.
"""

from __future__ import annotations

from itertools import repeat

from . import _C

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["find"]

PREFIX = "_foreach_"
_KEYWORDS = {"other", "exponent", "end", "weight", "weights", "scalar", "scalars", "tensor1", "tensor2",
             "tensors1", "tensors2", "src"}  # fmt: skip


def find(name: str) -> Callable | None:
    """The function that is torch.`name`, which begins with "_foreach_"; None without such an operation."""
    import facula

    plain = name.removeprefix(PREFIX)
    function = getattr(_C.Tensor, plain, None)
    if plain.startswith("_") or not callable(function):
        function = _powsum if plain == "powsum" else None
        if function is None and plain.removesuffix("_") in _LIMITS:
            function = _into(_LIMITS[plain.removesuffix("_")])
    elif plain == "norm":
        function = _norm
    elif plain in _LIMITS:
        function = _LIMITS[plain]
    elif plain == "pow":
        function = facula.pow  # the base may be the number
    return function and _over_lists(name, function)


def _limit(tensors: str, numbers: str) -> Callable:
    def call(x, other):
        return getattr(x, tensors if isinstance(other, _C.Tensor) else numbers)(other)

    return call


_LIMITS = {"maximum": _limit("maximum", "clamp_min"), "minimum": _limit("minimum", "clamp_max")}


def _into(function: Callable) -> Callable:
    return lambda x, *args: x.copy_(function(x, *args))


def _norm(x, ord=2, dtype=None):
    from . import linalg

    return linalg.vector_norm(x, ord, dtype=dtype)


def _powsum(x, ord=2, dtype=None):
    return x.abs().pow(ord).sum(dtype=dtype)


def _over_lists(name: str, function: Callable) -> Callable:
    in_place = name.endswith("_")

    def call(*args, **kwargs):
        if "self" in kwargs:
            args = (kwargs.pop("self"), *args)
        # What PyTorch names by kind (scalars, tensors1) stands for the next parameter of the operation.
        args = [*args, *(kwargs.pop(k) for k in list(kwargs) if k in _KEYWORDS)]
        lists = [a for a in args if _is_list(a)]
        if not lists or (not _is_list(args[0]) and not (plain_pow and isinstance(args[0], _NUMBERS))):
            kind = type(args[0]).__name__ if args else "nothing"
            raise TypeError(f"{name}(): argument 'self' (position 1) must be tuple of Tensors, not {kind}")
        first = lists[0]
        _check(name, first, args, kwargs)
        if len(args) == 4 and isinstance(args[3], _C.Tensor):
            args[3] = args[3].tolist()  # one number for each tensor
        if len(args) == 4:  # addcmul, addcdiv
            values = _items(args.pop(), first)
            results = [function(*row, value=v) for row, v in zip(_rows(args, first), values)]
        else:
            results = [function(*row, **kwargs) for row in _rows(args, first)]
        return list(first) if in_place else tuple(results)

    plain = name.removeprefix(PREFIX).removesuffix("_")
    plain_pow = plain == "pow"
    call.__name__ = call.__qualname__ = name
    call.__doc__ = (
        f"{plain}{'_' * in_place} of each tensor of a list; other arguments are lists or stand for all."
    )
    return call


_NUMBERS = (bool, int, float, complex)


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple))


def _items(value, first):
    return value if _is_list(value) else repeat(value, len(first))


def _rows(args, first):
    return zip(*(_items(a, first) for a in args))


def _check(name: str, first, args, kwargs) -> None:
    if not first:
        raise RuntimeError("Tensor list must have at least one tensor.")
    for i, x in enumerate(first):
        if not isinstance(x, _C.Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}")
    for a in args[1:]:
        if _is_list(a) and len(a) != len(first):
            if a and isinstance(a[0], _C.Tensor):
                raise RuntimeError(
                    f"Tensor lists must have the same number of tensors, got {len(first)} and {len(a)}"
                )
            raise RuntimeError("Tensor list must have same number of elements as scalar list.")
    if len(args) == 2 and isinstance(args[1], _C.Tensor) and args[1].dim():
        raise RuntimeError(
            f"scalar tensor expected to be 0 dim but it has {args[1].dim()} dimensions and "
            f"{args[1].numel()} elements."
        )
    if len(args) == 4 and isinstance(args[3], _C.Tensor):
        if args[3].dim() != 1:
            raise RuntimeError(
                f"Expected packed scalar Tensor to be of dimension 1. Got {args[3].dim()} instead."
            )
        if len(args[3]) != len(first):
            raise RuntimeError(
                f"Expected length of scalars to match input of length {len(first)} "
                f"but got {len(args[3])} instead."
            )
    if "alpha" in kwargs and not (_is_list(args[1]) or isinstance(args[1], _C.Tensor)):
        raise TypeError(f"{name}() received an invalid combination of arguments: alpha goes with tensors")
