"""Operations written in Python as compositions of others: a file a family, a decorated function each.

    @composite("torch", "Tensor")
    def cov(input, *, correction=1, fweights=None, aweights=None): ...

The decorator is the entry: names, methods, `out=`, in-place forms and stubs come from it; there is no list to
edit. The modules here are imported when a name is asked for that the extension does not have.
"""

from __future__ import annotations

from functools import wraps
from importlib import import_module
from operator import index
from pkgutil import iter_modules

from .. import _C

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["as_int", "composite", "find", "home", "names", "operations", "space", "wrapped_dim"]

# (name, function, spaces, other names, has out=, has an in-place form): stubs, docs, tests follow.
_OPERATIONS: list[tuple[str, Callable, tuple[str, ...], tuple[str, ...], bool, bool]] = []
# Name space -> name -> function. "torch", "Tensor" and what follows "torch." in a module's name.
_SPACES: dict[str, dict[str, Callable]] = {}
_loaded = False


def composite(
    *spaces: str, name: str = "", aliases: str = "", out: bool | str = False, inplace: bool = False
) -> Callable[[Callable], Callable]:
    """Publishes a function in name spaces: "torch", "Tensor", "nn.functional", "linalg", "special", "fft" ...

    Args:
        spaces: where it is found. As a method of Tensor its first parameter is the tensor.
        name: the public name where it differs from the function's.
        aliases: other public names, separated by spaces.
        out: add `out=`: a tensor (or a tuple of them) that is resized if need be and receives the result;
            "exact": which must have its dtype. Other texts choose the error of a dtype that will not do: the
            name that PyTorch puts before it, or all of it, with {} for the two dtypes, which must be one, and
            {field} for the name of one of several results.
        inplace: also publish `name_`, which copies the result into its first argument.
    """

    def publish(function: Callable) -> Callable:
        # Classes and modes with a __torch_function__ are asked first; torch.f and Tensor.f are two.
        own = name or function.__name__
        checked = _with_out(function, out) if out else function
        native = bool({"torch", "linalg", "fft", "special"} & {*spaces})
        if native:
            checked = _of_tensors(checked, own)
        public = _C._overridable(checked, own)
        method = None
        if "Tensor" in spaces:
            method = _C._overridable(_of_tensors(function, own) if native else function, own)
        _OPERATIONS.append((own, public, spaces, tuple(aliases.split()), bool(out), inplace))
        for each in (own, *aliases.split()):
            for space in spaces:
                _SPACES.setdefault(space, {})[each] = method if space == "Tensor" else public
                if inplace and space in ("torch", "Tensor"):
                    _SPACES[space][each + "_"] = _C._overridable(_in_place(function, each + "_"))
        return public

    return publish


# Parameters that PyTorch's parser also takes under the names that NumPy has for them.
_NUMPY_NAMES = {
    "axis": "dim",
    "keepdims": "keepdim",
    "x": "input",
    "a": "input",
    "x1": "input",
    "x2": "other",
}


def _renamed(function: Callable, kwargs: dict) -> dict:
    code = getattr(function, "__code__", None)
    if code is None:
        return kwargs
    parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]

    def name(key: str) -> str:
        other = _NUMPY_NAMES.get(key, key)
        return key if key in parameters or other not in parameters or other in kwargs else other

    return {name(key): value for key, value in kwargs.items()}


def _of_tensors(function: Callable, name: str) -> Callable:
    """An argument that is no tensor but should be is a TypeError, whatever the function stumbles over."""
    original = getattr(function, "__wrapped__", function)

    @wraps(function)
    def call(*args, **kwargs):
        if kwargs:
            kwargs = _renamed(original, kwargs)
        try:
            return function(*args, **kwargs)
        except AttributeError as error:
            given = [*enumerate(args, 1), *kwargs.items()]
            wrong = [(at, o) for at, o in given if o is error.obj and not isinstance(o, _C.Tensor)]
            if given and not wrong and not isinstance(given[0][1], (_C.Tensor, list, tuple)):
                wrong = given[:1]
            if not wrong or hasattr(wrong[0][1], "__torch_function__"):
                raise
            at, value = wrong[0]
            at = (
                f"'{at}'"
                if isinstance(at, str)
                else f"'{original.__code__.co_varnames[at - 1]}' (position {at})"
            )
            raise TypeError(f"{name}(): argument {at} must be Tensor, not {type(value).__name__}") from None

    return call


def _with_out(function: Callable, kind: bool | str) -> Callable:
    def store(out, result, field=""):
        if kind is not True and isinstance(out, _C.Tensor) and out.dtype != result.dtype:
            _refuse_dtype(kind, result.dtype, out.dtype, field)
        return _C._copy_to_out(out, result, function.__name__)

    @wraps(function)
    def call(*args, out=None, **kwargs):
        result = function(*args, **kwargs)
        if out is None:
            return result
        if isinstance(result, _C.Tensor):
            return store(out, result)
        if len(out) != len(result):
            raise TypeError(f"{function.__name__}(): 'out' must hold {len(result)} tensors, not {len(out)}")
        fields = getattr(result, "__match_args__", ("",) * len(result))
        return type(result)([store(*each) for each in zip(out, result, fields)])

    return call


def _refuse_dtype(kind: str, wanted, given, field: str) -> None:
    """Raises what PyTorch says of the dtype of an `out=`: its own check, or the one of this function."""
    from .linalg_norms import type_name

    if kind == "exact":
        raise RuntimeError(f"Expected out tensor to have dtype {wanted}, but got {given} instead")
    if " " in kind:
        raise RuntimeError(kind.format(type_name(wanted), type_name(given), field=field))
    if not _C._functions.can_cast(wanted, given):
        raise RuntimeError(
            f"{kind}: Expected result to be safely castable from {type_name(wanted)} dtype, but got result "
            f"with dtype {type_name(given)}"
        )


def tensors(values):
    """The tensors among values, and in lists and tuples among them."""
    for value in values:
        if isinstance(value, _C.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors(value)


def as_int(value):
    """An int for what stands for one, a NumPy integer or a tensor of one; anything else as it is."""
    if value is None or isinstance(value, (int, tuple, list)):
        return value
    try:
        return index(value)
    except TypeError:
        return value


def wrapped_dim(dim: int, ndim: int) -> int:
    """A dimension counted from the front, or PyTorch's IndexError."""
    if not -ndim <= dim < ndim:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {dim})"
        )
    return dim % ndim


def _in_place(function: Callable, name: str) -> Callable:
    def call(self, *args, **kwargs):
        return self.copy_(function(self, *args, **(_renamed(function, kwargs) if kwargs else kwargs)))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"{function.__name__} into the tensor itself."
    return call


def _load() -> dict[str, dict[str, Callable]]:
    global _loaded
    if not _loaded:
        _loaded = True  # first: a family may ask for names while it is imported
        for module in iter_modules(__path__):
            import_module(f"{__name__}.{module.name}")
        for name, function in _SPACES.get("Tensor", {}).items():
            if name not in vars(_C.Tensor):
                _C._add_method(name, function)
    return _SPACES


def find(space: str, name: str) -> Callable | None:
    """The function that is `name` in this name space, or None."""
    return _load().get(space, {}).get(name)


def operations() -> list[tuple[str, Callable, tuple[str, ...], tuple[str, ...], bool, bool]]:
    """Every composite operation: (name, function, spaces, other names, has out=, has an in-place form)."""
    _load()
    return _OPERATIONS


def home(function: Callable) -> tuple[str, str] | None:
    """The module and name under which PyTorch has one of these functions: ('torch.linalg', 'norm')."""
    from ..functional import __all__ as kept_apart

    for name, public, spaces, *_ in operations():
        if public is function:
            space = next((each for each in spaces if each != "Tensor"), None)
            if space == "torch":
                return "torch.functional" if name in kept_apart else "torch", name
            return (f"torch.{space}", name) if space else None
    return None


def names(space: str) -> list[str]:
    """What this name space has from here."""
    return sorted(_load().get(space, {}))


def space(module: str, extension: object, namespace: dict) -> tuple[Callable, Callable]:
    """Fills a module such as torch.linalg with the extension's operations.

    Returns its `__getattr__` and `__dir__`, which know the composite ones.
    """
    short = module.partition(".")[2]
    namespace.update({k: v for k, v in vars(extension).items() if not k.startswith("__")})

    def __getattr__(name: str):
        if name == "__all__":
            return sorted(n for n in __dir__() if not n.startswith("_"))
        function = None if name.startswith("__") else find(short, name)
        if function is None:
            from .._names import missing

            raise missing(module, name, __dir__)
        namespace[name] = function
        return function

    def __dir__():
        own = (k for k, v in namespace.items() if getattr(v, "__module__", "") != __name__)
        return sorted({*own, *names(short)} - {"space"})

    return __getattr__, __dir__
