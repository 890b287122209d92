# ruff: noqa: E501  a case, a line
"""The steps of optimizers as functions of lists, and capturable=True, against PyTorch."""

from __future__ import annotations

import importlib

import pytest

torch = pytest.importorskip("torch")

import facula  # noqa: E402

ADAM = {"beta1": 0.8, "beta2": 0.99, "lr": 0.1, "weight_decay": 0.01, "eps": 1e-6}
# name: (states, options); S: a count of steps, Z: zeros, O: ones, N: None, E: an empty list.
CASES = {
    "adam": ("ZZES", {**ADAM, "amsgrad": False, "maximize": False}),
    "adamw": ("ZZZS", {**ADAM, "amsgrad": True, "maximize": True}),
    "sgd": (
        "N",
        {
            "weight_decay": 0.1,
            "momentum": 0.9,
            "lr": 0.1,
            "dampening": 0.0,
            "nesterov": True,
            "maximize": False,
        },
    ),
    "rmsprop": (
        "ZZZS",
        {"lr": 0.1, "alpha": 0.9, "eps": 1e-6, "weight_decay": 0.1, "momentum": 0.5, "centered": True},
    ),
    "adagrad": ("OS", {"lr": 0.1, "weight_decay": 0.1, "lr_decay": 0.1, "eps": 1e-6, "maximize": False}),
    "adadelta": ("ZZS", {"lr": 0.1, "rho": 0.9, "eps": 1e-6, "weight_decay": 0.1, "maximize": True}),
    "adamax": ("ZZS", ADAM),
    "nadam": ("ZZ1S", {**ADAM, "momentum_decay": 0.004}),
    "radam": ("ZZS", ADAM),
    "rprop": ("ZOS", {"step_size_min": 1e-6, "step_size_max": 50.0, "etaminus": 0.5, "etaplus": 1.2}),
    "asgd": ("Z1eS", {"lambd": 1e-4, "lr": 0.1, "t0": 1e6, "alpha": 0.75, "weight_decay": 0.1}),
}


def run(library, name, kinds, options, foreach=False):
    params = [library.tensor([1.0, -2.0, 3.0]), library.tensor([[0.5], [-0.25]])]
    make = {
        "Z": lambda: [library.zeros_like(p) for p in params],
        "O": lambda: [library.ones_like(p) for p in params],
        "S": lambda: [library.tensor(0.0) for _ in params],
        "1": lambda: [library.tensor(1.0) for _ in params],
        "e": lambda: [library.tensor(0.1) for _ in params],
        "N": lambda: [None for _ in params],
        "E": lambda: [],
    }
    states = [make[kind]() for kind in kinds]
    module = importlib.import_module(f"{library.__name__}.optim.{name}")
    for k in range(3):
        grads = [p * 0.3 + k for p in params]
        getattr(module, name)(params, grads, *states, foreach=foreach, **options)
    return [t.tolist() for each in (params, *states) for t in each]


@pytest.mark.parametrize("name", CASES)
def test_as_pytorch(name):
    kinds, options = CASES[name]
    expected, got = run(torch, name, kinds, options), run(facula, name, kinds, options)
    for a, b in zip(expected, got, strict=True):
        torch.testing.assert_close(torch.tensor(a), torch.tensor(b), rtol=1e-5, atol=1e-6)


def test_under_one_roof():
    from facula.optim import _functional

    assert _functional.adam is importlib.import_module("facula.optim.adam").adam


def test_errors():
    function = importlib.import_module("facula.optim.sgd").sgd
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'maximize'"):
        function([], [], [], weight_decay=0, momentum=0, lr=1, dampening=0, nesterov=False)
    with pytest.raises(TypeError, match="unexpected keyword argument 'bogus'"):
        function([], [], [], bogus=0)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        function([], [])


@pytest.mark.parametrize("foreach", [None, True, False])
@pytest.mark.parametrize(
    "name", ["Adam", "AdamW", "NAdam", "RAdam", "Adamax", "ASGD", "Adadelta", "RMSprop", "Rprop"]
)
def test_capturable(name, foreach):
    texts = []
    for library in (torch, facula):
        p = library.nn.Parameter(library.ones(2))
        optimizer = getattr(library.optim, name)([p], capturable=True, foreach=foreach)
        optimizer.step()  # nothing to do
        p.grad = library.ones(2)
        with pytest.raises(AssertionError) as caught:
            optimizer.step()
        assert p.tolist() == [1.0, 1.0]
        texts.append(str(caught.value))
    assert texts[1].startswith(texts[0])
