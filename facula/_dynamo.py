"""torch._dynamo: settings and calls of PyTorch's compiler, accepted without effect."""

from __future__ import annotations

from types import SimpleNamespace

from .compiler import allow_in_graph, disable, is_compiling, reset

__all__ = [
    "allow_in_graph",
    "config",
    "disable",
    "graph_break",
    "is_compiling",
    "mark_dynamic",
    "optimize",
    "reset",
]

config = SimpleNamespace(suppress_errors=False, cache_size_limit=8, verbose=False)


def optimize(*args, **kwargs):
    """A decorator that changes nothing."""
    return lambda function: function


def graph_break(msg: str = "") -> None:
    """Does nothing."""


def mark_dynamic(*args, **kwargs) -> None:
    """Does nothing."""
