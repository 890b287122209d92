"""Reductions, scans, sorting."""

from __future__ import annotations

from op_tools import Literal, Name, Op

from .common import BIG, S, T, m, s, v, x


def rows() -> dict[str, Op]:
    typical = [S(x), S(x, 1), S(x, -1, True), S(s), S(s, 0), S(T(0))]
    many = [
        S(x, (0, 2)),
        S(x, (), grad_=True),
        S(x, (-1, 0), keepdim=True),
        S(T(2, 0, 3), 1),
        S(T(2, 0, 3), 0),
    ]
    big = S(BIG)
    pair = [S(x, 1), S(x, -1, True), S(s, 0), S(T(3, 0), 0)]
    spread = [
        S(x),
        S(x, 1),
        S(x, (0, 2), correction=0),
        S(x, -1, keepdim=True, correction=2),
        S(x, False),
        S(v, 0),
    ]
    scan = [S(x, 1), S(v, 0), S(s, 0), S(T(2, 0), 0), S(T(2, 0), 1)]
    return {
        "sum": Op(*typical, *many, S(x, dtype=Name("float64")), S(x, 1, dtype=Name("int32")), big=big),
        "nansum": Op(*typical, *many, big=big),
        "mean": Op(*typical, *many, S(x, dtype=Name("float64")), big=big),
        "nanmean": Op(*typical, *many),
        "prod": Op(
            *typical, S(x, dtype=Name("float64")), S(Literal([2.0, 0.0, 3.0])), S(Literal([0.0, 0.0, 3.0]))
        ),
        "amax": Op(*typical[:-1], S(x, (0, 2)), S(Literal([[1.0, 1.0], [0.0, 1.0]]), grad_=False), big=big),
        "amin": Op(*typical[:-1], S(x, (0, 2)), big=big),
        "max": Op(S(x), *pair, S(m, m), S(m, T(4)), big=big),
        "min": Op(S(x), *pair, S(m, m), S(m, T(4)), big=big),
        "aminmax": Op(S(x), S(x, dim=1), S(x, dim=-1, keepdim=True)),
        "all": Op(*typical, *many, grad=False, big=big),
        "any": Op(*typical, *many, grad=False, big=big),
        "count_nonzero": Op(S(x), S(x, 1), S(x, (0, 2)), S(s), grad=False),
        "vector_norm": Op(
            S(x), S(x, 1), S(x, 3, 1), S(x, 0, (0, 2), True, grad_=False), S(x, float("inf"), 1)
        ),
        "norm": Op(S(x), S(x, 1), S(x, 2, 1), S(x, 3, (0, 2), True), S(x, "fro"), S(x, float("inf"))),
        "dist": Op(S(m, m), S(m, T(4), 1), S(m, m, float("inf")), S(m, m, 0, grad_=False)),
        "logsumexp": Op(S(x, 1), S(x, (0, 2), True), S(s, 0), S(T(0, 2), 0), big=S(BIG, 1)),
        "var": Op(*spread, big=big),
        "std": Op(*spread, big=big),
        "var_mean": Op(*(c for c in spread if c.args[1:] != (False,))),
        "std_mean": Op(*(c for c in spread if c.args[1:] != (False,))),
        "cumsum": Op(*scan, S(x, 1, dtype=Name("float64")), big=S(BIG, 0)),
        "cumprod": Op(*scan, S(x, 1, dtype=Name("float64")), S(Literal([2.0, 0.0, 3.0, 0.0]), 0)),
        "logcumsumexp": Op(*scan),
        "cummax": Op(*scan),
        "cummin": Op(*scan),
        "diff": Op(S(x), S(x, 2), S(x, 1, 0), S(v, 1, 0, T(2), T(1))),
        "argmax": Op(S(x), S(x, 1), S(x, -1, True), S(s), grad=False),
        "argmin": Op(S(x), S(x, 1), S(x, -1, True), S(s), grad=False),
        "sort": Op(S(x), S(x, 0), S(x, 1, True), S(v, stable=True), S(s), S(T(0)), big=S(T(300000))),
        "argsort": Op(S(x), S(x, 0, True), S(v, stable=True), grad=False),
        "msort": Op(S(x), S(v)),
        "topk": Op(S(v, 2), S(x, 2, 1), S(x, 3, -1, False), S(v, 5), S(v, 0)),
        "kthvalue": Op(S(v, 2), S(x, 2, 1), S(x, 1, -1, True), S(s, 1)),
        "median": Op(S(x), S(x, 1), S(x, -1, True), S(s), S(T(4))),
        "nanmedian": Op(S(x), S(x, 1), S(x, -1, True), S(s)),
        "mode": Op(S(x), S(x, 1), S(Literal([[1.0, 2.0, 1.0], [3.0, 3.0, 1.0]]), grad_=False)),
        "unique": Op(
            S(x),
            S(Literal([3, 1, 3, 2]), True, True, True),
            S(Literal([[1, 2], [1, 2], [0, 5]]), dim=0),
            S(Literal([[1, 2], [1, 2], [0, 5]]), True, True, True, 1),
            data=True,
            grad=False,
        ),
        "unique_consecutive": Op(
            S(Literal([1, 1, 3, 3, 1])),
            S(Literal([1, 1, 3, 3, 1]), True, True),
            S(Literal([[1, 2], [1, 2], [0, 5]]), True, True, 0),
            data=True,
            grad=False,
        ),
    }
