"""torch.func against PyTorch: a hessian, gradients of each example, Jacobians. One run times both, one
thread each.

python benchmarks/functional.py
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

import facula

torch.set_num_threads(1)


def mlp(t, sizes):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [t.nn.Linear(a, b), t.nn.Tanh()]
    return t.nn.Sequential(*layers[:-1])


def hessian_of_mlp(t, rows):
    model = mlp(t, (10, 22, 22, 10))
    params = {k: v.detach() for k, v in model.named_parameters()}
    x, y = t.randn(rows, 10), t.randn(rows, 10)

    def loss(p):
        return ((t.func.functional_call(model, p, (x,)) - y) ** 2).mean()

    h = t.func.hessian(loss)
    return lambda: h(params)


def per_sample_gradients(t, sizes, rows=64):
    model = mlp(t, sizes)
    params = {k: v.detach() for k, v in model.named_parameters()}
    x, y = t.randn(rows, sizes[0]), t.randint(0, sizes[-1], (rows,))

    def loss(p, a, b):
        out = t.func.functional_call(model, p, (a.unsqueeze(0),))
        return t.nn.functional.cross_entropy(out, b.unsqueeze(0))

    g = t.vmap(t.func.grad(loss), in_dims=(None, 0, 0))
    return lambda: g(params, x, y)


def jacobian(t, which):
    w = t.randn(64, 64)
    f = getattr(t.func, which)(lambda a: (w @ a).tanh())
    x = t.randn(64)
    return lambda: f(x)


# What, how it is made, the least factor that is promised.
ROWS = [
    ("hessian of a 3-layer MLP, 978 parameters, 1 row", lambda t: hessian_of_mlp(t, 1), 3),
    ("the same, 16 rows", lambda t: hessian_of_mlp(t, 16), 3),
    (
        "gradients of 64 examples, MLP 10-22-22-10",
        lambda t: per_sample_gradients(t, (10, 22, 22, 10)),
        1,
    ),
    ("the same, MLP 64-128-128-10", lambda t: per_sample_gradients(t, (64, 128, 128, 10)), 1),
    ("jacrev, 64 to 64", lambda t: jacobian(t, "jacrev"), 1),
    ("jacfwd, 64 to 64", lambda t: jacobian(t, "jacfwd"), 1),
]


def seconds(f, least=0.4):
    """The best time of one call, of runs that last a while."""
    f()
    best, spent = float("inf"), 0.0
    while spent < least:
        start = time.perf_counter()
        f()
        took = time.perf_counter() - start
        best, spent = min(best, took), spent + took
    return best


def main():
    missed = False
    for name, make, bar in ROWS:
        theirs, ours = seconds(make(torch)), seconds(make(facula))
        factor = theirs / ours
        missed |= factor < bar
        mark = "✓" if factor >= bar else "✗ below the bar"
        print(
            f"{name:58} {theirs * 1e3:8.2f} ms {ours * 1e3:8.2f} ms   ≥ {bar}x {factor:6.1f}x {mark}",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
