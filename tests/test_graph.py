"""Long graphs need no recursion, and graphs that are dropped give their memory back."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import pytest

import facula as torch


def resident() -> int:
    gc.collect()
    torch._C._empty_cache()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def chain(length: int):
    w, one = torch.tensor(1.0, requires_grad=True), torch.tensor(1.0)
    x = w
    for _ in range(length):
        x = x + one
    return w, x


def test_a_long_chain_runs_and_is_freed():
    length = 50 * sys.getrecursionlimit()
    w, x = chain(length)
    x.backward()
    assert w.grad.item() == 1.0 and x.item() == length + 1


def test_a_long_chain_of_views_and_writes():
    w = torch.ones(4, requires_grad=True)
    x = w * 1
    for _ in range(5000):
        x[:2].mul_(1.0)
    x.sum().backward()
    assert w.grad.tolist() == [1.0] * 4


def test_second_derivative_of_a_long_chain():
    w = torch.tensor(1.0, requires_grad=True)
    x = w
    for _ in range(3000):
        x = x * 1.0
    (first,) = torch.autograd.grad(x * x, w, create_graph=True)
    (second,) = torch.autograd.grad(first, w)
    assert second.item() == 2.0


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * g * x


def steps():
    """A function that trains one step with hooks, views, writes and a user-defined Function."""
    w = torch.ones(8, requires_grad=True)
    w.register_hook(lambda g: g * 0.5)

    def step():
        y = Square.apply(w * 2)
        y.register_hook(lambda g: g + 0)
        y[2:].mul_(3)
        y.sum().backward()
        w.grad = None

    return step


def failing_steps():
    """The same for errors: what they name must not be kept."""

    def step():
        x = torch.ones(64, requires_grad=True).exp()
        y = x.sin()
        x.add_(1)
        with pytest.raises(RuntimeError):
            y.sum().backward()
        with pytest.raises(RuntimeError):
            x + torch.ones(65)

    return step


def chains():
    return lambda: chain(10_000)[1].backward()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs the kernel's count of pages")
@pytest.mark.parametrize(("make", "count"), [(steps, 5000), (failing_steps, 300), (chains, 5)])
def test_memory_stays_as_it_is(make, count):
    step = make()
    for _ in range(max(5, count // 10)):
        step()
    before = resident()
    for _ in range(count):
        step()
    assert resident() - before < 2**20


def test_tensors_in_cycles_are_collected_once():
    for _ in range(200):
        x = torch.ones(3)
        x.mark = 1  # the collector knows x before the list: it clears x first
        x.me = [x]
    del x
    for _ in range(3):  # what the first run has freed, the next ones must not meet again
        gc.collect()
    many = [torch.ones(3) + i for i in range(600)]
    assert len({id(t) for t in many}) == 600
    assert all(t.tolist() == [1.0 + i] * 3 for i, t in enumerate(many))
