"""What it costs to start: whole processes from exec to exit, their peak memory, and what is installed.

A process that only starts Python is measured too. Rounds alternate between all of them; times are medians.
This file imports neither library: a child's peak would start from its parent's.
"""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from side_by_side import duration, machine, options, table, write_section

PEAK = "\nprint('peak', [l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')][0])"

# The code of the notebook that facula began with.
PROGRAM = """
import torch

def cal_z(a, b, c):
    r1 = torch.sub(a, b)
    r2 = torch.mul(r1, 2)
    return torch.add(r2, c)

print('Scalar Inputs:', cal_z(torch.tensor(1), torch.tensor(2), torch.tensor(3)))
print('Rank 1 Inputs:', cal_z(torch.tensor([1]), torch.tensor([2]), torch.tensor([3])))
print('Rank 2 Inputs:', cal_z(torch.tensor([[1]]), torch.tensor([[2]]), torch.tensor([[3]])))
print(torch.tensor(3.14, requires_grad=True))
print(torch.tensor([1.0, 2.0, 3.0], requires_grad=True))
w = torch.tensor([1.0, 2.0, 3.0])
print(w.requires_grad)
print(w.requires_grad_())
torch.manual_seed(1)
w = torch.empty(2, 3)
print(torch.nn.init.xavier_normal_(w))

class MyModule(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w1 = torch.empty(2, 3, requires_grad=True)
        torch.nn.init.xavier_normal_(self.w1)
        self.w2 = torch.empty(1, 2, requires_grad=True)
        torch.nn.init.xavier_normal_(self.w2)

w = torch.tensor(1.0, requires_grad=True)
b = torch.tensor(0.5, requires_grad=True)
x = torch.tensor([1.4])
y = torch.tensor([2.1])
z = torch.add(torch.mul(w, x), b)
loss = (y - z).pow(2).sum()
print(w, b, x, y, z, loss)
loss.backward()
print('dL/dw', w.grad)
print('dL/db', b.grad)
print(2 * x * (w * x + b - y))
"""


def once(command: list[str]) -> tuple[float, float, str]:
    """Seconds, peak memory in MB (0 if not printed) and what was printed."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=300)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip().rpartition("\n")[2])
    before, found, peak = done.stdout.rpartition("peak ")
    return seconds, int(peak) * 1024 / 1e6 if found else 0.0, before if found else done.stdout


def installed_mb(*packages: str) -> float:
    """Megabytes on disk of the named packages, without the byte code that Python writes on first use."""
    total = 0
    for name in packages:
        spec = importlib.util.find_spec(name)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            for place in {Path(folder), *Path(folder).parent.glob(f"{Path(folder).name}.libs")}:
                files = [f for f in place.rglob("*") if f.is_file() and f.suffix != ".pyc"]
                total += sum(f.stat().st_size for f in files)
    return total / 1e6


def processes(folder: Path, has_torch: bool, rounds: int) -> list[list[str]]:
    seed, seed_peak = folder / "seed.py", folder / "seed_peak.py"
    seed.write_text(PROGRAM)
    seed_peak.write_text(PROGRAM + PEAK)
    commands = {  # name: (timed, for the peak)
        "python": (["-c", "pass"], ["-c", PEAK]),
        "import facula": (["-c", "import facula"], ["-c", "import facula" + PEAK]),
        "seed facula": (["-m", "facula", str(seed)], ["-m", "facula", str(seed_peak)]),
    }
    if has_torch:
        commands["import torch"] = (["-c", "import torch"], ["-c", "import torch" + PEAK])
        commands["seed torch"] = ([str(seed)], [str(seed_peak)])
    times, peaks, failed, printed = {name: [] for name in commands}, {}, {}, {}
    for turn in range(rounds + 1):
        for name, (timed, with_peak) in commands.items():
            if name in failed:
                continue
            try:
                if turn == 0:  # disk caches and byte code are warm after this one
                    _, peaks[name], printed[name] = once(with_peak)
                else:
                    times[name].append(once(timed)[0])
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                failed[name] = str(error)
    median = {name: statistics.median(t) if t else None for name, t in times.items()}

    def line(what: str, theirs: str, ours: str, limit_s: float, limit_mb: float | None) -> list[list[str]]:
        if ours in failed:
            return [[what, "-", "-", "-", f"failed: {failed[ours]}"]]
        rows = [
            [
                f"{what}, time",
                duration(median.get(theirs)),
                duration(median[ours]),
                f"≤ {limit_s * 1e3:.0f} ms",
            ]
        ]
        rows[0].append("✓" if median[ours] <= limit_s else "✗")
        peak = [f"{peaks[n]:.0f} MB" if n in peaks else "-" for n in (theirs, ours)]
        rows.append([f"{what}, peak memory", *peak, f"≤ {limit_mb:.0f} MB" if limit_mb else "-"])
        rows[1].append("-" if not limit_mb else "✓" if peaks[ours] <= limit_mb else "✗")
        return rows

    lines = [["`python -c pass`, for comparison", "-", duration(median["python"]), "-", "-"]]
    lines += line("`import facula`, whole process", "import torch", "import facula", 0.060, 40)
    lines += line("the first notebook's code, whole process", "seed torch", "seed facula", 0.090, None)
    if "seed torch" in printed and "seed facula" in printed:
        same = printed["seed torch"] == printed["seed facula"]
        lines.append(
            ["what it prints", "-", "the same" if same else "differs", "the same", "✓" if same else "✗"]
        )
    return lines


def main() -> int:
    chosen = options(__doc__)
    has_torch = importlib.util.find_spec("torch") is not None
    with tempfile.TemporaryDirectory() as folder:
        lines = processes(Path(folder), has_torch, 3 if chosen.quick else 15)
    theirs = f"{installed_mb('torch', 'torchgen', 'functorch'):.0f} MB" if has_torch else "-"
    for what, packages, limit in (
        ("installed size, without OpenBLAS", ["facula"], 10),
        ("installed size, with OpenBLAS", ["facula", "scipy_openblas32"], 40),
    ):
        size = installed_mb(*packages)
        lines.append([what, theirs, f"{size:.1f} MB", f"≤ {limit} MB", "✓" if size <= limit else "✗"])
    for cells in lines:
        print("  ".join(f"{c:{w}}" for c, w in zip(cells, (56, 9, 9, 8, 0))))
    text = f"## Starting\n\n{__doc__.strip()}\n\n{machine()}.\n\n"
    text += table(["what", "PyTorch", "facula", "bar", "met"], lines) + "\n"
    if not (chosen.no_write or chosen.quick):
        write_section("startup", text)
    return int(any("failed" in cells[-1] for cells in lines))


if __name__ == "__main__":
    sys.exit(main())
