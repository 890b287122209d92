"""torch.func against PyTorch's: values, structures, nesting, every error."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).resolve().parent))

import func_cases  # noqa: E402
import func_modules  # noqa: E402

import facula  # noqa: E402

CASES = {**func_cases.CASES, **func_modules.CASES}


def outcome(program, library):
    library.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return program(library), None
        except Exception as error:
            return None, error


def compare(got, want, path="result"):
    if isinstance(want, torch.Tensor):
        assert isinstance(got, facula.Tensor), f"{path}: {type(got)}"
        assert tuple(got.shape) == tuple(want.shape), path
        assert str(got.dtype) == str(want.dtype), path
        mine = torch.tensor(got.detach().tolist(), dtype=want.dtype).reshape(want.shape)
        torch.testing.assert_close(
            mine, want.detach(), rtol=1e-4, atol=1e-5, equal_nan=True, msg=lambda m: f"{path}: {m}"
        )
    elif isinstance(want, dict):
        assert type(got).__name__ == type(want).__name__ and list(got) == list(want), path
        for k in want:
            compare(got[k], want[k], f"{path}[{k!r}]")
    elif isinstance(want, (list, tuple)):
        assert type(got).__name__ == type(want).__name__ and len(got) == len(want), path
        for i, (a, b) in enumerate(zip(got, want)):
            compare(a, b, f"{path}[{i}]")
    else:
        assert got == want, path


def first_sentence(error):
    return str(error).split("\n")[0].split(". ")[0].rstrip(".")


@pytest.mark.parametrize("name", CASES)
def test_case(name):
    want, their_error = outcome(CASES[name], torch)
    got, error = outcome(CASES[name], facula)
    assert (their_error is not None) == name.endswith("_error"), f"PyTorch: {their_error!r}"
    if their_error is not None:
        assert error is not None, f"returns {got}; PyTorch raises {their_error!r}"
        assert isinstance(error, type(their_error)), (error, their_error)
        assert first_sentence(error) == first_sentence(their_error)
    else:
        if error is not None:
            raise error
        compare(got, want)
