"""Compositions of torch.nn.functional."""

from __future__ import annotations

from op_tools import FLOATS, Index, Op
from op_tools import Spec as T

from .common import S


def rows() -> dict[str, Op]:
    return {
        "linear_cross_entropy": Op(
            S(T(3, 4), T(5, 4), Index(3, n=5)),
            S(T(4), T(5, 4), Index(n=5), reduction="sum"),
            dtypes=("float32", "float64"),
        ),
        "renorm": Op(
            S(T(3, 4), 2, 0, 1.0), S(T(3, 4, 2), 1, -1, 0.5), S(T(3, 4), 3.0, 1, 9.0), dtypes=FLOATS
        ),
    }
