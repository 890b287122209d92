"""Forms of calls beside the plain one: numbers before tensors, keywords only, arrays, buffers, files."""

from __future__ import annotations

import array

import pytest

import facula as torch

F = torch.nn.functional


@pytest.mark.filterwarnings("ignore:This overload")
def test_numbers_once_stood_before_the_tensors_they_scale():
    p, g = torch.ones(2), torch.tensor([1.0, 2.0])
    assert p.add_(-0.5, g) is p
    assert p.tolist() == [0.5, 0.0]
    assert torch.add(p, 2, g).tolist() == [2.5, 4.0]
    assert p.sub(2, g).tolist() == [-1.5, -4.0]
    assert p.addcmul(0.5, g, g).tolist() == [1.0, 2.0]
    assert p.addcdiv(-1, g, g).tolist() == [-0.5, -1.0]
    m = torch.ones(2, 2)
    assert torch.addmm(0.5, m, 2, m, m).tolist() == [[4.5, 4.5], [4.5, 4.5]]
    assert m.addmm(0.5, 2, m, m).tolist() == m.addmm(m, m, beta=0.5, alpha=2).tolist()
    assert torch.addmv(0.5, p, m, g).tolist() == torch.addmv(p, m, g, beta=0.5).tolist()
    assert m.baddbmm(0.5, 2, m[None], m[None]).shape == (1, 2, 2)
    with pytest.raises(TypeError):
        p.add(g, 2)
    with pytest.raises(TypeError):
        torch.addcmul(p, g, g, 0.5)


def test_keywords_only_in_place():
    x = torch.tensor([-1.0, 2.0])
    assert F.relu(input=x, inplace=True) is x
    assert x.tolist() == [0.0, 2.0]
    assert F.leaky_relu(negative_slope=0.5, inplace=True, input=x) is x


def test_copy_takes_numbers():
    x = torch.zeros(2, 2)
    assert x.copy_(2).tolist() == [[2.0, 2.0], [2.0, 2.0]]
    assert x[0].copy_(1.5).tolist() == [1.5, 1.5]


def test_asarray():
    x = torch.ones(2)
    assert torch.asarray(x) is x
    assert torch.asarray(x, copy=True).data_ptr() != x.data_ptr()
    with pytest.raises(ValueError, match="can't alias tensor with dtype 'Float' into dtype 'Long'"):
        torch.asarray(x, dtype=torch.int64, copy=False)
    with pytest.raises(ValueError, match="can't alias arbitrary sequence"):
        torch.asarray([1], copy=False)
    assert not torch.asarray(torch.ones(1, requires_grad=True), requires_grad=False).requires_grad
    assert torch.asarray(bytearray(b"ab"), dtype=torch.uint8).tolist() == [97, 98]
    assert torch.asarray(array.array("f", [1, 2])).tolist() == [1.0, 2.0]
    assert torch.asarray([1, 2]).dtype == torch.int64


def test_from_file(tmp_path):
    path = str(tmp_path / "numbers")
    shared = torch.from_file(path, shared=True, size=3)
    shared.copy_(torch.arange(3.0))
    private = torch.from_file(path, size=3)
    private += 1
    assert torch.from_file(path, size=3).tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(RuntimeError):
        torch.from_file(path, size=30)


def test_segment_reduce():
    x = torch.arange(8.0).reshape(4, 2).requires_grad_()
    lengths = torch.tensor([1, 0, 3])
    assert torch.segment_reduce(x, "sum", lengths=lengths).tolist() == [[0, 1], [0, 0], [12, 15]]
    assert torch.segment_reduce(x, "max", lengths=lengths, initial=5).tolist() == [[5, 5], [5, 5], [6, 7]]
    mean = torch.segment_reduce(x, "mean", offsets=torch.tensor([0, 1, 4]))
    assert mean.tolist() == [[0, 1], [4, 5]]
    mean.sum().backward()
    assert x.grad.sum().item() == pytest.approx(4)
    with pytest.raises(RuntimeError):
        torch.segment_reduce(x, "sum", lengths=torch.tensor([1, 1]))


def test_unique_orders_slices_row_by_row():
    x = torch.tensor([[[0, 1], [1, 0]], [[1, 0], [0, 0]]])
    # The slices of the last dimension are 0110 and 1000.
    assert torch.unique(x, dim=2).tolist() == x.tolist()
    assert torch.unique(x.flip(2), dim=2).tolist() == x.tolist()


def test_rearrange():
    x = torch.arange(24).reshape(2, 3, 4)
    rearrange = torch.func.rearrange
    assert rearrange(x, "a b c -> c (a b)").tolist() == x.permute(2, 0, 1).reshape(4, 6).tolist()
    assert rearrange(x, "a ... -> ... a").shape == (3, 4, 2)
    assert rearrange(x, "a ... -> (... a)").shape == (24,)
    assert rearrange(x, "a b (c d) -> d (a c) b", d=2).shape == (2, 4, 3)
    assert rearrange([x[0], x[1]], "n h w -> h (n w)").shape == (3, 8)
    for pattern in ("a b -> a b", "a b c -> a b", "a a b -> a b", "a b (c d) -> a b c d", "a b c"):
        with pytest.raises(ValueError):
            rearrange(x, pattern)
