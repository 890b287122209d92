"""Runs a function with PyTorch and with facula and compares what comes out, errors and warnings included."""

from __future__ import annotations

import math
import warnings

import pytest
import torch

import facula

LIBRARIES = (torch, facula)
# Said once a process: which test meets it depends on the order of the tests.
ONCE = ("Casting complex values to real", "LSTM with projections is not supported with oneDNN")


class Error(tuple):
    """Type and text of an error. Ours may say more after PyTorch's text."""


def plain(value):
    """A result as plain Python: tensors become (dtype, shape, requires_grad, nested lists)."""
    if isinstance(value, (torch.Tensor, facula.Tensor)):
        return ("tensor", str(value.dtype), tuple(value.shape), value.requires_grad, value.detach().tolist())
    if isinstance(value, Error):
        return value
    if isinstance(value, dict):
        return {plain(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (torch.nn.Module, facula.nn.Module)):
        return repr(value)
    if isinstance(value, (torch.Size, facula.Size, torch.dtype, facula.dtype)):
        return str(value)
    return value


def outcome(function, library):
    """What a call gives: its value, or the type and text of its error; and its warnings."""
    library.manual_seed(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = plain(function(library))
        except Exception as error:
            result = Error((type(error).__name__, str(error)))
    seen = ((w.category.__name__, str(w.message)) for w in caught)
    return result, [(kind, text) for kind, text in seen if not text.startswith(ONCE)]


def close(a, b, tolerance: float) -> bool:
    """Equal, but for floats, which may differ by a share of their size (or of one)."""
    if isinstance(a, float) and isinstance(b, float):
        return a == b or math.isnan(a) and math.isnan(b) or abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))
    if isinstance(a, Error) and isinstance(b, Error):
        return a[0] == b[0] and b[1].startswith(a[1])
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(close(x, y, tolerance) for x, y in zip(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(close(a[k], b[k], tolerance) for k in a)
    return type(a) is type(b) and a == b


def check(function, tolerance: float = 0.0) -> None:
    """Asserts that both libraries give the same."""
    expected, got = (outcome(function, library) for library in LIBRARIES)
    if "facula does not have it" in repr(got) and "facula does not have it" not in repr(expected):
        pytest.skip(f"an operation is missing: {got}")
    assert close(expected, got, tolerance), f"\nPyTorch: {expected}\nfacula:  {got}"
