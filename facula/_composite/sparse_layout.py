"""Sparse tensors in coordinate form: their sizes, dimensions and parts, and what writes to them."""

from __future__ import annotations

from .. import _C
from .._parts import resized
from . import as_int, composite, wrapped_dim
from .linalg_norms import type_name
from .sparse import _checked, _known, _make, _sparse, coalesce

_T = _C._functions


def common_shape(a, b):
    """The shape that two shapes are broadcast to."""
    n = max(len(a), len(b))
    a, b = ([1] * (n - len(each)) + list(each) for each in (a, b))
    for d, (mine, other) in enumerate(zip(a, b)):
        if mine != other and 1 not in (mine, other):
            raise RuntimeError(
                f"The size of tensor a ({mine}) must match the size of tensor b ({other}) at non-singleton "
                f"dimension {d}"
            )
    return [other if mine == 1 else mine for mine, other in zip(a, b)]


def broadcast(x, shape):
    """The same elements in the shape that they are broadcast to; a place for each copy."""
    if tuple(x.shape) == tuple(shape):
        return x
    lead = len(shape) - x.dim()
    count = lead + x.sparse_dim()
    size = [1] * lead + list(x.shape)
    at, held = _T.cat([_T.zeros(lead, x._nnz(), dtype=_C.int64), x._at]), x._held
    ordered = x._is_coalesced
    for d in reversed(
        range(count)
    ):  # copies along the first dimension come last, so that places stay in order
        n = shape[d]
        if n != size[d]:
            ordered &= d < lead
            places = at.shape[1]
            at = at.repeat(1, n)
            at[d] = _T.arange(n).repeat_interleave(places)
            held = held.repeat(n, *[1] * (held.dim() - 1))
    return _make(at, held.expand(-1, *shape[count:]), shape, ordered)


# --- dimensions ---


def _reordered(x, order):
    n = x.sparse_dim()
    sparse = [d for d in order if d < n]
    held = x._held.permute(0, *(d - n + 1 for d in order[n:]))
    kept = x._is_coalesced and sparse == list(range(n))
    return _make(x._at[sparse], held, [x.shape[d] for d in order], kept)


@_known("transpose", "swapaxes", "swapdims")
def _transpose(x, dim0, dim1):
    n = x.dim()
    dim0, dim1 = (wrapped_dim(d, max(n, 1)) for d in (dim0, dim1))
    if dim0 == dim1:
        return x
    if max(dim0, dim1) >= x.sparse_dim():
        raise RuntimeError(
            f"sparse transpose: transposed dimensions must be sparse Got sparse_dim: {x.sparse_dim()}, "
            f"d0: {dim0}, d1: {dim1}"
        )
    order = list(range(n))
    order[dim0], order[dim1] = dim1, dim0
    result = _reordered(x, order)
    return _make(result._at, result._held, result.shape, x._nnz() == 0)


@_known("transpose_", "swapaxes_", "swapdims_")
def _transpose_(x, dim0, dim1):
    return resized(x, _transpose(x, dim0, dim1))


@_known("t")
def _t(x):
    if x.dim() > 2 or x.dense_dim():
        raise RuntimeError(
            f"t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got {x.sparse_dim()} sparse "
            f"and {x.dense_dim()} dense dimensions"
        )
    return x if x.dim() < 2 else _transpose(x, 0, 1)


_known("t_")(lambda x: resized(x, _t(x)))


@_known("permute")
def _permute(x, *given, dims=None):
    dims = given if dims is None else dims
    dims = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
    if len(dims) != x.dim():
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
            f"desired ordering of dimensions i.e. input.dim() = {x.dim()} is not equal to "
            f"len(dims) = {len(dims)}"
        )
    order = [wrapped_dim(d, x.dim()) for d in dims]
    if len(set(order)) != len(order):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    if any(d >= x.sparse_dim() for d in order[: x.sparse_dim()]):
        raise RuntimeError(
            "permute(sparse_coo): transpositions between sparse and dense dimensions are not allowed."
            "Only transpositions within sparse and dense dimensions are supported."
        )
    return _reordered(x, order)


@_known("select")
def _select(x, dim, index):
    dim = wrapped_dim(dim, x.dim())
    if not -x.shape[dim] <= index < x.shape[dim]:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(x.shape)}")
    size = [*x.shape[:dim], *x.shape[dim + 1 :]]
    if dim >= x.sparse_dim():
        return _make(x._at, x._held.select(dim - x.sparse_dim() + 1, index), size, x._is_coalesced)
    found = (_checked(x)._at[dim] == index % x.shape[dim]).nonzero().squeeze(1)
    held = x._held[found]
    if x.sparse_dim() == 1:
        return held.any(0) if held.dtype == _C.bool else held.sum(0, dtype=held.dtype)
    rows = [d for d in range(x.sparse_dim()) if d != dim]
    return _make(x._at[rows][:, found], held, size, x._is_coalesced)


@_known("narrow_copy")
def _narrow(x, dim, start, length):
    if not 0 <= dim < x.dim():
        raise RuntimeError(f"Dimension {dim} out of range. Expecting 0 <= dim < {x.dim()}.")
    dim = wrapped_dim(dim, x.dim())
    if length < 0:
        raise RuntimeError("narrow(): length must be non-negative.")
    start = start + x.shape[dim] if start < 0 else start
    if not 0 <= start <= x.shape[dim] - length:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({x.shape[dim]}).")
    size = list(x.shape)
    size[dim] = length
    if dim >= x.sparse_dim():
        held = x._held.narrow_copy(dim - x.sparse_dim() + 1, start, length)
        return _make(x._at.clone(), held, size, x._is_coalesced)
    row = _checked(x)._at[dim]
    found = ((row >= start) & (row < start + length)).nonzero().squeeze(1)
    at = x._at[:, found].clone()
    at[dim] -= start
    return _make(at, x._held[found], size, x._is_coalesced)


@_known("cat", "concat")
def _cat(tensors, dim=0):
    first = tensors[0]
    dim = wrapped_dim(dim, first.dim())
    for i, t in enumerate(tensors):
        if not _sparse(t):
            raise RuntimeError(f"Concatenating sparse tensors, but a dense tensor was found at position {i}.")
        if t.dim() != first.dim() or any(t.shape[d] != n for d, n in enumerate(first.shape) if d != dim):
            raise RuntimeError(
                f"All tensors must have the same shape: {list(first.shape)} (except in the concatenating "
                f"dimension), but found shape: {list(t.shape)} at position {i}."
            )
        if t.sparse_dim() != first.sparse_dim():
            raise RuntimeError(
                f"All tensors must have the same sparse_dim and dense_dim: {first.sparse_dim()}, "
                f"{first.dense_dim()}, but tensor at position {i} has {t.sparse_dim()}, {t.dense_dim()}."
            )
    size, start = list(first.shape), 0
    size[dim] = sum(t.shape[dim] for t in tensors)
    parts, held = [], []
    inner = dim - first.sparse_dim() + 1
    for t in tensors:
        at, values = t._at.clone(), t._held
        if inner <= 0:
            at[dim] += start
        else:  # the others' columns are zero at this place
            around = [
                values.new_zeros(*values.shape[:inner], n, *values.shape[inner + 1 :])
                for n in (start, size[dim] - start - t.shape[dim])
            ]
            values = _T.cat([around[0], values, around[1]], inner)
        parts.append(at)
        held.append(values)
        start += t.shape[dim]
    return _make(_T.cat(parts, 1), _T.cat(held), size)


@_known("unsqueeze")
def _unsqueeze(x, dim):
    dim = wrapped_dim(dim, x.dim() + 1)
    size = [*x.shape[:dim], 1, *x.shape[dim:]]
    if dim > x.sparse_dim():
        return _make(x._at, x._held.unsqueeze(dim - x.sparse_dim() + 1), size)
    at = _T.cat([x._at[:dim], _T.zeros(1, x._nnz(), dtype=_C.int64), x._at[dim:]])
    return _make(at, x._held, size)


@_known("stack")
def _stack(tensors, dim=0):
    return _cat([_unsqueeze(t, dim) for t in tensors], dim)


@_known("hstack")
def _hstack(tensors):
    return _cat(tensors, 0 if tensors[0].dim() < 2 else 1)


@_known("vstack", "row_stack")
def _vstack(tensors):
    return _cat([_unsqueeze(t, 0) if t.dim() == 1 else t for t in tensors], 0)


@_known("unbind")
def _unbind(x, dim=0):
    return tuple(_select(x, dim, k) for k in range(x.shape[dim]))


@_known("index_select")
def _index_select(x, dim, index):
    dim = wrapped_dim(dim, x.dim())
    size = list(x.shape)
    if index.numel() and not (-size[dim] <= int(index.min()) and int(index.max()) < size[dim]):
        raise IndexError(
            f"index_select(): index contains elements out of range for dimension {dim} of size {size[dim]}"
        )
    index = _T.where(index < 0, index + size[dim], index)
    size[dim] = index.numel()
    if dim >= x.sparse_dim():
        return _make(x._at, x._held.index_select(dim - x.sparse_dim() + 1, index), size, x._is_coalesced)
    # Pairs of a chosen index and a place that has it, ordered by the first.
    row = _checked(x)._at[dim]
    order, index = row.argsort(stable=True), index.reshape(-1)
    row = row[order]
    first = _T.searchsorted(row, index)
    count = _T.searchsorted(row, index, right=True) - first
    new = _T.arange(index.shape[0]).repeat_interleave(count)
    before = count.cumsum(0) - count
    old = order[_T.arange(new.shape[0]) - before[new] + first[new]]
    at = x._at[:, old].clone()
    at[dim] = new
    return _make(at, x._held[old], size)


def _refused(text):
    def refuse(*args, **kwargs):
        raise RuntimeError(text)

    return refuse


_known("expand", "broadcast_to", "repeat", "tile")(_refused("expand is unsupported for Sparse tensors"))
_known("masked_fill", "contiguous")(_refused("unsupported memory format option Contiguous"))
_known("reshape", "flatten", "ravel", "inner", "_einsum", "_tensordot")(
    _refused("reshape is not implemented for sparse tensors")
)


# --- new ones ---


@_known("zeros_like", "empty_like")
def _zeros_like(
    x, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None, **options
):
    if memory_format is not None and layout != _C.strided:
        raise RuntimeError("memory format option is only supported by strided tensors")
    dtype = dtype or x.dtype
    if layout not in (None, _C.strided, _C.sparse_coo):
        from .compressed_new import nothing

        return nothing(x.shape, layout, dtype).requires_grad_(requires_grad)
    if layout == _C.strided:
        return _T.zeros(tuple(x.shape), dtype=dtype, requires_grad=requires_grad)
    return _nothing(x.shape, x.sparse_dim(), dtype).requires_grad_(requires_grad)


@_known("new_zeros", "new_empty")
def _new_zeros(x, *size, dtype=None, **options):
    size = tuple(map(as_int, size))
    size = size[0] if len(size) == 1 and not isinstance(size[0], int) else size
    return _nothing(size, len(size), dtype or x.dtype)


@_known("new")
def _new(x, *args):
    if len(args) in (2, 3) and all(isinstance(t, _C.Tensor) for t in args[:2]):
        from .sparse import sparse_coo_tensor

        return sparse_coo_tensor(*args, dtype=x.dtype)
    if len(args) == 1 and isinstance(args[0], _C.Size):
        args = tuple(args[0])
    elif len(args) == 1 and isinstance(args[0], (list, tuple)):
        raise TypeError(
            "SparseTensor.new(sequence) only accepts sizes: sparse_coo_tensor() takes indices and values"
        )
    if not all(isinstance(n, int) for n in args):
        kinds = ", ".join(type(each).__name__ for each in args)
        raise TypeError(f"new() received an invalid combination of arguments - got ({kinds})")
    return _nothing(list(args or (0,)), len(args) or 1, x.dtype)


def _nothing(size, sparse_dim, dtype):
    at = _T.zeros(sparse_dim, 0, dtype=_C.int64)
    return _make(at, _T.zeros(0, *size[sparse_dim:], dtype=dtype), size, True)


@composite("sparse")
def spdiags(diagonals, offsets, shape, layout=None):
    """The sparse matrix of these rows along its diagonals; row i lies `offsets[i]` above the main one.

    Args:
        diagonals: (diagonals, columns), or one diagonal. The element in column j goes to column j.
        offsets: which diagonals, integers.
        shape: of the matrix; what lies outside is left out.
        layout: torch.sparse_coo, sparse_csr or sparse_csc.
    """
    if diagonals.dim() not in (1, 2):
        raise RuntimeError("Diagonals must be vector or matrix")
    if len(shape) != 2:
        raise RuntimeError("Output shape must be 2d")
    if offsets.dim() > 1:
        raise RuntimeError("Offsets must be scalar or vector")
    rows = diagonals.reshape(1, -1) if diagonals.dim() == 1 else diagonals
    if offsets.dtype != _C.int64:
        raise RuntimeError(f"Offset Tensor must have dtype Long but got {type_name(offsets.dtype)}")
    offsets = offsets.reshape(-1)
    if rows.shape[0] != offsets.shape[0]:
        raise RuntimeError(
            f"Number of diagonals ({rows.shape[0]}) does not match the number of offsets ({offsets.shape[0]})"
        )
    if _T.unique(offsets).shape[0] != offsets.shape[0]:
        raise RuntimeError("Offset tensor contains duplicate values")
    if layout not in (None, _C.sparse_coo, _C.sparse_csr, _C.sparse_csc):
        from .compressed import layout_name

        raise RuntimeError(
            f"Only output layouts (Sparse, SparseCsc, SparseCsr) are supported, got {layout_name(layout)}"
        )
    column = _T.arange(rows.shape[1]).expand(rows.shape)
    row = column - offsets.unsqueeze(1)
    inside = (row >= 0) & (row < shape[0]) & (column < shape[1])
    result = _make(_T.stack([row[inside], column[inside]]), rows[inside], list(shape))
    return result if layout is None else result.to_sparse(layout=layout)


# --- questions ---


@_known("any")
def _any(x):
    return coalesce(x)._held.any()


_known("is_same_size")(lambda x, other: tuple(x.shape) == tuple(other.shape))
_known("conj")(lambda x: _make(x._at, x._held.conj(), x.shape, x._is_coalesced))


# --- writes ---


@_known("copy_")
def _copy_(x, source, non_blocking=False):
    if not _sparse(x) or not _sparse(source):
        kinds = [f"torch.{'sparse.' * _sparse(t)}{type_name(t.dtype)}Tensor" for t in (x, source)]
        raise RuntimeError(
            "copy_() between dense and sparse Tensors is not implemented! Found self type = "
            f"{kinds[0]} and src type = {kinds[1]}"
        )
    if x is source:
        return x
    if x.shape != source.shape:  # as far as a sparse tensor can be resized
        _sparse_resize_(x, source.shape, source.sparse_dim(), source.dense_dim())
    held = source._held.to(x.dtype)
    held = held.clone() if held is source._held else held
    return resized(x, _make(source._at.clone(), held, source.shape, source._is_coalesced))


@_known("zeros")
def _zeros(*size, dtype=None, requires_grad=False, **options):  # into an out= that is sparse
    size = tuple(map(as_int, size))
    size = size[0] if len(size) == 1 and not isinstance(size[0], int) else size
    result = _nothing(list(size), len(size), dtype or _C.get_default_dtype())
    return result.requires_grad_(requires_grad)


@_known("zero_")
def _zero_(x):
    return resized(x, _nothing(x.shape, x.sparse_dim(), x.dtype))


@_known("sparse_resize_and_clear_")
def _resize_and_clear_(x, size, sparse_dim, dense_dim):
    _check_split(size, sparse_dim, dense_dim)
    return resized(x, _nothing(size, sparse_dim, x.dtype))


def _check_split(size, sparse_dim, dense_dim):
    if sparse_dim + dense_dim != len(size):
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, "
            f"sparse_dim = {sparse_dim}, dense_dim = {dense_dim}"
        )


@_known("sparse_resize_")
def _sparse_resize_(x, size, sparse_dim, dense_dim):
    _check_split(size, sparse_dim, dense_dim)
    size = list(size)
    if x._nnz() == 0:
        return resized(x, _nothing(size, sparse_dim, x.dtype))
    for kind, now, wanted in (("sparse", x.sparse_dim(), sparse_dim), ("dense", x.dense_dim(), dense_dim)):
        if now != wanted:
            raise RuntimeError(
                f"changing the number of {kind} dimensions (from {now} to {wanted}) on a non-empty sparse "
                "tensor is not supported."
            )
    n = sparse_dim
    parts = (("sparse", list(x.shape[:n]), size[:n]), ("dense", list(x.shape[n:]), size[n:]))
    for kind, now, wanted in parts:
        if any(b < a for a, b in zip(now, wanted)):
            raise RuntimeError(
                f"shrinking the size of {kind} dimensions (from {now} to {wanted}) on a non-empty sparse "
                "tensor is not supported."
            )
    held = x._held
    if parts[1][1] != parts[1][2]:
        # As memory that grows: elements keep their order, not their places.
        held = held.new_zeros(held.shape[0], *size[n:])
        held.view(-1)[: x._held.numel()] = x._held.reshape(-1)
    return resized(x, _make(x._at, held, size, x._is_coalesced))


@_known("resize_as_sparse_", "resize_as_")
def _resize_as_(x, like, **options):
    return _sparse_resize_(x, like.shape, like.sparse_dim(), like.dense_dim())


@composite("torch")
def _sparse_broadcast_to(input, size):
    """The same elements in the shape that they are broadcast to, a place for each copy."""
    lead = len(size) - input.dim()
    for d, n in enumerate(input.shape):
        if n not in (1, size[d + lead]):
            raise RuntimeError(
                f"The input's length {n} at dimension {d} does not broadcast over the requested shape of "
                f"length {size[d + lead]} at dimension {d + lead}"
            )
    return broadcast(_checked(input), list(size))
