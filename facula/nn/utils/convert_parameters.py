"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

import facula as torch
from facula import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of all parameters, one after the other."""
    return torch.cat([p.view(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Makes each parameter a piece of the vector, in order (memory is shared)."""
    if not isinstance(vec, torch.Tensor):
        raise TypeError(
            f"expected torch.Tensor, but got: "
            f"{torch.typename(vec) if hasattr(torch, 'typename') else type(vec)}"
        )
    at = 0
    for p in parameters:
        count = p.numel()
        p.data = vec[at : at + count].view_as(p).data
        at += count
