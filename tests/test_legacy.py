"""Old names of types, shallow copies, functions for each element, filled memory, extremes of pieces."""

from __future__ import annotations

import copy
import math

import pytest

import facula as torch


def test_a_shallow_copy_is_a_leaf_over_the_same_memory():
    x = torch.arange(6.0).view(2, 3).t()
    y = copy.copy(x)
    y[0, 1] = 7
    assert x[0, 1] == 7 and y.stride() == x.stride()
    w = torch.nn.Parameter(torch.ones(2))
    v = copy.copy(w)
    assert isinstance(v, torch.nn.Parameter) and v.data_ptr() == w.data_ptr() and v.grad is None
    made = copy.copy(w * 2)
    assert made.requires_grad and made.is_leaf


def test_a_shallow_copy_of_a_subclass_that_pickles_itself_goes_its_way():
    class Mine(torch.Tensor):
        def __reduce_ex__(self, protocol):
            return (dict, ())

    assert copy.copy(torch.ones(2).as_subclass(Mine)) == {}


def test_legacy_types():
    assert torch.ones(2).int().type(torch.Tensor).dtype is torch.float32
    assert torch.ones(2).type("torch.LongTensor").dtype is torch.int64
    assert torch.ones(2).new(size=(3, 4)).shape == (3, 4)
    with pytest.raises(ValueError, match="invalid type"):
        torch.ones(2).type("LongTensor")
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Mine", (torch.FloatTensor,), {})
    torch.set_warn_always(True)
    try:
        with pytest.warns(UserWarning, match="deprecated"):
            torch.set_default_tensor_type(torch.DoubleTensor)
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_warn_always(False)
        torch.set_default_dtype(torch.float32)


def test_functions_for_each_element():
    x = torch.arange(3.0)
    assert x.clone().apply_(lambda v: v * 2).tolist() == [0, 2, 4]
    assert x.clone().map_(x, lambda a, b: a - b).tolist() == [0, 0, 0]
    assert x.clone().map2_(x, x, lambda a, b, c: a + b * c).tolist() == [0, 2, 6]
    assert x.expand(2, 3).apply_(lambda v: v + 1)[0].tolist() == [2, 3, 4]
    with pytest.raises(TypeError, match="must be real number"):
        x.apply_(lambda v: "text")
    with pytest.raises(RuntimeError, match="requires grad"):
        x.clone().requires_grad_().apply_(lambda v: v)


def test_new_memory_is_filled_under_deterministic_algorithms():
    assert torch.utils.deterministic.fill_uninitialized_memory is True
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.empty(3).isnan().all()
        assert torch.empty(3, dtype=torch.uint16).tolist() == [65535] * 3
        assert torch.empty(2, 2).t().new_empty(2).isnan().all()
        x = torch.ones(2, dtype=torch.int16).resize_(4)
        assert x.tolist() == [1, 1, 32767, 32767]
        torch.utils.deterministic.fill_uninitialized_memory = False
        assert torch.zeros(2).resize_(2).tolist() == [0, 0]
        with pytest.raises(RuntimeError, match="expected a bool, but got int"):
            torch.utils.deterministic.fill_uninitialized_memory = 1
    finally:
        torch.utils.deterministic.fill_uninitialized_memory = True
        torch.use_deterministic_algorithms(False)


def test_extremes_of_pieces_give_their_gradient_to_the_elements():
    x = torch.tensor([1.0, math.nan, 5.0, 5.0], dtype=torch.float64, requires_grad=True)
    y = torch.segment_reduce(x, "max", lengths=torch.tensor([2, 2]), initial=5.0)
    (g,) = torch.autograd.grad(y.sum(), x)
    assert y[0].isnan() and g.tolist() == [0, 1, 0.5, 0.5]
    at = torch.randn(6, dtype=torch.float64, requires_grad=True)

    def least(v):
        return torch.segment_reduce(v, "min", lengths=torch.tensor([2, 4]))

    assert torch.autograd.gradcheck(least, at, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(least, at)
