"""Factories that are combinations of others."""

from __future__ import annotations

from .. import _C
from . import composite

_T = _C._functions


@composite("torch")
def empty_permuted(
    size, physical_layout, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False
):
    """A dense tensor of this size whose dimensions lie in memory in the order `physical_layout`.

    The first of `physical_layout` has the largest stride. Elements are as the memory comes.
    """
    size, order = list(size), list(physical_layout)
    n = len(size)
    if len(order) != n:
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. "
            f"len(size) = {n} is not equal to len(physical_layout) = {len(order)}"
        )
    for k, d in enumerate(order):
        if not 0 <= d < n:
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {n - 1}, but got {d} at index {k}).  "
                "NB: negative dims not currently supported; file an issue if you want it."
            )
        if d in order[:k]:
            raise RuntimeError("Duplicate dim not allowed")
    plain = _T.empty([size[d] for d in order], dtype=dtype, device=device)
    result = plain.permute([order.index(d) for d in range(n)]).detach()
    return result.requires_grad_() if requires_grad else result
