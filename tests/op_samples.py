"""The one sample table: what each operation is called with. test_ops.py runs every property on every row.

A pointwise operation needs no row: its signature says enough (default_row in op_table.py). Any other public
operation needs one here, or its reason in NO_SAMPLES.
"""

from __future__ import annotations

from op_tools import (
    COMPLEX,
    DTYPES,
    FLOATS,
    FUNCTION,
    INTS,
    METHOD,
    Index,
    Literal,
    Name,
    Op,
    Sample,
)
from op_tools import Spec as T

S = Sample
FLOATING = FLOATS + COMPLEX
REAL = INTS + FLOATS
MASK = {"dtype": "bool"}
BIG = T(517, 601)

x = T(2, 3, 4)
m = T(3, 4)
v = T(5)
s = T()


def join_rows() -> dict[str, Op]:
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


def view_rows() -> dict[str, Op]:
    return {
        "view": Op(S(x, 6, 4), S(x, -1), S(x, (2, 12)), S(s, 1), S(x, Name("int32"), grad_=False)),
        "view_as": Op(S(x, T(6, 4))),
        "reshape": Op(S(x, (6, 4)), S(x, (-1,)), S(T(0, 3), (3, 0)), S(s, (1, 1))),
        "reshape_as": Op(S(x, T(6, 4))),
        "expand": Op(S(T(3, 1), 3, 4), S(s, 2, 2), S(T(3, 1), (-1, 5)), S(v, 0, 5)),
        "expand_as": Op(S(T(3, 1), m)),
        "broadcast_to": Op(S(T(3, 1), (2, 3, 4))),
        "transpose": Op(S(x, 0, 2), S(x, -1, 1), S(s, 0, -1)),
        "swapaxes": Op(S(x, 0, 2)),
        "t": Op(S(m), S(v), S(s)),
        "permute": Op(S(x, (2, 0, 1)), S(s, ())),
        "squeeze": Op(S(T(1, 3, 1)), S(T(1, 3, 1), 0), S(T(1, 3, 1), (0, 2)), S(T(1, 3, 1), 1)),
        "unsqueeze": Op(S(m, 0), S(m, -1), S(s, 0)),
        "select": Op(S(x, 1, 2), S(x, -1, -1)),
        "narrow": Op(S(x, 2, 1, 2), S(x, 0, 0, 0), S(x, -1, -2, 1)),
        "diagonal": Op(S(m), S(x, 1, 0, 2), S(x, -1, 1, 2), S(m, 9)),
        "as_strided": Op(S(m, (2, 2), (4, 1)), S(m, (2, 3), (1, 1), 2)),
        "split": Op(S(x, 3, 2), S(x, 1), S(x, [1, 2], 1), S(v, 2, -1)),
        "split_with_sizes": Op(S(x, [1, 3], 2)),
        "unbind": Op(S(x), S(x, -1), S(v)),
        "chunk": Op(S(v, 2), S(x, 3, 2), S(x, 7, 1)),
        "tensor_split": Op(S(v, 2), S(x, 3, 2), S(v, (1, 3)), S(x, (1, 5), -1)),
        "hsplit": Op(S(m, 2), S(v, (2,)), S(m, (1, 3))),
        "vsplit": Op(S(m, 3), S(m, (1,))),
        "dsplit": Op(S(x, 2), S(x, (1, 3))),
        "flatten": Op(S(x), S(x, 1), S(x, 0, 1), S(s)),
        "unflatten": Op(S(x, 2, (2, 2)), S(v, 0, (-1, 5))),
        "ravel": Op(S(x), S(s)),
        "movedim": Op(S(x, 0, 2), S(x, (0, 1), (2, 0))),
        "adjoint": Op(S(m), S(x)),
        "t_": Op(S(m), S(v)),
        "transpose_": Op(S(x, 0, 2)),
        "swapaxes_": Op(S(x, 0, 2)),
        "squeeze_": Op(S(T(1, 3, 1)), S(T(1, 3, 1), 0), S(T(1, 3, 1), (0, 2))),
        "unsqueeze_": Op(S(m, 1)),
        "as_strided_": Op(S(m, (2, 2), (4, 1))),
        "unsafe_split": Op(S(x, 3, 2)),
        "unsafe_split_with_sizes": Op(S(x, [1, 3], 2)),
        "unsafe_chunk": Op(S(v, 2)),
        "sum_to_size": Op(S(m, 3, 1), S(m, 4), S(m, 3, 4)),
        "fill_diagonal_": Op(S(m, 3), S(T(7, 2), 3, True), grad=False),
        "unfold": Op(S(v, 0, 3, 2), S(x, 2, 2, 1), S(x, 1, 3, 1)),
        "view_as_real": Op(S(m), dtypes=COMPLEX),
        "view_as_complex": Op(S(T(3, 2)), dtypes=("float32", "float64")),
        "real": Op(S(m)),
        "imag": Op(S(m), dtypes=COMPLEX),
        "select_scatter": Op(S(x, T(2, 4), 1, 2)),
        "slice_scatter": Op(S(x, T(2, 2, 4), 1, 1), S(x, T(2, 3, 2), -1, 0, 4, 2)),
        "diagonal_scatter": Op(S(m, T(3)), S(m, T(3), 1)),
        "as_strided_scatter": Op(S(m, T(2, 2), (2, 2), (4, 1))),
        "narrow_copy": Op(S(x, 2, 1, 2)),
    }


def move_rows() -> dict[str, Op]:
    return {
        "flip": Op(S(x, (0, 2)), S(x, (-1,)), S(v, (0,)), big=S(BIG, (0, 1))),
        "fliplr": Op(S(m)),
        "flipud": Op(S(m), S(v)),
        "roll": Op(S(x, 1), S(x, (1, -2), (0, 2)), S(v, -7, 0)),
        "rot90": Op(S(m), S(x, 2, (0, 2)), S(m, -1), S(m, 4)),
        "repeat": Op(S(m, 2, 1), S(v, 2, 3), S(s, 3), S(v, 0)),
        "tile": Op(S(m, (2,)), S(v, (2, 3))),
        "repeat_interleave": Op(
            S(m, 2),
            S(m, 2, 1),
            S(m, Literal([1, 0, 2], "int64"), 0),
            S(Literal([1, 0, 2], "int64"), only_=FUNCTION, grad_=False),
            S(m, 2, dim=0, output_size=6),
            data=True,
        ),
        "diag": Op(S(v), S(v, 1), S(m), S(m, -1)),
        "diag_embed": Op(S(m), S(v, 1), S(m, -1, 0, 2)),
        "diagflat": Op(S(m), S(v, -1)),
        "tril": Op(S(m), S(x, 1), S(m, -1), big=S(BIG)),
        "triu": Op(S(m), S(x, 1), S(m, -1), big=S(BIG)),
    }


def index_rows() -> dict[str, Op]:
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


def fold_rows() -> dict[str, Op]:
    """Reductions and scans."""
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


def matrix_rows() -> dict[str, Op]:
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
        "qr": Op(
            S(a),
            S(T(4, 3)),
            S(T(2, 3, 3)),
            S(T(4, 3), "complete", grad_=False),
            S(a, "r", grad_=False),
            dtypes=FLOATING[2:],
            grad=False,
        ),
        "multi_dot": Op(S([a, b, T(2, 5)]), S([row, b, T(2)])),
        "bilinear": Op(S(a, T(3, 2), T(5, 4, 2)), S(a, T(3, 2), T(5, 4, 2), T(5))),
        "kron": Op(S(a, T(2, 2)), S(v, T(3)), S(a, s)),
    }


def create_rows() -> dict[str, Op]:
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


def convert_rows() -> dict[str, Op]:
    whole = {"grad": False}
    rows = {
        name: Op(S(m), S(s), S(T(0)), grad=name in ("double", "cdouble"))
        for name in "bool byte char short int long half bfloat16 float double cfloat cdouble".split()
    }
    return rows | {
        "clone": Op(S(m), S(s), S(T(0))),
        "contiguous": Op(S(m)),
        "detach": Op(S(m), **whole),
        "detach_": Op(S(m), **whole),
        "to": Op(
            S(m, Name("float64")),
            S(m, T(1, dtype="int32"), grad_=False),
            S(m, "cpu"),
            S(m, "cpu", Name("float16"), copy=True, grad_=False),
        ),
        "type_as": Op(S(m, T(1, dtype="float64")), S(m, T(1, dtype="int64"))),
        "cpu": Op(S(m)),
        "copy_": Op(
            S(m, T(3, 4, dtype="float32")), S(m, T(4, dtype="int64")), S(m, T(dtype="complex64")), **whole
        ),
        "fill_": Op(S(m, 2), S(m, 1.5), S(m, T(dtype="float32")), **whole),
        "fill": Op(S(m, 2), S(m, 1.5), S(m, s), **whole),
        "zero_": Op(S(m), **whole),
        "resolve_conj": Op(S(m)),
        "resolve_neg": Op(S(m)),
        "is_contiguous": Op(S(m), **whole),
        "is_floating_point": Op(S(m), **whole),
        "is_signed": Op(S(m), **whole),
        "is_same_size": Op(S(m, m), S(m, v), **whole),
        "is_complex": Op(S(m), **whole),
        "numel": Op(S(m), S(s), S(T(0, 3)), **whole),
        "nelement": Op(S(m), **whole),
        "result_type": Op(
            S(m, T(2, dtype="int64")), S(m, 2.5), S(s, T(2, dtype="int16")), S(m, 1j), S(3, m), **whole
        ),
        "promote_types": Op(
            S(Name("int8"), Name("uint8")),
            S(Name("float16"), Name("bfloat16")),
            dtypes=("float32",),
            grad=False,
        ),
        "can_cast": Op(
            S(Name("float32"), Name("int64")),
            S(Name("int8"), Name("float16")),
            dtypes=("float32",),
            grad=False,
        ),
        "resize_as_": Op(S(m, T(2, 2)), **whole),
        "resize_": Op(S(m, 2, 2), S(m, (4, 3)), **whole),
    }


def loss_rows() -> dict[str, Op]:
    logits, target = T(3, 4), Index(3, n=4)
    share = T(3, 4, lo=0.1, hi=0.9)
    ways = ({}, {"reduction": "sum"}, {"reduction": "none"})

    def each(*args: object, **kw: object) -> list[Sample]:
        return [S(*args, **kw, **way) for way in ways]

    reals = {"dtypes": FLOATS}
    return {
        "softmax": Op(
            S(x, 1), S(x, -1), S(s, 0), S(T(0, 3), 1), S(x, 0, dtype=Name("float64")), big=S(BIG, 1), **reals
        ),
        "log_softmax": Op(S(x, 1), S(x, -1), S(s, 0), S(x, 0, dtype=Name("float64")), big=S(BIG, 1), **reals),
        "mse_loss": Op(*each(m, m), big=S(BIG, BIG), **reals),
        "smooth_l1_loss": Op(*each(m, m), S(m, m, beta=0.3), **reals),
        "huber_loss": Op(*each(m, m), S(m, m, delta=0.3), **reals),
        "soft_margin_loss": Op(*each(m, m, grad_=False), **reals),
        "binary_cross_entropy": Op(*each(share, share), S(share, share, T(4)), **reals),
        "binary_cross_entropy_with_logits": Op(
            *each(m, share), S(m, share, pos_weight=T(4, lo=0.5, hi=2.0)), **reals
        ),
        "nll_loss": Op(*each(logits, target), S(logits, target, ignore_index=1), **reals),
        "cross_entropy": Op(
            *each(logits, target),
            S(logits, target, T(4, lo=0.5, hi=2.0), grad_=False),
            S(logits, target, label_smoothing=0.1),
            S(logits, share),
            S(T(2, 4, 3), Index(2, 3, n=4)),
            **reals,
        ),
    }


def composed_rows() -> dict[str, Op]:
    """Elementwise operations that are made of others, and those whose pointwise overload is not the whole."""
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
        "ldexp": Op(S(m, T(4)), S(m, 2), S(m, Literal([1, -2, 3, 0], "int32")), grad=False),
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
        "psi": Op(*plain, second=False),
        "tanh": Op(*plain, big=S(BIG)),
        # Where the signature does not say what makes sense.
        "where": index_rows()["where"],
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
        "threshold": Op(S(m, 0.5, 20), S(m, -0.5, -3), S(s, 0.1, 0)),
        "heaviside": Op(S(m, T(4)), S(Literal([0.0, 1.0, -1.0]), T(3)), S(m, s), grad=False),
        "bitwise_left_shift": Op(S(m, Literal([1, 2, 0, 3])), S(m, 2)),
        "bitwise_right_shift": Op(S(m, Literal([1, 2, 0, 3])), S(m, 2)),
        "copysign": Op(S(m, m), S(m, T(4)), S(m, -1.0), S(m, 2), S(m, s), big=S(BIG, T(601))),
    }


# Public operations without samples, and where they are tested instead.
_RANDOM = "random numbers: tests/test_random.py"
NO_SAMPLES: dict[str, str] = dict.fromkeys(
    "uniform_ normal_ exponential_ cauchy_ log_normal_ geometric_ bernoulli_ random_ rand randn "
    "randint normal randperm rand_like randn_like randint_like bernoulli poisson multinomial binomial "
    "_standard_gamma _sample_dirichlet dropout dropout_ feature_dropout feature_dropout_ "
    "alpha_dropout alpha_dropout_ feature_alpha_dropout feature_alpha_dropout_ native_dropout rrelu".split(),
    _RANDOM,
) | dict.fromkeys("empty empty_like new_empty".split(), "memory as it comes has no values to compare")
NO_SAMPLES |= dict.fromkeys(
    "empty_strided new_empty_strided".split(), "memory as it comes: tests/compat/test_create.py"
)
NO_SAMPLES |= {
    "set_": "makes two tensors share: tests/compat/test_convert.py",
    "index_put_": "the method of index_put, whose in-place form is tested with it",
}


def written_rows() -> dict[str, Op]:
    parts = (join_rows, view_rows, move_rows, index_rows, fold_rows, matrix_rows, loss_rows, create_rows)
    table: dict[str, Op] = {}
    for make in (*parts, convert_rows, composed_rows):
        table |= make()
    return table
