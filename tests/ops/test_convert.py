"""Copies and conversions: what is shared, what is recorded, what is refused without a half-written tensor."""

from __future__ import annotations

import pytest

import facula as torch


def test_conversion_to_the_same_is_the_tensor_itself() -> None:
    x = torch.ones(2)
    assert x.to(torch.float32) is x and x.float() is x and x.cpu() is x and x.contiguous() is x
    assert x.to(torch.float32, copy=True) is not x


def test_gradients_return_in_the_type_they_came_from() -> None:
    x = torch.ones(3, requires_grad=True)
    (x.double() * 2).sum().backward()
    assert x.grad.dtype == torch.float32 and x.grad.tolist() == [2.0] * 3


def test_detached_tensors_share_memory_but_no_history() -> None:
    x = torch.ones(3, requires_grad=True)
    y = x.detach()
    y.zero_()
    assert x.tolist() == [0.0] * 3 and not y.requires_grad and y.is_leaf


def test_copy_broadcasts_and_records_both_sides() -> None:
    x, y = torch.ones(2, 3, requires_grad=True), torch.ones(3, requires_grad=True)
    z = x * 1
    z[0].copy_(y)
    z.sum().backward()
    assert x.grad.tolist() == [[0.0] * 3, [1.0] * 3] and y.grad.tolist() == [1.0] * 3


def test_failed_writes_leave_the_tensor_alone() -> None:
    x = torch.arange(4.0)
    for bad in (
        lambda: x.copy_(torch.ones(3)),
        lambda: x.fill_(1j),
        lambda: x.fill_(1e300),
        lambda: x[1:].copy_(x[:-1]),
        lambda: x.fill_(torch.ones(2)),
        lambda: x.expand(2, 4).copy_(torch.zeros(4)),
    ):
        with pytest.raises(RuntimeError):
            bad()
    assert x.tolist() == [0.0, 1.0, 2.0, 3.0] and x._version == 0


def test_leaves_refuse_writes() -> None:
    x = torch.ones(2, requires_grad=True)
    writes = [x.zero_, lambda: x.fill_(1), lambda: x.copy_(x * 2), lambda: x.view(2).zero_(), x.t_]
    for bad in writes:
        with pytest.raises(RuntimeError, match="leaf Variable"):
            bad()
    with torch.no_grad():
        x.zero_()
    assert x.tolist() == [0.0, 0.0]


def test_saved_tensors_notice_writes() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x * 1
    z = y * y
    y.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_resize_keeps_elements() -> None:
    x = torch.arange(4.0)
    x.resize_(2, 3)
    assert x.shape == (2, 3) and x.flatten()[:4].tolist() == [0.0, 1.0, 2.0, 3.0]
    x.resize_(2)
    assert x.tolist() == [0.0, 1.0]
    with pytest.raises(RuntimeError):
        x.resize_(2**62, 2**62)
    with pytest.raises(RuntimeError):
        x.resize_(-1)


def test_channels_last() -> None:
    x = torch.arange(24.0).view(1, 2, 3, 4)
    y = x.to(memory_format=torch.channels_last)
    assert y.stride() == (24, 1, 8, 2) and y.tolist() == x.tolist()
    assert y.is_contiguous(memory_format=torch.channels_last) and not y.is_contiguous()
    assert torch.cat([y, y]).stride() == (24, 1, 8, 2) and torch.zeros_like(y).stride() == y.stride()
    with pytest.raises(RuntimeError):
        x[0].contiguous(memory_format=torch.channels_last)


def test_meta_has_no_data() -> None:
    with pytest.raises(NotImplementedError, match="no data"):
        torch.ones(2, device="meta").to("cpu")
