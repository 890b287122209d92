"""The recorded expectation: op_db_known.json says for each entry what does not agree yet.

    {"entry": {"values": "float16 bfloat16", "out": "*", ...}}

"*" means every dtype of the entry. What is not recorded must agree.
"""

from __future__ import annotations

import json
from pathlib import Path

from .entries import ENTRIES, dtype_name, dtypes, left_out
from .judge import failing

FILE = Path(__file__).resolve().parent.parent / "op_db_known.json"


def load() -> dict[str, dict[str, str]]:
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def expand(name: str, text: str) -> set[str]:
    return {dtype_name(d) for d in dtypes(ENTRIES[name])} | {"-"} if text == "*" else set(text.split())


def compact(name: str, found: dict[str, list[str]]) -> dict[str, str]:
    every = {dtype_name(d) for d in dtypes(ENTRIES[name])}
    return {what: "*" if set(ds) >= every else " ".join(sorted(ds)) for what, ds in sorted(found.items())}


def regressions(result: dict, known: dict[str, dict[str, str]] | None = None) -> list[str]:
    """Disagreements that are not recorded, a line each."""
    name = result["name"]
    recorded = (load() if known is None else known).get(name, {})
    if "broken" in result:
        return [] if "*" in recorded else [f"{name}: {result['broken']}"]
    if "*" in recorded:
        return []
    lines = []
    for what, found in failing(result).items():
        new = [d for d in found if d not in expand(name, recorded.get(what, ""))]
        if "values" in recorded and what != "errors":
            # A value that disagrees hides what else is wrong: strides, forms, derivatives follow from it.
            new = [d for d in new if d not in expand(name, recorded["values"])]
        for d in new:
            row = result["errors"] if d == "-" else result["dtypes"][d][what]
            sample, text = row[2][0]
            lines.append(f"{name} {what} {d}: {text}  in {sample}")
    return lines


def update(results: dict[str, dict]) -> None:
    """Records the results; entries that were not run keep what was recorded."""
    known = load()
    for name, result in results.items():
        found = {"*": "*"} if "broken" in result else compact(name, failing(result))
        if found:
            known[name] = found
        else:
            known.pop(name, None)
    known = {name: known[name] for name in sorted(known) if name in ENTRIES and not left_out(name)}
    rows = [f"{json.dumps(name)}: {json.dumps(found)}" for name, found in known.items()]
    FILE.write_text("{\n" + ",\n".join(rows) + "\n}\n")
