"""Distributions for the tests of torch.distributions, and how two libraries' answers are compared."""

from __future__ import annotations

import warnings

import torch

import facula

V = [0.3, 0.9, 0.55]
M = [[2.0, 0.3, 0.1], [0.3, 1.5, 0.2], [0.1, 0.2, 1.0]]
L = [[1.2, 0.0, 0.0], [0.4, 0.9, 0.0], [-0.3, 0.2, 1.1]]

# name: (class, positional and keyword parameters; lists become tensors)
CASES = {
    "Bernoulli": ("Bernoulli", {"probs": V}),
    "Bernoulli logits": ("Bernoulli", {"logits": [-1.0, 0.0, 2.5]}),
    "Bernoulli number": ("Bernoulli", {"probs": 0.3}),
    "Bernoulli ends": ("Bernoulli", {"probs": [0.0, 0.5, 1.0]}),
    "Beta": ("Beta", {"concentration1": [0.5, 2.0, 30.0], "concentration0": [0.7, 3.0, 11.0]}),
    "Beta numbers": ("Beta", {"concentration1": 2.0, "concentration0": 3}),
    "Binomial": ("Binomial", {"total_count": 6, "probs": V}),
    "Binomial counts": ("Binomial", {"total_count": [[3.0], [9.0]], "logits": [-1.0, 0.0, 2.5]}),
    "Categorical": ("Categorical", {"probs": [[1.0, 2.0, 0.0], [0.2, 0.3, 0.5]]}),
    "Categorical logits": ("Categorical", {"logits": [0.1, 2.0, -3.0]}),
    "Cauchy": ("Cauchy", {"loc": V, "scale": [1.0, 2.0, 0.1]}),
    "Chi2": ("Chi2", {"df": [0.4, 3.0, 40.0]}),
    "ContinuousBernoulli": ("ContinuousBernoulli", {"probs": [0.1, 0.5, 0.93]}),
    "ContinuousBernoulli logits": ("ContinuousBernoulli", {"logits": [-2.0, 0.001, 1.0]}),
    "Dirichlet": ("Dirichlet", {"concentration": [[0.5, 2.0, 9.0], [0.3, 0.2, 0.9]]}),
    "Exponential": ("Exponential", {"rate": [0.5, 2.0, 30.0]}),
    "Exponential number": ("Exponential", {"rate": 2}),
    "FisherSnedecor": ("FisherSnedecor", {"df1": [1.0, 5.0, 9.0], "df2": [1.5, 3.0, 11.0]}),
    "Gamma": ("Gamma", {"concentration": [0.2, 2.0, 300.0], "rate": [0.7, 3.0, 11.0]}),
    "GeneralizedPareto": (
        "GeneralizedPareto", {"loc": V, "scale": [1.0, 2.0, 0.5], "concentration": [0.0, 0.3, -0.4]}
    ),
    "Geometric": ("Geometric", {"probs": [0.2, 0.5, 1.0]}),
    "Geometric logits": ("Geometric", {"logits": [-2.0, 0.5, 1.0]}),
    "Gumbel": ("Gumbel", {"loc": V, "scale": [1.0, 2.0, 0.5]}),
    "Gumbel numbers": ("Gumbel", {"loc": 0.5, "scale": 2}),
    "HalfCauchy": ("HalfCauchy", {"scale": [1.0, 2.0, 0.5]}),
    "HalfNormal": ("HalfNormal", {"scale": [1.0, 2.0, 0.5]}),
    "InverseGamma": ("InverseGamma", {"concentration": [0.7, 2.0, 3.0], "rate": [0.7, 3.0, 11.0]}),
    "Kumaraswamy": ("Kumaraswamy", {"concentration1": [0.5, 2.0, 3.0], "concentration0": [0.7, 3.0, 1.5]}),
    "Laplace": ("Laplace", {"loc": V, "scale": [1.0, 2.0, 0.5]}),
    "LKJCholesky": ("LKJCholesky", {"dim": 3, "concentration": [0.5, 1.0, 4.0]}),
    "LKJCholesky number": ("LKJCholesky", {"dim": 2}),
    "LogNormal": ("LogNormal", {"loc": V, "scale": [1.0, 0.4, 0.5]}),
    "LogisticNormal": ("LogisticNormal", {"loc": V, "scale": [1.0, 0.4, 0.5]}),
    "LowRankMultivariateNormal": (
        "LowRankMultivariateNormal",
        {"loc": V, "cov_factor": [[1.0, 0.2], [0.3, -0.4], [0.5, 0.6]], "cov_diag": [1.0, 0.4, 0.5]},
    ),
    "Multinomial": ("Multinomial", {"total_count": 5, "probs": [[1.0, 2.0, 0.5], [0.2, 0.3, 0.5]]}),
    "MultivariateNormal": ("MultivariateNormal", {"loc": [V, V], "covariance_matrix": M}),
    "MultivariateNormal precision": ("MultivariateNormal", {"loc": V, "precision_matrix": M}),
    "MultivariateNormal factor": ("MultivariateNormal", {"loc": V, "scale_tril": [L, L]}),
    "NegativeBinomial": ("NegativeBinomial", {"total_count": [3.0, 0.0, 2.5], "probs": [0.2, 0.5, 0.9]}),
    "Normal": ("Normal", {"loc": V, "scale": [1.0, 2.0, 0.5]}),
    "Normal numbers": ("Normal", {"loc": 0, "scale": 2.0}),
    "Normal broadcast": ("Normal", {"loc": [[0.0], [1.0]], "scale": [1.0, 2.0, 0.5]}),
    "OneHotCategorical": ("OneHotCategorical", {"probs": [[1.0, 2.0, 0.5], [0.2, 0.3, 0.5]]}),
    "OneHotCategoricalStraightThrough": ("OneHotCategoricalStraightThrough", {"logits": V}),
    "Pareto": ("Pareto", {"scale": [1.0, 2.0, 0.5], "alpha": [0.7, 1.5, 4.0]}),
    "Poisson": ("Poisson", {"rate": [0.0, 2.0, 30.0]}),
    "RelaxedBernoulli": ("RelaxedBernoulli", {"temperature": [0.7], "probs": V}),
    "RelaxedOneHotCategorical": ("RelaxedOneHotCategorical", {"temperature": [0.7], "logits": V}),
    "StudentT": ("StudentT", {"df": [0.7, 1.5, 9.0], "loc": V, "scale": [1.0, 2.0, 0.5]}),
    "StudentT number": ("StudentT", {"df": 3.0}),
    "Uniform": ("Uniform", {"low": V, "high": [1.0, 2.0, 3.0]}),
    "VonMises": ("VonMises", {"loc": V, "concentration": [0.7, 1.5, 9.0]}),
    "Weibull": ("Weibull", {"scale": [1.0, 2.0, 0.5], "concentration": [0.7, 1.5, 4.0]}),
    "Wishart": ("Wishart", {"df": [4.0, 7.5], "covariance_matrix": M}),
    "Wishart factor": ("Wishart", {"df": 5.0, "scale_tril": L}),
}  # fmt: skip

# Combinations: functions of the library.
COMBINED = {
    "Independent": lambda t: t.distributions.Independent(
        t.distributions.Normal(t.tensor([V, V]), t.tensor(1.0)), 1
    ),
    "Independent counts": lambda t: t.distributions.Independent(t.distributions.Bernoulli(t.tensor(V)), 0),
    "MixtureSameFamily": lambda t: t.distributions.MixtureSameFamily(
        t.distributions.Categorical(t.tensor([0.2, 0.5, 0.3])),
        t.distributions.Normal(t.tensor([V, V]), t.tensor([1.0, 2.0, 0.5])),
    ),
    "Mixture of vectors": lambda t: t.distributions.MixtureSameFamily(
        t.distributions.Categorical(logits=t.tensor([0.2, 0.5])),
        t.distributions.Independent(t.distributions.Normal(t.tensor([V, [1.0, 2.0, 3.0]]), t.ones(2, 3)), 1),
    ),
    "Transformed": lambda t: t.distributions.TransformedDistribution(
        t.distributions.Normal(t.tensor(V), t.tensor(1.0)),
        [t.distributions.TanhTransform(), t.distributions.AffineTransform(1.0, -2.0)],
    ),
    "Transformed vectors": lambda t: t.distributions.TransformedDistribution(
        t.distributions.MultivariateNormal(t.tensor(V), scale_tril=t.tensor(L)),
        [t.distributions.StickBreakingTransform()],
    ),
    "Transformed and widened": lambda t: t.distributions.TransformedDistribution(
        t.distributions.Normal(t.tensor(0.5), t.tensor(1.0)),
        t.distributions.AffineTransform(t.tensor(V), t.tensor(2.0)),
    ),
}


def make(t, name, grads=False, dtype="float32", **extra):
    """The distribution, and its parameters."""
    if name in COMBINED:
        return COMBINED[name](t), []
    kind, parameters = CASES[name]
    leaves = []
    values = {}
    for key, value in parameters.items():
        if isinstance(value, list):
            value = t.tensor(value, dtype=getattr(t, dtype), requires_grad=grads)
            leaves.append(value)
        values[key] = value
    return getattr(t.distributions, kind)(**values, **extra), leaves


class Failed(tuple):
    """The type and text of an error."""


def outcome(action, t):
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            value = action(t)
        except Exception as error:
            return Failed((type(error).__name__, str(error).replace("facula", "torch"))), []
    return value, [str(w.message) for w in warned]


def plain(value):
    if isinstance(value, (tuple, list)):
        return [plain(v) for v in value]
    if hasattr(value, "detach"):
        value = value.detach()
        return torch.tensor(value.tolist(), dtype=getattr(torch, str(value.dtype).split(".")[1])).view(
            tuple(value.shape)
        )
    return value


def assert_same(action, rtol=2e-5, atol=2e-5):
    (theirs, warned), (ours, our_warnings) = outcome(action, torch), outcome(action, facula)
    if isinstance(theirs, Failed):
        # What facula knows better stands after PyTorch's text.
        assert isinstance(ours, Failed) and ours[0] == theirs[0] and ours[1].startswith(theirs[1]), (
            ours,
            theirs,
        )
        return ours
    compare(plain(ours), plain(theirs), rtol, atol)
    assert our_warnings == warned
    return ours


def compare(ours, theirs, rtol, atol):
    assert type(ours) is type(theirs), (ours, theirs)
    if isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs):
            compare(a, b, rtol, atol)
    elif isinstance(theirs, torch.Tensor):
        torch.testing.assert_close(ours, theirs, rtol=rtol, atol=atol, equal_nan=True)
    else:
        assert ours == theirs
