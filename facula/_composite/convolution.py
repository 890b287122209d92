"""Forms of convolution that few programs call."""

from __future__ import annotations

import facula as torch

from . import composite


@composite("torch")
def _convolution(
    input,
    weight,
    bias,
    stride,
    padding,
    dilation,
    transposed,
    output_padding,
    groups,
    benchmark=False,
    deterministic=False,
    cudnn_enabled=True,
    allow_tf32=True,
):
    """torch.convolution; the flags of other libraries are accepted and mean nothing."""
    return torch.convolution(
        input, weight, bias, stride, padding, dilation, transposed, output_padding, groups
    )


@composite("torch", "nn.functional")
def conv_tbc(input, weight, bias, pad=0):
    """A convolution over time: (T, B, C) with a weight of (taps, C, channels) and a bias (channels)."""
    result = torch.conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad)
    return result.permute(2, 0, 1).clone(memory_format=torch.contiguous_format)
