"""torch.autograd.grad with batched tensors: the older way to vectorise over vectors."""

from __future__ import annotations

from .. import _C
from ._batch import BatchedTensor, Tensor, at_depth, running, top_level, value_of, wrap
from ._levels import plain, wrapped_like

__all__ = ["grad"]


def _sequence(x):
    return (x,) if isinstance(x, Tensor) else tuple(x)


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph=False,
    only_inputs=True,
    allow_unused=None,
    is_grads_batched=False,
    materialize_grads=False,
):
    """Gradients for vectors that are batched, one backward for each; or of outputs that are batched
    themselves.

    Args, results and errors are those of `torch.autograd.grad`.
    """
    outputs, inputs = _sequence(outputs), _sequence(inputs)
    given = (None,) * len(outputs) if grad_outputs is None else _sequence(grad_outputs)
    options = {
        "create_graph": create_graph,
        "allow_unused": bool(allow_unused) or materialize_grads,
        "materialize_grads": materialize_grads,
    }
    keep = create_graph if retain_graph is None else retain_graph
    if any(type(x) is BatchedTensor for x in (*outputs, *inputs)):
        gradients = [
            _C._functions.ones_like(plain(o)) if g is None else _like(g, o) for g, o in zip(given, outputs)
        ]
        with at_depth(0):
            found = _C._grad(
                [plain(o) for o in outputs],
                [plain(x) for x in inputs],
                gradients,
                retain_graph=keep,
                **options,
            )
        return tuple(None if g is None else wrapped_like(g, x) for g, x in zip(found, inputs))
    level = top_level(given)
    with at_depth(level.number - 1):
        rows = [
            grad_of(outputs, inputs, [_row(g, level, i) for g in given], keep or i + 1 < level.size, options)
            for i in range(level.size)
        ]
        columns = [None if c[0] is None else _C._functions.stack(c) for c in zip(*rows)]
    return tuple(None if c is None else wrap(c, level.number) for c in columns)


def grad_of(outputs, inputs, gradients, retain, options):
    return _C._grad(outputs, inputs, gradients, retain_graph=retain, **options)


def _row(g, level, i):
    return g._value.select(0, i) if type(g) is BatchedTensor and g._level == level.number else g


def _like(g, output):
    """The plain value of a gradient, batched as the output is."""
    while type(output) is BatchedTensor:
        g = value_of(g, running()[output._level - 1])
        output = output._value
    return g
