"""torch._dynamo: settings and calls of PyTorch's compiler, accepted without effect."""

from __future__ import annotations

from contextlib import contextmanager

from facula.nn import Module

from ..compiler import allow_in_graph, assume_constant_result, disable, is_compiling, reset

__all__ = [
    "OptimizedModule",
    "allow_in_graph",
    "assume_constant_result",
    "config",
    "disable",
    "graph_break",
    "is_compiling",
    "mark_dynamic",
    "optimize",
    "reset",
]


class _Config:
    """Settings: kept, without effect."""

    suppress_errors = False
    cache_size_limit = recompile_limit = 8
    accumulated_cache_size_limit = 256
    verbose = False
    capture_scalar_outputs = False
    dynamic_shapes = assume_static_by_default = automatic_dynamic_shapes = True

    @contextmanager
    def patch(self, name=None, value=None, **settings):
        """Other settings for a while; also a decorator."""
        changed = dict(name) if isinstance(name, dict) else {name: value} if name else {}
        changed.update(settings)
        before = {key: getattr(self, key, None) for key in changed}
        vars(self).update(changed)
        try:
            yield
        finally:
            vars(self).update(before)


config = _Config()


class OptimizedModule(Module):
    """What torch.compile returns of a module in PyTorch: for isinstance, which no module here fulfils."""


def optimize(*args, **kwargs):
    """A decorator that changes nothing."""
    return lambda function: function


def graph_break(msg: str = "") -> None:
    """Does nothing."""


def mark_dynamic(*args, **kwargs) -> None:
    """Does nothing."""


mark_static = mark_static_address = maybe_mark_dynamic = mark_dynamic


def is_dynamo_supported() -> bool:
    """False: there is no compiler."""
    return False


def list_backends(exclude_tags=()) -> list:
    """None."""
    return []


def __getattr__(name: str):
    from importlib import import_module

    if name in ("eval_frame", "utils"):
        return import_module(f"{__name__}.{name}")
    from .._names import missing

    raise missing("torch._dynamo", name, list(globals()))
