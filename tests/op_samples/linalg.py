"""torch.linalg and its relatives in torch."""

from __future__ import annotations

from math import inf

from op_tools import FUNCTION, IN_PLACE, LINALG, METHOD, OUT, Index, Literal, Op

from .common import FLOATING, S, T, m

LAPACK = tuple(FLOATING[2:])
FREE = FUNCTION | METHOD | OUT | IN_PLACE  # of torch, not of torch.linalg
DEFINITE = Literal([[4.0, 1.0, 0.5], [1.0, 3.0, 1.0], [0.5, 1.0, 2.0]])
TRIANGLE = Literal([[2.0, 0.0, 0.0], [1.0, 1.5, 0.0], [0.5, -1.0, 3.0]])
EYE6 = Literal([[[float(i == 3 * a + b) + 0.1 * i for i in range(6)] for b in range(3)] for a in range(2)])
PIVOTS = Literal([2, 3, 3], dtype="int32")


def rows() -> dict[str, Op]:
    square, many, tall = T(3, 3), T(2, 3, 3), T(4, 3)
    side, sides = T(3), T(3, 2)
    plain = {"dtypes": LAPACK}
    # One triangle is read and the gradient is that of a symmetric matrix; or a small change leads far away.
    # Their derivatives are compared in tests/compat/test_op_db.py.
    apart = plain | {"grad": False}
    return {
        "cholesky": Op(S(DEFINITE), S(DEFINITE, True, only_=FREE), S(DEFINITE, upper=True), **apart),
        "cholesky_ex": Op(S(DEFINITE), S(DEFINITE, upper=True), **apart),
        "cholesky_inverse": Op(S(TRIANGLE), S(TRIANGLE, True), **apart),
        "cholesky_solve": Op(S(sides, TRIANGLE), S(T(2, 3, 1), TRIANGLE, True), **apart),
        "inv": Op(S(square), S(many), S(T(0, 0)), S(T(2, 0, 0)), **plain),
        "inverse": Op(S(square), **plain),
        "inv_ex": Op(S(square), S(many), **plain),
        "det": Op(S(square), S(many), S(T(0, 0)), **plain),
        "slogdet": Op(S(square), S(many), **plain),
        "logdet": Op(S(DEFINITE), **plain),
        "solve": Op(
            S(square, side), S(square, sides), S(many, sides), S(square, T(2, 3), left=False), **plain
        ),
        "solve_ex": Op(S(square, side), S(many, sides), **plain),
        "solve_triangular": Op(
            S(TRIANGLE, sides, upper=False),
            S(square, sides, upper=True, unitriangular=True),
            S(TRIANGLE, T(2, 2, 3), upper=False, left=False),
            **plain,
        ),
        "triangular_solve": Op(S(sides, DEFINITE), S(sides, DEFINITE, False, True), **plain),
        "lu_factor": Op(S(DEFINITE), S(m), **apart),
        "lu_factor_ex": Op(S(DEFINITE), **apart),
        "lu": Op(S(m, only_=FREE), S(DEFINITE, only_=FREE), S(DEFINITE, get_infos=True, only_=FREE), **plain),
        "lu_unpack": Op(S(square, PIVOTS), S(square, PIVOTS, True, False), **plain),
        "lu_solve": Op(
            S(sides, square, PIVOTS, only_=FREE),
            S(square, PIVOTS, sides, only_=LINALG | OUT),
            S(square, PIVOTS, T(2, 3), left=False, adjoint=True, only_=LINALG | OUT),
            **plain,
        ),
        "ldl_factor": Op(S(DEFINITE), S(DEFINITE, hermitian=True), grad=False, **plain),
        "ldl_factor_ex": Op(S(DEFINITE), grad=False, **plain),
        "ldl_solve": Op(S(DEFINITE, Literal([1, 2, 3], dtype="int32"), sides), grad=False, **plain),
        "qr": Op(
            S(m),
            S(tall),
            S(many),
            S(tall, False, only_=FREE, grad_=False),
            S(tall, "complete", only_=LINALG | OUT, grad_=False),
            S(m, "r", only_=LINALG | OUT, grad_=False),
            **plain,
        ),
        "geqrf": Op(S(tall), S(m), grad=False, **plain),
        "householder_product": Op(S(tall, side), S(square, T(2)), **plain),
        "orgqr": Op(S(tall, side), **plain),
        "ormqr": Op(
            S(tall, side, T(4, 2)),
            S(tall, side, T(2, 4), False, True),
            **plain,
        ),
        "eigvals": Op(S(T(0, 0)), S(Literal([[3.0, 1.0], [0.0, 2.0]])), **plain),
        "eigvalsh": Op(S(square), S(many, "U"), **apart),
        "svdvals": Op(S(tall), S(T(2, 3, 4)), S(T(0, 3)), **plain),
        "lstsq": Op(
            S(tall, T(4, 2)),
            S(tall, T(4)),
            S(tall, T(4, 2), driver="gels"),
            S(tall, T(4, 2), driver="gelsd"),
            **plain,
        ),
        "matrix_exp": Op(S(square), S(many), dtypes=("float64", "complex128")),
        "matrix_power": Op(S(square, 0), S(many, 3), S(square, -2), S(square, 1), **plain),
        "matrix_norm": Op(
            S(m),
            S(many, "nuc"),
            S(m, inf),
            S(m, -1, keepdim=True),
            S(many, 2, (0, 1)),
            **plain,
        ),
        "linalg.norm": Op(
            S(m), S(m, "nuc"), S(T(5), 3), S(m, 1), S(m, None, 0), S(m, 2, (1, 0), True), **plain
        ),
        "renorm": Op(S(m, 2, 0, 1.0), S(T(2, 3, 4), 1.5, -1, 0.5), **plain),
        "norm_except_dim": Op(S(m), S(T(2, 3, 4), 2, 1), **plain),
        "nuclear_norm": Op(S(m), S(m, (1, 0), True), **plain),
        "frobenius_norm": Op(S(m, (0, 1)), S(m, 1, True), **plain),
        "cond": Op(S(square), S(tall), S(square, 1), S(square, "fro"), S(square, -2), **plain),
        "matrix_rank": Op(
            S(tall), S(square, hermitian=True), S(tall, atol=1.0, rtol=0.1), grad=False, **plain
        ),
        "pinv": Op(S(tall), S(T(2, 3, 4)), S(DEFINITE, hermitian=True), **apart),
        "pinverse": Op(S(tall), **plain),
        "tensorinv": Op(S(EYE6), S(DEFINITE, ind=1), **apart),
        "tensorsolve": Op(S(EYE6, T(2, 3)), **apart),
        "linalg.vander": Op(S(T(3)), S(T(2, 3), N=4)),
        "vecdot": Op(S(T(5), T(5)), S(T(2, 3), T(3)), S(m, m, dim=0), dtypes=FLOATING),
        "linalg.diagonal": Op(S(m), S(T(2, 3, 4), offset=1), S(T(2, 3, 4), dim1=0, dim2=1)),
        "cross": Op(
            S(T(2, 3), T(2, 3)),
            S(T(3, 2), T(3, 2), dim=0),
            S(T(4, 1, 3), T(1, 2, 3), dim=-1),
            big=S(T(40000, 3), T(40000, 3)),
        ),
        "trace": Op(S(square), S(m), S(T(0, 3))),
        "cov": Op(
            S(m),
            S(T(5)),
            S(m, correction=0),
            S(m, fweights=Index(4, n=3), grad_=False),
            dtypes=LAPACK,
        ),
        "corrcoef": Op(S(m), S(T(2, 5)), **apart),
        "cdist": Op(
            S(m, T(2, 4)),
            S(m, T(2, 4), p=1.0),
            S(m, T(5, 2, 4), p=3.0),
            S(T(0, 4), m),
            S(m, T(2, 4), p=inf),
            big=S(T(300, 40), T(300, 40), p=1.0),
            dtypes=("float32", "float64"),
        ),
        "pdist": Op(
            S(m),
            S(m, 1.0),
            S(m, 3.0),
            S(T(1, 3)),
            big=S(T(300, 40)),
            dtypes=("float32", "float64"),
        ),
    }
