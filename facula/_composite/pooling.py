"""Windows of images whose arguments need Python: unfold, pooling to sizes with None, ratios, unpooling."""

from __future__ import annotations

import math

import facula as torch

from .. import _C
from . import as_int, composite


@composite("nn.functional")
def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    """Windows of images as columns: (N, C, H, W) to (N, C * taps, windows); (C, H, W) likewise.

    Args:
        input: of a floating, complex or bool type.
        kernel_size, dilation, padding, stride: a number or two, as in a convolution.
    """
    return _C._unfold(input, kernel_size, dilation, padding, stride)


def _sizes(output_size, input, n):
    """output_size with every None replaced by the size of that dimension of the input."""
    if not isinstance(output_size, (tuple, list)):
        if output_size is None:
            raise TypeError("object of type 'NoneType' has no len(): output_size must be a number or several")
        return [output_size] * n
    if len(output_size) >= input.dim():
        raise ValueError(
            f"Input dimension should be at least {len(output_size) + 1}, but got input with "
            f"{input.dim()} dimensions"
        )
    spatial = input.shape[input.dim() - len(output_size) :]
    return [s if o is None else o for o, s in zip(output_size, spatial)]


def _adaptive_average(name, n, input, output_size):
    sizes = _sizes(output_size, input, n)
    if sizes == [1] * n:
        pooled = input.mean(list(range(-n, 0)), keepdim=True)
        if n == 2 and input.dim() == 4 and not input.is_contiguous() and not hasattr(input, "_level"):
            if input.is_contiguous(
                memory_format=torch.channels_last
            ):  # not a question for an example of vmap
                wide = pooled.size(1)
                pooled = pooled.as_strided(pooled.shape, (wide, 1, wide, wide))
                _C._name_history(pooled, "AsStridedBackward1")
        return pooled
    return getattr(_C, name)(input, sizes)


@composite("nn.functional")
def adaptive_avg_pool2d(input, output_size):
    """Averages over (N, C, H, W) or (C, H, W) to the H x W of `output_size`; None keeps a size."""
    return _adaptive_average("_adaptive_avg_pool2d", 2, input, output_size)


@composite("nn.functional")
def adaptive_avg_pool3d(input, output_size):
    """Averages over (N, C, D, H, W) or (C, D, H, W) to D x H x W of `output_size`."""
    return _adaptive_average("_adaptive_avg_pool3d", 3, input, output_size)


@composite("nn.functional")
def adaptive_max_pool1d(input, output_size, return_indices=False):
    """Maxima over (N, C, L) or (C, L) to length `output_size`; with their places if `return_indices`."""
    output_size = as_int(output_size)
    sizes = [output_size] if isinstance(output_size, int) else list(output_size)
    return _C._adaptive_max_pool1d(input, sizes, return_indices)


@composite("nn.functional")
def adaptive_max_pool2d(input, output_size, return_indices=False):
    """Maxima over (N, C, H, W) or (C, H, W) to the H x W of `output_size`, with their places if wanted."""
    sizes = _sizes(output_size, input, 2)
    if len(sizes) != 2:
        raise RuntimeError("adaptive_max_pool2d(): internal error: output_size.size() must be 2")
    return _C._adaptive_max_pool2d(input, sizes, return_indices)


@composite("nn.functional")
def adaptive_max_pool3d(input, output_size, return_indices=False):
    """Maxima over (N, C, D, H, W) or (C, D, H, W) to D x H x W of `output_size`."""
    sizes = _sizes(output_size, input, 3)
    if len(sizes) != 3:
        raise RuntimeError("adaptive_max_pool3d(): internal error: output_size.size() must be 3")
    return _C._adaptive_max_pool3d(input, sizes, return_indices)


def _with_indices(n):
    def pool(input, output_size):
        return globals()[f"adaptive_max_pool{n}d"](input, output_size, True)

    pool.__name__ = pool.__qualname__ = f"adaptive_max_pool{n}d_with_indices"
    pool.__doc__ = f"adaptive_max_pool{n}d with the places of the maxima."
    return composite("nn.functional")(pool)


for _n in (1, 2, 3):
    _with_indices(_n)


# Attribute names made anew in each call would be kept alive by CPython's cache of attribute look-ups.
_FRACTIONAL = {2: _C._fractional_max_pool2d, 3: _C._fractional_max_pool3d}


def _fractional(n, input, kernel_size, output_size, output_ratio, return_indices, samples):
    if output_size is None and output_ratio is None:
        raise ValueError(
            f"fractional_max_pool{n}d requires specifying either an output_size or an output_ratio"
        )
    if output_size is None:
        ratios = output_ratio
        if n == 3 and isinstance(ratios, (int, float)):
            ratios = (ratios,) * n
        if len(ratios) > n:
            raise ValueError(
                f"fractional_max_pool{n}d requires output_ratio to either be a single Int or tuple of Ints."
            )
        output_size = [int(input.size(i - n) * ratios[i]) for i in range(n)]
    if samples is None:
        batch = 1 if input.dim() == n + 1 else input.size(0)
        samples = torch.rand(batch, input.size(-n - 1), n, dtype=input.dtype, device=input.device)
    kernel_size, output_size = (
        [each] * n if isinstance(each, int) else each for each in (kernel_size, output_size)
    )
    pooled = _FRACTIONAL[n](input, kernel_size, output_size, samples)
    return pooled if return_indices else pooled[0]


@composite("nn.functional")
def fractional_max_pool2d(
    input,
    kernel_size,
    output_size=None,
    output_ratio=None,
    return_indices=False,
    _random_samples=None,
):
    """Maxima of windows at random places (Graham, Fractional Max-Pooling, 2014).

    Args:
        input: (N, C, H, W) or (C, H, W), of a real floating type.
        kernel_size: of the windows; a number or two.
        output_size, output_ratio: the result's height and width, or their part of the input's; one is needed.
        return_indices: also return the places of the maxima in each plane.
    """
    return _fractional(2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


@composite("nn.functional")
def fractional_max_pool3d(
    input,
    kernel_size,
    output_size=None,
    output_ratio=None,
    return_indices=False,
    _random_samples=None,
):
    """As fractional_max_pool2d, of (N, C, D, H, W) or (C, D, H, W)."""
    return _fractional(3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def _fractional_with_indices(n):
    def pool(
        input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None
    ):
        return _fractional(n, input, kernel_size, output_size, output_ratio, True, _random_samples)

    pool.__name__ = pool.__qualname__ = f"fractional_max_pool{n}d_with_indices"
    pool.__doc__ = f"fractional_max_pool{n}d with the places of the maxima."
    return composite("nn.functional")(pool)


for _n in (2, 3):
    _fractional_with_indices(_n)


def _unpooled_size(input, kernel_size, stride, padding, output_size):
    n = len(kernel_size)
    spatial = input.shape[-n:]
    default = [(spatial[d] - 1) * stride[d] + kernel_size[d] - 2 * padding[d] for d in range(n)]
    if output_size is None:
        return default
    if len(output_size) == n + 2:
        output_size = output_size[2:]
    if len(output_size) != n:
        raise ValueError(
            f"output_size should be a sequence containing {n} or {n + 2} elements, "
            f"but it has a length of '{len(output_size)}'"
        )
    for d in range(n):
        low, high = default[d] - stride[d], default[d] + stride[d]
        if not low < output_size[d] < high:
            raise ValueError(
                f'invalid output_size "{output_size}" (dim {d} must be between {low} and {high})'
            )
    return list(output_size)


def _unpool(n, input, indices, kernel_size, stride, padding, output_size):
    def each(value):
        value = as_int(value)
        return (value,) * n if isinstance(value, int) else tuple(value)

    kernel = each(kernel_size)
    stride = each(stride) if stride is not None else kernel
    size = _unpooled_size(input, kernel, stride, each(padding), output_size)
    if n == 1:
        if input.dim() not in (2, 3):
            raise RuntimeError(
                "Input to max_unpooling2d should be a 3d or 4d Tensor, but got a tensor with "
                f"{input.dim() + 1} dimensions."
            )
        plane = _C._max_unpool2d(input.unsqueeze(-1), indices.unsqueeze(-1), [*size, 1])
        return plane.squeeze(-1)
    return (_C._max_unpool2d if n == 2 else _C._max_unpool3d)(input, indices, size)


@composite("nn.functional")
def max_unpool1d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """The partial inverse of max_pool1d: values go back to `indices`, the rest is zero."""
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


@composite("nn.functional")
def max_unpool2d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """The partial inverse of max_pool2d: values go back to `indices`, the rest is zero."""
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


@composite("nn.functional")
def max_unpool3d(input, indices, kernel_size, stride=None, padding=0, output_size=None):
    """The partial inverse of max_pool3d: values go back to `indices`, the rest is zero."""
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size)


def _lp_pool(n, pool, input, norm_type, kernel_size, stride, ceil_mode):
    if norm_type in (math.inf, -math.inf):
        peaks = getattr(torch.nn.functional, f"max_pool{n}d")
        signed = input.abs() if norm_type > 0 else -input.abs()
        pooled = peaks(signed, kernel_size, stride, 0, 1, ceil_mode)
        return pooled if norm_type > 0 else -pooled
    kernel_size = as_int(kernel_size)
    sizes = (kernel_size,) * n if isinstance(kernel_size, int) else tuple(kernel_size)
    mean = pool(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    count = 1
    for size in sizes:
        count *= size
    return (mean.sign() * mean.abs().relu() * count).pow(1.0 / norm_type)


@composite("nn.functional")
def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The p-norm of each window of (N, C, L) or (C, L), without absolute values: (sum x^p)^(1/p)."""
    return _lp_pool(1, torch.nn.functional.avg_pool1d, input, norm_type, kernel_size, stride, ceil_mode)


@composite("nn.functional")
def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The p-norm of each window of (N, C, H, W) or (C, H, W), without absolute values."""
    return _lp_pool(2, torch.nn.functional.avg_pool2d, input, norm_type, kernel_size, stride, ceil_mode)


@composite("nn.functional")
def lp_pool3d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The p-norm of each window of (N, C, D, H, W) or (C, D, H, W), without absolute values."""
    return _lp_pool(3, torch.nn.functional.avg_pool3d, input, norm_type, kernel_size, stride, ceil_mode)
