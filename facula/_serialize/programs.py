"""What `weights_only=False` allows beyond weights: objects that are put together without running their code.

A class is never imported for a file: the program has imported it, or it is facula's own. Its objects are
made by `object.__new__` and given their attributes; a class that would run code of its own on the way
(`__new__`, `__setstate__`, `__reduce__`) or on the way out (`__del__`) is refused. Modules, optimizers and
enumerations have a `__setstate__` or a look-up that we know.
"""

from __future__ import annotations

import builtins
import enum
import pickle
import sys
import types
from collections import defaultdict, deque

from .. import _C
from .._C import Generator, Tensor
from .._tensor import _OVERRIDABLE, function_name
from .allowed import copying, set_fields
from .unpickler import check_key

UnpicklingError = pickle.UnpicklingError

# Types of the standard library that are data: how each is called with what pickle writes of it.
_DATA = {
    "argparse": ("Namespace",),
    "types": ("SimpleNamespace",),
    "datetime": ("datetime", "date", "time", "timedelta", "timezone"),
    "decimal": ("Decimal",),
    "fractions": ("Fraction",),
    "pathlib": ("Path", "PosixPath", "PurePath", "PurePosixPath", "PureWindowsPath"),
    "collections": ("deque", "defaultdict"),
    "builtins": ("list", "dict", "tuple", "set", "frozenset", "slice", "range", "complex", "bytes", "str")
    + ("int", "float", "bool", "object"),
}


def _from_parts(kind):
    if kind in (list, tuple, dict, set, frozenset):
        return copying(kind)

    def call(unpickler, *args):
        import datetime
        from fractions import Fraction

        parts = (int, float, complex, type, datetime.tzinfo, datetime.timedelta)
        for a in args:
            if isinstance(a, (list, tuple, str, bytes)):
                unpickler.spend(len(a))
            elif a is not None and not isinstance(a, parts):
                raise UnpicklingError(f"{kind.__name__} is not made of {type(a).__name__}")
        first = args[0] if args else None
        if kind is bytes and isinstance(first, int) or kind is int and isinstance(first, str):
            raise UnpicklingError(f"{kind.__name__} is not made of {type(first).__name__}")
        if kind is Fraction and isinstance(first, str) and (len(first) > 1000 or "e" in first.lower()):
            raise UnpicklingError("a Fraction is made of two whole numbers")
        return kind(*args)

    return call


def _defaultdict(unpickler, factory=None, *args):
    if args or not (factory is None or factory in (list, dict, set, tuple, int, float, str, bool)):
        raise UnpicklingError("defaultdict takes one of the built-in types")
    return defaultdict(factory)


def _deque(unpickler, items=(), maxlen=None):
    unpickler.spend(len(items))
    return deque(items, maxlen)


_SPECIAL = {"collections.defaultdict": _defaultdict, "collections.deque": _deque}


def find(module: str, name: str):
    """(object, how it is called or None), or None where nothing is allowed."""
    if name in _DATA.get(module, ()):
        found = getattr(__import__(module), name)
        return found, _SPECIAL.get(f"{module}.{name}") or _from_parts(found)
    if module in ("copyreg", "copy_reg") and name == "_reconstructor":
        import copyreg

        return copyreg._reconstructor, _reconstruct  # pyright: ignore
    if module.partition(".")[0] == "numpy":
        return _find_numpy(module, name)
    if module == "torch._C" and name.startswith("_VariableFunctions"):
        return _FUNCTIONS, None
    if name == "Generator" and module in ("torch", "torch._C"):
        return Generator, _generator
    if (module, name) == ("builtins", "getattr"):
        return getattr, _function
    if (module, name) == ("torch._utils", "_rebuild_wrapper_subclass"):
        return _WRAPPER, _wrapper
    if (module, name) == ("torch.masked.maskedtensor.core", "MaskedTensor"):
        from .._masked import MaskedTensor

        return MaskedTensor, None
    if (module, name) in (("torch._C", "TensorBase"), ("torch._C", "_TensorBase")):
        return Tensor, None
    if module in _BUILT_IN:
        module, start = _BUILT_IN[module]
        name = name.removeprefix(start)
    found = _loaded(module, name)
    if isinstance(found, type):
        kind = _kind(found)
        if kind is None:
            return None
        return found, _member(found) if kind == "enum" else None
    own = module == "torch" or module.startswith("torch.")
    if _is_function(found) and not (own and any(part[:1] == "_" for part in name.split("."))):
        return found, None
    return None


# Where PyTorch's files say that functions are: whose they are, and what their names there begin with.
_BUILT_IN = {
    "torch._C._nn": ("torch.nn.functional", ""),
    "torch._C._linalg": ("torch.linalg", "linalg_"),
    "torch._C._fft": ("torch.fft", "fft_"),
    "torch._C._special": ("torch.special", "special_"),
    "torch._C._sparse": ("torch.sparse", "_sparse_"),
    "torch.signal.windows.windows": ("torch.signal.windows", ""),
    "torch.masked._ops": ("torch.masked", ""),
}


def _generator(unpickler, device="cpu"):
    return Generator(device)


class _Named:
    """Stands for something that is not called itself."""

    def __init__(self, name: str) -> None:
        self.__qualname__ = name


def _wrapper(unpickler, kind, dtype, *looks):
    """A masked tensor yet without its data, which comes as its state."""
    from .._masked import MaskedTensor

    if kind is not MaskedTensor or not isinstance(dtype, _C.dtype) or len(looks) != 6:
        raise NotImplementedError("of wrapped tensors only MaskedTensor is implemented")
    result = _C._functions.empty(0, dtype=dtype).as_subclass(kind)
    result._masked_mask = _C._functions.empty(0, dtype=_C.bool)
    return result.requires_grad_(True) if looks[-1] is True else result


_FUNCTIONS = _Named("torch._C._VariableFunctions")
_WRAPPER = _Named("torch._utils._rebuild_wrapper_subclass")
_METHODS = (types.MethodDescriptorType, types.WrapperDescriptorType, types.FunctionType, _OVERRIDABLE)


def _function(unpickler, owner, name):
    """How PyTorch names torch.tanh: an attribute of the class of its functions; and torch.Tensor.tanh."""
    import facula
    from facula.nn.modules.lazy import LazyModuleMixin
    from facula.nn.parameter import Parameter

    if type(name) is str and (owner is Tensor or type(owner) in (Tensor, Parameter)):
        if isinstance(getattr(Tensor, name, None), _METHODS):
            return getattr(owner, name)
        raise UnpicklingError(f"getattr is only for methods of torch.Tensor, not for {name!r:.50}")

    # How Python 3.11 writes a member of an enumeration, in its first releases.
    if isinstance(owner, enum.EnumMeta) and type(name) is str and name in vars(owner)["_member_map_"]:
        return vars(owner)["_member_map_"][name]
    # Hooks of lazy modules are methods of theirs.
    if isinstance(owner, LazyModuleMixin) and name in ("_infer_parameters", "_lazy_load_hook"):
        return getattr(owner, name)
    found = getattr(facula, name, None) if owner is _FUNCTIONS and type(name) is str else None
    if found is None or function_name(found) is None:
        raise UnpicklingError(f"getattr is only for functions of torch, not for {name!r:.50}")
    return found


# Where facula's own classes and functions may be looked up; importing these runs nothing but definitions.
_PARTS = frozenset(
    "nn optim distributions utils functional linalg special fft sparse masked signal _tensor _utils".split()
)


def _is_open(path: list[str]) -> bool:
    """Whether what lies under these names in torch may be looked up; what torch itself has may."""
    return (len(path) < 2 or path[0] in _PARTS) and all(p.isidentifier() and p[:2] != "__" for p in path)


def _is_own(found) -> bool:
    spec = isinstance(found, types.ModuleType) and found.__spec__
    return bool(spec) and spec.name.partition(".")[0] == "facula"


def _loaded(module: str, name: str):
    """What a name means in a module of facula, or in any other that is already imported; None if nothing."""
    if module == "torch" or module.startswith("torch."):
        own = "facula" + module[len("torch") :]
        if not _is_open([*module.split(".")[1:], *name.split(".")]):
            return None
        try:
            from importlib import import_module

            found = import_module(own)
        except ImportError:
            return None
    else:
        found = sys.modules.get(module)
    for part in name.split("."):
        if _is_own(found):
            # By whatever name a module was come to, its own counts.
            if not _is_open([*found.__spec__.name.split(".")[1:], part]):
                return None
            found = getattr(found, part, None)  # facula's modules load their parts when they are asked for
        else:
            found = vars(found).get(part) if isinstance(found, (types.ModuleType, type)) else None
    return found


def _is_function(found) -> bool:
    """Functions that an object may refer to: facula's and those of the program itself. Nothing calls them."""
    if isinstance(found, types.FunctionType):
        start = (found.__module__ or "").partition(".")[0]
        return start in ("facula", "torch", "__main__")
    return isinstance(found, (types.BuiltinFunctionType, _OVERRIDABLE)) and function_name(found) is not None


_RUNS_CODE = ("__new__", "__setstate__", "__reduce__", "__reduce_ex__", "__del__", "__init_subclass__")


def _own_classes() -> tuple:
    from ..nn.modules.module import Module, _WrappedHook
    from ..optim.lr_scheduler import LRScheduler
    from ..optim.optimizer import Optimizer
    from ..utils.hooks import RemovableHandle

    return Module, Optimizer, LRScheduler, Generator, RemovableHandle, _WrappedHook


def _kind(cls: type) -> str | None:
    """'own', 'enum', 'named' (tuple) or 'plain'; None for classes whose objects are not made."""
    if issubclass(cls, _own_classes()):
        return None if _adds(cls, _RUNS_CODE) else "own"
    if issubclass(cls, enum.Enum):
        return "enum"
    if issubclass(cls, tuple) and hasattr(cls, "_fields") and not _has(cls, "__del__"):
        return "named"
    from .._C import Tensor

    if issubclass(cls, Tensor):
        return None if _adds(cls, ("__setstate__", "__del__", "__init_subclass__")) else "plain"
    if cls.__module__ == "builtins" or issubclass(cls, (BaseException, type)):
        return None
    allowed_bases = (object, dict, list)
    for base in cls.__mro__:
        if base in allowed_bases or base.__module__ in ("typing", "abc", "collections.abc"):
            continue
        if not base.__flags__ & (1 << 9):  # a type of C
            return None
        if any(name in vars(base) for name in _RUNS_CODE):
            return None
    return "plain"


def _has(cls: type, name: str) -> bool:
    return any(name in vars(base) for base in cls.__mro__ if base is not object)


def _adds(cls: type, names) -> bool:
    """Whether a class, or a base that is not facula's, has one of these methods."""
    return any(
        name in vars(base)
        for base in cls.__mro__
        if base is not object and base.__module__.partition(".")[0] not in ("facula", "torch")
        for name in names
    )


def _member(cls):
    def call(unpickler, value):
        check_key(value)
        try:
            member = cls._value2member_map_.get(value)
        except TypeError:
            member = next((m for m in cls if type(m.value) is type(value) and m.value == value), None)
        if member is None and issubclass(cls, enum.Flag) and type(value) is int and not _adds_missing(cls):
            member = cls(value)
        if member is None:
            raise UnpicklingError(f"{cls.__name__} has no member {value!r:.50}")
        return member

    return call


def _adds_missing(cls) -> bool:
    return any("_missing_" in vars(base) for base in cls.__mro__ if base.__module__ != "enum")


def may_fill(kind: type) -> bool:
    return kind is not dict and kind is not list and _kind(kind) == "plain"


def new(unpickler, cls: type, args: tuple):
    """An object of a class; its __init__ is not run."""
    kind = _kind(cls)
    if kind == "own":
        return cls.__new__(cls)
    if kind == "named" and len(args) == len(cls._fields):  # pyright: ignore
        return tuple.__new__(cls, args)
    if kind == "plain" and not args:
        for base in (dict, list):
            if issubclass(cls, base):
                return base.__new__(cls)
        from .._C import Tensor

        if not issubclass(cls, Tensor):
            return object.__new__(cls)
    call = unpickler.calls.get(id(cls))
    if call is not None and cls.__name__ in _DATA.get(cls.__module__, ()):
        return call(unpickler, *args)
    raise UnpicklingError(f"Trying to create new object for unrecognized class {cls}")


def build(obj, state) -> None:
    """State into an object that new() made."""
    cls = type(obj)
    kind = _kind(cls)
    if kind == "own":
        if not hasattr(cls, "__setstate__"):
            set_fields(obj, state)
        elif isinstance(state, (dict, tuple)):
            obj.__setstate__(state)
        else:
            raise UnpicklingError(f"the state of {cls.__name__} must be a dictionary")
    elif (
        kind == "plain"
        or cls.__name__ in _DATA.get(cls.__module__, ())
        and cls.__module__ in ("argparse", "types")
    ):
        set_fields(obj, state)
    elif cls is defaultdict or cls is deque:
        set_fields(obj, state)
    elif _numpy_state(obj, state):
        return
    else:
        raise UnpicklingError(f"Can not build objects of {cls}")


def _reconstruct(unpickler, cls, base, state=None):
    if base is builtins.object and state is None and isinstance(cls, type):
        return new(unpickler, cls, ())
    if base in (dict, list) and isinstance(cls, type) and issubclass(cls, base) and _kind(cls) == "plain":
        made = new(unpickler, cls, ())
        unpickler.spend(len(state))
        base.__init__(made, state)
        return made
    raise UnpicklingError("_reconstructor takes a plain class")


# --- NumPy: arrays and scalars ---


def _find_numpy(module: str, name: str):
    tail = module.rpartition(".")[2]
    if name in ("_reconstruct", "scalar", "_frombuffer") and tail in ("multiarray", "numeric"):
        return _Named(name), {"_reconstruct": _array, "scalar": _scalar, "_frombuffer": _frombuffer}[name]
    if module == "numpy" and name in ("dtype", "ndarray"):
        import numpy

        return getattr(numpy, name), _dtype if name == "dtype" else None
    return None


def _dtype(unpickler, code, align=False, copy=True):
    import numpy

    if not isinstance(code, str) or code[-1:] == "O" or "O" in code:
        raise UnpicklingError("arrays of objects are not loaded")
    return numpy.dtype(code)


def _array(unpickler, kind, shape, code):
    import numpy

    if kind is not numpy.ndarray:
        raise UnpicklingError("only plain arrays are loaded")
    return numpy.empty(0, dtype="i1")


def _scalar(unpickler, dtype, raw=b""):
    import numpy

    if not isinstance(dtype, numpy.dtype) or dtype.hasobject or not isinstance(raw, bytes):
        raise UnpicklingError("a NumPy scalar is made of a dtype and bytes")
    return numpy.frombuffer(raw, dtype=dtype, count=1)[0]


def _frombuffer(unpickler, raw, dtype, shape, order):
    import numpy

    if not isinstance(dtype, numpy.dtype) or dtype.hasobject or not isinstance(raw, (bytes, bytearray)):
        raise UnpicklingError("a NumPy array is made of bytes")
    unpickler.spend(len(raw))
    return numpy.frombuffer(bytearray(raw), dtype=dtype).reshape(shape, order=order)


def _numpy_state(obj, state) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(state, tuple):
        return False
    if isinstance(obj, numpy.dtype):
        if len(state) >= 2 and state[1] in ("<", "|", "=", None) and not any(state[2:5]):
            return True
        raise UnpicklingError("only simple NumPy dtypes of this machine's byte order are loaded")
    if type(obj) is numpy.ndarray and len(state) == 5:
        _version, shape, dtype, fortran, raw = state
        if not isinstance(dtype, numpy.dtype) or dtype.hasobject or not isinstance(raw, bytes):
            raise UnpicklingError("arrays of objects are not loaded")
        obj.__setstate__(state)
        return True
    return False
