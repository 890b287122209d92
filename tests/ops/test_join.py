"""Joins and repetitions: sizes large enough for every path, types, gradients by counting, refusals."""

from __future__ import annotations

import pytest

import facula as torch

np = pytest.importorskip("numpy")


@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("size", [3, 60])
def test_cat_and_stack_agree_with_numpy(dim: int, size: int) -> None:
    shapes = [[4, 5, size], [4, 5, size]]
    shapes[1][dim] += 2
    arrays = [np.arange(np.prod(s), dtype=np.float32).reshape(s) for s in shapes]
    tensors = [torch.tensor(a.ravel().tolist()).reshape(a.shape) for a in arrays]
    assert torch.cat(tensors, dim).tolist() == np.concatenate(arrays, dim).tolist()
    assert torch.stack([tensors[0]] * 3, dim).tolist() == np.stack([arrays[0]] * 3, dim).tolist()
    turned = [t.transpose(0, 2).contiguous().transpose(0, 2) for t in tensors]
    assert torch.cat(turned, dim).tolist() == np.concatenate(arrays, dim).tolist()


def test_large_joins_do_not_depend_on_threads() -> None:
    a, b = torch.arange(300_000.0).view(300, 1000), torch.arange(200_000.0).view(200, 1000)
    threads = torch.get_num_threads()
    try:
        results = []
        for n in (1, 2):
            torch.set_num_threads(n)
            results.append(torch.cat([a, b.double()]))
        assert results[0].tolist() == results[1].tolist()
        assert results[0][299, 999].item() == 299_999.0 and results[0][300, 0].item() == 0.0
    finally:
        torch.set_num_threads(threads)


def test_gradients_of_a_join_are_cut_and_converted() -> None:
    a = torch.ones(2, requires_grad=True)
    b = torch.ones(3, dtype=torch.float64, requires_grad=True)
    (torch.cat([a, b]) * torch.arange(5.0)).sum().backward()
    assert a.grad.dtype == torch.float32 and a.grad.tolist() == [0.0, 1.0]
    assert b.grad.dtype == torch.float64 and b.grad.tolist() == [2.0, 3.0, 4.0]


def test_repeat_sums_its_copies() -> None:
    x = torch.ones(2, 1, requires_grad=True)
    x.repeat(3, 2, 5).sum().backward()
    assert x.grad.tolist() == [[30.0], [30.0]]


def test_flip_of_flip_and_roll_back() -> None:
    x = torch.arange(120.0).view(2, 3, 4, 5)
    for dims in [(0,), (1, 3), (0, 1, 2, 3)]:
        assert (x.flip(dims).flip(dims) == x).tolist() == torch.ones_like(x, dtype=torch.bool).tolist()
    assert x.roll((1, -7), (2, 3)).roll((-1, 7), (2, 3)).tolist() == x.tolist()
    assert x.rot90(1).rot90(3).tolist() == x.tolist()


def test_results_never_share_memory_with_inputs() -> None:
    x = torch.arange(6.0).view(2, 3)
    copies = [torch.cat([x]), x.flip(()), x.roll(0, 0), x.rot90(0), x.repeat(1, 1)]
    for copy in copies:
        copy.fill_(-1)
    assert x.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


@pytest.mark.parametrize(
    "bad,error",
    [
        (lambda x: torch.cat([]), ValueError),
        (lambda x: torch.cat([x, None]), TypeError),
        (lambda x: torch.cat([x, 1]), TypeError),
        (lambda x: torch.cat(x), TypeError),
        (lambda x: torch.cat([x, torch.ones(3)]), RuntimeError),
        (lambda x: torch.cat([x, torch.ones(3, 2)]), RuntimeError),
        (lambda x: torch.stack([x, x.t()]), RuntimeError),
        (lambda x: x.repeat(2**40, 2**40), RuntimeError),
        (lambda x: x.repeat(-1, 1), RuntimeError),
        (lambda x: x.repeat_interleave(torch.tensor([2**62, 2**62]), 0), RuntimeError),
        (lambda x: torch.diag_embed(x, 2**62), RuntimeError),
        (lambda x: x.flip(0, 0), RuntimeError),
        (lambda x: torch.block_diag(x, None), TypeError),
    ],
)
def test_refusals(bad, error) -> None:
    with pytest.raises(error):
        bad(torch.arange(6.0).view(2, 3))
