"""Small functions that modules share."""

from __future__ import annotations

import facula as torch

Tensor = torch.Tensor


def _typename(o: object) -> str:
    """The name of an object's type in error messages, as torch.typename gives it."""
    if isinstance(o, Tensor):
        return o.type()
    module = getattr(o, "__module__", None)
    name = getattr(o, "__qualname__", None) or getattr(o, "__name__", None) or type(o).__name__
    if module in (None, "builtins"):
        return name
    return f"{'torch' + module[6:] if module.split('.')[0] == 'facula' else module}.{name}"


def _addindent(text: str, spaces: int) -> str:
    return text.replace("\n", "\n" + spaces * " ")


def _parse_to(*args, **kwargs):
    """The device, dtype, non_blocking and memory_format that arguments of `to` mean."""
    device = dtype = None
    args = list(args)
    if args and isinstance(args[0], Tensor):
        device, dtype = args[0].device, args[0].dtype
        args.pop(0)
    elif args and isinstance(args[0], torch.dtype):
        dtype = args.pop(0)
    elif args:
        device = args.pop(0)
        if args and (args[0] is None or isinstance(args[0], torch.dtype)):
            dtype = args.pop(0)
    non_blocking = args.pop(0) if args else kwargs.pop("non_blocking", False)
    memory_format = kwargs.pop("memory_format", None)
    if "tensor" in kwargs:
        other = kwargs.pop("tensor")
        device, dtype = other.device, other.dtype
    device = kwargs.pop("device", device)
    dtype = kwargs.pop("dtype", dtype)
    kwargs.pop("copy", None)
    if args or kwargs:
        got = ", ".join(
            [type(a).__name__ for a in args] + [f"{k}={type(v).__name__}" for k, v in kwargs.items()]
        )
        raise TypeError(f"to() received an invalid combination of arguments - got ({got})")
    if device is not None and not isinstance(device, torch.device):
        device = torch.device(device)
    return device, dtype, non_blocking, memory_format
