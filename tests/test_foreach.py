"""torch._foreach_*: operations over lists of tensors."""

from __future__ import annotations

import pytest

import facula as torch


def lists():
    return [torch.tensor([1.0, 2.0]), torch.tensor([3.0])], [torch.tensor([4.0, 5.0]), torch.tensor([6.0])]


def values(result):
    return [t.tolist() for t in result]


def test_forms() -> None:
    a, b = lists()
    assert values(torch._foreach_add(a, b, alpha=2)) == [[9.0, 12.0], [15.0]]
    assert values(torch._foreach_mul(a, 2)) == [[2.0, 4.0], [6.0]]
    assert values(torch._foreach_div(a, [1.0, 3.0])) == [[1.0, 2.0], [1.0]]
    assert values(torch._foreach_sub(a, torch.tensor(1.0))) == [[0.0, 1.0], [2.0]]
    assert values(torch._foreach_addcmul(a, a, b, value=2)) == [[9.0, 22.0], [39.0]]
    assert values(torch._foreach_addcdiv(a, b, a, [1, 2])) == [[5.0, 4.5], [7.0]]
    assert values(torch._foreach_addcmul(a, a, b, torch.tensor([1.0, 0.0]))) == [[5.0, 12.0], [3.0]]
    assert values(torch._foreach_lerp(a, b, 0.5)) == [[2.5, 3.5], [4.5]]
    assert values(torch._foreach_pow(2.0, a)) == [[2.0, 4.0], [8.0]]
    assert values(torch._foreach_maximum(a, [2.0, 1.0])) == [[2.0, 2.0], [3.0]]
    assert values(torch._foreach_norm([torch.tensor([3.0, 4.0])])) == [5.0]
    assert values(torch._foreach_max(a)) == [2.0, 3.0]
    assert type(torch._foreach_neg(a)) is tuple


def test_in_place() -> None:
    a, b = lists()
    assert torch._foreach_sqrt_(torch._foreach_mul_(a, a)) == a
    assert values(a) == [[1.0, 2.0], [3.0]]
    torch._foreach_copy_(a, b)
    torch._foreach_minimum_(a, 5.0)
    assert values(a) == [[4.0, 5.0], [5.0]]
    torch._foreach_zero_(a)
    assert values(a) == [[0.0, 0.0], [0.0]]


def test_errors() -> None:
    a, b = lists()
    for call, kind, text in [
        (lambda: torch._foreach_add([], 1), RuntimeError, "at least one tensor"),
        (lambda: torch._foreach_add(a, b[:1]), RuntimeError, "same number of tensors, got 2 and 1"),
        (lambda: torch._foreach_add(a, [1.0]), RuntimeError, "same number of elements as scalar list"),
        (lambda: torch._foreach_add(a, torch.ones(1)), RuntimeError, "scalar tensor expected to be 0 dim"),
        (lambda: torch._foreach_add(torch.ones(2), 1), TypeError, "must be tuple of Tensors, not Tensor"),
        (lambda: torch._foreach_nothing(a), AttributeError, "_foreach_nothing"),
    ]:
        with pytest.raises(kind, match=text):
            call()


def test_gradients() -> None:
    a = [torch.tensor([2.0], requires_grad=True)]
    torch._foreach_mul(a, [3.0])[0].backward()
    assert a[0].grad.tolist() == [3.0]
