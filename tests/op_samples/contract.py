"""Samples of einsum, tensordot and chain_matmul."""

from __future__ import annotations

from op_tools import Op
from op_tools import Sample as S
from op_tools import Spec as T


def rows() -> dict[str, Op]:
    numbers = tuple(
        "uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()
    )
    return {
        "einsum": Op(
            S("ij,jk", T(3, 4), T(4, 2)),
            S("iij,jk,k->ik", T(3, 3, 4), T(4, 2), T(2)),
            S("...j->j...", T(2, 3, 4)),
            S("ii", T(3, 3)),
            S("ij,jk->ik", [T(3, 4), T(4, 2)]),
            dtypes=numbers,
        ),
        "tensordot": Op(
            S(T(3, 4), T(4, 2), 1),
            S(T(3, 4, 2), T(4, 2, 5), 2),
            S(T(3, 4, 2), T(2, 3, 5), dims=([0, 2], [1, 0])),
            S(T(3), T(4), dims=0),
            dtypes=numbers,
        ),
        "chain_matmul": Op(S(T(3, 4), T(4, 2)), S(T(3, 4), T(4, 2), T(2, 5)), dtypes=numbers),
    }
