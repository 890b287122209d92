"""Gradients through tensors that are filled piece by piece, however they are read afterwards."""

from __future__ import annotations

import pytest

import facula as torch

READ = {
    "transpose": lambda t: t.transpose(0, 1),
    "permute": lambda t: t.permute(2, 0, 1),
    "view of a transpose": lambda t: t.transpose(0, 1)[:, 1],
    "expand": lambda t: t[None].expand(2, -1, -1, -1),
    "flip": lambda t: t.flip(0),
    "diagonal": lambda t: t.diagonal(0, 1, 2),
    "narrow": lambda t: t[:, 1:3].mT,
}


@pytest.mark.parametrize("read", READ)
def test_rows_written_one_by_one(read):
    torch.manual_seed(0)
    rows = [torch.randn(4, 3, dtype=torch.float64, requires_grad=True) for _ in range(2)]

    def written():
        t = torch.empty(2, 4, 3, dtype=torch.float64)
        for i, row in enumerate(rows):
            t[i] = row
        return t

    def loss(t):
        t = READ[read](t)
        return (t * torch.arange(1.0, t.numel() + 1, dtype=torch.float64).view(t.shape)).sin().sum()

    given = torch.autograd.grad(loss(written()), rows, create_graph=True)
    wanted = torch.autograd.grad(loss(torch.stack(rows)), rows, create_graph=True)
    for a, b in zip(given, wanted):
        torch.testing.assert_close(a, b)
    for a, b in zip(
        torch.autograd.grad(sum(g.square().sum() for g in given), rows),
        torch.autograd.grad(sum(g.square().sum() for g in wanted), rows),
    ):
        torch.testing.assert_close(a, b)


def test_a_part_written_to_in_place():
    x = torch.arange(6.0, requires_grad=True)
    t = (x * 1).view(2, 3)
    t[0].mul_(2)
    (t.T * torch.arange(6.0).view(3, 2)).sum().backward()
    assert x.grad.tolist() == [0, 4, 8, 1, 3, 5]
