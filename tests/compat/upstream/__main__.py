"""The command line: see the package's docstring.

python -m tests.compat.upstream FILE... [-k PATTERN] [-v] [--limit SECONDS]
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.compat import upstream

ROOT = Path(__file__).resolve().parents[3]


def answers(library: str, request: dict):
    """What one process says, and how it ended."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.compat.upstream.worker", library],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if not request["loud"] else None,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")},
        text=True,
    )
    text, errors = worker.communicate(json.dumps(request) + "\n")
    return [json.loads(line) for line in text.splitlines()], worker.returncode, errors or ""


def outcomes(library: str, path: str, only: list[str] | None, options) -> dict[str, tuple[str, str]]:
    """Of each test of the file, what came of it and the traceback. A process that dies is started again."""
    found: dict[str, tuple[str, str]] = {}
    while True:
        request = {
            "path": path,
            "pattern": options.k,
            "only": only,
            "done": list(found),
            "limit": options.limit,
            "loud": options.v,
        }
        said, code, errors = answers(library, request)
        running = None
        for kind, *answer in said:
            if kind == "begins":
                running = answer[0]
            elif kind == "ends":
                found[answer[0]], running = (answer[1], answer[2]), None
            elif answer[0] and not found:
                print(f"{Path(path).name}: {library} does not have {', '.join(answer[0])}")
        if code == 0:
            return found
        if running is None:
            raise SystemExit(f"{path} cannot be run with {library}:\n{errors[-3000:]}")
        found[running] = (f"the process died ({code})", errors[-3000:])


def compare(path: str, options) -> None:
    theirs = outcomes("torch", path, None, options)
    passing = [test for test, (outcome, _) in theirs.items() if outcome == "ok"]
    ours = outcomes("facula", path, passing, options)
    failing = [test for test in passing if ours.get(test, ("lost", ""))[0] != "ok"]
    kinds = collections.Counter(outcome.split(":")[0] for outcome, _ in theirs.values())
    skipped = sum(ours.get(test, ("", ""))[0].startswith("skipped") for test in failing)
    print(
        f"{Path(path).name}: {len(passing)} tests pass with PyTorch ({kinds['skipped']} skipped, "
        f"{len(theirs) - len(passing) - kinds['skipped']} fail), "
        f"{len(failing) - skipped} of these fail with facula, {skipped} are skipped"
    )
    for test in failing:
        outcome, details = ours.get(test, ("lost: the test does not exist with facula", ""))
        print(f"    {test}: {outcome}")
        if options.v:
            print(details)
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=upstream.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=os.path.abspath)
    parser.add_argument("-k", metavar="PATTERN", help="tests that match, a regular expression")
    parser.add_argument("-v", action="store_true", help="tracebacks, and what the tests print")
    parser.add_argument("--limit", type=int, default=10, help="seconds a test may take (10)")
    options = parser.parse_args()
    for path in options.files:
        compare(path, options)


if __name__ == "__main__":
    main()
