"""vmap of every entry of the operator database is the loop over the examples.

pytest tests/compat/test_vmap_op_db.py -k softmax

An input is batched at its first dimension, at its last, or not at all. Where vmap refuses, so must
PyTorch's.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).resolve().parent))

from opdb.batching import judge  # noqa: E402
from opdb.entries import ENTRIES, left_out  # noqa: E402


@pytest.mark.parametrize("name", [n for n in ENTRIES if not left_out(n)])
def test_vmap_is_the_loop(name: str) -> None:
    found = judge(ENTRIES[name])
    assert not found, "\n".join(found)
