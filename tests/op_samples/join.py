"""Joins and what makes grids of vectors."""

from __future__ import annotations

from op_tools import Op

from .common import S, T, m, s, v, x


def rows() -> dict[str, Op]:
    pair = [T(2, 3), T(2, 3)]
    return {
        "cat": Op(
            S(pair), S([T(2, 3), T(2, 1), T(2, 0)], 1), S([T(0), m], dim=0), S([v, T(5, dtype="float64")])
        ),
        "stack": Op(S(pair), S(pair, 1), S(pair, -1), S([s, s, s])),
        "hstack": Op(S(pair), S([v, v]), S([s, s])),
        "vstack": Op(S(pair), S([v, v]), S([s, s])),
        "dstack": Op(S(pair), S([v, v])),
        "column_stack": Op(S([v, T(5, 2)]), S([s, s])),
        "block_diag": Op(S(m, T(2, 2), v, s)),
        "meshgrid": Op(S(v, T(2), indexing="ij"), S(v, T(2), indexing="xy")),
        "broadcast_tensors": Op(S(m, T(4), s)),
        "cartesian_prod": Op(S(v, T(2)), S(v)),
        "combinations": Op(S(v), S(v, 3), S(v, 2, True)),
        "vander": Op(S(v), S(v, 3), S(v, 3, True)),
        "atleast_1d": Op(S(s), S(m), S([s, v])),
        "atleast_2d": Op(S(s), S(v), S(x), S([s, v])),
        "atleast_3d": Op(S(s), S(v), S(m), S([s, v])),
    }
