"""A thousand calls with two dozen kinds of inputs each, and with out=, give what they give under PyTorch.

Compared: value, dtype, shape, strides, printed text, the type of errors. What differs: kinds/known.txt.
"""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from tests.compat import kinds  # noqa: E402

PARTS = 6


@pytest.mark.parametrize("part", range(PARTS))
def test_calls(part):
    known = kinds.known()
    seen: dict[str, set[str]] = {}
    wrong = []
    for call, kind, each in kinds.differences(part, PARTS):
        seen.setdefault(call, set()).add(kind)
        if kind not in known.get(call, ()):
            wrong.append(f"{call} of {kind}\n    PyTorch: {each.theirs}\n    facula:  {each.ours}"[:500])
    assert not wrong, "\n".join(wrong)
    mine = {call for call, _ in kinds.snippets()[part::PARTS]}
    mended = {call: missing for call in mine if (missing := known.get(call, set()) - seen.get(call, set()))}
    assert not mended, "no longer differ: python -m tests.compat.kinds --update"


def test_there_are_many():
    assert sum(len(statements) for _, statements in kinds.snippets()) > 30000
