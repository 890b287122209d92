"""Batch rules that follow from an operation's entry: its kind, or the names and types of its parameters."""

from __future__ import annotations

import warnings
from functools import cache

from .. import _C
from ._batch import (
    FOLD,
    LEADING,
    RULES,
    BatchedTensor,
    Call,
    NotBatchable,
    Tensor,
    as_given,
    as_rows,
    at_depth,
    is_batched,
    value_of,
    wrap,
    wrap_along,
    writable,
)

_functions = _C._functions
# Vectors beside matrices: how many dimensions fewer than the first operand's.
_FEWER = {"pivots": 1, "LU_pivots": 1, "tau": 1, "atol": 2, "rtol": 2}
_promote = _functions.promote_types


def rule_of(e):
    """The batch rule of an entry."""
    from . import rules

    rules.load()
    if e.name in RULES:
        f, on_values = RULES[e.name]
        return f if on_values is None else _written(f) if on_values else _said_by_others(f)
    if e.pointwise or e.scope & LEADING:
        return leading
    if e.scope & FOLD:
        return fold
    if e.types == ["Tensor", "memory_format?"]:
        return conversion
    if "train" in e.names and e.types.count("Tensor") == 1 and "Tensor[]" not in e.types:
        return leading  # a dropout that is off
    if e.returns in ("bool", "int", "dtype", "Size", "str", "Number"):
        return query
    if "reduction" in e.names and e.types[:2] == ["Tensor", "Tensor"] and "str" in e.types:
        return loss
    if e.dims and e.types[0] == "Tensor":
        return along
    if e.types[:1] == ["Tensor"] and len(e.tensors) == 1 and _overload_with_dim(e) is not None:
        return over_all
    return loop


def _written(f):
    def rule(e, args, inplace, level):
        result = wrap(f(Call(e, args, level, inplace), *args), level.number)
        return args[0].copy_(result) if inplace else result

    rule.written = f
    return rule


def _said_by_others(f):
    def rule(e, args, inplace, level):
        result = f(*args)
        return args[0].copy_(result) if inplace else result

    rule.written = f
    return rule


def query(e, args, inplace, level):
    """What concerns shapes and types alone is asked of the example."""
    return e.run_meta(args)


def conversion(e, args, inplace, level):
    """x.float() and the like; a format of memory is that of the tensor which vmap was given."""
    return wrap_along(e.run((as_given(args[0]), *args[1:])), args[0]._dim, level.number)


# --- any leading dimensions ---


def leading(e, args, inplace, level):
    number = level.number
    rank, same, dtype, small = -1, True, None, False
    for a in args:
        if isinstance(a, Tensor):
            d = a.dim()
            if rank >= 0 and d != rank:
                same = False
            if d > rank:
                rank = d
            if dtype is None:
                dtype = a.dtype
            elif a.dtype is not dtype:
                small = True
    if same and not small and not inplace and not e.mutates:
        result = e.run(
            [a._value if type(a) is BatchedTensor and a._level == number else a for a in args],
        )
        result = wrap(result, number)
        if len(args) == 1 and args[0]._dim and type(result) is BatchedTensor:
            result._dim = args[0]._dim
        return result
    return _leading_in_general(e, args, inplace, level)


def _leading_in_general(e, args, inplace, level):
    types, names = e.types, e.names
    rank = max(a.dim() + _FEWER.get(n, 0) for a, n in zip(args, names) if isinstance(a, Tensor))
    values = []
    for a, n in zip(args, names):
        if is_batched(a, level):
            values.append(_in_front(a, rank - _FEWER.get(n, 0)))
        else:
            values.append(a)
    if inplace or e.mutates:
        values[0] = writable(args[0], level)
        e.run(values, inplace)
        return args[0]
    if e.pointwise or "Operand" in types:
        values = _promoted(types, names, args, values)
    return wrap(e.run(values), level.number)


def _in_front(a, rank):
    v = a._value
    missing = rank - a.dim()
    if missing <= 0:
        return v
    shape = v.shape
    return v.view((shape[0], *(1,) * missing, *shape[1:]))


_CONDITIONS = ("condition", "mask")  # their type is their own
_KINDS = ((_C.bool,), (_C.uint8, _C.int8, _C.int16, _C.int32, _C.int64, _C.uint16, _C.uint32, _C.uint64))


def _kind(dtype):
    if dtype.is_complex:
        return 3
    if dtype.is_floating_point:
        return 2
    return 0 if dtype == _C.bool else 1


def _promoted(types, names, args, values):
    """Examples of no dimensions count less in promotion than others: done here, as values have dimensions."""
    operands = [
        (a.dtype, a.dim())
        for a, t, n in zip(args, types, names)
        if isinstance(a, Tensor) and t != "Mask" and n not in _CONDITIONS
    ]
    if len({t for t, _ in operands}) < 2 or all(d for _, d in operands):
        return values
    wide = narrow = None
    for t, d in operands:
        if d:
            wide = t if wide is None else _promote(wide, t)
        else:
            narrow = t if narrow is None else _promote(narrow, t)
    if wide is None:
        result = narrow
    elif narrow is None or _kind(narrow) <= _kind(wide):
        result = wide
    else:
        result = _promote(wide, narrow)
    return [
        v.to(result)
        if isinstance(v, Tensor) and t != "Mask" and n not in _CONDITIONS and v.dtype != result
        else v
        for v, t, n in zip(values, types, names)
    ]


# --- a batch dimension of its own ---


def fold(e, args, inplace, level):
    tensors = [i for i in e.tensors if isinstance(args[i], Tensor)]
    values = list(args)
    digit = next((c for c in e.name if c.isdigit()), None)
    own = digit is None or args[0].dim() == int(digit) + 2
    batch = args[0].size(0) if own and args[0].dim() else 1
    for i in tensors:
        v = value_of(args[i], level)
        values[i] = v.reshape((v.size(0) * v.size(1), *v.shape[2:])) if own else v
    result = e.run(values)
    if own:
        result = _unfolded(result, level.size, batch)
    result = wrap(result, level.number)
    return args[0].copy_(result) if inplace else result


def _unfolded(result, size, batch):
    if isinstance(result, Tensor):
        return result.view((size, batch, *result.shape[1:]))
    return type(result)([_unfolded(r, size, batch) for r in result])


# --- parameters that count dimensions ---


def along(e, args, inplace, level):
    tensors = [i for i in e.tensors if isinstance(args[i], Tensor)]
    if not all(is_batched(args[i], level) for i in tensors) and e.types[tensors[-1]] == "Tensor":
        expanded = len(tensors) > 1
    else:
        expanded = False
    first = args[0]
    if not is_batched(first, level) and (inplace or not expanded):
        if inplace:
            writable(first, level)
        return loop(e, args, inplace, level)
    values = list(args)
    flat = any(args[i].dim() == 0 for i in tensors)
    for i in tensors:
        v = value_of(args[i], level)
        values[i] = v.unsqueeze(1) if args[i].dim() == 0 else v
    rank = first.dim()
    keepdim = e.position("keepdim")
    for i in e.dims:
        d = args[i]
        if d is None or (d == () and e.types[i].startswith("int[1]") and len(e.dims) == 1):
            if len(tensors) > 1:
                return loop(e, args, inplace, level)
            values[0] = as_rows(values[0])
            values[i] = (1,) if e.types[i].startswith("int[1]") else 1
            result = e.run(values)
            if keepdim is not None and args[keepdim]:
                result = _map(lambda r: r.reshape((level.size, *(1,) * rank)), result)
            return wrap(result, level.number)
        inside = isinstance(d, tuple)
        if any(x >= rank or x < -rank for x in (d if inside else (d,))) and not flat:
            e.run_meta(args)  # says so, unless the operation adds dimensions
        values[i] = tuple(x + 1 if x >= 0 else x for x in d) if inside else d + 1 if d >= 0 else d
    if inplace:
        writable(first, level)
        values[0] = first._value.unsqueeze(1) if rank == 0 else first._value
        e.run(values, True)
        return first
    if flat:
        return _along_of_single(e, args, values, level)
    return wrap(e.run(values), level.number)


def _along_of_single(e, args, values, level):
    """Examples of no dimensions: computed with one, in the shape that the operation gives examples."""
    like = e.run_meta(args)
    for i in e.dims:
        d = values[i]
        values[i] = tuple(1 for _ in d) if isinstance(d, tuple) else 1
    if e.names[e.dims[0]] == "start_dim":
        values[e.dims[1]] = 1
    return wrap(_shaped(e.run(values), like, level.size), level.number)


def _shaped(result, like, size):
    if isinstance(result, Tensor):
        return result.reshape((size, *like.shape))
    return type(result)([_shaped(r, x, size) for r, x in zip(result, like)])


def _map(f, result):
    return f(result) if isinstance(result, Tensor) else type(result)([_map(f, r) for r in result])


@cache
def _overload_with_dim(e):
    from ._batch import entries

    for other in entries():
        if other.name == e.name and other.types[:2] in (["Tensor", "int"], ["Tensor", "int[1]?"]):
            if (
                other.names[1] == "dim"
                and set(e.names) <= set(other.names)
                and bool(other.scope & 256) == bool(e.scope & 256)
            ):
                return other
    return None


def over_all(e, args, inplace, level):
    """sum(x) is sum(x, dim) of the examples as rows."""
    other = _overload_with_dim(e)
    given = dict(zip(e.names, args))
    values = []
    for name, kind in zip(other.names, other.types):
        if name == other.names[0]:
            values.append(as_rows(args[0]._value))
        elif name == "dim":
            values.append(1 if kind == "int" else (1,))
        else:
            values.append(given.get(name, False if kind == "bool" else None))
    result = other.run(values)
    return wrap(
        result[0] if e.returns == "Tensor" and not isinstance(result, Tensor) else result, level.number
    )


# --- losses: each element, then the reduction of an example ---


def loss(e, args, inplace, level):
    given = list(args)
    at = e.position("reduction")
    reduction = _reduction(e, args)
    given[at] = "none"
    for name in ("size_average", "reduce"):
        if name in e.names:
            given[e.position(name)] = None
    rank = max(args[i].dim() for i in e.tensors if isinstance(args[i], Tensor))
    values = [_in_front(a, rank) if is_batched(a, level) else a for a in given]
    for i in (0, 1):
        if not is_batched(args[i], level):
            values[i] = _in_front(wrap(value_of(args[i], level), level.number), rank)
    weight = values[e.position("weight")] if e.name in ("mse_loss", "huber_loss") else None
    if weight is not None:  # it must have the shape of the input
        for i in (0, e.position("weight")):
            if not is_batched(args[i], level):
                values[i] = _in_front(wrap(value_of(args[i], level), level.number), rank)
            values[i] = values[i].expand(level.size, *values[i].shape[1:])
        weight = values[e.position("weight")]
    result = e.run(values)
    if weight is not None and reduction == "mean" and e.name == "mse_loss":
        return wrap(as_rows(result).sum(1) / as_rows(weight).sum(1), level.number)
    if reduction == "none":
        return wrap(result, level.number)
    rows = as_rows(result)
    return wrap(rows.mean(1) if reduction == "mean" else rows.sum(1), level.number)


def _reduction(e, args):
    given = dict(zip(e.names, args))
    if given.get("size_average") is None and given.get("reduce") is None:
        return given["reduction"]
    average = True if given.get("size_average") is None else given["size_average"]
    if given.get("reduce") is False:
        return "none"
    return "mean" if average else "sum"


def with_number(e, args, inplace, level):
    """A batched tensor of no dimensions where a number is wanted."""
    if e.name == "full":
        return e.rule(e, args, inplace, level)
    return loop(e, args, inplace, level)


# --- the last resort ---

_warned: set = set()


def loop(e, args, inplace, level):
    if e.name not in _warned:
        _warned.add(e.name)
        warnings.warn(
            "There is a performance drop because we have not yet implemented the batching rule for "
            f"aten::{e.name}. The examples are run one by one.",
            stacklevel=3,
        )
    if inplace or e.mutates:
        writable(args[0], level)

    def one(a, i):
        if is_batched(a, level):
            return a._value.select(0, i)
        if type(a) is tuple and any(is_batched(x, level) for x in a):
            return tuple(x._value.select(0, i) if is_batched(x, level) else x for x in a)
        return a

    with at_depth(level.number - 1):
        results = [e.run([one(a, i) for a in args], inplace) for i in range(level.size)]
    if inplace or e.mutates:
        return args[0]
    if not results:
        raise NotBatchable(f"vmap: cannot run aten::{e.name} for a batch of no examples")
    return wrap(_stacked(results), level.number)


def _stacked(results):
    first = results[0]
    if isinstance(first, Tensor):
        return _functions.stack(results)
    if isinstance(first, (tuple, list)):
        return type(first)([_stacked([r[i] for r in results]) for i in range(len(first))])
    if all(r == first for r in results):
        return first
    raise NotBatchable("vmap: the examples give different values that are no tensors")


def one_by_one(function, args, kwargs):
    """function(*args, **kwargs) for the examples of the innermost vmap one after the other, stacked."""
    from ._batch import top_level

    level = top_level((*args, *kwargs.values()))

    def one(a, i):
        return a._value.select(0, i) if is_batched(a, level) else a

    with at_depth(level.number - 1):
        results = [
            function(*(one(a, i) for a in args), **{k: one(a, i) for k, a in kwargs.items()})
            for i in range(level.size)
        ]
        return wrap(_stacked(results), level.number)


def looped():
    """The operations that run the examples one by one."""
    from ._batch import entries

    return sorted(
        {
            e.name
            for e in entries()
            if _takes_tensors(e) and e.rule is loop and ("train" in e.names or not e.random)
        }
    )


def operations():
    """All operations on tensors, by name."""
    from .._composite import operations as composed
    from ._batch import entries

    return {e.name for e in entries() if _takes_tensors(e)} | {name for name, *_ in composed()}


def _takes_tensors(e):
    return "Tensor[]" in e.types or any(e.names[i] != "out" for i in e.tensors)
