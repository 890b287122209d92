"""Compressed sparse tensors: layouts agree, gradients are those of numbers, errors name what is wrong."""

import copy
import pickle
import subprocess
import sys

import pytest

import facula as torch

LAYOUTS = {
    "csr": lambda x: x.to_sparse_csr(),
    "csc": lambda x: x.to_sparse_csc(),
    "bsr": lambda x: x.to_sparse_bsr((2, 3)),
    "bsc": lambda x: x.to_sparse_bsc((2, 3)),
}


def dense(seed=0, shape=(4, 6)):
    torch.manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64) * (torch.rand(shape) < 0.4)


@pytest.mark.parametrize("kind", LAYOUTS)
def test_round_trips(kind):
    x = dense()
    s = LAYOUTS[kind](x)
    assert s.layout == getattr(torch, f"sparse_{kind}") and isinstance(s, torch.Tensor) and not s.is_sparse
    assert torch.equal(s.to_dense(), x) and torch.equal(s.to_sparse().to_dense(), x)
    assert torch.equal(s.t().to_dense(), x.t()) and s.t().t().layout == s.layout
    for other in ("bsr", "bsc") if kind[0] == "b" else LAYOUTS:
        assert torch.equal(LAYOUTS[other](s).to_dense(), x)
    for again in (pickle.loads(pickle.dumps(s)), copy.deepcopy(s), copy.copy(s), s.clone()):
        assert again.layout == s.layout and torch.equal(again.to_dense(), x)


@pytest.mark.parametrize("kind", LAYOUTS)
def test_batches_and_dense_dimensions(kind):
    x = torch.stack([dense(), dense()])
    s = LAYOUTS[kind](x)
    assert torch.equal(s.to_dense(), x) and torch.equal(s[1].to_dense(), x[1])
    x = torch.stack([dense(), dense(1)], -1)
    s = x.to_sparse(layout=s.layout, blocksize=(2, 3) if kind[0] == "b" else None, dense_dim=1)
    assert s.dense_dim() == 1 and torch.equal(s.to_dense(), x)
    assert torch.equal(s.select(2, 1).to_dense(), x[..., 1])


@pytest.mark.parametrize("kind", ["csr", "csc", "bsr"])
def test_products_have_gradients(kind):
    x, b = dense(), torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    s = LAYOUTS[kind](x).requires_grad_()
    assert torch.allclose(s @ b, x @ b)

    def f(values, b):
        return s.detach()._like(values) @ b

    assert torch.autograd.gradcheck(f, (s.detach().values().clone().requires_grad_(), b))
    (s @ b).sum().backward()
    assert s.grad.layout == s.layout
    held = LAYOUTS[kind](torch.ones_like(x).where(s.detach().to_dense() != 0, 0))
    expected = torch.ones(4, 3, dtype=torch.float64) @ b.detach().t()
    assert torch.allclose((s.grad * 1).to_dense() * held.to_dense(), expected * held.to_dense())


def test_both_sparse():
    x, y = dense(), dense(1, (6, 5))
    product = x.to_sparse_csr() @ y.to_sparse_csc()
    assert product.layout == torch.sparse_csr and torch.allclose(product.to_dense(), x @ y)
    torch._validate_sparse_csr_tensor_args(
        product.crow_indices(), product.col_indices(), product.values(), product.shape
    )
    total = x.to_sparse_csr() + dense(2).to_sparse_csr()
    assert torch.allclose(total.to_dense(), x + dense(2))


def test_sampled_and_reduced():
    x, a, b = dense(), torch.randn(4, 3, dtype=torch.float64), torch.randn(3, 6, dtype=torch.float64)
    s = x.to_sparse_csr()
    got = torch.sparse.sampled_addmm(s, a, b, beta=0.5, alpha=2)
    assert torch.allclose(got.to_dense(), torch.where(x != 0, 0.5 * x + 2 * (a @ b), 0))
    w = torch.randn(6, 2, dtype=torch.float64, requires_grad=True)
    for reduce in ("mean", "amax", "amin"):
        got = torch.sparse.mm(s, w, reduce)
        for i in range(4):
            row = (x[i, :, None] * w)[x[i] != 0]
            wanted = torch.zeros(2, dtype=torch.float64) if not len(row) else getattr(row, reduce)(0)
            assert torch.allclose(got[i], wanted)
    assert torch.autograd.gradcheck(lambda w: torch.sparse.mm(s, w, "amax"), (w,))


def test_writes_in_place_keep_a_parameter():
    p = torch.nn.Parameter(dense().to_sparse_csr())
    before = p.detach().clone()
    torch.optim.SGD([p], lr=0.5).zero_grad()
    p.to_dense().sum().backward()
    torch.optim.SGD([p], lr=0.5).step()
    assert p.is_leaf and p.requires_grad and isinstance(p, torch.nn.Parameter)
    assert torch.allclose(p.detach().values(), before.values() - 0.5) and p.grad is not None
    with pytest.raises(RuntimeError, match="leaf"):
        p.mul_(2)


@pytest.mark.parametrize("starts, at", [([0, 2, 9], [0, 7]), ([0, -5, 2], [0, 1]), ([0, 1, 2], [0, 99])])
def test_bad_indices_raise_when_they_are_used(starts, at):
    """Without check_invariants= nothing is looked at while it is made."""
    s = torch.sparse_csr_tensor(torch.tensor(starts), torch.tensor(at), torch.tensor([1.0, 2]), (2, 2))
    uses = (
        s.to_dense,
        s.to_sparse_csc,
        lambda: s.to_sparse_bsr((1, 1)).to_dense(),
        lambda: s.to_sparse().to_dense(),
        lambda: s @ torch.ones(2, 2),
        lambda: s.t() @ torch.ones(2),
        lambda: (s @ s).to_dense(),
        lambda: torch.ones(2, 2).sparse_mask(s),
        lambda: torch.sparse.sampled_addmm(s, torch.ones(2, 2), torch.ones(2, 2)),
        lambda: (s + torch.eye(2).to_sparse_csr()).to_dense(),
        lambda: s.sum(0, keepdim=True).to_dense(),
    )
    for use in uses:
        with pytest.raises((RuntimeError, IndexError)):
            use()


def test_errors_say_what_is_wrong():
    s = dense().to_sparse_csr()
    with pytest.raises(NotImplementedError, match=r"cumsum\(\).*to_dense"):
        s.cumsum(0)
    with pytest.raises(RuntimeError, match="unsupported tensor layout: SparseCsr"):
        s.exp()
    with pytest.raises(RuntimeError, match="`0 <= col_indices < ncols` is not satisfied"):
        torch.sparse_csr_tensor([0, 1, 2], [0, 9], [1.0, 2.0], (2, 2), check_invariants=True)


def test_layout_of_factories():
    for layout in (torch.sparse_coo, torch.sparse_csr, torch.sparse_csc):
        x = torch.zeros(2, 3, layout=layout, dtype=torch.float64)
        assert x.layout == layout and x._nnz() == 0 and x.dtype == torch.float64
        assert torch.equal(x.to_dense(), torch.zeros(2, 3, dtype=torch.float64))
        assert torch.zeros_like(torch.ones(2, 3), layout=layout).layout == layout
    with pytest.raises(RuntimeError, match="not implemented for sparse layout"):
        torch.ones(2, 3, layout=torch.sparse_coo)
    assert torch.zeros(2, layout=torch.strided).layout == torch.strided


def test_dense_programs_do_not_load_it():
    program = (
        "import sys, facula as t; "
        "(t.ones(2, requires_grad=True) * t.zeros(2, layout=t.strided)).sum().backward(); "
        "assert not [m for m in sys.modules if 'compressed' in m or m.endswith(('_parts', '._sparse'))]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
