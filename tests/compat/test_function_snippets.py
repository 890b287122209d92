"""Programs of a few lines show under facula what they show under PyTorch, and raise the same."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.compat.snippets import compare, documentation  # noqa: E402

PROGRAMS = Path(compare.__file__).with_name("functions.txt")


def programs() -> list[tuple[str, list[str]]]:
    lines = [each for each in PROGRAMS.read_text().splitlines() if each.strip() and not each.startswith("#")]
    return [(each[:40], each.split(" ;; ")) for each in lines]


def test_programs():
    wrong = []
    for each in compare.compared(programs(), documentation.PRELUDE):
        if each.kind in ("differs", "lacks"):
            wrong.append(f"{each.snippet}: {each.statement}\n    {each.theirs}\n    {each.ours}"[:600])
    assert not wrong, "\n".join(wrong)


def test_there_are_many():
    assert sum(len(lines) for _, lines in programs()) > 3500
