"""Numbers beyond the type of a tensor of whole numbers, and the order of errors about types."""

import pytest

import facula as torch
import facula.nn.functional as F


def test_numbers_wrap():
    a = torch.tensor([1, 2], dtype=torch.int8)
    assert (a + 300).tolist() == [45, 46]
    assert (a * 300).tolist() == [44, 88]
    assert a.add_(300).tolist() == [45, 46]
    assert (torch.tensor([250], dtype=torch.uint8) + 300).tolist() == [38]
    assert (torch.zeros(1, dtype=torch.int32) + 2**40).tolist() == [0]
    assert (torch.tensor([255], dtype=torch.uint8) == 256).tolist() == [False]


def test_where_and_fill_refuse():
    a = torch.tensor([1, 2], dtype=torch.int8)
    with pytest.raises(RuntimeError, match="without overflow"):
        torch.where(a > 1, a, 300)
    with pytest.raises(RuntimeError, match="without overflow"):
        a.fill_(300)


def test_shapes_are_looked_at_first():
    a = torch.ones(3, dtype=torch.complex64)
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        torch.lt(a, torch.ones(4))
    with pytest.raises(NotImplementedError, match="floor is not supported for complex inputs"):
        torch.floor(a)
    with pytest.raises(RuntimeError, match="can't be cast to the desired output type Bool"):
        torch.gcd(torch.ones(2), torch.ones(2), out=torch.empty(2, dtype=torch.bool))


def test_half_results_are_rounded_before_out():
    x = torch.tensor([0.1, 0.7], dtype=torch.float16)
    out = torch.empty(0)
    assert torch.equal(torch.sin(x, out=out), torch.sin(x).float())


def test_weighted_logits_are_one_node():
    x = torch.tensor([[0.5, -1.0]], dtype=torch.float64, requires_grad=True)
    t = torch.tensor([[1.0, 0.25]], dtype=torch.float64, requires_grad=True)
    weight, positive = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in ([2.0, 3.0], [1.5]))
    for reduction in ("mean", "sum", "none"):

        def loss(*inputs, reduction=reduction):
            a, b, w, p = inputs
            return F.binary_cross_entropy_with_logits(a, b, w, reduction=reduction, pos_weight=p)

        inputs = (x, t, weight, positive)
        assert loss(*inputs).grad_fn.name() == "BinaryCrossEntropyWithLogitsBackward0"
        assert torch.autograd.gradcheck(loss, inputs)
        assert torch.autograd.gradgradcheck(loss, inputs)


def test_names_of_the_type():
    x = torch.ones(2)
    assert repr(torch.Tensor) == "<class 'torch.Tensor'>"
    assert (torch.Tensor.__module__, torch.Tensor.__name__, x.__module__) == ("torch", "Tensor", "torch")
    assert type("T", (torch.Tensor,), {}).__module__ == __name__
    assert hash(x) == id(x)
    with pytest.raises(TypeError, match=r"for \+: 'Tensor' and 'str'"):
        x + "a"
