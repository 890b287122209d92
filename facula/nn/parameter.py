"""Parameter and Buffer: tensors that a module recognises as its own."""

from __future__ import annotations

import facula as torch

from .. import _C

__all__ = ["Parameter", "Buffer"]

Tensor = torch.Tensor


class _ParameterMeta(type(Tensor)):
    """Lets any tensor marked `_is_param` count as a Parameter, and names the class as PyTorch does."""

    def __instancecheck__(cls, instance) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return cls is Parameter and isinstance(instance, Tensor) and getattr(instance, "_is_param", False)

    def __repr__(cls) -> str:
        module = cls.__module__
        return (
            f"<class '{'torch' + module[6:] if module.startswith('facula') else module}.{cls.__qualname__}'>"
        )


def _rebuild_parameter(data, requires_grad, backward_hooks):
    return Parameter(data, requires_grad)


def _rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    param = Parameter(data, requires_grad)
    param.__dict__.update(state)
    return param


class Parameter(Tensor, metaclass=_ParameterMeta):
    """A tensor that a module lists among its parameters when it is assigned to an attribute.

    Args:
        data: the values; the parameter shares their memory. None gives an empty tensor.
        requires_grad: whether gradients are computed for it.
    """

    def __new__(cls, data=None, requires_grad: bool = True):
        if data is None:
            data = torch.empty(0)
        if type(data) is Tensor or type(data) is Parameter:
            return Tensor._make_subclass(cls, data, requires_grad)
        # A tensor of another class keeps its class and is marked instead.
        t = data.detach().requires_grad_(requires_grad)
        if type(t) is not type(data):
            raise RuntimeError(
                f"Creating a Parameter from an instance of type {type(data).__name__} requires that detach() "
                f"returns an instance of the same type, but return type {type(t).__name__} was "
                "found instead. To "
                "use the type as a Parameter, please correct the detach() semantics defined by its "
                "__torch_dispatch__() implementation."
            )
        t._is_param = True
        return t

    # Operations on a parameter give plain tensors.
    __torch_function__ = _C._disabled_torch_function_impl

    def __deepcopy__(self, memo: dict):
        if id(self) in memo:
            return memo[id(self)]
        result = type(self)(self.detach().clone(), self.requires_grad)
        memo[id(self)] = result
        return result

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __reduce_ex__(self, protocol):
        from collections import OrderedDict

        # Hooks of a parameter are not saved.
        what = (self.detach(), self.requires_grad, OrderedDict())
        state = getattr(self, "__dict__", None)
        return (_rebuild_parameter_with_state, (*what, state)) if state else (_rebuild_parameter, what)


class _BufferMeta(type(Tensor)):
    def __instancecheck__(cls, instance) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return cls is Buffer and isinstance(instance, Tensor) and getattr(instance, "_is_buffer", False)


class Buffer(Tensor, metaclass=_BufferMeta):
    """A tensor that becomes a buffer of the module it is assigned to.

    Args:
        data: the values; memory is shared.
        persistent: whether it goes into the module's state_dict.
    """

    def __new__(cls, data=None, *, persistent: bool = True):
        if data is None:
            data = torch.empty(0)
        t = data.detach().requires_grad_(data.requires_grad)
        t.persistent = persistent
        t._is_buffer = True
        return t


def is_lazy(param) -> bool:
    """Whether it is an UninitializedParameter or UninitializedBuffer."""
    return hasattr(type(param), "materialize")


def __getattr__(name):
    if name in ("UninitializedBuffer", "UninitializedParameter", "UninitializedTensorMixin"):
        from . import _uninitialized

        return getattr(_uninitialized, name)
    from .._names import missing

    raise missing(__name__, name, __dir__)


def __dir__():
    return sorted({*globals(), "UninitializedBuffer", "UninitializedParameter", "UninitializedTensorMixin"})
