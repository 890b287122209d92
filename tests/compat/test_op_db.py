"""PyTorch's operator database, a test an entry: nothing that is recorded as agreeing disagrees.

    pytest tests/compat/test_op_db.py -k softmax      # `-n 2` runs two at a time
    python tests/compat/op_db.py softmax              # what disagrees, in lines
    python tests/compat/op_db.py --all -j 2 --update  # records anew what agrees, writes docs/coverage.md

What does not agree yet is recorded in op_db_known.json; an entry fails when something else disagrees.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).resolve().parent))

from opdb import known  # noqa: E402
from opdb.entries import ENTRIES, left_out  # noqa: E402
from opdb.pool import Worker  # noqa: E402

KNOWN = known.load()


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.close()


@pytest.mark.parametrize("name", ENTRIES)
def test_entry(name: str, worker: Worker) -> None:
    reason = left_out(name)
    if reason:
        pytest.skip(reason)
    found = known.regressions(worker.judge(name), KNOWN)
    assert not found, "\n".join(found)


def test_known_names_entries() -> None:
    assert set(KNOWN) <= {name for name in ENTRIES if not left_out(name)}
