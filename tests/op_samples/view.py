"""Views, and moves of elements."""

from __future__ import annotations

from op_tools import COMPLEX, FUNCTION, Literal, Name, Op

from .common import BIG, S, T, m, s, v, x


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


def rows() -> dict[str, Op]:
    return view_rows() | move_rows()
