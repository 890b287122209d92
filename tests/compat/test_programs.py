"""The programs of tests/programs under PyTorch and under facula: what they print must be the same."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from programs import every_program, written  # noqa: E402

import facula  # noqa: E402


@pytest.mark.parametrize(("subject", "name"), every_program())
def test_program(subject, name):
    expected, got = (written(subject, name, library) for library in (torch, facula))
    join = "\n         ".join
    assert got == expected, f"\nPyTorch: {join(expected)}\nfacula:  {join(got)}"
    assert expected, "the program prints nothing"
