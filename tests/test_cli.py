"""facula run program.py: what an unmodified program sees, its tracebacks and its exit status."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runs import facula

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def program(tmp_path):
    def write(source, name="program.py"):
        path = tmp_path / name
        path.write_text(source, encoding="utf-8")
        return path

    return write


def test_sees_what_python_would_show_it(program, tmp_path):
    (tmp_path / "neighbour.py").write_text("value = 5\n")
    path = program(
        "import sys, torch, neighbour, __main__\n"
        "print(__name__, __main__.torch is torch, neighbour.value, sys.argv[1:])\n"
        "print(sys.argv[0], __file__, sys.path[0], __doc__, __spec__ if '__spec__' in globals() else None)\n"
    )
    for command in (["run", path], [path]):
        done = facula(*command, "a", "--check", "-x", cwd="/")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == (
            f"__main__ True 5 ['a', '--check', '-x']\n{path} {path} {tmp_path} None None\n"
        )


def test_torch_is_facula(program):
    done = facula(program("import torch, facula\nprint(torch is facula, torch.__version__)\n"))
    assert done.stdout == "True 2.13.0\n"


def test_flags_of_the_runner_do_not_leak_into_the_program(program):
    done = facula(program("def f(x: 1 + 1): pass\nprint(f.__annotations__)\n"))
    assert done.stdout == "{'x': 2}\n"


@pytest.mark.parametrize(
    ("body", "status", "stderr"),
    [
        ("", 0, ""),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit()", 0, ""),
        ("raise SystemExit('stopped')", 1, "stopped\n"),
        ("import os; os._exit(7)", 7, ""),
    ],
)
def test_exit_status(program, body, status, stderr):
    done = facula(program(body))
    assert (done.returncode, done.stdout, done.stderr) == (status, "", stderr)


def test_traceback_is_python_s_own(program):
    path = program("def f(x):\n    return 1 / x\n\nprint('before')\nf(0)\n")
    done = facula(path)
    plain = subprocess.run([sys.executable, path], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stdout == "before\n"
    assert done.stderr == plain.stderr


def test_traceback_of_chained_errors(program):
    path = program(
        "def f():\n    try:\n        {}['key']\n    except KeyError as error:\n"
        "        raise ValueError('no') from error\ntry:\n    f()\nexcept ValueError:\n    1 / 0\n"
    )
    done = facula(path)
    plain = subprocess.run([sys.executable, path], capture_output=True, text=True)
    assert done.stderr == plain.stderr


def test_syntax_error(program):
    path = program("x = 1\ny = = 2\n")
    done = facula(path)
    plain = subprocess.run([sys.executable, path], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == plain.stderr


def test_missing_names_end_in_the_user_s_line(program):
    for line in (
        "import torch.no_such_thing",
        "from torch import no_such_thing",
        "import torch; torch.no_such_thing",
    ):
        done = facula(program(line + "\n"))
        assert done.returncode == 1
        frames = [each for each in done.stderr.splitlines() if each.startswith("  File ")]
        assert len(frames) == 1 and "program.py" in frames[0], done.stderr
        assert "facula does not have it" in done.stderr.splitlines()[-1]


def test_own_excepthook_and_atexit(program):
    done = facula(
        program(
            "import sys, atexit\natexit.register(print, 'at exit')\n"
            "sys.excepthook = lambda kind, value, trace: print('hook', kind.__name__, trace.tb_lineno)\n1/0\n"
        )
    )
    assert (done.returncode, done.stdout) == (1, "hook ZeroDivisionError 4\nat exit\n")


def test_interrupt(program):
    done = facula(program("raise KeyboardInterrupt\n"))
    assert done.returncode == 128 + signal.SIGINT
    assert done.stderr.endswith("KeyboardInterrupt\n")


def test_classes_of_the_program_pickle(program):
    done = facula(
        program(
            "import pickle, copy, inspect\nclass A:\n    pass\ndef f(): return 1\n"
            "assert pickle.loads(pickle.dumps(f)) is f and type(pickle.loads(pickle.dumps(A()))) is A\n"
            "assert inspect.getsource(f) == 'def f(): return 1\\n'\n"
        )
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_encoding_declaration(tmp_path):
    path = tmp_path / "latin.py"
    path.write_bytes("# -*- coding: latin-1 -*-\nprint('\xe9' == chr(233))\n".encode("latin-1"))
    assert facula(path).stdout == "True\n"


def test_module(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "package" / "part.py").write_text("import sys, torch\nprint(__name__, sys.argv[1:])\n1 / 0\n")
    done = facula("run", "-m", "package.part", "a", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == "__main__ ['a']\n"
    assert done.stderr.splitlines()[1].endswith('part.py", line 3, in <module>')
    done = facula("run", "-m", "package.no_such_part", cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "status", "fragment"),
    [
        ([], 2, "usage"),
        (["run"], 2, "which file"),
        (["run", "--chekc", "x.ipynb"], 2, "unknown option --chekc"),
        (["run", "--check", "x.py"], 2, "is for notebooks"),
        (["run", "-m"], 2, "-m needs"),
        (["run", "missing.py"], 1, "cannot read missing.py: No such file or directory"),
        (["missing.py"], 1, "cannot read missing.py: No such file or directory"),
        (["run", "missing.ipynb"], 1, "cannot read missing.ipynb: No such file or directory"),
        (["run", "."], 1, "is a directory"),
    ],
)
def test_mistakes_on_the_command_line(tmp_path, arguments, status, fragment):
    done = facula(*arguments, cwd=tmp_path)
    assert done.returncode == status
    assert done.stdout == ""
    assert fragment in done.stderr and "Traceback" not in done.stderr
    if arguments:
        assert len(done.stderr.splitlines()) == 1


def test_binary_garbage(tmp_path):
    path = tmp_path / "garbage.py"
    path.write_bytes(bytes(range(256)))
    done = facula(path)
    assert done.returncode == 1
    assert done.stderr == f"facula: {path} is not a Python program: it contains null bytes\n"


def test_help_and_version():
    assert facula("--help").stdout.startswith("usage: facula run")
    assert facula("--version").stdout.startswith("facula ")
    assert "answers to torch 2.13.0" in facula("--version").stdout


def test_refuses_where_torch_is_taken(tmp_path, program):
    # A sitecustomize that imports another torch is before everything else.
    (tmp_path / "torch.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", "import torch, sys\nfrom facula.cli import main\nsys.exit(main(['x.py']))"],
        cwd=tmp_path,
        env={"PYTHONPATH": ":".join([str(tmp_path), *sys.path[1:]])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    program("", "x.py")


def test_start_imports_nothing_slow(program):
    # A whole short run has a tenth of a second; these would take a third of it.
    done = facula(program("import sys, torch\nprint(*sorted(sys.modules))\n"))
    loaded = set(done.stdout.split())
    assert not loaded & {
        "argparse",
        "json",
        "re",
        "traceback",
        "inspect",
        "typing",
        "dataclasses",
        "ast",
        "numpy",
    }


@pytest.mark.parametrize("name", ["linear_regression", "mlp_spirals", "second_derivatives"])
def test_examples(name):
    expected = {
        "linear_regression": "by hand: y = 3.000 x + -0.496, loss 0.01049\n"
        "layers:  y = 3.000 x + -0.496, loss 0.01049\n",
        "mlp_spirals": "parameters: 1218\n",
        "second_derivatives": "minimum at tensor(0.8526, dtype=torch.float64)\n",
    }[name]
    done = facula("run", EXAMPLES / f"{name}.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert expected in done.stdout
    if name == "mlp_spirals":
        assert "accuracy 1.00" in done.stdout.splitlines()[-1]
