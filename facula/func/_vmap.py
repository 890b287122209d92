"""vmap: a function of one example as a function of a batch of them."""

from __future__ import annotations

from functools import partial, wraps
from itertools import accumulate

from .. import _C
from ..utils._pytree import _broadcast_to_and_flatten, tree_flatten, tree_map_, tree_unflatten
from ._batch import BatchedTensor, Tensor, new_level, value_of, wrap_along
from ._levels import Transform

__all__ = ["vmap"]


def vmap(func, in_dims=0, out_dims=0, randomness="error", *, chunk_size=None):
    """A function over a batch, from a function of one example.

    Operations on examples are carried out for all of them at once; no loop runs where the operation has a
    batch rule (docs/func.md lists those without).

    Args:
        func: takes tensors, or nestings of dicts, lists and tuples of them, by position; returns such a
            nesting. Keyword arguments are handed on as they are.
        in_dims: the dimension of each input that is the batch, None for an input all examples share: an int
            for all inputs, or a nesting that is a prefix of theirs.
        out_dims: where the batch goes in the outputs; None for outputs that are the same for all.
        randomness: "error": random operations may not be called; "different": each example draws its own
            numbers; "same": all see the same draw.
        chunk_size: at most so many examples at a time. Default: all.

    Returns:
        A function that takes batches.

    Raises:
        ValueError: in_dims or out_dims do not fit the inputs or outputs, the sizes of the batch differ, an
            output is no tensor, or there is nothing to map over.
        RuntimeError: the function asks for a value of an example (`item`, `if x > 0`), draws random numbers
            where `randomness` is "error", or writes an example into a tensor that all share.

    Example:
        >>> import facula as torch
        >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> torch.vmap(torch.dot)(x, x)
        tensor([ 5., 25.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}"
        )
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @wraps(func)
    def wrapped(*args, **kwargs):
        return vmap_impl(func, in_dims, out_dims, randomness, chunk_size, *args, **kwargs)

    return wrapped


def vmap_impl(func, in_dims, out_dims, randomness, chunk_size, *args, **kwargs):
    """One call of what `vmap` returns."""
    if not isinstance(out_dims, int):
        tree_map_(partial(_check_out_dim, func, out_dims), out_dims)
    size, flat_dims, flat_args, spec = _inputs(in_dims, args, func)
    if chunk_size is None or chunk_size >= size:
        return _run(func, size, flat_dims, flat_args, spec, out_dims, randomness, kwargs)
    cuts = list(
        accumulate([chunk_size] * (size // chunk_size) + ([size % chunk_size] * bool(size % chunk_size)))
    )
    results = []
    state = _C.default_generator.get_state() if randomness == "same" else None
    for start, end in zip([0, *cuts], cuts):
        if state is not None:  # the chunks see one draw
            _C.default_generator.set_state(state)
        part = [a if d is None else a.narrow(d, start, end - start) for a, d in zip(flat_args, flat_dims)]
        results.append(_run(func, end - start, flat_dims, part, spec, out_dims, randomness, kwargs))
    flat, out_spec = [], None
    for r in results:
        leaves, out_spec = tree_flatten(r)
        flat.append(leaves)
    dims = _broadcast_to_and_flatten(out_dims, out_spec)
    joined = [_C._functions.cat(parts, d) for parts, d in zip(zip(*flat), dims)]
    return tree_unflatten(joined, out_spec)


def _run(func, size, flat_dims, flat_args, spec, out_dims, randomness, kwargs):
    with Transform(), new_level(size, randomness) as level:
        batched = [a if d is None else as_batched(a, d, level) for a, d in zip(flat_args, flat_dims)]
        outputs = func(*tree_unflatten(batched, spec), **kwargs)
        return _outputs(outputs, out_dims, level, func)


def as_batched(x, dim, level):
    """The examples that lie along a dimension."""
    return wrap_along(x, dim, level.number)


def name_of(func):
    """What messages call a function."""
    if hasattr(func, "__name__"):
        return func.__name__
    if isinstance(func, partial):
        return f"functools.partial({name_of(func.func)}, ...)"
    return repr(func)


def _check_out_dim(func, out_dims, d):
    if d is not None and not isinstance(d, int):
        raise ValueError(
            f"vmap({name_of(func)}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a python "
            "collection of ints representing where in the outputs the vmapped dimension should appear."
        )


def _inputs(in_dims, args, func):
    """(batch size, dimension of each leaf, leaves, structure) of the inputs."""

    def call():
        return f"vmap({name_of(func)}, in_dims={in_dims}, ...)(<inputs>)"

    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"{call()}: expected `in_dims` to be int or a (potentially nested) tuple matching the "
            f"structure of inputs, got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({name_of(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are "
            "trying to vmap over a function with no inputs. The latter is unsupported."
        )
    flat, spec = tree_flatten(args)
    dims = _broadcast_to_and_flatten(in_dims, spec)
    if dims is None:
        raise ValueError(
            f"{call()}: in_dims is not compatible with the structure of `inputs`. in_dims has structure "
            f"{tree_flatten(in_dims)[1]} but inputs has structure {spec}."
        )
    for i, (a, d) in enumerate(zip(flat, dims)):
        if d is None:
            continue
        if not isinstance(d, int):
            raise ValueError(
                f"{call()}: Got in_dim={d} for an input but in_dim must be either an integer dimension or "
                "None."
            )
        if not isinstance(a, Tensor):
            raise ValueError(
                f"{call()}: Got in_dim={d} for an input but the input is of type {type(a)}. We cannot vmap "
                "over non-Tensor arguments, please use None as the respective in_dim"
            )
        n = a.dim()
        if not -n <= d < n:
            raise ValueError(
                f"{call()}: Got in_dim={d} for some input, but that input is a Tensor of dimensionality "
                f"{n} so expected in_dim to satisfy -{n} <= in_dim < {n}."
            )
        dims[i] = d % n
    sizes = [a.size(d) for a, d in zip(flat, dims) if d is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if any(s != sizes[0] for s in sizes):
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return sizes[0], dims, flat, spec


def _outputs(outputs, out_dims, level, func):
    flat, spec = tree_flatten(outputs)
    dims = None
    if isinstance(outputs, Tensor):
        if isinstance(out_dims, int) or out_dims is None:
            dims = [out_dims]
        elif isinstance(out_dims, tuple) and len(out_dims) == 1:
            dims = list(out_dims)
    else:
        dims = _broadcast_to_and_flatten(out_dims, spec)
    if dims is None:
        raise ValueError(
            f"vmap({name_of(func)}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the "
            f"structure of `outputs`. out_dims has structure {tree_flatten(out_dims)[1]} but outputs has "
            f"structure {spec}."
        )
    return tree_unflatten([_output(x, d, level, func) for x, d in zip(flat, dims)], spec)


def _output(x, dim, level, func):
    name = name_of(func)
    if dim is None:
        if type(x) is BatchedTensor and x._level == level.number:
            raise ValueError(
                f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None"
            )
        return x
    if not isinstance(x, Tensor):
        raise ValueError(
            f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(x)}. Did you mean to set "
            "out_dims= to None for output?"
        )
    v = value_of(x, level)
    if type(x) is BatchedTensor and x._given is not None and x._given[1] is v and x._dim == dim:
        return x._given[0]
    n = v.dim()
    if not -n <= dim < n:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim})"
        )
    return v if dim in (0, -n) else v.movedim(0, dim)
