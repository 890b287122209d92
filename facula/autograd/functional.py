"""Derivatives of functions as values: torch.autograd.functional."""

from __future__ import annotations

from .. import _C

__all__ = ["jvp"]


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """A function's value and its derivative along a direction.

    Args:
        func: takes tensors by position; returns a tensor or a tuple of them.
        inputs: a tensor or a tuple of them, where the derivative is taken.
        v: the direction, of the inputs' shapes; may be left out for one input of one element.
        create_graph: the derivative can be differentiated again.
        strict: accepted for compatibility: an output that does not depend on the inputs has derivative zero.

    Returns:
        (output, derivative), each a tensor or a tuple as `func` returns.

    Raises:
        RuntimeError: `v` is missing or has other shapes.

    Example:
        >>> import facula as torch
        >>> torch.autograd.functional.jvp(lambda x: x**2, torch.tensor(3.0), torch.tensor(1.0))
        (tensor(9.), tensor(6.))
    """
    from ..func import _directional

    primals = inputs if isinstance(inputs, tuple) else (inputs,)
    if v is None:
        if len(primals) != 1 or primals[0].nelement() != 1:
            raise RuntimeError(
                "The vector v can only be None if the input to the user-provided function is a single Tensor "
                "with a single element."
            )
        v = primals[0].detach() * 0 + 1
    tangents = v if isinstance(v, tuple) else (v,)
    if len(tangents) != len(primals):
        raise RuntimeError(
            f"v is a tuple of invalid length: should be {len(primals)} but got {len(tangents)}."
        )
    for i, (t, p) in enumerate(zip(tangents, primals)):
        if t.shape != p.shape:
            raise RuntimeError(
                f"Entry {i} in v has invalid size: should be {p.shape} but got {t.shape}."
                if len(primals) > 1
                else f"v has invalid size: should be {p.shape} but got {t.shape}."
            )
    if not create_graph:
        primals = tuple(p.detach() for p in primals)
    recorded = _C._set_grad_enabled(create_graph)
    try:
        output, derivative, _ = _directional("jvp", func, primals, tangents)
    finally:
        _C._set_grad_enabled(recorded)
    return output, derivative
