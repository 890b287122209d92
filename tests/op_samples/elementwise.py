"""Elementwise operations that are made of others, and those whose pointwise overload is not the whole."""

from __future__ import annotations

from op_tools import FUNCTION, Literal, Op

from .common import BIG, S, T, m, s, v, x


def rows() -> dict[str, Op]:
    plain = [S(m), S(s), S(T(0))]
    near = [
        S(m, m),
        S(m, T(4), 0.5),
        S(Literal([1.0, float("nan")]), Literal([1.0, float("nan")]), equal_nan=True),
    ]
    return {
        "div": Op(
            S(m, m),
            S(m, T(4)),
            S(m, s),
            S(m, 2.5),
            S(m, 2),
            S(T(0, 4), m.reshaped(1, 4)),
            S(m, T(4), rounding_mode="floor"),
            S(m, T(4), rounding_mode="trunc"),
            S(m, 2, rounding_mode="floor"),
            S(m, 0.7, rounding_mode="trunc"),
            S(m, m, rounding_mode=None),
            big=S(BIG, T(601)),
        ),
        "clamp": Op(
            S(m, -0.5, 0.5),
            S(m, 0.1),
            S(m, max=1),
            S(m, T(4), m),
            S(m, max=T(3, 1)),
            S(m, T(1), 2.0),
            S(m, 2, -2),
        ),
        "positive": Op(*plain),
        "gelu": Op(*plain, S(m, approximate="tanh"), big=S(BIG)),
        "relu6": Op(*plain, S(T(5, lo=0.5, hi=9.0))),
        "tanhshrink": Op(*plain),
        "softsign": Op(*plain),
        "prelu": Op(S(m, T(4)), S(m, T(1)), S(v, T(1)), S(x, T(3))),
        "ldexp": Op(S(m, T(4)), S(m, Literal([1, -2, 3, 0], "int32")), grad=False),
        "float_power": Op(S(T(3, lo=0.2, hi=2.0), T(3)), S(m, 2), S(2.0, m, only_=FUNCTION), S(m, 0.5)),
        "isclose": Op(*near, grad=False),
        "allclose": Op(*near, grad=False, data=True),
        "equal": Op(S(m, m), S(m, T(4)), grad=False, data=True),
        "isreal": Op(*plain, grad=False),
        "conj": Op(*plain),
        "complex": Op(S(m, m), S(m, T(4)), dtypes=("float32", "float64")),
        "polar": Op(S(m, m), S(m, T(4)), dtypes=("float32", "float64")),
        "expit": Op(*plain),
        "exp2": Op(*plain, big=S(BIG)),
        "expm1": Op(*plain, big=S(BIG)),
        "log1p": Op(*plain, domain=(-0.9, 1.9), big=S(BIG)),
        "round": Op(*plain, S(m, decimals=2), S(m, decimals=-1), big=S(BIG)),
        "gammaln": Op(*plain, domain=(0.2, 2.9)),
        "tanh": Op(*plain, big=S(BIG)),
        # Where the signature does not say what makes sense.
        "pow": Op(
            S(T(3, 4, lo=0.2, hi=2.5), T(4)),
            S(m, 2),
            S(m, 3),
            S(m, 0),
            S(m, -1),
            S(m, 0.5),
            S(m, 1.5),
            S(2, m, only_=FUNCTION),
            S(m, Literal(2, "int64")),
            S(T(0), 2),
            S(s, 2),
            big=S(BIG, 1.7),
        ),
        "lerp": Op(S(m, m, 0.3), S(m, T(4), m), S(m, m, 0.7), S(s, s, s), big=S(BIG, T(601), 0.3)),
        "hardtanh": Op(*plain, S(m, -0.5, 0.7), S(m, max_val=0.3), big=S(BIG)),
        "threshold": Op(S(m, 0.5, 20), S(m, -0.5, -3), S(s, 0.1, 0)),
        "angle": Op(*plain, big=S(BIG)),
        "logsigmoid": Op(*plain, big=S(BIG)),
        "nextafter": Op(
            S(m, T(4)), S(m, m), S(m, s), S(s, m), S(Literal([0.0, -0.0, 1.0]), T(3)), grad=False
        ),
        "heaviside": Op(S(m, T(4)), S(Literal([0.0, 1.0, -1.0]), T(3)), S(m, s), grad=False),
        "bitwise_left_shift": Op(S(m, Literal([1, 2, 0, 3])), S(m, 2)),
        "bitwise_right_shift": Op(S(m, Literal([1, 2, 0, 3])), S(m, 2)),
        "copysign": Op(S(m, m), S(m, T(4)), S(m, -1.0), S(m, 2), S(m, s), big=S(BIG, T(601))),
    }
