"""Parameters and buffers whose shape is not known yet; torch.nn.parameter hands them on."""

from __future__ import annotations

import facula as torch

from .parameter import Parameter

__all__ = ["UninitializedBuffer", "UninitializedParameter", "UninitializedTensorMixin"]

Tensor = torch.Tensor
_HOME = __name__.replace("_uninitialized", "parameter")


class _Materialized(Tensor):
    """What a buffer is once it has a shape: a tensor whose operations give ordinary tensors."""

    __torch_function__ = torch._C._disabled_torch_function_impl


def plain(t):
    """The tensor itself, or an ordinary one of the same memory in place of a materialised buffer."""
    return t.detach().requires_grad_(t.requires_grad) if type(t) is _Materialized else t


class UninitializedTensorMixin:
    """What such tensors refuse, and how they get a shape."""

    _allowed_methods = [
        getattr(Tensor, name)
        for name in (
            "__hash__ size copy_ is_complex is_floating_point half float double char short int long cuda "
            "cpu to "
            "get_device"
        ).split()
        if hasattr(Tensor, name)
    ]
    cls_to_become: type

    def materialize(self, shape, device=None, dtype=None) -> None:
        """Makes it an ordinary tensor of this shape, with undefined values.

        Args:
            shape: the sizes.
            device, dtype: its own unless given.
        """
        device = self.data.device if device is None else device
        dtype = self.data.dtype if dtype is None else dtype
        self.data = torch.empty(shape, device=device, dtype=dtype)
        # An object cannot become one of the extension's own classes; lazy modules put `plain` in its place.
        self.__class__ = _Materialized if self.cls_to_become is Tensor else self.cls_to_become

    @property
    def shape(self):
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
            "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. Call "
            "`forward` to initialize the parameters before accessing their attributes."
        )

    def share_memory_(self):
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize the "
            "parameters before calling `module.share_memory()`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol):
        return type(self), (self.requires_grad,)

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        # A method wrapper reads or writes an attribute.
        if func in cls._allowed_methods or type(func).__name__ == "method-wrapper":
            return super().__torch_function__(func, types, args, kwargs or {})
        raise ValueError(
            f"Attempted to use an uninitialized parameter in {func}. This error happens when you are using a "
            f"`LazyModule` or explicitly manipulating `torch.nn.parameter.{cls.__name__}` objects. When "
            "using "
            "LazyModules Call `forward` with a dummy batch to initialize the parameters before calling torch "
            "functions"
        )


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter without a shape: it can be converted and moved, and materialised.

    Args:
        requires_grad: of the parameter that it becomes.
        device, dtype: likewise.
    """

    cls_to_become = Parameter

    def __new__(cls, requires_grad=True, device=None, dtype=None):
        return Tensor._make_subclass(cls, torch.empty(0, device=device, dtype=dtype), requires_grad)

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.data.device, self.data.dtype)
        return memo[id(self)]


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer without a shape, otherwise as UninitializedParameter."""

    cls_to_become = Tensor

    def __new__(cls, requires_grad=False, device=None, dtype=None, persistent=True):
        made = Tensor._make_subclass(cls, torch.empty(0, device=device, dtype=dtype), requires_grad)
        made.persistent = persistent
        made._is_buffer = True
        return made


for _class in (UninitializedTensorMixin, UninitializedParameter, UninitializedBuffer):
    _class.__module__ = _HOME
