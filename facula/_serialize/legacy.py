"""The format of torch.save before 1.6: pickles one after the other, then the bytes of each storage."""

from __future__ import annotations

import io
import pickle
import sys

from ..storage import UntypedStorage
from .archive import broken, read_exactly

__all__ = ["MAGIC", "read", "write"]

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001


class _Bounded:
    """A file whose reads never ask for more than there can be."""

    def __init__(self, file, size: int) -> None:
        self.file, self.size = file, size
        self.readline = file.readline

    def read(self, count: int = -1):
        return self.file.read(min(count, self.size))


def _simple(file, unpickler):
    try:
        return unpickler(file).load()
    except EOFError as error:
        raise EOFError(f"Ran out of input: {error}" if str(error) else "Ran out of input") from None


def read(file, size: int, unpickler, views: dict):
    """The object in a legacy file.

    Args:
        file: at the beginning of the first pickle.
        size: of the file.
        unpickler: makes one for a file.
        views: key -> (storage, dtype), filled while the object is read; then the elements follow.
    """
    file = file if hasattr(file, "readline") else io.BytesIO(file.read())
    elements = file
    file = _Bounded(file, size)
    magic = _simple(file, unpickler)
    if magic != MAGIC:
        raise pickle.UnpicklingError(
            "Invalid magic number; corrupt file? It is neither a zip archive nor a legacy checkpoint of "
            "torch.save."
        )
    if _simple(file, unpickler) != VERSION:
        raise RuntimeError("Invalid protocol version: this legacy file is of another kind")
    info = _simple(file, unpickler)
    big = isinstance(info, dict) and False in (info.get("little_endian"), info.get(b"little_endian"))
    little = not big
    result = _simple(file, unpickler)
    keys = _simple(file, unpickler)
    if isinstance(keys, list):  # of Python 2, read with encoding="bytes"
        keys = [key.decode("ascii", "replace") if isinstance(key, bytes) else key for key in keys]
    if not isinstance(keys, list) or set(keys) != set(views) or len(set(keys)) != len(keys):
        raise broken("the list of storages is not that of the objects")
    for key in keys:
        storage, dtype = views[key]
        head = bytearray(8)
        read_exactly(elements, memoryview(head))
        count = int.from_bytes(head, "little" if little else "big")
        if count * dtype.itemsize != storage.nbytes():
            raise broken(
                f"storage {key} has {count} elements where {storage.nbytes() // dtype.itemsize} are needed"
            )
        read_exactly(elements, memoryview(storage))
        if little != (sys.byteorder == "little"):
            storage.byteswap(dtype)
        tidy(storage, dtype)
    return result


def tidy(storage: UntypedStorage, dtype) -> None:
    """Bytes of a bool other than 0 and 1 become 1."""
    from .. import _C

    if dtype is _C.bool:
        values = storage._tensor(_C.uint8, 0, (storage.nbytes(),), (1,))
        if values.numel() and values.max() > 1:
            values.copy_(values != 0)


def write(file, data: bytes, storages: dict, protocol: int) -> None:
    """A legacy file.

    Args:
        data: the pickle of the object.
        storages: key -> (storage, dtype), in order.
    """
    info = {
        "protocol_version": VERSION,
        "little_endian": sys.byteorder == "little",
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    }
    for each in (MAGIC, VERSION, info):
        pickle.dump(each, file, protocol=protocol)
    file.write(data)
    pickle.dump(sorted(storages), file, protocol=protocol)
    file.flush()
    for key in sorted(storages):
        storage, dtype = storages[key]
        file.write((storage.nbytes() // dtype.itemsize).to_bytes(8, sys.byteorder))
        file.write(memoryview(storage))
