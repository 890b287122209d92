"""Parts of multi-head attention that programs take from torch.nn.functional for attention of their own."""

from __future__ import annotations

import facula as torch

from .._composite.nn_attention import _as_numbers
from .._composite.nn_attention import _is_batched as _mha_shape_check
from .._composite.nn_attention import _project as _in_projection_packed

__all__ = [
    "_canonical_mask", "_in_projection", "_in_projection_packed", "_mha_shape_check", "_none_or_dtype",
]  # fmt: skip


def _none_or_dtype(input):
    """The dtype of a tensor; None of None."""
    if input is None:
        return None
    if isinstance(input, torch.Tensor):
        return input.dtype
    raise RuntimeError("input to _none_or_dtype() must be None or torch.Tensor")


def _canonical_mask(mask, mask_name, other_type, other_name, target_type, check_other=True):
    """A mask as numbers to add to scores: -inf where a bool mask is True."""
    made = _as_numbers(mask, mask_name, target_type)
    if mask is not None and check_other and other_type is not None and mask.dtype != other_type:
        import warnings

        warnings.warn(
            f"Support for mismatched {mask_name} and {other_name} is deprecated. Use same type for both "
            "instead.",
            stacklevel=2,
        )
    return made


def _in_projection(q, k, v, w_q, w_k, w_v, b_q=None, b_k=None, b_v=None):
    """The three projections by weights of their own; AssertionError for shapes that do not fit."""
    size = q.size(-1)
    for name, x, weight in (("query", q, w_q), ("key", k, w_k), ("value", v, w_v)):
        wanted = (size, x.size(-1))
        if weight.shape != wanted:
            raise AssertionError(f"expecting {name} weights shape of {wanted}, but got {weight.shape}")
    for name, bias in (("query", b_q), ("key", b_k), ("value", b_v)):
        if bias is not None and bias.shape != (size,):
            raise AssertionError(f"expecting {name} bias shape of {(size,)}, but got {bias.shape}")
    linear = torch.nn.functional.linear
    return linear(q, w_q, b_q), linear(k, w_k, b_k), linear(v, w_v, b_v)
