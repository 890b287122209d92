"""Resident memory over many steps of forward and backward with hooks, Functions and nodes: it must stay flat.

    python benchmarks/leaks.py [steps]

Prints the growth of each program over the second half of its steps, in KiB.
"""

from __future__ import annotations

import gc
import sys

import facula as torch


class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.note = "note"
        return x * 2

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 2 + x * 0


w = torch.ones(4, requires_grad=True)


def hooks():
    y = w * 2
    handle = y.register_hook(lambda g: g * 1)
    other = w.register_hook(lambda g: g)
    after = w.register_post_accumulate_grad_hook(lambda p: None)
    y.retain_grad()
    y.grad_fn.register_hook(lambda i, o: None)
    y.grad_fn.metadata["k"] = 1
    (y * y).sum().backward()
    for h in (handle, other, after):
        h.remove()
    w.grad = None


def functions():
    y = Twice.apply(Twice.apply(w))
    node = y.grad_fn
    node.register_prehook(lambda o: None)
    y.sum().backward()
    del node
    w.grad = None


def second_derivatives():
    (g,) = torch.autograd.grad((Twice.apply(w) ** 3).sum(), w, create_graph=True)
    g.sum().backward()
    w.grad = None


def accumulators():
    node = (w * 1).grad_fn.next_functions[0][0]
    h = node.register_hook(lambda i, o: None)
    w.sum().backward()
    h.remove()
    w.grad = None


def saved_hooks():
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach(), lambda t: t):
        y = (w.exp() * w).sum()
    y.backward()
    w.grad = None


def checkpoints():
    from facula.utils.checkpoint import checkpoint

    checkpoint(lambda t: (t.sin() * t).exp(), w, use_reentrant=False).sum().backward()
    checkpoint(lambda t: t.sin().exp(), w, use_reentrant=True).sum().backward()
    w.grad = None


def subclasses():
    class Mine(torch.Tensor):
        pass

    for _ in range(3):
        t = (w * 1).as_subclass(Mine)
        (t * t).sum().backward()
    w.grad = None


def errors():
    y = (w * w).sum()
    y.backward()
    try:
        y.backward()
    except RuntimeError:
        pass
    w.grad = None


PROGRAMS = (hooks, functions, second_derivatives, accumulators, saved_hooks, checkpoints, subclasses, errors)


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096


def growth(program, steps: int) -> int:
    """Bytes by which memory grew over the second half of the steps."""
    for _ in range(steps // 2):
        program()
    gc.collect()
    before = resident()
    for _ in range(steps // 2):
        program()
    gc.collect()
    return resident() - before


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    for program in PROGRAMS:
        n = steps // 20 if program in (subclasses, checkpoints) else steps
        print(f"{program.__name__:20} {growth(program, n) / 1024:8.0f} KiB over {n // 2} steps")


if __name__ == "__main__":
    main()
