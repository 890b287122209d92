"""Types that programs ask about with isinstance, and that nothing here is an instance of."""

from __future__ import annotations

__all__ = ["DeviceObjType", "TensorType", "Event", "Stream", "SymBool", "SymFloat", "SymInt", "classes"]


class _Symbol:
    def __init__(self, node=None) -> None:
        raise NotImplementedError(
            f"torch.{type(self).__name__}: facula traces no shapes; sizes are Python numbers"
        )


class SymInt(_Symbol):
    """A size that a compiler does not know yet; there is no compiler."""


class SymFloat(_Symbol):
    """A number that a compiler does not know yet; there is no compiler."""


class SymBool(_Symbol):
    """A condition that a compiler does not know yet; there is no compiler."""


class TensorType:
    """The type of tensors in scripts: for annotations."""


class DeviceObjType:
    """The type of devices in scripts: for annotations."""


class _OfAnAccelerator:
    def __init__(self, *args, **kwargs) -> None:
        raise RuntimeError(f"torch.{type(self).__name__}: there is no accelerator")


class Stream(_OfAnAccelerator):
    """A queue of an accelerator; there is none."""


class Event(_OfAnAccelerator):
    """A mark in a queue of an accelerator; there is none."""


class _Classes:
    """torch.classes: classes that compiled extensions register; there are none."""

    loaded_libraries: frozenset = frozenset()

    def load_library(self, path) -> None:
        """Raises OSError, as for a library that cannot be loaded."""
        raise OSError(f"torch.classes.load_library: facula cannot load what is compiled for PyTorch ({path})")

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        raise RuntimeError(f"Class {name} is not registered: facula loads no compiled extensions")


classes = _Classes()
