"""Losses against real PyTorch: values, gradients, node names, errors."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from side_by_side import check  # noqa: E402


def _classes(t, *shape, n=3):
    import math

    count = math.prod(shape)
    return t.tensor([(i * 7 + 1) % n for i in range(count)]).reshape(shape)


def _numbers(t, *shape, scale=1.0, grad=True, positive=False):
    import math

    count = math.prod(shape)
    values = [math.sin(1.7 * i + 0.3) * scale for i in range(count)]
    if positive:
        values = [0.05 + 0.9 * abs(v) for v in values]
    return t.tensor(values).reshape(shape).requires_grad_(grad)


ELEMENT_LOSSES = {
    "mse_loss": {},
    "l1_loss": {},
    "smooth_l1_loss": {"beta": 0.4},
    "huber_loss": {"delta": 0.4},
    "soft_margin_loss": {},
    "binary_cross_entropy": {"positive": True},
    "binary_cross_entropy_with_logits": {},
    "poisson_nll_loss": {},
    "kl_div": {"positive": True},
    "hinge_embedding_loss": {},
}


@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "other"])
@pytest.mark.parametrize("name", ELEMENT_LOSSES)
def test_element_losses(name, reduction):
    options = dict(ELEMENT_LOSSES[name])
    positive = options.pop("positive", False)

    def run(t):
        x = _numbers(t, 4, 5, scale=2.0, positive=positive)
        y = _numbers(t, 4, 5, positive=True, grad=name not in ("hinge_embedding_loss", "soft_margin_loss"))
        if name == "hinge_embedding_loss":
            y = _classes(t, 4, 5, n=2) * 2 - 1
        loss = getattr(t.nn.functional, name)(x, y, reduction=reduction, **options)
        loss.sum().backward()
        node = type(loss.grad_fn).__name__
        return node, loss, x.grad, y.grad

    check(run, 2e-6)


@pytest.mark.parametrize("name", ["mse_loss", "smooth_l1_loss", "binary_cross_entropy_with_logits"])
def test_element_losses_differentiate_twice(name):
    def run(t):
        x, y = _numbers(t, 3, scale=2.0), _numbers(t, 3, positive=True)
        loss = getattr(t.nn.functional, name)(x, y)
        (g,) = t.autograd.grad(loss, x, create_graph=True)
        (h,) = t.autograd.grad(g.pow(2).sum(), x)
        return g, h

    check(run, 2e-6)


ODD_LOSSES = {
    "broadcast": lambda t: t.nn.functional.mse_loss(t.zeros(2), t.ones(2, 1)),
    "no broadcast": lambda t: t.nn.functional.mse_loss(t.zeros(2), t.ones(3)),
    "empty": lambda t: t.nn.functional.mse_loss(t.zeros(0), t.zeros(0)),
    "integers": lambda t: t.nn.functional.mse_loss(t.tensor([1]), t.tensor([1])),
    "mixed": lambda t: t.nn.functional.mse_loss(t.zeros(2), t.ones(2, dtype=t.float64)),
    "legacy": lambda t: t.nn.functional.mse_loss(t.zeros(2), t.ones(2), size_average=False),
    "weights": lambda t: t.nn.functional.mse_loss(t.zeros(2), t.ones(2), weight=t.tensor([1.0, 3.0])),
    "bad weights": lambda t: t.nn.functional.mse_loss(t.zeros(2), t.ones(2), weight=t.ones(3)),
    "module": lambda t: t.nn.MSELoss(size_average=False)(t.zeros(2), t.ones(2)),
    "beta": lambda t: t.nn.functional.smooth_l1_loss(t.zeros(2), t.ones(2), beta=-1),
    "beta 0": lambda t: t.nn.functional.smooth_l1_loss(t.zeros(2), t.ones(2), beta=0.0),
    "delta": lambda t: t.nn.functional.huber_loss(t.zeros(2), t.ones(2), delta=0.0),
    "bce range": lambda t: t.nn.functional.binary_cross_entropy(t.zeros(2) - 1, t.ones(2)),
    "bce size": lambda t: t.nn.functional.binary_cross_entropy(t.zeros(2), t.ones(3)),
    "bce ends": lambda t: t.nn.functional.binary_cross_entropy(t.tensor([0.0, 1.0]), t.tensor([1.0, 1.0])),
    "bce weight": lambda t: t.nn.BCELoss(weight=t.tensor([2.0]))(t.tensor([0.3]), t.tensor([1.0])),
    "logits size": lambda t: t.nn.functional.binary_cross_entropy_with_logits(t.zeros(2), t.ones(3)),
    "logits weights": lambda t: t.nn.BCEWithLogitsLoss(t.tensor([2.0]), pos_weight=t.tensor([3.0]))(
        t.tensor([-40.0, 0.3]), t.tensor([1.0, 0.0])
    ),
    "gaussian": lambda t: t.nn.GaussianNLLLoss(full=True)(t.zeros(3), t.ones(3), t.tensor([1.0, 2.0, 0.0])),
    "gaussian negative": lambda t: t.nn.GaussianNLLLoss()(t.zeros(2), t.ones(2), -t.ones(2)),
    "gaussian size": lambda t: t.nn.GaussianNLLLoss()(t.zeros(2), t.ones(2), t.ones(3)),
    "ranking": lambda t: t.nn.MarginRankingLoss(0.5)(t.zeros(2), t.ones(2), t.ones(2)),
    "ranking size": lambda t: t.nn.MarginRankingLoss()(t.zeros(2), t.ones(2, 1), t.ones(2, 1)),
    "triplet": lambda t: t.nn.TripletMarginLoss(swap=True)(t.zeros(2, 2), t.ones(2, 2), t.ones(2, 2) * 1.5),
    "triplet margin": lambda t: t.nn.TripletMarginLoss(margin=0),
    "cosine": lambda t: t.nn.CosineEmbeddingLoss()(t.ones(2, 3), t.arange(6.0).view(2, 3), t.tensor([1, -1])),
    "poisson full": lambda t: t.nn.PoissonNLLLoss(full=True)(t.ones(3), t.tensor([0.5, 2.0, 5.0])),
}


@pytest.mark.parametrize("case", ODD_LOSSES)
def test_odd_losses(case):
    check(ODD_LOSSES[case], 1e-6)


SHAPES = [((4, 3), (4,)), ((3,), ()), ((2, 3, 4), (2, 4)), ((2, 3, 2, 2), (2, 2, 2)), ((0, 3), (0,))]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_cross_entropy(shapes, smoothing, weighted, reduction):
    def run(t):
        x = _numbers(t, *shapes[0], scale=3.0)
        y = _classes(t, *shapes[1])
        w = t.tensor([1.0, 2.0, 0.5]) if weighted else None
        loss = t.nn.functional.cross_entropy(
            x, y, w, reduction=reduction, label_smoothing=smoothing, ignore_index=2
        )
        loss.sum().backward()
        name = type(loss.grad_fn).__name__ if shapes[0] != (2, 3, 4) else ""
        return name, loss, x.grad

    check(run, 2e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_with_probabilities(smoothing, reduction):
    def run(t):
        x, y = _numbers(t, 4, 3, scale=3.0), _numbers(t, 4, 3, positive=True)
        loss = t.nn.functional.cross_entropy(
            x, y, t.tensor([1.0, 2.0, 0.5]), reduction=reduction, label_smoothing=smoothing
        )
        loss.sum().backward()
        return loss, x.grad, y.grad

    check(run, 2e-6)


def test_cross_entropy_twice():
    def run(t):
        x = _numbers(t, 4, 3)
        loss = t.nn.CrossEntropyLoss()(x, _classes(t, 4))
        (g,) = t.autograd.grad(loss, x, create_graph=True)
        return g, t.autograd.grad(g.pow(2).sum(), x)

    check(run, 2e-6)


def _integers(t, *shape, value=0):
    return t.zeros(*shape, dtype=t.int64) + value


BAD_TARGETS = {
    "scalar": lambda t, f: f(t.zeros(()), t.tensor(0)),
    "one": lambda t, f: f(t.zeros(3), _integers(t, 1)),
    "one of three": lambda t, f: f(t.zeros(3), _integers(t, 2)),
    "batch": lambda t, f: f(t.zeros(2, 3), _integers(t, 3)),
    "float": lambda t, f: f(t.zeros(2, 3), t.zeros(2)),
    "above": lambda t, f: f(t.zeros(2, 3), _integers(t, 2, value=5)),
    "below": lambda t, f: f(t.zeros(2, 3), _integers(t, 2, value=-1)),
    "weight": lambda t, f: f(t.zeros(2, 3), _integers(t, 2), weight=t.zeros(2)),
    "weight type": lambda t, f: f(t.zeros(2, 3), _integers(t, 2), weight=t.zeros(3, dtype=t.float64)),
    "inner": lambda t, f: f(t.zeros(2, 3, 4), _integers(t, 2, 3)),
    "image": lambda t, f: f(t.zeros(2, 3, 4, 5), _integers(t, 2, 4, 4)),
    "column": lambda t, f: f(t.zeros(2, 3), _integers(t, 2, 1)),
    "reduction": lambda t, f: f(t.zeros(2, 3), _integers(t, 2), reduction="q"),
    "ignored": lambda t, f: f(t.zeros(2, 3), _integers(t, 2, value=-100)),
    "int32": lambda t, f: f(t.zeros(2, 3), _integers(t, 2).int()),
    "integers": lambda t, f: f(_integers(t, 2, 3), _integers(t, 2)),
}


@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
@pytest.mark.parametrize("case", BAD_TARGETS)
def test_bad_targets(case, name):
    if (case, name) == ("integers", "cross_entropy"):
        pytest.skip("the text names a kernel of log_softmax")
    check(lambda t: BAD_TARGETS[case](t, getattr(t.nn.functional, name)), 1e-6)
