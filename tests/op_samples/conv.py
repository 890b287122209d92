"""Convolutions and padding."""

from __future__ import annotations

from op_tools import Op

from .common import S, T

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_CONV = (*_FLOATS, "complex64", "complex128", "int64")


def rows() -> dict[str, Op]:
    line, image, volume = T(2, 4, 7), T(2, 4, 5, 6), T(1, 2, 3, 4, 3)
    around = [S(T(2, 3, 4, 5), p) for p in ([1, 2], [-1, 2], [0, 0, 1, 1], [-1, -1, 2, 0])]
    mapped = [S(T(2, 3, 4, 5), [1, 2, 1, 0], mode) for mode in ("reflect", "replicate", "circular")]
    return {
        "conv1d": Op(
            S(line, T(3, 4, 3), T(3)),
            S(line, T(4, 2, 2), None, 2, 1, 2, 2),
            S(line, T(3, 4, 4), padding="same"),
            S(T(4, 7), T(3, 4, 3), padding="valid"),
            dtypes=_CONV,
        ),
        "conv2d": Op(
            S(image, T(3, 4, 3, 2), T(3)),
            S(image, T(3, 4, 3, 3), None, (2, 1), (1, 2), (1, 2)),
            S(image, T(8, 1, 3, 3), T(8), padding=1, groups=4),
            S(T(4, 5, 6), T(6, 2, 1, 1), groups=2),
            S(T(0, 4, 5, 6), T(3, 4, 3, 3)),
            dtypes=_CONV,
            big=S(T(4, 16, 30, 31), T(20, 16, 3, 3), T(20), padding=1),
        ),
        "conv3d": Op(
            S(volume, T(3, 2, 2, 3, 2), T(3)),
            S(volume, T(2, 1, 2, 2, 2), None, 2, 1, 1, 2),
            dtypes=_CONV,
        ),
        "conv_transpose1d": Op(
            S(line, T(4, 3, 3), T(3)),
            S(line, T(4, 2, 3), None, 3, 1, 2, 2),
            S(T(4, 7), T(4, 1, 3)),
            dtypes=_CONV,
        ),
        "conv_transpose2d": Op(
            S(image, T(4, 3, 3, 2), T(3)),
            S(image, T(4, 2, 3, 3), T(4), (2, 3), (1, 0), (1, 1), 2, (1, 2)),
            dtypes=_CONV,
            big=S(T(4, 16, 30, 31), T(16, 20, 3, 3), T(20), 2),
        ),
        "conv_transpose3d": Op(
            S(volume, T(2, 2, 2, 2, 2), T(2)), S(volume, T(2, 1, 3, 2, 2), None, 2, 1, 1, 2), dtypes=_CONV
        ),
        "convolution": Op(
            S(image, T(3, 4, 3, 2), T(3), [1, 1], [1, 1], [1, 1], False, [0, 0], 1),
            S(image, T(4, 2, 3, 3), None, [2, 2], [1, 1], [1, 1], True, [1, 1], 2),
            dtypes=_CONV,
        ),
        "_convolution": Op(
            S(image, T(3, 4, 3, 2), T(3), [1, 1], [1, 1], [1, 1], False, [0, 0], 1, False, False, True, True),
            dtypes=_FLOATS,
        ),
        "conv_tbc": Op(S(T(7, 2, 4), T(3, 4, 5), T(5), 1), dtypes=_FLOATS),
        "constant_pad_nd": Op(*around, S(T(3), [1, 1], 2), big=S(T(3, 200, 300), [3, 2, 1, 1], 1)),
        "pad": Op(
            *around, *mapped, S(T(3, 4), [2, 3], "reflect"), S(T(2, 3, 2, 3), [2, 1, 1, 1, 0, 1], "replicate")
        ),
    }
