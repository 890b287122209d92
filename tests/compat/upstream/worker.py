"""Runs one test file with one library: python -m tests.compat.upstream.worker LIBRARY.

The request is a line of JSON on the standard input: `path` of the file, `pattern` or null, `only` (names of
the tests to run, or null), `done` (names to leave out), `limit` (seconds a test may take). Lines of the
answer are JSON lists: ["lacks", names], ["begins", test], ["ends", test, outcome, traceback]. The outcome is
"ok", "skipped: ...", "slow" or the error's first line.
"""

from __future__ import annotations

import faulthandler
import json
import os
import re
import signal
import sys
import traceback
import unittest
import unittest.mock  # the files count on PyTorch to have imported it
import warnings


class Slow(BaseException):
    """A test took too long. Not an Exception: tests catch those."""


def first_line(error: BaseException) -> str:
    """Type and text. What torch.testing says about two tensors is in its first three lines."""
    lines = [each.strip() for each in str(error).split("\n") if each.strip()]
    text = "; ".join(lines[:3]) if lines[:1] and lines[0].startswith("Tensor-likes") else "".join(lines[:1])
    return f"{type(error).__name__}: {text}"[:300]


class Outcome(unittest.TestResult):
    """Keeps the first that went wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.outcome, self.details = "ok", ""

    def _wrong(self, error) -> None:
        if self.outcome == "ok":
            self.outcome = "slow" if error[0] is Slow else first_line(error[1])
            self.details = "".join(traceback.format_exception(*error))

    def addError(self, test, err):
        self._wrong(err)

    def addFailure(self, test, err):
        self._wrong(err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._wrong(err)

    def addSkip(self, test, reason):
        self.outcome = f"skipped: {reason}"

    def addExpectedFailure(self, test, err):
        self.outcome = "skipped: expected to fail"


def tests_of(module) -> list[tuple[str, unittest.TestCase]]:
    found = []
    for class_name, cls in sorted(vars(module).items()):
        if not (isinstance(cls, type) and issubclass(cls, unittest.TestCase)) or cls.__name__ == "TestCase":
            continue
        for name in sorted(dir(cls)):
            if name.startswith("test") and callable(getattr(cls, name)):
                found.append((f"{class_name}.{name}", cls, name))
    return found


def forget_hooks() -> None:
    """Removes hooks of all modules that a test left behind: the files rebind PyTorch's private names."""
    module = sys.modules.get("facula.nn.modules._hooks") or sys.modules.get("torch.nn.modules.module")
    for name, value in vars(module).items() if module else ():
        if name.startswith("_global_") and isinstance(value, dict):
            value.clear()


def run(cls, name: str, limit: int) -> Outcome:
    from tests.compat.upstream import hook

    outcome = Outcome()
    # The alarm needs the interpreter. The second clock ends the process whose kernel never returns.
    signal.alarm(limit)
    faulthandler.dump_traceback_later(4 * limit, exit=True)
    hook.running = True
    try:
        cls(name).run(outcome)
    except Slow:
        outcome.outcome = "slow"
    finally:
        hook.running = False
        forget_hooks()
        signal.alarm(0)
        faulthandler.cancel_dump_traceback_later()
    return outcome


def ring(*args) -> None:
    raise Slow


def main() -> None:
    library, request = sys.argv[1], json.loads(sys.stdin.readline())
    if library == "facula":
        import facula

        facula.install_as_torch()
    else:
        import sympy  # noqa: F401  PyTorch does it late, where an alarm would leave half of it
    from tests.compat.upstream import hook

    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what tests print is no answer

    def say(*answer) -> None:
        answers.write(json.dumps(answer) + "\n")

    warnings.simplefilter("default")
    sys.meta_path.insert(0, hook.Harness())
    sys.path.insert(0, os.path.dirname(os.path.abspath(request["path"])))
    signal.signal(signal.SIGALRM, ring)
    module, lacking = hook.load(request["path"])
    say("lacks", lacking)
    only = None if request["only"] is None else set(request["only"])
    done = set(request["done"])
    for test, cls, name in tests_of(module):
        if test in done or only is not None and test not in only:
            continue
        if request["pattern"] and not re.search(request["pattern"], test):
            continue
        say("begins", test)
        outcome = run(cls, name, request["limit"])
        say("ends", test, outcome.outcome, outcome.details)
    answers.close()
    os._exit(0)  # threads that tests left behind are not waited for


if __name__ == "__main__":
    main()
