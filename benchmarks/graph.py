"""Graphs that are long, and graphs that are made and dropped many times.

A chain of a million additions is run forward and backward without recursion, and the memory of the graph is
given back: what the process holds after it is what it held before, within 1 MB. A hundred thousand training
steps with hooks and a user-defined Function must not grow either.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

from side_by_side import Row, run

LENGTH = 1_000_000

chain = f"""
w = torch.tensor(1.0, requires_grad=True)
one = torch.tensor(1.0)
def forward(n={LENGTH}):
    x = w
    for _ in range(n):
        x = x + one
    return x
def both():
    forward().backward()
"""
kept = chain + "x = forward()\n"

ROWS = [
    Row(
        "backward of a chain of 1,000,000 additions",
        "x.backward(retain_graph=True)",
        kept,
        5,
    ),
    Row("the same with forward, and the graph freed", "both()", chain, 5),
    Row("freeing 100,000 nodes", "forward(100_000)", chain),
]

STEPS = """
class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * g * x
w = torch.ones(8, requires_grad=True)
w.register_hook(lambda g: g * 0.5)
def step():
    y = Square.apply(w * 2)
    y.register_hook(lambda g: g + 0)
    v = y[2:]
    v.mul_(3)
    y.sum().backward()
    w.grad = None
"""


def resident() -> int:
    """Bytes of memory the process has in use, by the kernel's count."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def settle(module) -> int:
    gc.collect()
    empty = getattr(module._C, "_empty_cache", None)
    if empty:
        empty()
    return resident()


def growth_of_chain(module) -> int:
    """How much more the process holds after a chain was made and dropped, once it has been done before."""
    space = {"torch": module}
    exec(chain, space)
    space["both"]()
    before = settle(module)
    space["both"]()
    return settle(module) - before


def growth_of_steps(module, steps: int = 100_000) -> int:
    space = {"torch": module}
    exec(STEPS, space)
    step = space["step"]
    for _ in range(2000):
        step()
    before = settle(module)
    for _ in range(steps):
        step()
    return settle(module) - before


def memory(modules, rows) -> str:
    lines = []
    for name, module in modules.items():
        long, many = growth_of_chain(module) / 2**20, growth_of_steps(module) / 2**20
        lines.append(
            f"* {name}: {long:+.2f} MB after one more chain, {many:+.2f} MB after 100,000 more steps."
        )
    print("\n".join(lines))
    return "Growth of resident memory (bar: within 1 MB):\n\n" + "\n".join(lines)


if __name__ == "__main__":
    sys.exit(run("graph", "Graphs", __doc__, ROWS, rounds=3, seconds=0.5, after=memory))
