"""torch.autograd.grad with batched tensors: the older way to vectorise over vectors."""

from __future__ import annotations

from .. import _C
from ._batch import Tensor, at_depth, running, value_of, wrap
from ._levels import levels_of, plain

__all__ = ["grad"]


def _sequence(x):
    return (x,) if isinstance(x, Tensor) or hasattr(x, "node") else tuple(x)


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
    """Gradients of outputs that are batched, for vectors that are: one backward for all.

    Args, results and errors are those of `torch.autograd.grad`.
    """
    from ..autograd._batched import gradients

    outputs, inputs = _sequence(outputs), _sequence(inputs)
    given = (None,) * len(outputs) if grad_outputs is None else _sequence(grad_outputs)
    if is_grads_batched:
        raise NotImplementedError("grad(is_grads_batched=True) of batched tensors: use vmap once more")
    for i, (g, o) in enumerate(zip(given, outputs)):
        if g is not None and g.shape != o.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{i}] has a shape of {g.shape} and output[{i}] has a "
                f"shape of {o.shape}."
            )
    of_graph = {n for x in (*outputs, *inputs) for n in levels_of(x)}
    extra = sorted({n for g in given for n in levels_of(g)} - of_graph)  # levels of the vectors alone
    options = {
        "retain_graph": create_graph if retain_graph is None else retain_graph,
        "create_graph": create_graph,
        "allow_unused": bool(allow_unused) or materialize_grads,
    }
    sizes = [running()[n - 1].size for n in extra]
    count = 1
    for size in sizes:
        count *= size
    roots, targets = [plain(o) for o in outputs], [plain(x) for x in inputs]
    cotangents = [
        _C._functions.ones_like(plain(o)).expand((count, *plain(o).shape))
        if g is None and extra
        else None
        if g is None and plain(o).dim() == 0
        else _in_front(_ones(o) if g is None else g, o, extra, count)
        for g, o in zip(given, outputs)
    ]
    with at_depth(0):
        if extra:
            found = gradients(roots, targets, cotangents, count, **options)
        else:
            found = _C._grad(roots, targets, cotangents, **options)
        found = [None if g is None else _batched(g, x, extra, sizes) for g, x in zip(found, inputs)]
    if materialize_grads:
        found = [_C._functions.zeros_like(x) if g is None else g for g, x in zip(found, inputs)]
    return tuple(found)


def _ones(output):
    if output.numel() != 1:
        raise RuntimeError("grad can be implicitly created only for scalar outputs")
    return _C._functions.ones_like(output)


def _in_front(g, output, extra, count):
    """The plain value of a vector: the levels of vectors in front as one, then those of the output."""
    own = sorted(levels_of(output))
    numbers = sorted({*own, *extra})
    for n in reversed(numbers):
        g = value_of(g, running()[n - 1])
    if not extra:
        return g
    order = [numbers.index(n) for n in (*extra, *own)]
    g = g.permute((*order, *range(len(numbers), g.dim())))
    return g.reshape((count, *g.shape[len(extra) :]))


def _batched(g, x, extra, sizes):
    """The inverse, for the gradient of an input."""
    own = sorted(levels_of(x))
    if extra:
        g = g.reshape((*sizes, *g.shape[1:]))
        at = [*extra, *own]
        numbers = sorted(at)
        g = g.permute((*(at.index(n) for n in numbers), *range(len(at), g.dim())))
    else:
        numbers = own
    for n in numbers:  # the outermost wraps the value itself
        g = wrap(g, n)
    return g
