"""Functions that would write ONNX; each raises NotImplementedError when it is called."""

from __future__ import annotations

from .symbolic_helper import refusing

__all__: list[str] = []


def __getattr__(name: str):
    return refusing("symbolic_opset9", name)
