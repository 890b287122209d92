"""Batch rules of what makes new tensors in the likeness of others, and of conversions."""

from __future__ import annotations

from ... import _C
from .._batch import NotBatchable, Tensor, batch_rule, decompose, full_rule, wrap

_f = _C._functions


@full_rule("zeros_like", "ones_like", "empty_like", "full_like")
def like(e, args, inplace, level):
    at = e.position("memory_format")
    values = [args[0]._value, *args[1:]]
    if at is not None:
        values[at] = None if args[at] in (_C.channels_last, _C.channels_last_3d) else args[at]
    result = e.run(values)
    return wrap(result.contiguous() if result.numel() and result.stride(0) == 0 else result, level.number)


@batch_rule("new_zeros", "new_ones", "new_empty", "new_full")
def new(call, x, size, *rest):
    return call.run(x._value, (call.size, *size), *rest)


@batch_rule("new_empty_strided")
def new_empty_strided(call, x, size, stride, *rest):
    each = 1 + sum((n - 1) * s for n, s in zip(size, stride)) if all(size) else 0
    return call.run(x._value, (call.size, *size), (each, *stride), *rest)


@full_rule("to")
def to(e, args, inplace, level):
    if isinstance(args[1], Tensor):
        other = args[1]
        args = (args[0], other.dtype, *args[2:])
        return args[0].to(other.dtype, non_blocking=args[2], copy=args[3])
    values = [args[0]._value, *args[1:]]
    at = e.position("memory_format")
    if values[at] in (_C.channels_last, _C.channels_last_3d):
        values[at] = None
    return wrap(e.run(values), level.number)


@decompose("type_as")
def type_as(x, other):
    return x.to(other.dtype)


@full_rule("clone", "contiguous")
def clone(e, args, inplace, level):
    v = args[0]._value
    if e.name == "clone" or v.numel() == 0 or v.stride(0) == 0 and v.size(0) > 1:
        return wrap(v.contiguous() if _repeats(v) else v.clone(), level.number)
    return wrap(v.contiguous(), level.number)


def _repeats(v):
    return v.numel() and v.stride(0) == 0 and v.size(0) > 1


@full_rule("resize_", "resize_as_", "set_")
def resize(e, args, inplace, level):
    raise NotBatchable(f"vmap: {e.name} of a batched tensor is not supported")


@full_rule("scalar_tensor")
def scalar_tensor(e, args, inplace, level):
    return e.run(args)


