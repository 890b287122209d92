"""torch.accelerator: there is none."""

from __future__ import annotations

__all__ = [
    "current_accelerator",
    "current_device_index",
    "current_stream",
    "device_count",
    "is_available",
    "set_device_index",
    "synchronize",
]


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """Zero."""
    return 0


def current_accelerator(check_available: bool = False) -> None:
    """None."""
    return None


def _refuse(*args, **kwargs):
    """Raises RuntimeError."""
    raise RuntimeError("Cannot access accelerator device when none is available.")


current_device_index = current_stream = set_device_index = synchronize = current_device_idx = _refuse
