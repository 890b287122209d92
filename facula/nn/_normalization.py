"""Normalisations: what stands around the operations of the extension."""

from __future__ import annotations

import facula as torch
from facula import Tensor

from .. import _C

__all__ = ["batch_norm", "instance_norm", "group_norm", "local_response_norm"]
_WRAPPED = ("group_norm",)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, for each channel of (N, C, ...).

    Statistics are the batch's in training, which also updates the running ones in place, and the running
    ones otherwise. Ioffe and Szegedy 2015, Batch Normalization.
    """
    if training:
        size = input.size()
        count = size[0] if size else 1
        for n in size[2:]:
            count *= n
        if count == 1:
            raise ValueError(f"Expected more than 1 value per channel when training, got input size {size}")
        if eps <= 0.0:
            raise ValueError(f"batch_norm eps must be positive during training, but got {eps}")
    elif eps < 0.0:
        raise ValueError(f"batch_norm eps must be non-negative, but got {eps}")
    return _C._functions.batch_norm(
        input, weight, bias, running_mean, running_var, training, momentum, eps, True
    )


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """As batch_norm, with the statistics of each sample (Ulyanov et al. 2016, Instance Normalization)."""
    if use_input_stats:
        size = input.size()
        count = 1
        for n in size[2:]:
            count *= n
        if count == 1:
            raise ValueError(f"Expected more than 1 spatial element when training, got input size {size}")
        if (running_mean is None) != (running_var is None):
            raise ValueError("running_mean and running_var must either both be None or neither be None")
    return _C._functions.instance_norm(
        input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, True
    )


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    """Normalises groups of channels of each sample (Wu and He 2018, Group Normalization)."""
    if input.dim() < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.dim()}")
    size = input.size()
    count = size[0] * size[1] // num_groups
    for n in size[2:]:
        count *= n
    if count == 1:
        raise ValueError(
            "Expected more than 1 value per channel when training, got input size "
            f"{[size[0] * size[1] // num_groups, num_groups, *size[2:]]}"
        )
    return _C._functions.group_norm(input, num_groups, weight, bias, eps)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """x / (k + alpha mean(x^2))^beta, with the mean over `size` neighbouring channels.

    Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks.
    """
    if input.dim() < 3:
        raise ValueError(
            "Expected 3D or higher dimensionality                          "
            f"input (got {input.dim()} dimensions)"
        )
    if size <= 0:
        raise RuntimeError(f"kernel size should be greater than zero, but got kH: {size} kW: 1")
    if input.numel() == 0:
        return input
    if not input.dtype.is_floating_point and input.dtype != torch.int64:
        kind, dtype = "2d" if input.dim() == 3 else "3d", input.type().split(".")[-1].removesuffix("Tensor")
        raise NotImplementedError(f"\"avg_pool{kind}\" not implemented for '{dtype}'")
    squares = input.mul(input)
    before, after = size // 2, (size - 1) // 2
    shape = list(squares.shape)
    parts = []
    for n in (before, after):
        shape[1] = n
        parts.append(squares.new_zeros(shape))
    padded = torch.cat([parts[0], squares, parts[1]], 1)
    total = padded.unfold(1, size, 1).sum(-1)
    # Means of whole numbers are whole, as those of pooling.
    mean = total.div(size, rounding_mode=None if input.dtype.is_floating_point else "trunc")
    return input / mean.mul(alpha).add(k).pow(beta)
