"""Sequences of different lengths: padded to one length, or packed without padding."""

from __future__ import annotations

from collections import namedtuple

import facula as torch
from facula import Tensor

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pad_packed_sequence", "pad_sequence",
    "unpad_sequence", "pack_sequence", "unpack_sequence",
]  # fmt: skip

_Fields = namedtuple("PackedSequence", "data batch_sizes sorted_indices unsorted_indices")  # noqa: PYI024


class PackedSequence(_Fields):
    """Sequences sorted by length, step by step: made by pack_padded_sequence and pack_sequence.

    data: (total steps, ...), all rows of the first step, then of the second, and so on.
    batch_sizes: int64, how many sequences reach each step.
    sorted_indices, unsorted_indices: the order the sequences were put in, and the way back; None for none.
    """

    __slots__ = ()

    def __new__(cls, data, batch_sizes=None, sorted_indices=None, unsorted_indices=None):
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is not None:
            if batch_sizes.device.type != "cpu":
                raise ValueError(
                    "batch_sizes should always be on CPU. Let pack_sequence or pack_padded_sequence make "
                    "instances of PackedSequence."
                )
            return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)
        if not isinstance(data, (list, tuple)) or len(data) != 2:
            raise AssertionError("Expected data to be a tuple of two elements: (data, batch_sizes)")
        return super().__new__(cls, data[0], data[1], sorted_indices, unsorted_indices)

    def pin_memory(self) -> PackedSequence:
        return self

    def to(self, *args, **kwargs) -> PackedSequence:
        """The same with data (and the orders, for a device) converted."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        kwargs = {k: v for k, v in kwargs.items() if k not in ("device", "dtype")}
        order = [None if t is None else t.to(data.device, **kwargs) for t in self[2:]]
        return type(self)(data, self.batch_sizes, *order)

    def _as(self, dtype) -> PackedSequence:
        return self.to(dtype)

    def double(self):
        return self._as(torch.float64)

    def float(self):
        return self._as(torch.float32)

    def half(self):
        return self._as(torch.float16)

    def long(self):
        return self._as(torch.int64)

    def int(self):
        return self._as(torch.int32)

    def short(self):
        return self._as(torch.int16)

    def char(self):
        return self._as(torch.int8)

    def byte(self):
        return self._as(torch.uint8)

    def cpu(self, *args, **kwargs):
        return self.to(*args, device="cpu", **kwargs)

    @property
    def is_cuda(self) -> bool:
        return False

    def is_pinned(self) -> bool:
        return False


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The order that undoes another."""
    if permutation is None:
        return None
    back = torch.empty_like(permutation)
    back.scatter_(0, permutation, torch.arange(0, permutation.numel(), device=permutation.device))
    return back


def pack_padded_sequence(
    input: Tensor, lengths, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Packs (time, batch, ...), padded, given the length of each sequence.

    Args:
        input: the padded sequences; (batch, time, ...) with batch_first.
        lengths: int64 tensor or list.
        enforce_sorted: the sequences must come by decreasing length; False sorts them here.
    """
    if not isinstance(lengths, torch.Tensor):
        lengths = torch.tensor(lengths, dtype=torch.int64, device="cpu")
    else:
        lengths = lengths.to(device="cpu", dtype=torch.int64)
    order = None
    if not enforce_sorted:
        lengths, order = torch.sort(lengths, descending=True)
        input = input.index_select(0 if batch_first else 1, order)
    data, batch_sizes = torch._pack_padded_sequence(input, lengths, batch_first)
    return PackedSequence(data, batch_sizes, order, None)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Undoes pack_padded_sequence: the padded sequences and their lengths."""
    longest = sequence.batch_sizes.size(0)
    if total_length is not None:
        if total_length < longest:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, but got "
                f"total_length={total_length} and max sequence length being {longest}"
            )
        longest = total_length
    padded, lengths = torch._pad_packed_sequence(
        sequence.data, sequence.batch_sizes, batch_first, padding_value, longest
    )
    back = sequence.unsorted_indices
    if back is not None:
        return padded.index_select(0 if batch_first else 1, back), lengths[back]
    return padded, lengths


def pad_sequence(
    sequences, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Stacks sequences (length, ...) as (longest, batch, ...), filled up with padding_value."""
    if isinstance(sequences, torch.Tensor):
        sequences = sequences.unbind(0)
    elif not hasattr(sequences, "__iter__"):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    sequences = list(sequences)
    if not sequences:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    longest = max(s.size(0) for s in sequences)
    rest = sequences[0].shape[1:]
    padded = []
    for s in sequences:
        for d, (a, b) in enumerate(zip(rest, s.shape[1:]), 1):
            if a != b:
                raise RuntimeError(
                    f"The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton "
                    f"dimension {d}"
                )
        s = s.to(sequences[0].dtype)
        missing = longest - s.size(0)
        if missing:
            filler = sequences[0].new_full((missing, *rest), padding_value)
            s = torch.cat([s, filler] if padding_side == "right" else [filler, s])
        padded.append(s)
    return torch.stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """Cuts each sequence of a padded batch to its length."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    steps = torch.arange(padded_sequences.shape[1])
    return [s[steps < int(n)] for s, n in zip(padded_sequences, lengths)]  # copies


def pack_sequence(sequences: list[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Packs a list of sequences (length, ...)."""
    lengths = torch.as_tensor([s.size(0) for s in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The list that pack_sequence was given."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
