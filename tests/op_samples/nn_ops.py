"""Compositions of torch.nn.functional."""

from __future__ import annotations

from op_tools import Index, Op
from op_tools import Spec as T

from .common import S


def rows() -> dict[str, Op]:
    return {
        "linear_cross_entropy": Op(
            S(T(3, 4), T(5, 4), Index(3, n=5)),
            S(T(4), T(5, 4), Index(n=5), reduction="sum"),
            dtypes=("float32", "float64"),
        ),
    }
