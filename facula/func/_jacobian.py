"""jacrev, jacfwd, hessian: all rows or columns of a Jacobian in one evaluation.

The function is evaluated as under vmap, at inputs that are the same for every row: values are computed once
(`_set_lazy_batch`), and only what differs, gradients or tangents, is computed for each row.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import wraps

from .. import _C
from ..utils._pytree import tree_flatten, tree_map, tree_unflatten
from ._batch import (
    NeedsMemory,
    NeedsRows,
    NotBatchable,
    Tensor,
    at_depth,
    fail_random,
    live,
    new_level,
    value_of,
    wrap,
)
from ._forward import push
from ._reverse import Pulled, _leave, _Recording, _select, own_face

__all__ = ["hessian", "jacfwd", "jacrev"]

_f = _C._functions


@contextmanager
def alike(outer_depth, generator_state=None):
    """Within, the running vmaps from a depth on see one evaluation, the same for all examples."""
    changed = [(level, level.alike, level.randomness) for level in live()[outer_depth:]]
    lazy = _C._set_lazy_batch(True)
    state = None
    if generator_state is not None:
        state = _C.default_generator.get_state()
        _C.default_generator.set_state(generator_state)
    for level, _, _ in changed:
        level.alike, level.randomness = True, "same"
    try:
        yield
    finally:
        for level, was, randomness in changed:
            level.alike, level.randomness = was, randomness
        _C._set_lazy_batch(lazy)
        if state is not None:
            _C.default_generator.set_state(state)


@contextmanager
def _rows(size, randomness, lazy=True):
    previous = _C._set_lazy_batch(lazy)
    try:
        with new_level(size, randomness, alike=True) as level:
            level.again = NeedsMemory if lazy else NeedsRows
            yield level
    finally:
        _C._set_lazy_batch(previous)


def _retried(lazily, owning, singly):
    """The first of these that does: values that stand for all rows, values of each row, one row at a time."""
    try:
        return lazily()
    except NeedsMemory:
        pass
    try:
        return owning()
    except NeedsRows:
        return singly()


def _no_complex(api, tree, inputs):
    for i, x in enumerate(tree_flatten(tree)[0]):
        if isinstance(x, Tensor) and x.dtype.is_complex:
            raise RuntimeError(
                f"{api}: Expected all {'inputs' if inputs else 'outputs'} to be real but received complex "
                f"tensor at flattened input idx: {i}"
            )


def _basis(tensors, start, stop):
    """Rows start to stop of the identity over all elements of the tensors, in their shapes."""
    rows, offset, result = stop - start, 0, []
    for x in tensors:
        n = x.numel()
        flat = _f.zeros((rows, n), dtype=x.dtype)
        first, last = max(start, offset), min(stop, offset + n)
        if first < last:
            flat[first - start : last - start, first - offset : last - offset].diagonal().fill_(1)
        result.append(flat.view((rows, *x.shape)))
        offset += n
    return result


def _chunks(total, size):
    size = total if size is None else min(size, total) or 1
    return [(a, min(a + size, total)) for a in range(0, total, max(size, 1))] or [(0, 0)]


def _argument(argnums, primals):
    return primals if isinstance(argnums, tuple) else (primals,)


def _of_chosen(api, func, argnums, args):
    """func of the chosen arguments alone: (function, their value, its tensors, its structure)."""
    _no_complex(api, args, True)
    chosen, replaced = _select(argnums, args)
    arguments = _argument(argnums, chosen)

    def main(*chosen):
        return func(*replaced(chosen if isinstance(argnums, tuple) else chosen[0], main.face))

    main.face = own_face
    return main, arguments, *tree_flatten(arguments)


def jacrev(func, argnums=0, *, has_aux=False, chunk_size=None, _preallocate_and_copy=False):
    """A function that returns the Jacobian of a function, by reverse mode.

    Args:
        func: takes real tensors, or nestings of them, by position; returns such a nesting, or (output, aux)
            with
            `has_aux`.
        argnums: the argument, or a tuple of arguments, the Jacobian is taken for.
        has_aux: `func` returns something besides, which is handed on.
        chunk_size: how many rows (elements of the output) at a time. Default: all.

    Returns:
        A function of the same arguments. For an output of shape s and an input of shape t the Jacobian has
        shape s + t; several outputs and inputs give a nesting by output, then by input.

    Raises:
        ValueError: chunk_size is not greater than 0.
        RuntimeError: an input or output is complex or no tensor.

    Example:
        >>> import facula as torch
        >>> torch.func.jacrev(torch.sin)(torch.zeros(2))
        tensor([[1., 0.],
                [0., 1.]])
    """
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @wraps(func)
    def wrapper(*args):
        main, arguments, flat, spec = _of_chosen("jacrev", func, argnums, args)
        outer = _C.is_grad_enabled()
        pulled = Pulled(main, arguments, has_aux, outer)
        leaves = pulled.leaves
        _no_complex("jacrev", leaves, False)
        total = sum(o.numel() for o in leaves)
        parts = [
            _pull_rows(pulled, leaves, start, stop, chunk_size == 1)
            for start, stop in _chunks(total, chunk_size)
        ]
        columns = [p[0] if len(p) == 1 else _f.cat(p, 0) for p in zip(*parts)]
        result = _by_output(columns, pulled, flat, spec, argnums)
        return (result, _leave(pulled.aux, pulled.outside)) if has_aux else result

    return wrapper


def _by_output(columns, pulled, flat, spec, argnums):
    """Gradients of all elements of the outputs as a nesting by output, then by input."""
    sizes = [o.numel() for o in pulled.leaves]
    split = [c.split(sizes, 0) for c in columns]
    by_output = []
    for i, o in enumerate(pulled.leaves):
        blocks = [split[k][i].reshape((*o.shape, *x.shape)) for k, x in enumerate(flat)]
        tree = tree_unflatten(blocks, spec)
        by_output.append(tree if isinstance(argnums, tuple) else tree[0])
    return tree_unflatten(by_output, pulled.out_spec)


def _pull_rows(pulled, leaves, start, stop, one_by_one):
    """Gradients of some elements of the outputs, for each input with the elements in front."""
    with _Recording():
        if stop - start != 1 and not one_by_one:
            try:
                return pulled.pull_rows(start, stop)
            except NotBatchable:  # what a Function of the user's does is not for a batch
                pass
        basis = _basis(leaves, start, stop)
        each = [pulled.pull([b[i] for b in basis]) for i in range(stop - start)]
        return [_f.stack(column) for column in zip(*each)]


def jacfwd(func, argnums=0, has_aux=False, *, chunk_size=None, randomness="error"):
    """A function that returns the Jacobian of a function, by forward mode.

    Args:
        func: takes real tensors, or nestings of them, by position; returns such a nesting, or (output, aux)
            with
            `has_aux`.
        argnums: the argument, or a tuple of arguments, the Jacobian is taken for.
        has_aux: `func` returns something besides, which is handed on.
        chunk_size: how many columns (elements of the inputs) at a time. Default: all.
        randomness: what random operations in `func` do, as in `vmap`.

    Returns:
        A function of the same arguments, with results as `jacrev` gives them; faster than it where there are
        fewer inputs than outputs.

    Raises:
        ValueError: chunk_size is not greater than 0.
        RuntimeError: an input or output is complex or no tensor.

    Example:
        >>> import facula as torch
        >>> torch.func.jacfwd(lambda x: x.sum())(torch.zeros(3))
        tensor([1., 1., 1.])
    """
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError("jacfwd: `chunk_size` should be greater than 0.")
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}"
        )

    @wraps(func)
    def wrapper(*args):
        main, arguments, flat, spec = _of_chosen("jacfwd", func, argnums, args)
        total = sum(x.numel() for x in flat)
        kept: dict = {}
        parts = []
        for start, stop in _chunks(total, chunk_size):
            given = main, arguments, _basis(flat, start, stop), stop - start, randomness, has_aux, kept
            parts.append(
                _retried(
                    lambda a=given: _push_columns(*a, True),
                    lambda a=given: _push_columns(*a, False),
                    lambda a=given: _push_singly(*a),
                )
            )
        rows = [p[0] if len(p) == 1 else _f.cat(p, 0) for p in zip(*parts)]
        sizes = [x.numel() for x in flat]
        by_output = []
        for r in rows:
            shape = r.shape[1:]
            blocks = [
                part.movedim(0, -1).reshape((*shape, *x.shape)) for part, x in zip(r.split(sizes, 0), flat)
            ]
            tree = tree_unflatten(blocks, spec)
            by_output.append(tree if isinstance(argnums, tuple) else tree[0])
        result = tree_unflatten(by_output, kept["spec"])
        return (result, kept["aux"]) if has_aux else result

    return wrapper


def _push_columns(main, arguments, basis, rows, randomness, has_aux, kept, lazy):
    """Derivatives along directions, for each output with the directions in front."""
    with _rows(rows, randomness, lazy) as level:
        write_back = None
        if not lazy:
            arguments, main.face, write_back = _of_each_row(arguments, main.face, level)
        tangents = [wrap(b, level.number) for b in basis]
        try:
            values, derivatives, out_spec, aux = push(main, arguments, tangents, has_aux=has_aux)
        finally:
            main.face = own_face
        _no_complex("jacfwd", values, False)
        kept["spec"] = out_spec
        result = [value_of(t, level) for t in derivatives]
        if has_aux:
            kept["aux"] = tree_map(lambda x: _one_of(x, level), aux)
        if write_back:
            write_back()
    return result


def _push_singly(main, arguments, basis, rows, randomness, has_aux, kept):
    """The same for one direction after the other."""
    generator, results = _C.default_generator, []
    before = generator.get_state()
    for i in range(rows):
        if randomness == "same":
            generator.set_state(before)
        values, derivatives, kept["spec"], kept["aux"] = push(
            main, arguments, [b[i] for b in basis], has_aux=has_aux
        )
        if randomness == "error" and not bool((before == generator.get_state()).all()):
            fail_random()
        _no_complex("jacfwd", values, False)
        results.append(derivatives)
    return [_f.stack(column) for column in zip(*results)]


def _of_each_row(arguments, face, level):
    """Arguments that are written to: (with memory for each row, the same for other arguments, write back)."""
    made = []

    def copy(x):
        if not isinstance(x, Tensor):
            return x
        x, value = face(x), value_of(x, level).clone()
        made.append((x, value, value._version))
        return wrap(value, level.number)

    def write_back():
        with at_depth(level.number - 1):
            for x, value, version in made:
                if value._version != version and not x.requires_grad:
                    x.copy_(value.detach().select(0, 0))

    return tree_map(copy, arguments), copy, write_back


def _one_of(x, level):
    return value_of(x, level).select(0, 0) if isinstance(x, Tensor) else x


def hessian(func, argnums=0):
    """A function that returns the matrix of second derivatives, forward over reverse.

    Args:
        func: takes real tensors, or nestings of them, by position; returns such a nesting.
        argnums: the argument, or a tuple of arguments, the derivatives are taken for.

    Returns:
        A function of the same arguments; for a scalar function of a vector of n elements an n x n tensor, in
        general what `jacfwd(jacrev(func))` gives.

    Raises:
        RuntimeError: an input or output is complex or no tensor.

    Example:
        >>> import facula as torch
        >>> torch.func.hessian(lambda x: (x**3).sum())(torch.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    gradient = jacrev(func, argnums)
    forward = jacfwd(gradient, argnums)

    @wraps(func)
    def wrapper(*args):
        found = _reverse_twice(gradient, argnums, args)
        return forward(*args) if found is None else found[0]

    return wrapper


def _reverse_twice(gradient, argnums, args):
    """(the Jacobian of a gradient by reverse mode,), which takes a fraction of the time.

    None where forward mode is different: the graph holds Functions or hooks of the user's, random numbers
    were drawn, or there was an error.
    """
    before = _C.default_generator.get_state()
    try:
        main, arguments, flat, spec = _of_chosen("jacfwd", gradient, argnums, args)
        pulled = Pulled(main, arguments, outer=_C.is_grad_enabled())
        leaves = pulled.leaves
        _no_complex("jacfwd", leaves, False)
    except Exception:
        _C.default_generator.set_state(before)
        return None
    with at_depth(0):
        plain = _C._graph_size(pulled.values)[1]
        drawn = not bool((before == _C.default_generator.get_state()).all())
    if not plain or drawn:
        _C.default_generator.set_state(before)
        return None
    columns = _pull_rows(pulled, leaves, 0, sum(o.numel() for o in leaves), False)
    return (_by_output(columns, pulled, flat, spec, argnums),)
