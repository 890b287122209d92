"""Attention."""

from __future__ import annotations

from op_tools import FLOATS, Op
from op_tools import Spec as T

from .common import S


def rows() -> dict[str, Op]:
    q, k = T(2, 3, 5, 4), T(2, 3, 6, 4)
    mask, x = T(5, 6, dtype="bool"), T(3, 2, 4)
    return {
        "scaled_dot_product_attention": Op(
            S(q, k, k),
            S(q, q, q, is_causal=True),
            S(q, k, k, mask, grad_=False),
            S(q, k, k, T(2, 1, 5, 6), scale=0.7),
            S(T(3, 5, 4), T(3, 6, 4), T(3, 6, 2)),
            S(T(2, 6, 5, 4), k, k, enable_gqa=True),
            S(T(2, 1, 70, 4), T(2, 1, 80, 4), T(2, 1, 80, 4), grad_=False),
            dtypes=FLOATS,
        ),
        "multi_head_attention_forward": Op(
            S(x, x, x, 4, 2, T(12, 4), T(12), None, None, False, 0.0, T(4, 4), T(4)),
            dtypes=("float32", "float64"),
        ),
    }
