"""torch.optim: optimizers, and schedules of their learning rates."""

# All at once, though most programs use one: libraries look optimizers up in torch.optim.__dict__.
from ._adafactor import Adafactor
from ._muon import Muon
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam
from .adamax import Adamax
from .adamw import AdamW
from .asgd import ASGD
from .lbfgs import LBFGS
from .nadam import NAdam
from .optimizer import Optimizer
from .radam import RAdam
from .rmsprop import RMSprop
from .rprop import Rprop
from .sgd import SGD
from .sparse_adam import SparseAdam

_MODULES = ("lr_scheduler", "swa_utils")
Adafactor.__module__ = Muon.__module__ = __name__  # as PyTorch names the two

__all__ = [
    "ASGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "LBFGS",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
    "SparseAdam",
    "lr_scheduler",
    "swa_utils",
]


def __getattr__(name: str):
    if name in _MODULES:
        from importlib import import_module

        return import_module("." + name, __name__)
    from .._names import missing

    raise missing(__name__, name, __dir__)


def __dir__():
    return sorted({*globals(), *__all__})
