"""Modules that learn their sizes from the first input."""

from __future__ import annotations

import copy
import pickle

import pytest

import facula as torch
from facula import nn


def test_first_call_makes_it_ordinary():
    layer = nn.LazyLinear(2)
    assert layer.has_uninitialized_params()
    assert repr(layer.weight) == "<UninitializedParameter>"
    out = layer(torch.ones(3, 5))
    assert type(layer) is nn.Linear
    assert layer.weight.shape == (2, 5)
    assert out.shape == (3, 2)
    out.sum().backward()
    assert layer.weight.grad.shape == (2, 5)
    assert not layer._forward_pre_hooks
    assert not layer._load_state_dict_pre_hooks


def test_whole_network():
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2)).double()
    assert net(torch.ones(2, 3, 6, 6, dtype=torch.float64)).shape == (2, 2)
    kinds = [type(m) for m in net]
    assert kinds == [nn.Conv2d, nn.BatchNorm2d, nn.Flatten, nn.Linear]
    assert all(p.dtype == torch.float64 for p in net.parameters())
    assert all(type(b) is torch.Tensor for b in net.buffers())
    assert list(net[1].state_dict()) == [
        "weight",
        "bias",
        "running_mean",
        "running_var",
        "num_batches_tracked",
    ]


def test_what_a_shapeless_parameter_refuses():
    p = nn.LazyLinear(2).weight
    assert nn.parameter.is_lazy(p)
    with pytest.raises(RuntimeError, match="Can't access the shape"):
        p.shape  # noqa: B018
    with pytest.raises(ValueError, match="Attempted to use an uninitialized parameter"):
        p + 1
    with pytest.raises(RuntimeError, match="Can't share memory"):
        p.share_memory_()
    p.materialize((2, 3), dtype=torch.float64)
    assert type(p) is nn.Parameter
    assert p.dtype == torch.float64
    assert p.requires_grad


def test_states():
    shaped, shapeless = nn.LazyLinear(2), nn.LazyLinear(2)
    shaped(torch.ones(1, 3))
    shapeless.load_state_dict(shaped.state_dict())
    assert torch.equal(shapeless.weight, shaped.weight)
    assert isinstance(shapeless, nn.LazyLinear)  # until it is called
    shapeless(torch.ones(1, 3))
    assert shapeless.in_features == 3
    with pytest.raises(RuntimeError, match="Can't access the shape"):
        shaped.load_state_dict(nn.LazyLinear(2).state_dict())
    nn.LazyLinear(2).load_state_dict(nn.LazyLinear(2).state_dict())


def test_copies_are_lazy_too():
    for twin in (copy.deepcopy(nn.LazyLinear(2)), pickle.loads(pickle.dumps(nn.LazyLinear(2)))):
        assert twin(torch.ones(1, 4)).shape == (1, 2)
        assert type(twin) is nn.Linear


def test_wrong_inputs():
    with pytest.raises(RuntimeError, match="Expected 3D .unbatched. or 4D"):
        nn.LazyConv2d(4, 3)(torch.ones(2, 2))
    with pytest.raises(ValueError, match="in_channels must be divisible by groups"):
        nn.LazyConv2d(4, 1, groups=2)(torch.ones(1, 3, 2, 2))


def test_own_lazy_module():
    class Scale(nn.modules.lazy.LazyModuleMixin, nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = nn.UninitializedParameter()

        def initialize_parameters(self, x):
            self.factor.materialize(x.shape[-1:])
            with torch.no_grad():
                self.factor.fill_(2.0)

        def forward(self, x):
            return x * self.factor

    assert Scale()(torch.ones(2)).tolist() == [2.0, 2.0]

    class Never(nn.modules.lazy.LazyModuleMixin, nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = nn.UninitializedParameter()

    with pytest.raises(NotImplementedError, match="initialize_parameters is not implemented for Never"):
        Never()(1)


def test_files(tmp_path):
    net = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())
    torch.save(net, tmp_path / "net.pt")
    again = torch.load(tmp_path / "net.pt", weights_only=False)
    assert again(torch.ones(2, 5)).shape == (2, 3)
    assert type(again[0]) is nn.Linear
    torch.save(net.state_dict(), tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt")
    assert nn.parameter.is_lazy(state["0.weight"])
    again.load_state_dict(again.state_dict())
