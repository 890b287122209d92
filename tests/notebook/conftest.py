"""Notebooks that are run in processes of their own."""

import re

import pytest
from cli_runs import facula, notebook


@pytest.fixture
def run(tmp_path):
    """Run cells; return the finished process."""

    def run(*cells, arguments=(), **options):
        return facula("run", *arguments, notebook(tmp_path / "book.ipynb", *cells), **options)

    return run


@pytest.fixture
def shown(run):
    """Run code cells; return what each of them put out on standard output, as text."""

    def shown(*sources, status=0, **options):
        done = run(*sources, **options)
        assert done.returncode == status, done.stdout + done.stderr
        parts = re.split(r"(?:^|\n)In \[\d+\]:\n", done.stdout)[1:]
        found = []
        for source, part in zip(sources, parts):
            assert part.startswith(source)
            found.append(part[len(source) :].strip("\n"))
        return found

    return shown
