"""Memory stays flat over steps with hooks, Functions and checkpoints (benchmarks/leaks.py runs
more of them).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
leaks = pytest.importorskip("leaks", reason="benchmarks/ is not there")


@pytest.mark.skipif("FACULA_SANITIZED" in os.environ, reason="freed memory is kept there for a while")
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
@pytest.mark.parametrize("program", leaks.PROGRAMS, ids=lambda p: p.__name__)
def test_memory_stays_flat(program):
    assert leaks.growth(program, 400 if program.__name__ == "subclasses" else 2000) < 1 << 20
