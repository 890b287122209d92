"""The command line: `facula run FILE`, `python -m facula FILE`. Here the arguments are read.

A short program's time is mostly start-up, so nothing here imports argparse, json, re or traceback on the
way to it.
"""

from __future__ import annotations

import sys

__all__ = ["main"]

USAGE = """\
usage: facula run [--check] FILE [arguments...]
       facula run -m MODULE [arguments...]
       facula --version | --help

Runs an unmodified PyTorch program (.py) or notebook (.ipynb); `import torch` finds facula.
`python -m facula FILE [arguments...]` is the same.

  --check   run a notebook and compare what its cells print with the outputs stored in it:
            prints the differences; exit status 1 if there are any
  -m        run a module found on sys.path, as `python -m` does
"""


class CommandError(Exception):
    """Something the user can put right: shown as one line, without a traceback."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return _dispatch(arguments)
    except CommandError as error:
        sys.stdout.flush()
        print(f"facula: {error}", file=sys.stderr)
        return error.status
    except BrokenPipeError:
        # The reader has gone (`facula run x | head`). Leave nothing for the interpreter to flush at exit.
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141


def _dispatch(arguments: list[str]) -> int:
    if not arguments:
        print(USAGE, end="", file=sys.stderr)
        return 2
    first = arguments[0]
    if first in ("-h", "--help", "help"):
        print(USAGE, end="")
        return 0
    if first in ("-V", "--version"):
        from .. import _C
        from ..version import __version__

        print(f"facula {_C.__version__}, answers to torch {__version__}")
        return 0
    # `python -m facula FILE` may leave out the word "run".
    return _run(arguments[1:] if first == "run" else arguments)


def _run(arguments: list[str]) -> int:
    check = False
    while arguments and arguments[0].startswith("-"):
        option = arguments.pop(0)
        if option == "--check":
            check = True
        elif option == "-m":
            if not arguments:
                raise CommandError("-m needs the name of a module", 2)
            if check:
                raise CommandError("--check is for notebooks", 2)
            from .program import run_module

            return run_module(arguments[0], arguments[1:])
        elif option in ("-h", "--help"):
            print(USAGE, end="")
            return 0
        elif option == "--":
            break
        else:
            raise CommandError(f"unknown option {option} (see facula --help)", 2)
    if not arguments:
        raise CommandError("which file? usage: facula run [--check] FILE [arguments...]", 2)
    path, *rest = arguments
    if path.endswith(".ipynb"):
        from .notebook import check_notebook, run_notebook

        return check_notebook(path, rest) if check else run_notebook(path, rest)
    if check:
        raise CommandError(f"--check is for notebooks (.ipynb), and {path} is none", 2)
    from .program import run_program

    return run_program(path, rest)


def read_file(path: str) -> bytes:
    """The bytes of a file, or a CommandError which says why they cannot be had."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError as error:
        # A null byte in the name.
        raise CommandError(f"cannot read {path!r}: {error}") from None


def own_the_process(directory: str, argv: list[str]) -> None:
    """Make sys.argv and sys.path what the program would see under a plain `python program.py`."""
    from .._alias import install_as_torch

    try:
        install_as_torch()
    except RuntimeError as error:
        raise CommandError(str(error)) from None
    sys.argv[:] = argv
    # sys.path[0] is where `python -m` or the console script started; under -P and -I there is no such entry.
    if not (getattr(sys.flags, "safe_path", False) or sys.flags.isolated):
        sys.path[0] = directory
