"""A differential test is one line: an expression that PyTorch and facula evaluate on the same tensors."""

from __future__ import annotations

import math
import re
import warnings
from typing import Any

import torch

import facula


def tensors(lib: Any) -> dict[str, Any]:
    """The names an expression may use: tensors of many shapes, types and layouts. `r...` require grad."""
    whole = lib.tensor([float(i) for i in range(24)])
    x = whole.view(2, 3, 4)
    leaf = lib.tensor([math.sin(i) for i in range(24)]).view(2, 3, 4)
    names = {
        "torch": lib,
        "s": lib.tensor(1.5),
        "v": lib.tensor([0.0, 1.0, 2.0, 3.0]),
        "e": lib.zeros(0),
        "m": lib.tensor([[1.0, 2.0], [3.0, 4.0]]),
        "w": lib.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
        "x": x,
        "n": x.transpose(0, 2),
        "o": x[:, 1:, ::2],
        "b": lib.tensor([[True, False, True], [False, True, True]]),
        "i": lib.tensor([[1, 2, 3], [4, 5, 6]]),
        "i32": lib.tensor([3, 1, 2], dtype=lib.int32),
        "u8": lib.tensor([1, 2, 250], dtype=lib.uint8),
        "d": lib.tensor([1.5, -2.5], dtype=lib.float64),
        "h": lib.tensor([1.5, -2.5], dtype=lib.float16),
        "bf": lib.tensor([1.5, -2.5], dtype=lib.bfloat16),
        "c": lib.tensor([[1 + 2j, 3 - 4j], [0.5j, -1 + 0j]]),
        "one": lib.tensor([[[1.0], [2.0], [3.0]]]),
        "q": lib.tensor([float(i) for i in range(16)]).view(1, 4, 2, 2),
        "z": lib.zeros(2, 0, 3),
        "rx": leaf.clone().requires_grad_(),
        "rm": leaf[0, :, :3].clone().requires_grad_(),
        "rv": leaf[1, 2].clone().requires_grad_(),
        "ro": leaf[:1, :, :1].clone().requires_grad_(),
        "rs": lib.tensor(0.5, requires_grad=True),
        "rc": lib.tensor([[1 + 2j, 3 - 4j], [0.5j, -1 + 0j]], requires_grad=True),
    }
    return names


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, complex) or isinstance(b, complex):
        a, b = complex(a), complex(b)
        return _same(a.real, b.real) and _same(a.imag, b.imag)
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (a != a and b != b)
    return type(a) is type(b) and a == b


class Close:
    """Numbers that may differ in their last digits."""

    def __init__(self, value: Any, tolerance: float) -> None:
        self.value, self.tolerance = value, tolerance

    def __eq__(self, other: Any) -> bool:
        return self._close(self.value, other.value)

    def __repr__(self) -> str:
        return repr(self.value)

    def _close(self, a: Any, b: Any) -> bool:
        if isinstance(a, list):
            return len(a) == len(b) and all(map(self._close, a, b))
        return _same(a, b) or abs(a - b) <= self.tolerance * max(1.0, abs(a), abs(b))


class Exact(Close):
    def __init__(self, value: Any) -> None:
        super().__init__(value, 0.0)

    def __eq__(self, other: Any) -> bool:
        return _same(self.value, other.value)


def describe(result: Any, names: dict[str, Any], tolerance: float = 0.0) -> Any:
    """What must agree: type, geometry, elements, history, and whose memory it shares."""
    if isinstance(result, (tuple, list)) and type(result).__name__ in ("tuple", "list"):
        return [type(result).__name__] + [describe(part, names, tolerance) for part in result]
    if type(result).__name__ != "Tensor" and not hasattr(result, "storage_offset"):
        return str(result)
    owners = [name for name, t in names.items() if hasattr(t, "data_ptr") and _inside(result, t)]
    values = result.detach().tolist()
    return {
        "dtype": str(result.dtype),
        "shape": tuple(result.shape),
        "stride": tuple(result.stride()),
        "offset": result.storage_offset(),
        "shares": owners,
        "same": [name for name, t in names.items() if t is result],
        "grad_fn": type(result.grad_fn).__name__,
        "requires_grad": result.requires_grad,
        "leaf": result.is_leaf,
        "values": Close(values, tolerance) if tolerance else Exact(values),
    }


def _inside(part: Any, whole: Any) -> bool:
    if part.numel() == 0 or whole.numel() == 0 or str(whole.device) == "meta":
        return False
    start = whole.data_ptr() - whole.storage_offset() * whole.element_size()
    reach = whole.storage_offset() + 1 + sum((n - 1) * s for n, s in zip(whole.shape, whole.stride()))
    return start <= part.data_ptr() < start + reach * whole.element_size()


# Whether a library says it depends on what has run in the process before.
SAID_ONCE = ("Casting complex values to real",)


def outcome(lib: Any, expression: str, tolerance: float = 0.0) -> tuple[Any, Any]:
    """('value', description) or ('error', (type, text)); warnings' texts come along."""
    names = tensors(lib)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            if ";" in expression:
                *statements, expression = expression.split(";")
                exec("\n".join(s.strip() for s in statements), names)
            result = eval(expression.strip(), names)
        except Exception as e:  # its class is what is compared
            return "error", (type(e).__name__, str(e))
        names.pop("__builtins__", None)
        description = describe(result, names, tolerance)
    said = [str(w.message)[:40] for w in caught]
    return "value", (description, [text for text in said if not text.startswith(SAID_ONCE)])


def check(expression: str, tolerance: float = 0.0, text: int = 32) -> None:
    """Both libraries agree on `expression`; of an error the type and the beginning of the text."""
    want, got = outcome(torch, expression, tolerance), outcome(facula, expression, tolerance)
    if want[0] == got[0] == "error":
        assert got[1][0] == want[1][0], f"{expression}: {got[1]} instead of {want[1]}"
        if want[1][0] != "TypeError":
            assert got[1][1].startswith(want[1][1][:text]), f"{expression}: {got[1]} instead of {want[1]}"
        return
    assert got[0] == want[0], f"{expression}: {got[1]} instead of {want[1]}"
    assert got[1] == want[1], f"{expression}: {_difference(got[1], want[1])}"


def _difference(got: Any, want: Any) -> str:
    if isinstance(got, dict) and isinstance(want, dict):
        return ", ".join(f"{k}: {got.get(k)!r} instead of {w!r}" for k, w in want.items() if got.get(k) != w)
    if isinstance(got, (list, tuple)) and isinstance(want, (list, tuple)) and len(got) == len(want):
        return "; ".join(_difference(g, w) for g, w in zip(got, want) if g != w)
    return f"{got!r} instead of {want!r}"


def _weights(lib: Any, like: Any, phase: float) -> Any:
    values = [math.cos(phase + 0.7 * k) for k in range(like.numel())]
    dtype = getattr(lib, str(like.dtype).split(".")[1])
    w = lib.tensor(values, dtype=dtype).reshape(tuple(like.shape))
    return w.requires_grad_()


def gradients(lib: Any, expression: str) -> list[Any]:
    """First derivatives with a fixed cotangent, and how those depend on the cotangent and the inputs."""
    names = tensors(lib)
    used = set(re.findall(r"\w+", expression))
    inputs = [t for name, t in names.items() if name in used and getattr(t, "requires_grad", False)]
    result = eval(expression, names)
    outputs = [result] if hasattr(result, "grad_fn") else [t for t in result if t.requires_grad]
    cotangents = [_weights(lib, t, k) for k, t in enumerate(outputs)]
    first = lib.autograd.grad(outputs, inputs, cotangents, create_graph=True, allow_unused=True)
    found = [g.detach().tolist() if g is not None else None for g in first]
    recorded = [g for g in first if g is not None and g.requires_grad]
    if recorded:
        over = [_weights(lib, g, 0.3 + k) for k, g in enumerate(recorded)]
        over = [w.detach() for w in over]
        second = lib.autograd.grad(recorded, cotangents + inputs, over, allow_unused=True)
        found += [None if g is None or not _any(g) else g.detach().tolist() for g in second]
    return found


def _any(g: Any) -> bool:
    return any(value != 0 for value in g.detach().reshape(-1).tolist())


def check_gradients(expression: str, tolerance: float = 1e-6) -> None:
    want, got = gradients(torch, expression), gradients(facula, expression)
    assert len(got) == len(want), expression
    for k, (a, b) in enumerate(zip(got, want)):
        assert (a is None) == (b is None), f"{expression}: gradient {k}"
        if a is not None:
            assert Close(a, tolerance) == Close(b, tolerance), f"{expression}: gradient {k}"


def lines(table: str) -> list[str]:
    """The expressions of a table, one a line."""
    return [line for line in table.splitlines() if line and not line.startswith("#")]
