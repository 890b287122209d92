"""Results for a reader: lines on the terminal, totals, docs/coverage.md."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

from .entries import ENTRIES, LEFT_OUT, dtype_name, dtypes, left_out
from .judge import PAIR, failing
from .samples import short

COLUMNS = (
    *("entry", "values", "strides", "sharing", "method", "operator", "in-place", "out="),
    *("gradient", "second", "forward", "errors"),
)
ROOT = Path(__file__).resolve().parents[3]


def _plain(text: str, dtype: str) -> str:
    """The text without what varies from dtype to dtype, to group by."""
    text = re.sub(r"-?\d+\.?\d*(e[-+]?\d+)?j?|\bnan\b|\binf\b", "N", text.replace(dtype, "DTYPE"))
    text = re.sub(r"'(Char|Short|Int|Long|Byte|Bool|Half|BFloat16|Float|Double|Complex\w+)'", "'DTYPE'", text)
    return re.sub(r"torch\.\w+", "DTYPE", text)


def show(result: dict, every: bool = False, brief: bool = False) -> None:
    """Prints one entry: a line when all agrees, else a line for each kind of disagreement."""
    name = result["name"]
    if "broken" in result:
        print(f"{name}: BROKEN {result['broken']}")
        return
    groups: dict[tuple[str, str], list] = {}
    for dtype, rows in result["dtypes"].items():
        for what, (judged, wrong, kept) in rows.items():
            for sample, text in kept if every else kept[:1]:
                key = (what, _plain(text, dtype) + (sample if every else ""))
                group = groups.setdefault(key, [[], wrong, judged, text, sample])
                group[0].append(short(dtype))
    count, total, wrong = len(result["dtypes"]), 0, 0
    for rows in result["dtypes"].values():
        total += sum(r[0] for r in rows.values())
        wrong += sum(r[1] for r in rows.values())
    judged, bad, kept = result.get("errors", [0, 0, []])
    for sample, text in kept:
        groups.setdefault(("errors", text), [["-"], bad, judged, text, sample])
    agree = sum(1 for rows in result["dtypes"].values() if not rows.get("values", [0, 0])[1])
    head = f"{name}: values agree in {agree} of {count} dtypes, {total - wrong} of {total} comparisons"
    head += f", {judged - bad} of {judged} error inputs" if judged else ""
    print(
        head
        + ("" if groups else "  OK")
        + (f"  ({result['seconds']} s)" if not brief and "seconds" in result else "")
    )
    if brief:
        return
    order = {what: i for i, what in enumerate(PAIR)}
    for (what, _), (ds, wrong, judged, text, sample) in sorted(
        groups.items(), key=lambda g: order.get(g[0][0], 99)
    ):
        at = f"  in {sample}" if sample else ""
        print(f"  {what:9} {','.join(ds)} ({wrong} of {judged}): {text}{at}", flush=True)


def common(results: dict[str, dict], limit: int = 60) -> None:
    """The kinds of disagreement, commonest first, each with entries that have it."""
    counts: Counter = Counter()
    where: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, result in results.items():
        seen = set()
        for dtype, rows in result["dtypes"].items():
            for what, (_, wrong, kept) in rows.items():
                if wrong:
                    seen |= {(what, _plain(text, dtype).replace(name, "NAME")[:110]) for _, text in kept[:1]}
        seen |= {("errors", _plain(text, "-")[:110]) for _, text in result.get("errors", [0, 0, []])[2]}
        for key in seen:
            counts[key] += 1
            where[key].append(name)
    for key, n in counts.most_common(limit):
        print(f"{n:4}  {key[0]:9} {key[1]}   [{', '.join(where[key][:6])}]")


class Sums:
    """The totals against the bars."""

    def __init__(self, results: dict[str, dict]) -> None:
        self.pairs = self.pairs_ok = self.errors = self.errors_ok = self.entries_ok = 0
        self.derivatives = {what: [0, 0] for what in ("grad", "second", "forward")}
        self.forms = {what: [0, 0] for what in PAIR[1:]}
        for name, op in ENTRIES.items():
            result = results.get(name, {"dtypes": {}})
            self.pairs += len(dtypes(op))
            good = sum(1 for d in dtypes(op) if agrees(result, "values", dtype_name(d)))
            self.pairs_ok += good
            self.entries_ok += good == len(dtypes(op))
            supported = {
                "grad": op.supports_autograd,
                "second": op.supports_autograd and op.supports_gradgrad,
                "forward": op.supports_forward_ad,
            }
            for what, applies in supported.items():
                self.derivatives[what][1] += bool(applies)
                self.derivatives[what][0] += bool(applies and derivative(result, what))
            for what in self.forms:
                rows = [rows[what] for rows in result["dtypes"].values() if what in rows]
                self.forms[what][1] += bool(rows)
                self.forms[what][0] += bool(rows) and not any(r[1] for r in rows)
            judged, wrong, _ = result.get("errors", [0, 0, []])
            self.errors += judged
            self.errors_ok += judged - wrong

    def lines(self) -> list[tuple[str, str, str]]:
        share = 100 * self.errors_ok / max(1, self.errors)
        return [
            ("pairs of entry and dtype that agree on values", f"{self.pairs_ok} of {self.pairs}", ">= 5,700"),
            ("entries that agree on values in every dtype", f"{self.entries_ok} of {len(ENTRIES)}", ""),
            ("entries whose gradients agree", "{} of {}".format(*self.derivatives["grad"]), ">= 520"),
            (
                "entries whose second gradients agree",
                "{} of {}".format(*self.derivatives["second"]),
                ">= 500",
            ),
            ("entries whose forward mode agrees", "{} of {}".format(*self.derivatives["forward"]), ">= 480"),
            (
                "error inputs that raise the same type",
                f"{self.errors_ok} of {self.errors} ({share:.1f}%)",
                ">= 95%",
            ),
            *(
                (f"entries whose {w} agrees in every dtype", f"{a} of {b}", "")
                for w, (a, b) in self.forms.items()
            ),
        ]


def agrees(result: dict, what: str, dtype: str) -> bool:
    """Judged in this dtype on at least one sample, and nothing differed."""
    row = result["dtypes"].get(dtype, {}).get(what)
    return bool(row and row[0] and not row[1])


def derivative(result: dict, what: str) -> bool:
    rows = [rows[what] for rows in result["dtypes"].values() if what in rows]
    if not rows:  # PyTorch gave nothing to compare with: right where the values are
        return bool(result["dtypes"]) and all(
            not r.get("values", [0, 1])[1] for r in result["dtypes"].values()
        )
    return not any(r[1] for r in rows)


def most_used(results: dict[str, dict], table: Path, count: int = 400) -> None:
    """Which entries among the names that programs use most disagree on values.

    Args:
        table: a table of names, the most used first, separated by tabs; its first column is read.
    """
    rows = [line.split("\t")[0] for line in table.read_text().splitlines()[1 : count + 1]]
    used = {name.removeprefix("torch.").removeprefix("Tensor.") for name in rows}
    entries = [n for n, op in ENTRIES.items() if op.name in used and not left_out(n)]
    lacking = {"dtypes": {"none": {"values": [1, 1, []]}}}
    wrong = {n: set(failing(results.get(n, lacking)).get("values", ())) - {"complex32"} for n in entries}
    wrong = {n: dtypes for n, dtypes in wrong.items() if dtypes}
    good = len(entries) - len(wrong)
    print(f"{good} of {len(entries)} entries among the {count} most used names agree (complex32 apart); not:")
    for name, found in wrong.items():
        print(f"   {name}: {' '.join(sorted(found))}")


def totals(results: dict[str, dict]) -> None:
    for text, figure, bar in Sums(results).lines():
        print(f"{text:55} {figure:>22}   {bar}")


def _mark(row: list | None) -> str:
    if not row or not row[0]:
        return ""
    return "yes" if not row[1] else f"{row[0] - row[1]} of {row[0]}"


def write_coverage(results: dict[str, dict]) -> None:
    """docs/coverage.md: a row an entry, the totals."""
    lines = [
        "# Coverage of PyTorch's operator database",
        "",
        "Written by `python tests/compat/op_db.py --all --update`: every entry of PyTorch 2.13's `op_db` on",
        "the CPU: sample, reference and error inputs in both libraries. Values: dtypes in which every",
        "sample agrees on value, dtype and shape. Forms: dtypes in which that form agrees. Derivatives are",
        "judged in float64 and complex128.",
        "",
        "| | agree | bar |",
        "|---|---|---|",
    ]
    lines += [f"| {a} | {b} | {c} |" for a, b, c in Sums(results).lines()]
    lines += ["", "Left out (counted above as not agreeing):", ""]
    lines += [f"* `{name}`: {reason}" for name, reason in LEFT_OUT.items()]
    lines += [
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    for name, op in ENTRIES.items():
        result = results.get(name)
        if left_out(name) or not result:
            lines.append(f"| {name} | {'left out' if left_out(name) else 'not run'} |" + " |" * 10)
            continue
        cells = [f"{sum(agrees(result, 'values', dtype_name(d)) for d in dtypes(op))}/{len(dtypes(op))}"]
        for what in ("strides", "sharing", "method", "operator", "inplace", "out"):
            rows = [rows[what] for rows in result["dtypes"].values() if what in rows]
            cells.append(f"{sum(not r[1] for r in rows)}/{len(rows)}" if rows else "")
        for what, applies in (
            ("grad", op.supports_autograd),
            ("second", op.supports_gradgrad),
            ("forward", op.supports_forward_ad),
        ):
            cells.append(("yes" if derivative(result, what) else "no") if applies else "")
        judged, wrong, _ = result.get("errors", [0, 0, []])
        cells.append(f"{judged - wrong}/{judged}" if judged else "")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    (ROOT / "docs" / "coverage.md").write_text("\n".join(lines) + "\n")
