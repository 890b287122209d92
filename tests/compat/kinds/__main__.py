"""python -m tests.compat.kinds [--update]: what differs between PyTorch and facula."""

from __future__ import annotations

import sys

from tests.compat.kinds import HERE, differences


def main() -> None:
    rows: dict[str, list[str]] = {}
    for call, kind, each in differences():
        rows.setdefault(call, []).append(kind)
        if "--update" not in sys.argv:
            print(
                f"{call}  {kind}\n    PyTorch: {str(each.theirs)[:300]}\n    facula:  {str(each.ours)[:300]}"
            )
    if "--update" in sys.argv:
        text = "".join(f"{call}\t{' '.join(kinds)}\n" for call, kinds in rows.items())
        (HERE / "known.txt").write_text(text)
    print(sum(map(len, rows.values())), "differences in", len(rows), "calls")


if __name__ == "__main__":
    main()
