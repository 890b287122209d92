"""The modules of torch.nn."""

from .activation import *  # noqa: F403
from .activation import __all__ as _activation
from .container import *  # noqa: F403
from .container import __all__ as _container
from .dropout import *  # noqa: F403
from .dropout import __all__ as _dropout
from .flatten import *  # noqa: F403
from .flatten import __all__ as _flatten
from .linear import Bilinear, Identity, Linear
from .loss import *  # noqa: F403
from .loss import __all__ as _loss
from .module import Module

__all__ = [
    "Module",
    "Identity",
    "Linear",
    "Bilinear",
    *_container,
    *_flatten,
    *_dropout,
    *_activation,
    *_loss,
]
