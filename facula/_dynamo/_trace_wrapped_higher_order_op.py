"""How vmap meets indices that are tensors: it takes them as they are."""

from __future__ import annotations

from contextlib import nullcontext as TransformGetItemToIndex  # noqa: N812  PyTorch's name

__all__ = ["TransformGetItemToIndex"]
