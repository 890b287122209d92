"""ctc_loss and bags of embeddings against PyTorch: their index arguments belong together."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import facula  # noqa: E402


def same(f, tolerance: float = 1e-5) -> None:
    ours, theirs = f(facula), f(torch)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert tuple(a.shape) == tuple(b.shape)
        assert str(a.dtype).rpartition(".")[2] == str(b.dtype).rpartition(".")[2]
        got, want = torch.tensor(a.tolist()), torch.tensor(b.tolist())
        assert torch.allclose(got, want, tolerance, tolerance, equal_nan=True)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("form", ["padded", "joined", "alone"])
@pytest.mark.parametrize("zero_infinity", [False, True])
def test_ctc_loss(form: str, reduction: str, zero_infinity: bool) -> None:
    def run(lib):
        lib.manual_seed(0)
        x = lib.randn(7, 5) if form == "alone" else lib.randn(7, 3, 5)
        x = x.log_softmax(-1).detach().requires_grad_()
        if form == "alone":
            targets, steps, lengths = lib.tensor([1, 1, 2]), lib.tensor(7), lib.tensor(3)
        else:
            steps, lengths = (7, 6, 2), (2, 3, 2)  # the last has no alignment
            targets = [1, 3, 2, 2, 4, 4, 4] if form == "joined" else [[1, 3, 0], [2, 2, 4], [4, 4, 0]]
            targets = lib.tensor(targets)
        loss = lib.nn.functional.ctc_loss(
            x, targets, steps, lengths, reduction=reduction, zero_infinity=zero_infinity
        )
        known = loss if zero_infinity or form == "alone" else loss.reshape(-1)[:2]
        grads = [] if known.isinf().any() else [lib.autograd.grad(known.sum(), x)[0]]
        return [loss, *(grads if zero_infinity or form == "alone" else [])]

    same(run)


@pytest.mark.parametrize("padding", [None, 1, -1])
@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("last", [False, True])
def test_embedding_bag(mode: str, padding: int | None, last: bool) -> None:
    def run(lib):
        lib.manual_seed(0)
        weight = lib.randn(6, 3, dtype=lib.float64).requires_grad_()
        index = lib.tensor([1, 2, 3, 0, 1, 5])
        offsets = lib.tensor([0, 3, 3, 5, 6] if last else [0, 3, 3, 5])
        out = lib.nn.functional.embedding_bag(
            index, weight, offsets, mode=mode, include_last_offset=last, padding_idx=padding
        )
        return [out, *lib.autograd.grad((out**3).sum(), weight)]

    same(run)


def test_bag_weights_and_norms() -> None:
    def run(lib):
        lib.manual_seed(0)
        weight = lib.randn(6, 3).requires_grad_()
        factors = lib.randn(2, 3).requires_grad_()
        index = lib.tensor([[1, 2, 3], [0, 1, 5]])
        out = lib.nn.functional.embedding_bag(index, weight, per_sample_weights=factors, mode="sum")
        grads = lib.autograd.grad((out**2).sum(), [weight, factors])
        table = lib.randn(6, 3)
        lib.nn.functional.embedding_bag(index, table, max_norm=0.5)
        lib.nn.functional.embedding(lib.tensor([4]), table, max_norm=0.1, norm_type=1.0)
        rows = lib.nn.functional.embedding(lib.tensor([1, 1, 2]), weight, scale_grad_by_freq=True)
        return [out, *grads, table, lib.autograd.grad(rows.sum(), weight)[0]]

    same(run)
