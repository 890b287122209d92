"""Samples into batches."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence

import facula as torch

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert"]

np_str_obj_array_pattern = re.compile(r"[SaUO]")  # kinds of arrays that are not joined; MONAI looks here
default_collate_err_msg_format = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)


def _is_numpy(value) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic))


def _like_mapping(sample, pairs):
    """The pairs in a container of the sample's kind where it can be made, else in a dict."""
    try:
        if isinstance(sample, MutableMapping):
            import copy

            clone = copy.copy(sample)
            clone.update(pairs())
            return clone
        return type(sample)(pairs())
    except TypeError:
        return pairs()


def _like_sequence(sample, values):
    try:
        if isinstance(sample, MutableSequence):
            import copy

            clone = copy.copy(sample)
            for i, value in enumerate(values()):
                clone[i] = value
            return clone
        return type(sample)(values())
    except TypeError:
        return values()


def collate(batch, *, collate_fn_map: dict | None = None):
    """Joins samples element by element.

    Args:
        batch: a list of samples of one structure.
        collate_fn_map: from a type (or a tuple of types) to the function `f(batch, *, collate_fn_map)`
            that joins elements of it: the exact type is looked for first, then the first entry that the
                element is an
            instance of.

    Raises:
        TypeError: an element is neither a container nor of a type in the map.
        RuntimeError: sequences of different lengths.
    """
    elem = batch[0]
    kind = type(elem)
    if collate_fn_map is not None:
        function = collate_fn_map.get(kind)
        if function is None:
            function = next((f for types, f in collate_fn_map.items() if isinstance(elem, types)), None)
        if function is not None:
            return function(batch, collate_fn_map=collate_fn_map)
        if _is_numpy(elem) and torch.Tensor in collate_fn_map:
            # NumPy is not imported for the map's sake, so its types have no entries.
            scalar = elem.shape == () and not isinstance(elem, sys.modules["numpy"].ndarray)
            join = collate_numpy_scalar_fn if scalar else collate_numpy_array_fn
            return join(batch, collate_fn_map=collate_fn_map)

    def join(values):
        return collate(values, collate_fn_map=collate_fn_map)

    if isinstance(elem, Mapping):
        return _like_mapping(elem, lambda: {key: join([d[key] for d in batch]) for key in elem})
    if isinstance(elem, tuple) and hasattr(elem, "_fields"):
        return kind(*(join(column) for column in zip(*batch)))
    if isinstance(elem, Sequence):
        sizes = iter(batch)
        size = len(next(sizes))
        if not all(len(other) == size for other in sizes):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = list(zip(*batch))
        if isinstance(elem, tuple):
            return [join(column) for column in columns]
        return _like_sequence(elem, lambda: [join(column) for column in columns])
    raise TypeError(default_collate_err_msg_format.format(kind))


def collate_tensor_fn(batch, *, collate_fn_map=None):
    """Stacks tensors."""
    if batch[0].layout is not torch.strided:
        raise RuntimeError(
            "Batches of sparse tensors are not currently supported by the default collate_fn; please "
            "provide a "
            "custom collate_fn to handle them appropriately."
        )
    return torch.stack(batch, 0)


def collate_numpy_array_fn(batch, *, collate_fn_map=None):
    """Stacks NumPy arrays into a tensor."""
    if batch[0].dtype.kind in "SaUO":
        raise TypeError(default_collate_err_msg_format.format(batch[0].dtype))
    return collate([torch.as_tensor(b) for b in batch], collate_fn_map=collate_fn_map)


def collate_numpy_scalar_fn(batch, *, collate_fn_map=None):
    """A tensor of NumPy scalars."""
    return torch.as_tensor(sys.modules["numpy"].asarray(batch))


def collate_float_fn(batch, *, collate_fn_map=None):
    """A tensor of Python floats, in double precision."""
    return torch.tensor(batch, dtype=torch.float64)


def collate_int_fn(batch, *, collate_fn_map=None):
    """A tensor of Python whole numbers."""
    return torch.tensor(batch)


def collate_str_fn(batch, *, collate_fn_map=None):
    """Texts as they are."""
    return batch


default_collate_fn_map: dict = {
    torch.Tensor: collate_tensor_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}


def default_collate(batch):
    """Joins samples: tensors are stacked, numbers become a tensor, containers are joined by element."""
    return collate(batch, collate_fn_map=default_collate_fn_map)


def default_convert(data):
    """Turns NumPy arrays into tensors, inside containers too, and leaves the rest."""
    if isinstance(data, (torch.Tensor, str, bytes)):
        return data
    if _is_numpy(data):
        if data.dtype.kind in "SaUO":
            return data
        return torch.as_tensor(data)
    if isinstance(data, Mapping):
        return _like_mapping(data, lambda: {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(d) for d in data))
    if isinstance(data, tuple):
        return [default_convert(d) for d in data]
    if isinstance(data, Sequence):
        return _like_sequence(data, lambda: [default_convert(d) for d in data])
    return data
