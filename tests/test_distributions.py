"""torch.distributions without PyTorch: densities have mass one, samples follow them, derivatives are
right.
"""

from __future__ import annotations

import math
import pickle

import pytest

import facula as torch
from facula import distributions as d

CONTINUOUS = {
    "Beta": (lambda: d.Beta(2.0, 3.0), 0.0, 1.0),
    "Cauchy": (lambda: d.Cauchy(0.0, 1.0), -1000.0, 1000.0),
    "Chi2": (lambda: d.Chi2(3.0), 0.0, 60.0),
    "ContinuousBernoulli": (lambda: d.ContinuousBernoulli(0.2), 0.0, 1.0),
    "Exponential": (lambda: d.Exponential(2.0), 0.0, 30.0),
    "FisherSnedecor": (lambda: d.FisherSnedecor(6.0, 30.0), 0.0, 60.0),
    "Gamma": (lambda: d.Gamma(2.5, 3.0), 0.0, 30.0),
    "GeneralizedPareto": (lambda: d.GeneralizedPareto(0.5, 1.0, -0.4), 0.5, 2.9),
    "Gumbel": (lambda: d.Gumbel(0.5, 1.0), -8.0, 40.0),
    "HalfNormal": (lambda: d.HalfNormal(2.0), 0.0, 30.0),
    "InverseGamma": (lambda: d.InverseGamma(5.0, 3.0), 0.0, 60.0),
    "Kumaraswamy": (lambda: d.Kumaraswamy(2.0, 3.0), 0.0, 1.0),
    "Laplace": (lambda: d.Laplace(1.0, 0.5), -20.0, 20.0),
    "LogNormal": (lambda: d.LogNormal(0.2, 0.5), 0.0, 60.0),
    "Normal": (lambda: d.Normal(1.0, 0.5), -9.0, 11.0),
    "Pareto": (lambda: d.Pareto(1.0, 6.0), 1.0, 60.0),
    "RelaxedBernoulli": (lambda: d.RelaxedBernoulli(torch.tensor(2.0), 0.3), 0.0, 1.0),
    "StudentT": (lambda: d.StudentT(9.0, 1.0, 0.5), -60.0, 60.0),
    "Uniform": (lambda: d.Uniform(-1.0, 2.0), -1.0, 2.0),
    "VonMises": (lambda: d.VonMises(0.5, 2.0), -math.pi, math.pi),
    "Weibull": (lambda: d.Weibull(2.0, 1.5), 0.0, 60.0),
    "MixtureSameFamily": (
        lambda: d.MixtureSameFamily(
            d.Categorical(torch.tensor([0.3, 0.7])), d.Normal(torch.tensor([0.0, 3.0]), 1.0)
        ),
        -9.0,
        12.0,
    ),
}


def midpoints(low: float, high: float, count: int = 400_001):
    step = (high - low) / count
    return low + step * (torch.arange(count, dtype=torch.float64) + 0.5), step


@pytest.mark.parametrize("name", CONTINUOUS)
def test_densities(name):
    make, low, high = CONTINUOUS[name]
    dist = make()
    dist._validate_args = False
    x, step = midpoints(low, high)
    density = dist.log_prob(x).exp()
    assert float(density.sum() * step) == pytest.approx(1, abs=2e-3)
    if name in ("Cauchy", "VonMises", "RelaxedBernoulli"):
        return
    mean = float((density * x).sum() * step)
    assert float(dist.mean) == pytest.approx(mean, rel=2e-3, abs=1e-3)
    spread = float((density * (x - mean) ** 2).sum() * step)
    assert float(dist.variance) == pytest.approx(spread, rel=1e-2)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_cumulative_probabilities(name):
    make, low, high = CONTINUOUS[name]
    dist = make()
    dist._validate_args = False
    getattr(dist, "base_dist", dist)._validate_args = False
    x, step = midpoints(low, high)
    try:
        found = dist.cdf(x[::50_000]).double()
    except NotImplementedError:
        pytest.skip("no cumulative probability in closed form")
    summed = (dist.log_prob(x).exp().cumsum(0) * step)[::50_000]
    assert float((found - summed).abs().max()) < 3e-3
    try:
        back = dist.icdf(torch.tensor([0.1, 0.5, 0.9]))
    except NotImplementedError:
        return
    assert dist.cdf(back).tolist() == pytest.approx([0.1, 0.5, 0.9], abs=1e-4)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_samples_follow_the_density(name):
    torch.manual_seed(0)
    dist = CONTINUOUS[name][0]()
    sample = dist.sample((20_000,))
    assert dist.support.check(sample).all()
    if name not in ("Cauchy", "VonMises", "RelaxedBernoulli"):
        deviation = float(dist.stddev) / 20_000**0.5
        assert abs(float(sample.mean()) - float(dist.mean)) < 5 * deviation


DISCRETE = {
    "Bernoulli": lambda: d.Bernoulli(0.3),
    "Binomial": lambda: d.Binomial(7, torch.tensor(0.3)),
    "Categorical": lambda: d.Categorical(torch.tensor([1.0, 2.0, 3.0])),
    "OneHotCategorical": lambda: d.OneHotCategorical(torch.tensor([1.0, 2.0, 3.0])),
}


@pytest.mark.parametrize("name", DISCRETE)
def test_probabilities_sum_to_one(name):
    dist = DISCRETE[name]()
    log_prob = dist.log_prob(dist.enumerate_support())
    assert float(log_prob.exp().sum()) == pytest.approx(1, abs=1e-5)
    assert float(dist.entropy()) == pytest.approx(float(-(log_prob.exp() * log_prob).sum()), abs=1e-5)


def test_counts_sum_to_one():
    k = torch.arange(400.0)
    for dist in (d.Poisson(9.0), d.Geometric(0.2), d.NegativeBinomial(3.0, 0.6)):
        assert float(dist.log_prob(k).exp().sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("a", [0.3, 2.0, 50.0])
def test_gamma_samples_move_as_the_cumulative_probability_says(a):
    shape = torch.tensor([a] * 5, dtype=torch.float64, requires_grad=True)
    torch.manual_seed(1)
    x = torch._standard_gamma(shape)
    (slope,) = torch.autograd.grad(x.sum(), shape)
    x, h = x.detach(), a * 1e-5
    change = torch.special.gammainc(shape.detach() + h, x) - torch.special.gammainc(shape.detach() - h, x)
    density = d.Gamma(shape.detach(), 1.0).log_prob(x).exp()
    assert slope.tolist() == pytest.approx((-change / (2 * h) / density).tolist(), rel=1e-5)


def test_beta_gradients_are_those_of_the_mean():
    torch.manual_seed(2)
    a = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    b = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    mean = d.Beta(a, b).rsample((40_000,)).mean()
    slopes = torch.autograd.grad(mean, (a, b))
    assert float(slopes[0]) == pytest.approx(3 / 25, rel=0.03)
    assert float(slopes[1]) == pytest.approx(-2 / 25, rel=0.03)


def test_divergences_are_means_over_samples():
    torch.manual_seed(3)
    pairs = [
        (d.Normal(0.0, 1.0), d.Laplace(0.5, 2.0)),
        (d.Gamma(2.0, 1.0), d.Exponential(0.7)),
        (d.Beta(2.0, 3.0), d.Normal(0.2, 0.9)),
        (d.Uniform(0.2, 0.9), d.Beta(2.0, 1.5)),
        (d.Gumbel(0.0, 1.0), d.Normal(0.5, 1.5)),
        (d.Poisson(3.0), d.Poisson(4.0)),
    ]
    for p, q in pairs:
        x = p.sample((50_000,))
        mean = float((p.log_prob(x) - q.log_prob(x)).mean())
        assert float(d.kl_divergence(p, q)) == pytest.approx(mean, abs=0.02)
    with pytest.raises(NotImplementedError, match="No KL"):
        d.kl_divergence(d.Cauchy(0.0, 1.0), d.Normal(0.0, 1.0))


def test_jacobians():
    x = torch.randn(4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for transform in (d.SigmoidTransform(), d.TanhTransform(), d.SoftplusTransform(), d.ExpTransform()):
        y = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(transform(y).sum(), y)
        assert slope.log().tolist() == pytest.approx(transform.log_abs_det_jacobian(x, transform(x)).tolist())
    made = d.StickBreakingTransform()(x)
    assert float(made.sum()) == pytest.approx(1) and (made > 0).all()
    assert d.StickBreakingTransform().inv(made).tolist() == pytest.approx(x.tolist())


def test_caches():
    calls = []

    class Counted(d.transforms.ExpTransform):
        def _inverse(self, y):
            calls.append(1)
            return y.log()

    transform = Counted(cache_size=1)
    x = torch.tensor([1.0])
    assert transform.inv(transform(x)) is x and not calls


def test_errors_say_what_is_wrong():
    with pytest.raises(
        ValueError, match=r"Expected parameter scale .* to satisfy the constraint GreaterThan"
    ):
        d.Normal(0.0, torch.tensor([1.0, -1.0]))
    with pytest.raises(ValueError, match="within the support"):
        d.Exponential(1.0).log_prob(torch.tensor(-1.0))
    with pytest.raises(NotImplementedError, match="does not implement mode"):
        d.LogisticNormal(torch.zeros(2), torch.ones(2)).mode  # noqa: B018
    assert d.Normal(0.0, -1.0, validate_args=False).scale == -1


def test_expand_shares_memory():
    loc = torch.zeros(3)
    wide = d.Normal(loc, 1.0).expand((4, 3))
    assert wide.batch_shape == (4, 3) and wide.loc.data_ptr() == loc.data_ptr()


def test_pickle():
    kept = pickle.loads(pickle.dumps(d.TransformedDistribution(d.Normal(0.0, 1.0), [d.TanhTransform()])))
    assert float(kept.log_prob(torch.tensor(0.5))) == pytest.approx(-0.7821, abs=1e-3)
