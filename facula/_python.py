"""Functions of the torch namespace that need no engine."""

from __future__ import annotations

from . import _C

_default_device = _C.device("cpu")
_deterministic = False
_precision = "highest"


def is_tensor(obj) -> bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, _C.Tensor)


def is_storage(obj) -> bool:
    """Whether `obj` is a storage."""
    from .storage import TypedStorage, UntypedStorage

    return isinstance(obj, (UntypedStorage, TypedStorage))


def typename(obj) -> str:
    """The name of a tensor's legacy type, or of an object's class with its module."""
    if isinstance(obj, _C.Tensor):
        return obj.type()
    kind = obj if isinstance(obj, type) or callable(obj) and hasattr(obj, "__qualname__") else type(obj)
    module = getattr(kind, "__module__", "") or ""
    name = getattr(kind, "__qualname__", "")
    return name if module in ("", "builtins", "__builtin__") else f"{module}.{name}"


def get_default_device():
    """The device of new tensors: always the CPU."""
    return _default_device


def set_default_device(device) -> None:
    """Accepts the CPU, which is where all tensors are; raises for anything else."""
    if device is not None and _C.device(device).type != "cpu":
        raise NotImplementedError(f"set_default_device({device!r}): facula makes tensors on 'cpu'")


def set_default_tensor_type(kind) -> None:
    """Sets the default dtype by a legacy type or its name (`torch.DoubleTensor`)."""
    names = {
        "FloatTensor": _C.float32,
        "DoubleTensor": _C.float64,
        "HalfTensor": _C.float16,
        "BFloat16Tensor": _C.bfloat16,
    }
    name = kind if isinstance(kind, str) else getattr(kind, "__name__", "")
    dtype = names.get(name.rsplit(".", 1)[-1])
    if dtype is None:
        raise TypeError("invalid type object: only floating-point types are supported as the default type")
    _C.set_default_dtype(dtype)


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remembers the wish; results are always deterministic."""
    global _deterministic
    _deterministic = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """What `use_deterministic_algorithms` was last told."""
    return _deterministic


def set_float32_matmul_precision(precision: str) -> None:
    """Remembers the wish; float32 products are always computed in float32."""
    global _precision
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"{precision} is not one of 'highest', 'high' or 'medium'.")
    _precision = precision


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` was last told."""
    return _precision


def set_num_interop_threads(count: int) -> None:
    """Accepted: there is one pool of threads, see `set_num_threads`."""
    if count <= 0:
        raise RuntimeError("set_num_interop_threads expects a positive integer")


def get_num_interop_threads() -> int:
    """How many operations run at the same time: one."""
    return 1


def compile(model=None, **kwargs):
    """The function or module itself: there is no compiler yet."""
    if model is None:
        return lambda function: function
    return model
