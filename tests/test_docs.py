"""The documentation holds: its Python runs, its links lead somewhere, its tables name what exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_python_blocks_run_and_print_what_they_say(page, tmp_path):
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)):
        program = tmp_path / f"block{number}.py"
        program.write_text(block)
        done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        expected = re.findall(r"print\(.*\)\s+# (.*)$", block, re.MULTILINE)
        assert done.stdout.splitlines() == expected


def test_architecture_names_the_folders():
    text = (ROOT / "docs" / "architecture.md").read_text()
    for folder in sorted((ROOT / "src").iterdir()):
        assert f"`src/{folder.name}`" in text


@pytest.mark.parametrize("page", [p for p in PAGES if p.name != "benchmarks.md"], ids=lambda p: p.name)
def test_named_files_exist(page):
    for path in re.findall(
        r"`((?:src|tools|tests|benchmarks|examples|docs)/[\w./]+\.\w+)`", page.read_text()
    ):
        assert (ROOT / path).exists(), f"{page.name} names {path}"
