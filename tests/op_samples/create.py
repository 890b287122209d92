"""Factories."""

from __future__ import annotations

from op_tools import DTYPES, Name, Op

from .common import S, T, m, s


def rows() -> dict[str, Op]:
    plain = {"dtypes": ("float32",), "grad": False}
    like = {"dtypes": DTYPES, "grad": False}
    f64 = Name("float64")
    sized = [S(2, 3), S((2, 3)), S(()), S(0, 3), S(2, dtype=f64), S(2, 3, dtype=Name("bool"))]
    return {
        "zeros": Op(*sized, **plain),
        "ones": Op(*sized, **plain),
        "full": Op(S((2, 3), 1.5), S((2,), 7), S((), True), S((2,), 1 + 2j), S((0,), 1, dtype=f64), **plain),
        "zeros_like": Op(S(m), S(T(0)), S(m, dtype=f64), **like),
        "ones_like": Op(S(m), S(s), S(m, dtype=f64), **like),
        "full_like": Op(S(m, 3), S(m, 1.5, dtype=f64), **like),
        "new_zeros": Op(S(m, 2, 3), S(m, (2, 3), dtype=f64), **like),
        "new_ones": Op(S(m, 2, 3), S(m, (), dtype=f64), **like),
        "new_full": Op(S(m, (2, 3), 3), S(m, (2,), 1.5, dtype=f64), **like),
        "scalar_tensor": Op(S(1.5), S(2), S(3, dtype=f64), **plain),
        "arange": Op(
            S(5),
            S(2, 7),
            S(1, 2, 0.25),
            S(7, 0, -2),
            S(2.5),
            S(0),
            S(0, 5, 2, dtype=f64),
            S(0, 3, dtype=Name("int8")),
            **plain,
        ),
        "range": Op(S(0, 5), S(0, 2, 0.5), **plain),
        "linspace": Op(
            S(0, 1, 5),
            S(-3, 10, 7, dtype=f64),
            S(0, 1, 1),
            S(0, 1, 0),
            S(0, 10, 4, dtype=Name("int64")),
            **plain,
        ),
        "logspace": Op(S(0, 1, 5), S(0, 5, 6, 2), S(0, 1, 3, dtype=f64), **plain),
        "eye": Op(S(3), S(2, 4), S(3, 0), S(2, dtype=Name("int64")), **plain),
        "tril_indices": Op(S(3, 4), S(3, 3, -1), S(3, 4, 1, dtype=Name("int32")), **plain),
        "triu_indices": Op(S(3, 4), S(3, 3, -1), S(3, 4, 1, dtype=Name("int32")), **plain),
    }
