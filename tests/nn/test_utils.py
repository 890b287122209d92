"""torch.nn.utils as a program uses it."""

from __future__ import annotations

import copy
import warnings

import pytest

import facula as torch
from facula import nn
from facula.nn.utils import parametrizations, parametrize, prune


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).T

    def right_inverse(self, a):
        return a.triu()


def test_parametrized_layer_trains():
    layer = nn.Linear(3, 3)
    before = layer.weight
    parametrize.register_parametrization(layer, "weight", Symmetric())
    assert type(layer).__name__ == "ParametrizedLinear"
    assert layer.parametrizations.weight.original is before  # so that an optimizer made earlier goes on
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        layer(torch.ones(2, 3)).pow(2).sum().backward()
        optimizer.step()
        assert torch.equal(layer.weight, layer.weight.T)
    value = layer.weight.detach().clone()
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear
    assert torch.equal(layer.weight, value)
    assert layer.weight is before


def test_assignment_goes_backwards():
    layer = parametrize.register_parametrization(nn.Linear(2, 2), "weight", Symmetric())
    layer.weight = torch.tensor([[1.0, 2.0], [2.0, 3.0]])
    assert layer.weight.tolist() == [[1.0, 2.0], [2.0, 3.0]]
    assert layer.parametrizations.weight.original.tolist() == [[1.0, 2.0], [0.0, 3.0]]


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6)])
@pytest.mark.parametrize("mapping", ["matrix_exp", "cayley", "householder"])
def test_orthogonal_stays_orthogonal(mapping, shape):
    torch.manual_seed(0)
    layer = nn.Linear(*shape, dtype=torch.float64)
    parametrizations.orthogonal(layer, orthogonal_map=mapping)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(3):
        layer(torch.ones(2, shape[0], dtype=torch.float64)).pow(2).sum().backward()
        optimizer.step()
    q = layer.weight
    product = q @ q.T if q.shape[0] <= q.shape[1] else q.T @ q
    assert torch.allclose(product, torch.eye(min(shape), dtype=torch.float64))


def test_weight_norm_keeps_the_weight():
    layer = nn.Conv1d(2, 3, 2)
    before = layer.weight.detach().clone()
    parametrizations.weight_norm(layer)
    assert torch.allclose(layer.weight, before)
    with torch.no_grad():
        layer.parametrizations.weight.original0.mul_(2)
    assert torch.allclose(layer.weight, 2 * before)


def test_spectral_norm_bounds_the_weight():
    torch.manual_seed(0)
    layer = parametrizations.spectral_norm(nn.Linear(5, 4), n_power_iterations=20)
    assert torch.linalg.matrix_norm(layer.weight, 2).item() == pytest.approx(1.0, abs=1e-4)


def test_older_norms():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = nn.utils.weight_norm(nn.Linear(2, 2))
    assert sorted(dict(layer.named_parameters())) == ["bias", "weight_g", "weight_v"]
    nn.utils.remove_weight_norm(layer)
    assert sorted(dict(layer.named_parameters())) == ["bias", "weight"]
    layer = nn.utils.spectral_norm(nn.Linear(2, 2))
    layer(torch.ones(1, 2)).sum().backward()
    assert layer.weight_orig.grad is not None
    plain = nn.utils.remove_spectral_norm(layer)
    plain.load_state_dict(copy.deepcopy(plain.state_dict()))


def test_pruning():
    layer = nn.Linear(4, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(8.0).reshape(2, 4))
    prune.l1_unstructured(layer, "weight", amount=3)
    assert layer.weight.tolist() == [[0, 0, 0, 3], [4, 5, 6, 7]]
    prune.ln_structured(layer, "weight", amount=0.5, n=1, dim=0)
    assert layer.weight.tolist() == [[0, 0, 0, 0], [4, 5, 6, 7]]
    assert prune.is_pruned(layer)
    layer(torch.ones(1, 4)).sum().backward()
    assert layer.weight_orig.grad.tolist() == [[0] * 4, [1] * 4]
    prune.remove(layer, "weight")
    assert not prune.is_pruned(layer)
    assert list(layer.state_dict()) == ["bias", "weight"]
    with pytest.raises(ValueError, match="should be smaller than the number of parameters"):
        prune.l1_unstructured(layer, "weight", amount=9)
    assert list(layer.state_dict()) == ["bias", "weight"]


def test_fusion():
    torch.manual_seed(0)
    conv, norm = nn.Conv2d(2, 3, 2), nn.BatchNorm2d(3)
    norm(conv(torch.randn(4, 2, 5, 5)))
    conv.eval(), norm.eval()
    x = torch.randn(1, 2, 5, 5)
    assert torch.allclose(nn.utils.fuse_conv_bn_eval(conv, norm)(x), norm(conv(x)), atol=1e-6)


def test_wrappers_call_their_module():
    inner = nn.Linear(2, 2)
    for wrapper in (nn.DataParallel(inner), nn.parallel.DistributedDataParallel(inner)):
        assert torch.equal(wrapper(torch.ones(1, 2)), inner(torch.ones(1, 2)))
        assert list(wrapper.state_dict()) == ["module.weight", "module.bias"]


def test_quantised_modules_say_that_they_are_missing():
    with pytest.raises(NotImplementedError, match="nn.quantized.Linear"):
        nn.quantized.Linear  # noqa: B018
