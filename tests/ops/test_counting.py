"""unique() and bincount() of integers: a small range is counted in a table, a wide one sorted."""

from collections import Counter

import pytest

import facula as torch

INTEGERS = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16]


def numbers(n: int, low: int, high: int, dtype: torch.dtype, seed: int = 0) -> torch.Tensor:
    return torch.randint(low, high, (n,), generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
@pytest.mark.parametrize("n", [1, 300, 70_000])
def test_unique_of_a_small_range(dtype: torch.dtype, n: int) -> None:
    low, high = (0, 2) if dtype == torch.bool else (0, 100) if dtype.is_signed is False else (-60, 60)
    x = numbers(n, low, high, dtype)
    values, inverse, counts = torch.unique(x, return_inverse=True, return_counts=True)
    expected = sorted(Counter(x.tolist()).items())
    assert list(zip(values.tolist(), counts.tolist())) == expected
    assert values.dtype == dtype and inverse.dtype == counts.dtype == torch.int64
    assert torch.equal(values[inverse], x)


@pytest.mark.parametrize("low, high", [(-(2**62), 2**62), (2**62, 2**62 + 50), (-(2**63), -(2**63) + 9)])
def test_unique_far_from_zero(low: int, high: int) -> None:
    x = numbers(5000, low, high, torch.int64)
    x[7] = x[3]
    values, inverse, counts = x.unique(return_inverse=True, return_counts=True)
    assert values.tolist() == sorted(set(x.tolist()))
    assert torch.equal(values[inverse], x) and int(counts.sum()) == x.numel()


def test_unique_of_the_whole_range_of_a_type() -> None:
    x = torch.tensor([-(2**63), 2**63 - 1, 0, -(2**63)])
    assert x.unique(return_counts=True)[0].tolist() == [-(2**63), 0, 2**63 - 1]
    every = torch.arange(-128, 128).to(torch.int8).flip(0).repeat(3)
    values, counts = every.unique(return_counts=True)
    assert values.tolist() == list(range(-128, 128)) and set(counts.tolist()) == {3}


def test_unique_keeps_shapes() -> None:
    x = torch.tensor([[3, 1], [1, 3], [3, 3]])
    values, inverse = x.unique(return_inverse=True)
    assert values.tolist() == [1, 3] and inverse.tolist() == [[1, 0], [0, 1], [1, 1]]
    column = x[:, :1].unique(dim=0)  # strided, one wide
    assert column.tolist() == [[1], [3]]
    assert x.t()[0].unique(dim=0, return_counts=True)[1].tolist() == [1, 2]
    assert torch.tensor(5).unique().tolist() == [5]
    assert torch.empty(0, dtype=torch.int32).unique().shape == (0,)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64], ids=str)
@pytest.mark.parametrize("n", [5, 40_000, 200_001])
def test_bincount_in_several_tables(dtype: torch.dtype, n: int) -> None:
    x = numbers(n, 0, 90, dtype)
    expected = Counter(x.tolist())
    counts = torch.bincount(x, minlength=100)
    assert counts.dtype == torch.int64 and counts.tolist() == [expected[i] for i in range(100)]
    weights = torch.ones(n, dtype=torch.float64) / 2
    assert torch.equal(torch.bincount(x, weights, minlength=100), counts.double() / 2)


def test_bincount_is_the_same_for_every_number_of_threads() -> None:
    x = numbers(300_000, 0, 1000, torch.int64)
    threads = torch.get_num_threads()
    results = []
    for n in (1, 2, 3):
        torch.set_num_threads(n)
        results.append((torch.bincount(x), x.unique(return_inverse=True)[1]))
    torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for pair in results for a, b in zip(pair, results[0]))


def test_bincount_refuses() -> None:
    x = torch.zeros(100_000, dtype=torch.int64)
    x[-1] = -1
    for bad in (x, torch.zeros(2, 2, dtype=torch.int64)):
        with pytest.raises(RuntimeError, match="1-d non-negative integral"):
            torch.bincount(bad)
    with pytest.raises(RuntimeError, match="too large"):
        torch.bincount(torch.tensor([2**63 - 1]))
    with pytest.raises(RuntimeError, match="same length"):
        torch.bincount(torch.tensor([1, 2]), torch.tensor([1.0]))
