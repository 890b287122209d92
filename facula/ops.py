"""torch.ops: operators by the names of PyTorch's dispatcher, which facula does not have."""

from __future__ import annotations

__all__ = ["load_library"]


def load_library(path) -> None:
    """Raises NotImplementedError: compiled operators of PyTorch cannot be loaded."""
    raise NotImplementedError(
        f"torch.ops.load_library: facula cannot load operators compiled for PyTorch ({path})"
    )


class _Namespace:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        raise _missing(f"torch.ops.{self._name}.{name}", name)

    def __repr__(self) -> str:
        return f"<module 'torch.ops.{self._name}' from 'torch.ops'>"


def _missing(path: str, name: str) -> AttributeError:
    class MissingOperator(AttributeError, NotImplementedError):
        """hasattr() asks for the one, calls in programs for the other."""

    text = f"{path}: facula has no operators by dispatcher names; use torch.{name} where there is one"
    return MissingOperator(text)


def __getattr__(name: str):
    if name.startswith("__"):
        raise AttributeError(name)
    return _Namespace(name)
