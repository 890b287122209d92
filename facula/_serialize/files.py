"""Files that are whole or not at all: what is written goes to a neighbour that takes the name at the end."""

from __future__ import annotations

import contextlib
import io
import os

__all__ = ["open_for_load", "replacing"]


@contextlib.contextmanager
def replacing(path):
    """A file to write to. It becomes `path` when the block ends well; else the old file stays as it was.

    Args:
        path: a str or PathLike. What is no ordinary file (/dev/null, a pipe) is written to directly.

    Raises:
        RuntimeError: the folder does not exist.
        OSError: the disk is full, or writing is not allowed.
    """
    target = os.path.realpath(os.fspath(path))
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {os.path.dirname(os.fspath(path)) or folder} does not exist.")
    if os.path.isdir(target):
        raise RuntimeError(f"File {os.fspath(path)} cannot be opened: it is a directory.")
    if os.path.exists(target) and not os.path.isfile(target):
        with open(target, "wb") as file:
            yield file
        return
    if os.path.exists(target) and not os.access(target, os.W_OK):
        import errno

        raise PermissionError(errno.EACCES, "the file is not writable", os.fspath(path))
    from secrets import token_hex

    beside = os.path.join(folder, f".{os.path.basename(target)[:200]}.{token_hex(4)}.tmp")
    try:
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
    except PermissionError:
        # A folder that takes no new files: the file itself may still be writable.
        with open(target, "r+b" if os.path.exists(target) else "wb") as file:
            file.truncate(0)
            yield file
        return
    try:
        with os.fdopen(handle, "wb") as file:
            with contextlib.suppress(OSError):  # there may be no old file, or it is somebody else's
                old = os.stat(target)
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
            with contextlib.suppress(OSError):
                os.fchmod(file.fileno(), os.stat(target).st_mode & 0o7777)
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def open_for_load(f):
    """(file, size): an open file with seek(), and how many bytes it has."""
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            yield file, os.fstat(file.fileno()).st_size
        return
    for need in ("read", "seek", "tell"):
        if not hasattr(f, need):
            hint = "a path, a file opened for reading in binary mode, or io.BytesIO"
            raise AttributeError(
                f"'{type(f).__name__}' object has no attribute '{need}'. You can only torch.load from a file "
                f"that is seekable. Please pre-load the data into a buffer like io.BytesIO and try to load "
                f"from it instead: give {hint}."
            )
    try:
        at = f.tell()
        size = f.seek(0, io.SEEK_END)
        size = f.tell() if size is None else size
        f.seek(at)
    except (io.UnsupportedOperation, AttributeError) as error:
        raise type(error)(
            f"{error}. You can only torch.load from a file that is seekable. Please pre-load the data into a "
            "buffer like io.BytesIO and try to load from it instead."
        ) from None
    except ValueError:
        # gzip and the like: forwards only.
        data = f.read()
        yield io.BytesIO(data), len(data)
        return
    yield f, size
