"""Tensors by the old names of their types: torch.FloatTensor(2, 3), x.new(...), x.type('torch.IntTensor')."""

from __future__ import annotations

from . import _C

# dtype -> what it is called in torch.FloatTensor and its kin.
TYPE_NAMES = {
    "float32": "FloatTensor",
    "float64": "DoubleTensor",
    "float16": "HalfTensor",
    "bfloat16": "BFloat16Tensor",
    "int64": "LongTensor",
    "int32": "IntTensor",
    "int16": "ShortTensor",
    "int8": "CharTensor",
    "uint8": "ByteTensor",
    "bool": "BoolTensor",
    "complex64": "ComplexFloatTensor",
    "complex128": "ComplexDoubleTensor",
    "complex32": "ComplexHalfTensor",
}
TYPE_NAMES |= {
    name: f"F{name[1:]}Tensor"
    for name in "float8_e5m2 float8_e4m3fn float8_e5m2fnuz float8_e4m3fnuz float8_e8m0fnu".split()
}
_BY_NAME = {name: dtype for dtype, name in TYPE_NAMES.items()}
LEGACY = tuple(_BY_NAME)[:10]  # those that are names in torch


def type_name(tensor) -> str:
    """'torch.FloatTensor', 'torch.sparse.LongTensor', 'torch.meta.BoolTensor'."""
    place = "meta." if tensor.is_meta and not tensor.is_sparse else "sparse." if tensor.is_sparse else ""
    short = str(tensor.dtype)[6:]
    return f"torch.{place}{TYPE_NAMES.get(short, short)}"


def convert(tensor, dtype=None, non_blocking=False, **kwargs):
    """Tensor.type: without an argument the legacy type name (`torch.FloatTensor`); else a conversion.

    Args:
        dtype: a dtype, a legacy type (`torch.IntTensor`; `torch.Tensor` for the default dtype) or its name.

    Raises:
        ValueError: there is no such type. RuntimeError: it is one of another device.
    """
    if dtype is None:
        return type_name(tensor)
    if isinstance(dtype, _C.dtype):
        return tensor.to(dtype)
    if dtype is _C.Tensor or dtype == "torch.Tensor":
        return tensor.to(_C.get_default_dtype())
    if not isinstance(dtype, (str, type)):
        raise TypeError("dtype must be a type, str, or dtype object")
    if isinstance(type(dtype), type) and isinstance(getattr(dtype, "dtype", None), _C.dtype):
        return tensor.to(dtype.dtype)  # pyright: ignore[reportAttributeAccessIssue]
    name = dtype if isinstance(dtype, str) else _full_name(dtype)
    module, _, last = name.rpartition(".")
    if module.startswith("torch.cuda") and last in _BY_NAME:
        raise RuntimeError(f"There is no CUDA device for a {name}.")
    if module in ("torch", "torch.sparse") and last in _BY_NAME:
        return tensor.to(getattr(_C, _BY_NAME[last]))
    raise ValueError(f"invalid type: '{name}'")


# Parameters of the constructors that take one thing: a size, a tensor or other data.
_SOLE = ("size", "other", "data")


def legacy_constructor(*args, dtype=None, device=None, **kwargs):
    """`torch.Tensor(2, 3)`, `torch.Tensor([1, 2])`, `torch.Tensor(tensor)`: an alias, whatever its dtype.

    Args:
        args: sizes (the elements are arbitrary), a torch.Size, a tensor, a storage or a nested sequence.
        device: the CPU.

    Raises:
        TypeError: for what is none of these. RuntimeError: for another device.
    """
    if dtype is not None:
        kwargs["dtype"] = dtype
    return construct(None, args, device, kwargs)


def construct(dtype, args, device, kwargs):
    """The tensor that a constructor of this dtype makes; None is the default dtype."""
    if len(kwargs) == 1 and not args and next(iter(kwargs)) in _SOLE:
        name, value = kwargs.popitem()
        args = (_C.Size(value),) if name == "size" else (value,)
    if kwargs:
        given = [type(a).__name__ for a in args]
        given += [f"{k}={'torch.dtype' if k == 'dtype' else type(v).__name__}" for k, v in kwargs.items()]
        text = ", ".join(given) + (", " if not args else "")
        raise TypeError(f"new() received an invalid combination of arguments - got ({text})")
    if device is not None and _C.device(device).type != "cpu":
        kind = _C.device(device).type
        raise RuntimeError(f"legacy constructor expects device type: cpu but device type: {kind} was passed")
    wanted = _C.get_default_dtype() if dtype is None else dtype
    if not args:
        return _C._functions.empty(0, dtype=wanted, device=device)
    data = args[0]
    if len(args) > 1 or (hasattr(data, "__index__") and not hasattr(data, "__len__")):
        return _C._functions.empty(args, dtype=wanted, device=device)
    if isinstance(data, _C.Size):
        return _C._functions.empty(data, dtype=wanted, device=device)
    if isinstance(data, _C.Tensor):
        if dtype is not None and data.dtype != dtype:
            expected, got = (TYPE_NAMES.get(str(t)[6:]) for t in (dtype, data.dtype))
            raise TypeError(f"expected torch.{expected} (got torch.{got})")
        # An alias with the history of the tensor.
        return data.view_as(data) if data.layout == _C.strided else data.detach()
    if hasattr(data, "_as_tensor"):
        from ._storage_kinds import as_legacy_tensor

        return as_legacy_tensor(data, wanted)
    if isinstance(data, (str, bytes)):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    sequence = hasattr(data, "__len__") or hasattr(data, "__getitem__")
    if not sequence or getattr(data, "shape", None) == ():
        raise TypeError(f"new(): data must be a sequence (got {_full_name(type(data))})")
    return _C.tensor(data, dtype=wanted, device=device)


def _full_name(kind: type) -> str:
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


class LegacyMeta(type):
    """isinstance(x, torch.FloatTensor) asks for dtype and place; nothing can derive from such a class."""

    def __new__(cls, name, bases, members):
        for base in bases:
            raise TypeError(f"type 'torch.{base.__name__}' is not an acceptable base type")
        return super().__new__(cls, name, bases, members)

    def __instancecheck__(cls, value):
        return isinstance(value, _C.Tensor) and type_name(value) == f"torch.{cls.__name__}"

    def __repr__(cls):
        return f"<class 'torch.{cls.__name__}'>"


def legacy_type(name: str):
    """torch.FloatTensor and its like."""
    dtype = getattr(_C, _BY_NAME[name])

    def new(cls, *args, device=None, **kwargs):
        return construct(dtype, args, device, kwargs)

    members = {"__new__": new, "dtype": dtype, "layout": _C.strided, "is_cuda": False, "is_sparse": False}
    return LegacyMeta(name, (), members | {"__module__": "torch"})


def default_type(kind):
    """The dtype of a legacy floating-point type or its name, for set_default_tensor_type()."""
    if not isinstance(kind, (str, type)):
        raise TypeError("invalid type object: only floating-point types are supported as the default type")
    module, _, name = (kind if isinstance(kind, str) else _full_name(kind)).rpartition(".")
    if module.split(".")[0] != "torch":
        from importlib import import_module

        import_module(module or name)
    if module == "torch.cuda":
        raise TypeError(f"type {module}.{name} not available. Torch not compiled with CUDA enabled.")
    if name not in ("FloatTensor", "DoubleTensor", "HalfTensor", "BFloat16Tensor"):
        raise TypeError("only floating-point types are supported as the default type")
    return getattr(_C, _BY_NAME[name])
