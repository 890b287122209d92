"""facula run notebook.ipynb: cells shown as a notebook shows them, errors in the cell, magics."""

import importlib.util
import json
import os
import re
from pathlib import Path

import pytest
from cli_runs import code, facula, notebook, result, text

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def test_layout(run):
    done = run(
        text("# Title\n\nSome *text*."),
        "x = 1",
        "print('printed')\nx + 1",
        "",
        text("more"),
        "print('no newline', end='')",
        "'value'",
    )
    assert done.stderr == ""
    assert done.stdout == (
        "# Title\n\nSome *text*.\n\n"
        "In [1]:\nx = 1\n\n"
        "In [2]:\nprint('printed')\nx + 1\n\nprinted\n2\n\n"
        "In [ ]:\n\n\n"
        "more\n\n"
        "In [3]:\nprint('no newline', end='')\n\nno newline\n\n"
        "In [4]:\n'value'\n\n'value'\n"
    )


def test_each_cell_tells_how_long_it_took(tmp_path):
    book = notebook(tmp_path / "book.ipynb", "import time\ntime.sleep(0.02)\nprint('a', end='')", "", "1 / 0")
    done = facula("run", book, times=True)
    first, rest = done.stderr.split("\n", 1)
    assert re.fullmatch(r"In \[1\]: \d[\d.]* ms", first) and float(first.split()[2]) >= 20
    assert "In [" not in rest.replace("Cell In [", "") and rest.endswith(
        "ZeroDivisionError: division by zero\n"
    )
    assert " ms" not in done.stdout
    assert facula("run", "--check", notebook(book, code("1 + 1", [result("2")])), times=True).stderr == ""


def test_basics_prints_every_character_that_is_stored():
    book = json.loads((EXAMPLES / "basics.ipynb").read_text(encoding="utf-8"))
    blocks = []
    for cell in book["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code":
            blocks.append(source)
            continue
        blocks.append(f"In [{cell['execution_count']}]:\n{source}")
        for output in cell["outputs"]:
            blocks.append("".join(output["text"] if "text" in output else output["data"]["text/plain"]))
    done = facula("run", EXAMPLES / "basics.ipynb")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "\n\n".join(blocks) + "\n"


def test_basics_check():
    done = facula("run", "--check", EXAMPLES / "basics.ipynb")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "basics.ipynb: 13 code cells, all outputs equal to the stored ones\n"


def test_start_imports_nothing_slow(run):
    done = run("import sys, torch\nprint(*sorted(sys.modules))")
    loaded = set(done.stdout.split())
    assert not loaded & {
        "argparse",
        "json",
        "re",
        "traceback",
        "linecache",
        "inspect",
        "typing",
        "ast",
        "IPython",
    }


def test_values_under_their_names(shown):
    outputs = shown("5", "_ * 2", "_ + __", "Out[1] + _2 + Out[3]", "In[2], _i")
    assert outputs == ["5", "10", "15", "30", "('_ * 2', 'Out[1] + _2 + Out[3]')"]


@pytest.mark.parametrize(
    "source", ["1 + 1;", "1 + 1 ; # why", "(1 +\n 1);", "'\xe9\xe9'; ", "x = 2", "None", "# only a comment"]
)
def test_nothing_shown(shown, source):
    assert shown(source) == [""]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("';'", "';'"),
        ("(1)  # a; b", "1"),
        ("if True:\n    5", ""),
        ("def f():\n    return 3\nf()", "3"),
        ("display(1, 'a')", "1\n'a'"),
        ("display(1); 2", "1\n2"),
        ("import torch\ntorch.tensor([1, 2])", "tensor([1, 2])"),
        ("list(range(30))", "[" + ",\n ".join(map(str, range(30))) + "]"),
        ("[1, 2]", "[1, 2]"),
        ("int, len, ValueError('x')", "(int, <function len(obj, /)>, ValueError('x'))"),
        ("class A: pass\nA", "__main__.A"),
    ],
)
def test_value_of_a_cell(shown, source, expected):
    assert shown(source) == [expected]


def test_printer_agrees_with_ipython():
    pretty = pytest.importorskip("IPython.lib.pretty").pretty
    hypothesis = pytest.importorskip("hypothesis")
    from hypothesis import strategies as st

    from facula.cli.pretty import pretty as ours

    class Matrix:
        def __init__(self, rows):
            self.rows = rows

        def __repr__(self):
            return "matrix(" + ",\n       ".join("[" + "1. " * 8 + "]" for _ in range(self.rows)) + ")"

    atoms = (
        st.integers()
        | st.text(max_size=70)
        | st.none()
        | st.floats()
        | st.just(int)
        | st.builds(Matrix, st.integers(1, 3))
    )
    keys = st.integers() | st.text(max_size=30)
    values = st.recursive(
        atoms,
        lambda inner: (
            st.lists(inner, max_size=12)
            | st.lists(inner, max_size=5).map(tuple)
            | st.dictionaries(keys, inner, max_size=6)
            | st.sets(keys, max_size=6)
            | st.frozensets(keys, max_size=6)
        ),
        max_leaves=40,
    )

    @hypothesis.settings(max_examples=300, deadline=None)
    @hypothesis.given(values)
    def compare(value):
        assert ours(value) == pretty(value)

    compare()


def test_printer_with_containers_in_themselves():
    from facula.cli.pretty import pretty

    loop = [1]
    loop.append(loop)
    assert pretty(loop) == "[1, [...]]"
    table = {}
    table["a"] = table
    assert pretty(table) == "{'a': {...}}"
    assert pretty(list(range(2000))).endswith("\n 999,\n ...]")


def test_standard_error_stands_in_its_place(run):
    done = run("import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c')", "print('d')", merge=True)
    assert done.stdout.endswith("\n\na\nb\nc\n\n\nIn [2]:\nprint('d')\n\nd\n")
    done = run("import sys\nprint('a')\nprint('b', file=sys.stderr)")
    assert done.stderr == "b\n"


def test_error_points_into_the_cell(run):
    done = run(
        "def f(x, *rest, key=1, **more):\n    y = 1\n\n    return y / x",
        "print('before')\nf(0)",
        "print('never')",
    )
    assert done.returncode == 1
    assert "never" not in done.stdout and done.stdout.endswith("\n\nbefore\n")
    head = "ZeroDivisionError" + "Traceback (most recent call last)".rjust(75 - len("ZeroDivisionError"))
    assert done.stderr == (
        "-" * 75 + f"\n{head}\n"
        "Cell In[2], line 2\n"
        "      1 print('before')\n"
        "----> 2 f(0)\n"
        "\n"
        "Cell In[1], line 4, in f(x, key, *rest, **more)\n"
        "      2 y = 1\n"
        "----> 4     return y / x\n"
        "\n"
        "ZeroDivisionError: division by zero\n"
    ).replace("      2 y = 1\n", "      2     y = 1\n      3\n")


def test_error_in_an_imported_file(run, tmp_path):
    (tmp_path / "helper.py").write_text("def fail():\n    raise ValueError('from the file')\n")
    done = run("import helper\nhelper.fail()")
    assert done.returncode == 1
    assert "Cell In[1], line 2\n" in done.stderr
    assert re.search(r"File \S*helper.py:2, in fail\(\)\n", done.stderr)
    assert done.stderr.endswith("ValueError: from the file\n")
    assert "facula" not in done.stderr


def test_chained_error(run):
    done = run("try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('b') from e")
    first, second = done.stderr.split("The above exception was the direct cause of the following exception:")
    assert "KeyError: 'a'" in first and "ValueError: b" in second


def test_syntax_error_points_into_the_cell(run):
    done = run("x = 1", "y = 1\ny = = 2")
    assert done.returncode == 1
    assert done.stderr.startswith("  Cell In[2], line 2\n    y = = 2\n        ^\nSyntaxError: invalid syntax")


def test_missing_name_ends_in_the_cell(run):
    done = run("import torch\ntorch.no_such_thing")
    assert done.stderr.count("line 2") == 1 and "__init__" not in done.stderr
    assert (
        "AttributeError: module 'torch' has no attribute 'no_such_thing': facula does not have it"
        in done.stderr
    )


def test_errors_that_are_each_other_s_cause(run):
    done = run("a, b = ValueError('a'), ValueError('b')\na.__cause__, b.__cause__ = b, a\nraise a")
    assert done.returncode == 1 and done.stderr.count("direct cause") == 1


def test_runaway_recursion(run):
    done = run("def f(): f()\nf()")
    assert done.returncode == 1 and len(done.stderr.splitlines()) < 200
    assert "frames left out" in done.stderr and done.stderr.splitlines()[-1].startswith("RecursionError")


def test_cells_that_break_the_shell(shown):
    outputs = shown(
        "del _, _i, _ii\nIn = Out = None",
        "import sys; sys.stdout = None\n5",
        "sys.stdout = sys.__stdout__",
        "6",
    )
    assert outputs == ["", "5", "", "6"]


def test_error_whose_text_raises(run):
    done = run("class Bad(Exception):\n    def __str__(self): raise ValueError('no text')\nraise Bad")
    assert done.returncode == 1 and "Bad" in done.stderr


def test_exit_in_a_cell(run):
    done = run("print(1)\nraise SystemExit(4)", "print(2)")
    assert done.returncode == 4 and "print(2)" not in done.stdout


def test_cell_that_is_meant_to_raise(run):
    done = run(code("1 / 0", tags=["raises-exception"]), "print('after')")
    assert done.returncode == 0 and done.stdout.endswith("\n\nafter\n") and "ZeroDivisionError" in done.stderr


def test_sources_are_found(shown):
    outputs = shown(
        "import warnings, inspect, pickle\n"
        "def f():\n    return 1\n"
        "print(inspect.getsource(f))\nassert pickle.loads(pickle.dumps(f)) is f",
        "warnings.warn('careful')",
        merge=True,
    )
    assert outputs[0] == "def f():\n    return 1"
    assert outputs[1] == "Cell In[2]:1: UserWarning: careful\n  warnings.warn('careful')"


def test_future_statement_holds_in_later_cells(shown):
    outputs = shown(
        "def f(x: 1 + 1): pass\nf.__annotations__",
        "from __future__ import annotations",
        "def f(x: 1 + 1): pass\nf.__annotations__",
    )
    assert outputs == ["{'x': 2}", "", "{'x': '1 + 1'}"]


def test_await_at_top_level(shown):
    outputs = shown(
        "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 7",
        "await f()",
        "x = await f()\nx + 1",
    )
    assert outputs == ["", "7", "8"]


def test_runs_in_its_own_folder(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "data.txt").write_text("42")
    (folder / "neighbour.py").write_text("value = 3\n")
    notebook(
        folder / "book.ipynb",
        "import sys, neighbour\nprint(open('data.txt').read(), neighbour.value, sys.argv)",
    )
    done = facula("run", "folder/book.ipynb", "a", "b", cwd=tmp_path)
    assert done.stdout.endswith("\n\n42 3 ['folder/book.ipynb', 'a', 'b']\n")


def test_input(run):
    done = run("name = input('name? ')\nprint('hello', name)", input="you\n")
    assert done.stdout.endswith("\n\nname? hello you\n")
    done = run("input('name? ')")
    assert done.returncode == 1
    assert "EOFError: input() was called, but there is nothing on standard input" in done.stderr


def test_commands(shown):
    outputs = shown(
        "!echo one two",
        "word = 'three'\n!echo {word} $word {word.upper()} $HOME_THAT_IS_NOT",
        "lines = !printf 'a\\nb\\n'\nlines",
        "for i in range(2):\n    !echo {i}",
        "text = '''\n!echo not run\n'''\ntext",
        "!exit 3\n_exit_code",
    )
    assert outputs == ["one two", "three three THREE", "['a', 'b']", "0\n1", "'\\n!echo not run\\n'", "3"]


def test_command_order(run):
    done = run("print('before')\n!echo during\nprint('after')")
    assert done.stdout.endswith("\n\nbefore\nduring\nafter\n")


def test_harmless_magics(run):
    done = run("%matplotlib inline\n%load_ext autoreload\n%autoreload 2\nprint('on')")
    assert done.returncode == 0 and done.stdout.endswith("\n\non\n")
    assert "%load_ext is passed over" in done.stderr and "matplotlib" not in done.stderr


def test_time_magics(run):
    done = run("%time 1 + 1", "%%time\nx = 3\nx + 1", "%timeit -n 10 -r 2 x", "y = %time x\ny")
    assert done.returncode == 0, done.stderr
    cells = re.split(r"In \[\d\]:\n", done.stdout)[1:]
    assert "Wall time:" in cells[0] and cells[0].rstrip().endswith("\n2")
    assert "Wall time:" in cells[1] and cells[1].rstrip().endswith("\n4")
    assert "2 runs, 10 loops each" in cells[2]
    assert cells[3].rstrip().endswith("\n3")


def test_error_inside_a_cell_magic_points_into_the_cell(run):
    done = run("%%time\nx = 1\n1 / 0")
    assert done.returncode == 1
    assert "----> 3 1 / 0" in done.stderr and "magics.py" not in done.stderr


def test_unknown_magic(run):
    done = run("%tmie 1")
    assert done.returncode == 1
    assert (
        "UsageError: Line magic function `%tmie` not found: facula does not have it; "
        "the nearest it has is time" in done.stderr
    )
    assert "UsageError: Cell magic `%%cython` not found" in run("%%cython\nx").stderr


def test_files_and_captures(shown, tmp_path):
    outputs = shown(
        "%%writefile made.py\nvalue = 6",
        "import made\nmade.value",
        "%%capture kept\nprint('hidden')\n5",
        "kept.stdout",
        "%env FACULA_TEST=8\nimport os\nos.environ['FACULA_TEST']",
        "%%bash\necho from bash",
        "%pwd",
    )
    assert outputs == [
        "Writing made.py",
        "6",
        "",
        "'hidden\\n'",
        "env: FACULA_TEST=8\n'8'",
        "from bash",
        repr(os.path.realpath(tmp_path)),
    ]


def test_installing_torch_is_passed_over(run):
    for line in ("!pip install torch", "%pip install -q torch==2.1 torchvision", "pip install torch"):
        done = run(line)
        assert done.returncode == 0 and "not run, because facula answers to torch" in done.stderr


def test_question_is_no_output(run):
    done = run("print?\nprint(1)")
    assert done.returncode == 0 and done.stdout.endswith("\n\n1\n")


def test_ipython_where_it_is_not_installed(tmp_path):
    if importlib.util.find_spec("IPython"):
        pytest.skip("IPython is installed")
    path = notebook(
        tmp_path / "book.ipynb",
        "from IPython.display import display, HTML, clear_output\n"
        "clear_output(wait=True)\ndisplay(1, HTML('<b>'))",
        "from IPython import display, get_ipython\ndisplay.Markdown('*')",
        "import IPython.core",
    )
    done = facula(path)
    assert "<IPython.core.display.HTML object>" in done.stdout
    assert "<IPython.core.display.Markdown object>" in done.stdout
    assert done.returncode == 1 and "No module named 'IPython.core'" in done.stderr


def test_figures(run):
    pytest.importorskip("matplotlib")
    done = run(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]);", "plt.plot([2]); plt.show(); print('after')"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("<Figure size 640x480 with 1 Axes>") == 2
    assert done.stdout.endswith("<Figure size 640x480 with 1 Axes>\nafter\n")


def test_reader_that_leaves(tmp_path):
    import subprocess
    import sys

    path = notebook(tmp_path / "book.ipynb", "for i in range(100000): print('x' * 100)")
    command = f'"{sys.executable}" -m facula run "{path}" | head -n 3'
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path[1:])}
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=environment)
    assert done.stderr == ""


def test_characters_the_terminal_cannot_show(run):
    done = run("print('\u2207 f')", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and done.stdout.endswith("\n\n\\u2207 f\n")
