"""torch.load behind its arguments: storages from records, objects from the pickle, errors that say what to
do.
"""

from __future__ import annotations

import contextlib
import io
import pickle
import sys

from .. import _C
from ..storage import TypedStorage, UntypedStorage
from . import legacy
from .archive import broken
from .unpickler import SafeUnpickler

__all__ = ["load_legacy", "load_zip", "map_file"]


def map_file(file, size: int, flags: int):
    """The file as memory: flags 1 lets writes through, 2 keeps them here."""
    import mmap

    shared = flags == 1
    if shared:
        with open(file.name, "r+b") as writable:
            return mmap.mmap(writable.fileno(), size, access=mmap.ACCESS_WRITE)
    return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)


@contextlib.contextmanager
def _explained(weights_only: bool):
    try:
        yield
    except pickle.UnpicklingError as error:
        if str(error).startswith(("Weights only load failed", "Invalid magic")):
            raise
        if weights_only:
            text = (
                f"Weights only load failed. {error}\n\nCheck the documentation of torch.load to learn more "
                f"about "
                "types accepted by default with weights_only."
            )
        else:
            text = f"The file cannot be loaded. {error}"
        raise pickle.UnpicklingError(text) from None


def _storage_type(kind):
    """The dtype of the elements of a storage class named in a file."""
    if kind is UntypedStorage:
        return _C.uint8
    dtype = getattr(kind, "dtype", None)
    if not (isinstance(kind, type) and issubclass(kind, TypedStorage)) or dtype is None:
        raise pickle.UnpicklingError(f"{kind!r} is no class of storages")
    return dtype


def _text(value):
    """A short text of a file; with encoding="bytes" those of Python 2 come as bytes."""
    return value.decode("ascii", "replace") if isinstance(value, bytes) else value


def _checked_id(pid, length: int):
    if isinstance(pid, tuple):
        pid = tuple(map(_text, pid))
    if not (isinstance(pid, tuple) and len(pid) >= length and pid[0] == "storage"):
        raise pickle.UnpicklingError(
            f"Unknown typename for persistent_load, expected 'storage' but got {pid!r:.80}"
        )
    _, kind, key, location, count = pid[:5]
    if not isinstance(key, str) or not isinstance(location, str) or type(count) is not int or count < 0:
        raise pickle.UnpicklingError("a persistent id is not made of texts and a count")
    return _storage_type(kind), key, location, count


def load_zip(reader, restore, allowed, native: bool, encoding: str):
    """The object in an archive.

    Args:
        reader: an archive.Reader.
        restore: restore(storage, location) -> storage, as map_location wants it.
        allowed: an allowed.Allowed.
        native: whether a file that does not say so has this machine's byte order.
    """
    if "data.pkl" not in reader:
        if "constants.pkl" in reader:
            raise RuntimeError(
                "TorchScript archives (torch.jit.save) are not implemented: save a state_dict instead"
            )
        raise RuntimeError(
            "PytorchStreamReader failed locating file data.pkl: file not found. It is no checkpoint."
        )
    swap = False
    if "byteorder" in reader:
        order = reader.read("byteorder", 16)
        if order not in (b"little", b"big"):
            raise ValueError(f"Unknown endianness type: {order!r}")
        swap = order.decode() != sys.byteorder
    else:
        swap = not native
    storages: dict[str, TypedStorage] = {}

    def persistent(unpickler, pid):
        dtype, key, location, count = _checked_id(pid, 5)
        known = storages.get(key)
        if known is None:
            known = storages[key] = make(dtype, key, location, count)
        if known.dtype is not dtype:
            known = TypedStorage(wrap_storage=known.untyped(), dtype=dtype)
        return known

    def make(dtype, key, location, count):
        nbytes = count * dtype.itemsize
        record = f"data/{key}"
        if reader.length(record) < nbytes:
            raise broken(f"the record {record} has {reader.length(record)} bytes where {nbytes} are needed")
        begin = reader.place(record)
        if location == "meta":
            storage = UntypedStorage(nbytes, device="meta")
        elif reader.mapped is not None and begin % dtype.itemsize == 0 and nbytes:
            storage = UntypedStorage._over(reader.mapped, begin, nbytes)
        else:
            storage = UntypedStorage(nbytes)
            reader.read_into(record, memoryview(storage))
        if swap:
            storage.byteswap(dtype)
        legacy.tidy(storage, dtype)
        return TypedStorage(wrap_storage=restore(storage, location), dtype=dtype)

    data = reader.read("data.pkl")
    with _explained(not allowed.programs):
        result = SafeUnpickler(
            io.BytesIO(data), allowed, size=len(data), persistent=persistent, encoding=encoding
        ).load()
    allowed.check()
    return result


def load_legacy(file, size: int, restore, allowed, encoding: str):
    """The object in a legacy file of that many bytes; see load_zip."""
    roots: dict[str, tuple] = {}
    views: dict[str, UntypedStorage] = {}
    asked = 0

    def persistent(unpickler, pid):
        nonlocal asked
        if isinstance(pid, tuple) and pid and pid[0] == "module" and len(pid) > 1:
            return pid[1]  # a class with its source, which nobody reads
        dtype, key, location, count = _checked_id(pid, 6)
        if key not in roots:
            nbytes = count * dtype.itemsize
            asked += nbytes
            if asked > size:
                raise pickle.UnpicklingError("the storages are larger than the file")
            storage = UntypedStorage(nbytes)
            roots[key] = (storage, dtype)
            moved[key] = restore(storage, location)
            if moved[key] is not storage and moved[key].device.type != "meta":
                raise NotImplementedError("map_location must return its storage when it loads a legacy file")
        found = moved[key]
        view = pid[5]
        if view is None:
            return TypedStorage(wrap_storage=found, dtype=dtype)
        name, offset, length = view
        if name not in views:
            if not all(type(n) is int and n >= 0 for n in (offset, length)):
                raise pickle.UnpicklingError("a view of a storage is not made of counts")
            views[name] = UntypedStorage._over(found, offset * dtype.itemsize, length * dtype.itemsize)
        return TypedStorage(wrap_storage=views[name], dtype=dtype)

    moved: dict[str, UntypedStorage] = {}

    def unpickler(f):
        return SafeUnpickler(f, allowed, size=size, persistent=persistent, encoding=encoding)

    with _explained(not allowed.programs):
        result = legacy.read(file, size, unpickler, roots)
    allowed.check()
    return result
