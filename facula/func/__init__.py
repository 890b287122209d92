"""torch.func: transformations of functions of tensors."""

from __future__ import annotations

from .. import _C
from .._names import explain_in
from ..autograd import forward_ad

__all__ = ["jvp"]


def _directional(name, func, primals, tangents, has_aux=False):
    """func(*primals) and its derivative along `tangents`, by forward mode; and what func says besides."""
    for what, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple):
            raise RuntimeError(
                f"{name}: Expected {what} to be a tuple. E.g. it should be valid to call f(*primals)."
            )
        if not given:
            raise RuntimeError(f"{name}: Expected {what} to be a tuple of Tensors, got an empty one")
        for t in given:
            if not isinstance(t, _C.Tensor):
                raise RuntimeError(f"{name}: Expected {what} to contain only Tensors, got {type(t).__name__}")
    if len(primals) != len(tangents):
        raise RuntimeError(
            f"{name}: Expected primals and tangents to have the same python structure. For example, if "
            f"primals is a tuple of 3 tensors, tangents also must be"
        )

    def unpacked(value):
        if isinstance(value, _C.Tensor):
            primal, tangent = forward_ad.unpack_dual(value)
            return primal, tangent if tangent is not None else primal.detach() * 0
        if isinstance(value, (tuple, list)):
            pairs = [unpacked(v) for v in value]
            return type(value)(p for p, _ in pairs), type(value)(t for _, t in pairs)
        raise RuntimeError(
            f"{name}: Expected f(*primals) to return only tensors, got unsupported type "
            f"{type(value).__name__}"
        )

    with forward_ad.dual_level():
        output = func(*(forward_ad.make_dual(p, t) for p, t in zip(primals, tangents)))
        aux = None
        if has_aux:
            if not (isinstance(output, tuple) and len(output) == 2):
                raise RuntimeError(
                    f"{name}: output of function f should be a tuple: (output, aux) if has_aux is True"
                )
            output, aux = output
        return (*unpacked(output), aux)


def jvp(func, primals, tangents, *, strict=False, has_aux=False):
    """A function's value and its derivative along a direction, in one forward pass.

    Args:
        func: takes tensors by position; returns a tensor, or a tuple or list of them.
        primals: a tuple of floating point or complex tensors, where the derivative is taken.
        tangents: the direction: a tuple of tensors of the same shapes and dtypes.
        strict: accepted for compatibility: outputs that do not depend on the inputs have zero derivatives.
        has_aux: `func` returns (output, aux) and aux, which is not differentiated, is handed on.

    Returns:
        (output, derivative), or (output, derivative, aux).

    Raises:
        RuntimeError: primals or tangents are no tuples of tensors, or differ in number or shape.

    Example:
        >>> import facula as torch
        >>> torch.func.jvp(torch.sin, (torch.tensor(0.0),), (torch.tensor(2.0),))
        (tensor(0.), tensor(2.))
    """
    output, derivative, aux = _directional("jvp(f, primals, tangents)", func, primals, tangents, has_aux)
    return (output, derivative, aux) if has_aux else (output, derivative)


import sys  # noqa: E402

explain_in(sys.modules[__name__])
