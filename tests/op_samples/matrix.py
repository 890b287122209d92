"""Products of matrices."""

from __future__ import annotations

from op_tools import Op

from .common import S, T, s, v


def rows() -> dict[str, Op]:
    a, b, row = T(3, 4), T(4, 2), T(4)
    batch, other = T(2, 3, 4), T(2, 4, 5)
    return {
        "matmul": Op(
            S(a, b),
            S(row, row),
            S(a, row),
            S(row, b),
            S(batch, other),
            S(batch, b),
            S(T(2, 1, 3, 4), other),
            S(T(0, 4), b),
            S(T(3, 0), T(0, 2)),
            big=S(T(300, 300), T(300, 300)),
        ),
        "mm": Op(S(a, b), S(T(3, 0), T(0, 2)), big=S(T(300, 300), T(300, 300))),
        "addmm": Op(S(T(3, 2), a, b), S(T(2), a, b, beta=2, alpha=3), S(T(2), a, b, beta=0)),
        "mv": Op(S(a, row), big=S(T(700, 700), T(700))),
        "addmv": Op(S(T(3), a, row), S(s, a, row, beta=2, alpha=3)),
        "dot": Op(S(v, v), S(T(0), T(0)), big=S(T(300000), T(300000))),
        "vdot": Op(S(v, v)),
        "inner": Op(S(v, v), S(a, T(2, 4)), S(a, s)),
        "outer": Op(S(v, T(3)), S(T(0), T(3))),
        "addr": Op(S(T(5, 3), v, T(3)), S(s, v, T(3), beta=2, alpha=3)),
        "linear": Op(
            S(a, T(2, 4)), S(batch, T(2, 4), T(2)), S(row, T(2, 4), T(2)), big=S(T(400, 300), T(300, 300))
        ),
        "bmm": Op(S(batch, other), S(T(2, 3, 0), T(2, 0, 5)), big=S(T(20, 80, 80), T(20, 80, 80))),
        "baddbmm": Op(S(T(2, 3, 5), batch, other), S(T(5), batch, other, beta=2, alpha=3)),
        "addbmm": Op(S(T(3, 5), batch, other), S(s, batch, other, beta=2, alpha=3)),
        "multi_dot": Op(S([a, b, T(2, 5)]), S([row, b, T(2)])),
        "bilinear": Op(S(a, T(3, 2), T(5, 4, 2)), S(a, T(3, 2), T(5, 4, 2), T(5))),
        "kron": Op(S(a, T(2, 2)), S(v, T(3)), S(a, s)),
    }
