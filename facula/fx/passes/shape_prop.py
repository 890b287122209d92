"""Writing down the shape and dtype of every result by running the graph once."""

from __future__ import annotations

from typing import Any, NamedTuple

import facula as torch

from ..interpreter import Interpreter
from ..node import Node, map_aggregate

__all__ = ["ShapeProp", "TensorMetadata"]


class TensorMetadata(NamedTuple):
    """What a tensor is without its elements."""

    shape: Any
    dtype: Any
    requires_grad: bool
    stride: tuple
    memory_format: Any
    is_quantized: bool
    qparams: dict


def _extract_tensor_metadata(result) -> TensorMetadata:
    layouts = (torch.contiguous_format, torch.channels_last, torch.channels_last_3d)
    fits = next((f for f in layouts if _is(result, f)), None)
    return TensorMetadata(result.shape, result.dtype, result.requires_grad, result.stride(), fits, False, {})


def _is(tensor, memory_format) -> bool:
    ranks = {torch.channels_last: 4, torch.channels_last_3d: 5}
    if tensor.dim() != ranks.get(memory_format, tensor.dim()):
        return False
    return tensor.is_contiguous(memory_format=memory_format)


class ShapeProp(Interpreter):
    """Runs a graph and leaves in each node's meta `tensor_meta`, and `type`."""

    def __init__(self, gm, fake_mode=None) -> None:
        super().__init__(gm)

    def run_node(self, n: Node):
        """Runs the node and writes down what came out."""
        result = super().run_node(n)
        found = False

        def describe(value):
            nonlocal found
            if isinstance(value, torch.Tensor):
                found = True
                return _extract_tensor_metadata(value)
            return value

        meta = map_aggregate(result, describe)
        if found:
            n.meta["tensor_meta"] = meta
        n.meta["type"] = type(result)
        return result

    def propagate(self, *args):
        """Runs the graph with these arguments."""
        return super().run(*args)
