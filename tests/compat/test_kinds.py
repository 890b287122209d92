"""A thousand calls with two dozen kinds of inputs each, and with out=, give what they give under PyTorch.

Compared: value, dtype, shape, strides, printed text, the type of errors. What differs: kinds/known.txt;
what is recorded there and agrees meanwhile is no failure.
"""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from tests.compat import kinds  # noqa: E402

PARTS = 6


@pytest.mark.parametrize("part", range(PARTS))
def test_calls(part):
    known = kinds.known()
    wrong = []
    for call, kind, each in kinds.differences(part, PARTS):
        if kind not in known.get(call, ()):
            wrong.append(f"{call} of {kind}\n    PyTorch: {each.theirs}\n    facula:  {each.ours}"[:500])
    assert not wrong, "\n".join(wrong)


def test_there_are_many():
    assert sum(len(statements) for _, statements in kinds.snippets()) > 30000
