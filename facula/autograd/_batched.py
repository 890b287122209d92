"""Gradients for many vectors in one backward: grad(is_grads_batched=True), Jacobians.

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
            if output.numel() != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            raise ValueError(
                "vmap(vjp, in_dims=0, ...)(<inputs>): Got in_dim=0 for some input, but that input is a "
                "Tensor of dimensionality 0 so expected in_dim to satisfy 0 <= in_dim < 0."
            )
        if isinstance(output, _C.Tensor) and g.shape[1:] != output.shape:
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the "
                "batch dimension. The sizes of the remaining dimensions are expected to match the shape of "
                f"corresponding output, but a mismatch was detected: grad_output[{i}] has a shape of "
                f"{g.shape} and output[{i}] has a shape of {output.shape}. If you only want some tensors in "
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
    outputs,
    inputs,
    given,
    count,
    *,
    retain_graph,
    create_graph,
    allow_unused,
    materialize_grads=False,
    drop_zeros=False,
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
            outputs, inputs, cotangents, count, retain_graph, create_graph, allow_unused, drop_zeros
        )
    if materialize_grads:
        found = [torch.zeros_like(x) if g is None else g for g, x in zip(found, inputs)]
    return tuple(found)


_ELEMENTS = 3 << 15  # of the largest tensor of a backward: so many of these stay in the cache


def rows_of(outputs, inputs, start=0, stop=None, *, create_graph=False, shapes=None):
    """The derivatives of elements `start` to `stop` of all outputs, each input's with the elements in front.

    One backward for all, unless nobody can tell: then one for each output, and for as many elements at a
    time as the cache holds. None stands for zeros. `shapes`: of the outputs where these have examples in
    front, each of which has its own derivatives.
    """
    shapes = [o.shape for o in outputs] if shapes is None else shapes
    sizes = [s.numel() for s in shapes]
    stop = sum(sizes) if stop is None else stop
    largest, plain = _C._graph_size(outputs)
    pieces, at = [], 0
    for i, n in enumerate(sizes):
        first, last = max(start - at, 0), min(stop - at, n)
        if first < last:
            pieces.append((i, first, last))
        at += n
    if not plain or not pieces:
        rows = stop - start
        given, at = [], 0
        for o, s, n in zip(outputs, shapes, sizes):
            given.append(_units(o, s, rows, max(start, at) - at, min(stop, at + n) - at, max(at - start, 0)))
            at += n
        return _sent(outputs, inputs, given, rows, create_graph, False)
    step = max(16, _ELEMENTS // largest)
    parts = []
    for i, first, last in pieces:
        o = outputs[i]
        for begin in range(first, last, step):
            end = min(begin + step, last)
            units = _units(o, shapes[i], end - begin, begin, end, 0)
            parts.append(
                (end - begin, _sent((o,), inputs, (units,), end - begin, create_graph, not create_graph))
            )
    return [_joined([(n, found[k]) for n, found in parts], x) for k, x in enumerate(inputs)]


def _sent(outputs, inputs, given, rows, create_graph, drop_zeros):
    pairs = [(o, g) for o, g in zip(outputs, given) if o.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    outputs, given = zip(*pairs)
    return gradients(
        outputs,
        inputs,
        given,
        rows,
        retain_graph=True,
        create_graph=create_graph,
        allow_unused=True,
        drop_zeros=drop_zeros,
    )


def _units(output, shape, rows, first, last, at):
    """A batch of `rows` vectors like an output, zero but for unit vectors of its elements from `at` on."""
    flat = _C._functions.zeros((rows, shape.numel()), dtype=output.dtype)
    if first < last:
        flat[at : at + last - first, first:last].diagonal().fill_(1)
    units = flat.view((rows, *(1,) * (output.dim() - len(shape)), *shape))
    return units if output.dim() == len(shape) else units.expand((rows, *output.shape))


def _joined(parts, x):
    """Rows one after the other; None where none of them is there."""
    if all(g is None for _, g in parts):
        return None
    if len(parts) == 1:
        return parts[0][1]
    return _C._functions.cat([x.new_zeros((n, *x.shape)) if g is None else g for n, g in parts])


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
