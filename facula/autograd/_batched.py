"""grad(is_grads_batched=True): the gradients for a whole batch of vectors."""

from __future__ import annotations

import facula as torch

from .. import _C


def _sequence(value):
    return (value,) if isinstance(value, _C.Tensor) or hasattr(value, "node") else tuple(value)


def grad(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads):
    """One backward for each entry along dimension 0 of `grad_outputs`; the results are stacked."""
    outputs, inputs = _sequence(outputs), _sequence(inputs)
    given = (None,) * len(outputs) if grad_outputs is None else _sequence(grad_outputs)
    sizes = []
    for i, (output, g) in enumerate(zip(outputs, given)):
        if g is None:
            continue
        if isinstance(output, _C.Tensor) and g.shape[1:] != output.shape:
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the "
                "batch "
                "dimension. The sizes of the remaining dimensions are expected to match the shape of "
                "corresponding "
                f"output, but a mismatch was detected: grad_output[{i}] has a shape of {g.shape} and "
                f"output[{i}] "
                f"has a shape of {output.shape}. If you only want some tensors in `grad_output` to be "
                "considered "
                "batched, consider using vmap."
            )
        if g.shape[0] not in sizes:
            sizes.append(g.shape[0])
    if len(sizes) > 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    if not sizes:
        raise RuntimeError("grad(is_grads_batched=True) needs grad_outputs with a batch dimension")
    count = sizes.pop()
    keep = bool(create_graph) if retain_graph is None else bool(retain_graph)
    rows = []
    for k in range(count):
        rows.append(
            torch.autograd.grad(
                outputs,
                inputs,
                tuple(None if g is None else g[k] for g in given),
                retain_graph=keep or k + 1 < count,
                create_graph=bool(create_graph),
                allow_unused=allow_unused,
                materialize_grads=bool(materialize_grads),
            )
        )
    return tuple(None if g[0] is None else torch.stack(g) for g in zip(*rows))
