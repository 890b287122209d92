"""The teaching engine computes what facula computes, and docs/autograd.md quotes it word for word."""

from __future__ import annotations

import importlib.util
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

import facula

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "examples" / "teaching_engine.py"

spec = importlib.util.spec_from_file_location("teaching_engine", FILE)
assert spec and spec.loader
engine = importlib.util.module_from_spec(spec)
spec.loader.exec_module(engine)

SHAPES = [(), (3,), (1,), (2, 3), (2, 1), (1, 3)]


def values(rng: random.Random, shape):
    if not shape:
        return round(rng.uniform(-1, 1), 3)
    return [values(rng, shape[1:]) for _ in range(shape[0])]


def expression(rng: random.Random, depth: int):
    """A random expression, as a function of a list of tensors of either library; broadcasting included."""
    if depth == 0:
        i = rng.randrange(len(SHAPES))
        return lambda leaves: leaves[i]
    kind = rng.choice(["+", "*", "-", "exp", "sin", "cos", "reciprocal", "neg", "matmul", "sum", "number"])
    a, b = expression(rng, depth - 1), expression(rng, depth - 1)
    number = round(rng.uniform(-2, 2), 2)
    return {
        "+": lambda t: a(t) + b(t),
        "*": lambda t: a(t) * b(t),
        "-": lambda t: a(t) - b(t),
        "exp": lambda t: a(t).sin().exp(),
        "sin": lambda t: a(t).sin(),
        "cos": lambda t: a(t).cos(),
        "reciprocal": lambda t: (a(t) * a(t) + 1.5).reciprocal(),
        "neg": lambda t: -a(t),
        "matmul": lambda t: (a(t) + t[3]) @ (b(t) + t[3]).T,
        "sum": lambda t: a(t).sum() * b(t),
        "number": lambda t: number * a(t) - number,
    }[kind]


def leaves_of(rng: random.Random):
    plain = [values(rng, shape) for shape in SHAPES]
    ours = [engine.tensor(each, requires_grad=True) for each in plain]
    theirs = [facula.tensor(each, dtype=facula.float64, requires_grad=True) for each in plain]
    return ours, theirs


def close(mine, other) -> bool:
    return facula.allclose(facula.tensor(mine.tolist(), dtype=facula.float64), other, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("seed", range(60))
def test_expressions_and_their_derivatives(seed):
    rng = random.Random(seed)
    f = expression(rng, 4)
    mine, theirs = leaves_of(rng)
    try:
        expected = f(theirs)
    except RuntimeError:  # shapes that do not go together: neither library takes them
        with pytest.raises((ValueError, IndexError)):
            f(mine)
        return
    got = f(mine)
    assert close(got, expected)
    first = engine.grad((got * got).sum(), mine, create_graph=True)
    same = facula.autograd.grad(
        (expected * expected).sum(), theirs, create_graph=True, allow_unused=True, materialize_grads=True
    )
    assert all(close(a, b) for a, b in zip(first, same, strict=True))
    total, other = engine.tensor(0.0), facula.zeros((), dtype=facula.float64)
    for a, b in zip(first, same, strict=True):
        total, other = total + a.sin().sum(), other + b.sin().sum()
    if not other.requires_grad:
        return
    second = engine.grad(total, mine)
    again = facula.autograd.grad(other, theirs, allow_unused=True, materialize_grads=True)
    assert all(close(a, b) for a, b in zip(second, again, strict=True))


def test_forward_mode():
    x, v = [[0.3, -0.2, 0.9], [1.0, 0.5, -0.7]], [[1.0, 2.0, 0.0], [-1.0, 0.5, 1.0]]

    def f(x):
        return (x @ x.T).sin() * x.sum()

    expected = facula.func.jvp(f, (facula.tensor(x),), (facula.tensor(v),))[1]
    got = engine.jvp(f, engine.tensor(x), engine.tensor(v))
    assert facula.allclose(facula.tensor(got.tolist()), expected, atol=1e-5)


def test_backward_accumulates_and_hooks_replace():
    w = engine.tensor([1.0, 2.0], requires_grad=True)
    doubled = w * 2
    doubled.register_hook(lambda g: g * 10)
    w.register_hook(lambda g: g + 1)
    for _ in range(2):
        engine.backward(doubled.sum())
    assert w.grad is not None and w.grad.tolist() == [42.0, 42.0]


def test_writes_in_place_are_noticed():
    w = engine.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        w.add_(1)
    x = w.exp()
    y = x.sin()
    x.add_(1)
    with pytest.raises(RuntimeError, match="an input of Sin was written to in place"):
        engine.backward(y.sum())


def test_no_recursion():
    w = engine.tensor(1.0, requires_grad=True)
    x = w
    for _ in range(20_000):
        x = x + 1.0
    engine.backward(x)
    assert w.grad is not None and w.grad.tolist() == 1.0


def test_runs_as_a_program():
    done = subprocess.run([sys.executable, FILE], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "dL/dw = -0.5600" in done.stdout and "second 12" in done.stdout


def test_the_page_quotes_the_file():
    source = FILE.read_text()
    quotes = re.findall(r"```py\n(.*?)```", (ROOT / "docs" / "autograd.md").read_text(), re.DOTALL)
    assert len(quotes) >= 6
    for quote in quotes:
        assert quote in source, (
            f"docs/autograd.md quotes what examples/teaching_engine.py does not say:\n{quote}"
        )
