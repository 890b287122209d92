"""Builds facula with AddressSanitizer and UndefinedBehaviorSanitizer and runs pytest against that build.

    python3 tools/sanitize.py --venv .venv -- tests -k add
    python3 tools/sanitize.py --venv .venv --leaks -- tests/test_leaks.py

The interpreter itself frees little when it exits, so leaks are looked for only with --leaks, and only those
whose memory was asked for by facula's own code are counted.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from stage import stage

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "sanitize"
LIBRARY = BUILD / "lib"


def build(python: Path, optimise: str) -> None:
    """Leaves an importable package in build/sanitize/lib."""
    package = LIBRARY / "facula"
    stage(LIBRARY)
    flags = [
        "-DFACULA_SANITIZE=ON",
        f"-DFACULA_OPTIMISE={optimise}",
        f"-DFACULA_OPTIMISE_KERNELS={optimise}",
        f"-DFACULA_OUTPUT={package}",
        f"-DPython_EXECUTABLE={python}",
    ]
    subprocess.run(
        ["cmake", "-S", ROOT, "-B", BUILD, "-G", "Ninja", *flags], check=True, stdout=subprocess.DEVNULL
    )
    subprocess.run(["cmake", "--build", BUILD], check=True)


def runtime(name: str) -> str:
    compiler = os.environ.get("CXX") or next(c for c in ("c++", "g++", "clang++") if shutil.which(c))
    found = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return found.stdout.strip()


def environment(leaks: bool) -> dict[str, str]:
    # libstdc++ comes along so that exceptions are intercepted from the start.
    preload = f"{runtime('libasan.so')} {runtime('libstdc++.so')}"
    asan = f"detect_leaks={int(leaks)}:exitcode={0 if leaks else 66}:allocator_may_return_null=1"
    return {
        **os.environ,
        "LD_PRELOAD": preload,
        "ASAN_OPTIONS": asan,
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
        "PYTHONMALLOC": "malloc",  # so that out-of-bounds accesses of Python's objects are seen too
        "PYTHONPATH": str(LIBRARY),
        "PYTHONDONTWRITEBYTECODE": "1",
        "FACULA_SANITIZED": "1",  # tests of speed and memory use skip themselves
    }


def our_leaks(report: str) -> list[str]:
    """The records of a leak report whose first frame outside the allocators lies in facula's extension."""
    ours = []
    for record in re.split(r"\n(?=(?:Direct|Indirect) leak of )", report)[1:]:
        frames = re.findall(r"^\s+#\d+ 0x[0-9a-f]+ in (.*)$", record, re.MULTILINE)
        frames = [f for f in frames if not re.search(r"libasan|operator new", f)]
        if record.startswith("Direct") and frames and "_C." in frames[0]:
            ours.append(record.split("\n\n")[0])
    return ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv")
    parser.add_argument("--leaks", action="store_true")
    parser.add_argument(
        "--optimise", default="-O1", help="compiler flag; at -O0 a build takes less, a run longer"
    )
    parser.add_argument("pytest", nargs="*", help="arguments for pytest")
    arguments = parser.parse_args()
    python = arguments.venv.absolute() / "bin" / "python"
    os.environ["PATH"] = f"{python.parent}{os.pathsep}{os.environ['PATH']}"  # CMake and Ninja may be there
    build(python, arguments.optimise)
    command = [python.parent / "pytest", "-p", "no:cacheprovider", *arguments.pytest]
    if not arguments.leaks:
        sys.exit(subprocess.run(command, cwd=ROOT, env=environment(False)).returncode)
    done = subprocess.run(command, cwd=ROOT, env=environment(True), stderr=subprocess.PIPE, text=True)
    ours = our_leaks(done.stderr)
    print(*ours, sep="\n\n")
    print(f"{len(ours)} leaks of facula's own")
    sys.exit(done.returncode or bool(ours))


if __name__ == "__main__":
    main()
