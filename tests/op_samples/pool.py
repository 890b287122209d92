"""Pooling, unfold and fold, shuffles of channels and pixels."""

from __future__ import annotations

from op_tools import FLOATS, NN, Index, Op

from .common import S, T

_AVERAGES = (*FLOATS, "int64")
_MAXIMA = (*FLOATS, "int8", "uint8", "int16", "int32", "int64")


def rows() -> dict[str, Op]:
    line, image, volume = T(2, 3, 9), T(2, 3, 6, 7), T(1, 2, 5, 4, 6)
    big = T(6, 16, 40, 41)
    return {
        "max_pool1d": Op(
            S(line, 2), S(line, 3, 2, 1, 2, True), S(T(3, 9), 2, return_indices=True, only_=NN), dtypes=FLOATS
        ),
        "max_pool2d": Op(
            S(image, 2),
            S(image, (3, 2), (2, 1), (1, 1), (2, 1), True),
            S(T(3, 6, 7), 3, 1, 1),
            dtypes=_MAXIMA,
            big=S(big, 3, 2, 1),
        ),
        "max_pool3d": Op(S(volume, 2), S(volume, (3, 2, 2), 2, (1, 1, 0), 1, True), dtypes=_MAXIMA),
        "max_pool1d_with_indices": Op(S(line, 2), dtypes=FLOATS),
        "max_pool2d_with_indices": Op(S(image, 2), dtypes=FLOATS),
        "max_pool3d_with_indices": Op(S(volume, 2), dtypes=FLOATS),
        "avg_pool1d": Op(S(line, 2), S(line, 3, 2, 1, True, False), dtypes=_AVERAGES),
        "avg_pool2d": Op(
            S(image, 2),
            S(image, (3, 2), (2, 1), (1, 1), True, False),
            S(T(3, 6, 7), 3, 1, 1, divisor_override=5),
            dtypes=_AVERAGES,
            big=S(big, 3, 2, 1),
        ),
        "avg_pool3d": Op(
            S(volume, 2),
            S(volume, (3, 2, 2), 2, (1, 1, 0), True, False, 7),
            dtypes=("float32", "float64", "int64"),
        ),
        "adaptive_avg_pool2d": Op(S(image, (3, None)), S(image, 1), S(T(3, 6, 7), (5, 2)), dtypes=FLOATS),
        "adaptive_avg_pool3d": Op(S(volume, (3, None, 2)), S(volume, 1), dtypes=FLOATS),
        "adaptive_max_pool2d": Op(S(image, (3, None)), S(T(3, 6, 7), (5, 2), True), dtypes=FLOATS),
        "adaptive_max_pool3d": Op(S(volume, (3, None, 2)), S(volume, 1, True), dtypes=FLOATS),
        "adaptive_max_pool1d_with_indices": Op(S(line, 4), dtypes=FLOATS),
        "adaptive_max_pool2d_with_indices": Op(S(image, 3), dtypes=FLOATS),
        "adaptive_max_pool3d_with_indices": Op(S(volume, 2), dtypes=FLOATS),
        "nn.functional.adaptive_max_pool1d": Op(S(line, 4), S(line, 4, True), dtypes=FLOATS),
        "fractional_max_pool2d": Op(
            S(image, 2, output_size=(3, 4), _random_samples=T(2, 3, 2, lo=0.0, hi=0.99), return_indices=True),
            S(image, 2, output_ratio=(0.5, 0.5), _random_samples=T(2, 3, 2, lo=0.0, hi=0.99)),
            dtypes=FLOATS,
        ),
        "fractional_max_pool3d": Op(
            S(volume, 2, output_size=(3, 2, 4), _random_samples=T(1, 2, 3, lo=0.0, hi=0.99)), dtypes=FLOATS
        ),
        "fractional_max_pool2d_with_indices": Op(
            S(image, 2, output_size=3, _random_samples=T(2, 3, 2, lo=0.0, hi=0.99)), dtypes=FLOATS
        ),
        "fractional_max_pool3d_with_indices": Op(
            S(volume, 2, output_size=2, _random_samples=T(1, 2, 3, lo=0.0, hi=0.99)), dtypes=FLOATS
        ),
        "max_unpool1d": Op(S(T(2, 3, 4), Index(2, 3, 4, n=8), 2), dtypes=FLOATS),
        "max_unpool2d": Op(
            S(T(2, 3, 2, 2), Index(2, 3, 2, 2, n=16), 2),
            S(T(3, 2, 2), Index(3, 2, 2, n=16), 3, 2, 1, (4, 4)),
            dtypes=FLOATS,
        ),
        "max_unpool3d": Op(S(T(1, 2, 2, 2, 2), Index(1, 2, 2, 2, 2, n=64), 2), dtypes=FLOATS),
        "lp_pool1d": Op(S(line, 2, 3), dtypes=FLOATS, domain=(0.2, 1.9)),
        "lp_pool2d": Op(S(image, 2, 3), S(image, 3, (2, 3), 2, True), dtypes=FLOATS, domain=(0.2, 1.9)),
        "lp_pool3d": Op(S(volume, 2, 2), dtypes=("float32", "float64"), domain=(0.2, 1.9)),
        "adaptive_avg_pool1d": Op(S(line, 4), S(T(3, 9), 1), dtypes=FLOATS),
        "adaptive_max_pool1d": Op(S(line, 4), S(T(3, 9), 1), dtypes=FLOATS),
        "nn.functional.unfold": Op(
            S(T(2, 3, 6, 7), 3),
            S(T(2, 3, 6, 7), (2, 3), (2, 1), (1, 2), (2, 3)),
            S(T(3, 6, 7), 2),
            dtypes=(*FLOATS, "bool", "complex64", "complex128"),
        ),
        "fold": Op(
            S(T(2, 12, 20), (5, 6), 2),
            S(T(6, 10), (4, 9), (2, 1), (2, 1), (1, 0), (2, 2)),
            dtypes=(*FLOATS, "complex64", "complex128"),
        ),
        "pixel_shuffle": Op(S(T(2, 8, 2, 3), 2), S(T(9, 1, 2), 3), big=S(T(4, 64, 30, 30), 4)),
        "pixel_unshuffle": Op(S(T(2, 2, 4, 6), 2), S(T(1, 3, 6), 3)),
        "channel_shuffle": Op(S(T(2, 6, 2, 3), 3), S(T(1, 4, 3), 2)),
        "native_channel_shuffle": Op(S(T(2, 6, 2, 3), 3)),
    }
