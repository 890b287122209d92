"""The limits of number types: `finfo` and `iinfo`."""

from __future__ import annotations

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
else:
    Any = object  # for typing.get_type_hints

__all__ = ["finfo", "iinfo"]

# name: bits, distance from 1 to the next number, largest number, smallest normal number, decimal resolution
_FLOATS: dict[str, tuple[int, float, float, float, float]] = {
    "float64": (64, 2.0**-52, (2 - 2.0**-52) * 2.0**1023, 2.0**-1022, 1e-15),
    "float32": (32, 2.0**-23, (2 - 2.0**-23) * 2.0**127, 2.0**-126, 1e-6),
    "float16": (16, 2.0**-10, (2 - 2.0**-10) * 2.0**15, 2.0**-14, 1e-3),
    "bfloat16": (16, 2.0**-7, (2 - 2.0**-7) * 2.0**127, 2.0**-126, 1e-2),
    "float8_e4m3fn": (8, 2.0**-3, 448.0, 2.0**-6, 1.0),
    "float8_e5m2": (8, 2.0**-2, 57344.0, 2.0**-14, 1.0),
    "float8_e4m3fnuz": (8, 2.0**-3, 240.0, 2.0**-7, 1.0),
    "float8_e5m2fnuz": (8, 2.0**-3, 57344.0, 2.0**-15, 1.0),  # eps as PyTorch gives it
    "float8_e8m0fnu": (8, 1.0, 2.0**127, 2.0**-127, 1.0),
}
_REALS = {"complex32": "float16", "complex64": "float32", "complex128": "float64"}
_PYTHON_TYPES = {float: "float64", complex: "complex128", int: "int64", bool: "bool"}


class _Info:
    __slots__ = ("_values",)
    _values: dict[str, Any]
    __hash__ = None  # type: ignore[assignment]  # as PyTorch's

    def __init__(self, values: dict[str, Any]) -> None:
        object.__setattr__(self, "_values", values)

    def __getattr__(self, name: str) -> Any:
        values = object.__getattribute__(self, "_values")
        if name in values:
            return values[name]
        raise AttributeError(f"'torch.{self.__class__.__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(
            f"attribute '{name}' of 'torch.{self.__class__.__name__}' objects is not writable"
        )

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self._values})

    def __eq__(self, other: object) -> bool:
        return self.__class__ is other.__class__ and self.dtype == other.dtype  # type: ignore[attr-defined]


def _name_of(function: str, kind: Any) -> str:
    if kind in _PYTHON_TYPES:
        return _PYTHON_TYPES[kind]
    if not isinstance(kind, _C.dtype):
        got = kind.__class__.__name__
        raise TypeError(f"{function}(): argument 'type' (position 1) must be torch.dtype, not {got}")
    return str(kind).rpartition(".")[2]


class finfo(_Info):
    """The limits of a floating point dtype (of a complex one: those of its parts).

    Args:
        type: the dtype; the default dtype if it is left out.

    Attributes: `bits`, `eps` (distance from 1 to the next number), `max`, `min`, `smallest_normal` (also
    `tiny`), `resolution` (of decimals), `dtype` (the name, a str).

    Example:
        >>> import facula as torch
        >>> torch.finfo(torch.float32).eps
        1.1920928955078125e-07
    """

    __slots__ = ()

    def __init__(self, type: Any = ...) -> None:
        name = _name_of("finfo", _C.get_default_dtype() if type is ... else type)
        name = _REALS.get(name, name)
        if name not in _FLOATS:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'"
            )
        bits, eps, largest, tiny, resolution = _FLOATS[name]
        super().__init__(
            {
                "resolution": resolution,
                "min": tiny if name == "float8_e8m0fnu" else -largest,  # that one has no sign
                "max": largest,
                "eps": eps,
                "smallest_normal": tiny,
                "tiny": tiny,
                "dtype": name,
                "bits": bits,
            }
        )

    def __repr__(self) -> str:
        numbers = [f"{k}={v:g}" for k, v in self._values.items() if k not in ("dtype", "bits")]
        return f"finfo({', '.join(numbers)}, dtype={self.dtype})"


class iinfo(_Info):
    """The limits of an integer dtype.

    Args:
        type: the dtype.

    Attributes: `bits`, `max`, `min`, `dtype` (the name, a str).

    Example:
        >>> import facula as torch
        >>> torch.iinfo(torch.int16).max
        32767
    """

    __slots__ = ()

    def __init__(self, type: Any = ...) -> None:
        if type is ...:
            raise TypeError('iinfo() missing 1 required positional arguments: "type"')
        name = _name_of("iinfo", type)
        if name == "bool":
            raise TypeError("torch.bool is not supported by torch.iinfo")
        signed = not name.startswith("u")
        if not name.removeprefix("u").startswith("int"):
            raise TypeError(
                "torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'"
            )
        bits = int(name.rpartition("int")[2])
        top = 2 ** (bits - signed)
        super().__init__({"min": -top if signed else 0, "max": top - 1, "dtype": name, "bits": bits})

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


finfo.__module__ = iinfo.__module__ = "torch"  # the name under which users know them
