"""Conversions, copies and questions about a tensor."""

from __future__ import annotations

from op_tools import Name, Op

from .common import S, T, m, s, v


def rows() -> dict[str, Op]:
    whole = {"grad": False}
    rows = {
        name: Op(S(m), S(s), S(T(0)), grad=name in ("double", "cdouble"))
        for name in "bool byte char short int long half bfloat16 float double chalf cfloat cdouble".split()
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
