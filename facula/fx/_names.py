"""Names in generated programs: of functions, of types, and unique ones for values."""

from __future__ import annotations

import builtins
import inspect
import keyword
import math
import re
import types

import facula as torch

__all__ = ["Namespace", "format_target", "is_from_torch", "qualified_name", "snake_case", "type_name"]

_UPPER_AFTER_LOWER = re.compile(r"(?<=[a-z])([A-Z])")
_NOT_IN_A_NAME = re.compile("[^0-9a-zA-Z_]+")
_NAME = re.compile(r"^([a-zA-Z_][0-9a-zA-Z_]*?)(?:_(\d+))?$")

# What every generated program may use without being told: name -> object.
BUILTINS = {"inf": math.inf, "nan": math.nan, "NoneType": type(None), "torch": torch, "device": torch.device}
# How a stored program imports them.
IMPORTS = {
    "inf": "from math import inf",
    "nan": "from math import nan",
    "NoneType": "NoneType = type(None)",
    "torch": "import torch",
    "device": "from torch import device",
}
_TAKEN = {**{word: object() for word in keyword.kwlist}, **vars(builtins), **BUILTINS}


def snake_case(name: str) -> str:
    """`batchNorm` -> `batch_norm`."""
    return _UPPER_AFTER_LOWER.sub(r"_\1", name).lower()


class Namespace:
    """Gives each object one name, each name once, and none that Python or the program's head uses."""

    def __init__(self) -> None:
        self._obj_to_name: dict = {}
        self._used_names: set[str] = set()
        self._base_count: dict[str, int] = {}

    def create_name(self, candidate: str, obj) -> str:
        """A free name like `candidate`; the name of `obj` where it has one."""
        if obj is not None and obj in self._obj_to_name:
            return self._obj_to_name[obj]
        if _NAME.match(candidate) is None:
            candidate = _NOT_IN_A_NAME.sub("_", candidate) or "_unnamed"
            if candidate[0].isdigit():
                candidate = f"_{candidate}"
        base, digits = _NAME.match(candidate).group(1, 2)  # pyright: ignore
        if digits is None or candidate in self._used_names:
            number = self._base_count.get(base, 0)
            if _TAKEN.get(candidate, obj) is not obj:
                number += 1
                candidate = f"{base}_{number}"
        else:
            number = int(digits)
        while candidate in self._used_names:
            number += 1
            candidate = f"{base}_{number}"
        self._used_names.add(candidate)
        self._base_count[base] = number
        if obj is not None:
            self._obj_to_name[obj] = candidate
        return candidate

    def _rename_object(self, obj, name: str) -> None:
        self._obj_to_name[obj] = name
        self._used_names.add(name)


def format_target(base: str, target: str) -> str:
    """The expression for an attribute of an attribute: `self.layers[0].weight` has no such dots."""
    for part in target.split("."):
        base = f"{base}.{part}" if part.isidentifier() else f'getattr({base}, "{part}")'
    return base


def _public_home(function) -> str | None:
    """The public module that has the function by its name: facula keeps many elsewhere than PyTorch."""
    name = function.__name__
    functional = torch.nn.functional
    # What both have counts as the one PyTorch says it is: its Python functions are of nn.functional.
    for module, home in (
        (torch, "torch"),
        (functional, "torch.nn.functional"),
        (torch.special, "torch.special"),
        (torch.linalg, "torch.linalg"),
        (torch.fft, "torch.fft"),
    ):
        if getattr(module, name, None) is function:
            return home
    return None


def qualified_name(function) -> str:
    """How a program names a function: `torch.relu`, `torch.Tensor.add`, `getattr`, `package.f`."""
    name = function.__name__
    if getattr(builtins, name, None) is function:
        return name
    if getattr(torch.Tensor, name, None) is function:
        return f"torch.Tensor.{name}"
    if name == "<lambda>":
        try:
            name = inspect.getsource(function).split("=")[0].strip()
        except Exception as error:
            raise RuntimeError("Unable to represent lambda") from error
    home = getattr(function, "__module__", None)
    if home is None or home.startswith(("torch.", "facula")) or home == "torch":
        home = _public_home(function) or home
    if home is None:
        raise RuntimeError(f"cannot find module for {function}")
    if home.partition(".")[0] == "facula":  # which has not been asked to answer to torch
        home = "torch" + home[len("facula") :]
    return f"{home.replace('torch._ops', 'torch.ops')}.{name}"


def is_from_torch(obj) -> bool:
    """Whether a program reaches the object through `torch` itself."""
    home = getattr(obj, "__module__", None)
    if home is not None:
        return home.partition(".")[0] in ("torch", "facula")
    name = getattr(obj, "__name__", None)
    return name is not None and name != "torch" and callable(obj) and _public_home(obj) is not None


def type_name(obj) -> str:
    """A type as annotations write it."""
    if isinstance(obj, type) and not isinstance(obj, types.GenericAlias):
        return obj.__qualname__ if obj.__module__ == "builtins" else f"{obj.__module__}.{obj.__qualname__}"
    if obj is ...:
        return "..."
    return obj.__name__ if isinstance(obj, types.FunctionType) else repr(obj)
