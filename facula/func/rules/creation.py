"""Batch rules of what makes new tensors in the likeness of others, and of conversions."""

from __future__ import annotations

from math import prod

from ... import _C
from .._batch import (
    NotBatchable,
    Tensor,
    as_given,
    at_depth,
    batch_rule,
    decompose,
    full_rule,
    wrap,
    wrap_along,
    writable,
)

_f = _C._functions


# A format of memory is that of the tensor which vmap was given, the batch being one of its dimensions.
@full_rule("zeros_like", "ones_like", "empty_like", "full_like")
def like(e, args, inplace, level):
    x = args[0]
    result = e.run((as_given(x), *args[1:]))
    result = result.contiguous() if result.numel() and result.stride(x._dim) == 0 else result
    return wrap_along(result, x._dim, level.number)


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
    return wrap_along(e.run((as_given(args[0]), *args[1:])), args[0]._dim, level.number)


@batch_rule("chalf")
def chalf(call, x, memory_format=None):
    """PyTorch converts example by example: a format of memory is not that of the whole."""
    return x._value.chalf()


@decompose("type_as")
def type_as(x, other):
    return x.to(other.dtype)


_FORMATS = {_C.channels_last: "ChannelsLast", _C.channels_last_3d: "ChannelsLast3d"}


@full_rule("clone")
def clone(e, args, inplace, level):
    """Keeps the places of elements in memory; examples that share them get memory of their own."""
    x, how = args
    if how in _FORMATS:
        raise NotBatchable(
            "NYI: Tensor.clone(memory_format) inside vmap is only supported with memory_format "
            f"torch.preserve_format or torch.contiguous_format (got {_FORMATS[how]})"
        )
    v = x._value
    if how is _C.contiguous_format or v.numel() and v.stride(0) == 0 and v.size(0) > 1:
        return wrap(v.clone(memory_format=_C.contiguous_format), level.number)
    return wrap_along(as_given(x).clone(), x._dim, level.number)


@full_rule("is_contiguous")
def is_contiguous(e, args, inplace, level):
    if args[1] not in (None, _C.contiguous_format):
        raise NotBatchable(
            "NYI: querying is_contiguous inside of vmap for memory_format other than torch.contiguous_format"
        )
    return e.run_meta(args)


@full_rule("contiguous")
def contiguous(e, args, inplace, level):
    x = args[0]
    return (
        x
        if x.is_contiguous(memory_format=args[1] or _C.contiguous_format)
        else clone(e, (x, _C.contiguous_format), inplace, level)
    )


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
