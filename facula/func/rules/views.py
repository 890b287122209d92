"""Batch rules of views and of what repeats or rearranges elements."""

from __future__ import annotations

from math import prod

from ... import _C
from .._batch import (
    BatchedTensor,
    Call,
    NotBatchable,
    as_rows,
    at_depth,
    batch_rule,
    decompose,
    full_rule,
    is_batched,
    wrap,
    writable,
)
from .._derived import along, leading, loop

_f = _C._functions


def sizes_of(shape, numel):
    """A shape with its -1 found out: the batch has a size of its own."""
    if -1 not in shape:
        return tuple(shape)
    known = prod(s for s in shape if s != -1)
    if list(shape).count(-1) > 1 or known == 0 or numel % known:
        return tuple(shape)
    return tuple(numel // known if s == -1 else s for s in shape)


@batch_rule("view")
def view(call, x, size):
    if isinstance(size, _C.dtype):
        return x._value.view(size)
    _check(x, size, "view")
    return x._value.view((call.size, *sizes_of(size, x.numel())))


@batch_rule("reshape")
def reshape(call, x, shape):
    _check(x, shape, "reshape")
    return x._value.reshape((call.size, *sizes_of(shape, x.numel())))


def _check(x, size, name):
    """Raises what the operation raises for an example."""
    if prod(sizes_of(size, x.numel())) != x.numel() or -1 in sizes_of(size, x.numel()):
        with at_depth(0):
            _f.reshape(x, tuple(size))


@decompose("view_as")
def view_as(x, other):
    return x.view(other.shape)


@decompose("reshape_as")
def reshape_as(x, other):
    return x.reshape(other.shape)


@full_rule("transpose")
def transpose(e, args, inplace, level):
    if args[0].dim() or inplace:
        return along(e, args, inplace, level)
    e.run_meta(args)
    return args[0]


@batch_rule("expand")
def expand(call, x, size, implicit=False):
    v = x._value
    missing = len(size) - x.dim()
    if missing > 0:
        v = v.view((v.size(0), *(1,) * missing, *v.shape[1:]))
    return v.expand((v.size(0), *size))


@decompose("broadcast_to")
def broadcast_to(x, size):
    return x.expand(size)


@decompose("expand_as")
def expand_as(x, other):
    return x.expand(other.shape)


@decompose("broadcast_tensors")
def broadcast_tensors(tensors):
    shape = _f.broadcast_tensors(*[_C._functions.empty(t.shape, device="meta") for t in tensors])[0].shape
    return tuple(t.expand(shape) for t in tensors)


@batch_rule("permute")
def permute(call, x, dims):
    n = x.dim()
    if sorted(d % n if n else d for d in dims) != list(range(n)) or any(not -n <= d < n for d in dims):
        call.entry.run_meta((x, dims))
    return x._value.permute((0, *(d % n + 1 for d in dims)))


@decompose("t")
def t(x):
    if x.dim() > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {x.dim()}D")
    return x.transpose(0, 1) if x.dim() == 2 else x.view(x.shape)


@batch_rule("squeeze")
def squeeze(call, x, dim=None):
    n = x.dim()
    if dim is None:
        dims = range(n)
    else:
        dims = dim if isinstance(dim, tuple) else (dim,)
        if n == 0 and any(d not in (0, -1) for d in dims):
            raise RuntimeError(
                f"Dimension is out of range (expected to be in range of [-1, 0], but got {list(dims)}"
            )
        call.entry.run_meta((x, dim))
    found = tuple(d % n + 1 for d in dims if n and x.shape[d] == 1)
    return x._value.squeeze(found) if found else x._value.view(x._value.shape)


@batch_rule("repeat", "tile")
def repeat(call, x, repeats):
    if len(repeats) < x.dim():
        if call.entry.name == "repeat":
            call.entry.run_meta((x, repeats))
        repeats = (1,) * (x.dim() - len(repeats)) + tuple(repeats)
    v = x._value
    v = v.reshape((v.size(0), *(1,) * (len(repeats) - x.dim()), *v.shape[1:]))
    return v.repeat((1, *repeats))


def repeat_interleave(call, x, repeats=None, dim=None, output_size=None):
    v = as_rows(x._value) if dim is None else x._value
    at = 1 if dim is None else dim % x.dim() + 1
    return v.repeat_interleave(repeats, at, output_size=output_size)


@full_rule("repeat_interleave")
def repeat_interleave_rule(e, args, inplace, level):
    """As often as a number or a tensor says that is the same for all examples; else one by one."""
    if any(is_batched(a, level) for a in args[1:]) or e.names[0] == "repeats":
        return loop(e, args, inplace, level)
    return wrap(repeat_interleave(Call(e, args, level), *args), level.number)


@decompose("ravel")
def ravel(x):
    return x.reshape(-1)


@decompose("sum_to_size")
def sum_to_size(x, size):
    lead = x.dim() - len(size)
    dims = list(range(lead))
    dims += [lead + i for i, s in enumerate(size) if s == 1 and x.shape[lead + i] != 1]
    if lead < 0 or any(s not in (1, x.shape[lead + i]) for i, s in enumerate(size)):
        with at_depth(0):
            x.sum_to_size(size)
    x = x.sum(dims, keepdim=True) if dims else x
    return x.reshape(size)


def _end(size, stride, offset):
    """Behind the last element; None where there is none."""
    return offset + 1 + sum((n - 1) * s for n, s in zip(size, stride)) if all(size) else None


@batch_rule("as_strided")
def as_strided(call, x, size, stride, storage_offset=None):
    """Of each example, at the places that the first example is asked for."""
    v = x._value
    first = v.storage_offset()
    offset = first if storage_offset is None else storage_offset
    if len(size) != len(stride):
        raise RuntimeError(
            "Tensor.as_strided(size, stride, ...): size and stride must have the same length! Got size "
            f"{list(size)} and stride {list(stride)}"
        )
    end, last = _end(size, stride, offset), _end(x.shape, x.stride(), first)
    if end is not None and (last is None or end > last or offset < first):
        reached = (
            "`tensor` has no storage but the passed-in (size, stride, storage_offset) imply a result with "
            "some storage. "
            if last is None
            else f"`result` can access some memory in range [{offset}, {end}], but `tensor` can only access "
            f"some memory in range [{first}, {last}]. "
        )
        raise NotBatchable(
            f"result = tensor.as_strided({list(size)}, {list(stride)}, {offset}) can access memory outside "
            f"of `tensor`. {reached}This is not supported inside of vmap, please try to rewrite the "
            "`as_strided` call as a sequence of PyTorch view operations"
        )
    return v.as_strided((call.size, *size), (v.stride(0), *stride), offset)


@full_rule("view_as_complex")
def view_as_complex(e, args, inplace, level):
    if args[0].dim() == 0:
        raise RuntimeError("Input tensor must have one or more dimensions")
    return leading(e, args, inplace, level)


@decompose("diag")
def diag(x, diagonal=0):
    if x.dim() == 1:
        return _f.diag_embed(x, diagonal)
    if x.dim() != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {x.dim()}D")
    return _f.diagonal(x, diagonal).clone()


@decompose("diagflat")
def diagflat(x, offset=0):
    return _f.diag_embed(x.reshape(-1), offset)


@decompose("fill_diagonal_")
def fill_diagonal_(x, fill_value, wrap=False):
    if wrap or x.dim() != 2:
        if wrap and x.dim() == 2 and x.shape[0] > x.shape[1] + 1:
            raise NotImplementedError("fill_diagonal_(wrap=True) of a batched tensor is not supported")
    if x.dim() == 2:
        x.diagonal().fill_(fill_value)
        return x
    index = _f.arange(x.shape[0])
    x[(index,) * x.dim()] = fill_value
    return x


@decompose("trace")
def trace(x):
    if x.dim() != 2:
        with at_depth(0):
            _f.trace(x)
    return _f.diagonal(x).sum()


@decompose("atleast_1d")
def atleast_1d(x):
    if isinstance(x, tuple):
        return tuple(map(atleast_1d, x))
    return x.reshape(1) if x.dim() == 0 else x


@decompose("atleast_2d")
def atleast_2d(x):
    if isinstance(x, tuple):
        return tuple(map(atleast_2d, x))
    return x.reshape((1, 1)) if x.dim() == 0 else x.unsqueeze(0) if x.dim() == 1 else x


@decompose("atleast_3d")
def atleast_3d(x):
    if isinstance(x, tuple):
        return tuple(map(atleast_3d, x))
    if x.dim() == 0:
        return x.reshape((1, 1, 1))
    if x.dim() == 1:
        return x.unsqueeze(0).unsqueeze(-1)
    return x.unsqueeze(-1) if x.dim() == 2 else x


@decompose("hsplit")
def hsplit(x, sections):
    _check_split(x, sections, "hsplit", 1)
    return _f.tensor_split(x, sections, 0 if x.dim() == 1 else 1)


@decompose("vsplit")
def vsplit(x, sections):
    _check_split(x, sections, "vsplit", 2)
    return _f.tensor_split(x, sections, 0)


@decompose("dsplit")
def dsplit(x, sections):
    _check_split(x, sections, "dsplit", 3)
    return _f.tensor_split(x, sections, 2)


def _check_split(x, sections, name, rank):
    if x.dim() < rank or isinstance(sections, int):
        with at_depth(0):
            getattr(_f, name)(x, sections)


@decompose("fliplr")
def fliplr(x):
    if x.dim() < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return x.flip(1)


@decompose("flipud")
def flipud(x):
    if x.dim() < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return x.flip(0)


@batch_rule("roll")
def roll(call, x, shifts, dims=()):
    if not dims:
        if len(shifts) != 1:
            call.entry.run_meta((x, shifts, dims))
        v = x._value
        return as_rows(v).roll(shifts, 1).view(v.shape)
    if x.dim() == 0 or any(not -x.dim() <= d < x.dim() for d in dims):
        call.entry.run_meta((x, shifts, dims))
    return x._value.roll(shifts, tuple(d % x.dim() + 1 for d in dims))


@batch_rule("flatten")
def flatten(call, x, start_dim=0, end_dim=-1):
    n = x.dim()
    if n == 0:
        return x._value.reshape((call.size, 1))
    if not (-n <= start_dim < n and -n <= end_dim < n) or start_dim % n > end_dim % n:
        call.entry.run_meta((x, start_dim, end_dim))
    return x._value.flatten(start_dim % n + 1, end_dim % n + 1)


@decompose("narrow")
def narrow(x, dim, start, length):
    if type(start) is BatchedTensor:
        raise RuntimeError("vmap: narrow() takes the same start for every example")
    n = max(x.dim(), 1)
    size = x.shape[dim] if x.dim() else 0
    if x.dim() == 0 or not -n <= dim < n or not 0 <= (start + size if start < 0 else start) <= size - length:
        with at_depth(0):
            return x.narrow(dim, start, length)
    start = start + size if start < 0 else start
    return x[(slice(None),) * (dim % n) + (slice(start, start + length),)]


# Geometry in place: of the value, and of the example's face.
@full_rule("t_", "transpose_", "swapaxes_", "squeeze_", "unsqueeze_", "as_strided_")
def in_place_view(e, args, inplace, level):
    """t_, transpose_ ...: the value takes its new shape, and so does what shows an example."""
    x = args[0]
    v = writable(x, level)
    x._dim, x._given = 0, None
    n = x.dim()
    name = e.name
    out = {
        "t_": lambda: v.transpose_(1, 2) if n == 2 else v,
        "transpose_": lambda: v.transpose_(args[1] % n + 1, args[2] % n + 1) if n else v,
        "swapaxes_": lambda: v.transpose_(args[1] % n + 1, args[2] % n + 1) if n else v,
        "as_strided_": lambda: _restride(v, *args[1:], level.size),
        "squeeze_": lambda: _squeeze_in_place(v, x, args[1] if len(args) > 1 else None),
        "unsqueeze_": lambda: v.unsqueeze_(args[1] % (n + 1) + 1),
    }[name]
    e.run_meta(args)
    out()
    return x


def _restride(v, size, stride, storage_offset, examples):
    offset = v.storage_offset() if storage_offset is None else storage_offset
    return v.as_strided_((examples, *size), (v.stride(0), *stride), offset)


def _squeeze_in_place(v, x, dim):
    n = v.dim() - 1
    dims = range(n) if dim is None else dim if isinstance(dim, tuple) else (dim,)
    found = tuple(d % n + 1 for d in dims if n and v.shape[d % n + 1] == 1)
    return v.squeeze_(found) if found else v


@decompose("detach_")
def detach_(x):
    x._value.detach_()
    return x


@decompose("meshgrid")
def meshgrid(tensors, indexing=None):
    if indexing == "xy" and len(tensors) > 1:
        grids = meshgrid((tensors[1], tensors[0], *tensors[2:]), "ij")
        return (grids[1], grids[0], *grids[2:])
    shape = [t.numel() for t in tensors]
    out = []
    for i, x in enumerate(tensors):
        view_shape = [1] * len(tensors)
        view_shape[i] = shape[i]
        out.append(x.reshape(view_shape).expand(shape))
    return tuple(out)


@decompose("cartesian_prod")
def cartesian_prod(tensors):
    if len(tensors) == 1:
        return tensors[0]
    return _f.stack([g.reshape(-1) for g in meshgrid(tensors, "ij")], 1)


@decompose("combinations")
def combinations(x, r=2, with_replacement=False):
    index = _f.combinations(_f.arange(x.shape[0]), r, with_replacement)
    return x[index.reshape(-1)].reshape(index.shape)


@decompose("vander")
def vander(x, N=None, increasing=False):  # noqa: N803  its public name
    n = x.shape[-1] if N is None else N
    powers = _f.arange(n)
    if not increasing:
        powers = powers.flip(0)
    return x.unsqueeze(-1) ** powers


@decompose("as_strided_scatter")
def as_strided_scatter(x, src, size, stride, storage_offset=None):
    out = x.clone()
    out.as_strided(size, stride, storage_offset or 0).copy_(src)
    return out


@decompose("block_diag")
def block_diag(tensors):
    blocks = [atleast_2d(t) for t in tensors]
    columns = sum(b.shape[1] for b in blocks)
    rows, before = [], 0
    for b in blocks:
        left = b.new_zeros((b.shape[0], before))
        right = b.new_zeros((b.shape[0], columns - before - b.shape[1]))
        rows.append(_f.cat([left, b, right], 1))
        before += b.shape[1]
    return _f.cat(rows, 0)


@decompose("unbind")
def unbind(x, dim=0):
    n = x.dim()
    if n == 0 or not -n <= dim < n:
        with at_depth(0):
            x.unbind(dim)
    return tuple(x.select(dim, i) for i in range(x.shape[dim]))
