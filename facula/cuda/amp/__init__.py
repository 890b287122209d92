"""torch.cuda.amp: the older names of torch.amp."""

from . import common
from .autocast_mode import autocast, custom_bwd, custom_fwd
from .grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "common", "custom_bwd", "custom_fwd"]
