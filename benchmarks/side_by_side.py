"""What the benchmarks share: rows that run the same text on facula and on PyTorch, alternating.

A row is a statement (with its setup) in which `torch` means one library, then the other. Rounds alternate
between the two, so that a noisy neighbour or a change of clock meets both; the table gives the median of the
rounds and the ratio of the medians. Without PyTorch the facula columns are still measured.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import re
import statistics
import sys
import time
import timeit
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

REPORT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


@dataclass
class Row:
    """One line of the table: `statement` must be at least `bar` times as fast as PyTorch's."""

    what: str
    statement: str
    setup: str = ""
    bar: float | None = None
    medians: dict[str, float] = field(default_factory=dict)  # seconds per statement, by library
    failed: str = ""

    @property
    def ratio(self) -> float | None:
        if len(self.medians) < 2:
            return None
        return self.medians["torch"] / self.medians["facula"]

    @property
    def met(self) -> bool | None:
        return None if self.bar is None or self.ratio is None else self.ratio >= self.bar


def libraries() -> dict[str, ModuleType]:
    found = {"facula": importlib.import_module("facula")}
    try:
        found["torch"] = importlib.import_module("torch")
    except ImportError:
        print("PyTorch is not installed: facula alone is measured", file=sys.stderr)
    return found


def namespace(row: Row, module: ModuleType) -> dict[str, object]:
    """What the row's statement runs in, after its setup."""
    space = {"torch": module}
    if "F." in row.statement:
        space["F"] = module.nn.functional
    exec(row.setup, space)
    return space


def measure(
    row: Row, modules: dict[str, ModuleType], rounds: int, seconds: float, pause: float = 0.0
) -> None:
    """Fills row.medians. `seconds` is about how long one library runs in one round."""
    timers, counts = {}, {}
    for name, module in modules.items():
        try:
            space = namespace(row, module)
            timers[name] = timeit.Timer(row.statement, globals=space)
            timers[name].timeit(1)
            once = min(timers[name].repeat(3, 3)) / 3
        except Exception as error:
            row.failed = f"{name}: {type(error).__name__}: {error}".splitlines()[0]
            return
        counts[name] = max(1, int(seconds / once))
        timers[name].timeit(counts[name])  # caches, clocks and pools are warm from here on
    times = {name: [] for name in modules}
    for _ in range(rounds):
        for name, timer in timers.items():
            time.sleep(pause)  # PyTorch's threads go on spinning for a while after their work
            times[name].append(timer.timeit(counts[name]) / counts[name])
    row.medians = {name: statistics.median(t) for name, t in times.items()}


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return (
                f"{seconds / scale:.3g} {unit}" if seconds / scale < 1000 else f"{seconds / scale:.0f} {unit}"
            )
    return f"{seconds * 1e9:.0f} ns"


def ratio_cells(row: Row) -> list[str]:
    bar = "-" if row.bar is None else f"≥ {row.bar:g}x"
    if row.failed:
        return [bar, f"failed: {row.failed}".replace("|", "\\|")]
    ratio = "-" if row.ratio is None else f"{row.ratio:.3g}x"
    return [bar, ratio + ("" if row.met is None else " ✓" if row.met else " ✗ below the bar")]


def table(head: list[str], lines: list[list[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)


def machine() -> str:
    model = platform.processor() or platform.machine()
    try:
        found = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        model = found.group(1) if found else model
    except OSError:
        pass
    return f"{model}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"


def versions(modules: dict[str, ModuleType]) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        facula = version("facula")
    except PackageNotFoundError:
        facula = "from the source tree"
    torch = f", PyTorch {modules['torch'].__version__}" if "torch" in modules else ""
    return f"facula {facula}{torch}"


def write_section(name: str, text: str) -> None:
    """Replaces one benchmark's part of docs/benchmarks.md, and leaves the others."""
    begin, end = f"<!-- {name}: written by benchmarks/{name}.py -->", f"<!-- end of {name} -->"
    section = f"{begin}\n{text}\n{end}\n"
    old = (
        REPORT.read_text() if REPORT.exists() else "# Benchmarks\n\nMeasured side by side by `make bench`.\n"
    )
    if begin in old and end in old:
        before, rest = old.split(begin, 1)
        new = before + section + rest.split(end, 1)[1].lstrip("\n")
        new = new if new.endswith("\n") else new + "\n"
    else:
        new = old.rstrip("\n") + "\n\n" + section
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(re.sub(r"-->\n(?=<!--)", "-->\n\n", new))


def options(description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few rounds: shows the order of magnitude")
    parser.add_argument("--only", default="", help="rows whose text contains this; writes nothing")
    parser.add_argument("--no-write", action="store_true", help="leave docs/benchmarks.md as it is")
    return parser.parse_args()


def run(
    name: str,
    title: str,
    explanation: str,
    rows: list[Row],
    *,
    rounds: int,
    seconds: float,
    pause: float = 0.0,
    after: Callable[[dict[str, ModuleType], list[Row]], str] | None = None,
) -> int:
    """Measures the rows, prints them as they come, writes the section. Returns the exit status.

    `after(modules, rows)` returns text to put under the table.
    """
    chosen = options(explanation)
    modules = libraries()
    rows = [r for r in rows if chosen.only in r.what + r.statement]
    lines = []
    for row in rows:
        measure(row, modules, 3 if chosen.quick else rounds, seconds / 4 if chosen.quick else seconds, pause)
        cells = [row.what, *(duration(row.medians.get(m)) for m in ("torch", "facula")), *ratio_cells(row)]
        print("  ".join(f"{c:{w}}" for c, w in zip(cells, (64, 9, 9, 8, 0))), flush=True)
        lines.append(cells)
    text = f"## {title}\n\n{explanation.strip()}\n\n{machine()}; {versions(modules)}.\n\n"
    text += table(["what", "PyTorch", "facula", "bar", "times as fast"], lines) + "\n"
    if after:
        text += "\n" + after(modules, rows) + "\n"
    if not (chosen.no_write or chosen.only or chosen.quick):
        write_section(name, text)
    return int(any(r.failed for r in rows))
