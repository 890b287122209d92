"""Padding layers: a number for all sides, or before and after of each dimension, the last first."""

from __future__ import annotations

import facula as torch

from .. import functional as F
from .module import Module

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d",
    "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip

Tensor = torch.Tensor
Sides = int | tuple[int, ...]


class _Pad(Module):
    __constants__ = ["padding"]
    _dims: int
    _mode: str

    def __init__(self, padding: Sides) -> None:
        super().__init__()
        self.padding = tuple(padding) if hasattr(padding, "__iter__") else (padding,) * (2 * self._dims)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _CircularPadNd(_Pad):
    _mode = "circular"

    def _check_input_dim(self, input: Tensor) -> None:
        n = self._dims
        if input.dim() not in (n + 1, n + 2):
            raise ValueError(f"expected {n + 1}D or {n + 2}D input (got {input.dim()}D input)")

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        return F.pad(input, self.padding, self._mode)


class _ConstantPadNd(_Pad):
    __constants__ = ["padding", "value"]
    value: float

    def __init__(self, padding: Sides, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ReflectionPadNd(_Pad):
    _mode = "reflect"


class _ReplicationPadNd(_Pad):
    _mode = "replicate"


class CircularPad1d(_CircularPadNd):
    """Continues (N, C, L) or (C, L) with what lies at the other end."""

    _dims = 1


class CircularPad2d(_CircularPadNd):
    """Continues (N, C, H, W) or (C, H, W) with what lies at the other end."""

    _dims = 2


class CircularPad3d(_CircularPadNd):
    """Continues (N, C, D, H, W) or (C, D, H, W) with what lies at the other end."""

    _dims = 3


class ConstantPad1d(_ConstantPadNd):
    """Continues (N, C, L) or (C, L) with `value`."""

    _dims = 1


class ConstantPad2d(_ConstantPadNd):
    """Continues (N, C, H, W) or (C, H, W) with `value`."""

    _dims = 2


class ConstantPad3d(_ConstantPadNd):
    """Continues (N, C, D, H, W) or (C, D, H, W) with `value`."""

    _dims = 3


class ReflectionPad1d(_ReflectionPadNd):
    """Continues (N, C, L) or (C, L) with its reflection in the first and last elements."""

    _dims = 1


class ReflectionPad2d(_ReflectionPadNd):
    """Continues (N, C, H, W) or (C, H, W) with its reflection in the first and last elements."""

    _dims = 2


class ReflectionPad3d(_ReflectionPadNd):
    """Continues (N, C, D, H, W) or (C, D, H, W) with its reflection in the first and last elements."""

    _dims = 3


class ReplicationPad1d(_ReplicationPadNd):
    """Continues (N, C, L) or (C, L) with its first and last elements."""

    _dims = 1


class ReplicationPad2d(_ReplicationPadNd):
    """Continues (N, C, H, W) or (C, H, W) with its first and last elements."""

    _dims = 2


class ReplicationPad3d(_ReplicationPadNd):
    """Continues (N, C, D, H, W) or (C, D, H, W) with its first and last elements."""

    _dims = 3


class ZeroPad1d(ConstantPad1d):
    """Continues (N, C, L) or (C, L) with zeros."""

    def __init__(self, padding: Sides) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """Continues (N, C, H, W) or (C, H, W) with zeros."""

    def __init__(self, padding: Sides) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """Continues (N, C, D, H, W) or (C, D, H, W) with zeros."""

    def __init__(self, padding: Sides) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"
