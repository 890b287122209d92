"""How modules put other tensors in the place of their parameters: conversions, and loading by exchange."""

from __future__ import annotations

import sys
from collections.abc import Callable

import facula as torch

_FUTURE = f"{torch.__name__}.__future__"


def _setting(name: str) -> bool:
    """One of the settings in torch.__future__, which whoever changes them has imported."""
    future = sys.modules.get(_FUTURE)
    return future is not None and getattr(future, f"get_{name}_module_params_on_conversion")()


class _Conversion:
    """The part of Module that converts its tensors."""

    __slots__ = ()

    def _apply(self, fn: Callable, recurse: bool = True):
        from ..parameter import Parameter

        if recurse:
            for module in self.children():
                module._apply(fn)
        swaps, overwrites = _setting("swap"), _setting("overwrite")
        for name, param in self._parameters.items():
            if param is None:
                continue
            with torch.no_grad():
                applied = fn(param)
            grad, kept = param.grad, param
            if swaps:
                self._swap_parameter(name, param, Parameter(applied, param.requires_grad), grad)
            elif applied.device.type == param.device.type and not overwrites:
                param.data = applied
            else:
                kept = self._parameters[name] = Parameter(applied, param.requires_grad)
            if grad is not None:
                with torch.no_grad():
                    grad_applied = fn(grad).requires_grad_(grad.requires_grad)
                if swaps:
                    torch.utils.swap_tensors(grad, grad_applied)
                    grad_applied = grad
                kept.grad = grad_applied
        for name, buf in self._buffers.items():
            if buf is not None:
                self._buffers[name] = fn(buf)
        return self

    def _swap_parameter(self, name: str, param, applied, grad) -> None:
        try:
            param.grad = None  # it is held by the tensor, and what is held is not swapped
            torch.utils.swap_tensors(param, applied)
        except Exception as error:
            param.grad = grad
            raise RuntimeError(f"_apply(): Couldn't swap {self._get_name()}.{name}") from error

    @staticmethod
    def _swap_in(param, value, assign: bool) -> bool:
        """Loads a value by exchange, if modules are set to do so; whether they are."""
        if not _setting("swap"):
            return False
        from ..parameter import Parameter

        with torch.no_grad():
            loaded = param.module_load(value, assign=assign)
            if loaded is value or loaded is param:
                raise RuntimeError(
                    "module_load returned one of self or other, please .detach() the result if returning one "
                    "of the inputs in module_load"
                )
            if isinstance(param, Parameter):
                if isinstance(loaded, Parameter):
                    loaded.requires_grad_(param.requires_grad)
                else:
                    loaded = Parameter(loaded, requires_grad=param.requires_grad)
        torch.utils.swap_tensors(param, loaded)
        return True
