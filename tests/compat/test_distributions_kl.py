"""Divergences, transforms and constraints against real PyTorch."""

# ruff: noqa: B023  (functions are called where they are made)

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from distribution_cases import CASES, COMBINED, assert_same, make  # noqa: E402

FIRST = {}
for _name in [*CASES, *COMBINED]:
    FIRST.setdefault(_name.split(" ")[0], []).append(_name)
NAMES = [names[0] for names in FIRST.values()] + ["MultivariateNormal factor", "Independent counts"]


@pytest.mark.parametrize("p", NAMES)
def test_divergences(p):
    def go(t, q):
        return t.distributions.kl_divergence(make(t, p)[0], make(t, q)[0])

    for q in NAMES:
        assert_same(lambda t: go(t, q), 2e-4, 1e-4)


def test_divergence_gradients():
    def go(t):
        a = t.tensor([0.5, 1.5], requires_grad=True)
        b = t.tensor([1.0, 2.0], requires_grad=True)
        d = t.distributions
        pairs = itertools.product(
            (d.Normal(a, b), d.Gamma(a, b), d.Exponential(a), d.Beta(a, b), d.Laplace(a, b)), repeat=2
        )
        total = 0
        for p, q in pairs:
            try:
                each = t.distributions.kl_divergence(p, q)
            except NotImplementedError:
                continue
            total = total + each[t.isfinite(each)].sum()
        total.backward()
        return [total, a.grad, b.grad]

    assert_same(go, 1e-4)


def test_register():
    def go(t):
        class Own(t.distributions.Normal):
            pass

        class Other(t.distributions.Normal):
            pass

        t.distributions.register_kl(Own, t.distributions.Normal)(lambda p, q: "own")
        t.distributions.register_kl(t.distributions.Normal, Other)(lambda p, q: "other")
        own, other = Own(0.0, 1.0), Other(0.0, 1.0)
        found = [t.distributions.kl_divergence(own, own), t.distributions.kl_divergence(own, other)]
        for key in [k for k in t.distributions.kl._KL_REGISTRY if Own in k or Other in k]:
            del t.distributions.kl._KL_REGISTRY[key]
        return found

    assert_same(go)


def transforms(t):
    d = t.distributions
    small = t.tensor([0.5, -1.0, 2.0])
    return [
        d.ExpTransform(),
        d.ExpTransform().inv,
        d.SigmoidTransform(),
        d.SoftplusTransform(),
        d.TanhTransform(),
        d.AbsTransform(),
        d.PowerTransform(t.tensor(2.0)),
        d.PowerTransform(t.tensor([0.5, 2.0, 3.0])),
        d.AffineTransform(1.0, -2.0),
        d.AffineTransform(small, small, event_dim=1),
        d.ComposeTransform([d.ExpTransform(), d.AffineTransform(small, 2.0)]),
        d.ComposeTransform([d.AffineTransform(0.0, 2.0), d.SoftmaxTransform()]),
        d.ComposeTransform([]),
        d.IndependentTransform(d.ExpTransform(), 1),
        d.ReshapeTransform((3,), (3, 1)),
        d.SoftmaxTransform(),
        d.StickBreakingTransform(),
        d.CorrCholeskyTransform(),
        d.CatTransform([d.ExpTransform(), d.transforms.identity_transform], dim=-1, lengths=[1, 2]),
        d.StackTransform([d.ExpTransform(), d.SigmoidTransform(), d.AffineTransform(0.0, 3.0)], dim=-1),
        d.CumulativeDistributionTransform(d.Normal(0.0, 1.0)),
    ]


@pytest.mark.parametrize("index", range(21))
@pytest.mark.parametrize("cache", [0, 1])
def test_transforms(index, cache):
    def go(t):
        transform = transforms(t)[index]
        try:
            transform = transform.with_cache(cache)
        except NotImplementedError:
            return []
        x = t.tensor([[0.3, 1.2, 0.8], [2.0, 0.1, 0.4]])
        y = transform(x)
        back = transform.inv(y)
        found = [
            y, back, repr(transform), repr(transform.inv), transform.bijective, transform.inv.inv is
            transform, transform == transforms(t)[index], transform == t.distributions.ExpTransform(),
            tuple(transform.forward_shape(x.shape)), tuple(transform.inverse_shape(y.shape)),
            transform.domain.event_dim, transform.codomain.event_dim,
        ]  # fmt: skip
        try:
            found.append(transform.log_abs_det_jacobian(x, y))
            found.append(transform.inv.log_abs_det_jacobian(y, back))
            found.append(transform.sign)
        except NotImplementedError:
            found.append("none")
        return found

    assert_same(go, 1e-4)


CONSTRAINTS = (
    "boolean one_hot nonnegative_integer positive_integer real real_vector positive nonnegative "
    "unit_interval "
    "simplex lower_triangular lower_cholesky corr_cholesky square symmetric positive_semidefinite "
    "positive_definite dependent"
).split()
MADE = {
    "integer_interval": lambda c, t: c.integer_interval(0, 3),
    "interval": lambda c, t: c.interval(-1.0, t.tensor(2.0)),
    "half open": lambda c, t: c.half_open_interval(-1.0, 2.0),
    "greater": lambda c, t: c.greater_than(0.5),
    "greater or equal": lambda c, t: c.greater_than_eq(0.5),
    "less": lambda c, t: c.less_than(0.5),
    "multinomial": lambda c, t: c.multinomial(3),
    "independent": lambda c, t: c.independent(c.positive, 2),
    "cat": lambda c, t: c.cat([c.positive, c.real], dim=-1, lengths=[1, 2]),
    "stack": lambda c, t: c.stack([c.positive, c.real, c.unit_interval], dim=-1),
}
INPUTS = [
    [[0.0, 1.0, 0.0], [0.2, 0.3, 0.5], [float("nan"), 1.0, 2.0]],
    [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8]],
    [[2.0, 0.3, 0.1], [0.3, 1.5, 0.2], [0.1, 0.2, 1.0]],
    [[-1.0, 0.5, 3.0]],
    [2.0, 0.0, 1.0],
]


@pytest.mark.parametrize("name", [*CONSTRAINTS, *MADE])
def test_constraints(name):
    def get(t):
        c = t.distributions.constraints
        return MADE[name](c, t) if name in MADE else getattr(c, name)

    for values in INPUTS:
        assert_same(lambda t: get(t).check(t.tensor(values)))
    assert_same(lambda t: [repr(get(t)), get(t).is_discrete, get(t).event_dim])
    for way in ("biject_to", "transform_to"):

        def go(t):
            transform = getattr(t.distributions, way)(get(t))
            x = t.tensor([[0.3, -1.2, 0.8], [2.0, 0.1, 0.4], [0.5, 0.6, 0.7]])
            return [repr(transform), transform(x)]

        assert_same(go, 1e-4)


def test_utils():
    def go(t):
        u = t.distributions.utils
        return [
            u.probs_to_logits(t.tensor([0.0, 0.3, 1.0])),
            u.probs_to_logits(t.tensor([0.3, 0.7]), True),
            u.tril_matrix_to_vec(t.arange(9.0).view(3, 3)),
            u.tril_matrix_to_vec(t.arange(9.0).view(3, 3), -1),
            u.vec_to_tril_matrix(t.arange(6.0)),
            u.vec_to_tril_matrix(t.arange(3.0), -1),
            u.clamp_probs(t.ones(1)),
            list(u.broadcast_all(1, t.ones(2, dtype=t.float64))),
            list(u.broadcast_all(1, 2.5)),
        ]

    assert_same(go)
    assert_same(lambda t: t.distributions.utils.vec_to_tril_matrix(t.arange(5.0)))
    assert_same(lambda t: t.distributions.utils.tril_matrix_to_vec(t.ones(2, 2), 5))
