"""Several Python threads build graphs on the same leaves and run their backwards at once."""

from __future__ import annotations

import sys
import threading

import pytest

import facula as torch

THREADS, STEPS = 4, 25


class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 2 + x * 0


@pytest.fixture(autouse=True)
def frequent_switches():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def together(work):
    """Runs work() in all threads; raises what they raised."""
    errors = []

    def guarded():
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded) for _ in range(THREADS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]


def test_sums_are_right():
    leaf = torch.ones(100_000, requires_grad=True)
    matrix = torch.ones(150, 150, requires_grad=True)

    def work():
        for _ in range(STEPS):
            (Twice.apply(leaf) + leaf).sum().backward()
            (matrix @ matrix).sum().backward()
            handle = leaf.register_hook(lambda g: g)
            (g,) = torch.autograd.grad((leaf**2).sum(), leaf, create_graph=True)
            g.sum().backward()
            handle.remove()

    together(work)
    assert (leaf.grad == THREADS * STEPS * (3 + 2)).all()
    assert (matrix.grad == THREADS * STEPS * 300).all()


def test_one_graph_for_all():
    leaf = torch.ones(50_000, requires_grad=True)
    shared = Twice.apply(leaf) * 3

    def work():
        for _ in range(STEPS):
            (g,) = torch.autograd.grad(shared.sum(), leaf, retain_graph=True)
            assert (g == 6).all()

    together(work)


def test_contexts_and_hooks_come_and_go():
    leaf = torch.ones(10, requires_grad=True)

    def work():
        for _ in range(STEPS * 4):
            y = Twice.apply(leaf * 1)
            node = y.grad_fn
            node.register_hook(lambda i, o: None)
            y.register_hook(lambda g: g)
            with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
                z = (y * y).sum()
            del y
            z.backward()
            assert node.name() == "TwiceBackward"

    together(work)
    assert (leaf.grad == THREADS * STEPS * 4 * 8).all()


def test_modes_are_a_threads_own():
    seen = []
    with torch.no_grad(), torch.overrides.BaseTorchFunctionMode():
        t = threading.Thread(
            target=lambda: seen.append((torch.is_grad_enabled(), torch._C._len_torch_function_stack()))
        )
        t.start()
        t.join()
    assert seen == [(True, 0)]


def test_backwards_within_backwards_in_threads():
    class Deep(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a):
            with torch.enable_grad():
                ctx.a = a.detach().requires_grad_() - 1
            return ctx.a.detach()

        @staticmethod
        def backward(ctx, g):
            if ctx.a < 0:
                return g
            with torch.enable_grad():
                Deep.apply(ctx.a).sum().backward()
            return g

    def work():
        leaf = torch.tensor(150.0, requires_grad=True)
        Deep.apply(leaf).sum().backward()
        assert leaf.grad.item() == 1

    together(work)
