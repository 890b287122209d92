"""Copies between strided tensors: rows, reversed rows, broadcast and turned ones, short and long."""

from __future__ import annotations

from itertools import permutations

import pytest

import facula as torch

DTYPES = ["uint8", "int16", "float32", "int64", "complex128"]


def places(shape: tuple[int, ...], order: tuple[int, ...]) -> torch.Tensor:
    """For each element of arange(...).view(shape).permute(order) its number, computed."""
    strides = [1] * len(shape)
    for d in range(len(shape) - 2, -1, -1):
        strides[d] = strides[d + 1] * shape[d + 1]
    total = torch.zeros([shape[d] for d in order], dtype=torch.int64)
    for k, d in enumerate(order):
        line = torch.arange(shape[d]) * strides[d]
        total = total + line.view([-1 if j == k else 1 for j in range(len(order))])
    return total


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 5, 7), (17, 33, 9), (64, 1, 80), (130, 1031), (16, 16, 16)])
def test_permuted(shape: tuple[int, ...], dtype: str) -> None:
    x = torch.arange(torch.Size(shape).numel()).view(shape).to(getattr(torch, dtype))
    for order in permutations(range(len(shape))):
        want = places(shape, order).to(getattr(torch, dtype))
        assert torch.equal(x.permute(order).contiguous(), want)
        back = torch.empty_like(x)
        back.permute(order).copy_(want)
        assert torch.equal(back, x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(7,), (3, 5), (40, 70), (9, 20, 33), (300, 1000)])
def test_reversed(shape: tuple[int, ...], dtype: str) -> None:
    n = torch.Size(shape).numel()
    x = torch.arange(n).view(shape).to(getattr(torch, dtype))
    every = tuple(range(len(shape)))
    assert x.flip(every).view(-1).tolist() == x.view(-1).tolist()[::-1]
    for d in every:
        turned = torch.arange(shape[d] - 1, -1, -1)
        assert torch.equal(x.flip(d), x.index_select(d, turned))
        assert torch.equal(x.transpose(0, d).flip(0).contiguous(), x.index_select(d, turned).transpose(0, d))


@pytest.mark.parametrize("shape", [(1000, 100), (10, 100_000), (3, 4, 5)])
def test_into_parts_and_from_broadcasts(shape: tuple[int, ...]) -> None:
    x = torch.rand(shape)
    wide = torch.zeros(*shape[:-1], shape[-1] * 2)
    wide[..., ::2] = x
    wide[..., 1::2] = x[..., :1]
    assert torch.equal(wide[..., ::2].contiguous(), x)
    assert torch.equal(wide[..., 1::2], x[..., :1].expand(shape))
    assert torch.equal(torch.cat([x, x], -1)[..., shape[-1] :], x)
    assert torch.equal(x.roll(3, -1).roll(-3, -1), x)
    assert torch.equal(torch.rot90(torch.rot90(x), 3), x)
