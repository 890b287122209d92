"""Gradients of convolutions as functions of their own."""

from __future__ import annotations

import facula as torch

from . import functional as F

__all__ = ["conv1d_input", "conv1d_weight", "conv2d_input", "conv2d_weight", "conv3d_input", "conv3d_weight"]


def _convolution(n, input, weight, stride, padding, dilation, groups):
    return getattr(F, f"conv{n}d")(input, weight, None, stride, padding, dilation, groups)


def _of_input(n, input_size, weight, grad_output, *options):
    # Its values do not matter.
    input = grad_output.new_zeros(input_size).requires_grad_()
    recorded = torch.is_grad_enabled()
    with torch.enable_grad():
        output = _convolution(n, input, weight, *options)
        return torch.autograd.grad(output, input, grad_output, create_graph=recorded)[0]


def _of_weight(n, input, weight_size, grad_output, *options):
    weight = grad_output.new_zeros(weight_size).requires_grad_()
    recorded = torch.is_grad_enabled()
    with torch.enable_grad():
        output = _convolution(n, input, weight, *options)
        return torch.autograd.grad(output, weight, grad_output, create_graph=recorded)[0]


def conv1d_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The gradient of conv1d for an input of this size, given that of its output."""
    return _of_input(1, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv1d_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The gradient of conv1d for a weight of this size, given that of its output."""
    return _of_weight(1, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv2d_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The gradient of conv2d for an input of this size, given that of its output."""
    return _of_input(2, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv2d_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The gradient of conv2d for a weight of this size, given that of its output."""
    return _of_weight(2, input, weight_size, grad_output, stride, padding, dilation, groups)


def conv3d_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The gradient of conv3d for an input of this size, given that of its output."""
    return _of_input(3, input_size, weight, grad_output, stride, padding, dilation, groups)


def conv3d_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The gradient of conv3d for a weight of this size, given that of its output."""
    return _of_weight(3, input, weight_size, grad_output, stride, padding, dilation, groups)
