"""Counted operations, the modules that run, memory that NumPy has no type for."""

from __future__ import annotations

import pytest

import facula as torch
from facula.utils.flop_counter import FlopCounterMode, register_flop_formula
from facula.utils.module_tracker import ModuleTracker


def total(run, **options):
    with FlopCounterMode(display=False, **options) as mode:
        run()
    return mode.get_total_flops()


def test_products_are_counted():
    a, b = torch.ones(4, 5), torch.ones(5, 6)
    assert total(lambda: torch.mm(a, b, out=torch.ones(4, 6))) == 240
    assert total(lambda: torch.einsum("ij,jk->ik", a, b)) == 240
    assert total(lambda: torch.nn.RNN(3, 4)(torch.ones(5, 2, 3))) == 560
    x = torch.ones(5, 2, 4)
    assert total(lambda: torch.nn.MultiheadAttention(4, 2)(x, x, x)) == 2080


def test_formulas_of_ones_own():
    assert total(lambda: torch.ones(2) + 1, custom_mapping={torch.ops.aten.add: lambda *a, out_shape: 5}) == 5

    @torch.library.custom_op("counters::thrice", mutates_args=())
    def thrice(x: torch.Tensor) -> torch.Tensor:
        return x * 3

    register_flop_formula(torch.ops.counters.thrice)(lambda shape, out_shape: 3 * shape[0])
    assert total(lambda: thrice(torch.ones(4))) == 12
    with pytest.raises(RuntimeError, match="duplicate registrations"):
        register_flop_formula(torch.ops.counters.thrice)(lambda shape, out_shape: 1)
    with pytest.raises(ValueError, match="expected each target to be OpOverloadPacket"):
        register_flop_formula(torch.ops.aten.add.Tensor)(lambda shape, out_shape: 1)


def test_a_tracker_knows_the_modules_that_run():
    seen = []

    class Inner(torch.nn.Module):
        def forward(self, x):
            seen.append(tracker.parents.copy())
            x = x * 2
            x.register_hook(lambda g: seen.append((tracker.parents.copy(), tracker.is_bw)))
            return x.sin()

    model = torch.nn.Sequential(Inner())
    with ModuleTracker() as tracker:
        model(torch.ones(2, requires_grad=True)).sum().backward()
        assert tracker.parents == {"Global"} and not tracker.is_bw
    inside = {"Global", "Sequential", "Sequential.0"}
    assert seen == [inside, (inside, True)]


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e5m2", "complex32"])
def test_capsules_of_types_that_numpy_lacks(dtype):
    x = torch.tensor([1.0, 0.5]).to(getattr(torch, dtype))
    y = torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(x))
    assert y.dtype is x.dtype and y.data_ptr() == x.data_ptr()
    with pytest.raises(RuntimeError, match="consumed only once"):
        capsule = torch.utils.dlpack.to_dlpack(x)
        torch.from_dlpack(capsule)
        torch.from_dlpack(capsule)
