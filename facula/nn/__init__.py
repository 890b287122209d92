"""torch.nn: modules, parameters, and the functions they are made of."""

from . import functional, init, modules, parameter, utils
from .parameter import Buffer, Parameter

globals().update({name: value for name, value in vars(modules).items() if name in modules.__all__})

__all__ = ["Parameter", "Buffer", "functional", "init", "modules", "parameter", "utils", *modules.__all__]


def __getattr__(name):
    if name not in modules.__all__:
        from .._names import missing

        raise missing(__name__, name, __dir__)
    value = getattr(modules, name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *modules.__all__})
