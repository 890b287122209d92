"""Runs a .py file or a module as `__main__`, with torch answered by facula."""

from __future__ import annotations

import os
import sys

from . import CommandError, own_the_process, read_file
from .trace import without_our_frames

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    import types
    from collections.abc import Callable


def run_program(path: str, arguments: list[str]) -> int:
    """Run the file as `python path arguments...` would; return the exit status."""
    if os.path.isdir(path):
        raise CommandError(f"{path} is a directory, not a program")
    source = read_file(path)
    if b"\0" in source:
        raise CommandError(f"{path} is not a Python program: it contains null bytes")
    full = os.path.abspath(path)
    own_the_process(os.path.dirname(full), [path, *arguments])
    main = new_main()
    vars(main).update(__file__=full, __cached__=None)
    from importlib.machinery import SourceFileLoader

    main.__loader__ = SourceFileLoader("__main__", full)

    def body():
        # dont_inherit: the program must not get the __future__ flags of this file.
        exec(compile(source, full, "exec", dont_inherit=True), vars(main))

    return guarded(body)


def run_module(name: str, arguments: list[str]) -> int:
    """Run a module as `python -m name arguments...` would; return the exit status."""
    own_the_process(os.getcwd(), [name, *arguments])
    import runpy

    def body():
        try:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        except ImportError as error:
            # runpy's own "No module named x", as opposed to one which the module ran into.
            last = error.__traceback__
            while last is not None and last.tb_next is not None:
                last = last.tb_next
            if last is not None and "runpy" in last.tb_frame.f_code.co_filename:
                raise CommandError(str(error)) from None
            raise

    return guarded(body)


def new_main() -> types.ModuleType:
    """A fresh `__main__` module, in place: pickle and inspect look for a program's functions there."""
    import builtins

    main = type(sys)("__main__")
    main.__builtins__ = builtins
    # The old one must live on: a module that dies takes its globals with it, under the feet of its running
    # code.
    main.__dict__["__facula_main__"] = sys.modules.get("__main__")
    sys.modules["__main__"] = main
    return main


def remember(error: BaseException) -> None:
    """Leave the exception where debuggers look for the last one."""
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    vars(sys)["last_exc"] = error  # its place since Python 3.12


def guarded(body: Callable[[], None]) -> int:
    """Call body(); an exception is reported as the interpreter would, from the user's own first frame on."""
    try:
        body()
    except (SystemExit, CommandError):
        raise
    except BaseException as error:
        trace = without_our_frames(error)
        remember(error)
        try:
            sys.stdout.flush()
        except Exception:
            # The program may have closed or replaced it.
            pass
        sys.excepthook(type(error), error, trace)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0
