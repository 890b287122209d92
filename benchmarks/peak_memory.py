"""The peak of resident memory of a row, each library in a process of its own.

Three figures: what the whole process reaches (interpreter, library, data, model, steps); by how much that
is above the process right after `import` of the library, which counts modules and kernels loaded on first
use, the model, its data and its steps; and by how much it is above the process after the row's setup, which
leaves what the steps need by themselves.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import astuple, dataclass
from pathlib import Path

SECONDS, STEPS = 0.5, 10  # steps run for so long, and at least so often


@dataclass
class Peak:
    whole: float  # MB
    growth: float
    steps: float


def resident(field: str) -> float:
    """VmRSS (now) or VmHWM (the peak) of this process in MB."""
    found = re.search(rf"^{field}:\s*(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found.group(1)) / 1024


def here(library: str, setup: str, statement: str) -> Peak:
    """Measures this very process, which should be a fresh one."""
    space: dict[str, object] = {"torch": importlib.import_module(library)}
    gc.collect()
    before = resident("VmRSS")
    space["F"] = space["torch"].nn.functional
    exec(setup, space)
    gc.collect()
    ready = resident("VmRSS")
    code = compile(statement, "<statement>", "exec")
    end, steps = time.perf_counter() + SECONDS, 0
    while steps < STEPS or time.perf_counter() < end:
        exec(code, space)
        steps += 1
    peak = resident("VmHWM")
    return Peak(peak, peak - before, peak - ready)


def peak(library: str, setup: str, statement: str) -> Peak:
    """The same in a fresh process."""
    paths = [p for p in sys.path if p]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(paths))
    job = json.dumps([library, setup, statement])
    done = subprocess.run(
        [sys.executable, __file__], input=job, env=environment, capture_output=True, text=True, check=True
    )
    return Peak(*json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    print(json.dumps(astuple(here(*json.load(sys.stdin)))))
