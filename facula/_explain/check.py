"""The numeric check: a graph run again with one entry of a leaf moved a little to both sides."""

from __future__ import annotations

from .. import _C
from .graph import Graph, outputs_again

__all__ = ["central_difference"]


def loss_with(graph: Graph, leaf, moved, wide: bool) -> float | None:
    """The loss again, with `moved` in place of one leaf; in float64 if `wide`. None where it cannot be."""
    values: dict[int, list] = {}

    def get(source):
        if source.kind == "step":
            return values[source.step.order][source.index]
        if source.kind == "leaf":
            t = moved if source.value is leaf else source.value.detach()
        elif source.kind == "constant":
            t = source.value.detach().clone()
        elif source.kind == "unknown":
            raise KeyError
        else:
            return None
        if wide and t.is_floating_point():
            return t.to(_C.float64)
        return t.to(_C.complex128) if wide and t.is_complex() else t

    for step in graph.steps:
        try:
            outputs = outputs_again(step, [get(source) for source in step.inputs])
        except KeyError:
            return None
        if outputs is None:
            return None
        if wide and any(
            t is not None
            and (t.is_floating_point() or t.is_complex())
            and t.dtype not in (_C.float64, _C.complex128)
            for t in outputs
        ):
            return None  # a step that asks for a type: never mix widths
        values[step.order] = outputs
    index = graph.loss.output_nr
    total = values[graph.by_node[id(graph.loss.grad_fn)].order][index]
    return None if total.is_complex() else float(total.to(_C.float64).sum())


def _complex_difference(graph, leaf, position):
    """dL/d(real part) + i dL/d(imaginary part), as autograd has it."""
    state = _C.default_generator.get_state()
    previous = _C._set_grad_enabled(False)
    try:
        base = leaf.detach().to(_C.complex128).reshape(-1)
        entry = complex(base[position].item())
        h = 1e-6 * max(1.0, abs(entry))
        parts = []
        for unit in (1.0, 1j):
            ends = []
            for sign in (1, -1):
                t = base.clone()
                t[position] = entry + sign * h * unit
                ends.append(loss_with(graph, leaf, t.reshape(leaf.shape), True))
            if None in ends:
                return None
            parts.append((ends[0] - ends[1]) / (2 * h))
        return complex(*parts), "float64"
    finally:
        _C._set_grad_enabled(previous)
        _C.default_generator.set_state(state)


def central_difference(graph: Graph, leaf, position: int) -> tuple[complex, str] | None:
    """(L(p + h) - L(p - h)) / 2h for one entry of a leaf, and the type it was computed in; "kink" where the
    derivatives to both sides differ."""
    if leaf.is_complex():
        return _complex_difference(graph, leaf, position)
    state = _C.default_generator.get_state()
    previous = _C._set_grad_enabled(False)
    try:
        for wide in (True, False):
            base = leaf.detach().to(_C.float64 if wide else leaf.dtype).clone()
            exact = wide or leaf.dtype == _C.float64
            h = (1e-6 if exact else 1e-2) * max(1.0, abs(float(base.reshape(-1)[position])))
            found = _slopes(graph, leaf, base, position, h, wide)
            if found is None:
                continue
            whole, jump, size = found
            if exact and jump > 1e-2 * size and jump > 1e-6:
                further = _slopes(graph, leaf, base, position, 16 * h, wide)
                if further is None or jump / 4 < further[1] < 4 * jump:  # curvature's would have grown with h
                    return whole, "kink"
            return whole, "float64" if exact else "float32"
        return None
    finally:
        _C._set_grad_enabled(previous)
        _C.default_generator.set_state(state)


def _slopes(graph, leaf, base, position, h, wide):
    """(the central difference, how far the slopes to both sides differ, the larger of them)"""
    entry = float(base.reshape(-1)[position])
    ends, places = [], []
    for sign in (1, -1, 0):
        t = base.reshape(-1).clone()
        t[position] = entry + sign * h
        places.append(float(t[position]))
        ends.append(loss_with(graph, leaf, t.reshape(base.shape), wide))
    if None in ends or places[0] == places[1]:
        return None
    sides = [(ends[k] - ends[2]) / (places[k] - places[2]) for k in (0, 1)]
    whole = (ends[0] - ends[1]) / (places[0] - places[1])
    return whole, abs(sides[0] - sides[1]), max(map(abs, sides))
