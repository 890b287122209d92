"""Searching and counting; histograms; quantiles; integrals and derivatives of samples."""

from __future__ import annotations

from op_tools import FLOATS, INTS, Index, Literal, Op

from .common import REAL, S, T, m, s, v, x

EDGES = Literal([0.0, 1.0, 2.0, 4.0])
PAIR = Literal([[0.0, 1.0, 2.0], [1.0, 1.0, 3.0]])


def rows() -> dict[str, Op]:
    real = FLOATS[2:]
    spread = [S(v, 0.3), S(x, 0.25, 1), S(x, Literal([0.2, 0.5, 0.9]), -1, True), S(m, 0.7, keepdim=True)]
    spread += [S(m, 0.3, 1, interpolation=k) for k in ("lower", "higher", "midpoint", "nearest")]
    areas = [S(v), S(x, dim=1), S(x, dx=0.5), S(m, Literal([0.0, 1.0, 3.0, 4.0])), S(m, m, dim=0)]
    return {
        "searchsorted": Op(
            S(EDGES, v),
            S(EDGES, m, right=True, out_int32=True),
            S(EDGES, 0.5),
            S(PAIR, T(2, 4), side="right"),
            S(Literal([2.0, 0.0, 1.0]), v, sorter=Literal([1, 2, 0], dtype="int64")),
            dtypes=REAL,
            grad=False,
            big=S(EDGES, T(100000)),
        ),
        "bucketize": Op(
            S(v, EDGES), S(m, EDGES, right=True, out_int32=True), S(0.5, EDGES), dtypes=REAL, grad=False
        ),
        "isin": Op(
            S(v, EDGES), S(m, m, invert=True), S(m, 1), S(1, m), S(T(0), EDGES), dtypes=REAL, grad=False
        ),
        "bincount": Op(
            S(Index(9, n=5)),
            S(Index(9, n=5), minlength=8),
            S(Index(5, n=3), v),
            S(Index(0, n=3), minlength=3),
            dtypes=REAL,
            grad=False,
            data=True,
        ),
        "histc": Op(
            S(m, 4), S(m, 5, -1, 1), S(T(0), 3), S(s, 2), dtypes=real, grad=False, big=S(T(300000), 10)
        ),
        "histogram": Op(
            S(m, 4),
            S(m, EDGES),
            S(m, 3, range=(-1.0, 1.0), density=True),
            S(m, 3, weight=T(3, 4, lo=0.5, hi=1.5)),
            dtypes=real,
            grad=False,
            data=True,
        ),
        "histogramdd": Op(
            S(T(6, 2), (2, 3)),
            S(T(2, 6, 2), 2, density=True),
            S(T(5, 1), [EDGES]),
            dtypes=real,
            grad=False,
            data=True,
        ),
        "quantile": Op(*spread, dtypes=real),
        "nanquantile": Op(*spread, dtypes=real),
        "unravel_index": Op(
            S(Index(2, 3, n=12), (3, 4)), S(Index(4, n=5), 5), dtypes=("float32",), grad=False
        ),
        "trapezoid": Op(*areas, dtypes=INTS + FLOATS),
        "cumulative_trapezoid": Op(*areas, dtypes=INTS + FLOATS),
        "gradient": Op(
            S(v),
            S(x),
            S(x, spacing=0.5, dim=1),
            S(x, spacing=(2.0, 0.5), dim=(0, -1)),
            S(m, spacing=(Literal([0.0, 1.0, 3.0]), Literal([0.0, 1.0, 3.0, 4.0])), edge_order=2),
            S(v, edge_order=2),
            dtypes=INTS[1:] + FLOATS,
        ),
    }
