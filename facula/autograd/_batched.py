"""Gradients for many vectors in one backward: grad(is_grads_batched=True), and what runs of the user's within it.

Gradients have the batch in front on their way. Hooks and Functions see one of them, as under vmap.
"""

from __future__ import annotations

import facula as torch

from .. import _C


def _sequence(value):
    return (value,) if isinstance(value, _C.Tensor) or hasattr(value, "node") else tuple(value)


def grad(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads):
    """The gradients for each entry along dimension 0 of `grad_outputs`, stacked."""
    outputs, inputs = _sequence(outputs), _sequence(inputs)
    given = (None,) * len(outputs) if grad_outputs is None else _sequence(grad_outputs)
    sizes = []
    for i, (output, g) in enumerate(zip(outputs, given)):
        if g is None:
            continue
        if isinstance(output, _C.Tensor) and g.shape[1:] != output.shape:
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the "
                "batch dimension. The sizes of the remaining dimensions are expected to match the shape of "
                f"corresponding output, but a mismatch was detected: grad_output[{i}] has a shape of {g.shape} "
                f"and output[{i}] has a shape of {output.shape}. If you only want some tensors in "
                "`grad_output` to be considered batched, consider using vmap."
            )
        if g.dim() and g.shape[0] not in sizes:
            sizes.append(g.shape[0])
    if len(sizes) > 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False."
        )
    return gradients(
        outputs,
        inputs,
        given,
        sizes[0],
        retain_graph=bool(create_graph) if retain_graph is None else bool(retain_graph),
        create_graph=bool(create_graph),
        allow_unused=bool(allow_unused) or bool(materialize_grads),
        materialize_grads=bool(materialize_grads),
    )


def gradients(
    outputs, inputs, given, count, *, retain_graph, create_graph, allow_unused, materialize_grads=False
):
    """Gradients, with `count` of them in front, for vectors that are in front of `given` likewise."""
    cotangents = []
    for output, g in zip(outputs, given):
        if g is None:
            if output.numel() != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            g = torch.ones_like(output).expand(count, *output.shape)
        cotangents.append(g)
    if count == 0:
        found = _C._grad(
            outputs,
            inputs,
            [None if g is None else g.new_zeros(g.shape[1:]) for g in cotangents],
            retain_graph,
            create_graph,
            True,
            allow_unused,
        )
        found = [None if g is None else g.new_zeros((0, *g.shape)) for g in found]
    else:
        found = _C._grad_batch(
            outputs, inputs, cotangents, count, retain_graph, create_graph, allow_unused
        )
    if materialize_grads:
        found = [x.new_zeros((count, *x.shape)) if g is None else g for g, x in zip(found, inputs)]
    return tuple(found)


def call(function, arguments):
    """function(*arguments), where tensors have a batch in front that the function is not to see."""
    from ..func._batch import new_level, value_of, wrap

    size = next(t.shape[0] for t in _flat(arguments) if t is not None)
    context = getattr(function, "__self__", None)
    if getattr(getattr(context, "_forward_cls", None), "one_by_one", False):
        return _by_rows(function, arguments, size)
    with new_level(size) as level:
        result = function(*_each(arguments, lambda t: wrap(t, level.number)))
        return _each(result, lambda t: value_of(t, level))


def _by_rows(function, arguments, size):
    rows = [function(*_each(arguments, lambda t, i=i: t[i])) for i in range(size)]
    if not isinstance(rows[0], tuple):
        rows = [(r,) for r in rows]
    return tuple(None if column[0] is None else torch.stack(column) for column in zip(*rows))


def _flat(x):
    return [t for part in x for t in _flat(part)] if isinstance(x, (tuple, list)) else [x]


def _each(x, f):
    if isinstance(x, (tuple, list)):
        return type(x)(_each(part, f) for part in x)
    return f(x) if isinstance(x, _C.Tensor) else x
