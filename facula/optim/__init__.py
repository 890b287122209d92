"""torch.optim: optimizers, and schedules of their learning rates."""

from .adam import Adam
from .adamw import AdamW
from .optimizer import Optimizer
from .sgd import SGD

# Loaded when first asked for: class -> file.
_LATER = {
    "Adadelta": "adadelta",
    "Adafactor": "_adafactor",
    "Adagrad": "adagrad",
    "Adamax": "adamax",
    "ASGD": "asgd",
    "LBFGS": "lbfgs",
    "Muon": "_muon",
    "NAdam": "nadam",
    "RAdam": "radam",
    "RMSprop": "rmsprop",
    "Rprop": "rprop",
    "SparseAdam": "sparse_adam",
}
_MODULES = ("lr_scheduler", "swa_utils")

__all__ = ["Adam", "AdamW", "Optimizer", "SGD", *_LATER, *_MODULES]  # noqa: PLE0604


def __getattr__(name: str):
    from importlib import import_module

    if name in _MODULES or name in _LATER.values():
        return import_module("." + name, __name__)
    if name in _LATER:
        value = getattr(import_module("." + _LATER[name], __name__), name)
        if _LATER[name].startswith("_"):
            value.__module__ = __name__  # as PyTorch names the two
        globals()[name] = value
        return value
    from .._names import missing

    raise missing(__name__, name, __dir__)


def __dir__():
    return sorted({*globals(), *__all__})
