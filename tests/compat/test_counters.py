# ruff: noqa: E501  one case, one line
"""Counted operations, the modules that run, optimizers that unscale by themselves, memory shared by DLPack."""

from __future__ import annotations

import importlib

import pytest

pytest.importorskip("torch")

from tests.compat import side_by_side, statements  # noqa: E402


def part(t, name: str):
    return importlib.import_module(f"{t.__name__}.utils.{name}")


def counted(t, run, **options):
    with part(t, "flop_counter").FlopCounterMode(display=False, **options) as mode:
        run()
    return {
        place: {str(k): n for k, n in counts.items()}
        for place, counts in mode.get_flop_counts().items()
        if counts
    }


def given(t, *shape):
    return t.randn(*shape, requires_grad=True)


RUNS = {
    "mm out": lambda t: t.mm(t.ones(4, 5), t.ones(5, 6), out=t.ones(4, 6)),
    "matmul of lines": lambda t: (
        t.ones(5) @ t.ones(5),
        t.ones(5, 4) @ t.ones(4),
        t.ones(2, 5, 4) @ t.ones(4),
    ),
    "matmul": lambda t: (
        t.ones(2, 5, 4) @ t.ones(4, 3),
        t.ones(2, 5, 4) @ t.ones(2, 4, 3),
        t.ones(4) @ t.ones(4, 3),
    ),
    "einsum": lambda t: t.einsum("ab,bc->ac", t.ones(6, 7), t.ones(7, 8)),
    "einsum of three": lambda t: t.einsum("ab,bc,cd->ad", t.ones(6, 7), t.ones(7, 8), t.ones(8, 3)),
    "einsum batched": lambda t: t.einsum("bij,bjk->bik", t.ones(2, 6, 7), t.ones(2, 7, 8)),
    "einsum outer": lambda t: t.einsum("i,j->ij", t.ones(3), t.ones(4)),
    "tensordot": lambda t: t.tensordot(t.ones(3, 4), t.ones(4, 5), 1),
    "inner": lambda t: t.inner(t.ones(3, 4), t.ones(5, 4)),
    "multi_dot": lambda t: t.linalg.multi_dot([t.ones(2, 3), t.ones(3, 4), t.ones(4, 5)]),
    "linear": lambda t: t.nn.functional.linear(t.ones(2, 3, 4), t.ones(5, 4)),
    "linear with bias": lambda t: t.nn.functional.linear(t.ones(2, 3, 4), t.ones(5, 4), t.ones(5)),
    "layer": lambda t: t.nn.Linear(3, 4)(given(t, 2, 3)).sum().backward(),
    "conv": lambda t: t.nn.functional.conv2d(given(t, 1, 2, 5, 5), given(t, 3, 2, 3, 3)).sum().backward(),
    "transposed": lambda t: (
        t.nn.functional.conv_transpose2d(given(t, 1, 2, 5, 5), given(t, 2, 3, 3, 3)).sum().backward()
    ),
    "gru": lambda t: t.nn.GRU(3, 4)(t.ones(5, 2, 3)),
    "rnn": lambda t: t.nn.RNN(3, 4)(t.ones(5, 2, 3)),
    "cells": lambda t: (
        t.nn.LSTMCell(3, 4)(t.ones(2, 3)),
        t.nn.GRUCell(3, 4)(t.ones(2, 3)),
        t.nn.RNNCell(3, 4)(t.ones(2, 3)),
    ),
    "attention": lambda t: t.nn.MultiheadAttention(4, 2)(t.ones(5, 2, 4), t.ones(5, 2, 4), t.ones(5, 2, 4)),
    "cov": lambda t: (t.cov(t.ones(3, 4)), t.linalg.matrix_power(t.ones(3, 3), 3)),
}


@pytest.mark.parametrize("name", RUNS)
def test_flops(name):
    side_by_side.check(lambda t: counted(t, lambda: RUNS[name](t)))


def test_formulas_of_ones_own():
    def elements(*args, out_val):
        return out_val.numel()

    elements._get_raw = True

    def run(t):
        add = {t.ops.aten.add: lambda *shapes, out_shape: 5}
        seen = []
        sine = {t.ops.aten.sin: lambda shape, out_shape: seen.append((tuple(shape), tuple(out_shape))) or 7}
        return (
            counted(t, lambda: t.ones(4, 5) + t.ones(4, 5), custom_mapping=add),
            counted(t, lambda: t.ones(4, 5) + t.ones(4, 5), custom_mapping={t.ops.aten.add: elements}),
            counted(t, lambda: t.ones(4, 5).sin(), custom_mapping=sine),
            counted(
                t,
                lambda: t.mm(t.ones(2, 2), t.ones(2, 2)),
                custom_mapping={t.ops.aten.mm: lambda a, b, out_shape: 1},
            ),
            seen,
        )

    side_by_side.check(run)


def test_registered_formulas():
    def run(t):
        register = part(t, "flop_counter").register_flop_formula

        @t.library.custom_op("counted_by_a_test::twice", mutates_args=(), schema="(Tensor x) -> Tensor")
        def twice(x):
            return x * 2

        op = t.ops.counted_by_a_test.twice
        errors = []
        for target in (op.default, op, op):
            try:
                register(target)(lambda shape, out_shape: 9000 + len(shape))
            except (ValueError, RuntimeError) as error:
                errors.append((type(error).__name__, str(error)[:80]))
        return errors, counted(t, lambda: (twice(t.ones(3)), op(t.ones(2, 2))))

    side_by_side.check(run)


def test_modules_that_run():
    def run(t):
        seen = []

        class Inner(t.nn.Module):
            def forward(self, x):
                seen.append(("forward", sorted(tracker.parents), tracker.is_bw))
                x = x * 2
                x.register_hook(lambda g: seen.append(("backward", sorted(tracker.parents), tracker.is_bw)))
                return x.sin()

        class Outer(t.nn.Module):
            def __init__(self):
                super().__init__()
                self.a = Inner()
                self.b = t.nn.Sequential(Inner())

            def forward(self, x):
                return self.b(self.a(x))

        model = Outer()
        with part(t, "module_tracker").ModuleTracker() as tracker:
            for _ in range(2):
                model(t.ones(3, requires_grad=True) * 1).sum().backward()
            seen.append((sorted(tracker.parents), tracker.is_bw))
        return seen

    side_by_side.check(run)


@pytest.mark.parametrize("infinite", [False, True])
@pytest.mark.parametrize("unscaled", [False, True])
@pytest.mark.parametrize("keyword", [False, True])
def test_optimizers_that_unscale_by_themselves(infinite, unscaled, keyword):
    def run(t):
        seen = []

        class Mine(t.optim.Optimizer):
            def __init__(self, parameters):
                super().__init__(parameters, {})
                self._step_supports_amp_scaling = True

            def step(self, closure=None):
                seen.append((self.grad_scale, self.found_inf))
                return 4

        class Told(Mine):
            def step(self, closure=None, *, grad_scaler=None):
                seen.append((type(grad_scaler).__name__, hasattr(self, "grad_scale")))
                return 5

        w = t.ones(2, requires_grad=True)
        optimizer = (Told if keyword else Mine)([w])
        scaler = t.amp.GradScaler("cpu", init_scale=4.0)
        scaler.scale(w.sum() * (float("inf") if infinite else 1)).backward()
        if unscaled:
            scaler.unscale_(optimizer)
        result = scaler.step(optimizer)
        left = hasattr(optimizer, "grad_scale"), w.grad
        scaler.update()
        return seen, result, left, scaler.get_scale()

    side_by_side.check(run)


CASES = """
torch.ones(2).__dlpack__(stream=0)
torch.ones(2).__dlpack__(stream='a')
type(torch.ones(2).__dlpack__(stream=-1)).__name__
torch.ones(2, requires_grad=True).__dlpack__()
torch.ones(2, device='meta').__dlpack__()
torch.ones(2, device='meta').__dlpack_device__()
torch.ones(2).to_sparse().__dlpack__()
torch.from_dlpack(3)
from torch.utils.dlpack import to_dlpack, from_dlpack; x = to_dlpack(torch.ones(2)); from_dlpack(x); from_dlpack(x)
from torch.utils.dlpack import to_dlpack, from_dlpack; from_dlpack(to_dlpack(torch.ones(2, 3).t())).stride()
torch.nonzero_static(c, size=2, out=torch.zeros(2, 1, dtype=torch.int64))
torch.nonzero_static(c, size=2, out=torch.zeros(2, 1))
torch.nonzero_static(c, size=6, fill_value=7)
torch.nonzero_static(c, size=2.0)
"""


@pytest.mark.parametrize("line", statements.lines(CASES))
def test_statements(line):
    if "utils.dlpack" in line:
        line = line.replace(
            "from torch.utils.dlpack import to_dlpack, from_dlpack",
            "to_dlpack, from_dlpack = torch.utils.dlpack.to_dlpack, torch.utils.dlpack.from_dlpack",
        )
        import facula

        facula.utils.dlpack  # noqa: B018
    statements.check(line)


@pytest.mark.parametrize(
    "dtype", ["bfloat16", "float8_e5m2", "float8_e4m3fn", "float8_e8m0fnu", "complex32", "float16", "bool"]
)
def test_dlpack_between_the_libraries(dtype):
    import torch

    import facula

    values = [1.0, 2.0, 4.0, 0.5]
    ours = facula.tensor(values).to(getattr(facula, dtype))
    theirs = torch.tensor(values).to(getattr(torch, dtype))
    there = torch.from_dlpack(ours)
    assert there.dtype == theirs.dtype and there.data_ptr() == ours.data_ptr()
    assert there.view(torch.uint8).tolist() == theirs.view(torch.uint8).tolist()
    back = facula.from_dlpack(theirs)
    assert back.dtype == ours.dtype and back.data_ptr() == theirs.data_ptr()
    assert back.view(facula.uint8).tolist() == ours.view(facula.uint8).tolist()
