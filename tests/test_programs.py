"""The programs of tests/programs print what they printed under PyTorch (tests/golden/make_programs.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from programs import every_program, written

import facula

GOLDEN = json.loads((Path(__file__).parent / "golden" / "programs.json").read_text())


@pytest.mark.parametrize(("subject", "name"), every_program())
def test_program(subject, name):
    assert written(subject, name, facula) == GOLDEN[subject][name]
