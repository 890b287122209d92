"""Names of torch._C that packages look up when they are imported, and that have a plain meaning here.

PyTorch's dispatcher, its scripts and its compiler do not exist; what stands for their switches does nothing.
"""

from __future__ import annotations

__all__ = ["find", "find_function"]


class DispatchKey:
    """Any of the dispatcher's keys, by name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"DispatchKey.{self.name}"


class _Keys(type):
    def __getattr__(cls, name: str):
        if name.startswith("_"):
            raise AttributeError(name)
        key = DispatchKey(name)
        setattr(cls, name, key)
        return key


class _DispatchKeys(DispatchKey, metaclass=_Keys):
    pass


class DispatchKeySet:
    """A set of keys."""

    def __init__(self, *keys) -> None:
        self.keys = frozenset(keys)

    def __or__(self, other: DispatchKeySet) -> DispatchKeySet:
        return DispatchKeySet(*(self.keys | other.keys))

    def has(self, key) -> bool:
        """Whether a key is in it."""
        return key in self.keys


class _ExcludeDispatchKeyGuard:
    """A context in which kernels of some keys are passed over: there are none."""

    def __init__(self, keys) -> None:
        pass

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        pass


class JITException(RuntimeError):
    """An error raised by a script; nothing raises it."""


class Graph:
    """A script's graph; none is ever made."""


class Value(Graph):
    """A value in a script's graph; none is ever made."""


def _nothing(*args, **kwargs) -> None:
    """Does nothing: there is nothing to set or to tell."""


def _no(*args, **kwargs) -> bool:
    """False."""
    return False


def _are_functorch_transforms_active() -> bool:
    """Whether a transform of torch.func runs."""
    from .autograd.function import transforms

    return transforms.count > 0


def find_function(name: str):
    """What torch._C._nn has: functions by the names of their kernels."""
    import facula as torch

    if name == "_parse_to":
        from .nn.modules._helpers import _parse_to

        return _parse_to
    for place in (torch.nn.functional, torch):
        if not name.startswith("__") and hasattr(place, name):
            return getattr(place, name)
    raise AttributeError(f"module 'torch._C._nn' has no attribute {name!r}: facula does not have it")


def _privateuse1_name() -> str:
    """The name of the kind of devices that others may add."""
    return "privateuseone"


_FOUND = {
    "DispatchKey": _DispatchKeys,
    "DispatchKeySet": DispatchKeySet,
    "_ExcludeDispatchKeyGuard": _ExcludeDispatchKeyGuard,
    "Graph": Graph,
    "JITException": JITException,
    "Value": Value,
    "_are_functorch_transforms_active": _are_functorch_transforms_active,
    "_get_privateuse1_backend_name": _privateuse1_name,
    "_get_tracing_state": _nothing,
    "_log_api_usage_once": _nothing,
    "_jit_can_fuse_on_cpu": _no,
    "_jit_can_fuse_on_gpu": _no,
    "has_lapack": True,
    "has_spectral": True,
}


def find(name: str):
    """The object of a name.

    Raises:
        AttributeError: there is none.
    """
    if name in _FOUND:
        return _FOUND[name]
    if name.startswith("_jit_"):
        return _nothing
    raise AttributeError(f"module 'torch._C' has no attribute {name!r}: facula does not have it")
