"""Operations that draw random numbers, while a vmap runs: its randomness says what they do.

"error": they may not be called; "different": every example draws numbers of its own; "same": all examples
see the same draw.
"""

from __future__ import annotations

from ... import _C
from .. import _batch
from .._batch import (
    NotBatchable,
    Tensor,
    at_depth,
    fail_inplace,
    fail_random,
    is_batched,
    live,
    value_of,
    wrap,
    writable,
)
from .._derived import _in_front

_f = _C._functions


def run_random(e, args, inplace, out):
    """A call of an operation that draws numbers, at the innermost level that counts."""
    if _draws_nothing(e, args):
        level = _batch.top_level(args)
        if level is None:
            return e.run(args, inplace)
        return e.rule(e, args, inplace, level) if e.name != "rrelu" else _rrelu(args)
    if out is not None or (("out" in e.names) and args[e.position("out")] is not None):
        raise NotBatchable(
            "vmap: We do not support calling out variants of random operations inside of vmap. Please use "
            "non-out variants as a workaround"
        )
    if e.name == "rrelu":
        raise NotBatchable(
            "vmap: we do not yet support aten::rrelu. Please file an issue with functorch if you need it"
        )
    level = live()[-1]
    if level.randomness == "error":
        fail_random()
    mutates = inplace or e.mutates
    any_batched = any(is_batched(a, level) for a in args)
    with at_depth(level.number - 1):
        if level.randomness == "same":
            return _same(e, args, mutates, inplace, level, any_batched)
        return _different(e, args, mutates, inplace, level)


def again(e, args, inplace=False):
    """The operation at the levels further out, which have a randomness of their own."""
    return run_random(e, args, inplace, None) if live() else e.run(args, inplace)


def _draws_nothing(e, args):
    if "dropout_p" in e.names:
        return args[e.position("dropout_p")] == 0
    if "train" in e.names:
        p = args[e.position("dropout")] if "dropout" in e.names else args[e.position("p")]
        return args[e.position("train")] is False or p == 0
    return e.name == "rrelu" and not args[e.position("training")]


def _rrelu(args):
    x, lower, upper = args[:3]
    return _f.where(x >= 0, x, x * ((lower + upper) / 2))


def _same(e, args, mutates, inplace, level, any_batched):
    if not any_batched:
        return again(e, args, inplace)
    if "train" in e.names or "dropout_p" in e.names or e.name == "dropout":
        return _same_dropout(e, args, mutates, level)
    x = args[0]
    if mutates and not any(is_batched(a, level) for a in args[1:]):
        v = writable(x, level)
        one = v.select(0, 0).clone()
        again(e, [one, *args[1:]], inplace)
        v.copy_(one)
        return x
    if e.name.endswith("_like"):
        return again(e, [x._value.select(0, 0), *args[1:]])
    if level.alike and not mutates:
        return again(e, [a._value.select(0, 0) if is_batched(a, level) else a for a in args])
    raise NotBatchable(
        "Vmap does not currently support same randomness with a batched tensor input. Please file an issue "
        "with functorch"
    )


def _alike(e, args, inplace, level):
    """Each example with the numbers that the first one drew."""
    generator = next((a for a in args if isinstance(a, _C.Generator)), None)
    from ...random import default_generator

    generator = default_generator if generator is None else generator
    state = generator.get_state()
    results = []
    for i in range(level.size):
        generator.set_state(state)
        one = [a._value.select(0, i) if is_batched(a, level) else a for a in args]
        results.append(again(e, one, inplace))
    return wrap(_f.stack(results), level.number) if isinstance(results[0], Tensor) else results[0]


def _same_dropout(e, args, mutates, level):
    x = args[0]
    if e.name not in ("dropout", "dropout_", "feature_dropout", "feature_dropout_"):
        result = _alike(e, args, False, level)
    else:
        ones = _f.ones(tuple(x.shape), dtype=x.dtype)
        mask = again(e, [ones, *args[1:]])
        result = wrap(x._value * mask, level.number)
    if mutates:
        writable(x, level).copy_(result._value)
        return x
    return result


def _different(e, args, mutates, inplace, level):
    name, n = e.name, level.size
    if mutates:
        if not is_batched(args[0], level):
            if any(is_batched(a, level) for a in args):
                fail_inplace(what=e.name.rstrip("_"))
            raise NotBatchable(
                "vmap: Cannot ask for different inplace randomness on an unbatched tensor. This will "
                "appear like same randomness. If this is necessary for your usage, please file an issue "
                "with functorch."
            )
        writable(args[0], level)
    if "size" in e.names and not any(isinstance(a, Tensor) for a in args):  # rand, randint, normal(size) ...
        at = e.position("size")
        values = list(args)
        values[at] = (n, *args[at])
        return wrap(again(e, values), level.number)
    if name == "randperm":
        return wrap(_f.stack([again(e, args) for _ in range(n)]), level.number)
    if name == "multinomial":
        v = value_of(args[0], level)
        single = args[0].dim() == 1
        rows = v if single else v.reshape((-1, v.shape[-1]))
        result = again(e, [rows, *args[1:]])
        return wrap(result if single else result.reshape((n, -1, result.shape[-1])), level.number)
    if name.startswith(("feature_", "native_")) or name in ("dropout", "dropout_"):
        return _different_dropout(e, args, mutates, level)
    tensors = [a for a in args if isinstance(a, Tensor)]
    rank = max(a.dim() for a in tensors)
    values = []
    for a in args:
        if isinstance(a, Tensor):
            full = a if is_batched(a, level) else wrap(value_of(a, level), level.number)
            values.append(_in_front(full, rank))
        else:
            values.append(a)
    if mutates:
        values[0] = args[0]._value
    result = again(e, values, inplace)
    return args[0] if mutates else wrap(result, level.number)


def _different_dropout(e, args, mutates, level):
    x = args[0]
    v = value_of(x, level)
    feature = e.name.startswith("feature_")
    folded = v.reshape((v.size(0) * v.size(1), *v.shape[2:])) if feature and x.dim() > 1 else v
    name_values = [folded, *args[1:]]
    if mutates:
        result = again(e, [folded.clone(), *args[1:]])
        v.copy_(result.view(v.shape))
        return x
    if not is_batched(x, level):
        name_values[0] = folded.contiguous()
    result = again(e, name_values)
    if isinstance(result, Tensor):
        return wrap(result.reshape(v.shape), level.number)
    return wrap(result, level.number)
