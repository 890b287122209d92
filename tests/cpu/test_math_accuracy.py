"""The kernels' functions keep their stated error, and their bits, wherever in a block a value stands."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLAGS = "-std=c++20 -O3 -march=native -ffp-contract=fast -fwrapv -fno-math-errno -fno-trapping-math".split()
COMPILER = shutil.which(os.environ.get("CXX", "c++"))


@pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler")
def test_math_accuracy(tmp_path: Path) -> None:
    program = tmp_path / "math_accuracy"
    source = ROOT / "tests" / "cpu" / "math_accuracy.cpp"
    arguments = [*FLAGS, "-DFACULA_ISA=native", f"-I{ROOT / 'src'}", str(source), "-o", str(program)]
    subprocess.run([str(COMPILER), *arguments], check=True)
    result = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    failed = "\n".join(line for line in result.stdout.splitlines() if "FAILED" in line)
    assert result.returncode == 0, failed
    assert "tanh" in result.stdout
