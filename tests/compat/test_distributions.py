"""torch.distributions against real PyTorch: every class, its values, samples, gradients, errors and texts."""

# ruff: noqa: B023  (functions are called where they are made)

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from distribution_cases import CASES, COMBINED, assert_same, make  # noqa: E402

import facula  # noqa: E402

EVERY = [*CASES, *COMBINED]


@pytest.mark.parametrize("name", EVERY)
def test_parameters_and_shapes(name):
    def describe(t):
        d, _ = make(t, name)
        arguments = sorted(d.arg_constraints) if name not in COMBINED else []
        return [
            repr(d),
            tuple(d.batch_shape),
            tuple(d.event_shape),
            d.has_rsample,
            d.has_enumerate_support,
            repr(d.support),
            [[a, repr(d.arg_constraints[a])] for a in arguments],
            [getattr(d, a) for a in arguments],
            d.support.event_dim,
            d.support.is_discrete,
            type(d).__mro__[1].__name__ != "object",
        ]

    assert_same(describe)


@pytest.mark.parametrize("what", ["mean", "mode", "variance", "stddev"])
@pytest.mark.parametrize("name", EVERY)
def test_moments(name, what):
    assert_same(lambda t: getattr(make(t, name)[0], what), 1e-4)


@pytest.mark.parametrize("name", EVERY)
def test_entropy_and_support(name):
    assert_same(lambda t: make(t, name)[0].entropy(), 1e-4)
    assert_same(lambda t: make(t, name)[0].perplexity(), 1e-4)
    for expand in (True, False):
        assert_same(lambda t: make(t, name)[0].enumerate_support(expand))


@pytest.mark.parametrize("name", EVERY)
def test_samples(name):
    def draw(t):
        t.manual_seed(11)
        d, _ = make(t, name)
        return [d.sample(), d.sample((4,)), d.sample(t.Size([2, 3])), t.rand(2)]

    assert_same(draw, 1e-4)


def values_of(t, name):
    torch.manual_seed(3)
    samples = make(torch, name)[0].sample((5,))
    return t.tensor(samples.tolist(), dtype=getattr(t, str(samples.dtype).split(".")[1]))


@pytest.mark.parametrize("name", EVERY)
def test_probabilities(name):
    assert_same(lambda t: make(t, name)[0].log_prob(values_of(t, name)), 1e-4, 1e-4)
    assert_same(lambda t: make(t, name)[0].cdf(values_of(t, name)), 1e-4)
    assert_same(lambda t: make(t, name)[0].icdf(t.tensor([[0.1], [0.5], [0.98]])), 1e-4)


@pytest.mark.parametrize("name", list(CASES))
def test_gradients_of_probabilities(name):
    def gradients(t):
        d, leaves = make(t, name, grads=True)
        leaves = [x for x in leaves if x.requires_grad]
        d.log_prob(values_of(t, name)).sum().backward()
        return [x.grad for x in leaves]

    assert_same(gradients, 1e-3, 1e-4)


# PyTorch 2.13 refuses the gradient of Wishart's samples: it has written to what the gradient reads.
REPARAMETERIZED = [n for n in CASES if make(torch, n)[0].has_rsample and not n.startswith("Wishart")]
# PyTorch approximates these derivatives to about three digits, facula computes them.
IMPLICIT = {
    "Beta",
    "Beta numbers",
    "Chi2",
    "Dirichlet",
    "FisherSnedecor",
    "Gamma",
    "InverseGamma",
    "StudentT",
}


@pytest.mark.parametrize("name", REPARAMETERIZED)
def test_gradients_of_samples(name):
    def gradients(t):
        t.manual_seed(4)
        d, leaves = make(t, name, grads=True, dtype="float64")
        x = d.rsample((6,))
        weights = t.arange(1.0, x.numel() + 1).view(x.shape)
        (x * weights).clamp(-1e6, 1e6).sum().backward()
        return [x.grad for x in leaves]

    assert_same(gradients, 1e-2 if name in IMPLICIT else 1e-5)


@pytest.mark.parametrize("name", EVERY)
def test_expand(name):
    def widen(t):
        d, _ = make(t, name)
        wide = d.expand(t.Size([2]) + d.batch_shape)
        t.manual_seed(2)
        return [
            repr(wide),
            tuple(wide.batch_shape),
            tuple(wide.event_shape),
            wide.sample(),
            wide.log_prob(wide.sample((3,))),
            type(wide) is type(d),
            wide._validate_args,
        ]

    assert_same(widen, 1e-3, 1e-3)


@pytest.mark.parametrize("name", list(CASES))
def test_bad_values(name):
    for value in (float("nan"), -7.5, 1e9):
        assert_same(lambda t: make(t, name)[0].log_prob(t.full((3,), value)))
    assert_same(lambda t: make(t, name)[0].log_prob(t.ones(7, 5)))
    assert_same(lambda t: make(t, name)[0].log_prob(3.0), 1e-4)


@pytest.mark.parametrize("name", list(CASES))
def test_bad_parameters(name):
    kind, parameters = CASES[name]
    for key, value in parameters.items():
        for bad in (float("nan"), -3.0):
            if not isinstance(value, list):
                continue

            def build(t):
                values = {k: t.tensor(v) if isinstance(v, list) else v for k, v in parameters.items()}
                values[key] = t.full_like(values[key], bad)
                return repr(getattr(t.distributions, kind)(**values))

            assert_same(build)


@pytest.mark.parametrize("name", list(CASES))
def test_without_validation(name):
    def go(t):
        d, _ = make(t, name, validate_args=False)
        return [d._validate_args, d.expand(t.Size([2]) + d.batch_shape)._validate_args]

    assert_same(go)


def test_signatures():
    for name in torch.distributions.__all__:
        theirs, ours = getattr(torch.distributions, name), getattr(facula.distributions, name)
        if isinstance(theirs, type):
            parameters = [list(inspect.signature(c).parameters) for c in (ours, theirs)]
            assert parameters[0] == parameters[1], name
            assert ours.__module__.split(".", 1)[1] == theirs.__module__.split(".", 1)[1], name


OTHER_ERRORS = {
    "both": lambda t, d: d.Bernoulli(0.5, 0.5),
    "neither": lambda t, d: d.Categorical(),
    "0-d": lambda t, d: d.Categorical(t.tensor(1.0)),
    "0-d logits": lambda t, d: d.Categorical(logits=t.tensor(1.0)),
    "dirichlet": lambda t, d: d.Dirichlet(t.tensor(1.0)),
    "no tensor": lambda t, d: d.Normal("a", 1.0),
    "geometric": lambda t, d: d.Geometric(t.tensor([0.0, 0.5])),
    "lkj": lambda t, d: d.LKJCholesky(1),
    "normal": lambda t, d: d.MultivariateNormal(t.zeros(2)),
    "normal 0-d": lambda t, d: d.MultivariateNormal(t.tensor(0.0), t.eye(2)),
    "normal 1-d": lambda t, d: d.MultivariateNormal(t.zeros(2), t.ones(2)),
    "normal tril 1-d": lambda t, d: d.MultivariateNormal(t.zeros(2), scale_tril=t.ones(2)),
    "normal not definite": lambda t, d: d.MultivariateNormal(t.zeros(2), -t.eye(2)),
    "low rank": lambda t, d: d.LowRankMultivariateNormal(t.zeros(2), t.ones(3, 1), t.ones(2)),
    "low rank diag": lambda t, d: d.LowRankMultivariateNormal(t.zeros(2), t.ones(2, 1), t.ones(3)),
    "low rank batch": lambda t, d: d.LowRankMultivariateNormal(t.zeros(3, 2), t.ones(2, 2, 1), t.ones(2)),
    "wishart": lambda t, d: d.Wishart(1.0, t.eye(3)),
    "wishart none": lambda t, d: d.Wishart(4.0),
    "multinomial": lambda t, d: d.Multinomial(t.tensor([3]), t.ones(2)),
    "mixture": lambda t, d: d.MixtureSameFamily(d.Normal(0.0, 1.0), d.Normal(0.0, 1.0)),
    "mixture parts": lambda t, d: d.MixtureSameFamily(d.Categorical(t.ones(2)), 3),
    "mixture count": lambda t, d: d.MixtureSameFamily(d.Categorical(t.ones(2)), d.Normal(t.zeros(3), 1.0)),
    "mixture batch": lambda t, d: d.MixtureSameFamily(
        d.Categorical(t.ones(4, 3)), d.Normal(t.zeros(2, 3), 1.0)
    ),
    "independent": lambda t, d: d.Independent(d.Normal(0.0, 1.0), 1),
    "transformed": lambda t, d: d.TransformedDistribution(d.Normal(0.0, 1.0), 3),
    "transformed list": lambda t, d: d.TransformedDistribution(d.Normal(0.0, 1.0), [3]),
    "transformed dims": lambda t, d: d.TransformedDistribution(
        d.Normal(0.0, 1.0), d.StickBreakingTransform()
    ),
    "cache": lambda t, d: d.ExpTransform(cache_size=2),
    "counts": lambda t, d: d.Binomial(t.tensor([2.0, 3.0]), t.tensor(0.5)).enumerate_support(),
    "default": lambda t, d: d.Distribution.set_default_validate_args(3),
    "abstract": lambda t, d: d.Distribution().sample(),
    "abstract expand": lambda t, d: d.Distribution(validate_args=False).expand((2,)),
    "subclass": lambda t, d: type(
        "Own", (d.Normal,), {"__init__": lambda s: d.Normal.__init__(s, 0.0, 1.0)})()
    .expand((2,)),
    "sample_n": lambda t, d: d.Normal(t.zeros(2), 0.0001 * t.ones(2)).sample_n(2).shape,
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER_ERRORS)
def test_errors(name):
    assert_same(lambda t: OTHER_ERRORS[name](t, t.distributions))
