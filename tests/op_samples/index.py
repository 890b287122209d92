"""Indexing: gathers, scatters, masks."""

from __future__ import annotations

from op_tools import FLOATS, FUNCTION, METHOD, Index, Literal, Op

from .common import BIG, MASK, S, T, m, s, v, x


def rows() -> dict[str, Op]:
    along = Index(2, 2, 4, n=3)
    where = Index(4, n=3)
    mask = T(2, 3, **MASK)
    square = T(2, 3)
    return {
        "nonzero": Op(S(m), S(s), S(m, as_tuple=True, only_=FUNCTION | METHOD), data=True, grad=False),
        "argwhere": Op(S(m), S(s), data=True, grad=False),
        "masked_fill": Op(S(square, mask, 2), S(square, T(3, **MASK), s), S(square, mask, 1.5)),
        "masked_select": Op(S(square, mask), S(T(3), mask), data=True),
        "masked_scatter": Op(S(square, mask, T(6))),
        "embedding": Op(
            S(Index(2, 3, n=4), T(4, 5)),
            S(Index(3, n=4), T(4, 5), 1, grad_=False),
            S(Index(n=4), T(4, 5)),
            dtypes=FLOATS,
        ),
        "take": Op(S(m, Index(2, 3, n=12)), S(m, Literal(-1, "int64"))),
        "put": Op(S(m, Index(3, n=12), T(3)), S(m, Index(9, n=4), T(9), True)),
        "index_put": Op(S(m, [where], T(4, 4), True), S(m, [Index(3, n=3), Index(3, n=4)], T(3))),
        "gather": Op(S(x, 1, along), S(v, 0, Index(7, n=5)), S(s, 0, Index(n=1))),
        "scatter": Op(
            S(x, 1, Index(2, 1, 4, n=3), T(2, 3, 4), grad_=False),
            S(x, 1, Index(2, 1, 4, n=3), T(2, 1, 4)),
            S(m, 1, Index(3, 1, n=4), 2),
            S(m, 0, Index(1, 4, n=3), T(3, 4), reduce="add", grad_=False),
            S(m, 0, Index(1, 4, n=3), T(3, 4), reduce="multiply", grad_=False),
            S(m, 0, Index(1, 4, n=3), 2, reduce="add", grad_=False),
        ),
        "scatter_add": Op(S(x, 1, along, T(2, 3, 4)), S(v, 0, Index(7, n=5), T(7))),
        "scatter_reduce": Op(
            *(S(v, 0, Index(7, n=3), T(7), how) for how in ("sum", "prod", "mean", "amax", "amin")),
            S(v, 0, Index(7, n=3), T(7), "mean", include_self=False),
            S(v, 0, Index(7, n=3), T(7), "prod", include_self=False),
        ),
        "index_select": Op(S(x, 1, where), S(v, 0, where), S(s, 0, Index(n=1))),
        "index_reduce": Op(
            *(S(m, 0, where, T(4, 4), how) for how in ("prod", "mean", "amax", "amin")),
            S(x, 1, where, T(2, 4, 4), "prod", include_self=False),
        ),
        "index_add": Op(S(m, 0, where, T(4, 4)), S(x, 1, where, T(2, 4, 4), alpha=2)),
        "index_copy": Op(S(m, 0, Index(2, n=3), T(2, 4)), S(v, 0, Index(n=5), s)),
        "index_fill": Op(S(m, 0, Index(2, n=3), 2), S(m, -1, Index(2, n=4), s)),
        "take_along_dim": Op(S(x, along, 1), S(x, Index(5, n=24))),
        "where": Op(
            S(mask, square, square),
            S(mask, square, 2),
            S(mask, 1.5, square),
            S(T(3, **MASK), square, s),
            S(mask, only_=FUNCTION, grad_=False, data_=True),
            big=S(T(517, 601, **MASK), BIG, BIG),
        ),
    }
