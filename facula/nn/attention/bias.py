"""Masks of attention that are known by their kind."""

from __future__ import annotations

from enum import IntEnum, auto

import facula as torch

__all__ = ["causal_upper_left", "causal_lower_right", "CausalVariant", "CausalBias"]


class CausalVariant(IntEnum):
    """From which corner the triangle of a causal mask starts."""

    UPPER_LEFT = auto()
    LOWER_RIGHT = auto()


class CausalBias:
    """The causal mask of so many queries and keys; `scaled_dot_product_attention` takes its `materialize()`.

    Args:
        variant: of the triangle.
        seq_len_q, seq_len_kv: numbers of queries and keys.
    """

    def __init__(self, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> None:
        if not isinstance(variant, CausalVariant):
            raise AssertionError(f"variant must be a CausalVariant, got {type(variant).__name__}")
        self.variant = variant
        self.seq_len_q = seq_len_q
        self.seq_len_kv = seq_len_kv

    def materialize(self, device=None) -> torch.Tensor:
        """The mask as a boolean tensor (queries, keys): True where a query may look."""
        offset = self.seq_len_kv - self.seq_len_q if self.variant == CausalVariant.LOWER_RIGHT else 0
        ones = torch.ones(self.seq_len_q, self.seq_len_kv, device=device, dtype=torch.bool)
        return torch.tril(ones, diagonal=offset)

    _materialize = materialize

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if getattr(func, "__name__", "") == "scaled_dot_product_attention":
            if (kwargs or {}).get("is_causal") or args[5:6] == (True,):
                raise ValueError("CausalBias should not be used with causal=True")
        args = [a.materialize() if isinstance(a, CausalBias) else a for a in args]
        kwargs = {k: v.materialize() if isinstance(v, CausalBias) else v for k, v in (kwargs or {}).items()}
        return func(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(self.materialize())


def causal_upper_left(*size) -> CausalBias:
    """The causal mask whose first query sees the first key."""
    if len(size) != 2:
        raise AssertionError(f"causal_upper_left only supports 2D tensors, got size {size}")
    return CausalBias(CausalVariant.UPPER_LEFT, *size)


def causal_lower_right(*size) -> CausalBias:
    """The causal mask whose last query sees the last key."""
    if len(size) != 2:
        raise AssertionError(f"causal_lower_right only supports 2D tensors, got size {size}")
    return CausalBias(CausalVariant.LOWER_RIGHT, *size)
