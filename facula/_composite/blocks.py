"""Pieces of tensors put together or summed up: chunks side by side, guarded indexing, hashes."""

from __future__ import annotations

from .. import _C
from . import composite, wrapped_dim

_T = _C._functions


@composite("torch")
def _chunk_cat(tensors, dim, num_chunks, *, out=None):
    """Each tensor cut into `num_chunks` along `dim` (zeros fill up the last), the chunks side by side.

    Args:
        tensors: of one dtype and device, the dimensions before `dim` equal.
        dim: where to cut; the dimensions from it on become `num_chunks` and the elements of a chunk.
        num_chunks: at least one.
        out: receives the result, as that of cat.

    Raises:
        RuntimeError: for tensors that do not fit together.
    """
    if num_chunks < 1:
        raise RuntimeError("_chunk_cat expects positive num_chunks")
    if len(tensors) == 0:
        raise RuntimeError("_chunk_cat expects a non-empty input tensor list")
    first = tensors[0]
    for t in tensors:
        if t.numel() == 0:
            raise RuntimeError("_chunk_cat expects non-empty tensor")
        if t.dtype != first.dtype:
            raise RuntimeError("_chunk_cat expects all input tensors with the same dtype")
        if t.device != first.device:
            raise RuntimeError("_chunk_cat expects all inputs tensors on the same device")
    dim = wrapped_dim(dim, first.dim())
    for t in tensors:
        if dim >= t.dim():
            raise RuntimeError("_chunk_cat expects dim < ndim for all input tensors")
        if t.shape[:dim] != first.shape[:dim]:
            raise RuntimeError("_chunk_cat expects same sizes of 0,...,dim-1 dimensions for all tensors")
    pieces = []
    for t in tensors:
        missing = -t.shape[dim] % num_chunks
        if missing:
            rest = (*t.shape[:dim], missing, *t.shape[dim + 1 :])
            t = _T.cat([t, t.new_zeros(rest)], dim)
        pieces.append(t.reshape(*t.shape[:dim], num_chunks, -1))
    return _T.cat(pieces, dim + 1, out=out)


def _within(input, indices):
    return [
        None if index is None else index.clamp(-input.shape[i], input.shape[i] - 1)
        for i, index in enumerate(indices)
    ]


@composite("torch")
def _unsafe_masked_index(input, mask, indices, fill):
    """input[indices] where `mask`, else `fill`; indices that lie outside count as the nearest inside.

    Args:
        input: the tensor to read.
        mask: bool, of the result's shape.
        indices: int64 tensors or None, one a dimension.
        fill: a number.
    """
    if input.numel() == 0:
        return _T.full(mask.shape, fill, dtype=input.dtype, device=input.device)
    return input[tuple(slice(None) if i is None else i for i in _within(input, indices))].masked_fill(
        ~mask, fill
    )


@composite("torch")
def _unsafe_masked_index_put_accumulate(input, mask, indices, values):
    """A copy of `input` with `values` added at `indices` where `mask`, as _unsafe_masked_index reads."""
    if input.numel() == 0:
        return input.clone()
    return input.index_put(tuple(_within(input, indices)), values.masked_fill(~mask, 0), accumulate=True)


@composite("torch", "Tensor", out=True)
def hash_tensor(input, dim=(), *, keepdim=False, mode=0):
    """The exclusive or of the bits of all elements, or of those along `dim`: uint64.

    Args:
        input: floats are taken as float64, integers as int64; complex numbers are refused.
        dim: an int or several; none means all.
        keepdim: keep the reduced dimensions with length one.
        mode: 0, the only one.

    Raises:
        RuntimeError: for an unknown mode, and for an empty tensor without `dim`.
    """
    if mode != 0:
        raise RuntimeError(f"Unknown hash_tensor mode: {mode}")
    if input.is_complex():
        raise NotImplementedError(f'"xor_sum_cpu" not implemented for {input.dtype}')
    dims = (dim,) if isinstance(dim, int) else () if dim is None else tuple(dim)
    rank = max(input.dim(), 1)
    for d in dims:
        if not -rank <= d < rank:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {d})"
            )
    if not dims and input.numel() == 0:
        raise RuntimeError(
            "hash_tensor: Expected reduction dim to be specified for input.numel() == 0. Specify the "
            "reduction dim with the 'dim' argument."
        )
    wide = input.detach().to(_C.float64 if input.is_floating_point() else _C.int64, copy=True)
    bits = wide.contiguous().view(_C.int64)
    reduced = sorted({d % rank for d in dims}) if dims else list(range(input.dim()))
    kept = [d for d in range(input.dim()) if d not in reduced]
    shape = [bits.shape[d] for d in kept]
    if bits.numel():
        bits = bits.permute((*kept, *(d for d in reduced if d < input.dim()))).reshape((*shape, -1))
    else:
        bits = bits.new_zeros((*shape, 1))
    while bits.shape[-1] > 1:  # halves upon each other
        half = bits.shape[-1] // 2
        folded = bits[..., :half] ^ bits[..., half : 2 * half]
        bits = _T.cat([folded, bits[..., 2 * half :]], -1)
    result = bits.squeeze(-1).view(_C.uint64)
    if keepdim:
        result = result.reshape([1 if d in reduced else n for d, n in enumerate(input.shape)])
    return result
