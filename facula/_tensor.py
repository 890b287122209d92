"""Methods of Tensor that are written in Python, each a function whose first argument is the tensor.

The C type finds dunder methods here by name and any other public function through `find_method`.
"""

from __future__ import annotations

from . import _C
from ._tensor_str import tensor_format as __format__  # noqa: F401
from ._tensor_str import tensor_html as _repr_html_  # noqa: F401
from ._tensor_str import tensor_str


def find_method(self, name):
    """A public method defined here, bound to the tensor; else an error that names the nearest."""
    if not name.startswith("_"):
        add_methods()
        if hasattr(_C.Tensor, name):  # not a slot of a subclass that was never set
            return getattr(self, name)
    from ._names import missing_attribute

    raise missing_attribute(self, name)


def add_methods():
    """Gives the type the methods written in Python: those below and the composite operations."""
    if _METHODS:
        for name, method in _METHODS.items():
            _C._add_method(name, method)
        _METHODS.clear()
        from ._composite import names

        names("Tensor")  # loads them


def __repr__(self, *, tensor_contents=None):
    return tensor_str(self, tensor_contents=tensor_contents)


def __dir__(self):
    add_methods()
    return sorted({*dir(self.__class__), *getattr(self, "__dict__", ())})


def __reversed__(self):
    return self if self.dim() == 0 else self.flip(0)


def __deepcopy__(self, memo):
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
            "moment.  "
            "If you were attempting to deepcopy a module, this may be because of a "
            "torch.nn.utils.weight_norm usage, "
            "see https://github.com/pytorch/pytorch/pull/103001"
        )
    if id(self) in memo:
        return memo[id(self)]
    from copy import deepcopy

    data = _copied(self, memo)
    if self.__class__ is not _C.Tensor:
        data = data.as_subclass(type(self))
    memo[id(self)] = data
    data.requires_grad_(self.requires_grad)
    if self.is_leaf and self.grad is not None:
        data.grad = deepcopy(self.grad, memo)
    for name, value in _slots(self):
        setattr(data, name, deepcopy(value, memo))
    if self.__dict__:
        data.__dict__.update(deepcopy(self.__dict__, memo))
    return data


def _slots(self):
    """What the __slots__ of a subclass hold."""
    if self.__class__ is _C.Tensor:
        return
    from copyreg import _slotnames

    for name in _slotnames(self.__class__):
        if hasattr(self, name):
            yield name, getattr(self, name)


def __copy__(self):
    """A leaf over the same memory, with the same attributes: what copy.copy() makes."""
    if self.is_sparse or self.is_meta or _has_own(type(self), "__reduce_ex__"):
        from copy import _reconstruct

        return _reconstruct(self, None, *self.__reduce_ex__(4))
    if self.__class__ is not _C.Tensor and _C._has_torch_function_unary(self):
        return _C._handle_torch_function(_C.Tensor.__copy__, (self,), self)
    data = _C.StorageBase._of(self)._tensor(
        self.dtype, self.storage_offset(), tuple(self.shape), tuple(self.stride())
    )
    if self.__class__ is not _C.Tensor:
        data = data.as_subclass(type(self))
    data.requires_grad_(self.requires_grad)
    for name, value in _slots(self):
        setattr(data, name, value)
    if self.__dict__:
        data.__dict__.update(self.__dict__)
    return data


def _has_own(cls, name):
    """Whether a subclass says for itself how it is pickled."""
    method = getattr(cls, name)
    return method is not getattr(_C.Tensor, name) and not method.__module__.startswith("facula.nn.parameter")


def _copied(self, memo):
    """The same numbers elsewhere. Tensors that share memory share it in the copy too."""
    with _NoGrad():
        if self.is_sparse or self.is_meta:
            return self.detach().clone(memory_format=_C.preserve_format)
        from .storage import UntypedStorage

        storage = UntypedStorage._of(self)
        known = memo.setdefault("torch", {})
        key = storage._cdata
        if key not in known:
            # The storage stays alive: another at its address would be taken for it.
            known[key] = (storage.clone(), storage)
        return known[key][0]._tensor(self.dtype, self.storage_offset(), tuple(self.shape), self.stride())


class _NoGrad:
    def __enter__(self):
        self.previous = _C._set_grad_enabled(False)

    def __exit__(self, *exc):
        _C._set_grad_enabled(self.previous)


# Our types are named as PyTorch's; pickles must not look for them there: torch.Size may not exist.
def _construct(name, *args):
    return getattr(_C, name)(*args)


_OVERRIDABLE = type(_C._overridable(len))  # functions written in Python behind public names


def function_name(function):
    """('torch.nn.functional', 'relu') for a function of facula; None for others."""
    if isinstance(function, _OVERRIDABLE):
        from ._composite import home

        return home(function)
    if type(getattr(function, "__self__", None)).__name__ != "PyCapsule":
        return None
    import facula

    for module in (facula.nn.functional, facula, facula.linalg, facula.special, facula.fft):
        if vars(module).get(function.__name__) is function:
            return "torch" + module.__spec__.name[len("facula") :], function.__name__
    return None


def _function(module, name):
    from importlib import import_module

    return getattr(import_module("facula" + module[len("torch") :]), name)


def reduce_function(function):
    """How pickle writes a built-in function; those of facula by their name in torch."""
    name = function_name(function)
    return function.__reduce__() if name is None else (_function, name)


def _rebuild(kind, raw, dtype, shape, requires_grad, state, stride=None):
    flat = _C.frombuffer(bytearray(raw), dtype=dtype) if raw else _C._functions.empty(0, dtype=dtype)
    out = flat.clone()
    out = out.view(shape) if stride is None else out.as_strided(shape, stride).detach()
    if kind is not None:
        out = out.as_subclass(kind)
    out.requires_grad_(requires_grad)
    if state:
        out.__dict__.update(state)
    return out


def __reduce_ex__(self, protocol):
    if self.is_sparse or self.is_meta:
        from ._utils import reduce_tensor

        return reduce_tensor(self, typed=False)
    if self.__class__ is not _C.Tensor and _C._has_torch_function_unary(self):
        return _C._handle_torch_function(_C.Tensor.__reduce_ex__, (self,), self, protocol)
    kind = None if self.__class__ is _C.Tensor else self.__class__
    given = dict(self.__dict__)
    # A tensor without gaps keeps its strides, any other becomes contiguous.
    order = sorted(range(self.dim()), key=lambda d: (-self.stride(d), -self.size(d)))
    plain = self.detach().permute(order)
    if self.is_contiguous() or not plain.is_contiguous():
        raw, stride = to_bytes(self), ()
    else:
        raw, stride = to_bytes(plain), (tuple(self.stride()),)
    return _rebuild, (kind, raw, self.dtype, tuple(self.shape), self.requires_grad, given, *stride)


def __setstate__(self, state):
    self.__dict__.update(state)


def _rebuild_from_type_v2(func, new_type, args, state):
    """A tensor of a subclass, or one with attributes: what PyTorch's files name."""
    from ._utils import _set_obj_state

    result = func(*args)
    if type(result) is not new_type:
        result = result.as_subclass(new_type)
    if new_type.__setstate__ is not _C.Tensor.__setstate__:
        result.__setstate__(state)
        return result
    return _set_obj_state(result, state)


def to_bytes(self):
    """The elements in row-major order as raw bytes."""
    plain = self.detach().contiguous()
    size = plain.numel() * plain.element_size()
    if size == 0:
        return b""
    from ctypes import string_at

    return string_at(plain.data_ptr(), size)


# --- NumPy ---

_TYPE_CODES = {
    "bool": "|b1",
    "uint8": "|u1",
    "int8": "|i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "uint16": "<u2",
    "uint32": "<u4",
    "uint64": "<u8",
    "float16": "<f2",
    "float32": "<f4",
    "float64": "<f8",
    "complex64": "<c8",
    "complex128": "<c16",
}


def array_interface(self):
    """The description by which NumPy shares the tensor's memory."""
    code = _TYPE_CODES.get(str(self.dtype)[6:])
    if code is None or self.requires_grad or not self.is_cpu:
        raise AttributeError("this tensor cannot be seen as a NumPy array")
    _C.StorageBase._of(self)._fix()  # the array knows the address
    size = self.element_size()
    return {
        "version": 3,
        "typestr": code,
        "shape": tuple(self.shape),
        "strides": tuple(s * size for s in self.stride()),
        "data": (self.data_ptr(), False),
    }


def _numpy():
    try:
        import numpy
    except ImportError as error:
        raise RuntimeError("Numpy is not available: install it with `pip install numpy`") from error
    return numpy


class _Memory:
    """Keeps a tensor alive for the array that looks into it."""

    def __init__(self, tensor):
        self.tensor = tensor
        self.__array_interface__ = array_interface(tensor.detach())


def numpy(self, *, force=False):
    """The tensor as a NumPy array that shares its memory (`force=True`: a detached copy if need be)."""
    np = _numpy()
    if not isinstance(force, bool):
        raise TypeError(f"numpy(): argument 'force' must be bool, not {force.__class__.__name__}")
    if not self.is_cpu:
        if force:
            raise NotImplementedError("Cannot copy out of meta tensor; no data!")
        raise TypeError(
            f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the "
            "tensor to host memory first."
        )
    if force:
        self = self.detach()
    if self.requires_grad and _C.is_grad_enabled():
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.\n"
            f"It has shape {list(self.shape)}, {self.dtype}, and "
            f"{'was made by ' + self.grad_fn.name() if self.grad_fn else 'is a leaf that requires grad'}.\n"
            "Suggestion: x.detach().numpy() shares the memory; x.numpy(force=True) says the same."
        )
    if str(self.dtype)[6:] not in _TYPE_CODES:
        from ._legacy import TYPE_NAMES

        name = TYPE_NAMES[str(self.dtype)[6:]].removesuffix("Tensor")
        raise TypeError(f"Got unsupported ScalarType {name}")
    if self.numel() == 0:
        return np.empty(tuple(self.shape), dtype=_TYPE_CODES[str(self.dtype)[6:]])
    return np.asarray(_Memory(self))


def __array__(self, dtype=None, copy=None):
    array = numpy(self)
    if dtype is not None:
        array = array.astype(dtype, copy=False)
    return array.copy() if copy else array


def __array_wrap__(self, array, context=None, return_scalar=False):
    if array.dtype == bool:
        array = array.astype("uint8")
    return _C.from_numpy(array)


def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
    """A capsule with the tensor's memory for another library; see torch.utils.dlpack."""
    from .utils.dlpack import export

    return export(self, stream, max_version, dl_device, copy)


def __dlpack_device__(self):
    from .utils.dlpack import DLDeviceType

    if not self.is_cpu:
        raise ValueError(f"Unknown device type {self.device.type} for Dlpack")
    return (DLDeviceType.kDLCPU, 0)


# --- small methods ---


def _type(self, dtype=None, non_blocking=False, **kwargs):  # `type` in this file is Python's
    """Without an argument the legacy type name (`torch.FloatTensor`); else a conversion."""
    from ._legacy import convert

    return convert(self, dtype, non_blocking, **kwargs)


def new_tensor(self, data, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
    """A new tensor with a copy of `data`, of this tensor's dtype unless another is given."""
    return _C.tensor(
        data,
        dtype=self.dtype if dtype is None else dtype,
        device=device or self.device,
        requires_grad=requires_grad,
    )


def new(self, *args, device=None, **kwargs):
    """Legacy constructor of a tensor of the same dtype."""
    from ._legacy import construct

    return construct(self.dtype, args, device, kwargs)


def cuda(self, *args, **kwargs):
    """Raises: there is no CUDA device."""
    return self.to("cuda")


def pin_memory(self, device=None):
    """Raises RuntimeError: there is no accelerator that pinned memory would be copied to."""
    if device is not None and _C.device(device).type == "cpu":
        raise RuntimeError("CPU device type not an accelerator.")
    raise RuntimeError(
        "Cannot access accelerator device when none is available.\n"
        "Tensors on the CPU need no pinned memory: leave pin_memory() out, or ask is_available() before."
    )


def share_memory_(self):
    """Moves the elements to memory that processes started or sent to from here on share; returns the tensor.

    Raises:
        RuntimeError: other tensors or storages look into the same memory; they would be left behind.
    """
    from ._shared import share

    return share(self)


def is_shared(self):
    """Whether the elements are in memory that other processes see."""
    from ._shared import is_shared

    return is_shared(self.untyped_storage())


def untyped_storage(self):
    """The memory that the tensor looks into, as bytes."""
    from .storage import UntypedStorage

    return UntypedStorage._of(self)


def _typed_storage(self):
    from .storage import TypedStorage

    return TypedStorage(wrap_storage=untyped_storage(self), dtype=self.dtype)


def storage(self):
    """The memory that the tensor looks into, as elements (deprecated: use untyped_storage())."""
    from .storage import warn_of_typed_storage

    warn_of_typed_storage()
    return _typed_storage(self)


def storage_type(self):
    """The class of storage() under its legacy name."""
    from .storage import TypedStorage, legacy_class, legacy_name

    return legacy_class(legacy_name(self.dtype) or "") or TypedStorage


def module_load(self, other, assign=False):
    """What `load_state_dict` puts in the place of this parameter or buffer when modules swap tensors."""
    return other.detach() if assign else self.copy_(other).detach()


def is_same_size(self, other):
    """Whether both tensors have the same shape."""
    return self.shape == other.shape


def where(self, condition, other):
    """The tensor's elements where `condition` (bool) holds, else those of `other`."""
    return _C._functions.where(condition, self, other)


_METHODS = {
    f.__name__: f
    for f in (
        numpy,
        new_tensor,
        new,
        cuda,
        pin_memory,
        share_memory_,
        is_shared,
        module_load,
        untyped_storage,
        storage,
        storage_type,
        is_same_size,
        where,
    )
}
_METHODS["type"] = _type


def _removed(name):
    def method(self, *args, **kwargs):
        from . import _twins

        return getattr(_twins, name)(self, *args, **kwargs)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = "Removed from PyTorch: RuntimeError that names the function in torch.linalg."
    return method


_METHODS |= {name: _removed(name) for name in ("eig", "symeig", "solve", "lstsq")}


def _compressed(name, which):
    def method(self):
        if self.layout not in (_C.strided, _C.sparse_coo):  # called by way of Tensor
            return getattr(type(self), name)(self)
        layout = "Sparse" if self.is_sparse else "Strided"
        raise RuntimeError(f"{name} expected sparse {which} compressed tensor layout but got {layout}")

    method.__name__ = method.__qualname__ = name
    method.__doc__ = "Of compressed sparse tensors only: RuntimeError for others."
    return method


_METHODS |= {
    name: _compressed(name, which)
    for name, which in (
        ("crow_indices", "row"),
        ("col_indices", "row"),
        ("ccol_indices", "column"),
        ("row_indices", "column"),
    )
}
