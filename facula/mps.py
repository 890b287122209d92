"""torch.mps: not there."""

from __future__ import annotations

__all__ = ["device_count", "empty_cache", "is_available", "manual_seed", "synchronize"]


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """Zero."""
    return 0


def empty_cache() -> None:
    """Does nothing."""


def manual_seed(seed: int) -> None:
    """Does nothing."""


def synchronize(device=None):
    """Raises AssertionError: there is no device."""
    raise AssertionError("Torch not compiled with MPS enabled")
