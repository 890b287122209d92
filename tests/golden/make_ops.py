"""Writes ops.json: what PyTorch 2.13.0 answers to the sample table. Run with PyTorch installed:

PYTHONPATH=tests python tests/golden/make_ops.py
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from op_outcomes import GOLDEN_DTYPES, known, outcome, variants
from op_table import TABLE
from op_tools import Op


def compact(x: Any) -> Any:
    if isinstance(x, float):
        return float(f"{x:.8g}") if x == x and abs(x) != float("inf") else str(x)
    if isinstance(x, complex):
        return [compact(x.real), compact(x.imag)]
    return [compact(part) for part in x] if isinstance(x, list) else x


def answers(op: Op) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for name, sample in variants(op):
        for dtype in GOLDEN_DTYPES if name == "0" else GOLDEN_DTYPES[:1]:
            case = f"{op.name}/{name}/{dtype}"
            if not known(case):
                found = outcome(torch, op, sample, dtype)
                parts = found if found[:1] == ["error"] else [[*p[:2], *p[3:]] for p in found]
                table[case] = compact(parts)
    return table


def in_child(op: Op) -> dict[str, Any]:
    """In a process of its own: some of PyTorch's operations write out of bounds when misused."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        with open(writer, "w") as pipe:
            json.dump(answers(op), pipe)
        os._exit(0)
    os.close(writer)
    with open(reader) as pipe:
        text = pipe.read()
    _, status = os.wait()
    if status:
        print(f"{op.name}: PyTorch crashed; no answers kept")
        return {}
    return json.loads(text)


def main() -> None:
    torch.set_num_threads(1)
    table: dict[str, Any] = {}
    for op in TABLE.values():
        table |= in_child(op)
    path = Path(__file__).with_name("ops.json")
    lines = [f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in table.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(table)} cases, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
