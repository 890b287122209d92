"""Tensors with a mask: gradients, what is written in place, what is refused.

What they compute and print stands in tests/compat/snippets/functions.txt.
"""

import copy
import io
import pickle

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
    with pytest.raises(ValueError, match="masks must match.*get_mask"):
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


def _saved(x):
    file = io.BytesIO()
    torch.save({"x": x}, file)
    file.seek(0)
    return torch.load(file, weights_only=False)["x"]


@pytest.mark.parametrize("again", (copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)), _saved))
@pytest.mark.parametrize("wanted", (False, True))
def test_copied_and_saved_with_its_mask(again, wanted):
    x = masked_tensor(
        torch.tensor([[1.0, 2.0, 3.0]] * 2).t(), MASK[:, None].expand(3, 2), requires_grad=wanted
    )
    y = again(x)
    assert type(y) is MaskedTensor and y.requires_grad == wanted and repr(y) == repr(x)
    assert torch.equal(y.get_data(), x.get_data()) and torch.equal(y.get_mask(), x.get_mask())
    with torch.no_grad():
        y.mul_(2)
    assert x.sum().item() == 8.0 and y.sum().item() == 16.0


def test_weights_alone_are_no_masked_tensors():
    file = io.BytesIO()
    torch.save(masked_tensor(torch.ones(3), MASK), file)
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError, match="weights_only=False"):
        torch.load(file)


@pytest.mark.parametrize(
    "state",
    (
        None,
        {},
        {"_masked_data": torch.ones(2), "_masked_mask": MASK},
        {"_masked_data": MASK, "_masked_mask": MASK},
    ),
)
def test_a_state_must_fit(state):
    x = masked_tensor(torch.ones(3), MASK)
    with pytest.raises(TypeError, match="data and mask"):
        x.__setstate__(state)
    assert x.sum().item() == 2.0


def test_more_that_goes_element_by_element():
    x = masked_tensor(torch.tensor([1.0, float("nan"), 4.0]), MASK)
    results = (2 / x, x.nan_to_num(), x.float_power(2), x.isclose(x), x.clone().copy_(torch.zeros(3)))
    shown = [[2.0, -1.0, 0.5], [1.0, -1.0, 4.0], [1.0, -1.0, 16.0], [True, True, True], [0.0, -1.0, 0.0]]
    for result, wanted in zip(results, shown):
        assert result.to_tensor(-1).tolist() == wanted
    with pytest.raises(TypeError):
        torch.zeros(3).copy_(x)
