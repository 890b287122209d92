"""What storages are made from by type: values, buffers, files. For facula/storage.py."""

from __future__ import annotations

import sys

from . import _C


def short_name(dtype) -> str:
    """Float for torch.float32."""
    from ._legacy import TYPE_NAMES

    short = str(dtype)[6:]
    return TYPE_NAMES.get(short, short).removesuffix("Tensor")


def check_arguments(cls, args, wrap_storage, dtype, device) -> None:
    """Refuses what does not go together in a constructor; `cls.dtype` is None where it may be chosen."""
    from .storage import UntypedStorage

    legacy = cls.dtype is not None
    name = f"<class 'torch.{cls.__name__}'>.__new__" if legacy else "TypedStorage.__init__"

    def refuse(error, text: str):
        raise error(f"{name} received an invalid combination of arguments. Expected one of:\n{text}")

    if legacy and device is not None:
        refuse(RuntimeError, "Keyword argument 'device' cannot be specified")
    if legacy and dtype is not None:
        refuse(RuntimeError, "Keyword argument 'dtype' cannot be specified")
    if wrap_storage is None:
        if dtype is not None and not isinstance(dtype, _C.dtype):
            raise RuntimeError(f"expected torch.dtype, but got {type(dtype)}")
        if len(args) > 1:
            refuse(RuntimeError, "Too many positional arguments")
        if args and not isinstance(args[0], int):
            refused = isinstance(args[0], (_C.Tensor, _typed(), UntypedStorage))
            if refused or not (hasattr(args[0], "__len__") or hasattr(args[0], "__getitem__")):
                refuse(TypeError, f"Argument type not recognized: {type(args[0])}")
        return
    if args:
        refuse(RuntimeError, "No positional arguments should be given when using 'wrap_storage'")
    if not legacy:
        if dtype is None:
            refuse(RuntimeError, "Argument 'dtype' must be specified")
        if not isinstance(dtype, _C.dtype):
            refuse(TypeError, f"Argument 'dtype' must be torch.dtype, not {type(dtype)}")
        if device is not None:
            refuse(RuntimeError, "Argument 'device' should not be specified when 'wrap_storage' is given")
    if not isinstance(wrap_storage, UntypedStorage):
        refuse(TypeError, f"Argument 'wrap_storage' must be UntypedStorage, but got {type(wrap_storage)}")


def _typed():
    from .storage import TypedStorage

    return TypedStorage


def typed_from_buffer(cls, buffer, byte_order=None, count=-1, offset=0, *, dtype=None):
    """A copy of the elements in a buffer, as a storage of their type.

    Args:
        buffer: bytes and the like.
        byte_order: "native", "little" or "big"; single bytes need none.
        count: how many elements; -1: all.
        offset: the byte at which they begin.
        dtype: of TypedStorage itself only.

    Raises:
        ValueError: the elements do not lie in the buffer, or another byte order. RuntimeError: arguments that
            do not go together.
    """
    if cls.dtype is not None and dtype is not None:
        raise RuntimeError(
            "from_buffer: 'dtype' can only be specified in UntypedStorage.from_buffer and "
            "TypedStorage.from_buffer"
        )
    kind = cls.dtype or dtype or _C.get_default_dtype()
    storage = bytes_from_buffer(buffer, byte_order, count, offset, kind)
    return _typed()(wrap_storage=storage, dtype=kind)


def bytes_from_buffer(buffer, byte_order, count, offset, dtype):
    """The bytes of `count` elements of a buffer, in the order of this machine, as an UntypedStorage."""
    from .storage import UntypedStorage

    size = dtype.itemsize
    if size > 1 and byte_order is None:
        raise RuntimeError("function missing required argument 'byte_order' (pos 2)")
    if size > 1 and byte_order not in ("big", "little", "native"):
        raise ValueError(f"invalid byte_order '{byte_order}' (expected 'big', 'little', or 'native')")
    view = memoryview(buffer).cast("B")
    if not 0 <= offset <= len(view):
        raise ValueError(
            f"offset must be non-negative and no greater than buffer length ({offset}) , but got {len(view)}"
        )
    if count < 0:
        if (len(view) - offset) % size:
            raise ValueError(f"buffer size ({len(view)}) must be a multiple of element size ({size})")
        count = (len(view) - offset) // size
    elif count * size > len(view) - offset:
        raise ValueError(
            f"buffer has only {len(view) - offset} elements after offset {offset}, but specified a size of "
            f"{count}"
        )
    storage = UntypedStorage._new(count * size, "cpu")
    part = view[offset : offset + count * size]
    memoryview(storage)[:] = bytes(bool(b) for b in part) if dtype == _C.bool else part
    if byte_order in ("big", "little") and byte_order != sys.byteorder:
        storage.byteswap(dtype)
    return storage


def typed_from_file(cls, filename, shared, size):
    """A file as elements; see UntypedStorage.from_file."""
    from .storage import UntypedStorage

    if cls.dtype is None:
        raise RuntimeError("from_file can only be called on derived classes")
    storage = UntypedStorage.from_file(filename, shared, size * cls.dtype.itemsize)
    return _typed()(wrap_storage=storage, dtype=cls.dtype)


def as_tensor(storage, dtype):
    """The elements of a storage, for torch.tensor(storage)."""
    if isinstance(storage, _typed()):
        if dtype is not None and dtype != storage.dtype:
            raise RuntimeError(
                f"Expected a Storage of type {short_name(dtype)} or an UntypedStorage, but got "
                f"{short_name(storage.dtype)}"
            )
        return storage._elements()
    dtype = dtype or _C.int64
    return storage._tensor(dtype, 0, (storage.nbytes() // dtype.itemsize,), (1,))


def as_legacy_tensor(storage, dtype):
    """A tensor over a storage, for torch.FloatTensor(storage)."""
    if isinstance(storage, _typed()) and storage.dtype != dtype:
        raise RuntimeError(
            f"Expected a Storage of type {short_name(dtype)} or an UntypedStorage, but got type "
            f"{short_name(storage.dtype)} for argument 1 'storage'"
        )
    return as_tensor(storage, dtype)


def flat(values):
    """The numbers in nested lists."""
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from flat(value)
        else:
            yield value
