"""Samples of shapes.py."""

from __future__ import annotations

from op_tools import Op
from op_tools import Sample as S
from op_tools import Spec as T


def rows() -> dict[str, Op]:
    return {
        "broadcast_shapes": Op(S((2, 1), (3,)), S((1,), 4, (2, 1, 1)), grad=False, data=True),
        "is_nonzero": Op(S(T(1)), S(T()), grad=False, data=True),
        "nonzero_static": Op(S(T(3, 4), size=5), S(T(2), size=4, fill_value=7), grad=False, data=True),
    }
