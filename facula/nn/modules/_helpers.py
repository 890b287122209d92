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


def _no_such_call(args, kwargs) -> TypeError:
    def kind(value) -> str:
        name = type(value).__name__
        return f"torch.{name}" if isinstance(value, (torch.device, torch.dtype)) else name

    got = ", ".join(map(kind, args))
    if kwargs:
        got += ", " * bool(args) + ", ".join(f"{k}={kind(v)}" for k, v in kwargs.items()) + ", "
    return TypeError(
        f"to() received an invalid combination of arguments - got ({got}), but expected one of:\n"
        " * (torch.device device, torch.dtype dtype, bool non_blocking, bool copy)\n"
        " * (torch.dtype dtype, bool non_blocking, bool copy)\n"
        " * (Tensor tensor, bool non_blocking, bool copy)"
    )


def _parse_to(*args, **kwargs):
    """The device, dtype, non_blocking and memory_format that arguments of `to` mean."""
    device = dtype = None
    given, named = args, dict(kwargs)
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
        elif args:
            raise _no_such_call(given, named)
    non_blocking = args.pop(0) if args else kwargs.pop("non_blocking", False)
    memory_format = kwargs.pop("memory_format", None)
    if "tensor" in kwargs:
        other = kwargs.pop("tensor")
        device, dtype = other.device, other.dtype
    device = kwargs.pop("device", device)
    dtype = kwargs.pop("dtype", dtype)
    copy = args.pop(0) if args else kwargs.pop("copy", False)
    if args or kwargs or not isinstance(non_blocking, bool) or not isinstance(copy, bool):
        raise _no_such_call(given, named)
    if copy:
        raise RuntimeError(".to() does not accept copy argument")
    if device is not None and not isinstance(device, torch.device):
        device = torch.device(device)
    return device, dtype, non_blocking, memory_format
