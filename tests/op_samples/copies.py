"""The copying forms of views."""

from __future__ import annotations

from op_tools import COMPLEX, Op

from .common import S, T, m, s, v, x


def rows() -> dict[str, Op]:
    return {
        "alias_copy": Op(S(m), S(s)),
        "detach_copy": Op(S(m), grad=False),
        "diagonal_copy": Op(S(m), S(x, 1, 0, 2)),
        "expand_copy": Op(S(T(3, 1), (3, 4)), S(s, (2, 2))),
        "permute_copy": Op(S(x, (2, 0, 1)), S(s, ())),
        "select_copy": Op(S(x, 1, 2), S(x, -1, -1)),
        "slice_copy": Op(S(x, 1, 1), S(x, -1, 0, 4, 2), S(v, 0, None, 3)),
        "split_copy": Op(S(x, 3, 2), S(v, 2, -1)),
        "split_with_sizes_copy": Op(S(x, [1, 3], 2)),
        "squeeze_copy": Op(S(T(1, 3, 1)), S(T(1, 3, 1), 0), S(T(1, 3, 1), (0, 2))),
        "t_copy": Op(S(m), S(v), S(s)),
        "transpose_copy": Op(S(x, 0, 2), S(s, 0, -1)),
        "unbind_copy": Op(S(x), S(x, -1), S(v)),
        "unfold_copy": Op(S(v, 0, 3, 2), S(x, 2, 2, 1)),
        "unsqueeze_copy": Op(S(m, 0), S(m, -1), S(s, 0)),
        "view_as_real_copy": Op(S(m), dtypes=COMPLEX),
    }
