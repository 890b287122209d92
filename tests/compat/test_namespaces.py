"""Answers about devices, compilers and processes against PyTorch's CPU build."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import facula  # noqa: E402

# Questions, a line each.
ANSWERS = (Path(__file__).parent / "namespace_questions.txt").read_text().splitlines()


@pytest.mark.parametrize("question", ANSWERS)
def test_answers(question):
    seen = []
    for t in (torch, facula):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                value = eval(f"t.{question}", {"t": t})
            except Exception as error:
                value = [type(error).__name__, str(error)]
        seen.append(value)
    theirs, ours = seen
    if isinstance(theirs, list) and theirs and theirs[0].endswith("Error"):
        # What facula knows better stands after PyTorch's text.
        assert ours[0] == theirs[0] and ours[1].startswith(theirs[1])
    else:
        assert ours == theirs
