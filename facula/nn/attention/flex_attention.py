"""Attention whose scores pass through a function of the caller's, and masks kept by blocks.

Computed as it is defined: the whole matrix of scores, the function over it by vmap, softmax. (Dong et al.,
Flex Attention, 2024.) Gradients work like those of any other composition.
"""

from __future__ import annotations

import inspect
import itertools
import math
from enum import Enum
from typing import NamedTuple

import facula as torch
from facula import Tensor

from ._blocks import (
    adjust_blocks,
    blocks_of_mask,
    dense_from_ordered,
    ordered_from_dense,
    transposed_blocks,
)

__all__ = [
    "AuxOutput",
    "AuxRequest",
    "BlockMask",
    "and_masks",
    "create_block_mask",
    "create_mask",
    "flex_attention",
    "noop_mask",
    "or_masks",
]

_DEFAULT_SPARSE_BLOCK_SIZE = 128
_LARGE_SPARSE_BLOCK_SIZE = 1 << 30


class AuxRequest(NamedTuple):
    """What `flex_attention` returns besides its result."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What was asked for by an AuxRequest, None otherwise."""

    lse: Tensor | None = None
    max_scores: Tensor | None = None


class _ModificationType(Enum):
    SCORE_MOD = 1
    MASK_MOD = 2
    UNKNOWN = 3


def _get_mod_type(fn) -> _ModificationType:
    """Functions of (score, b, h, q, kv) change scores, those of (b, h, q, kv) are masks."""
    parameters = inspect.signature(fn).parameters.values()
    count = sum(1 for p in parameters if p.default is p.empty and p.kind <= p.POSITIONAL_OR_KEYWORD)
    if count not in (4, 5):
        raise AssertionError(f"Expected 4 or 5 positional args, got {count}")
    return _ModificationType.SCORE_MOD if count == 5 else _ModificationType.MASK_MOD


def _over_positions(fn, prefix: tuple):
    """The function of one position over all: batch, head, query and key each along a dimension of its own."""
    for at in (3, 2, 1, 0):
        fn = torch.vmap(fn, in_dims=prefix + tuple(0 if i == at else None for i in range(4)))
    return fn


def noop_mask(batch, head, token_q, token_kv):
    """A mask that lets everything through."""
    return batch.new_ones(size=(), dtype=torch.bool, device=batch.device)


def _sliced_mask_mod_error(batch, head, token_q, token_kv):
    raise RuntimeError(
        "Cannot use mask_mod from a sliced BlockMask. When you slice a BlockMask using [], the mask_mod "
        "attribute is reset. You must set it from the original BlockMask's mask_mod."
    )


def _combined(name: str, mask_mods, start: bool, combine):
    if not all(callable(arg) for arg in mask_mods):
        raise RuntimeError(f"All inputs should be callable mask_mods: {mask_mods}")

    def combined(b, h, q_idx, kv_idx):
        result = torch.full((), start, dtype=torch.bool, device=b.device)
        for mask in mask_mods:
            result = combine(result, mask(b, h, q_idx, kv_idx))
        return result

    combined.__name__ = name
    return combined


def or_masks(*mask_mods):
    """A mask that lets through what any of the masks does."""
    return _combined("or_mask", mask_mods, False, torch.logical_or)


def and_masks(*mask_mods):
    """A mask that lets through what all of the masks do."""
    return _combined("and_mask", mask_mods, True, torch.logical_and)


class BlockMask:
    """A mask cut into blocks: for each row of blocks, which blocks of keys count.

    Blocks that are let through whole may be listed apart (`full_*`); in the others `mask_mod` decides.
    `create_block_mask` makes one from a function.
    """

    _TENSOR_ATTRS = (
        "kv_num_blocks",
        "kv_indices",
        "full_kv_num_blocks",
        "full_kv_indices",
        "q_num_blocks",
        "q_indices",
        "full_q_num_blocks",
        "full_q_indices",
    )

    def __init__(
        self,
        seq_lengths,
        kv_num_blocks,
        kv_indices,
        full_kv_num_blocks,
        full_kv_indices,
        q_num_blocks,
        q_indices,
        full_q_num_blocks,
        full_q_indices,
        BLOCK_SIZE=(_DEFAULT_SPARSE_BLOCK_SIZE, _DEFAULT_SPARSE_BLOCK_SIZE),  # noqa: N803  PyTorch's name
        mask_mod=noop_mask,
    ) -> None:
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        if kv_num_blocks is None:
            raise AssertionError("kv_num_blocks must be provided")
        for name, count, indices in (
            ("full_kv", full_kv_num_blocks, full_kv_indices),
            ("full_q", full_q_num_blocks, full_q_indices),
        ):
            if (count is None) != (indices is None):
                raise AssertionError(f"{name}_num_blocks and {name}_indices must be both provided or omitted")
        self.seq_lengths = seq_lengths
        self.kv_num_blocks = kv_num_blocks
        self.kv_indices = kv_indices
        self.full_kv_num_blocks = full_kv_num_blocks
        self.full_kv_indices = full_kv_indices
        self.q_num_blocks = q_num_blocks
        self.q_indices = q_indices
        self.full_q_num_blocks = full_q_num_blocks
        self.full_q_indices = full_q_indices
        self.BLOCK_SIZE = BLOCK_SIZE
        self.mask_mod = mask_mod

    @classmethod
    def from_kv_blocks(
        cls,
        kv_num_blocks,
        kv_indices,
        full_kv_num_blocks=None,
        full_kv_indices=None,
        BLOCK_SIZE=_DEFAULT_SPARSE_BLOCK_SIZE,  # noqa: N803
        mask_mod=None,
        seq_lengths=None,
        compute_q_blocks: bool = True,
    ):
        """From the blocks of keys of each row of blocks; which rows use a block of keys follows."""
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        if (full_kv_num_blocks is None) != (full_kv_indices is None):
            raise AssertionError("full_kv_num_blocks and full_kv_indices must be both provided or omitted")
        partial = full = (None, None)
        if compute_q_blocks:
            partial = transposed_blocks(kv_num_blocks, kv_indices)
            if full_kv_num_blocks is not None:
                full = transposed_blocks(full_kv_num_blocks, full_kv_indices)
        if isinstance(BLOCK_SIZE, int):
            BLOCK_SIZE = (BLOCK_SIZE, BLOCK_SIZE)  # noqa: N806
        if seq_lengths is None:
            seq_lengths = (kv_indices.shape[-2] * BLOCK_SIZE[0], kv_indices.shape[-1] * BLOCK_SIZE[1])
        return cls(
            seq_lengths,
            kv_num_blocks,
            kv_indices,
            full_kv_num_blocks,
            full_kv_indices,
            *partial,
            *full,
            BLOCK_SIZE=BLOCK_SIZE,
            mask_mod=noop_mask if mask_mod is None else mask_mod,
        )

    @property
    def shape(self) -> tuple:
        """Batch, heads, queries, keys."""
        return (*self.kv_indices.shape[:-2], *self.seq_lengths)

    def numel(self) -> int:
        """How many elements the mask has when it is written out."""
        return math.prod(self.shape)

    def sparsity(self) -> float:
        """How many percent of it lie in blocks that need not be computed."""
        blocks = self.kv_num_blocks.sum()
        if self.full_kv_num_blocks is not None:
            blocks = blocks + self.full_kv_num_blocks.sum()
        return 100 * (1 - blocks.item() * self.BLOCK_SIZE[0] * self.BLOCK_SIZE[1] / self.numel())

    def to_dense(self) -> Tensor:
        """One for each block that counts, zero for the others."""
        dense = dense_from_ordered(self.kv_num_blocks, self.kv_indices)
        if self.full_kv_num_blocks is not None:
            dense = dense | dense_from_ordered(self.full_kv_num_blocks, self.full_kv_indices)
        return dense

    def as_tuple(self, flatten: bool = True) -> tuple:
        """All that it holds, in the order of the constructor."""
        lengths = tuple(self.seq_lengths) if flatten else (self.seq_lengths,)
        size = tuple(self.BLOCK_SIZE) if flatten else (self.BLOCK_SIZE,)
        return (*lengths, *(getattr(self, name) for name in self._TENSOR_ATTRS), *size, self.mask_mod)

    def to(self, device):
        """A copy on a device."""
        moved = (getattr(self, name) for name in self._TENSOR_ATTRS)
        moved = [None if t is None else t.to(device) for t in moved]
        return BlockMask(self.seq_lengths, *moved, BLOCK_SIZE=self.BLOCK_SIZE, mask_mod=self.mask_mod)

    def __getitem__(self, index):
        index = index if isinstance(index, tuple) else (index,)
        index = (*index, slice(None), slice(None), slice(None))[:3]
        sizes = self.kv_num_blocks.shape[:3]
        kept = tuple(
            (slice(i + n, i + n + 1) if -n <= i < 0 else slice(i, i + 1)) if isinstance(i, int) else i
            for i, n in zip(index, sizes, strict=True)
        )
        whole = self.full_kv_num_blocks is not None
        return BlockMask.from_kv_blocks(
            self.kv_num_blocks[kept],
            self.kv_indices[kept],
            self.full_kv_num_blocks[kept] if whole else None,
            self.full_kv_indices[kept] if whole else None,
            BLOCK_SIZE=self.BLOCK_SIZE,
            mask_mod=_sliced_mask_mod_error,
            seq_lengths=self.seq_lengths,
            compute_q_blocks=self.q_indices is not None,
        )

    def _adjust(self, new_q_len: int, new_kv_len: int):
        """The upper left corner of the mask."""
        rows, columns = -(-new_q_len // self.BLOCK_SIZE[0]), -(-new_kv_len // self.BLOCK_SIZE[1])
        full = (None, None)
        if self.full_kv_num_blocks is not None:
            full = adjust_blocks(self.full_kv_num_blocks, self.full_kv_indices, rows, columns)
        return self.from_kv_blocks(
            *adjust_blocks(self.kv_num_blocks, self.kv_indices, rows, columns),
            *full,
            BLOCK_SIZE=self.BLOCK_SIZE,
            mask_mod=self.mask_mod,
            seq_lengths=(new_q_len, new_kv_len),
            compute_q_blocks=self.q_indices is not None,
        )

    def to_string(self, grid_size=(20, 20), limit: int = 4) -> str:
        """A picture: full, partly full and empty blocks, at most `limit` of batch and heads."""
        dense = self.to_dense()
        *batch, rows, columns = dense.shape
        height, width = (grid_size, grid_size) if isinstance(grid_size, int) else grid_size
        height, width = (rows, columns) if grid_size == -1 else (height, width)
        down, right = max(1, -(-rows // height)), max(1, -(-columns // width))
        pictures = []
        for n, place in enumerate(itertools.product(*map(range, batch))):
            if n == limit:
                pictures.append("...")
                pictures.append("To print out more, set BlockMask.to_string(limit=N)")
                pictures.append(
                    "You can also index (BlockMask[batch, head]) to choose a specific batch or head"
                )
                break
            lines = [str(place)]
            for r in range(0, rows, down):
                shares = (
                    dense[(*place, slice(r, r + down), slice(c, c + right))].float().mean().item()
                    for c in range(0, columns, right)
                )
                lines.append("".join("██" if s == 1 else "  " if s == 0 else "░░" for s in shares))
            pictures.append("\n".join(lines) + "\n")
        return "\n".join(pictures)

    def __str__(self) -> str:
        head = f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%, \n"
        return head + self.to_string().strip() + "\n)"

    def __repr__(self) -> str:
        lines = ["BlockMask("]
        for name in self._TENSOR_ATTRS:
            value = getattr(self, name)
            lines.append(f"    {name}={None if value is None else value.shape},")
        lines.append(f"    BLOCK_SIZE={self.BLOCK_SIZE},")
        lines.append(f"    shape={self.shape},")
        lines.append(f"    sparsity={self.sparsity():.2f}%,")
        lines.append(f"    mask_mod={getattr(self.mask_mod, '__name__', self.mask_mod)}")
        return "\n".join([*lines, ")"])


def create_mask(mod_fn, B, H, Q_LEN: int, KV_LEN: int, device=None) -> Tensor:  # noqa: N803
    """A function's mask written out.

    Args:
        mod_fn: a mask of (b, h, q, kv), or a change of scores of (score, b, h, q, kv), which masks what it
            makes minus infinity.
        B, H: batch and heads; None is one.
        Q_LEN, KV_LEN: how many queries and keys.

    Returns:
        bool [B, H, Q_LEN, KV_LEN].
    """
    sizes = (B or 1, H or 1, Q_LEN, KV_LEN)
    positions = [torch.arange(n, device=device) for n in sizes]
    if _get_mod_type(mod_fn) is _ModificationType.SCORE_MOD:
        scores = _over_positions(mod_fn, (0,))(torch.zeros(sizes, device=device), *positions)
        return torch.where(torch.isneginf(scores), False, True)
    return _over_positions(mod_fn, ())(*positions)


def create_block_mask(
    mask_mod,
    B,  # noqa: N803
    H,  # noqa: N803
    Q_LEN: int,  # noqa: N803
    KV_LEN: int,  # noqa: N803
    device=None,
    BLOCK_SIZE=_DEFAULT_SPARSE_BLOCK_SIZE,  # noqa: N803
    _compile: bool = False,
    separate_full_blocks: bool = True,
) -> BlockMask:
    """A BlockMask from a function of (b, h, q, kv).

    Args:
        mask_mod: the mask of one position.
        B, H: batch and heads; None where the mask is the same for all.
        Q_LEN, KV_LEN: how many queries and keys.
        BLOCK_SIZE: of queries and keys, one number or two.
        separate_full_blocks: list blocks that are let through whole apart.

    Raises:
        AssertionError: `mask_mod` is no mask.
    """
    if _get_mod_type(mask_mod) is not _ModificationType.MASK_MOD:
        raise AssertionError(f"create-block_mask requires a mask_mod function! Got {mask_mod}")
    size = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else tuple(BLOCK_SIZE)
    mask = create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device)
    partial, full = blocks_of_mask(mask, size, separate_full_blocks)
    return BlockMask.from_kv_blocks(
        *ordered_from_dense(partial),
        *((None, None) if full is None else ordered_from_dense(full)),
        BLOCK_SIZE=size,
        mask_mod=mask_mod,
        seq_lengths=(Q_LEN, KV_LEN),
    )


def flex_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    score_mod=None,
    block_mask: BlockMask | None = None,
    scale: float | None = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    kernel_options=None,
    *,
    return_aux: AuxRequest | None = None,
):
    """softmax(score_mod(query keyᵀ scale)) value, where the mask lets through.

    Args:
        query: [B, Hq, L, E].
        key, value: [B, Hkv, S, E] and [B, Hkv, S, Ev].
        score_mod: (score, b, h, q, kv) -> score, of one position.
        block_mask: which positions count.
        scale: 1 / sqrt(E) by default.
        enable_gqa: several heads of queries share one of keys.
        return_aux: also return logarithms of the sums of exponentials, or the greatest scores.
        kernel_options: accepted.

    Returns:
        [B, Hq, L, Ev]; rows in which nothing counts are zero. With `return_aux` also an AuxOutput.

    Raises:
        ValueError: shapes that do not fit each other or the mask.
        RuntimeError: the mask was sliced and has no function.
    """
    _check(query, key, value, block_mask, enable_gqa)
    if return_lse and return_aux is not None:
        raise ValueError(
            "Cannot specify both return_lse and return_aux. return_lse is deprecated, please use "
            "return_aux=AuxRequest(lse=True) instead."
        )
    if query.size(1) != key.size(1):
        groups = query.size(1) // key.size(1)
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    wide = torch.float64 if query.dtype == torch.float64 else torch.float32
    factor = 1.0 / math.sqrt(query.size(-1)) if scale is None else scale
    scores = (query @ key.transpose(-2, -1)).to(wide) * factor
    batch, heads, length, keys = scores.shape
    positions = [torch.arange(n, device=query.device) for n in (batch, heads, length, keys)]
    if score_mod is not None:
        scores = _over_positions(score_mod, (0,))(scores, *positions).to(wide)
    if block_mask is not None and block_mask.BLOCK_SIZE[0] != _LARGE_SPARSE_BLOCK_SIZE:
        allowed = _over_positions(block_mask.mask_mod, ())(*positions)
        scores = torch.where(allowed & _in_blocks(block_mask, length, keys), scores, -math.inf)
    lse = scores.logsumexp(-1)
    empty = torch.isneginf(lse)
    weights = (scores - torch.where(empty, 0.0, lse)[..., None]).exp()
    out = (weights.to(value.dtype) @ value).to(query.dtype)
    if return_aux is not None:
        return out, AuxOutput(
            lse if return_aux.lse else None, scores.amax(-1) if return_aux.max_scores else None
        )
    return (out, lse) if return_lse else out


def _in_blocks(mask: BlockMask, length: int, keys: int) -> Tensor:
    """Which positions lie in a block that counts."""
    dense = mask.to_dense().bool()
    rows, columns = mask.BLOCK_SIZE
    return dense.repeat_interleave(rows, -2)[..., :length, :].repeat_interleave(columns, -1)[..., :keys]


def _check(query, key, value, mask, enable_gqa: bool) -> None:
    if query.dtype != key.dtype or key.dtype != value.dtype:
        raise ValueError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{query.dtype}, key.dtype: {key.dtype}, and value.dtype: {value.dtype} instead."
        )
    if min(query.dim(), key.dim(), value.dim()) < 2:
        raise ValueError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: "
            f"{query.dim()}, key.dim: {key.dim()} and value.dim: {value.dim()} instead."
        )
    if query.size(-1) != key.size(-1):
        raise ValueError(
            "Expect query and key/value to have the same embedding dimension but got "
            f"E={query.size(-1)} and E={key.size(-1)}."
        )
    if query.dim() != 4 or key.dim() != 4 or value.dim() != 4:
        raise NotImplementedError("NYI: query, key, and value must be 4D tensors")
    heads, shared = query.size(1), key.size(1)
    if not enable_gqa and heads != shared:
        raise ValueError(
            f"Expect query and key/value to have the same number of heads but got Hq={heads} and "
            f"Hkv={shared}. Try setting enable_gqa=True for GQA."
        )
    if heads % shared != 0:
        raise ValueError(
            "Expect number of query heads to be a multiple of kv heads for GQA but got "
            f"Hq={heads} and Hkv={shared}."
        )
    if query.size(0) != key.size(0) and mask is None:
        raise ValueError(
            "Expect query and key/value to have the same batch size, or non-none block_mask, but got "
            f"block_mask=None, Bq={query.size(0)}, and Bkv={key.size(0)}."
        )
    if mask is None or mask.BLOCK_SIZE[0] == _LARGE_SPARSE_BLOCK_SIZE:
        return
    if mask.mask_mod is _sliced_mask_mod_error:
        raise RuntimeError("Cannot use mask_mod from a sliced BlockMask")
    given, wanted = (query.size(-2), key.size(-2)), tuple(mask.shape[-2:])
    if given == wanted:
        return
    text = (
        f"block_mask was created for block_mask.shape={mask.shape} but got q_len={given[0]} and "
        f"kv_len={given[1]}. "
    )
    if given[0] > wanted[0] or given[1] > wanted[1]:
        raise ValueError(
            f"{text}As the block mask was created for a smaller length than you're using it for, you likely "
            "need to create a new block mask."
        )
    raise ValueError(
        f"{text}As the block mask was created for a larger length than you're using it for, you can either "
        "1. create a new block mask with the correct length, or 2. 'adjust' the existing block mask to the "
        "correct length by calling block_mask._adjust(q_len, kv_len)."
    )
