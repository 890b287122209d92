"""Quantised modules: facula does not have them, and says so."""

from __future__ import annotations


def __getattr__(name: str):
    if name.startswith("__"):
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    raise NotImplementedError(f"torch.nn.qat.{name}: facula has no quantised modules")
