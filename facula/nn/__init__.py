"""torch.nn: modules, parameters, and the functions they are made of."""

from . import functional, init, modules, parameter
from .parameter import Buffer, Parameter

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from .modules import *  # noqa: F403

globals().update({name: value for name, value in vars(modules).items() if name in modules.__all__})

__all__ = ["Parameter", "Buffer", "functional", "init", "modules", "parameter", *modules.__all__]


_SUBMODULES = (
    "attention",
    "grad",
    "parallel",
    "utils",
    "common_types",
    "qat",
    "quantized",
    "quantizable",
    "intrinsic",
)


def __getattr__(name):
    if name in ("UninitializedBuffer", "UninitializedParameter"):
        return getattr(parameter, name)
    if name in _SUBMODULES:
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    if name == "DataParallel":
        from .parallel import DataParallel

        return DataParallel
    if name not in modules.__all__:
        from .._names import missing

        raise missing(__name__, name, __dir__)
    value = getattr(modules, name)
    globals()[name] = value
    return value


def __dir__():
    return sorted(
        {
            *globals(),
            *modules.__all__,
            *_SUBMODULES,
            "DataParallel",
            "UninitializedBuffer",
            "UninitializedParameter",
        }
    )
