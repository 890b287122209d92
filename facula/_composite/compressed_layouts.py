"""Compressed sparse tensors: from dense tensors and coordinates, from one layout to another, and back."""

from __future__ import annotations

from math import prod

from .. import _C
from . import as_int, composite
from .compressed import BLOCKED, PARTS, ROW, compressed, known, layout_name, lines, make

_T = _C._functions
_NAMES = {layout: str(layout).removeprefix("torch.") for layout in PARTS}


def check_starts(x):
    """That each row (or column) of a tensor, and no other, has a start: nobody has looked at it so far."""
    count = grid(x)[0 if x._by_rows else 1]
    if 0 not in x._blocksize and x._starts.shape != (*x.shape[: x._batch], count + 1):
        raise RuntimeError(
            f"a sparse tensor of size {list(x.shape)} needs compressed indices of size "
            f"{[*x.shape[: x._batch], count + 1]}, but they are of size {list(x._starts.shape)}"
        )


def places(x, inside=True):
    """(batch, row, column, values), flat over the batches: of each element, or block, where it is.

    Args:
        inside: refuse places outside the tensor; otherwise the caller does.
    """
    check_starts(x)
    line, at = lines(x._starts, x._nnz()), x._at.long()
    other = grid(x)[1 if x._by_rows else 0]
    if inside and at.numel() and not (int(at.min()) >= 0 and int(at.max()) < other):
        raise RuntimeError(
            f"the plain indices of a sparse tensor must be from 0 to {other - 1}, but are from "
            f"{int(at.min())} to {int(at.max())}"
        )
    batches = prod(x._at.shape[:-1])
    batch = _T.arange(batches, dtype=_C.int64).repeat_interleave(x._nnz())
    if x._held.shape[: x._batch + 1] != x._at.shape:
        raise RuntimeError("the plain indices and the values of a sparse tensor must be of one count")
    held = x._held.reshape(batch.shape[0], *x._held.shape[x._batch + 1 :])
    line, at = line.reshape(-1), at.reshape(-1)
    return (batch, line, at, held) if x._by_rows else (batch, at, line, held)


def grid(x):
    """(rows, columns), counted in blocks."""
    n, block = x._batch, x._blocksize
    return tuple(x.shape[n + d] // max(block[d], 1) for d in (0, 1))


def compress(layout, size, batch_sizes, counts, batch, row, column, held, dtype=_C.int64):
    """The tensor of a layout with values (or blocks) at these places, each of which is there once.

    Args:
        counts: (rows, columns), in blocks.
        batch: of each value, a number; `batch_sizes` are those of the dimensions that it counts.
        dtype: of the indices.
    """
    by_rows = PARTS[layout] is ROW
    line, at = (row, column) if by_rows else (column, row)
    count, other = counts if by_rows else counts[::-1]
    group = batch * count + line
    key = group * other + at
    if bool((key[1:] < key[:-1]).any()):
        order = key.argsort(stable=True)
        group, at, held = group[order], at[order], held[order]
    batches = prod(batch_sizes)
    steps = _T.bincount(group, minlength=batches * count).reshape(batches, count)
    starts = _T.cat([steps.new_zeros(batches, 1), steps.cumsum(1)], 1)
    total = held.shape[0] // batches if batches else 0
    if bool((starts[:, -1] != total).any()):
        raise RuntimeError("Expect the same number of specified elements per batch.")
    return make(
        starts.reshape(*batch_sizes, count + 1).to(dtype),
        at.reshape(*batch_sizes, total).to(dtype),
        held.reshape(*batch_sizes, total, *held.shape[1:]),
        size,
        layout,
    )


# --- to dense, and to coordinates ---


def _elements(x, inside=True):
    """places() of the elements in the blocks."""
    batch, row, column, held = places(x, inside)
    if not x._in_blocks:
        return batch, row, column, held
    high, wide = x._blocksize
    n = held.shape[0]
    row = (row.reshape(-1, 1, 1) * high + _T.arange(high).reshape(-1, 1)).expand(n, high, wide)
    column = (column.reshape(-1, 1, 1) * wide + _T.arange(wide)).expand(n, high, wide)
    batch = batch.reshape(-1, 1, 1).expand(n, high, wide)
    return (
        batch.reshape(-1),
        row.reshape(-1),
        column.reshape(-1),
        held.reshape(n * high * wide, *held.shape[3:]),
    )


@known("to_dense")
def compressed_to_dense(x, dtype=None, *, masked_grad=None):
    if dtype is not None:
        raise RuntimeError(f"dtype argument is not supported by {_NAMES[x.layout]}_to_dense")
    batch, row, column, held = _elements(x, inside=False)
    rows, columns = x.shape[x._batch : x._batch + 2]
    outside = (row < 0) | (row >= rows) | (column < 0) | (column >= columns)
    if bool(outside.any()):
        raise IndexError("index out of range in self")
    flat = (batch * rows + row) * columns + column
    kind = _C.uint8 if held.dtype == _C.bool else held.dtype
    empty = _T.zeros(prod(x.shape[: x._batch + 2]), *held.shape[1:], dtype=kind)
    dense = empty.index_add(0, flat, held.to(kind)).reshape(x.shape)
    return dense != 0 if kind != held.dtype else dense


@known("to_sparse_coo")
def coordinates(x):
    """The same in coordinate form."""
    from .sparse import _make

    batch, row, column, held = _elements(x)
    at = [row, column]
    for size in reversed(x.shape[: x._batch]):
        at.insert(0, batch % size)
        batch = batch.div(size, rounding_mode="floor")
    return _make(_T.stack(at), held, x.shape, x.layout == _C.sparse_csr)


# --- from dense and coordinate form ---


def _check_block(name, size, blocksize):
    if len(blocksize) != 2:
        raise RuntimeError(f"{name}: blocksize needs to be a tuple of size 2, but got {len(blocksize)}")
    if min(blocksize) <= 0:
        raise RuntimeError(f"{name}: blocksize needs to be positive, but got {list(blocksize)}")
    if any(n % b for n, b in zip(size, blocksize)):
        raise RuntimeError(
            f"{name}: tensor sparse size ({','.join(map(str, size))}) must be divisible by given blocksize "
            f"({blocksize[0]},{blocksize[1]})"
        )


def _from_dense(x, layout, blocksize, dense_dim, name):
    dense = dense_dim or 0
    if x.dim() < 2:
        n = max(x.dim(), 1)
        got = -2 if layout in BLOCKED else 1
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {got})"
        )
    if not 0 <= dense <= x.dim() - 2:
        raise RuntimeError(
            f"{name}: dense_dim argument must be in [0,{x.dim() - 2}] range, but {dense_dim} is given"
        )
    n = x.dim() - 2 - dense
    if not prod(x.shape[:n]):
        raise RuntimeError(f"to_{_NAMES[layout]}: Expected product of batch dimensions to be non-zero.")
    rows, columns = x.shape[n : n + 2]
    counts, blocks = (rows, columns), x
    if blocksize is not None:
        _check_block(name, (rows, columns), blocksize)
        high, wide = blocksize
        counts = rows // high, columns // wide
        blocks = x.reshape(*x.shape[:n], counts[0], high, counts[1], wide, *x.shape[n + 2 :]).transpose(
            n + 1, n + 2
        )
    used = blocks.detach() != 0
    for _ in range(blocks.dim() - n - 2):
        used = used.any(-1)
    batch, row, column = used.reshape(prod(x.shape[:n]), *counts).nonzero().unbind(1)
    held = blocks.reshape(prod(x.shape[:n]), *counts, *blocks.shape[n + 2 :])[batch, row, column]
    return compress(layout, x.shape, x.shape[:n], counts, batch, row, column, held)


def _from_coordinates(x, layout, blocksize, name):
    from .sparse import _checked, coalesce

    if x.sparse_dim() != 2:
        _refuse(name, x, layout, "for input tensors with sparse_dim()!=2")
    x = _checked(coalesce(x))
    row, column = x._at
    counts = tuple(x.shape[:2])
    batch, held = _T.zeros_like(row), x._held
    if blocksize is not None:
        _check_block(name, counts, blocksize)
        counts, row, column, held = _blocks(counts, row, column, held, blocksize)
        batch = _T.zeros_like(row)
    return compress(layout, x.shape, (), counts, batch, row, column, held)


def _blocks(counts, row, column, held, blocksize):
    """(counts, row, column, values) of the blocks that these elements are in."""
    high, wide = blocksize
    counts = counts[0] // high, counts[1] // wide
    divide = {"rounding_mode": "floor"}
    key = row.div(high, **divide) * counts[1] + column.div(wide, **divide)
    block, which = _T.unique(key, return_inverse=True)
    inside = (which * high + row % high) * wide + column % wide
    empty = _T.zeros(block.shape[0] * high * wide, *held.shape[1:], dtype=held.dtype)
    filled = empty.index_put((inside,), held).reshape(block.shape[0], high, wide, *held.shape[1:])
    if not counts[1]:
        return counts, block, block, filled
    return counts, block.div(counts[1], **divide), block % counts[1], filled


# --- from one compressed layout to another ---


def _from_compressed(x, layout, blocksize, name):
    if x._in_blocks and layout not in BLOCKED:
        raise RuntimeError(f"{name}: expected SparseCsr or SparseCsc layout but got {layout_name(x)}")
    batch, row, column, held = places(x)
    counts = grid(x)
    if blocksize is not None and not x._in_blocks:
        if x._batch:
            _refuse(name, x, layout, "for batched inputs")
        _check_block(name, counts, blocksize)
        counts, row, column, held = _blocks(counts, row, column, held, blocksize)
        batch = _T.zeros_like(row)
    elif blocksize is not None and tuple(blocksize) != x._blocksize:
        changed = f"with blocksize changed from {list(x._blocksize)} to {list(blocksize)}"
        _refuse(name, x, layout, changed)
    return compress(layout, x.shape, x.shape[: x._batch], counts, batch, row, column, held, x._at.dtype)


def _asked(x, layout, named):
    """What errors call a conversion; `named`: one of the methods whose names say the layout."""
    if x.layout == layout:
        source = "to_sparse"
    elif compressed(x):
        source = "sparse_compressed_to_sparse"
    elif x.is_sparse:
        source = "coo_to_sparse" if named else "sparse_coo_to_sparse"
    else:
        source = "dense_to_sparse"
    return source + _NAMES[layout].removeprefix("sparse") if named else source


def _refuse(name, x, layout, why):
    kinds = f"from {layout_name(x)} to {layout_name(layout)}"
    raise RuntimeError(f"{name}: conversion {kinds} {why} is not supported")


def converted(x, layout, blocksize, dense_dim, named=True):
    """x in a compressed layout; `named` as in _asked()."""
    blocksize = as_int(blocksize)
    if isinstance(blocksize, int):
        blocksize = (blocksize, blocksize)
    name = _asked(x, layout, named)
    if x.layout == _C.strided:
        return _from_dense(x, layout, blocksize, dense_dim, name)
    if dense_dim is not None:
        _refuse(name, x, layout, "with dense_dim argument given")
    if x.layout == layout:
        if blocksize is not None and tuple(blocksize) != x._blocksize:
            changed = f"with blocksize changed from {list(x._blocksize)} to {list(blocksize)}"
            _refuse(name, x, layout, changed)
        return x
    convert = _from_coordinates if x.is_sparse else _from_compressed
    return convert(x, layout, blocksize, _asked(x, layout, True))


def to_layout(x, layout, blocksize, dense_dim):
    """Tensor.to_sparse(layout=...)."""
    name = _asked(x, layout, False)
    blocksize = as_int(blocksize)
    if blocksize is not None and not isinstance(blocksize, int) and len(blocksize) != 2:
        raise RuntimeError(f"{name}: blocksize needs to be a tuple of size 2, but got {len(blocksize)}")
    if layout == _C.sparse_coo:
        if blocksize is not None:
            _refuse(name, x, layout, "with blocksize argument given")
        if dense_dim is not None:
            _refuse(name, x, layout, "with dense_dim argument given")
        return coordinates(x)
    if layout not in PARTS:
        raise RuntimeError(f"{name}: unexpected source layout {layout_name(x)}")
    if (blocksize is None) == (layout in BLOCKED):
        given = "without" if blocksize is None else "with"
        _refuse(name, x, layout, f"{given} blocksize argument given")
    return converted(x, layout, blocksize, dense_dim, False)


def _plain(name, layout):
    def convert(self, dense_dim=None):
        return converted(self, layout, None, dense_dim)

    return _named(convert, name, layout, "elements")


def _blocked(name, layout):
    def convert(self, blocksize, dense_dim=None):
        if isinstance(blocksize, (tuple, list)):
            blocksize = tuple(as_int(n) for n in blocksize)
            for i, n in enumerate(blocksize):
                if not isinstance(n, int) or isinstance(n, bool):
                    found = f"found element of type {type(n).__name__} at pos {i}"
                    raise TypeError(
                        f"{name}(): argument 'blocksize' (position 1) must be tuple of ints, but {found}"
                    )
        return converted(self, layout, blocksize, dense_dim)

    return _named(convert, name, layout, "blocks of this size")


def _named(convert, name, layout, what):
    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"""The {what} that are not zero as a tensor with layout {layout}.

    dense_dim: how many dimensions behind the two sparse ones are dense, of a dense tensor; those in front of
    them are batches, which must all hold as many elements.
    """
    known(name)(convert)
    return composite("Tensor")(convert)


for _layout in PARTS:
    (_blocked if _layout in BLOCKED else _plain)(f"to_{_NAMES[_layout]}", _layout)


@known("to_sparse")
def _to_sparse(x, sparse_dim=None, *, layout=None, blocksize=None, dense_dim=None):
    if layout == _C.strided:
        return compressed_to_dense(x)
    if layout is not None or blocksize is not None:
        return to_layout(x, layout or _C.sparse_coo, blocksize, dense_dim)
    if sparse_dim not in (None, 2 + x._batch):
        why = f"with sparse_dim argument !={2 + x._batch}"
        _refuse("sparse_compressed_to_sparse", x, _C.sparse_coo, why)
    return coordinates(x)


# --- the indices alone ---


@composite("torch")
def _convert_indices_from_coo_to_csr(input, size, *, out_int32=False):
    """Where each of `size` rows starts among the sorted rows of elements, and where the last one ends."""
    if input.dim() > 1:
        raise RuntimeError(f"Input is supposed to be a vector, but got {input.dim()} dimensional tensor.")
    if input.numel() and not (int(input.min()) >= 0 and int(input.max()) < size):
        raise RuntimeError(f"the rows of the elements must be from 0 to {size - 1}")
    steps = _T.bincount(input, minlength=size)
    return _T.cat([steps.new_zeros(1), steps.cumsum(0)]).to(_C.int32 if out_int32 else _C.int64)


@composite("torch")
def _convert_indices_from_csr_to_coo(crow_indices, col_indices, *, out_int32=False, transpose=False):
    """(2, elements): the row and the column of each element of a CSR tensor; `transpose`: the other way."""
    row = lines(crow_indices, col_indices.shape[-1])
    pair = (col_indices, row) if transpose else (row, col_indices)
    return _T.stack([each.to(_C.int32 if out_int32 else _C.int64) for each in pair])
