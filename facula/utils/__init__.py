"""torch.utils: hooks and data loading."""

from __future__ import annotations

__all__ = [
    "benchmark",
    "checkpoint",
    "data",
    "deterministic",
    "dlpack",
    "flop_counter",
    "hooks",
    "model_zoo",
    "module_tracker",
    "tensorboard",
]


def __getattr__(name: str):
    if name in __all__:
        from importlib import import_module

        return import_module("." + name, __name__)
    if name == "swap_tensors":
        from ._swap import swap_tensors

        return swap_tensors
    raise AttributeError(f"module 'torch.utils' has no attribute '{name}'")
