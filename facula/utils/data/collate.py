"""Samples into batches."""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence

import facula as torch

__all__ = ["default_collate", "default_convert"]

_ERROR = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def _is_numpy(value) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic))


def _check_numpy(value) -> None:
    if value.dtype.kind in "SaUO":
        raise TypeError(_ERROR.format(value.dtype))


def _like_mapping(sample, pairs: dict):
    """The pairs in a container of the sample's kind where it can be made, else in a dict."""
    try:
        if isinstance(sample, MutableMapping):
            import copy

            clone = copy.copy(sample)
            clone.update(pairs)
            return clone
        return type(sample)(pairs)
    except TypeError:
        return pairs


def _like_sequence(sample, values: list):
    try:
        if isinstance(sample, MutableSequence):
            import copy

            clone = copy.copy(sample)
            for i, value in enumerate(values):
                clone[i] = value
            return clone
        return type(sample)(values)
    except TypeError:
        return values


def default_collate(batch):
    """Joins samples: tensors are stacked, numbers become a tensor, containers are joined by element."""
    sample = batch[0]
    if isinstance(sample, torch.Tensor):
        return torch.stack(batch, 0)
    if _is_numpy(sample):
        _check_numpy(sample)
        if sample.shape == ():
            return torch.as_tensor(sys.modules["numpy"].asarray(batch))
        return torch.stack([torch.as_tensor(b) for b in batch], 0)
    if isinstance(sample, float):
        return torch.tensor(batch, dtype=torch.float64)
    if isinstance(sample, int):
        return torch.tensor(batch)
    if isinstance(sample, (str, bytes)):
        return batch
    if isinstance(sample, Mapping):
        return _like_mapping(sample, {key: default_collate([d[key] for d in batch]) for key in sample})
    if isinstance(sample, tuple) and hasattr(sample, "_fields"):
        return type(sample)(*(default_collate(column) for column in zip(*batch)))
    if isinstance(sample, Sequence):
        batch = list(batch)
        if any(len(elem) != len(sample) for elem in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [default_collate(column) for column in zip(*batch)]
        return columns if isinstance(sample, tuple) else _like_sequence(sample, columns)
    raise TypeError(_ERROR.format(type(sample)))


def default_convert(data):
    """Turns NumPy arrays into tensors, inside containers too, and leaves the rest."""
    if isinstance(data, (torch.Tensor, str, bytes)):
        return data
    if _is_numpy(data):
        if data.dtype.kind in "SaUO":
            return data
        return torch.as_tensor(data)
    if isinstance(data, Mapping):
        return _like_mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(d) for d in data))
    if isinstance(data, tuple):
        return [default_convert(d) for d in data]
    if isinstance(data, Sequence):
        return _like_sequence(data, [default_convert(d) for d in data])
    return data
