"""About 160 operations at three sizes, most of them 1e3, 1e5 and 1e7 elements; families/ says which and how.

Each cell: PyTorch's time, facula's time, how many times as fast facula is. Both libraries use every core.
The geometric means leave out operations that facula does not have yet.
"""

from __future__ import annotations

import math
import sys
from types import ModuleType

from families import SIZES, Case, families
from side_by_side import (
    Row,
    duration,
    libraries,
    machine,
    measure,
    namespace,
    options,
    table,
    versions,
    write_section,
)

FLOOR = 0.4  # a large size slower than this needs an explanation


def row_of(case: Case, size: int) -> Row:
    setup = f"n = {case.sizes[size]}\n{case.setup}"
    return Row(case.what, case.statement, setup, case.bar if size == 2 else None)


def cell(row: Row) -> str:
    if row.failed:
        absent = "AttributeError" in row.failed or "NotImplementedError" in row.failed
        return "missing" if absent else "failed"
    times = " / ".join(duration(row.medians.get(m)) for m in ("torch", "facula"))
    return times if row.ratio is None else f"{times} / {row.ratio:.2f}x"


def remark(case: Case, rows: list[Row]) -> str:
    """What the last column says: an error, a bar and whether it is met, why something is slow."""
    errors = [row.failed for row in rows if row.failed and cell(row) == "failed"]
    if errors:
        return errors[0].replace("|", "\\|")
    large = rows[2]
    notes = [] if large.bar is None else [f"bar {large.bar:g}x" + (" ✗" if large.met is False else "")]
    if large.ratio is not None and large.ratio < FLOOR:
        notes.append(case.why or f"under {FLOOR}x ✗")
    return "; ".join(notes)


def different_bits(torch: ModuleType, row: Row) -> bool:
    """Whether the row's result changes with the number of threads."""
    if row.failed or row.statement.startswith(("x.add_", "x[c] =", "x[i] =", "torch.rand", "F.dropout")):
        return False
    results, threads = [], torch.get_num_threads()
    space = namespace(row, torch)
    for n in (1, 2):
        torch.set_num_threads(n)
        result = eval(row.statement, space)
        results.append(result[0] if isinstance(result, (tuple, list)) else result)
    torch.set_num_threads(threads)
    first, second = results
    return isinstance(first, torch.Tensor) and not torch.equal(first.nan_to_num(), second.nan_to_num())


def means(lines: list[list[Row]]) -> list[str]:
    """The geometric mean of the ratios of each size, and how many went into it."""
    cells = []
    for rows in zip(*lines):
        ratios = [row.ratio for row in rows if row.ratio is not None]
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan
        cells.append(f"{mean:.2f}x over {len(ratios)} of {len(rows)}")
    return cells


def main() -> int:
    chosen = options(__doc__)
    modules = libraries()
    rounds, seconds = (1, 0.02) if chosen.quick else (5, 0.06)
    lines, everything, changing = [], [], []
    for family, cases in families():
        lines.append([f"**{family}**", "", "", "", ""])
        measured = []
        for case in cases:
            if chosen.only not in f"{family}: {case.what}: {case.statement}":
                continue
            rows = [row_of(case, size) for size in range(3)]
            for row in rows:
                measure(row, modules, rounds, seconds, pause=0.02)
            if not chosen.quick and different_bits(modules["facula"], rows[2]):
                changing.append(case.what)
            measured.append(rows)
            lines.append([f"`{case.what}`", *map(cell, rows), remark(case, rows)])
            print("  ".join(f"{c:{w}}" for c, w in zip(lines[-1], (28, 30, 30, 30, 0))), flush=True)
        everything += measured
        if measured:
            lines.append(["geometric mean", *means(measured), ""])
            print("  ".join(f"{c:{w}}" for c, w in zip(lines[-1], (28, 30, 30, 30, 0))), flush=True)
    lines.append(["**geometric mean of all**", *means(everything), ""])
    print(*lines[-1])
    different = f"Large results that differ between one thread and two: {', '.join(changing) or 'none'}."
    text = f"## Kernels\n\n{__doc__.strip()}\n\n{machine()}; {versions(modules)}.\n\n"
    text += table(["operation", *SIZES, "remark"], lines) + f"\n\n{different}\n"
    if not (chosen.no_write or chosen.only or chosen.quick):
        write_section("kernels", text)
    return int(any(cell(row) == "failed" for rows in everything for row in rows))


if __name__ == "__main__":
    sys.exit(main())
