"""torch.ops: operators by the names of PyTorch's dispatcher.

facula has no dispatcher. `torch.ops.aten.NAME.OVERLOAD` is a name for the public operation of that name,
which selective checkpoints ask for and which can be called. Other namespaces hold what torch.library defined.
"""

from __future__ import annotations

__all__ = ["load_library"]

# Names of the dispatcher's own, and where the operation is found.
_ELSEWHERE = {
    "_softmax": "softmax",
    "_log_softmax": "log_softmax",
    "_to_copy": "clone",
    "_unsafe_view": "reshape",
    "convolution": "_convolution",
    "native_dropout": "dropout",
    "native_group_norm": "group_norm",
    "_scaled_dot_product_flash_attention_for_cpu": "scaled_dot_product_attention",
    "upsample_nearest2d": "interpolate",
}
_OVERLOADS = frozenset(
    ("default", "Tensor", "Scalar", "Tensor_Scalar", "Tensor_Tensor", "Scalar_Tensor", "Tensor_mode")
    + ("Scalar_mode", "dim", "dim_IntList", "int", "IntList", "self", "other", "out", "correction", "names")
    + (
        "stable",
        "dim_int",
        "ScalarOpt_dim",
        "source_Tensor",
        "ScalarSelf",
        "ScalarOther",
        "start",
        "start_step",
    )
)


def load_library(path) -> None:
    """Raises OSError, as PyTorch does for a library that it cannot load: packages then go on without.

    In place of torchvision's, its operators are registered as far as facula has them.
    """
    from os import path as paths

    if paths.basename(str(path)).startswith("_C") and paths.basename(paths.dirname(path)) == "torchvision":
        from ._torchvision import register

        register()
        return
    raise OSError(f"torch.ops.load_library: facula cannot load operators compiled for PyTorch ({path})")


class OpOverload:
    """An operator of one signature, such as torch.ops.aten.mm.default."""

    def __init__(self, packet: OpOverloadPacket, overload: str) -> None:
        self.overloadpacket, self._overloadname = packet, overload
        self._opname, self.namespace = packet.__name__, packet._namespace
        self.__name__ = f"{packet.__name__}.{overload}"
        self.__module__ = f"torch.ops.{packet._namespace}"

    def name(self) -> str:
        """The name with its namespace: aten::add.Tensor."""
        tail = "" if self._overloadname == "default" else f".{self._overloadname}"
        return f"{self.namespace}::{self._opname}{tail}"

    def __call__(self, *args, **kwargs):
        return self.overloadpacket(*args, **kwargs)

    def __str__(self) -> str:
        return f"{self.namespace}.{self.__name__}"

    def __repr__(self) -> str:
        return f"<OpOverload(op='{self.namespace}.{self._opname}', overload='{self._overloadname}')>"


class OpOverloadPacket:
    """The operators of a name, such as torch.ops.aten.mm: called, it is the public operation."""

    def __init__(self, namespace: str, name: str, function, defined=None) -> None:
        self._namespace, self.__name__, self._function = namespace, name, function
        self._qualified_op_name = f"{namespace}::{name}"
        self._defined = defined or {}  # by a program, with torch.library: overload -> operator

    def overloads(self) -> list:
        """The names of its overloads."""
        return list(self._defined) or ["default"]

    def __call__(self, *args, **kwargs):
        return self._function(*args, **kwargs)

    def __getattr__(self, name: str):
        if name in self._defined:
            return self._defined[name]
        if name not in _OVERLOADS or self._defined:
            raise AttributeError(
                f"The underlying op of '{self._namespace}.{self.__name__}' has no overload name '{name}'"
            )
        overload = OpOverload(self, name)
        setattr(self, name, overload)
        return overload

    def __str__(self) -> str:
        return f"{self._namespace}.{self.__name__}"

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='{self._namespace}.{self.__name__}')>"


class _Namespace:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        defined = _defined(self._name, name)
        function = next(iter(defined.values()), None) or (_public(name) if self._name == "aten" else None)
        if function is None:
            raise _missing(f"torch.ops.{self._name}.{name}", name)
        packet = OpOverloadPacket(self._name, name, function, defined)
        setattr(self, name, packet)
        return packet

    def __repr__(self) -> str:
        return f"<module 'torch.ops.{self._name}' from 'torch.ops'>"


def _alias(input):
    return input.view(input.shape)


def _index(input, indices):
    return input[tuple(slice(None) if i is None else i for i in indices)]


def _slice(input, dim: int = 0, start=None, end=None, step: int = 1):
    return input[(slice(None),) * (dim % input.dim()) + (slice(start, end, step),)]


def _pin_memory(input, device=None):
    return input.pin_memory()


def _sparse_mm_reduce_impl(*args):
    raise NotImplementedError("torch.ops.aten._sparse_mm_reduce_impl: facula does not have it")


def _max_pool2d_with_indices_backward(
    grad_output, input, kernel_size, stride, padding, dilation, ceil_mode, indices
):
    nothing = input.masked_fill(input.new_ones((), dtype=_torch().bool), 0)  # has a gradient, of zeros
    planes = nothing.flatten(-2).scatter_add(-1, indices.flatten(-2), grad_output.flatten(-2))
    result = planes.view(input.shape)
    if input.is_contiguous():
        return result
    return _torch().empty_like(input).copy_(result)  # laid out as the input


def _torch():
    import facula

    return facula


# What the dispatcher has under names of its own and programs write as expressions.
_WRITTEN = {
    f.__name__.removeprefix("_"): f for f in (_alias, _index, _slice, _max_pool2d_with_indices_backward)
}
_WRITTEN |= {f.__name__: f for f in (_pin_memory, _sparse_mm_reduce_impl)}


def _public(name: str):
    """The operation of a name: a function, one of nn.functional, or a method; None where there is none."""
    import facula as torch

    if name in _WRITTEN:
        return _WRITTEN[name]
    if name == "_sparse_addmm":
        return torch.sparse.addmm
    name = _ELSEWHERE.get(name, name)
    for place in (torch, torch.nn.functional, torch.Tensor):
        found = getattr(place, name, None) if not isinstance(getattr(place, name, None), type) else None
        if callable(found):
            return found
    return None


def _defined(namespace: str, name: str) -> dict:
    """The operators of a name that torch.library has defined, by overload."""
    from ._library import operators

    key = f"{namespace}::{name}"
    return {op._overloadname: op for k, op in operators.items() if k == key or k.startswith(key + ".")}


def _forget(namespace: str, name: str | None = None) -> None:
    """What torch.library has changed is looked up anew."""
    if namespace in _namespaces:
        found = vars(_namespaces[namespace])
        for key in [name] if name else [k for k in found if k != "_name"]:
            found.pop(key, None)


def _missing(path: str, name: str) -> AttributeError:
    class MissingOperator(AttributeError, NotImplementedError):
        """hasattr() asks for the one, calls in programs for the other."""

    text = f"{path}: facula has no operator of this name; use torch.{name} where there is one"
    return MissingOperator(text)


# Overloads of in-place operators by what is written: a number, a tensor. Arithmetic wraps its numbers.
_BY_VALUE = dict.fromkeys(
    ("add", "sub", "subtract", "mul", "multiply", "div", "divide"), ("Tensor", "Tensor")
)
_BY_VALUE |= dict.fromkeys(("true_divide", "floor_divide"), ("Tensor", "Tensor"))
_BY_VALUE |= dict.fromkeys(
    (
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "copysign",
        "eq",
        "fill",
        "float_power",
        "fmod",
        "ge",
        "greater",
    )
    + ("greater_equal", "gt", "le", "less", "less_equal", "lt", "ne", "not_equal", "pow", "remainder", "lerp")
    + ("masked_fill",),
    ("Scalar", "Tensor"),
)
_BY_VALUE |= dict.fromkeys(("bitwise_left_shift", "bitwise_right_shift"), ("Tensor_Scalar", "Tensor"))
_BY_VALUE |= dict.fromkeys(("clamp", "clip", "clamp_min", "clamp_max"), ("", "Tensor"))
_BY_VALUE |= {"xlogy": ("Scalar_Other", "Tensor"), "index_fill": ("int_Scalar", "int_Tensor")}
_BY_VALUE |= {"bernoulli": ("float", "Tensor"), "scatter": ("value", "src"), "set": ("", "source_Tensor")}


def written_name(operation: str, args: tuple, keywords: dict) -> str:
    """The operator that an in-place call of these arguments is to PyTorch's dispatcher: aten::add_.Tensor."""
    from . import Tensor

    given = [*args[1:], *keywords.values()]
    name, overload = operation.rstrip("_"), ""
    if operation == "__setitem__":
        by_tensor = [
            t for t in (args[1] if isinstance(args[1], tuple) else (args[1],)) if isinstance(t, Tensor)
        ]
        return "aten::index_put_" if by_tensor else "aten::copy_"
    if name in _BY_VALUE and given:
        values = [v for v in given if v is not None and not isinstance(v, str)]
        overload = _BY_VALUE[name][bool(values) and isinstance(values[-1], Tensor)]
        if name in ("add", "sub", "div", "subtract", "divide") and "rounding_mode" in keywords:
            overload = "Tensor_mode"
        elif name == "scatter" and "reduce" in keywords:
            overload = "value_reduce" if overload == "value" else "reduce"
    elif name == "squeeze" and given:
        overload = "dims" if isinstance(given[0], (tuple, list)) else "dim"
    elif name == "random" and given:
        overload = "to" if len(given) == 1 else "from"
    elif name == "round" and given:
        overload = "decimals"
    elif name == "scatter_reduce":
        overload = "two"
    return f"aten::{name}_" + (f".{overload}" if overload else "")


_namespaces: dict[str, _Namespace] = {}


def __getattr__(name: str):
    if name.startswith("__"):
        raise AttributeError(name)
    if name not in _namespaces:
        _namespaces[name] = _Namespace(name)
    return _namespaces[name]
