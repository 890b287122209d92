"""Weights given by norm and direction."""

from __future__ import annotations

from facula import _C
from facula._composite import composite

from .linalg_norms import norm_except_dim


@composite("torch")
def _weight_norm(v, g, dim=0):
    """g v / |v|, the norm taken of each slice along dim (Salimans and Kingma 2016, Weight Normalization)."""
    weight = v * (g / norm_except_dim(v, 2, dim))
    # The first or the last dimension is one operation in PyTorch.
    return _C._name_history(weight, "WeightNormInterfaceBackward0") if dim in (0, v.dim() - 1) else weight
