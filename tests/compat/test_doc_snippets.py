"""The examples in the docstrings of the installed PyTorch give what PyTorch gives.

`python -m tests.compat.snippets` shows each difference; what is known stands in snippets/documentation.py.
"""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from tests.compat.snippets import compare, documentation, extract  # noqa: E402


@pytest.fixture(scope="module")
def differences() -> list[compare.Difference]:
    return list(compare.compared(extract.snippets(), documentation.PRELUDE))


def test_there_are_many(differences):
    assert len(differences) > 3500
    assert sum(each.kind == "equal" for each in differences) > 3200


def test_they_agree(differences):
    wrong = [
        f"{each.snippet}: {each.statement}\n    PyTorch: {each.theirs}\n    facula: {each.ours}"
        for each in differences
        if each.kind in ("differs", "lacks")
        and not documentation.known(each)
        and not documentation.out_of_scope(each)
    ]
    assert not wrong, "\n".join(text[:600] for text in wrong)


def test_what_is_known_still_differs(differences):
    seen = {documentation.known(each) for each in differences if each.kind in ("differs", "lacks")}
    assert {*documentation.KNOWN} <= seen, {*documentation.KNOWN} - seen
