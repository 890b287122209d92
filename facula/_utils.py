"""torch._utils: what pickled tensors are rebuilt with, under the names that PyTorch's files use.

Each function checks what it is given: its arguments may come from a file.
"""

from __future__ import annotations

from collections import OrderedDict

from . import _C

Tensor = _C.Tensor


def _untyped(storage):
    from .storage import TypedStorage, UntypedStorage

    if isinstance(storage, TypedStorage):
        return storage.untyped()
    if not isinstance(storage, UntypedStorage):
        raise TypeError(f"expected a storage, but got {type(storage).__name__}")
    return storage


def _plain(storage, dtype, offset, size, stride, requires_grad, metadata=None):
    if metadata:
        raise NotImplementedError(f"tensors with the metadata {metadata!r} are not implemented")
    tensor = _untyped(storage)._tensor(dtype, offset, tuple(size), tuple(stride))
    if requires_grad:
        tensor.requires_grad_(True)
    return tensor


def _storage_dtype(storage):
    from .storage import TypedStorage

    if not isinstance(storage, TypedStorage):
        raise TypeError(f"expected a TypedStorage, but got {type(storage).__name__}")
    return storage.dtype


def _rebuild_tensor(storage, storage_offset, size, stride):
    """A tensor over a typed storage."""
    return _plain(storage, _storage_dtype(storage), storage_offset, size, stride, False)


def _rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks, metadata=None):
    """A tensor over a typed storage; hooks are not restored."""
    dtype = _storage_dtype(storage)
    return _plain(storage, dtype, storage_offset, size, stride, requires_grad, metadata)


def _rebuild_tensor_v3(
    storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype, metadata=None
):
    """A tensor of the given dtype over bytes; hooks are not restored."""
    return _plain(storage, dtype, storage_offset, size, stride, requires_grad, metadata)


def _rebuild_meta_tensor_no_storage(dtype, size, stride, requires_grad):
    """A tensor on the meta device."""
    out = _C._functions.empty_strided(tuple(size), tuple(stride), dtype=dtype, device="meta")
    return out.requires_grad_(requires_grad)


def _rebuild_sparse_tensor(layout, data):
    """A sparse tensor of its indices, values and size."""
    import facula as torch

    if layout in (_C.sparse_csr, _C.sparse_csc, _C.sparse_bsr, _C.sparse_bsc):
        return _rebuild_compressed_tensor(layout, *data)
    if layout != _C.sparse_coo:
        raise NotImplementedError(f"rebuilding sparse tensor for layout {layout}")
    indices, values, size, *coalesced = data
    if not isinstance(indices, Tensor) or indices.dtype != _C.int64:
        raise TypeError("the indices of a sparse tensor are an int64 tensor")
    # Unchecked here: the elements may be read later. Nothing works on unchecked indices.
    return torch.sparse_coo_tensor(indices, values, size, is_coalesced=bool(coalesced and coalesced[0]))


def _rebuild_compressed_tensor(layout, compressed_indices, plain_indices, values, size):
    from ._compressed import make

    parts = compressed_indices, plain_indices, values
    if not all(isinstance(part, Tensor) and part.layout == _C.strided for part in parts):
        raise TypeError("the indices and values of a compressed sparse tensor are dense tensors")
    return make(*parts, size, layout)


def _rebuild_parameter(data, requires_grad, backward_hooks):
    """A Parameter over the memory of `data`."""
    from .nn.parameter import Parameter

    return Parameter(data, requires_grad)


def _rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    """A Parameter with attributes of its own."""
    return _set_obj_state(_rebuild_parameter(data, requires_grad, backward_hooks), state)


def _rebuild_device_tensor_from_numpy(data, dtype, device, requires_grad):
    """A tensor of the values of an array."""
    return _C.tensor(data, dtype=dtype).requires_grad_(requires_grad)


def _rebuild_device_tensor_from_cpu_tensor(data, dtype, device, requires_grad):
    """A tensor that was on another device."""
    return data.to(dtype=dtype).requires_grad_(requires_grad)


def _get_obj_state(obj):
    """What an object has beside its elements: its __dict__, with the values of its slots if there are any."""
    import copyreg

    state = dict(obj.__dict__)
    slots = copyreg._slotnames(type(obj))  # pyright: ignore
    values = {name: getattr(obj, name) for name in slots if hasattr(obj, name)} if slots else {}
    return (state, values) if values else state


def _set_obj_state(obj, state):
    """Gives an object what _get_obj_state() took."""
    fields, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    if fields:
        if not isinstance(fields, dict):
            raise RuntimeError(f"Invalid serialized state: {type(state).__name__}")
        obj.__dict__.update(fields)
    for name, value in (slots or {}).items():
        setattr(obj, name, value)
    return obj


def _storage_from_bytes(raw):
    from .storage import UntypedStorage

    return UntypedStorage.from_buffer(raw, dtype=_C.uint8)


def _typed_storage(untyped, dtype):
    from .storage import TypedStorage

    return TypedStorage(wrap_storage=untyped, dtype=dtype)


def reduce_tensor(tensor, typed):
    """(function, arguments) that rebuild a tensor; the functions are those that PyTorch's files name.

    Args:
        typed: whether storages are wrapped in a TypedStorage, which files of PyTorch ask for.
    """
    if tensor.is_sparse:
        # Uncoalesced: coalesce() would change what is saved.
        parts = (tensor._indices(), tensor._values(), tensor.size(), tensor.is_coalesced())
        return _rebuild_sparse_tensor, (tensor.layout, parts)
    if tensor.layout != _C.strided:
        return _rebuild_sparse_tensor, (
            tensor.layout,
            (tensor._starts, tensor._at, tensor._held, tensor.size()),
        )
    if tensor.is_meta:
        args = (tensor.dtype, tuple(tensor.size()), tensor.stride(), tensor.requires_grad)
        return _rebuild_meta_tensor_no_storage, args
    from .storage import TypedStorage, UntypedStorage, legacy_name

    storage = UntypedStorage._of(tensor)
    place = (tensor.storage_offset(), tuple(tensor.size()), tuple(tensor.stride()), tensor.requires_grad)
    if legacy_name(tensor.dtype) is None:
        return _rebuild_tensor_v3, (storage, *place, OrderedDict(), tensor.dtype)
    typed_storage = TypedStorage(wrap_storage=storage, dtype=tensor.dtype)
    return _rebuild_tensor_v2, (typed_storage, *place, OrderedDict())


# --- what packages that train in parallel look for here ---


def _flatten_dense_tensors(tensors):
    """The elements of all tensors in one."""
    import facula as torch

    return torch.cat([t.reshape(-1) for t in tensors])


def _unflatten_dense_tensors(flat, tensors) -> tuple:
    """Parts of `flat` in the shapes of the tensors."""
    parts = flat.split([t.numel() for t in tensors])
    return tuple(part.view(t.shape) for part, t in zip(parts, tensors))


def _element_size(dtype) -> int:
    """Bytes an element."""
    return dtype.itemsize


def _get_device_index(device, optional: bool = False, allow_cpu: bool = False) -> int:
    """-1 for the CPU, where that is allowed."""
    if isinstance(device, int):
        return device
    device = _C.device(device) if not isinstance(device, _C.device) else device
    if device.type == "cpu":
        if allow_cpu:
            return -1
        raise ValueError(f"Expected a non cpu device, but got: {device}")
    return device.index if device.index is not None else 0
