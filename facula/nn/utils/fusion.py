"""A batch normalisation in evaluation folded into the linear map before it."""

from __future__ import annotations

import copy

import facula as torch

from ..parameter import Parameter

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]


def _checked_copy(layer, bn, check=lambda: None):
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    fused = copy.deepcopy(layer)
    check()
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("bn.running_mean and bn.running_var must not be None")
    return fused


def fuse_conv_bn_eval(conv, bn, transpose: bool = False):
    """A copy of a convolution that does what it and the normalisation after it do.

    Args:
        conv, bn: both in evaluation mode.
        transpose: whether the convolution is a transposed one.

    Raises:
        AssertionError: in training mode, or without running statistics.
    """
    fused = _checked_copy(conv, bn)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return fused


def fuse_conv_bn_weights(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, transpose: bool = False):
    """Weight and bias of the fused convolution; biases and bn_w may be None."""
    bias_dtype = conv_w.dtype if conv_b is None else conv_b.dtype
    conv_b = torch.zeros_like(bn_rm) if conv_b is None else conv_b
    bn_w = torch.ones_like(bn_rm) if bn_w is None else bn_w
    bn_b = torch.zeros_like(bn_rm) if bn_b is None else bn_b
    factor = torch.rsqrt(bn_rv + bn_eps)
    shape = [1] * conv_w.dim()
    shape[1 if transpose else 0] = -1
    weight = (conv_w * (bn_w * factor).reshape(shape)).to(dtype=conv_w.dtype)
    bias = ((conv_b - bn_rm) * factor * bn_w + bn_b).to(dtype=bias_dtype)
    return Parameter(weight, conv_w.requires_grad), Parameter(bias, conv_b.requires_grad)


def fuse_linear_bn_eval(linear, bn):
    """A copy of a linear layer that does what it and the normalisation after it do.

    Raises:
        AssertionError: in training mode, without running statistics, or where the features do not match.
    """

    def check() -> None:
        if linear.out_features != bn.num_features and bn.num_features != 1:
            raise AssertionError(
                "To fuse, linear.out_features == bn.num_features or bn.num_features == 1, got "
                f"linear.out_features={linear.out_features} and bn.num_features={bn.num_features}"
            )

    fused = _checked_copy(linear, bn, check)
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused


def fuse_linear_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b):
    """Weight and bias of the fused layer; linear_b may be None."""
    bias_dtype = linear_w.dtype if linear_b is None else linear_b.dtype
    linear_b = torch.zeros_like(bn_rm) if linear_b is None else linear_b
    scale = bn_w * torch.rsqrt(bn_rv + bn_eps)
    weight = linear_w * scale.unsqueeze(-1).to(dtype=linear_w.dtype)
    bias = ((linear_b - bn_rm) * scale + bn_b).to(dtype=bias_dtype)
    return Parameter(weight, linear_w.requires_grad), Parameter(bias, linear_b.requires_grad)
