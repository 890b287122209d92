"""Softmax and losses."""

from __future__ import annotations

from op_tools import FLOATS, Index, Name, Op, Sample

from .common import BIG, S, T, m, s, x


def rows() -> dict[str, Op]:
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
