# ruff: noqa: E501  tables, a row a line
"""Two workers, and what differs between their answers."""

from __future__ import annotations

import math
import os
import pickle
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[3]
SINGLE, DOUBLE = 2e-4, 1e-8
NUMBER = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?|\b(?:nan|inf)\b")


class Worker:
    """A process that runs snippets; a new one when it has died."""

    def __init__(self, library: str) -> None:
        self.library = library
        self.start()

    def start(self) -> None:
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        env = {
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}",
            "OMP_NUM_THREADS": "1",
        }
        arguments = [sys.executable, str(Path(__file__).with_name("worker.py")), self.library]
        self.process = subprocess.Popen(
            [*arguments, str(theirs_in), str(theirs_out)],
            pass_fds=(theirs_in, theirs_out),
            env=env,
            stdin=subprocess.DEVNULL,
        )
        os.close(theirs_in), os.close(theirs_out)
        self.source, self.sink = os.fdopen(ours_in, "rb"), os.fdopen(ours_out, "wb")

    def send(self, lines: list[str], prelude: str, apart: bool) -> None:
        pickle.dump((lines, prelude, apart), self.sink)
        self.sink.flush()

    def receive(self) -> list[Any]:
        try:
            ready, _, _ = select.select([self.source], [], [], 120)
            if ready:
                return pickle.load(self.source)
        except (EOFError, pickle.UnpicklingError):
            pass
        self.process.kill()
        code = self.process.wait()
        self.start()
        return [("error", "Crash", f"the process ended with {code}")]

    def close(self) -> None:
        self.sink.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def close_numbers(a: float, b: float, tolerance: float) -> bool:
    if a == b or (math.isnan(a) and math.isnan(b)):
        return True
    return abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))


def same_text(a: str, b: str) -> bool:
    """Equal but for blanks and the last digits of numbers."""
    a, b = " ".join(a.split()), " ".join(b.split())
    if a == b:
        return True
    if re.sub(r"\s", "", NUMBER.sub("#", a)) != re.sub(r"\s", "", NUMBER.sub("#", b)):
        return False
    return all(close_numbers(float(x), float(y), 2e-4) for x, y in zip(NUMBER.findall(a), NUMBER.findall(b)))


def same(a: Any, b: Any, tolerance: float = DOUBLE) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple) and a and a[0] == "tensor" and b and b[0] == "tensor":
        if a[1:7] != b[1:7]:
            return False
        wide = "64" in a[2] and a[2] != "torch.complex64" or "128" in a[2]
        loose = {"torch.float16": 2e-2, "torch.bfloat16": 5e-2}.get(a[2], SINGLE)
        return same(a[7], b[7], DOUBLE if wide else loose)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(same(x, y, tolerance) for x, y in zip(a, b))
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, complex) and isinstance(b, complex):
        return close_numbers(a.real, b.real, tolerance) and close_numbers(a.imag, b.imag, tolerance)
    if isinstance(a, float) and isinstance(b, float):
        return close_numbers(a, b, max(tolerance, SINGLE) if tolerance == DOUBLE else tolerance)
    if isinstance(a, str) and isinstance(b, str):
        return same_text(a, b)
    return type(a) is type(b) and a == b


class Difference(NamedTuple):
    snippet: str
    number: int
    statement: str
    lines: list[str]
    kind: str  # equal, differs, lacks, fails
    theirs: Any
    ours: Any


LACKS = re.compile(r"facula does not have|facula has no|is missing|not in facula|NotImplementedError")


def first_sentence(message: str) -> str:
    line = message.strip().split("\n")[0]
    return re.split(r"(?<=[a-z\])'\"])\. |; ", line)[0].rstrip(".")


def judged(
    name: str, lines: list[str], theirs: list[Any], ours: list[Any], messages: bool
) -> Iterator[Difference]:
    unknown: set[str] = set()  # names that are missing because of an earlier difference
    for number, line in enumerate(lines):
        one = theirs[number] if number < len(theirs) else ("error", "Crash", "")
        two = ours[number] if number < len(ours) else ("error", "Crash", "")
        if one[0] == "error" and two[0] == "error":
            alike = one[1] == two[1] and (not messages or two[2].startswith(first_sentence(one[2])))
            kind = "fails" if alike else "differs"
        elif one[0] == two[0]:
            kind = "equal" if same(one[1], two[1]) else "differs"
        else:
            kind = "differs"
        if (
            kind == "differs"
            and two[0] == "error"
            and one[0] != "error"
            and LACKS.search(f"{two[1]} {two[2]}")
        ):
            kind = "lacks"
        missing = re.match(r"name '(\w+)' is not defined", str(two[2])) if two[0] == "error" else None
        if kind == "differs" and missing and missing[1] in unknown:
            kind = "follows"
        if kind in ("differs", "lacks", "follows"):
            unknown.update(re.findall(r"\w+", line))
        yield Difference(name, number, line, lines, kind, one, two)


def compared(
    snippets: list[tuple[str, list[str]]], prelude: str = "", messages: bool = False, apart: bool = False
) -> Iterator[Difference]:
    workers = [Worker("torch"), Worker("facula")]
    try:
        for name, lines in snippets:
            for worker in workers:
                worker.send(lines, prelude, apart)
            theirs, ours = (worker.receive() for worker in workers)
            yield from judged(name, lines, theirs, ours, messages)
    finally:
        for worker in workers:
            worker.close()
