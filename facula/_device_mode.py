"""`with torch.device("meta"):` makes tensors there that are given no device."""

from __future__ import annotations

from . import _C
from .overrides import TorchFunctionMode

_factories: set = set()


def _makes_tensors(name):
    """Whether a function makes a tensor from sizes and numbers: its entry takes a device and no tensor."""
    if not _factories:
        from .func._batch import entries

        _factories.update(e.name for e in entries() if "device" in e.names and "Tensor" not in e.types)
        _factories.update(("tensor", "as_tensor", "asarray"))
    return name in _factories


class DeviceMode(TorchFunctionMode):
    """Gives functions that make tensors a device.

    Args:
        device: where.
    """

    def __init__(self, device):
        super().__init__()
        self.default_device = device

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if kwargs.get("device") is None and _makes_tensors(getattr(func, "__name__", "")):
            kwargs = {**kwargs, "device": self.default_device}
        return func(*args, **kwargs)


_running: list = []


def enter(device):
    """Begins a context; the CPU in no other context needs none."""
    mode = DeviceMode(device) if device.type != "cpu" or _C._len_torch_function_stack() else None
    _running.append(mode)
    if mode is not None:
        mode.__enter__()
    return device


def leave(device, *exc):
    """Ends the innermost context."""
    mode = _running.pop()
    if mode is not None:
        mode.__exit__(None, None, None)
