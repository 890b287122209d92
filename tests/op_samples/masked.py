"""torch.masked: reductions and normalisations under a mask."""

from __future__ import annotations

from op_tools import FLOATS, Op

from .common import FLOATING, REAL, S, T, m, x

HALF = T(3, 4, dtype="bool")
ROW = T(4, dtype="bool")


def rows() -> dict[str, Op]:
    plain = [S(m, mask=HALF), S(m, 1, mask=ROW), S(x, (0, 2), keepdim=True, mask=ROW), S(m)]
    one = [S(m, 1, mask=HALF), S(m, -1, keepdim=True, mask=ROW), S(x, 0)]
    along = [S(m, 1, mask=HALF), S(m, 0, mask=ROW), S(x, -1)]
    real = FLOATS[2:]
    spread = [S(m, mask=HALF), S(x, 1, mask=ROW), S(m, 1, False), S(m, 0, correction=2)]
    reductions = {
        "masked.sum": Op(*plain),
        "masked.prod": Op(*plain),
        "masked.amax": Op(*plain, dtypes=REAL),
        "masked.amin": Op(*plain, dtypes=REAL),
        "masked.argmax": Op(*one, dtypes=REAL, grad=False),
        "masked.argmin": Op(*one, dtypes=REAL, grad=False),
        "masked.mean": Op(*plain, dtypes=FLOATING),
        "masked.median": Op(*one, dtypes=real),
        "masked.logsumexp": Op(*plain, dtypes=real),
        "masked.norm": Op(
            S(m, mask=HALF), S(m, 1, 1, mask=ROW), S(m, float("inf"), 0, keepdim=True), dtypes=real
        ),
        "masked.var": Op(*spread, dtypes=real),
        "masked.std": Op(*spread, dtypes=real),
    }
    return reductions | {
        "masked.cumsum": Op(*along),
        "masked.cumprod": Op(*along),
        "masked.softmax": Op(*along, dtypes=real),
        "masked.log_softmax": Op(S(m, 1), S(x, -1), dtypes=real),
        "softmin": Op(*along, dtypes=real),
        "normalize": Op(S(m, 2.0, 1, mask=HALF), S(m, 2.0, 0), dtypes=real),
        "masked.logaddexp": Op(
            S(m, m), S(m, T(3, 4), input_mask=T(3, 1, dtype="bool")), dtypes=real, second=False
        ),
    }
