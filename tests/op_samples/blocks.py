"""Samples of blocks.py."""

from __future__ import annotations

from op_tools import DTYPES, Index, Op
from op_tools import Sample as S
from op_tools import Spec as T

REAL = tuple(d for d in DTYPES if not d.startswith("complex"))


def rows() -> dict[str, Op]:
    at = [Index(2, 1, n=3), Index(1, 2, n=4)]
    mask = T(2, 2, dtype="bool")
    return {
        "_chunk_cat": Op(S([T(5, 2), T(3, 2)], 0, 2), S([T(2, 3), T(2, 5)], 1, 3)),
        "_unsafe_masked_index": Op(S(T(3, 4), mask, at, 0)),
        "_unsafe_masked_index_put_accumulate": Op(S(T(3, 4), mask, at, T(2, 2))),
        "hash_tensor": Op(
            S(T(3, 4)), S(T(3, 4), 1), S(T(2, 3, 5), (0, -1), keepdim=True), dtypes=REAL, grad=False
        ),
    }
