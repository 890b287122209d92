"""Fourier transforms: the engine's three. What torch.fft makes of them: tests/test_fft.py."""

from __future__ import annotations

from op_tools import COMPLEX, Literal, Op

from .common import BIG, S, T, m, v, x


def rows() -> dict[str, Op]:
    real = ("float32", "float64")
    kinds = ("bool", "int64", *real, *COMPLEX)
    reals = kinds[:4]
    line = [S(v), S(x, 5, 1), S(x, 2, -1, "ortho"), S(m, None, 0, "forward")]
    many = [S(x), S(x, (2, 5)), S(x, None, (0, 2), "ortho"), S(x, (4, 2), (-1, 0), "forward")]
    pair = [S(x), S(x, (2, 5)), S(x, None, (0, 2), "ortho")]
    window = T(4, lo=0.5, hi=1.5)
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
        **{name: Op(*line, dtypes=kinds) for name in ("fft", "ifft", "irfft", "hfft")},
        **{name: Op(*line, dtypes=reals) for name in ("rfft", "ihfft")},
        **{name: Op(*many, dtypes=kinds) for name in ("fftn", "ifftn", "irfftn", "hfftn")},
        **{name: Op(*many, dtypes=reals) for name in ("rfftn", "ihfftn")},
        **{name: Op(*pair, dtypes=kinds) for name in ("fft2", "ifft2", "irfft2", "hfft2")},
        **{name: Op(*pair, dtypes=reals) for name in ("rfft2", "ihfft2")},
        "fftfreq": Op(S(5), S(6, 0.5), dtypes=real[:1], grad=False),
        "rfftfreq": Op(S(5), S(6, 0.5), dtypes=real[:1], grad=False),
        "fftshift": Op(S(v), S(x), S(x, 1), S(x, (0, 2))),
        "ifftshift": Op(S(v), S(x), S(x, 1), S(x, (0, 2))),
        "stft": Op(
            S(T(12), 4, 2, window=window, return_complex=True),
            S(T(2, 12), 6, 3, 4, window, False, normalized=True, return_complex=True),
            S(T(12), 4, window=window, pad_mode="constant", onesided=False, return_complex=True),
            dtypes=real,
        ),
        "istft": Op(
            S(T(3, 5), 4, 2, window=Literal([0.5, 1.0, 1.5, 1.0], dtype="float64")),
            S(T(2, 3, 5), 4, window=Literal([0.5, 1.0, 1.5, 1.0], dtype="float64"), length=7),
            dtypes=COMPLEX[1:],
        ),
    }
