"""torch.return_types: the named tuples that operations return, by the name of the operation."""

from . import _C

__all__: list[str] = []


def __getattr__(name):
    kind = _C._return_type(name)
    if kind is None and not name.startswith("_"):
        from ._composite import names

        names("torch")  # those written in Python make their types when they are loaded
        kind = _C._return_type(name)
    if kind is None:
        raise AttributeError(f"module 'torch.return_types' has no attribute '{name}'")
    return kind
