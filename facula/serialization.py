"""torch.save and torch.load: PyTorch's file formats, read without executing anything that a file says."""

from __future__ import annotations

import io
import os
import pickle
import sys

from . import _C
from .storage import TypedStorage, UntypedStorage, legacy_name

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from enum import Enum
    from typing import Any

__all__ = [
    "add_safe_globals",
    "clear_safe_globals",
    "default_restore_location",
    "get_crc32_options",
    "get_default_load_endianness",
    "get_default_mmap_options",
    "get_safe_globals",
    "get_unsafe_globals_in_checkpoint",
    "load",
    "location_tag",
    "register_package",
    "safe_globals",
    "save",
    "set_crc32_options",
    "set_default_load_endianness",
    "set_default_mmap_options",
    "skip_data",
]

DEFAULT_PROTOCOL = 2
# Types that programs annotate with.
FILE_LIKE = FileLike = "str | os.PathLike[str] | IO[bytes]"
MAP_LOCATION = "Callable[[UntypedStorage, str], UntypedStorage] | torch.device | str | dict[str, str] | None"


class SourceChangeWarning(Warning):
    """Kept for programs that filter it; facula never compares sources."""


# --- settings ---

_safe: list = []
_crc32 = True
_endianness = None
_mmap_flags = 2  # MAP_PRIVATE
_skipping: list[bool] = []


def add_safe_globals(safe_globals: Iterable[Callable | tuple[Callable, str]]) -> None:
    """Lets torch.load use these classes and functions, or (object, "its.name.in.the.file")."""
    for each in safe_globals:
        _entry(each)
        if each not in _safe:
            _safe.append(each)


def _entry(each) -> tuple[str, Any]:
    if isinstance(each, tuple):
        if len(each) != 2:
            raise ValueError(
                f"Expected tuple of length 2 (global, str of callable full path), but got tuple {each}"
            )
        if not isinstance(each[1], str):
            raise TypeError(
                f"Expected second item in tuple to be str of callable full path, but got: {type(each[1])}"
            )
        return each[1], each[0]
    if not hasattr(each, "__qualname__"):
        raise TypeError(f"Expected a class or a function, or a tuple of one and its name, but got {each!r}")
    return f"{each.__module__}.{each.__qualname__}", each


def get_safe_globals() -> list:
    """What add_safe_globals() has been given."""
    return list(_safe)


def clear_safe_globals() -> None:
    """Forgets what add_safe_globals() has been given."""
    _safe.clear()


class safe_globals:
    """add_safe_globals() for the length of a with block."""

    def __init__(self, safe_globals) -> None:
        self.globals = list(safe_globals)

    def __enter__(self):
        self.before = list(_safe)
        add_safe_globals(self.globals)
        return self

    def __exit__(self, *exc) -> None:
        _safe[:] = self.before


class skip_data:
    """Within it torch.save leaves room for the elements and does not write them."""

    def __init__(self, materialize_fake_tensors: bool = False) -> None:
        self.materialize_fake_tensors = materialize_fake_tensors

    def __enter__(self):
        _skipping.append(True)

    def __exit__(self, *exc) -> None:
        _skipping.pop()


def set_crc32_options(compute_crc32: bool) -> None:
    """Whether torch.save computes checksums."""
    global _crc32
    _crc32 = bool(compute_crc32)


def get_crc32_options() -> bool:
    """Whether torch.save computes checksums."""
    return _crc32


def set_default_load_endianness(endianness) -> None:
    """The byte order of files that do not say theirs (None: this machine's)."""
    global _endianness
    if endianness is not None and not isinstance(endianness, _load_endianness()):
        raise TypeError("Invalid argument type in function set_default_load_endianness")
    _endianness = endianness


def get_default_load_endianness():
    """What set_default_load_endianness() was told."""
    return _endianness


def _load_endianness() -> type[Enum]:
    if "LoadEndianness" not in globals():
        from enum import Enum

        names = {"NATIVE": 1, "LITTLE": 2, "BIG": 3}
        globals()["LoadEndianness"] = Enum("LoadEndianness", names, module=__name__)
    return globals()["LoadEndianness"]


def __getattr__(name: str):
    if name == "LoadEndianness":
        return _load_endianness()
    from ._names import missing

    raise missing(__name__, name, globals())


def get_default_mmap_options() -> int:
    """MAP_PRIVATE (2): writes to mapped tensors stay in this process."""
    return _mmap_flags


class set_default_mmap_options:
    """MAP_PRIVATE (2), or MAP_SHARED (1) to let writes reach the file; also a context manager."""

    def __init__(self, flags: int) -> None:
        global _mmap_flags
        if flags not in (1, 2):
            raise ValueError(
                f"Invalid argument in function set_default_mmap_options, expected mmap.MAP_PRIVATE or "
                f"mmap.MAP_SHARED, but got {flags}"
            )
        self.before = _mmap_flags
        _mmap_flags = flags

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc) -> None:
        global _mmap_flags
        _mmap_flags = self.before


# --- where storages live ---

_packages: list = []


def register_package(priority: int, tagger, deserializer) -> None:
    """Adds a kind of device: tagger(storage) -> its location or None, deserializer(storage, location) ->
    storage or None. The lowest priority is asked first."""
    _packages.append((priority, tagger, deserializer))
    _packages.sort(key=lambda each: each[0])


def location_tag(storage) -> str:
    """The location that a file notes for a storage: 'cpu' or 'meta'."""
    for _, tagger, _ in _packages:
        location = tagger(storage)
        if location:
            return location
    return storage.device.type


def default_restore_location(storage, location):
    """The storage on the device that a file notes; RuntimeError if this machine does not have it."""
    location = str(location)
    kind = location.partition(":")[0]
    if kind == "cpu":
        return storage
    if kind == "meta":
        return UntypedStorage(storage.nbytes(), device="meta")
    for _, _, deserializer in _packages:
        result = deserializer(storage, location)
        if result is not None:
            return result
    if kind == "cuda":
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If "
            "you are "
            "running on a CPU-only machine, please use torch.load with "
            "map_location=torch.device('cpu') to map "
            "your storages to the CPU."
        )
    raise RuntimeError(
        f"don't know how to restore data location of torch.storage.UntypedStorage (tagged with {location}): "
        f"pass "
        "map_location='cpu'"
    )


def _restorer(map_location):
    if map_location is None:
        return default_restore_location
    if isinstance(map_location, dict):

        def restore(storage, location):
            return default_restore_location(storage, map_location.get(location, location))

        return restore
    if isinstance(map_location, (str, bytes)):
        wanted = map_location.decode("ascii") if isinstance(map_location, bytes) else map_location
        return lambda storage, location: default_restore_location(storage, wanted)
    if isinstance(map_location, _C.device):
        return lambda storage, location: default_restore_location(storage, str(map_location))
    if not callable(map_location):
        raise TypeError(
            f"map_location must be a function, a str, a torch.device or a dict, not "
            f"{type(map_location).__name__}"
        )

    def restore_by(storage, location):
        result = map_location(storage, location)
        if result is None:
            return default_restore_location(storage, location)
        return result.untyped() if isinstance(result, TypedStorage) else result

    return restore_by


def _get_layout(name):
    """The layout 'torch.strided' and its like."""
    from ._serialize.allowed import _get_layout as checked

    return checked(None, name)


# --- saving ---


def save(
    obj: object,
    f,
    pickle_module=pickle,
    pickle_protocol: int = DEFAULT_PROTOCOL,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Writes an object with its tensors to a file.

    A path gets the new file as a whole or keeps the old one: it is written beside it and renamed.

    Args:
        obj: tensors, and whatever pickle can write that contains them. Tensors that share memory share it
            after loading.
        f: a path, or a file with write().
        pickle_module: the module whose Pickler writes all that are no tensors.
        pickle_protocol: 2 is what every version of PyTorch reads.

    Raises:
        RuntimeError: the folder does not exist, or memory is looked at as two dtypes.
        RuntimeError: the disk is full; the old file is as it was.
        OSError: writing is not allowed.
    """
    if not isinstance(f, (str, os.PathLike)) and not hasattr(f, "write"):
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute"
        )
    if isinstance(pickle_protocol, bool) or not isinstance(pickle_protocol, int):
        raise TypeError(f"pickle_protocol must be an int, not {type(pickle_protocol).__name__}")
    from ._serialize.pickler import dump

    storages: dict[str, tuple] = {}
    known: dict[int, str] = {}
    types: dict[int, Any] = {}

    def storage_id(obj):
        untyped = obj.untyped()
        dtype = obj.dtype if isinstance(obj, TypedStorage) else _C.uint8
        at = untyped.data_ptr()
        if at and untyped.nbytes() and types.setdefault(at, dtype) != dtype:
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different types: "
                f"{types[at]} and {dtype}. Clone one of them."
            )
        key = known.setdefault(untyped._cdata, str(len(known)) if zipped else str(untyped._cdata))
        storages.setdefault(key, (untyped, dtype))
        if isinstance(obj, TypedStorage) and legacy_name(dtype):
            name = ("torch", legacy_name(dtype))
        else:
            name = ("torch.storage", "UntypedStorage")
        pid = ("storage", name, key, location_tag(untyped), untyped.nbytes() // dtype.itemsize)
        return pid if zipped else (*pid, None)

    zipped = _use_new_zipfile_serialization
    data = dump(obj, pickle_protocol, storage_id, pickle_module)

    def write(file) -> None:
        if not zipped:
            from ._serialize.legacy import write as write_legacy

            write_legacy(file, data, storages, pickle_protocol)
            return
        from ._serialize.archive import ALIGNMENT, Writer

        with Writer(file, _prefix(f), _crc32) as out:
            out.write("data.pkl", data)
            out.write(".format_version", b"1")
            out.write(".storage_alignment", str(ALIGNMENT).encode())
            if not _disable_byteorder_record:
                out.write("byteorder", sys.byteorder.encode())
            for key, (storage, _) in storages.items():
                if storage.device.type == "meta":
                    raise RuntimeError("storages on the meta device have no elements to save")
                out.write(f"data/{key}", bytes(storage.nbytes()) if _skipping else storage)

    try:
        if isinstance(f, (str, os.PathLike)):
            from ._serialize.files import replacing

            with replacing(f) as file:
                write(file)
        else:
            write(f if zipped and _can_seek(f) else _Plain(f))
    except OSError as error:
        import errno

        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
            raise
        where = os.fspath(f) if isinstance(f, (str, os.PathLike)) else "The file"
        raise RuntimeError(
            f"{where} could not be written: {error.strerror}. A file that was at a path is as it was: free "
            "space, or save elsewhere."
        ) from error


def _prefix(f) -> str:
    if isinstance(f, (str, os.PathLike)):
        name = os.path.basename(os.fspath(f))
        return (name[: name.rindex(".")] if "." in name else name) or "archive"
    return "archive"


def _can_seek(f) -> bool:
    # Others that claim to (gzip) only go forwards.
    return isinstance(f, (io.BytesIO, io.BufferedWriter, io.BufferedRandom)) and f.seekable()


class _Plain(io.RawIOBase):
    """A file that can only be written to: zipfile then writes sizes after the records."""

    def __init__(self, file) -> None:
        self.file = file

    def writable(self) -> bool:
        return True

    def write(self, data):
        view = memoryview(data).cast("B")
        self.file.write(view if len(view) > 1 << 16 else bytes(view))
        return len(view)

    def flush(self) -> None:
        if hasattr(self.file, "flush"):
            self.file.flush()


# --- loading ---


def load(
    f,
    map_location=None,
    pickle_module=None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args,
) -> Any:
    """Reads what torch.save of facula or PyTorch has written. Nothing in the file is executed.

    Args:
        f: a path, or a file with read(), seek() and tell().
        map_location: where storages go: a device or its name, a dict from names to names, or
            function(storage, location) -> storage or None.
        pickle_module: accepted; facula always reads with its own unpickler.
        weights_only: True (default): tensors, containers, numbers, texts, and what add_safe_globals()
            names. False:
            also modules, optimizers and plain classes that the program has imported.
        mmap: the tensors lie in the file, read when they are first looked at. Needs a path.

    Raises:
        pickle.UnpicklingError: the file names something that is not allowed, or is damaged.
        RuntimeError: the archive is damaged or truncated. EOFError: the file is empty.
    """
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    forced = os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "0").lower() in ("1", "y", "yes", "true")
    unforced = os.environ.get("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "0").lower() in ("1", "y", "yes", "true")
    if weights_only is None:
        weights_only = pickle_module is None and not unforced
        if unforced and pickle_module is None:
            import warnings

            warnings.warn(
                "Environment variable TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD detected, since the`weights_only` "
                "argument was not explicitly passed to `torch.load`, forcing weights_only=False.",
                stacklevel=2,
            )
    weights_only = bool(weights_only) or forced
    unknown = set(pickle_load_args) - {"encoding", "errors", "fix_imports"}
    if unknown:
        raise TypeError(f"load() got an unexpected keyword argument '{sorted(unknown)[0]}'")
    encoding = pickle_load_args.get("encoding", "utf-8")
    path = isinstance(f, (str, os.PathLike))
    if mmap and not path:
        raise ValueError(
            "f must be a file path in order to use the mmap argument, not an open file: pass the path itself"
        )
    from ._serialize import loading
    from ._serialize.archive import Reader, is_zip
    from ._serialize.files import open_for_load

    restore = _restorer(map_location)
    allowed = _allowed(weights_only)
    with open_for_load(f) as (file, size):
        start = file.tell()
        if is_zip(file):
            if start and not path:
                file = io.BytesIO(file.read())
                size = len(file.getbuffer())
            mapped = loading.map_file(file, size, _mmap_flags) if mmap else None
            order = _endianness.name if _endianness is not None else "NATIVE"
            native = order in ("NATIVE", sys.byteorder.upper())
            return loading.load_zip(Reader(file, size, mapped), restore, allowed, native, encoding)
        if mmap:
            raise RuntimeError(
                "mmap can only be used with files saved with "
                "`torch.save(_use_new_zipfile_serialization=True)`"
            )
        if size == start:
            raise EOFError("Ran out of input: the file is empty")
        return loading.load_legacy(file, size, restore, allowed, encoding)


def _allowed(weights_only: bool):
    from ._serialize.allowed import Allowed

    user = dict(_entry(each) for each in _safe)
    for name in list(user):
        if name.startswith("facula."):
            user["torch" + name[len("facula") :]] = user[name]
    return Allowed(not weights_only, user)


def get_unsafe_globals_in_checkpoint(f) -> list[str]:
    """The names in a file that torch.load would refuse."""
    import pickletools

    from ._serialize.allowed import Allowed, Refused
    from ._serialize.archive import Reader, is_zip
    from ._serialize.files import open_for_load

    with open_for_load(f) as (file, size):
        if not is_zip(file):
            raise ValueError("get_unsafe_globals_in_checkpoint takes a file of the zip format of torch.save")
        data = Reader(file, size).read("data.pkl")
    allowed = Allowed(False, dict(_entry(each) for each in _safe))
    texts: list[str] = []
    names = []
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in ("SHORT_BINUNICODE", "BINUNICODE", "UNICODE", "BINUNICODE8"):
            texts.append(argument)  # pyright: ignore
        elif opcode.name == "GLOBAL":
            names.append(argument.split(" ", 1))  # pyright: ignore
        elif opcode.name == "STACK_GLOBAL" and len(texts) > 1:
            names.append(texts[-2:])
    refused = []
    for module, name in names:
        module = {"__builtin__": "builtins"}.get(module, module)
        try:
            allowed.find(module, name)
        except (Refused, NotImplementedError):
            if f"{module}.{name}" not in refused:
                refused.append(f"{module}.{name}")
    return refused
