"""Which overload takes a 0-dim tensor or a number."""

from __future__ import annotations

import pytest

import facula as torch


def test_power_of_0_dim_tensors_is_that_of_tensors() -> None:
    two, minus = torch.tensor(2), torch.tensor(-1)
    assert torch.pow(two, minus).item() == 0 and (two**minus).item() == 0 and torch.pow(2, minus).item() == 0
    with pytest.raises(RuntimeError, match="Integers to negative integer powers are not allowed"):
        torch.pow(two, -1)
    assert torch.pow(torch.tensor([2]), torch.tensor(1.5)).dtype == torch.float32
    assert torch.pow(torch.ones(2), 2).tolist() == torch.ones(2).pow(2.0).tolist() == [1.0, 1.0]


def test_limits_of_bool() -> None:
    x = torch.tensor([True, False])
    assert torch.clamp_min(x, torch.tensor(True)).tolist() == [True, True]
    assert torch.clamp_max(x, torch.tensor(False)).tolist() == [False, False]
    with pytest.raises(NotImplementedError):
        torch.clamp_min(x, True)


def test_limits_as_numbers_and_keywords() -> None:
    x = torch.tensor([1.0, 5.0])
    assert torch.clamp_min(x, 2).tolist() == x.clamp_min(min=2).tolist() == [2.0, 5.0]
    assert x.clone().clamp_max_(torch.tensor(3.0)).tolist() == x.clamp_max(3).tolist() == [1.0, 3.0]


def test_reflected_operators_take_any_self() -> None:
    x = torch.tensor([2, 3])
    assert torch.Tensor.__rpow__(2, x).tolist() == [4, 9]
    assert torch.Tensor.__rmod__(2, x).tolist() == [0, 1]
    assert torch.Tensor.__rdiv__(x, 6).tolist() == [3.0, 2.0]
    assert (2 - torch.nn.Parameter(torch.ones(1))).item() == 1
