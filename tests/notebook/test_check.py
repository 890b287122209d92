"""facula run --check, and files that are no notebooks."""

import json
from pathlib import Path

import pytest
from cli_runs import code, facula, failure, notebook, result, stream, text

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def test_check_equal(run):
    done = run(
        code("print('a')\n2", [stream("a\n"), result("2")]),
        code("import sys\nprint('e', file=sys.stderr)", [stream("e\n", "stderr")]),
        code("object()", [result("<object at 0x7f0000000000>")]),
        code("1 / 0", [failure("ZeroDivisionError", "division by zero")]),
        code("print('b')", [stream("b\n")]),
        text("text"),
        code("x = 1"),
        arguments=["--check"],
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "book.ipynb: 6 code cells, all outputs equal to the stored ones\n"


def test_check_leaves_out_what_no_two_runs_share(run):
    done = run(
        code(
            "import sys\nprint(1)\nprint('e', file=sys.stderr)\nprint(2)",
            [stream("e\n", "stderr"), stream("1\n"), stream("2\n")],
        ),
        code("!echo a", [stream("a\r\n")]),
        code("%time 5", [stream("CPU times: user 6 s, sys: 1 s, total: 7 s\nWall time: 9 s\n"), result("5")]),
        code(
            "%timeit -n1 -r1 5", [stream("2 ns ± 0 ns per loop (mean ± std. dev. of 1 run, 1 loop each)\n")]
        ),
        code(
            "import warnings\nwarnings.warn('w')",
            [stream("/tmp/ipykernel_12/345.py:2: UserWarning: w\n  warnings.warn('w')\n", "stderr")],
        ),
        code("x = = 1", [failure("SyntaxError", "invalid syntax (345.py, line 1)")]),
        arguments=["--check"],
    )
    assert done.stdout == "book.ipynb: 6 code cells, all outputs equal to the stored ones\n"


def test_check_different(run):
    done = run(
        code("print('a')\nprint('b')", [stream("a\nc\n")]),
        code("1", [result("1")]),
        code("2"),
        arguments=["--check"],
    )
    assert done.returncode == 1
    assert done.stdout == (
        "--- In [1] stored\n+++ In [1] facula\n@@ -1,2 +1,2 @@\n a\n-c\n+b\n\n"
        "--- In [3] stored\n+++ In [3] facula\n@@ -0,0 +1,2 @@\n+[result]\n+2\n\n"
        "book.ipynb: 2 of 3 code cells differ from the stored outputs\n"
    )


def test_check_tells_a_printed_from_a_returned_value(run):
    assert run(code("'a'", [stream("'a'\n")]), arguments=["--check"]).returncode == 1
    assert run(code("print('a')", [stream("a\n", "stderr")]), arguments=["--check"]).returncode == 1


def test_check_stops_at_an_error_that_is_not_on_record(run):
    done = run(code("1 / 0", [result("1")]), code("1", [result("1")]), arguments=["--check"])
    assert done.returncode == 1
    assert "+ZeroDivisionError: division by zero\n" in done.stdout
    assert done.stdout.endswith("book.ipynb: stopped at an error, 1 of 2 code cells not run; 1 differ\n")


def test_check_another_error(run):
    done = run(code("1 / 0", [failure("ZeroDivisionError", "another text")]), arguments=["--check"])
    assert done.returncode == 1


# Files that are no notebooks


def test_format_3(tmp_path):
    path = tmp_path / "old.ipynb"
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Old"], "metadata": {}},
        {
            "cell_type": "code",
            "input": ["1 + 1"],
            "outputs": [{"output_type": "pyout", "text": ["2"], "prompt_number": 1}],
            "metadata": {},
        },
        {
            "cell_type": "code",
            "input": "print(3)",
            "outputs": [{"output_type": "stream", "stream": "stdout", "text": "3\n"}],
        },
    ]
    path.write_text(json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3, "nbformat_minor": 0}))
    assert facula(path).stdout == "## Old\n\nIn [1]:\n1 + 1\n\n2\n\nIn [2]:\nprint(3)\n\n3\n"
    assert facula("run", "--check", path).returncode == 0


def test_empty_notebook(tmp_path):
    done = facula(notebook(tmp_path / "book.ipynb"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = facula("run", "--check", notebook(tmp_path / "book.ipynb"))
    assert (done.returncode, done.stdout) == (
        0,
        "book.ipynb: 0 code cells, all outputs equal to the stored ones\n",
    )


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (b"", "the file is empty"),
        (b"  \n", "the file is empty"),
        (b"import torch\n", "not JSON (Expecting value: line 1 column 1"),
        (b'{"cells": [', "not JSON"),
        (b'{"cells": []} extra', "not JSON (Extra data"),
        (b"[1, 2]", "without a notebook's cells"),
        (b"3", "without a notebook's cells"),
        (b"{}", "without a notebook's cells"),
        (b'{"cells": 5}', "without a notebook's cells"),
        (b'{"cells": [5]}', "without a notebook's cells"),
        (b'{"cells": [{"cell_type": "code"}]}', "without a notebook's cells"),
        (b'{"cells": [{"cell_type": "code", "source": [1]}]}', "without a notebook's cells"),
        (b"\xff\xfe\x00garbage\x80", "not UTF-8"),
        (bytes(range(256)), "not UTF-8"),
        (b"[" * 1_000_000, "nested too deeply"),
        (b'{"cells": [{"cell_type": "code", "source": "", "outputs": [{"output_type": "stream"}]}]}', None),
    ],
)
def test_not_a_notebook(tmp_path, content, fragment, check):
    path = tmp_path / "bad.ipynb"
    path.write_bytes(content)
    done = facula("run", *(["--check"] if check else []), path)
    if fragment is None and not check:
        return
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert (
        done.stderr.startswith(f"facula: {path} is not a notebook: ") and (fragment or "cells") in done.stderr
    )


def test_a_folder(tmp_path):
    folder = tmp_path / "folder.ipynb"
    folder.mkdir()
    done = facula(folder)
    assert (done.returncode, done.stderr) == (1, f"facula: {folder} is a directory, not a notebook\n")


def test_byte_order_mark(tmp_path):
    path = notebook(tmp_path / "book.ipynb", "print('\xe9')")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert facula(path).stdout.endswith("\n\n\xe9\n")
