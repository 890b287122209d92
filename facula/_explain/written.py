"""Writes into a part of a tensor: what was written, and to what, from the result that is known.

A write keeps neither. What it left of the old tensor still stands in the result, and so does what it wrote;
what it wrote over takes no part in anything any more, and is taken to be zero.
"""

from __future__ import annotations

import facula

from .. import _C
from . import graph as graphs

__all__ = ["find"]

_WRITES = ("copy_slices", "index_put", "slice_scatter", "select_scatter")


def find(graph, names) -> None:
    """Fills in operands of writes whose results are known; names: address -> (name, tensor)."""
    previous = _C._set_grad_enabled(False)
    try:
        for step in reversed(graph.steps):
            if step.op in _WRITES and step.value is not None and step.value.is_floating_point():
                if len(step.inputs) >= 2:
                    _find(step, names)
    finally:
        _C._set_grad_enabled(previous)


def _find(step, names):
    base, value = step.inputs[:2]
    lost = [source for source in (base, value) if _is_lost(source)]
    result = step.value.detach()
    if not lost or any(_is_lost(source) for source in step.inputs[2:]):
        return
    left = _left(step, result)
    if left is None:
        return
    tried = [None]
    if value in lost:
        part = result[left == 0]
        if not part.numel():
            return
        tried = [part.reshape(s) for s in _shapes(part, left)]
        if bool((part == part[0]).all()):
            tried.insert(0, part[0])
    for written in tried:
        inputs = [graphs.operand(source) if source not in lost else None for source in step.inputs]
        if base in lost:
            inputs[0] = facula.where(left != 0, result, 0.0)
        if value in lost:
            inputs[1] = written
        again = graphs.outputs_again(step, [None if t is None else t.clone() for t in inputs])
        if again and graphs.same(again[0], result):
            for source, t in zip((base, value), inputs):
                if source in lost:
                    _note(source, t, names)
            return


def _is_lost(source) -> bool:
    try:
        graphs.operand(source)
    except KeyError:
        return True
    return False


def _left(step, result):
    """1 where the result is the old tensor still, 0 where it was written to; None where that is not known."""
    left = graphs.local_gradients(step, [facula.ones_like(result)])[0]
    if left is None and step.inputs[0].kind in ("unknown", "constant"):
        # The old tensor needed no gradient: what was written has one, and its place is found with it.
        g = (facula.arange(result.numel(), dtype=result.dtype) + 1).reshape(result.shape)
        back = graphs.local_gradients(step, [g])[1]
        if back is None or bool((back != back.round()).any()) or back.unique().numel() != back.numel():
            return None
        left = facula.ones_like(result).reshape(-1)
        places = back.reshape(-1).long() - 1
        if int(places.min()) < 0 or int(places.max()) >= left.numel():
            return None
        left[places] = 0
        return left.reshape(result.shape)
    if left is None or not bool(((left == 0) | (left == 1)).all()):
        return None
    return left


def _shapes(part, left):
    """Those which the elements that were written may have had."""
    sizes = (left == 0).nonzero()
    block = [column.unique().numel() for column in sizes.t()]
    yield part.shape
    total = 1
    for n in block:
        total *= n
    if total == part.numel():
        yield block
        yield [n for n in block if n != 1]


def _note(source, t, names):
    if source.kind == "step":
        source.step.values = [t]
        source.step.shape, source.step.dtype = tuple(t.shape), t.dtype
        return
    held = names.get(source.value) if isinstance(source.value, int) else None
    source.kind, source.value, source.solved = "constant", t, True
    if held is not None and source.anonymous and t.numel() > 1:
        source.symbol, source.anonymous = f"{held[0]}_before", False
