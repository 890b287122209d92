"""Normalisations."""

from __future__ import annotations

from op_tools import FLOATS, Op
from op_tools import Spec as T

from .common import S


def rows() -> dict[str, Op]:
    image, flat = T(2, 6, 3, 4), T(5, 6)
    w, b = T(6, lo=0.5, hi=1.5), T(6)
    mean, var = T(6), T(6, lo=0.5, hi=2.0)
    tail = (True, 0.1, 1e-5)
    reals = {"dtypes": FLOATS}
    return {
        "layer_norm": Op(
            S(T(3, 4, 5), [5]), S(T(3, 4, 5), [4, 5], T(4, 5), T(4, 5)), S(T(3, 40), [40], T(40)), **reals
        ),
        "native_layer_norm": Op(S(T(3, 4, 5), [5], None, None, 1e-5), S(flat, [6], w, b, 1e-5), **reals),
        "rms_norm": Op(S(T(3, 4, 5), [5]), S(T(3, 4, 5), [4, 5], T(4, 5)), S(flat, [6], w, 1e-3), **reals),
        "group_norm": Op(S(image, 3), S(image, 2, w, b), S(flat, 3, w, b, 1e-3), **reals),
        "native_group_norm": Op(
            S(image, None, None, 2, 6, 12, 3, 1e-5), S(image, w, b, 2, 6, 12, 2, 1e-5), **reals
        ),
        "batch_norm": Op(
            S(image, None, None, None, None, *tail, True),
            S(image, w, b, None, None, *tail, True),
            S(flat, w, b, None, None, *tail, True),
            S(image, w, b, mean, var, False, 0.1, 1e-3, True, grad_=False),
            **reals,
        ),
        "native_batch_norm": Op(S(image, w, b, None, None, *tail), S(flat, w, b, None, None, *tail), **reals),
        "_native_batch_norm_legit": Op(S(image, w, b, *tail), **reals),
        "instance_norm": Op(
            S(image, None, None, None, None, *tail, True), S(image, w, b, None, None, *tail, True), **reals
        ),
    }
