"""The older name of torch.autocast and of what goes with it."""

from __future__ import annotations

from functools import partial

import facula as torch
from facula.amp import autocast_mode

__all__ = ["autocast", "custom_bwd", "custom_fwd"]


class autocast(autocast_mode.autocast):  # noqa: N801  a context manager
    """`torch.autocast("cuda", ...)`; deprecated."""

    def __init__(self, enabled: bool = True, dtype=torch.float16, cache_enabled: bool = True) -> None:
        import warnings

        warnings.warn(
            "`torch.cuda.amp.autocast(args...)` is deprecated. Please use `torch.amp.autocast('cuda', "
            "args...)` "
            "instead.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__("cuda", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


custom_fwd = partial(autocast_mode.custom_fwd, device_type="cuda")
custom_bwd = partial(autocast_mode.custom_bwd, device_type="cuda")
