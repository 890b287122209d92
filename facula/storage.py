"""Storages: the memory behind tensors, as bytes (UntypedStorage) or as elements (TypedStorage)."""

from __future__ import annotations

from weakref import WeakValueDictionary

from . import _C, _storage_kinds

__all__ = ["TypedStorage", "UntypedStorage"]

Tensor = _C.Tensor


_mapped: WeakValueDictionary = WeakValueDictionary()  # files in memory, by address


def _map_file(file, length: int, shared: bool):
    import mmap

    class Mapped(mmap.mmap):  # remembers its name
        filename = None

    return Mapped(file.fileno(), length, access=mmap.ACCESS_WRITE if shared else mmap.ACCESS_COPY)


class UntypedStorage(_C.StorageBase):
    """Bytes that tensors look into. Two storages are equal when they are the same memory.

    Args:
        size: the number of bytes (their values are arbitrary), or a sequence of bytes to copy.
        device: 'cpu' or 'meta'.
    """

    def __new__(cls, *args, device=None, wrap_storage=None):
        if wrap_storage is not None:
            return cls._of(wrap_storage._tensor(_C.uint8, 0, (0,), (1,)))
        if len(args) > 1:
            raise TypeError("UntypedStorage() takes at most one positional argument")
        if not args or isinstance(args[0], int):
            return cls._new(args[0] if args else 0, device or "cpu")
        try:
            values = bytes(args[0])
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"tried to construct a storage from a sequence ({type(args[0]).__name__}), but one of the "
                f"items was no byte: {error}"
            ) from None
        storage = cls._new(len(values), device or "cpu")
        if storage.device.type != "meta":
            memoryview(storage)[:] = values
        return storage

    @classmethod
    def from_buffer(cls, buffer, byte_order=None, count=-1, offset=0, *, dtype=None):
        """A copy of the elements of type `dtype` in a buffer; see TypedStorage.from_buffer."""
        from ._storage_kinds import bytes_from_buffer

        if dtype is None:
            raise RuntimeError("argument 'dtype' cannot be None")
        return bytes_from_buffer(buffer, byte_order, count, offset, dtype)

    @classmethod
    def from_file(cls, filename, shared: bool = False, nbytes: int = 0):
        """A file as memory. `shared`: writes go to the file, which is made `nbytes` long if it is shorter."""
        import os

        with open(filename, "r+b" if shared and os.path.exists(filename) else "w+b" if shared else "rb") as f:
            length = os.fstat(f.fileno()).st_size
            if shared and length < nbytes:
                f.truncate(nbytes)
                length = nbytes
            wanted = nbytes or length
            if wanted > length:
                raise RuntimeError(
                    f"unable to mmap {wanted} bytes from file <{filename}>: it has only {length}"
                )
            if wanted == 0:
                return cls._new(0, "cpu")
            memory = _map_file(f, wanted, shared)
        storage = cls._over(memory, 0, wanted)
        if shared:
            memory.filename = str(filename)
            _mapped[storage.data_ptr()] = memory
        return storage

    @property
    def filename(self) -> str | None:
        """The file that writes go to (`from_file(shared=True)`), or None."""
        memory = _mapped.get(self.data_ptr()) if self.device.type == "cpu" else None
        return memory.filename if memory is not None else None

    # --- what it is ---

    def size(self) -> int:
        """The number of bytes."""
        return self.nbytes()

    __len__ = size

    def element_size(self) -> int:
        """1: it is made of bytes."""
        return 1

    is_cuda = is_hpu = is_sparse = is_sparse_csr = False

    def _as_tensor(self, dtype):
        from ._storage_kinds import as_tensor

        return as_tensor(self, dtype)

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.nbytes()

    @property
    def is_cpu(self) -> bool:
        return self.device.type == "cpu"

    def get_device(self) -> None:
        return None

    def is_pinned(self, device="cuda") -> bool:
        return False

    def is_shared(self) -> bool:
        """Whether other processes can see the memory."""
        from ._shared import is_shared

        return is_shared(self)

    def type(self, dtype=None, non_blocking=False):
        return "torch.storage.UntypedStorage"

    def untyped(self):
        return self

    def __repr__(self) -> str:
        values = "..." if self.device.type == "meta" else "\n ".join(str(v) for v in memoryview(self)[:1000])
        values = values if self.device.type == "meta" else f" {values}"
        return f"{values}\n[torch.storage.{type(self).__name__}(device={self.device}) of size {len(self)}]"

    # --- elements ---

    def _bytes(self):
        return self._tensor(_C.uint8, 0, (self.nbytes(),), (1,))

    def __getitem__(self, index):
        self._need_memory()
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step != 1:
                raise RuntimeError(
                    f"Trying to slice with a step of {step}, but only a step of 1 is supported"
                )
            return type(self)._over(self, start, max(stop - start, 0))
        if not hasattr(index, "__index__"):
            raise TypeError(f"can't index a torch.UntypedStorage with {type(index).__name__}")
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} out of range for storage of size {len(self)}")
        return memoryview(self)[index]

    def _need_memory(self) -> None:
        if self.device.type == "meta":
            raise NotImplementedError("Not available for 'meta' device type")

    def __setitem__(self, index, value):
        self._bytes()[index] = value

    def tolist(self) -> list[int]:
        """The bytes as a list of ints."""
        self._need_memory()
        return list(memoryview(self))

    def fill_(self, value):
        """Sets every byte to `value`."""
        self._bytes().fill_(value)
        return self

    def copy_(self, source, non_blocking=None):
        """Takes over the bytes of another storage of the same size."""
        self._bytes().copy_(source.untyped()._bytes())
        return self

    def clone(self):
        """A copy with its own memory."""
        copy = type(self)._new(self.nbytes(), self.device)
        if self.device.type != "meta":
            memoryview(copy)[:] = memoryview(self)
        return copy

    def __copy__(self):
        return self.clone()

    def __deepcopy__(self, memo):
        known = memo.setdefault("torch", {})
        if self._cdata not in known:
            known[self._cdata] = (self.clone(), self)  # which stays alive: its address is the key
        return known[self._cdata][0]

    def cpu(self):
        return self if self.device.type == "cpu" else self.to(device="cpu")

    def cuda(self, device=None, non_blocking=False):
        return self.to(device="cuda")

    def to(self, *, device="cpu", non_blocking=False):
        device = _C.device(device)
        if device == self.device:
            return self
        copy = type(self)._new(self.nbytes(), device)
        if device.type == "cpu":
            raise NotImplementedError("Cannot copy out of meta tensor; no data!")
        return copy

    def new(self):
        return type(self)._new(0, self.device)

    def pin_memory(self, device="cuda"):
        return self

    def resize_(self, size: int):
        """Changes the number of bytes. Tensors in it see the larger memory; what was there stays.

        Raises:
            RuntimeError: the memory is not this library's, or a NumPy array looks into it.
        """
        self._resize(size)
        return self

    def share_memory_(self):
        """Refused for a bare storage: see Tensor.share_memory_()."""
        if self.is_shared():
            return self
        raise NotImplementedError("share_memory_() of a storage is not implemented: call it on the tensor")

    def byteswap(self, dtype):
        """Reverses the bytes of every element of `dtype`, in place."""
        size = dtype.itemsize // 2 if dtype.is_complex else dtype.itemsize
        view = memoryview(self)
        raw = bytearray(view)
        for i in range(size):
            view[i::size] = bytes(raw[size - 1 - i :: size])

    def __reduce__(self):
        from ._utils import _storage_from_bytes

        return _storage_from_bytes, (bytes(memoryview(self)),)


def _load_from_bytes(raw):
    """A storage pickled by PyTorch."""
    import io

    from .serialization import load

    return load(io.BytesIO(raw), weights_only=False)


def _conversion(name):
    def convert(self):
        elements = self._elements() if isinstance(self, TypedStorage) else self._bytes()
        return TypedStorage(
            wrap_storage=elements.to(getattr(_C, name), copy=True).untyped_storage(), dtype=getattr(_C, name)
        )

    convert.__name__ = name
    return convert


_warned = False


def warn_of_typed_storage(stacklevel: int = 3) -> None:
    """Says once that TypedStorage is deprecated."""
    global _warned
    if not _warned:
        import warnings

        _warned = True
        warnings.warn(
            "TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the "
            "only "
            "storage class. Use tensor.untyped_storage() instead of tensor.storage()",
            stacklevel=stacklevel,
        )


class TypedStorage:
    """Memory with a type of element.

    Args:
        size: the number of elements, or a sequence of values; or
        wrap_storage: the UntypedStorage to share.
        dtype: the type of an element.
    """

    is_sparse = False
    dtype = None

    def __new__(cls, *args, wrap_storage=None, dtype=None, device=None, _internal=False):
        from ._storage_kinds import check_arguments, flat

        check_arguments(cls, args, wrap_storage, dtype, device)
        self = object.__new__(TypedStorage)
        dtype = cls.dtype or dtype or _C.get_default_dtype()
        if wrap_storage is not None:
            self._untyped_storage = wrap_storage
        elif not args or isinstance(args[0], int):
            count = args[0] if args else 0
            self._untyped_storage = UntypedStorage(count * dtype.itemsize, device=device)
        else:
            values = args[0]
            values = list(flat(values)) if isinstance(values, (list, tuple)) else values
            self._untyped_storage = _C.tensor(values, dtype=dtype, device=device).untyped_storage()
        self.dtype = dtype
        return self

    from_buffer = classmethod(_storage_kinds.typed_from_buffer)
    from_file = classmethod(_storage_kinds.typed_from_file)
    _as_tensor = _storage_kinds.as_tensor
    is_cuda = is_hpu = False

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.nbytes()

    def resizable(self) -> bool:
        """Whether its memory may become larger: no NumPy array looks into it."""
        return self._untyped_storage.resizable()

    def untyped(self) -> UntypedStorage:
        """The bytes."""
        return self._untyped_storage

    def _elements(self):
        return self._untyped_storage._tensor(self.dtype, 0, (self.size(),), (1,))

    def _size(self) -> int:
        return self._untyped_storage.nbytes() // self.dtype.itemsize

    def size(self) -> int:
        """The number of elements."""
        return self._untyped_storage.nbytes() // self.dtype.itemsize

    __len__ = size

    def nbytes(self) -> int:
        """The number of bytes."""
        return self._untyped_storage.nbytes()

    _nbytes = nbytes

    def element_size(self) -> int:
        """Bytes per element."""
        return self.dtype.itemsize

    _element_size = element_size

    @property
    def filename(self) -> str | None:
        """The file that writes go to, or None."""
        return self._untyped_storage.filename

    def data_ptr(self) -> int:
        """The address of the first element."""
        return self._untyped_storage.data_ptr()

    _data_ptr = data_ptr

    @property
    def device(self):
        return self._untyped_storage.device

    @property
    def _cdata(self) -> int:
        return self._untyped_storage._cdata

    def is_shared(self) -> bool:
        return self._untyped_storage.is_shared()

    _is_shared = is_shared

    def is_pinned(self, device="cuda") -> bool:
        return False

    def get_device(self) -> None:
        return None

    def __getitem__(self, index):
        if self.device.type == "meta":
            raise NotImplementedError("Not available for 'meta' device type")
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        if not isinstance(index, int):
            raise RuntimeError(f"can't index a {type(self)} with {type(index)}")
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} out of range for storage of size {len(self)}")
        return self._elements()[index].item()

    def __setitem__(self, index, value):
        self._elements()[index] = value

    def __iter__(self):
        return iter([self[0]] if self.device.type == "meta" else self.tolist())

    def tolist(self) -> list:
        """The elements as Python numbers."""
        return self._elements().tolist()

    def fill_(self, value):
        """Sets every element."""
        self._elements().fill_(value)
        return self

    def copy_(self, source, non_blocking=None):
        """Takes over the elements of another storage, converted."""
        self._elements().copy_(source._elements())
        return self

    def clone(self):
        """A copy with its own memory."""
        return TypedStorage(wrap_storage=self._untyped_storage.clone(), dtype=self.dtype)

    __copy__ = clone

    def __deepcopy__(self, memo):
        from copy import deepcopy

        return type(self)(wrap_storage=deepcopy(self._untyped_storage, memo), dtype=self.dtype)

    def cpu(self):
        return type(self)(wrap_storage=self._untyped_storage.cpu(), dtype=self.dtype)

    def cuda(self, device=None, non_blocking=False):
        self._untyped_storage.cuda()

    def to(self, *, device, non_blocking=False):
        moved = self._untyped_storage.to(device=device)
        return type(self)(wrap_storage=moved, dtype=self.dtype)

    def resize_(self, size: int):
        """Changes the number of elements; see UntypedStorage.resize_()."""
        self._untyped_storage.resize_(size * self.dtype.itemsize)
        return self

    def share_memory_(self):
        self._untyped_storage.share_memory_()
        return self

    def pin_memory(self, device=None):
        return self

    def pickle_storage_type(self) -> str:
        """The legacy name of this kind of storage: 'FloatStorage'."""
        return legacy_name(self.dtype)

    def type(self, dtype=None, non_blocking=False):
        if dtype is None:
            return f"torch.{legacy_name(self.dtype)}"
        raise NotImplementedError("TypedStorage.type(dtype): convert the tensor instead")

    def __eq__(self, other):
        return (
            isinstance(other, TypedStorage)
            and self.dtype == other.dtype
            and self._untyped_storage == other._untyped_storage
        )

    def __hash__(self):
        return hash(self._untyped_storage)

    def __repr__(self) -> str:
        values = "..." if self.device.type == "meta" else " " + "\n ".join(str(v) for v in self.tolist())
        kind = f"[torch.storage.TypedStorage(dtype={self.dtype}, device={self.device}) of size {len(self)}]"
        return f"{values}\n{kind}"

    def __reduce__(self):
        from ._utils import _typed_storage

        return _typed_storage, (self._untyped_storage, self.dtype)


_CONVERSIONS = {
    **{"float": "float32", "double": "float64", "half": "float16", "int": "int32", "long": "int64"},
    **{"short": "int16", "char": "int8", "byte": "uint8", "bool": "bool", "bfloat16": "bfloat16"},
    **{"complex_float": "complex64", "complex_double": "complex128"},
    **{n: n for n in ("float8_e5m2", "float8_e4m3fn", "float8_e5m2fnuz", "float8_e4m3fnuz")},
}
for _name, _dtype in _CONVERSIONS.items():
    setattr(TypedStorage, _name, _conversion(_dtype))
    setattr(UntypedStorage, _name, _conversion(_dtype))


_LEGACY = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "BFloat16Storage": "bfloat16",
    "ComplexDoubleStorage": "complex128",
    "ComplexFloatStorage": "complex64",
}


def legacy_name(dtype) -> str | None:
    """'FloatStorage' for torch.float32; None for types without such a class."""
    wanted = str(dtype)[6:]
    return next((name for name, each in _LEGACY.items() if each == wanted), None)


def legacy_class(name: str):
    """torch.FloatStorage and its like, made when first asked for; None for any other name."""
    name = "FloatStorage" if name == "Storage" else name
    if name not in _LEGACY:
        return None
    cls = _legacy.get(name)
    if cls is None:
        dtype = getattr(_C, _LEGACY[name])
        cls = _LegacyType(name, (TypedStorage,), {"dtype": dtype, "__module__": "torch"})
        _legacy[name] = cls
    return cls


class _LegacyType(type):
    """isinstance(storage, torch.FloatStorage) asks for the type of the elements."""

    def __instancecheck__(cls, instance) -> bool:
        return isinstance(instance, TypedStorage) and instance.dtype == cls.dtype


_legacy: dict[str, type] = {}


# --- tensors over storages ---

_set_to_tensor = _C._set_to_tensor


def set_(self, source=None, storage_offset=0, size=None, stride=None):
    """Lets the tensor look into a storage, or into the memory of another tensor.

    Args:
        source: a storage, or a tensor.
        storage_offset, size, stride: which elements; without them the whole storage in one dimension.

    Raises:
        RuntimeError: the elements would not lie within the storage, or are of another dtype.
    """
    if not isinstance(source, (UntypedStorage, TypedStorage)):
        given = (source,) if source is not None else ()
        place = () if size is None else (storage_offset, size)
        return _set_to_tensor(self, *given, *place, *(() if stride is None else (stride,)))
    if isinstance(source, TypedStorage) and source.dtype != self.dtype:
        raise RuntimeError(
            f"Expected a Storage of type {self.dtype} or an UntypedStorage, but got type {source.dtype} for "
            "argument 1 'storage'"
        )
    storage = source.untyped()
    if size is None:
        size = (storage.nbytes() // self.dtype.itemsize - storage_offset,)
    size = (size,) if isinstance(size, int) else tuple(size)
    if stride is None:
        stride, step = [], 1
        for n in reversed(size):
            stride.insert(0, step)
            step *= max(n, 1)
    if min(size, default=0) < 0:
        raise RuntimeError(f"numel: integer multiplication overflow\nThe size is {list(size)}.")
    if len(size) != len(stride):
        raise RuntimeError(f"unequal size length ({len(size)}) and stride length ({len(stride)})")
    if min(stride, default=0) < 0:
        raise RuntimeError(
            f"Storage size calculation overflowed with sizes={list(size)} and strides={list(stride)}"
        )
    if storage_offset >= 0 and 0 not in size:  # memory grows to what it is asked for
        last = storage_offset + sum((n - 1) * step for n, step in zip(size, stride))
        if (needed := (last + 1) * self.dtype.itemsize) > storage.nbytes():
            storage._resize(needed)
    return _set_to_tensor(self, storage._tensor(self.dtype, storage_offset, size, tuple(stride)))


_C._add_method("set_", set_)
