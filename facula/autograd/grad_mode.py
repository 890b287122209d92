"""Contexts and decorators that say whether operations are recorded."""

from .. import _C

_set = _C._set_grad_enabled


class _Decorator:
    """A context that also decorates functions and generator functions; may be used bare: `@torch.no_grad`."""

    def __new__(cls, *args, **kwargs):
        self = object.__new__(cls)
        if len(args) == 1 and not kwargs and callable(args[0]):
            self.__init__()
            return self(args[0])
        return self

    def __call__(self, function):
        from functools import wraps
        from inspect import isgeneratorfunction

        if isinstance(function, type):
            import warnings

            warnings.warn(
                "Decorating classes is deprecated and will be disabled in future versions. You should only "
                "decorate functions or methods. To preserve the current behavior of class decoration, you "
                "can directly decorate the `__init__` method and nothing else.",
                FutureWarning,
                stacklevel=2,
            )
        if isgeneratorfunction(function):

            @wraps(function)
            def generator(*args, **kwargs):
                with self.clone():
                    inner = function(*args, **kwargs)
                resume, given = inner.send, None
                while True:
                    try:
                        with self.clone():
                            value = resume(given)
                    except StopIteration as stop:
                        return stop.value
                    try:
                        resume, given = inner.send, (yield value)
                    except GeneratorExit:
                        with self.clone():
                            inner.close()
                        raise
                    except BaseException as error:  # noqa: BLE001  handed on to the generator
                        resume, given = inner.throw, error

            return generator

        @wraps(function)
        def wrapper(*args, **kwargs):
            with self.clone():
                return function(*args, **kwargs)

        return wrapper

    def clone(self):
        return self.__class__()


class no_grad(_Decorator):
    """Context in which operations are not recorded."""

    def __enter__(self):
        self.previous = _set(False)

    def __exit__(self, *exc):
        _set(self.previous)


class enable_grad(_Decorator):
    """Context in which operations are recorded."""

    def __enter__(self):
        self.previous = _set(True)

    def __exit__(self, *exc):
        _set(self.previous)


class set_grad_enabled(_Decorator):
    """Switches recording on or off, at once and until the context ends.

    Args:
        mode: True to record operations.
    """

    def __new__(cls, mode):
        return object.__new__(cls)

    def __init__(self, mode):
        if not isinstance(mode, bool):
            raise TypeError(
                f"set_grad_enabled(): argument 'enabled' (position 1) must be bool, not {type(mode).__name__}"
            )
        self.mode = mode
        self.previous = _set(self.mode)

    def __call__(self, function):
        _set(self.previous)
        return super().__call__(function)

    def __enter__(self):
        _set(self.mode)

    def __exit__(self, *exc):
        _set(self.previous)

    def clone(self):
        return self.__class__(self.mode)

    def __str__(self) -> str:
        return f"torch.autograd.grad_mode.set_grad_enabled(mode={self.mode})"

    __repr__ = __str__


class inference_mode(_Decorator):
    """Context in which operations are not recorded and new tensors never take part in autograd.

    Args:
        mode: False switches back to normal inside an inference region.
    """

    def __new__(cls, mode=True):
        if callable(mode):
            self = object.__new__(cls)
            self.__init__()
            return self(mode)
        return object.__new__(cls)

    def __init__(self, mode=True):
        self.mode = mode

    def __enter__(self):
        self.grad = _set(False)
        self.previous = _C._set_inference_mode(self.mode)
        self.forward = _C._set_fwd_grad_enabled(not self.mode)
        _set(not self.mode)

    def __exit__(self, *exc):
        _C._set_fwd_grad_enabled(self.forward)
        _C._set_inference_mode(self.previous)
        _set(self.grad)

    def clone(self):
        return self.__class__(self.mode)


class set_multithreading_enabled(_Decorator):
    """Accepted for compatibility: a backward runs on the thread that calls it.

    Args:
        mode: True or False.
    """

    asked = True  # what was asked for last

    def __new__(cls, mode):
        return object.__new__(cls)

    def __init__(self, mode):
        self.mode = mode
        self.previous = set_multithreading_enabled.asked
        set_multithreading_enabled.asked = mode

    def __enter__(self):
        pass

    def __exit__(self, *exc):
        set_multithreading_enabled.asked = self.previous

    def clone(self):
        return self.__class__(self.mode)


class enforce_grad_layout_policy(_Decorator):
    """Whether the first gradient of a leaf is given the strides of the leaf, which is the default.

    Without, a gradient that may be taken without a copy is taken as it is. Holds from the call on; as a
    context or decorator, within.

    Args:
        enable: True or False.
    """

    def __new__(cls, enable=True):
        return object.__new__(cls)

    def __init__(self, enable=True):
        self.mode = enable
        self.previous = _C._is_grad_layout_enforcement_enabled()
        _C._set_grad_layout_enforcement_enabled(enable)

    def __call__(self, f):
        _C._set_grad_layout_enforcement_enabled(self.previous)
        return super().__call__(f)

    def __enter__(self):
        pass

    def __exit__(self, *exc):
        _C._set_grad_layout_enforcement_enabled(self.previous)

    def clone(self):
        return self.__class__(self.mode)


def is_multithreading_enabled() -> bool:
    """What was asked for last with `set_multithreading_enabled`."""
    return set_multithreading_enabled.asked


_C._is_multithreading_enabled = is_multithreading_enabled
