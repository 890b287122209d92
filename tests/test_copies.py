"""Copies and pickles of tensors and of the small types; attributes that users hang on a tensor."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import pytest

import facula as torch


class Temperature(torch.Tensor):
    pass


TENSORS = {
    "vector": lambda: torch.tensor([1.5, -2.0]),
    "number": lambda: torch.tensor(True),
    "empty": lambda: torch.zeros(2, 0),
    "view": lambda: torch.arange(6).reshape(2, 3).t(),
    "half": lambda: torch.tensor([0.1], dtype=torch.bfloat16),
    "leaf": lambda: torch.ones(2, requires_grad=True),
    "subclass": lambda: torch.tensor([20.0]).as_subclass(Temperature),
    "parameter": lambda: torch.nn.Parameter(torch.ones(2)),
}


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))], ids=["deepcopy", "pickle"]
)
@pytest.mark.parametrize("make", TENSORS.values(), ids=TENSORS.keys())
def test_tensors(make, copied):
    tensor = make()
    if not isinstance(tensor, torch.nn.Parameter):  # a deep copy of a parameter drops its attributes
        tensor.label = "kept"
    result = copied(tensor)
    assert result is not tensor and type(result) is type(tensor)
    assert repr(result) == repr(tensor)
    assert result.__dict__ == tensor.__dict__
    if tensor.numel():
        assert result.data_ptr() != tensor.data_ptr()


SMALL = [
    torch.float32,
    torch.bool,
    torch.device("cpu"),
    torch.device("cuda:1"),
    torch.Size([2, 3]),
    torch.Size([]),
    torch.strided,
    torch.contiguous_format,
]


@pytest.mark.parametrize("value", SMALL, ids=str)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_small_types(value, protocol):
    for result in (pickle.loads(pickle.dumps(value, protocol)), copy.copy(value), copy.deepcopy(value)):
        assert result == value and type(result) is type(value)


def test_attributes():
    tensor = torch.tensor(1.0)
    assert tensor.__dict__ == {}
    tensor.__dict__["a"] = 1
    assert tensor.a == 1
    tensor.__dict__ = {"b": 2}
    assert tensor.b == 2 and not hasattr(tensor, "a")


def test_a_cycle_through_the_dict_is_collected():
    class Witness:
        pass

    tensor, witness = torch.tensor(1.0), Witness()
    tensor.__dict__.update(itself=tensor, witness=witness)
    alive = weakref.ref(witness)
    del tensor, witness
    gc.collect()
    assert alive() is None


def test_a_missing_attribute_is_the_objects():
    with pytest.raises(AttributeError, match="^'Tensor' object has no attribute 'sigmoyd'.*'sigmoid'"):
        _ = torch.tensor(1.0).sigmoyd
    with pytest.raises(AttributeError, match="^'Temperature' object has no attribute 'celsius'"):
        _ = torch.tensor(1.0).as_subclass(Temperature).celsius
