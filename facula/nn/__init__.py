"""torch.nn: modules, parameters, and the functions they are made of."""

from . import functional, init, modules, parameter, utils
from .modules import *  # noqa: F403
from .modules import __all__ as _modules
from .parameter import Buffer, Parameter

__all__ = ["Parameter", "Buffer", "functional", "init", "modules", "parameter", "utils", *_modules]
