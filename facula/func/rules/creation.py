"""Batch rules of what makes new tensors in the likeness of others, and of conversions."""

from __future__ import annotations

from math import prod

from ... import _C
from .._batch import NotBatchable, Tensor, at_depth, batch_rule, decompose, full_rule, wrap, writable

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


@full_rule("resize_", "resize_as_")
def resize(e, args, inplace, level):
    x = args[0]
    size = tuple(args[1].shape if e.name == "resize_as_" else args[1])
    v, n = writable(x, level), prod(size)
    flat = v.reshape((level.size, -1)) if v.numel() else v.new_empty((level.size, 0))
    if flat.shape[1] < n:
        flat = _f.cat([flat, flat.new_empty((level.size, n - flat.shape[1]))], 1)
    with at_depth(0):
        Tensor.resize_(x, size)
    x._value = flat[:, :n].reshape((level.size, *size))
    return x


@full_rule("set_")
def set_(e, args, inplace, level):
    raise NotBatchable("vmap: set_ of a batched tensor is not supported")


@decompose("full")
def full(size, fill_value, *rest):
    names = ("dtype", "layout", "device", "requires_grad")
    options = {k: v for k, v in zip(names, rest[-4:]) if k == "dtype" and v is not None}
    return (
        fill_value.to(**options).expand(tuple(size)).clone()
        if options
        else fill_value.expand(tuple(size)).clone()
    )


@full_rule("scalar_tensor")
def scalar_tensor(e, args, inplace, level):
    return e.run(args)
