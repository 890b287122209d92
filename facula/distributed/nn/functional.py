"""What processes exchange, with gradients, in a group of one."""

from __future__ import annotations

from .. import ReduceOp, _only, _root, _world

__all__ = ["all_gather", "all_reduce", "broadcast", "gather", "reduce", "reduce_scatter", "scatter"]


def all_reduce(tensor, op=ReduceOp.SUM, group=None):
    """The tensor's values: the sum of one."""
    _world()
    return tensor.clone()


def broadcast(tensor, src, group=None):
    """The tensor's values."""
    _root(src, "broadcast")
    return tensor.clone()


def reduce(tensor, dst, op=ReduceOp.SUM, group=None):
    """The tensor's values."""
    _root(dst, "reduce")
    return tensor.clone()


def all_gather(tensor, group=None) -> tuple:
    """The tensor's values, as the only ones."""
    _world()
    return (tensor.clone(),)


def gather(tensor, dst: int = 0, group=None) -> tuple:
    """The tensor's values, as the only ones."""
    _root(dst, "gather")
    return (tensor.clone(),)


def scatter(tensors, src: int = 0, group=None):
    """The values of the only tensor."""
    _root(src, "scatter")
    return _only(tensors, "scatter").clone()


def reduce_scatter(output, input_list, op=ReduceOp.SUM, group=None):
    """The values of the only tensor."""
    _world()
    return _only(input_list, "reduce_scatter").clone()
