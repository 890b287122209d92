"""Fourier transforms: the engine's three. What torch.fft makes of them: tests/test_fft.py."""

from __future__ import annotations

from op_tools import COMPLEX, Op

from .common import BIG, S, m, v, x


def rows() -> dict[str, Op]:
    real = ("float32", "float64")
    return {
        "_fft_c2c": Op(
            S(v, (0,), 0, True),
            S(x, (1, 2), 1, False),
            S(x, (2, 0, 1), 2, True),
            S(m, (), 0, True),
            dtypes=COMPLEX,
            big=S(BIG, (0, 1), 0, True),
        ),
        "_fft_r2c": Op(
            S(v, (0,), 0, True),
            S(v, (0,), 1, False),
            S(m, (1,), 2, True),
            S(x, (0, 2), 0, True),
            S(x, (2, 0), 0, False),
            dtypes=real,
            big=S(BIG, (0, 1), 0, True),
        ),
        "_fft_c2r": Op(
            S(v, (0,), 0, 8),
            S(v, (0,), 2, 9),
            S(x, (0, 2), 1, 7),
            S(x, (2, 1), 0, 5),
            dtypes=COMPLEX,
            big=S(BIG, (0, 1), 0, 1200),
        ),
    }
