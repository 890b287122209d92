"""The matrix kernels against plain loops: shapes, strides, scales, dtypes, one and two threads."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMPILER = shutil.which(os.environ.get("CXX", "c++"))
LEVELS = ["v2", "v3", "v4"] if platform.machine() in ("x86_64", "AMD64") else ["base"]
NEEDED = {"base": set(), "v2": set(), "v3": {"avx2", "fma"}, "v4": {"avx512f", "avx512vl", "avx512dq"}}


def has(level: str) -> bool:
    try:
        return NEEDED[level] <= set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return not NEEDED[level]


@pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("level", LEVELS)
def test_gemm(level: str, tmp_path: Path) -> None:
    if not has(level):
        pytest.skip(f"this machine is below {level}")
    common = [str(COMPILER), "-std=c++20", f"-I{ROOT / 'src'}"]
    kernels, program = tmp_path / "kernels.o", tmp_path / "gemm_test"
    flags = ["-O3", "-ffp-contract=fast", "-fwrapv", f"-DFACULA_ISA={level}"]
    if level != "base":
        flags.append(f"-march=x86-64-{level}")
    subprocess.run(
        [*common, *flags, "-c", str(ROOT / "src/cpu/blocks/gemm.cpp"), "-o", str(kernels)], check=True
    )
    sources = [
        str(ROOT / p) for p in ("tests/cpu/gemm_test.cpp", "src/cpu/gemm.cpp", "src/core/parallel.cpp")
    ]
    defines = [f"-DFACULA_HAVE_{level}", f"-DLEVEL={level}"]
    subprocess.run(
        [*common, "-O2", *defines, *sources, str(kernels), "-pthread", "-o", str(program)], check=True
    )
    result = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "all good" in result.stdout
