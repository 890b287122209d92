"""Resampling and sampling at the points of a grid."""

from __future__ import annotations

from op_tools import FLOATS, Op

from .common import S, T

_BYTES = (*FLOATS, "uint8")


def rows() -> dict[str, Op]:
    line, image, volume = T(2, 3, 5), T(2, 3, 4, 5), T(1, 2, 3, 4, 2)
    points, places = T(2, 3, 4, 2), T(1, 2, 3, 2, 3)
    return {
        "interpolate": Op(
            S(image, (7, 3)),
            S(image, scale_factor=1.7, mode="nearest-exact"),
            S(image, (7, 3), mode="bilinear"),
            S(image, (2, 9), mode="bicubic", align_corners=True),
            S(image, (2, 3), mode="bilinear", antialias=True, grad_=True),
            S(image, (2, 9), mode="bicubic", antialias=True),
            S(line, 8, mode="linear"),
            S(volume, scale_factor=(2, 1.5, 2), mode="trilinear"),
            S(image, (3, 2), mode="area"),
            S(image, scale_factor=1.3, mode="bilinear", recompute_scale_factor=True),
            dtypes=FLOATS,
            big=S(T(2, 8, 50, 60), (110, 77), mode="bilinear"),
        ),
        "upsample": Op(S(image, (7, 3)), dtypes=_BYTES),
        "upsample_nearest": Op(S(image, scale_factor=2), dtypes=_BYTES),
        "upsample_bilinear": Op(S(image, scale_factor=2), dtypes=_BYTES),
        "grid_sample": Op(
            S(image, points, align_corners=False),
            S(image, points, "bicubic", "border", True),
            S(image, points, "bilinear", "reflection", False),
            S(image, points, "nearest", "zeros", True),
            S(volume, places, "bilinear", "border", True),
            dtypes=("float32", "float64"),
            domain=(-1.3, 1.3),
        ),
        "grid_sampler": Op(S(image, points, 0, 0, False), dtypes=("float32", "float64"), domain=(-1.3, 1.3)),
        "grid_sampler_2d": Op(
            S(image, points, 2, 2, False), dtypes=("float32", "float64"), domain=(-1.3, 1.3)
        ),
        "grid_sampler_3d": Op(
            S(volume, places, 0, 1, False), dtypes=("float32", "float64"), domain=(-1.3, 1.3)
        ),
        "affine_grid": Op(
            S(T(2, 2, 3), (2, 1, 3, 4), True),
            S(T(1, 3, 4), (1, 1, 2, 3, 1), False),
            dtypes=("float32", "float64"),
        ),
        "affine_grid_generator": Op(S(T(2, 2, 3), (2, 1, 3, 4), True), dtypes=("float32", "float64")),
    }
