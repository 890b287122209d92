"""torch.__future__ and torch.utils.swap_tensors: objects that exchange what they are."""

from __future__ import annotations

import gc
import weakref

import pytest

import facula as torch
from facula import nn

future = torch.__future__


@pytest.fixture
def swapping():
    future.set_swap_module_params_on_conversion(True)
    yield
    future.set_swap_module_params_on_conversion(False)


class Marked(torch.Tensor):
    pass


def test_swaps_elements_class_and_attributes():
    a, b = torch.arange(3.0), nn.Parameter(torch.ones(2, 2, dtype=torch.float64))
    a.note = "a"
    first, second = id(a), id(b)
    torch.utils.swap_tensors(a, b)
    assert (id(a), id(b)) == (first, second)
    assert type(a) is nn.Parameter and type(b) is torch.Tensor
    assert a.tolist() == [[1, 1], [1, 1]] and a.requires_grad and b.tolist() == [0, 1, 2]
    assert b.note == "a" and not hasattr(a, "note")
    (a * 2).sum().backward()
    assert a.grad.tolist() == [[2, 2], [2, 2]] and b.grad is None


def test_swapped_objects_are_collected():
    for make in (lambda: torch.ones(2), lambda: torch.ones(2).as_subclass(Marked)):
        a, b = make(), nn.Parameter(torch.zeros(3))
        b.cycle = b
        torch.utils.swap_tensors(a, b)
        assert a.cycle is b
        seen = weakref.ref(a)
        del a, b
        gc.collect()
        assert seen() is None
    for _ in range(1000):  # objects that were freed under another class are used again
        a, b = torch.ones(1), torch.ones(1).as_subclass(Marked)
        torch.utils.swap_tensors(a, b)
        assert type(a) is Marked and type(b) is torch.Tensor


def test_held_tensors_are_refused():
    a, b = torch.ones(2), torch.zeros(2)
    view = a[:1]
    with pytest.raises(RuntimeError, match="Expected use_count of t1"):
        torch.utils.swap_tensors(a, b)
    del view
    seen = weakref.ref(b)
    with pytest.raises(RuntimeError, match="weakref"):
        torch.utils.swap_tensors(a, b)
    assert seen() is b


def test_conversions(swapping):
    m = nn.Linear(2, 1)
    weight = m.weight
    m(torch.ones(2)).sum().backward()
    grad = m.weight.grad
    m.double()
    assert m.weight is weight and weight.dtype == torch.float64 and weight.grad is grad
    assert grad.dtype == torch.float64 and weight.requires_grad
    held = m.weight[0]
    with pytest.raises(RuntimeError, match="Couldn't swap Linear.weight"):
        m.float()
    assert held is not None and m.weight.grad is grad


def test_loading(swapping):
    m, other = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    other.weight.data.fill_(3)
    weight, mean = m.weight, m.running_mean
    m.load_state_dict(other.state_dict())
    assert m.weight is weight and m.running_mean is mean and weight.tolist() == [3, 3]

    class Halved(torch.Tensor):
        def module_load(self, other, assign=False):
            return (other / 2).as_subclass(Halved)

    m.running_mean = torch.ones(2).as_subclass(Halved)
    m.load_state_dict({**other.state_dict(), "running_mean": torch.full((2,), 4.0)})
    assert type(m.running_mean) is Halved and m.running_mean.tolist() == [2, 2]


def test_overwriting():
    m = nn.Linear(2, 1)
    weight = m.weight
    future.set_overwrite_module_params_on_conversion(True)
    try:
        m.double()
    finally:
        future.set_overwrite_module_params_on_conversion(False)
    assert m.weight is not weight and weight.dtype == torch.float32


def test_loading_leaves_no_cycle():
    m = nn.LSTM(2, 2)
    state = {k: v.clone() for k, v in m.state_dict().items()}
    gc.collect()
    m.load_state_dict(state)
    assert gc.collect() == 0
