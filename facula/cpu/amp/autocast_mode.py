"""The older name of torch.autocast."""

from __future__ import annotations

import facula as torch
from facula.amp import autocast_mode

__all__ = ["autocast"]


class autocast(autocast_mode.autocast):  # noqa: N801  a context manager
    """`torch.autocast("cpu", ...)`; deprecated."""

    def __init__(self, enabled: bool = True, dtype=torch.bfloat16, cache_enabled: bool = True) -> None:
        import warnings

        warnings.warn(
            "`torch.cpu.amp.autocast(args...)` is deprecated. Please use `torch.amp.autocast('cpu', "
            "args...)` "
            "instead.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__("cpu", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)
