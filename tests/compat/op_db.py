"""Runs PyTorch's operator database against facula and prints what disagrees, a line each.

    python tests/compat/op_db.py softmax            # entries of this name, or with it in their name
    python tests/compat/op_db.py 'linalg.*' -v      # several disagreements of a kind, not one
    python tests/compat/op_db.py add --dtype float32
    python tests/compat/op_db.py --all -j 2 --save results.json     # everything, in two processes
    python tests/compat/op_db.py --all -j 2 --update                # and record them; writes docs/coverage.md
    python tests/compat/op_db.py --from results.json --common       # the commonest disagreements

A line reads: property, dtypes, samples that disagree of those judged, what differs, the first such sample
(T[2, 3] is a tensor of the pair's dtype; ~[...] its strides where it is not contiguous).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="full names, operations, globs, parts of names")
    parser.add_argument("--all", action="store_true", help="every entry")
    parser.add_argument("-j", type=int, default=1, help="processes")
    parser.add_argument("-v", action="store_true", help="every disagreement that was kept")
    parser.add_argument("--dtype", action="append", help="only this dtype (float32, ...)")
    parser.add_argument(
        "--update", action="store_true", help="record what does not agree; write docs/coverage.md"
    )
    parser.add_argument("--save", type=Path, help="keep the results")
    parser.add_argument("--from", dest="load", type=Path, help="results kept earlier, instead of a run")
    parser.add_argument("--common", action="store_true", help="the commonest disagreements over all entries")
    parser.add_argument("--used", type=Path, help="a table of names, most used first: which of them disagree")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()

    from opdb import known, pool, report

    if chosen.worker:
        pool.serve()
        return 0
    from opdb.entries import ENTRIES, choose, left_out

    names = list(ENTRIES) if chosen.all or chosen.load and not chosen.names else choose(chosen.names)
    if not names:
        parser.error("no entry of this name")
    results = {}
    if chosen.load:
        kept = json.loads(chosen.load.read_text())
        results = {n: kept[n] for n in names if n in kept}
        if not (chosen.common or chosen.update or chosen.used):
            for result in results.values():
                report.show(result, chosen.v)
    else:
        for name in names:
            if left_out(name) and not chosen.all:
                print(f"{name}: left out: {left_out(name)}")
        names = [n for n in names if not left_out(n)]
        options = {"only": chosen.dtype} if chosen.dtype else {}
        for result in pool.judge_all(names, chosen.j, kept=8 if chosen.v else 3, **options):
            results[result["name"]] = result
            if not chosen.common:
                report.show(result, chosen.v, brief=chosen.all)
    if chosen.save:
        chosen.save.write_text(json.dumps(results))
    if chosen.common:
        report.common(results)
    if chosen.used:
        report.most_used(results, chosen.used)
    if len(results) > 1:
        report.totals(results)
    if chosen.update:
        known.update(results)
        report.write_coverage(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
