"""Sparse tensors: their parts, what is computed with them, gradients, refusals, text."""

from __future__ import annotations

import copy
import pickle

import pytest

import facula as torch

PLACES = torch.tensor([[0, 1, 1], [2, 0, 2]])


def made(values=(3.0, 4.0, 5.0), size=(2, 3), **options):
    values = values if isinstance(values, torch.Tensor) else torch.tensor(values)
    return torch.sparse_coo_tensor(PLACES, values, size, **options)


def test_parts():
    s = made()
    assert isinstance(s, torch.Tensor) and s.is_sparse and s.layout == torch.sparse_coo
    assert s.shape == (2, 3) and s.dtype == torch.float32 and s.device.type == "cpu" and s._nnz() == 3
    assert (s.sparse_dim(), s.dense_dim(), s.dim(), s.numel()) == (2, 0, 2, 6)
    assert s.to_dense().tolist() == [[0, 0, 3], [4, 0, 5]]
    with pytest.raises(RuntimeError, match="uncoalesced tensor"):
        s.values()
    assert made(torch.ones(3, 2), (2, 3, 2)).to_dense().shape == (2, 3, 2)


def test_coalesce_adds_up():
    s = torch.sparse_coo_tensor([[1, 0, 1], [1, 2, 1]], [1.0, 2.0, 4.0], (2, 3))
    assert not s.is_coalesced()
    c = s.coalesce()
    assert c.is_coalesced() and c.indices().tolist() == [[0, 1], [2, 1]] and c.values().tolist() == [2, 5]
    assert s.to_dense().tolist() == c.to_dense().tolist() == [[0, 0, 2], [0, 5, 0]]


def test_to_sparse_and_back():
    d = torch.tensor([[0.0, 1.0], [2.0, 0.0], [0.0, 0.0]])
    assert torch.equal(d.to_sparse().to_dense(), d)
    assert torch.equal(d.to_sparse(1).to_dense(), d) and d.to_sparse(1)._nnz() == 2


def test_products():
    s, d = made(), torch.arange(6.0).reshape(3, 2)
    expected = s.to_dense() @ d
    for product in (torch.sparse.mm(s, d), torch.mm(s, d), s @ d, torch.spmm(s, d), s.matmul(d)):
        assert torch.equal(product, expected)
    assert torch.equal(d.t() @ s.t(), expected.t())
    assert torch.equal(s @ d[:, 0], expected[:, 0])
    both = torch.sparse.mm(s, s.t())
    assert both.is_sparse and torch.equal(both.to_dense(), s.to_dense() @ s.to_dense().t())
    assert torch.equal(torch.sparse.addmm(torch.ones(2, 2), s, d), expected + 1)


def test_arithmetic():
    s, d = made(), torch.full((2, 3), 2.0)
    dense = s.to_dense()
    assert torch.equal((s + s).to_dense(), 2 * dense)
    assert torch.equal((2 * s - s / 2).to_dense(), 1.5 * dense)
    assert torch.equal((-s).to_dense(), -dense)
    assert torch.equal(d + s, d + dense)
    assert torch.equal((s * d).to_dense(), dense * d)
    assert torch.equal((s * s).to_dense(), dense * dense)
    assert torch.equal(s.sqrt().to_dense(), dense.sqrt())
    assert torch.sparse.sum(s) == 12
    assert torch.sparse.sum(s, 0).to_dense().tolist() == [4, 0, 8]
    s.mul_(2)
    assert torch.equal(s.to_dense(), 2 * dense)


def test_softmax():
    p = torch.sparse.softmax(made(), 1).to_dense()
    assert p[0, 2] == 1 and torch.allclose(p[1, [0, 2]], torch.tensor([4.0, 5.0]).softmax(0))
    logs = torch.sparse.log_softmax(made(), 1).coalesce().values()
    assert torch.allclose(logs.exp(), torch.sparse.softmax(made(), 1).values())


def test_gradients():
    v = torch.tensor([3.0, 4.0, 5.0], requires_grad=True)
    d = torch.arange(6.0).reshape(3, 2).requires_grad_()
    s = made(v)
    assert s.requires_grad and not s.is_leaf
    torch.sparse.mm(s, d).sum().backward()
    assert v.grad.tolist() == [9, 1, 9]
    assert d.grad.tolist() == [[4, 4], [0, 0], [8, 8]]

    leaf = made().requires_grad_()
    (torch.sparse.mm(leaf, d.detach()) ** 2).sum().backward()
    assert leaf.grad.is_sparse and leaf.grad.shape == (2, 3)
    expected = 2 * (leaf.detach().to_dense() @ d.detach()) @ d.detach().t()
    assert torch.equal(leaf.grad.to_dense(), expected * (leaf.detach().to_dense() != 0))


def test_second_gradient():
    v = torch.tensor([3.0, 4.0, 5.0], dtype=torch.float64, requires_grad=True)
    y = (torch.sparse.mm(made(v), torch.ones(3, 1, dtype=torch.float64)) ** 3).sum()
    (g,) = torch.autograd.grad(y, v, create_graph=True)
    (h,) = torch.autograd.grad(g[0], v)
    assert h.tolist() == [18, 0, 0]


def test_bad_parts():
    with pytest.raises(RuntimeError, match=r"'len\(size\) == sparse_dim \+ dense_dim' is not satisfied"):
        made(size=(2,))
    with pytest.raises(RuntimeError, match="indices and values must have same nnz"):
        made((1.0, 2.0))
    outside = made(size=(2, 2))
    with pytest.raises(RuntimeError, match="for dim 1, size is 2 but found index 2"):
        outside.to_dense()
    with pytest.raises(RuntimeError, match="found negative index -1"):
        torch.mm(torch.sparse_coo_tensor(-PLACES, torch.ones(3), (2, 3)), torch.ones(3, 1))
    with pytest.raises(RuntimeError, match="size is inconsistent with indices"):
        made(size=(2, 2), check_invariants=True)


@pytest.mark.parametrize("name", ["exp", "view_as", "argmax", "equal", "__getitem__"])
def test_refusals_name_themselves(name):
    s = made()
    args = {"view_as": (s,), "equal": (s,), "__getitem__": (slice(1),)}.get(name, ())
    with pytest.raises(NotImplementedError, match=name):
        getattr(s, name)(*args)


def test_foreign_memory_is_never_read():
    index = torch.sparse_coo_tensor(PLACES, torch.tensor([1, 2, 1]), (2, 3))
    with pytest.raises(RuntimeError, match="same device"):
        torch.ones(4)[index]
    meta = torch.zeros(2, dtype=torch.int64, device="meta")
    for call in (lambda d: d[meta], lambda d: d.index_select(0, meta), lambda d: torch.take(d, meta)):
        with pytest.raises(RuntimeError, match="same device"):
            call(torch.ones(4, 3))


def test_copies_and_text():
    s = made()
    for twin in (copy.deepcopy(s), pickle.loads(pickle.dumps(s)), s.clone()):
        assert torch.equal(twin.to_dense(), s.to_dense())
    assert repr(s) == (
        "tensor(indices=tensor([[0, 1, 1],\n"
        "                       [2, 0, 2]]),\n"
        "       values=tensor([3., 4., 5.]),\n"
        "       size=(2, 3), nnz=3, layout=torch.sparse_coo)"
    )
