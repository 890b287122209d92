"""Tensors in memory that several processes see: a file without a name, mapped by each."""

from __future__ import annotations

import mmap
import os
import weakref
from typing import NamedTuple

__all__ = ["attach", "handle_of", "is_shared", "share"]

_regions: dict[int, _Region] = {}  # address -> region


class _Region(NamedTuple):
    handle: int
    size: int


class _Memory(mmap.mmap):
    """A mapping that can be watched."""


def _forget(address: int, handle: int) -> None:
    if _regions.pop(address, None) is not None:
        os.close(handle)


def _allocate(size: int) -> int:
    if hasattr(os, "memfd_create"):
        handle = os.memfd_create("facula", os.MFD_CLOEXEC)
    else:
        import tempfile

        with tempfile.TemporaryFile() as file:
            handle = os.dup(file.fileno())
    os.ftruncate(handle, size)
    return handle


def is_shared(storage) -> bool:
    """Whether a storage is in shared memory."""
    return storage.data_ptr() in _regions


def share(tensor):
    """Moves a tensor into shared memory, in place."""
    storage = tensor.untyped_storage()
    if is_shared(storage) or storage.nbytes() == 0 or tensor.is_meta:
        return tensor
    if storage._users() > 2:
        raise RuntimeError(
            "share_memory_() moves the elements, and other tensors or storages look into the same memory: "
            "share "
            "the tensor before views of it are made, or clone() it first"
        )
    over = _mapped(_allocate(storage.nbytes()), storage.nbytes())
    memoryview(over)[:] = memoryview(storage)
    del storage
    tensor.data = over._tensor(tensor.dtype, tensor.storage_offset(), tuple(tensor.shape), tensor.stride())
    return tensor


def _mapped(handle: int, size: int):
    from .storage import UntypedStorage

    memory = _Memory(handle, size)
    storage = UntypedStorage._over(memory, 0, size)  # keeps the mapping; nothing else does
    address = storage.data_ptr()
    _regions[address] = _Region(handle, size)
    weakref.finalize(memory, _forget, address, handle)
    return storage


def handle_of(storage) -> tuple[int, int]:
    """(file descriptor, size) of a shared storage."""
    return _regions[storage.data_ptr()]


def attach(handle: int, size: int):
    """The storage behind a file descriptor of shared memory, which is taken over."""
    status = os.fstat(handle)
    if size > status.st_size or size <= 0:
        os.close(handle)
        raise RuntimeError(f"shared memory of {status.st_size} bytes cannot be read as {size}")
    return _mapped(handle, size)
