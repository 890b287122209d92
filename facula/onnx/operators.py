"""Operators that are traced as such where models are exported."""

from __future__ import annotations

import facula as torch

__all__ = ["reshape_from_tensor_shape", "shape_as_tensor"]


def shape_as_tensor(x):
    """The shape as an int64 tensor."""
    return torch.tensor(tuple(x.shape))


def reshape_from_tensor_shape(x, shape):
    """A reshape to the numbers in a tensor."""
    return x.reshape(tuple(shape.tolist()))
