"""Padding that only takes away, or nothing at all, is a copy of what is left in the order of its memory."""

from __future__ import annotations

import pytest

import facula as torch

F = torch.nn.functional


@pytest.mark.parametrize("value", [2.5, True, 7, 1 - 2j])
def test_a_number_has_nothing_to_pad(value: object) -> None:
    x = torch.tensor(value)
    padded = F.pad(x, ())
    assert padded.item() == value
    assert padded.data_ptr() != x.data_ptr()


def test_cutting_keeps_the_order_of_memory() -> None:
    x = torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1).requires_grad_()
    cut = F.pad(x, (-1, 0, 0, -1))
    assert torch.equal(cut, x[:, :1, 1:])
    assert cut.stride() == (1, 12, 4)
    cut.sum().backward()
    assert torch.equal(x.grad, F.pad(torch.ones(4, 1, 2), (1, 0, 0, 1)))


def test_more_than_there_is_cannot_be_cut() -> None:
    for pads in [(2, -6), (-5, 1), (-5, 9)]:
        with pytest.raises(RuntimeError, match=r"narrow\(\): length must be non-negative"):
            F.pad(torch.ones(3), pads)


def test_an_empty_tensor_is_cloned_with_its_strides() -> None:
    assert torch.zeros(4, 2, 3).narrow(2, 1, 0).clone().stride() == (6, 3, 1)
