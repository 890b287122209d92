"""Two thousand short programs in the style of tutorials print under facula what they print under PyTorch."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from tests.compat.snippets import compare, tutorials  # noqa: E402

PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_programs(part):
    chosen = list(tutorials.programs())[part::PARTS]
    wrong = []
    for each in compare.compared(chosen, tutorials.PRELUDE):
        if each.kind in ("differs", "lacks") and not tutorials.known(each):
            wrong.append(f"{each.snippet}: {each.statement}\n    {each.theirs}\n    {each.ours}"[:600])
    assert not wrong, "\n".join(wrong)


def test_there_are_many():
    chosen = list(tutorials.programs())
    assert len(chosen) > 1500
    assert sum(len(lines) for _, lines in chosen) > 25000
