"""Which implementation of attention to use: accepted; facula picks its own."""

from __future__ import annotations

from contextlib import contextmanager
from enum import Enum, IntEnum

__all__ = ["SDPBackend", "sdpa_kernel", "WARN_FOR_UNFUSED_KERNELS"]

WARN_FOR_UNFUSED_KERNELS = False


class SDPBackend(IntEnum):
    """PyTorch's implementations of scaled_dot_product_attention."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4

    __repr__ = Enum.__repr__
    __str__ = Enum.__str__


@contextmanager
def sdpa_kernel(backends, set_priority: bool = False):
    """Accepts a backend or a list of them; results are the same with each.

    Raises:
        AssertionError: for anything else.
    """
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
            f"{type(backends).__name__}"
        )
    yield {}


def __getattr__(name):
    if name in ("bias", "flex_attention"):
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    from ..._names import missing

    raise missing(__name__, name, globals())
