"""Batch rules that are written: a file a family, found by themselves."""

from __future__ import annotations

_loaded = False


def load():
    """Imports every family of rules."""
    global _loaded
    if _loaded:
        return
    _loaded = True
    from importlib import import_module
    from pkgutil import iter_modules

    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
