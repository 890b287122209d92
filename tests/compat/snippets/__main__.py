"""Runs the examples of PyTorch's documentation with PyTorch and with facula.

python -m tests.compat.snippets                  # all, a summary and what differs
python -m tests.compat.snippets 'nn.*' Tensor    # names that match
python -m tests.compat.snippets --file FILE      # snippets, one a line, statements separated by " ;; "
"""

from __future__ import annotations

import argparse
import collections
import fnmatch
import time
from pathlib import Path

from tests.compat.snippets import compare, documentation, extract, generate


def shown(answer: object, size: int) -> str:
    text = str(answer)
    return text if len(text) <= size else text[:size] + "..."


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("patterns", nargs="*")
    parser.add_argument("--file", type=Path)
    parser.add_argument("--calls", type=Path, help="generated calls of the names in this file (first column)")
    parser.add_argument("-v", action="store_true", help="whole answers")
    parser.add_argument("--all", action="store_true", help="also what is out of scope")
    parser.add_argument("--messages", action="store_true", help="first sentences of errors too")
    options = parser.parse_args()
    if options.calls:
        names = [each.split("\t")[0] for each in options.calls.read_text().splitlines()]
        chosen = [(name, generate.statements(name)) for name in names]
        chosen = [(name, lines[i : i + 200]) for name, lines in chosen for i in range(0, len(lines), 200)]
        prelude = generate.PRELUDE
    elif options.file:
        lines = [
            each
            for each in options.file.read_text().splitlines()
            if each.strip() and not each.startswith("#")
        ]
        chosen = [(each, each.replace("\0", "\n").split(" ;; ")) for each in lines]
        prelude = documentation.PRELUDE
    else:
        chosen = extract.snippets()
        prelude = documentation.PRELUDE
    if options.patterns:
        chosen = [
            (name, lines)
            for name, lines in chosen
            if any(fnmatch.fnmatch(name, f"*{p}*" if "*" not in p else p) for p in options.patterns)
        ]
    start, count = time.time(), collections.Counter()
    reasons = collections.Counter()
    for each in compare.compared(chosen, prelude, options.messages, bool(options.calls)):
        reason = "" if options.file or options.calls else documentation.out_of_scope(each)
        if reason and each.kind not in ("equal", "fails"):
            reasons[reason] += 1
            count["out of scope"] += 1
            if not options.all:
                continue
        else:
            count[each.kind] += 1
        if each.kind in ("differs", "lacks"):
            size = 100000 if options.v else 300
            print(f"{each.snippet} [{each.number}] {each.kind}: {shown(each.statement, size)}")
            print(
                f"    PyTorch: {shown(each.theirs, size)}\n    facula:  {shown(each.ours, size)}", flush=True
            )
    print(dict(count), f"{len(chosen)} snippets, {time.time() - start:.0f} s")
    for reason, number in reasons.most_common():
        print(f"    {number:5} {reason}")


if __name__ == "__main__":
    main()
