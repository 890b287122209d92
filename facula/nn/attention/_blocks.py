"""Lists of blocks: how many count in each row of blocks, and which, those that count first."""

from __future__ import annotations

import facula as torch
from facula import Tensor

__all__ = [
    "adjust_blocks",
    "blocks_of_mask",
    "dense_from_ordered",
    "ordered_from_dense",
    "transposed_blocks",
]


def dense_from_ordered(counts: Tensor, indices: Tensor) -> Tensor:
    """int32 [..., rows, columns], one where a block is listed."""
    columns = indices.shape[-1]
    listed = torch.arange(columns, device=indices.device) < counts[..., None]
    # What is not listed goes to a column more, which is cut off.
    places = torch.where(listed, indices, columns).long()
    dense = torch.zeros(*indices.shape[:-1], columns + 1, dtype=torch.int32, device=indices.device)
    return dense.scatter(-1, places, 1)[..., :columns].contiguous()


def ordered_from_dense(dense: Tensor) -> tuple[Tensor, Tensor]:
    """How many blocks of each row are one, and their columns, followed by the others."""
    dense = dense.to(torch.int32)
    order = torch.argsort(dense, dim=-1, descending=True, stable=True)
    return dense.sum(-1).to(torch.int32), order.to(torch.int32).contiguous()


def transposed_blocks(counts: Tensor, indices: Tensor) -> tuple[Tensor, Tensor]:
    """The rows of each column."""
    return ordered_from_dense(dense_from_ordered(counts, indices).transpose(-2, -1))


def adjust_blocks(counts: Tensor, indices: Tensor, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """The lists of the first rows and columns."""
    indices = indices[:, :, :rows, :columns]
    counts = counts[:, :, :rows]
    counts = torch.where(counts < columns, counts, columns)
    return torch.sum(indices < counts[:, :, :, None], dim=-1).to(torch.int32), indices


def blocks_of_mask(mask: Tensor, size: tuple, separate: bool) -> tuple[Tensor, Tensor | None]:
    """int8 [B, H, rows, columns]: blocks with something in them; with `separate`, full ones apart."""
    if mask.dtype != torch.bool:
        raise AssertionError(f"mask.dtype must be torch.bool, got {mask.dtype}")
    while mask.dim() < 4:
        mask = mask.unsqueeze(0)
    height, width = size
    mask = torch.nn.functional.pad(mask, (0, -mask.shape[-1] % width, 0, -mask.shape[-2] % height))
    b, h, q, kv = mask.shape
    counts = mask.view(b, h, q // height, height, kv // width, width).sum(dim=(3, 5))
    if not separate:
        return (counts > 0).to(torch.int8), None
    full = counts == height * width
    return ((counts > 0) & ~full).to(torch.int8), full.to(torch.int8)
