"""torch.optim: optimizers, and schedules of their learning rates."""

from .adam import Adam, AdamW
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["Optimizer", "SGD", "Adam", "AdamW", "lr_scheduler"]


def __getattr__(name: str):
    if name == "lr_scheduler":
        from importlib import import_module

        return import_module(".lr_scheduler", __name__)
    raise AttributeError(f"module 'torch.optim' has no attribute '{name}'")
