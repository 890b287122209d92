"""The decorator by which PyTorch marks what stays as it is; it changes nothing."""

from __future__ import annotations

__all__ = ["compatibility"]


def compatibility(is_backward_compatible: bool):
    """Returns a decorator that gives back what it is given."""
    return lambda function: function
