"""Where packages look for what torch._dynamo has."""

from __future__ import annotations

from . import OptimizedModule, disable, is_dynamo_supported

__all__ = ["OptimizedModule", "disable", "is_dynamo_supported"]
