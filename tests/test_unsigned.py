"""uint16, uint32 and uint64: what has kernels for them, by the bits of the signed types."""

from __future__ import annotations

import pytest

import facula as torch

WIDE = [torch.uint16, torch.uint32, torch.uint64]


def largest(dtype):
    return torch.iinfo(dtype).max if dtype != torch.uint64 else 2**63 - 1


@pytest.fixture(params=WIDE, ids=str)
def pair(request):
    dtype = request.param
    return torch.tensor([0, 3, largest(dtype), 5], dtype=dtype), torch.tensor(
        [0, 2, largest(dtype), 7], dtype=dtype
    )


def test_equality(pair):
    a, b = pair
    assert (a == b).tolist() == [True, False, True, False]
    assert (a != b).tolist() == [False, True, False, True]
    assert (a == 3).tolist() == [False, True, False, False]
    assert torch.equal(a, a.clone()) and not torch.equal(a, b)


def test_bits(pair):
    a, b = pair
    ours, theirs = a.tolist(), b.tolist()
    assert (a & b).tolist() == [x & y for x, y in zip(ours, theirs)]
    assert (a | b).tolist() == [x | y for x, y in zip(ours, theirs)]
    assert (a ^ b).tolist() == [x ^ y for x, y in zip(ours, theirs)]
    assert (a & b).dtype == a.dtype


def test_products_wrap(pair):
    a, b = pair
    size = 2 ** (8 * a.element_size())
    assert (a * b).tolist() == [x * y % size for x, y in zip(a.tolist(), b.tolist())]


def test_predicates(pair):
    a, _ = pair
    assert not torch.signbit(a).any() and not a.isnan().any() and a.isfinite().all()
    assert torch.where(a == 3, a, a * 0).tolist() == [0, 3, 0, 0]


def test_strided_and_broadcast(pair):
    a, b = pair
    table = torch.stack([a, b]).T
    assert (table == a.unsqueeze(1)).tolist() == [[True, x == y] for x, y in zip(a.tolist(), b.tolist())]


@pytest.mark.parametrize("name", ["add", "sub", "lt", "ge", "maximum", "fmod"])
def test_what_has_none(name, pair):
    with pytest.raises(NotImplementedError, match="not implemented for 'UInt"):
        getattr(torch, name)(*pair)
