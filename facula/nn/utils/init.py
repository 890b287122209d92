"""Modules without start values."""

from __future__ import annotations

from ..modules.module import Module

__all__ = ["skip_init"]


def skip_init(module_cls, *args, **kwargs):
    """Makes a module whose parameters are undefined: nothing is drawn.

    Args:
        module_cls: a class whose constructor takes `device`.
        args, kwargs: of the constructor.

    Raises:
        RuntimeError: for what is no module, or takes no device.
    """
    import inspect

    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    device = kwargs.pop("device", "cpu")
    return module_cls(*args, **kwargs, device="meta").to_empty(device=device)
