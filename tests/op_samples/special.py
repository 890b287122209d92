"""Special functions: where default samples would miss the domain, or the arguments come in another order."""

from __future__ import annotations

from op_tools import FUNCTION, IN_PLACE, METHOD, OUT, SPECIAL, Literal, Op

from .common import BIG, FLOATS, S, T, m, s

positive = T(3, 4, lo=0.3, hi=4.0)
row = T(4, lo=0.3, hi=4.0)
first = FUNCTION | SPECIAL | OUT  # polygamma(n, x)
second = METHOD | IN_PLACE  # x.polygamma(n)
degrees = Literal([0, 1, 5, 12], "int32")
POLYNOMIALS = """chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v chebyshev_polynomial_w
    hermite_polynomial_h hermite_polynomial_he laguerre_polynomial_l legendre_polynomial_p
    shifted_chebyshev_polynomial_t shifted_chebyshev_polynomial_u shifted_chebyshev_polynomial_v
    shifted_chebyshev_polynomial_w"""


def rows() -> dict[str, Op]:
    incomplete = [S(positive, positive), S(positive, row), S(T(0, 4), T(4))]
    table = {
        "polygamma": Op(
            S(0, positive, only_=first),
            S(1, positive, only_=first),
            S(3, positive, only_=first),
            S(positive, 2, only_=second),
            S(T(0), 2, only_=second),
            domain=(0.3, 4.0),
        ),
        "mvlgamma": Op(S(positive, 1), S(T(3, 4, lo=1.2, hi=4.0), 3), domain=(1.2, 4.0)),
        "multigammaln": Op(S(T(3, 4, lo=1.2, hi=4.0), 3), domain=(1.2, 4.0)),
        "digamma": Op(S(positive), S(s), S(T(0)), S(m), big=S(BIG), domain=(0.2, 2.9)),
        "psi": Op(S(positive), S(T(0)), domain=(0.2, 2.9)),
        "zeta": Op(S(T(3, 4, lo=1.5, hi=6.0), positive), S(T(3, 1, lo=1.5, hi=6.0), 2.5), grad=False),
        "ndtri": Op(S(m), S(s), S(T(0)), domain=(0.05, 0.95)),
        "i0": Op(S(m), S(s), S(T(0)), S(T(6, lo=-30, hi=30)), big=S(BIG)),
        "frexp": Op(S(m), S(T(0)), S(T(6, lo=-3e4, hi=3e4))),
        "nan_to_num": Op(
            S(m),
            S(m, 0.5, posinf=2.0, neginf=-3.0),
            S(T(0)),
        ),
        "nan_to_num_": Op(S(m), S(m, 0.5, 2.0, -3.0)),
        "float_power_": Op(S(m, 2), dtypes=("float64", "complex128")),
        "conj_physical": Op(S(m), S(s), S(T(0))),
        "is_conj": Op(S(m), grad=False),
        "is_neg": Op(S(m), grad=False),
    }
    for name in ("igamma", "igammac", "gammainc", "gammaincc"):
        table[name] = Op(*incomplete, grad=False, dtypes=FLOATS)
    for name in ("bessel_y0", "bessel_y1", "modified_bessel_k0", "modified_bessel_k1",
                 "scaled_modified_bessel_k0", "scaled_modified_bessel_k1"):  # fmt: skip
        table[name] = Op(S(positive), S(T(0)), grad=False)
    for name in POLYNOMIALS.split():
        table[name] = Op(S(m, degrees), S(m, T(4, lo=0, hi=6)), S(0.3, T(4, lo=0, hi=9)), S(m, 3), grad=False)
    return table
