"""Short programs, one a line, run by PyTorch and by facula: values, history, error type and first sentence.

A line is statements separated by semicolons; the last one is an expression, which is compared. `no_grad:` and
`inference:` before a statement run it in that mode. `torch` is the library, and there are a few tensors.
"""

from __future__ import annotations

import math
import warnings

import torch

import facula

BEFORE = """
w = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64, requires_grad=True)
m = torch.arange(6, dtype=torch.float64).reshape(2, 3).clone().requires_grad_()
c = torch.tensor([0.5, 1.5, -1.0, 2.0], dtype=torch.float64)
k = torch.arange(6, dtype=torch.float64).reshape(2, 3).clone()
a = w * 1
b = m * 1
F = torch.nn.functional
nn = torch.nn
grad = torch.autograd.grad
"""
ONCE = "Using backward() with create_graph=True"  # said once a process by PyTorch
MODES = {"no_grad:": "with torch.no_grad(): ", "inference:": "with torch.inference_mode(): "}


def translated(statement: str) -> str:
    for prefix, text in MODES.items():
        if statement.startswith(prefix):
            return text + statement[len(prefix) :].strip()
    return statement


def plain(value):
    """What is compared of a result."""
    if isinstance(value, (torch.Tensor, facula.Tensor)):
        made = value.grad_fn.name() if value.grad_fn is not None else None
        kept = value.detach()
        return ("tensor", str(value.dtype), tuple(value.shape), value.requires_grad, made, kept.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if callable(getattr(value, "name", None)) and hasattr(value, "next_functions"):
        return value.name()
    return str(value)


def outcome(library, line: str):
    """('value', value, warnings) or ('error', type, first line)."""
    space = {"torch": library}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(BEFORE, space)
            *statements, last = (translated(s.strip()) for s in line.split(";"))
            exec("\n".join(statements), space)
            result = plain(eval(last, space))
        except Exception as error:
            return "error", type(error).__name__, str(error).split("\n")[0]
    return (
        "value",
        result,
        sorted(
            {
                str(w.message)[:40]
                for w in caught
                if w.category is UserWarning and not str(w.message).startswith(ONCE)
            }
        ),
    )


def close(expected, got) -> bool:
    if isinstance(expected, float) and isinstance(got, float):
        return math.isclose(expected, got, rel_tol=1e-9, abs_tol=1e-12) or (
            expected != expected and got != got
        )
    if isinstance(expected, (list, tuple)) and isinstance(got, (list, tuple)):
        return len(expected) == len(got) and all(close(x, y) for x, y in zip(expected, got))
    if isinstance(expected, dict) and isinstance(got, dict):
        return list(expected) == list(got) and all(close(expected[key], got[key]) for key in expected)
    return type(expected) is type(got) and expected == got


def check(line: str) -> None:
    """Asserts that both libraries give the same; facula may say more after PyTorch's first line."""
    expected, got = outcome(torch, line), outcome(facula, line)
    if expected[0] == got[0] == "error":
        assert got[1] == expected[1] and got[2].startswith(expected[2]), (
            f"\nPyTorch: {expected}\nfacula:  {got}"
        )
    else:
        assert close(expected, got), f"\nPyTorch: {expected}\nfacula:  {got}"


def lines(text: str) -> list[str]:
    return [each for each in text.strip().split("\n") if each and not each.startswith("#")]
