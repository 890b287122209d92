"""The training examples under PyTorch and under facula: the losses agree over the whole run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("torch")

from cli_runs import facula  # noqa: E402
from example_runs import EXAMPLES, SHORT, losses  # noqa: E402


@pytest.mark.parametrize("name", SHORT)
def test_losses_agree(name, tmp_path):
    command = [sys.executable, EXAMPLES / f"{name}.py", *SHORT[name]]
    settings = {**os.environ, "OMP_NUM_THREADS": "1"}
    expected = subprocess.run(command, env=settings, capture_output=True, text=True, cwd=tmp_path)
    assert (expected.returncode, expected.stderr) == (0, "")
    got = facula(EXAMPLES / f"{name}.py", *SHORT[name], cwd=tmp_path, OMP_NUM_THREADS="1")
    assert (got.returncode, got.stderr) == (0, "")
    assert len(losses(expected.stdout)) >= 4
    assert losses(got.stdout) == pytest.approx(losses(expected.stdout), rel=0, abs=1e-4)
