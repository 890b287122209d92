"""Pinning the tensors of a batch: there is no accelerator, so a batch stays what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import facula as torch

__all__ = ["pin_memory"]


def pin_memory(data, device=None):
    """The batch with each tensor, and whatever has a `pin_memory` method, pinned."""
    if isinstance(data, torch.Tensor):
        return data.pin_memory()
    if hasattr(data, "pin_memory"):
        return data.pin_memory()
    if isinstance(data, (str, bytes)):
        return data
    if isinstance(data, Mapping):
        pinned = {k: pin_memory(v, device) for k, v in data.items()}
        try:
            return type(data)(pinned)  # pyright: ignore
        except TypeError:
            return pinned
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(pin_memory(v, device) for v in data))
    if isinstance(data, Sequence):
        pinned = [pin_memory(v, device) for v in data]
        return tuple(pinned) if isinstance(data, tuple) else pinned
    return data
