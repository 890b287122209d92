"""Which objects of a build took longest: python3 tools/build_times.py build/dev [lines]

Compiling everything from clean should stay under four minutes on two cores. A file over some seconds is best
split by family; every kernel counts once per instruction set.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    folder, shown = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 25
    seconds = {}
    for line in (folder / ".ninja_log").read_text().splitlines()[1:]:
        start, end, _, output, _ = line.split("\t")
        seconds[output.replace("CMakeFiles/", "").replace(".dir/src", "")] = (int(end) - int(start)) / 1e3
    slowest = sorted(seconds.items(), key=lambda item: -item[1])
    print(f"{sum(seconds.values()):8.1f} s in {len(seconds)} steps, of which")
    for output, time in slowest[:shown]:
        print(f"{time:8.1f} s  {output}")


if __name__ == "__main__":
    main()
