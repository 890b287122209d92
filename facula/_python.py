"""Functions of the torch namespace that need no engine."""

from __future__ import annotations

from . import _C

_default_device = _C.device("cpu")
_entered = None  # what set_default_device() has entered
_deterministic = _warn_only = False
_fills_memory = True  # torch.utils.deterministic.fill_uninitialized_memory
_warn_always = _warned_of_types = False
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
    """Where tensors are made that are given no device: that of the innermost `with torch.device(...)`."""
    for i in reversed(range(_C._len_torch_function_stack())):
        mode = _C._get_function_stack_at(i)
        if hasattr(mode, "default_device"):
            return mode.default_device
    return _default_device


def set_default_device(device) -> None:
    """Sets where tensors are made that are given no device.

    Args:
        device: "cpu", or "meta" for tensors without memory; None: the CPU.
    """
    from ._device_mode import enter, leave

    global _entered
    if _entered is not None:
        leave(_entered)
        _entered = None
    if device is not None and _C.device(device).type != "cpu":
        _entered = _C.device(device)
        enter(_entered)


def set_default_tensor_type(kind) -> None:
    """Sets the default dtype by a legacy type or its name (`torch.DoubleTensor`); deprecated.

    Raises:
        TypeError: it is no floating-point type, or one of a device that is not there.
    """
    from ._legacy import default_type

    global _warned_of_types
    if not _warned_of_types or _warn_always:
        import warnings

        _warned_of_types = True
        warnings.warn(
            "torch.set_default_tensor_type() is deprecated as of PyTorch 2.1, please use "
            "torch.set_default_dtype() and torch.set_default_device() as alternatives.",
            stacklevel=2,
        )
    _C.set_default_dtype(default_type(kind))


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Whether new memory is filled (`torch.utils.deterministic`); results are always deterministic.

    Raises:
        TypeError: `mode` or `warn_only` is no bool.
    """
    global _deterministic, _warn_only
    for name, value in (("'mode' (position 1)", mode), ("'warn_only'", warn_only)):
        if not isinstance(value, bool):
            kind = type(value).__name__
            raise TypeError(f"_set_deterministic_algorithms(): argument {name} must be bool, not {kind}")
    _deterministic, _warn_only = mode, warn_only
    _C._set_fills_new_memory(mode and _fills_memory)


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """What `use_deterministic_algorithms` was last told of warnings."""
    return _warn_only


def set_deterministic_debug_mode(debug_mode) -> None:
    """The same wish as "default", "warn" or "error", or 0, 1, 2."""
    modes = {"default": 0, "warn": 1, "error": 2}
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    mode = modes.get(debug_mode) if isinstance(debug_mode, str) else debug_mode
    if mode not in (0, 1, 2):
        text = "one of `default`, `warn`, `error`" if isinstance(debug_mode, str) else "0, 1, or 2"
        raise RuntimeError(f"invalid value of debug_mode, expected {text}, but got {debug_mode}")
    use_deterministic_algorithms(mode > 0, warn_only=mode == 1)


def get_deterministic_debug_mode() -> int:
    """0, 1 or 2: see `set_deterministic_debug_mode`."""
    return 0 if not _deterministic else 1 if _warn_only else 2


def set_warn_always(b: bool) -> None:
    """Whether what warns once a process warns each time; Python's filters say how often that shows."""
    global _warn_always
    _warn_always = bool(b)
    _C._set_warn_always(_warn_always)


def is_warn_always_enabled() -> bool:
    """What `set_warn_always` was last told."""
    return _warn_always


def set_flush_denormal(mode: bool) -> bool:
    """False: denormal numbers are always kept."""
    return False


def get_device_module(device=None):
    """The module of a type of device: torch.cpu."""
    from importlib import import_module

    kind = "cpu" if device is None else _C.device(device).type
    try:
        return import_module(f"facula.{kind}")
    except ModuleNotFoundError:
        raise RuntimeError(
            f"Invalid device module 'torch.{kind}': torch does not have such a module"
        ) from None


def are_deterministic_algorithms_enabled() -> bool:
    """What `use_deterministic_algorithms` was last told."""
    return _deterministic


def set_float32_matmul_precision(precision: str) -> None:
    """Remembers the wish; float32 products are always computed in float32."""
    global _precision
    if not isinstance(precision, str):
        raise RuntimeError(f"set_float32_matmul_precision expects a str, but got {type(precision).__name__}")
    if precision not in ("highest", "high", "medium"):
        import warnings

        text = f"{precision} is not one of 'highest', 'high', or 'medium'; nothing changes"
        warnings.warn(text, stacklevel=2)
    else:
        _precision = precision


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` was last told."""
    return _precision


def compiled_with_cxx11_abi() -> bool:
    """True: the standard library's strings and lists are those of C++11."""
    return True


def set_num_interop_threads(count: int) -> None:
    """Accepted: there is one pool of threads, see `set_num_threads`."""
    if count <= 0:
        raise RuntimeError("set_num_interop_threads expects a positive integer")


def get_num_interop_threads() -> int:
    """How many operations run at the same time: one."""
    return 1


def compile(
    model=None, *, fullgraph=False, dynamic=None, backend="inductor", mode=None, options=None, disable=False
):
    """The function or module itself: there is no compiler yet. Decorates too, with arguments or without.

    Raises:
        RuntimeError: both `mode` and `options` are given.
    """

    def same(function):
        if mode is not None and options is not None:
            raise RuntimeError(
                "Either mode or options can be specified, but both can't be specified at the same time."
            )
        return function

    return same if model is None else same(model)


# --- small answers ---

# What is behind linear algebra, products, threads and Fourier transforms here.
has_lapack = has_spectral = True
has_mkl = has_openmp = False


class AcceleratorError(RuntimeError):
    """An error of a device; never raised on the CPU."""


def get_device(input) -> int:
    """The number of the tensor's device: -1 on the CPU."""
    return input.get_device()


def is_inference(input) -> bool:
    """Whether a tensor was made in inference mode."""
    return input.is_inference()


def is_vulkan_available() -> bool:
    """False."""
    return False


def set_anomaly_enabled(enabled: bool, check_nan: bool = True) -> None:
    """Switches anomaly detection on or off."""
    from .autograd import set_detect_anomaly

    set_detect_anomaly(enabled, check_nan)


def cond(pred, true_fn, false_fn, operands=()):
    """true_fn(*operands) or false_fn(*operands): there is nothing to trace, one of them is called.

    Args:
        pred: a bool, or a tensor of one element.
    """
    if not isinstance(pred, bool) and not (isinstance(pred, _C.Tensor) and pred.numel() == 1):
        raise RuntimeError(f"Expected pred to be bool or tensor, but got {pred}.")
    if not callable(true_fn) or not callable(false_fn):
        raise RuntimeError("Expect both branches to be callable.")
    return (true_fn if pred else false_fn)(*operands)


# Of symbols in PyTorch's compiler; of numbers they are what they say.


def sym_int(a):
    """The whole part of a number."""
    return int(a)


def sym_float(a):
    """A number as a float."""
    return float(a)


def sym_not(a):
    """not a."""
    return not a


def sym_max(a, b):
    """The larger of two numbers, a float if one is."""
    kind = float if float in (type(a), type(b)) else type(max(a, b))
    return kind(max(a, b))


def sym_min(a, b):
    """The smaller of two numbers, a float if one is."""
    kind = float if float in (type(a), type(b)) else type(min(a, b))
    return kind(min(a, b))


def sym_sum(args):
    """The sum of numbers."""
    return sum(args)


def sym_ite(b, t, f):
    """t if b else f."""
    return t if b else f


def sym_sqrt(a):
    """The square root of a number."""
    return a**0.5
