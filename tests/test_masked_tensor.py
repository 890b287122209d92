"""Tensors with a mask: gradients, what is written in place, what is refused.

What they compute and print stands in tests/compat/snippets/functions.txt.
"""

import pytest

import facula as torch
from facula.masked import MaskedTensor, as_masked_tensor, masked_tensor

pytestmark = pytest.mark.filterwarnings("ignore:MaskedTensor is a prototype")
MASK = torch.tensor([True, False, True])


def test_a_gradient_has_the_mask():
    x = masked_tensor(torch.tensor([1.0, float("nan"), 3.0]), MASK, requires_grad=True)
    (x * x).sum().backward()
    assert isinstance(x.grad, MaskedTensor) and x.grad.to_tensor(-1).tolist() == [2.0, -1.0, 6.0]


def test_gradients_reach_the_data():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    as_masked_tensor(x, MASK).exp().sum().backward()
    assert torch.allclose(x.grad, x.exp() * MASK)


def test_what_is_kept_is_a_copy():
    data, mask = torch.ones(3), MASK.clone()
    x = masked_tensor(data, mask)
    data.zero_(), mask.fill_(False)
    assert x.get_data().tolist() == [1.0] * 3 and x.get_mask().tolist() == MASK.tolist()
    x.mul_(2)
    assert x.sum().item() == 4.0


def test_masks_must_match():
    x, y = masked_tensor(torch.ones(3), MASK), masked_tensor(torch.ones(3), ~MASK)
    with pytest.raises(ValueError, match="masks must match"):
        x + y
    with pytest.raises(ValueError, match="masks must match"):
        x.add_(y)
    assert torch.where(MASK, x, y).get_mask().all()


@pytest.mark.parametrize("name", "flip sort cumsum nonzero max unique permute tolist numpy".split())
def test_the_rest_is_refused(name):
    x = masked_tensor(torch.ones(3), MASK)
    with pytest.raises((TypeError, RuntimeError)):
        getattr(x, name)(*([0] if name in ("flip", "cumsum", "permute") else []))


def test_it_says_that_it_is_a_prototype():
    with pytest.warns(UserWarning, match="prototype"):
        masked_tensor(torch.ones(3), MASK)
    with pytest.raises(ValueError, match="masked out"):
        masked_tensor(torch.ones(1), torch.tensor([False])).item()
