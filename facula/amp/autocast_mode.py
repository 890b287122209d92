"""Regions in which functions cast their arguments: torch.autocast, on the CPU."""

from __future__ import annotations

from functools import partial, wraps

import facula as torch

from .. import _C

__all__ = ["autocast", "autocast_decorator", "custom_bwd", "custom_fwd", "is_autocast_available"]

_DEVICES = frozenset("cpu cuda ipu xpu maia xla mps hpu mtia privateuseone".split())


class _State:
    """What holds for a type of device."""

    def __init__(self, dtype) -> None:
        self.enabled = False
        self.dtype = dtype
        self.cache = True


_states: dict[str, _State] = {}
_nesting = 0
_cache_enabled = True
_mode = None  # the mode that casts, while it is on the stack


def _state(device_type: str) -> _State:
    if device_type not in _states:
        kind = _C.device(device_type).type  # raises for what is no device
        if kind not in _DEVICES:
            raise RuntimeError("unsupported scalarType")
        half = torch.float16 if kind in ("cuda", "mps") else torch.bfloat16
        _states.setdefault(device_type, _State(half))
    return _states[device_type]


def is_autocast_available(device_type: str) -> bool:
    """Whether there is autocast for a type of device."""
    _C.device(device_type)
    return device_type in _DEVICES


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether functions on a type of device cast their arguments."""
    return _state(device_type).enabled


def set_autocast_enabled(device_type, enabled=None) -> None:
    """Turns casting on or off for a type of device (CUDA where only a truth value is given)."""
    global _mode
    if enabled is None:
        device_type, enabled = "cuda", device_type
    _state(device_type).enabled = bool(enabled)
    if device_type != "cpu":
        return
    if enabled and _mode is None:
        from ._policy import CastingMode

        _mode = CastingMode(_state("cpu"))
        _mode.__enter__()
    elif not enabled and _mode is not None and _nesting == 0:
        count = _C._len_torch_function_stack()
        if count and _C._get_function_stack_at(count - 1) is _mode:
            _mode.__exit__(None, None, None)
            _mode = None


def get_autocast_dtype(device_type: str):
    """The type to which a type of device casts."""
    return _state(device_type).dtype


def set_autocast_dtype(device_type: str, dtype) -> None:
    """Sets the type to which a type of device casts."""
    _state(device_type).dtype = dtype


def is_autocast_cache_enabled() -> bool:
    """Whether the casts of parameters are kept within a region."""
    return _cache_enabled


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Sets whether the casts of parameters are kept within a region."""
    global _cache_enabled
    _cache_enabled = _state("cpu").cache = bool(enabled)


def autocast_increment_nesting() -> int:
    """Enters a region; returns how many there are."""
    global _nesting
    _nesting += 1
    return _nesting


def autocast_decrement_nesting() -> int:
    """Leaves a region; returns how many there are."""
    global _nesting
    _nesting -= 1
    return _nesting


def clear_autocast_cache() -> None:
    """Drops the casts of parameters."""
    from ._policy import forget_casts

    forget_casts()


is_autocast_cpu_enabled = partial(is_autocast_enabled, "cpu")
set_autocast_cpu_enabled = partial(set_autocast_enabled, "cpu")
get_autocast_cpu_dtype = partial(get_autocast_dtype, "cpu")
set_autocast_cpu_dtype = partial(set_autocast_dtype, "cpu")
get_autocast_gpu_dtype = partial(get_autocast_dtype, "cuda")
set_autocast_gpu_dtype = partial(set_autocast_dtype, "cuda")


def autocast_decorator(autocast_instance, func):
    """A function that runs `func` in a region."""

    @wraps(func)
    def decorated(*args, **kwargs):
        with autocast_instance:
            return func(*args, **kwargs)

    return decorated


class autocast:  # noqa: N801  a context manager
    """A region, or a decorator for one, in which functions cast their arguments.

    On the CPU matrix products, convolutions and attention run in bfloat16 (or float16), losses and
    decompositions in float32, as in PyTorch; other functions run in the type that they are given.

    Args:
        device_type: "cpu"; others are accepted, and disabled where PyTorch without them disables them.
        dtype: torch.bfloat16 (the default) or torch.float16.
        enabled: False leaves the types alone.
        cache_enabled: whether a parameter is cast once in a region, however often it is used.

    Example:
        >>> import facula as torch
        >>> x = torch.ones(2, 2)
        >>> with torch.autocast("cpu"):
        ...     print((x @ x).dtype, (x + x).dtype)
        torch.bfloat16 torch.float32
    """

    def __init__(self, device_type: str, dtype=None, enabled: bool = True, cache_enabled=None) -> None:
        import warnings

        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        self.device = device_type
        if not is_autocast_available(device_type):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        self._cache_enabled = _cache_enabled if cache_enabled is None else cache_enabled
        if enabled and device_type == "cuda":
            warnings.warn("CUDA is not available or torch_xla is imported. Disabling autocast.", stacklevel=2)
            enabled = False
        elif enabled and self.fast_dtype not in (torch.bfloat16, torch.float16):
            name = device_type.upper()
            warnings.warn(
                f"In {name} autocast, but the target dtype is not supported. Disabling autocast.\n{name} "
                "Autocast "
                "only supports dtypes of torch.bfloat16, torch.float16 currently.",
                stacklevel=2,
            )
            enabled = False
        self._enabled = enabled

    def __enter__(self):
        global _mode
        state = _state(self.device)
        self.prev_cache_enabled = _cache_enabled
        self.prev = state.enabled
        self.prev_fastdtype = state.dtype
        self._pushed = None
        state.enabled, state.dtype = self._enabled, self.fast_dtype
        autocast_increment_nesting()
        set_autocast_cache_enabled(self._cache_enabled)
        if self._enabled and self.device == "cpu" and _mode is None:
            from ._policy import CastingMode

            _mode = self._pushed = CastingMode(state)
            _mode.__enter__()
        return self

    def __exit__(self, exc_type, exc_value, traceback) -> bool:
        global _mode
        state = _state(self.device)
        if autocast_decrement_nesting() == 0:
            clear_autocast_cache()
        state.enabled, state.dtype = self.prev, self.prev_fastdtype
        set_autocast_cache_enabled(self.prev_cache_enabled)
        if self._pushed is not None:
            self._pushed.__exit__(None, None, None)
            _mode = self._pushed = None
        return False

    def __call__(self, func):
        if not callable(func):
            raise TypeError(
                f"autocast()(func) requires a callable, but got {type(func).__name__}. Did you mean to "
                "use autocast "
                "as a context manager? For example:\n    with torch.autocast(device_type=...):\n"
                "        output = model(input)"
            )
        return autocast_decorator(self, func)


def _cast(value, device_type: str, dtype):
    """Floating-point tensors, inside containers too, in another type."""
    from collections.abc import Iterable, Mapping

    if isinstance(value, torch.Tensor):
        floating = value.is_floating_point() and value.dtype is not torch.float64
        return value.to(dtype) if floating and value.device.type == device_type else value
    if isinstance(value, Mapping):
        return {_cast(k, device_type, dtype): _cast(v, device_type, dtype) for k, v in value.items()}
    if (
        isinstance(value, Iterable)
        and not isinstance(value, (str, bytes))
        and not hasattr(value, "__array__")
    ):
        values = (_cast(v, device_type, dtype) for v in value)
        return type(value)(values) if isinstance(value, (list, tuple)) else values
    return value


def _need_str(device_type) -> None:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")


def custom_fwd(fwd=None, *, device_type: str, cast_inputs=None):
    """Decorates `forward` of an autograd.Function for use in a region.

    With `cast_inputs` its tensors are cast to that type and it runs outside the region, else inside.
    """
    _need_str(device_type)
    if fwd is None:
        return partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @wraps(fwd)
    def decorated(*args, **kwargs):
        args[0]._dtype = get_autocast_dtype(device_type)
        enabled = is_autocast_enabled(device_type)
        args[0]._fwd_used_autocast = enabled and cast_inputs is None
        if not enabled or cast_inputs is None:
            return fwd(*args, **kwargs)
        with autocast(device_type=device_type, enabled=False):
            ctx, *rest = args
            rest = [_cast(a, device_type, cast_inputs) for a in rest]
            return fwd(ctx, *rest, **_cast(kwargs, device_type, cast_inputs))

    return decorated


def custom_bwd(bwd=None, *, device_type: str):
    """Decorates `backward` of an autograd.Function: it runs as its `forward` did, in a region or outside."""
    _need_str(device_type)
    if bwd is None:
        return partial(custom_bwd, device_type=device_type)

    @wraps(bwd)
    def decorated(*args, **kwargs):
        ctx = args[0]
        with autocast(device_type=device_type, enabled=ctx._fwd_used_autocast, dtype=ctx._dtype):
            return bwd(*args, **kwargs)

    return decorated
