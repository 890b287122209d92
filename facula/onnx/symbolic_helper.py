"""What packages describe their exports with; nothing is exported."""

from __future__ import annotations

__all__ = ["parse_args", "refusing"]


def parse_args(*descriptors):
    """A decorator that changes nothing."""
    return lambda function: function


def refusing(module: str, name: str):
    """A function of the name that raises NotImplementedError."""
    if name.startswith("__"):
        raise AttributeError(name)

    def refuse(*args, **kwargs):
        raise NotImplementedError(f"torch.onnx.{module}.{name}: facula does not export")

    refuse.__name__ = name
    return refuse


def __getattr__(name: str):
    return refusing("symbolic_helper", name)
