"""Compressed sparse tensors: new ones like others, and what writes to them."""

from __future__ import annotations

from .. import _C
from .._parts import as_type, refuse_leaf, resized
from . import as_int
from .compressed import BLOCKED, PARTS, ROW, compressed, known, layout_name, make

_T = _C._functions


def nothing(size, layout, dtype, index=_C.int64, like=None, name="zeros"):
    """A tensor without elements; of blocks only `like` another."""
    if layout in BLOCKED and (like is None or like.layout not in BLOCKED):
        raise RuntimeError(
            f"{name}_sparse_compressed expected sparse compressed (non-block) tensor layout but got "
            f"{layout_name(layout)}"
        )
    size = list(size)
    if len(size) < 2:
        raise RuntimeError(
            f"torch.{name}: Only batched sparse compressed (non-block) tensors are supported, but got size "
            f"{size}"
        )
    dense = like.dense_dim() if like is not None else 0
    n = len(size) - 2 - dense
    block = list(like._blocksize) if layout in BLOCKED else []
    d = 0 if PARTS[layout] is ROW else 1
    count = size[n + d] // block[d] if block else size[n + d]
    starts = _T.zeros(*size[:n], count + 1, dtype=index)
    held = _T.zeros(*size[:n], 0, *block, *size[n + 2 :], dtype=dtype)
    return make(starts, _T.zeros(*size[:n], 0, dtype=index), held, size, layout)


def _other_layout(x, layout):
    if layout is not None and layout != x.layout:
        raise RuntimeError(
            f"empty_like with different sparse layout is not supported (self is {layout_name(x)} but you "
            f"requested {layout_name(layout)})"
        )


def _need_no_format(memory_format):
    if memory_format is not None:
        raise RuntimeError("memory format option is only supported by strided tensors")


@known("zeros_like")
def _zeros_like(x, *, dtype=None, layout=None, requires_grad=False, memory_format=None, **options):
    layout = layout or x.layout
    if layout == _C.strided:
        _other_layout(x, layout)
    if layout == _C.sparse_coo:
        from .sparse_layout import _nothing

        result = _nothing(x.shape, x.dim() - x.dense_dim(), dtype or x.dtype)
    else:
        result = nothing(x.shape, layout, dtype or x.dtype, x._at.dtype, x)
    return result.requires_grad_(requires_grad)


def _filled_like(name):
    def like(
        x, *args, dtype=None, layout=None, requires_grad=False, memory_format=None, device=None, **options
    ):
        if name != "empty_like":
            _need_no_format(memory_format)
        _other_layout(x, layout)
        held = getattr(_T, name)(x._held.detach(), *args, dtype=dtype, **options)
        return make(x._starts.clone(), x._at.clone(), held, x.shape, x.layout).requires_grad_(requires_grad)

    known(name)(like)


for _name in ("empty_like", "ones_like", "full_like", "randn_like"):
    _filled_like(_name)


@known("new_zeros", "new_empty")
def _new_zeros(x, *size, dtype=None, layout=None, requires_grad=False, **options):
    size = tuple(map(as_int, size))
    size = size[0] if size and not isinstance(size[0], int) else size
    if layout in (None, *PARTS):
        result = nothing(size, layout or x.layout, dtype or x.dtype, name="empty")
    else:
        result = _T.zeros(tuple(size), dtype=dtype or x.dtype, layout=layout)
    return result.requires_grad_(requires_grad)


@known("new_ones", "new_full")
def _new_full(x, *args, **options):
    raise RuntimeError("full(...) is not implemented for sparse layout")


# --- writes ---


@known("copy_")
def copy_(x, source, non_blocking=False):
    if not compressed(x):
        raise RuntimeError(
            f"copy_sparse_compressed_ expected sparse compressed tensor layout but got {layout_name(x)}"
        )
    if x.layout != source.layout:
        raise RuntimeError(
            "torch.copy_: copy of sparse compressed tensors having different layouts is not supported. self "
            f"layout is {layout_name(x)} and src layout is {layout_name(source)}"
        )
    if x._at.shape != source._at.shape:
        raise RuntimeError(
            "torch.copy_: only sparse compressed tensors with the same number of specified elements are "
            "supported."
        )
    for d, (mine, other) in enumerate(zip(x.shape, source.shape)):
        if mine != other:
            raise RuntimeError(
                f"torch.copy_: expected shapes of self and src to match along dimension {d} but the "
                f"corresponding dimensions of self and src are {mine} and {other}, respectively"
            )
    if x._blocksize != source._blocksize or x._held.shape != source._held.shape:
        raise RuntimeError(
            "torch.copy_: copy of sparse compressed tensors having different block sizes is not supported. "
            f"self and src block sizes are {list(x._blocksize)} and {list(source._blocksize)}, respectively"
        )
    refuse_leaf(x)
    x._held.copy_(source._held)
    dtype = x._at.dtype
    vars(x).update(_starts=source._starts.clone().to(dtype), _at=source._at.clone().to(dtype))
    return x


@known("written")
def written(result, out):
    """`out`, now with the parts of a result, of which it had perhaps fewer or more."""
    if not compressed(out) or out.layout != result.layout:
        raise RuntimeError(f"out= of a {layout_name(result)} result must not be {layout_name(out)}")
    return resized(out, as_type(result, out.dtype))


@known("zero_")
def _zero_(x):
    return resized(x, nothing(x.shape, x.layout, x.dtype, x._at.dtype, x))


def _on_values(name):
    def write(x, *args, **kwargs):
        refuse_leaf(x)
        getattr(x._held, name)(*args, **kwargs)
        return x

    known(name)(write)


for _name in ("fill_", "normal_"):
    _on_values(_name)


@known("resize_")
def _resize_(x, *size, memory_format=None):
    size = tuple(map(as_int, size))
    size = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else size
    if len(size) < 2:
        raise RuntimeError(
            f"torch.resize_: Only batched sparse CSR matrices are supported, but got size {list(size)}"
        )
    starts, at, held = x._starts, x._at, x._held
    if len(size) == 2:  # of the first batch what fits
        for _ in range(x._batch):
            starts, at, held = starts[0], at[0], held[0]
    batch = starts.dim() - 1
    if x.layout != _C.sparse_csr or x.dense_dim() or size[:-2] != tuple(starts.shape[:batch]):
        raise NotImplementedError("resize_() of sparse tensors other than the matrices of CSR tensors")
    rows, columns = size[-2:]
    if columns < x.shape[-1]:
        raise RuntimeError(
            "torch.resize_: Resizing columns of sparse CSR tensors to a smaller value is not supported. The "
            f"original number of columns is {x.shape[-1]} while the requested new number of columns is "
            f"{columns}."
        )
    nnz = min(x._nnz(), rows * columns)
    more = rows + 1 - starts.shape[-1]
    starts = starts[..., : rows + 1].clone()
    if more > 0:
        starts = _T.cat([starts, starts[..., -1:].expand(*starts.shape[:-1], more)], -1)
    starts[..., -1] = nnz
    return resized(x, make(starts, at[..., :nnz], held[..., :nnz], size, x.layout))


@known("resize_as_sparse_", "resize_as_")
def _resize_as_(x, like, **options):
    for name, t in (("self", x), ("src", like)):
        if not compressed(t):
            raise RuntimeError(
                f"resize_as_sparse_compressed_: {name}  expected sparse compressed tensor layout but got "
                f"{layout_name(t)}"
            )
    if x.layout != like.layout:
        raise RuntimeError(
            "resize_as_sparse_compressed_tensor_: self and src must have the same layout, but got: self "
            f"({layout_name(x)}) and source ({layout_name(like)})"
        )
    if x.shape == like.shape and x._held.shape == like._held.shape:
        return x
    held = _T.zeros(like._held.numel(), dtype=x.dtype)
    kept = min(held.shape[0], x._held.numel())  # as memory that grows or shrinks
    held[:kept] = x._held.detach().reshape(x._held.numel())[:kept]
    indices = (part.clone().to(x._at.dtype) for part in (like._starts, like._at))
    return resized(x, make(*indices, held.reshape(like._held.shape), like.shape, x.layout))
