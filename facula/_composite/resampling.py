"""interpolate and its older names; the grids of affine maps and sampling at a grid's points."""

from __future__ import annotations

import math

import facula as torch

from .. import _C
from . import composite

_MODES = {
    ("linear", 3): 0,
    ("bilinear", 4): 0,
    ("trilinear", 5): 0,
    ("bicubic", 4): 1,
}
_NAMES = "nearest | linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact"
_NEEDS = {"linear": 3, "bilinear": 4, "trilinear": 5, "bicubic": 4}


def _refuse(dims, mode):
    if dims in (3, 4, 5) and mode in ("linear", "bilinear", "trilinear"):
        raise NotImplementedError(f"Got {dims}D input, but {mode} mode needs {_NEEDS[mode]}D input")
    raise NotImplementedError(
        f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {dims}D) for the modes: "
        f"{_NAMES} (got {mode})"
    )


def _is_whole(size):
    if isinstance(size, torch.Tensor):
        return not size.is_floating_point()
    return isinstance(size, torch.SymInt) or hasattr(size, "__index__")


def _target(input, size, scale_factor):
    """The size of the result and the factors, either of which may be None."""
    spatial = list(input.shape[2:])
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        if not isinstance(size, (list, tuple)):
            if not _is_whole(size):
                raise TypeError(
                    f"interpolate(): size must be int or a tuple of ints, not {type(size).__name__}"
                )
            return [int(size)] * len(spatial), None
        if len(size) != len(spatial):
            raise ValueError(
                "Input and output must have the same number of spatial dimensions, but got "
                f"input with spatial dimensions of {spatial} and output size of {size}. "
                "Please provide input tensor in (N, C, d1, d2, ...,dK) format and "
                "output size in (o1, o2, ...,oK) format."
            )
        if not all(_is_whole(each) for each in size):
            raise TypeError(
                "expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, int, int], "
                f"but got size with types {[type(each) for each in size]}"
            )
        return [int(each) for each in size], None
    if scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    if not isinstance(scale_factor, (list, tuple)):
        if isinstance(scale_factor, str):
            raise TypeError("interpolate(): scale_factor must be float or a tuple of floats, not str")
        return None, [float(scale_factor)] * len(spatial)
    if len(scale_factor) != len(spatial):
        raise ValueError(
            "Input and scale_factor must have the same number of spatial dimensions, but "
            f"got input with spatial dimensions of {spatial} and "
            f"scale_factor of shape {scale_factor}. "
            "Please provide input tensor in (N, C, d1, d2, ...,dK) format and "
            "scale_factor in (s1, s2, ...,sK) format."
        )
    return None, [float(factor) for factor in scale_factor]


@composite("nn.functional")
def interpolate(
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    antialias=False,
):
    """Resamples (N, C, L), (N, C, H, W) or (N, C, D, H, W) to another spatial size.

    Args:
        input: of a real floating type; uint8 for images in the modes nearest, bilinear and bicubic.
        size: of the result, spatial dimensions only; this or scale_factor.
        scale_factor: a number, or one for each dimension; sizes are rounded down.
        mode: "nearest", "nearest-exact", "linear" (of three dimensions), "bilinear", "bicubic" (of four),
            "trilinear" (of five) or "area".
        align_corners: whether the centres of the corner elements stay where they are.
        recompute_scale_factor: use the ratio of the rounded sizes in place of scale_factor.
        antialias: smooth before making smaller (bilinear and bicubic).

    Cubic interpolation is Keys' (1981) with a = -0.75, and -0.5 with antialias.
    """
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the "
                "interpolating modes: linear | bilinear | bicubic | trilinear"
            )
    elif align_corners is None:
        align_corners = False
    dims = input.dim()
    output_size, factors = _target(input, size, scale_factor)
    if recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    if mode == "area" and output_size is None:
        recompute_scale_factor = True
    if recompute_scale_factor:
        output_size = [math.floor(float(s) * f) for s, f in zip(input.shape[2:], factors)]
        factors = None
    if antialias and not (mode in ("bilinear", "bicubic", "lanczos") and dims == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes "
            "and requires a 4-D tensor as input"
        )
    if output_size is None:
        output_size = [int(float(s) * f) for s, f in zip(input.shape[2:], factors)]
    if mode == "area" and dims in (3, 4, 5):
        return getattr(torch.nn.functional, f"adaptive_avg_pool{dims - 2}d")(input, output_size)
    if mode in ("nearest", "nearest-exact") and dims in (3, 4, 5):
        code = 2 if mode == "nearest" else 3
    elif (mode, dims) in _MODES:
        code = _MODES[mode, dims]
    else:
        _refuse(dims, mode)
    return _C._upsample(input, code, output_size, bool(align_corners), factors or [], antialias)


def _warn_deprecated(name):
    import warnings

    warnings.warn(
        f"`nn.functional.{name}` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=3
    )


@composite("nn.functional")
def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """The older name of interpolate."""
    _warn_deprecated("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


@composite("nn.functional")
def upsample_nearest(input, size=None, scale_factor=None):
    """interpolate with mode="nearest"."""
    _warn_deprecated("upsample_nearest")
    return interpolate(input, size, scale_factor, mode="nearest")


@composite("nn.functional")
def upsample_bilinear(input, size=None, scale_factor=None):
    """interpolate with mode="bilinear" and align_corners=True."""
    _warn_deprecated("upsample_bilinear")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


_INTERPOLATIONS = {"bilinear": 0, "nearest": 1, "bicubic": 2}
_BORDERS = {"zeros": 0, "border": 1, "reflection": 2}


def _default_corners(name):
    import warnings

    warnings.warn(
        f"Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. "
        f"Please specify align_corners=True if the old behavior is desired. "
        f"See the documentation of {name} for details.",
        stacklevel=3,
    )
    return False


@composite("nn.functional")
def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """Values of images or volumes at the points of a grid.

    Args:
        input: (N, C, H, W) or (N, C, D, H, W), of a real floating type.
        grid: (N, h, w, 2) or (N, d, h, w, 3): points (x, y[, z]) with -1 and 1 at the borders.
        mode: "bilinear" (for volumes too), "nearest" or "bicubic" (images only; a = -0.75).
        padding_mode: outside there are "zeros", the "border" or a "reflection".
        align_corners: whether -1 and 1 are the centres of the outermost elements, not their edges.
    """
    if mode not in _INTERPOLATIONS:
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', "
            f"but got: '{mode}'"
        )
    if padding_mode not in _BORDERS:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', "
            f"but got: '{padding_mode}'"
        )
    if align_corners is None:
        align_corners = _default_corners("grid_sample")
    return torch.grid_sampler(input, grid, _INTERPOLATIONS[mode], _BORDERS[padding_mode], align_corners)


@composite("torch")
def affine_grid_generator(theta, size, align_corners):
    """The points that affine maps theta, (N, 2, 3) or (N, 3, 4), make of a grid over (N, C, [D,] H, W)."""
    batch, spatial = size[0], list(size[2:])
    axes = []
    for length in reversed(spatial):  # x first
        if length <= 1:
            axis = torch.zeros(length, dtype=theta.dtype, device=theta.device)
        else:
            axis = torch.linspace(-1, 1, length, dtype=theta.dtype, device=theta.device)
            axis = axis if align_corners else axis * (length - 1) / length  # rounded as PyTorch does
        axes.append(axis)
    n = len(spatial)
    columns = [axis.reshape([-1 if d == n - 1 - i else 1 for d in range(n)]).expand(spatial)
               for i, axis in enumerate(axes)]  # fmt: skip
    columns.append(torch.ones(spatial, dtype=theta.dtype, device=theta.device))
    base = torch.stack(columns, -1).reshape(1, -1, n + 1).expand(batch, -1, -1)
    return base.bmm(theta.transpose(1, 2)).view(batch, *spatial, n)


@composite("nn.functional")
def affine_grid(theta, size, align_corners=None):
    """A grid for grid_sample from affine maps.

    Args:
        theta: (N, 2, 3) or (N, 3, 4), of a floating type.
        size: of the images that grid_sample shall give: (N, C, H, W) or (N, C, D, H, W).
        align_corners: whether -1 and 1 are the centres of the outermost elements, not their edges.

    Returns:
        (N, H, W, 2) or (N, D, H, W, 3).
    """
    if align_corners is None:
        align_corners = _default_corners("affine_grid")
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    shown = torch.Size(size) if not isinstance(size, (tuple, list)) else size
    if len(size) == 4:
        if theta.dim() != 3 or theta.shape[-2] != 2 or theta.shape[-1] != 3:
            raise ValueError(
                f"Expected a batch of 2D affine matrices of shape Nx2x3 for size {shown}. Got {theta.shape}."
            )
    elif len(size) == 5:
        if theta.dim() != 3 or theta.shape[-2] != 3 or theta.shape[-1] != 4:
            raise ValueError(
                f"Expected a batch of 3D affine matrices of shape Nx3x4 for size {shown}. Got {theta.shape}."
            )
    else:
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. "
            f"Got size {shown}."
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {shown}")
    return _C._name_history(affine_grid_generator(theta, size, align_corners), "AffineGridGeneratorBackward0")
