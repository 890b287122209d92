"""Shapes, products, writes and errors of sparse tensors in coordinate form, as PyTorch has them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

import side_by_side  # noqa: E402

import facula  # noqa: E402

# x: two values at one place. c: coalesced. h: with a dense dimension. n: whole numbers. e: nothing. d: dense.
BEFORE = """
i = torch.tensor([[0, 1, 1, 0], [2, 0, 2, 2]])
x = torch.sparse_coo_tensor(i, torch.tensor([1., 2, 3, 4]), (2, 3))
c = x.coalesce()
h = torch.sparse_coo_tensor(i, torch.arange(8.).view(4, 2), (2, 3, 2))
n = torch.sparse_coo_tensor(i, torch.tensor([1, 2, 3, 4], dtype=torch.int32), (2, 3))
e = torch.sparse_coo_tensor(torch.zeros(2, 0).long(), torch.zeros(0), (2, 3))
d = torch.arange(6.).view(2, 3)
"""

LINES = """
x.permute(1, 0)
h.permute(1, 0, 2)
h.permute(0, 2, 1)
x.permute(dims=(-1, -2))
torch.permute(x, (1, 0))
x.permute(0)
x.transpose(0, 7)
h.transpose(0, 2)
h.t()
e.t()
x.clone().t_()
h.clone().transpose_(0, 1)
x.unsqueeze(9)
torch.cat([h, h], 2)
torch.cat([x, d])
torch.cat([x, h])
torch.cat([c, torch.sparse_coo_tensor((3, 5))], 1)
c.index_select(0, torch.tensor([-1]))
x.index_select(5, torch.tensor([0]))
n[1, 2]
n.sum(1)
x.sum((0, 1))
x.sum(1, keepdim=True).to_dense()
torch.sparse.sum(x, 5)
c * torch.ones(3, 1, 1)
h * torch.arange(2.)
c * torch.ones(1)
x * torch.sparse_coo_tensor(torch.tensor([[0]]), torch.tensor([2.]), (3,))
x * torch.tensor(2.).to_sparse()
(h * h).to_dense()
d.clone().mul_(c)
x + x
x - x
c + c
x + 1
d + h
x / x
x // 2
x.floor_divide(2)
x ** 2
torch.zeros_like(h)
torch.zeros_like(x, layout=torch.strided)
torch.empty_like(x)
x.new_zeros(2, 2)
x.clone().copy_(c)
x.clone().copy_(n)
x.clone().copy_(d)
x.clone().copy_(h)
x.clone().zero_()
x.narrow_copy(1, 1, 2)
h.narrow_copy(2, 1, 1)
x.any()
n.norm()
x.norm(dim=0)
x.norm(dim=(0, 1))
torch.mv(x, torch.ones(4))
torch.mm(x, torch.ones(4, 2))
torch.mm(x, x)
torch.mm(c, c.t().double())
torch.bmm(torch.stack([x, x]), torch.ones(2, 3, 2))
torch.smm(x, d.T)
torch.dsmm(x, d.T)
torch.hsmm(x, d.T)
torch.sspaddmm(torch.sparse_coo_tensor((2, 2)), x, d.T).to_dense()
d.to_sparse(3)
d.to_sparse(layout=torch.strided)
x.to_sparse(1)
x.clone().sparse_resize_((4, 5), 2, 0)
x.clone().sparse_resize_((1, 5), 2, 0)
x.clone().sparse_resize_((2, 3, 4), 2, 1)
x.clone().sparse_resize_and_clear_((4, 5), 2, 0)
x.clone().resize_as_(e)
torch.abs(c, out=c.clone())
torch.add(c, c, out=c.clone())
n.clone().div_(2)
x.clone().log1p_()
c.clone().log1p_()
torch.sparse_coo_tensor([[0, -1]], [1, 2])
torch.sparse_coo_tensor([[0]], [1]).is_coalesced()
torch.sparse_coo_tensor(torch.zeros(0, 2).long(), torch.tensor([1, 2], dtype=torch.int8), ()).coalesce()
torch.sparse.spdiags(torch.arange(6.).view(2, 3), torch.tensor([0, 1]), (3, 3))
torch.sparse.spdiags(torch.arange(3.), torch.tensor(-1), (2, 3))
torch.sparse.spdiags(torch.ones(2, 3), torch.tensor([1, 1]), (3, 3))
x.expand(2, 2, 3)
x.reshape(3, 2)
x.stride()
x.is_same_size(d)
d.crow_indices()
x.col_indices()
""".strip().split("\n")


def shown(value):
    """Of a sparse result its size and split, whether it is coalesced, how much it holds, and its elements."""
    if isinstance(value, (torch.Tensor, facula.Tensor)) and value.is_sparse:
        parts = list(value.shape), value.sparse_dim(), value.is_coalesced(), value._nnz()
        return ["sparse", *parts, str(value.dtype), value.to_dense().tolist()]
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("line", LINES)
def test_line(line):
    def run(library):
        space = {"torch": library}
        exec(BEFORE, space)
        return shown(eval(line, space))

    expected, got = (side_by_side.outcome(run, library)[0] for library in (torch, facula))
    if isinstance(expected, side_by_side.Error):
        expected = side_by_side.Error((expected[0], expected[1].split("\n")[0]))
    assert side_by_side.close(expected, got, 1e-6), (expected, got)


def test_invariants():
    def run(t):
        check = t.sparse.check_sparse_tensor_invariants
        seen = [check.is_enabled()]
        with check():
            seen.append(check.is_enabled())
            try:
                t.sparse_coo_tensor([[0, 5]], [1, 2], (3,))
            except RuntimeError as error:
                seen.append(str(error))
        check.enable()
        seen.append(check.is_enabled())
        check.disable()
        seen.append(check(True)(check.is_enabled)())
        return [*seen, check.is_enabled()]

    side_by_side.check(run)
