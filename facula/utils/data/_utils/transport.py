"""Objects with tensors between processes.

Tensors (and anything large) travel in an anonymous file in memory whose descriptor goes over the connection:
the receiver reads it into memory of the allocator, which is there already, and closes it, so that a
program may keep as many batches as it likes. Nothing is left behind when a process dies. Without such
files (not on Linux) the bytes go over the connection.
"""

from __future__ import annotations

import ctypes
import io
import os
import pickle
from multiprocessing.reduction import ForkingPickler

import facula as torch

__all__ = ["receive", "send"]

_INLINE = 2048  # below this a file costs more than the copy, and pipes hold dozens of such messages
_ALIGN = 64


class _Pickler(ForkingPickler):
    def __init__(self, file, parts: list) -> None:
        super().__init__(file, 5)
        self.parts = parts
        self.size = 0

    def reducer_override(self, obj):
        if type(obj) is not torch.Tensor or obj.layout is not torch.strided:
            return NotImplemented
        if obj.requires_grad and not obj.is_leaf:
            raise RuntimeError(
                "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not "
                "support crossing process boundaries.  If you just want to transfer the data, call "
                "detach() on "
                "the tensor before serializing (e.g., putting it on the queue)."
            )
        tensor = obj.detach()
        order = sorted(range(tensor.dim()), key=lambda d: -tensor.stride(d))
        stored = tensor.permute(order)
        if not stored.is_contiguous():
            order, stored = list(range(tensor.dim())), tensor.contiguous()
        start = self.size
        if stored.numel():
            size = stored.numel() * stored.element_size()
            # Read in place; NumPy would do it too, but a worker would take longer to import it than to read.
            data = memoryview((ctypes.c_char * size).from_address(stored.data_ptr())).cast("B")
            self.parts.append((start, data, stored))
            self.size = -(-(start + size) // _ALIGN) * _ALIGN
        return _rebuild, (start, stored.dtype, tuple(stored.shape), order, obj.requires_grad)


_memory = None  # what the message being read brought


def _rebuild(start, dtype, shape, order, requires_grad):
    count = 1
    for n in shape:
        count *= n
    if count:
        tensor = torch.frombuffer(_memory, dtype=dtype, count=count, offset=start).view(shape)
    else:
        tensor = torch.empty(shape, dtype=dtype)
    if order != list(range(len(order))):
        tensor = tensor.permute([order.index(d) for d in range(len(order))])
    return tensor.requires_grad_() if requires_grad else tensor


def send(connection, obj) -> None:
    """Sends an object; raises what pickling raises, with nothing sent."""
    parts: list = []
    buffer = io.BytesIO()
    pickler = _Pickler(buffer, parts)
    pickler.dump(obj)
    code = buffer.getbuffer()
    if pickler.size + len(code) <= _INLINE or not hasattr(os, "memfd_create"):
        payload = bytearray(pickler.size)
        for start, data, _ in parts:
            payload[start : start + data.nbytes] = data
        connection.send_bytes(b"%d,%d,0\n" % (pickler.size, len(code)) + payload + code)
        return
    fd = os.memfd_create("facula-batch", os.MFD_CLOEXEC)
    try:
        # Written, not mapped: where the memory runs out this is an error and no signal.
        for start, data, _ in parts:
            _write(fd, data, start)
        _write(fd, code, pickler.size)
        connection.send_bytes(b"%d,%d,1\n" % (pickler.size, len(code)))
        from multiprocessing.reduction import send_handle

        send_handle(connection, fd, None)
    finally:
        os.close(fd)


def _write(fd, data, start) -> None:
    view = data.cast("B")
    while len(view):
        done = os.pwrite(fd, view, start)
        view, start = view[done:], start + done


def _read(fd, size: int):
    """The start of a file, in memory that a tensor owns."""
    owner = torch.empty(size, dtype=torch.uint8)
    memory = (ctypes.c_char * size).from_address(owner.data_ptr())
    memory.owner = owner  # lives as long as tensors that use the memory
    _fill(fd, memory, 0)
    return memory


def _fill(fd, buffer, start: int) -> None:
    view = memoryview(buffer).cast("B")
    while len(view):
        done = os.preadv(fd, [view], start)
        if not done:
            raise EOFError
        view, start = view[done:], start + done


def receive(connection):
    """The next object; raises EOFError where the other end is gone."""
    global _memory
    message = connection.recv_bytes()
    head = message.index(b"\n")
    size, length, has_file = map(int, message[:head].split(b","))
    if not has_file:
        body = message[head + 1 :]
        _memory = bytearray(body[:size])
        code = body[size:]
    else:
        from multiprocessing.reduction import recv_handle

        fd = recv_handle(connection)
        try:
            _memory, code = _read(fd, size), bytearray(length)
            _fill(fd, code, size)
        finally:
            os.close(fd)
    try:
        return pickle.loads(code)
    finally:
        _memory = None
