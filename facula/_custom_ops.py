"""The older place of what torch.library has."""

from __future__ import annotations

from .library import custom_op, get_ctx, impl, infer_schema

__all__ = ["custom_op", "get_ctx", "impl", "infer_schema"]
