"""Questions about the compiler, which is not here."""

from __future__ import annotations

__all__ = ["is_compile_supported"]


def is_compile_supported(device_type) -> bool:
    """False."""
    return False
