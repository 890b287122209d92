"""Every operation has what it needs: samples or a reason, a stub, a row in docs/operations.md."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
if not (ROOT / "tools" / "make_docs.py").exists():
    pytest.skip("the tools come with the source tree", allow_module_level=True)
sys.path.insert(0, str(ROOT / "tools"))

import make_docs  # noqa: E402
from op_table import unsampled  # noqa: E402

OPERATIONS = make_docs.every()
FILES = {
    "torch": "__init__.pyi",
    "Tensor": "_C.pyi",
    "nn.functional": "nn/functional.pyi",
    **{space: f"{space}.pyi" for space in ("linalg", "special", "fft", "masked")},
}


@pytest.fixture(scope="module")
def stubs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """Name space -> what its stub defines."""
    folder = tmp_path_factory.mktemp("stubs")
    tool = [sys.executable, str(ROOT / "tools" / "make_stubs.py"), "--output", str(folder)]
    done = subprocess.run(tool, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    defined = re.compile(r"^ *(?:def|class) (\w+)|^ {4}(\w+): ", re.MULTILINE)
    return {
        space: {a or b for a, b in defined.findall((folder / file).read_text())}
        for space, file in FILES.items()
    }


def test_every_operation_has_samples() -> None:
    assert unsampled() == [], "a row in op_samples, or a reason in NO_SAMPLES"


def test_every_operation_has_a_stub(stubs: dict[str, set[str]]) -> None:
    absent = [
        f"{space}.{name}"
        for operation in OPERATIONS
        for space in operation.spaces
        for name in (operation.name, *operation.aliases)
        if space in stubs and name not in stubs[space]
    ]
    assert absent == []


def test_every_operation_has_a_row() -> None:
    page = make_docs.PAGE.read_text()
    absent = [o.name for o in OPERATIONS if f"| `{o.name}`" not in page]
    assert absent == [], "python tools/make_docs.py writes docs/operations.md"


@pytest.mark.skipif("FACULA_SANITIZED" in __import__("os").environ, reason="slow, and the same there")
def test_page_is_up_to_date() -> None:
    assert make_docs.PAGE.read_text() == make_docs.text(), "run tools/make_docs.py"


def test_no_operation_is_defined_twice() -> None:
    """Composite operations of one name in one name space: the last would win, unseen."""
    seen: dict[tuple[str, str], str] = {}
    twice = []
    for name, function, spaces, aliases, _, _ in make_docs.operations():
        for key in [(space, each) for space in spaces for each in (name, *aliases)]:
            if seen.setdefault(key, function.__module__) != function.__module__:
                twice.append((*key, seen[key], function.__module__))
    assert twice == []
