"""torch.overrides: classes and modes that see the calls they are part of, by `__torch_function__`.

The engine asks before it runs a function, method, operator or attribute of a tensor; here is what users of
the protocol need: modes, questions, and the list of what can be overridden.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache, wraps

from . import _C
from ._C import _has_torch_function as has_torch_function
from ._C import _has_torch_function_unary as has_torch_function_unary  # noqa: F401
from ._C import _has_torch_function_variadic as has_torch_function_variadic  # noqa: F401

__all__ = [
    "get_default_nowrap_functions",
    "get_ignored_functions",
    "get_overridable_functions",
    "get_testing_overrides",
    "handle_torch_function",
    "has_torch_function",
    "is_tensor_like",
    "is_tensor_method_or_property",
    "resolve_name",
    "wrap_torch_function",
]

_MODULES = ("", "functional", "nn.functional", "nn.init", "linalg", "fft", "special", "signal.windows")
_METHOD_TYPES = (type(_C.Tensor.add), type(object.__eq__), _C._overridable)
_FUNCTION_TYPES = (type(len), _C._overridable)
_IGNORED = frozenset(
    "is_tensor is_storage typename from_numpy frombuffer manual_seed seed initial_seed get_rng_state "
    "set_rng_state set_num_threads get_num_threads set_default_dtype get_default_dtype is_grad_enabled "
    "is_inference_mode_enabled is_anomaly_enabled is_anomaly_check_nan_enabled".split()
)
_NOT_METHODS = frozenset(
    "__class__ __new__ __init__ __init_subclass__ __subclasshook__ __getattribute__ __setattr__ __delattr__ "
    "__reduce__ __getstate__ __sizeof__ __hash__ __doc__ __dict__ __weakref__ __torch_function__ __iter__ "
    "__array_interface__ __array_priority__ __str__ __getattr__ _make_subclass _make_wrapper_subclass "
    "as_subclass __reduce_ex__ _repr_html_ _swap_contents".split()
)


def handle_torch_function(public_api, relevant_args, *args, **kwargs):
    """Asks the modes and the classes of `relevant_args` that have a `__torch_function__`.

    Args:
        public_api: the function that the user called.
        relevant_args: the arguments whose classes count.
        args, kwargs: what the function was called with.

    Raises:
        TypeError: every handler returned NotImplemented.

    Example:
        >>> import facula as torch
        >>> from facula.overrides import handle_torch_function, has_torch_function_unary
        >>> def double(x):
        ...     if has_torch_function_unary(x):
        ...         return handle_torch_function(double, (x,), x)
        ...     return x * 2
        >>> double(torch.tensor(2))
        tensor(4)
    """
    return _C._handle_torch_function(public_api, relevant_args, *args, **kwargs)


def is_tensor_like(inp) -> bool:
    """Whether an object is a tensor, or of a class with a `__torch_function__`."""
    return type(inp) is _C.Tensor or hasattr(inp, "__torch_function__")


def wrap_torch_function(dispatcher):
    """Decorator that makes a function overridable.

    Args:
        dispatcher: takes the same arguments and returns those whose classes count.
    """

    def decorate(function):
        @wraps(function)
        def wrapped(*args, **kwargs):
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return function(*args, **kwargs)

        return wrapped

    return decorate


def _namespaces():
    from importlib import import_module

    for name in _MODULES:
        try:
            yield "torch." + name if name else "torch", import_module("facula." + name if name else "facula")
        except ModuleNotFoundError:
            continue


@lru_cache(None)
def _overridable():
    """(name space -> functions, function -> its public name)."""
    from ._tensor import add_methods

    add_methods()
    found, names = {}, {}
    for prefix, module in _namespaces():
        functions = found.setdefault(module, [])
        for name in dir(module):
            if name.startswith("_") or name in _IGNORED:
                continue
            value = getattr(module, name, None)
            if isinstance(value, _FUNCTION_TYPES):
                functions.append(value)
                names.setdefault(value, f"{prefix}.{name}")
    methods = found[_C.Tensor] = []
    for name in sorted(vars(_C.Tensor)):
        value = vars(_C.Tensor)[name]
        if name in _NOT_METHODS or name.startswith("_foreach"):
            continue
        if isinstance(value, type(_C.Tensor.shape)):
            found[value] = [value.__get__]
            names[value.__get__] = f"torch.Tensor.{name}.__get__"
            names[value.__set__] = f"torch.Tensor.{name}.__set__"
        elif isinstance(value, _METHOD_TYPES):
            methods.append(value)
            names.setdefault(value, f"torch.Tensor.{value.__name__}")  # not that of an alias
    return found, names


def get_overridable_functions():
    """What `__torch_function__` can override: a dictionary from modules and classes to lists of functions."""
    return _overridable()[0]


def get_ignored_functions():
    """Public functions that `__torch_function__` never sees, as a set."""
    import facula

    functions = {getattr(facula, name) for name in _IGNORED if hasattr(facula, name)}
    return functions | {
        getattr(_C.Tensor, name) for name in ("as_subclass", "_make_subclass", "__new__", "__init__")
    }


def get_default_nowrap_functions():
    """Attributes whose value keeps its class in `Tensor.__torch_function__`: .grad and ._base."""
    return {vars(_C.Tensor)[name].__get__ for name in ("_base", "grad", "_grad")}


def get_testing_overrides():
    """A function that returns -1 for each function that can be overridden."""
    return {function: _minus_one for functions in _overridable()[0].values() for function in functions}


def _minus_one(*args, **kwargs):
    return -1


def resolve_name(f):
    """The public name of an overridable function ("torch.Tensor.add"), or None."""
    try:
        return _overridable()[1].get(f)
    except TypeError:
        return None


def is_tensor_method_or_property(func) -> bool:
    """Whether a function handed to `__torch_function__` is a method or an attribute's getter of Tensor."""
    return getattr(func, "__name__", "") == "__get__" or func in _methods()


@lru_cache(None)
def _methods():
    return frozenset(_overridable()[0][_C.Tensor])


def _public_name(function):
    """The name for error texts, found without the whole list where it can be."""
    owner = getattr(function, "__objclass__", None)
    if owner is _C.Tensor:
        return "torch.Tensor." + function.__name__
    of = getattr(function, "__self__", None)
    if isinstance(of, type(_C.Tensor.shape)):
        return f"torch.Tensor.{of.__name__}.{function.__name__}"
    return (
        resolve_name(function)
        or f"{getattr(function, '__module__', '')}.{getattr(function, '__name__', function)}"
    )


class TorchFunctionMode:
    """Context in which every function of torch first comes to the mode's `__torch_function__`.

    Modes nest; the innermost is asked first, and is off while its own handler runs.

    Example:
        >>> import facula as torch
        >>> class Names(torch.overrides.TorchFunctionMode):
        ...     def __torch_function__(self, func, types, args=(), kwargs=None):
        ...         print(func.__name__)
        ...         return func(*args, **(kwargs or {}))
        >>> with Names():
        ...     x = torch.ones(2) + 1
        ones
        add
    """

    inner = None

    def __init__(self):
        pass

    def __torch_function__(self, func, types, args=(), kwargs=None):
        raise NotImplementedError

    def __enter__(self):
        if isinstance(getattr(self.__torch_function__, "__self__", None), type):
            raise RuntimeError(
                "Defining your mode's `__torch_function__` as a classmethod is not supported, please make it "
                "a plain method"
            )
        _C._push_on_torch_function_stack(self)
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        _C._pop_torch_function_stack()

    @classmethod
    def push(cls, *args, **kwargs):
        """The mode itself, for programs of the time when `with Mode.push():` was written."""
        return cls(*args, **kwargs)


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that only calls on."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


def _get_current_function_mode():
    count = _C._len_torch_function_stack()
    return _C._get_function_stack_at(count - 1) if count else None


def _get_current_function_mode_stack():
    return [_C._get_function_stack_at(i) for i in range(_C._len_torch_function_stack())]


@contextmanager
def _pop_mode_temporarily():
    mode = _C._pop_torch_function_stack()
    try:
        yield mode
    finally:
        _C._push_on_torch_function_stack(mode)


@contextmanager
def _enable_torch_function():
    yield
