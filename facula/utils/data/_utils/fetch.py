"""How a batch is read from a data set: by index, as a stream, or by whole rows of tensors."""

from __future__ import annotations

import facula as torch

from ..dataset import IterableDataset, Subset, TensorDataset
from .collate import default_collate

__all__ = ["by_rows", "fetcher"]


def fetcher(dataset, auto_collation: bool, collate_fn, drop_last: bool):
    """A function from what the sampler gives (an index, or a list of them) to what the loop gets."""
    if isinstance(dataset, IterableDataset):
        return _stream(dataset, auto_collation, collate_fn, drop_last)

    def fetch(index):
        if not auto_collation:
            return collate_fn(dataset[index])
        if hasattr(dataset, "__getitems__") and dataset.__getitems__:
            return collate_fn(dataset.__getitems__(index))
        return collate_fn([dataset[i] for i in index])

    return fetch


def _stream(dataset, auto_collation, collate_fn, drop_last):
    from itertools import islice

    samples = iter(dataset)
    ended = False

    def fetch(index):
        nonlocal ended
        if ended:
            raise StopIteration
        if not auto_collation:
            return collate_fn(next(samples))
        batch = list(islice(samples, len(index)))
        ended = len(batch) < len(index)
        if not batch or drop_last and ended:
            raise StopIteration
        return collate_fn(batch)

    return fetch


def by_rows(dataset, collate_fn):
    """A function from indices (a tensor) to a batch, gathered a tensor at a time; None where it does not
    apply.

    It applies to a TensorDataset, or a Subset of one, with the default collation: the values are those
        of rows
    stacked one by one.
    """
    chosen = None
    while type(dataset) is Subset:
        try:
            indices = torch.as_tensor(dataset.indices)
            if indices.dtype != torch.int64 or indices.dim() != 1:
                return None
        except (TypeError, ValueError, RuntimeError):
            return None
        try:
            chosen = indices if chosen is None else indices[chosen]
        except IndexError:
            return None
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset or collate_fn is not default_collate or not dataset.tensors:
        return None
    tensors = dataset.tensors
    if any(type(t) is not torch.Tensor or t.requires_grad or t.layout is not torch.strided for t in tensors):
        return None

    def gather(rows):
        if chosen is not None:
            rows = chosen[rows]
        return [t[rows] for t in tensors]

    return gather
