"""The package itself: what is installed, how large it is, what importing it costs."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import facula

PACKAGE = Path(facula.__file__).parent
sanitized = pytest.mark.skipif(
    "FACULA_SANITIZED" in os.environ, reason="sizes and times of a sanitized build"
)


def in_new_process(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=PACKAGE.parent,
        env={**os.environ, **environment},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_typed_marker_is_installed():
    assert (PACKAGE / "py.typed").exists()


def test_version_is_the_one_in_pyproject():
    pyproject = Path(__file__).resolve().parent.parent / "pyproject.toml"
    written = re.search(r'^version = "([^"]+)"', pyproject.read_text(), re.MULTILINE)
    assert written and facula._C.__version__ == written.group(1)


@sanitized
def test_package_is_small():
    size = sum(f.stat().st_size for f in PACKAGE.rglob("*") if f.is_file() and "__pycache__" not in f.parts)
    assert size <= 20e6


def test_only_openblas_is_required():
    try:
        requires = importlib.metadata.requires("facula") or []
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("a source tree on the path, not installed")
    assert [r for r in requires if "extra ==" not in r] == ["scipy-openblas32"]


def test_import_loads_nothing_optional():
    code = "import sys, facula; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = set(in_new_process(code).split())
    assert "facula" in loaded
    assert not loaded & {"numpy", "torch", "IPython", "matplotlib", "sympy", "safetensors", "re", "inspect"}


@pytest.mark.parametrize("isa", ["v2", "v3", "v4"])
def test_instruction_set_can_be_lowered(isa):
    built_and_supported = in_new_process("import facula; print(facula._C._isa())").strip()
    chosen = in_new_process("import facula; print(facula._C._isa())", FACULA_ISA=isa).strip()
    if built_and_supported == "base":
        assert chosen == "base"
    else:
        assert chosen <= isa or chosen == built_and_supported  # a build for one level has no other
