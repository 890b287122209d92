"""Divergences between distributions of different kinds: -entropy(p) - E_p[log q], or infinite."""

from __future__ import annotations

import math
from math import inf

import facula as torch

from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .continuous_bernoulli import ContinuousBernoulli
from .exponential import Exponential
from .gamma import Gamma
from .gumbel import Gumbel
from .kl import register_kl
from .laplace import Laplace
from .normal import Normal
from .pareto import Pareto
from .poisson import Poisson
from .uniform import Uniform
from .utils import euler_constant

# Where p has values that q excludes: p, its parameter that gives the shape, and the kinds of q.
_INFINITE = [
    (Beta, "concentration1", (Pareto,)),
    (ContinuousBernoulli, "probs", (Pareto,)),
    (Exponential, "rate", (Beta, ContinuousBernoulli, Pareto, Uniform)),
    (Gamma, "concentration", (Beta, ContinuousBernoulli, Pareto, Uniform)),
    (Gumbel, "loc", (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Laplace, "loc", (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Normal, "loc", (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Pareto, "scale", (Beta, ContinuousBernoulli, Uniform)),
    (Poisson, "rate", (Bernoulli, Binomial)),
]
for _p, _parameter, _others in _INFINITE:
    for _q in _others:
        register_kl(_p, _q)(lambda p, q, name=_parameter: torch.full_like(getattr(p, name), inf))


def _cross_normal(q, mean, square):
    """-E[log q] of a normal q, for a variable with this mean and mean square."""
    variance = q.scale.pow(2)
    return 0.5 * (variance * 2 * math.pi).log() + (square / 2 - mean * q.loc + q.loc.pow(2) / 2) / variance


def _cross_gamma(q, mean, log_mean):
    """-E[log q] of a gamma q, for a variable with this mean, and this mean of its logarithm."""
    norm = q.concentration.lgamma() - q.concentration * q.rate.log()
    return norm - (q.concentration - 1) * log_mean + q.rate * mean


def _cross_gumbel(q, mean, tail):
    """-E[log q] of a Gumbel q, for a variable x with this mean, and this mean of exp(-x / scale)."""
    shift = q.loc / q.scale
    return q.scale.log() + mean / q.scale - shift + torch.exp(shift) * tail


def _cross_continuous_bernoulli(q, mean):
    return -mean * q.logits - torch.log1p(-q.probs) - q._cont_bern_log_norm()


def _x_log_x(x):
    return torch.special.xlogy(x, x)


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p, q):
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@register_kl(Beta, ContinuousBernoulli)
def _beta_continuous_bernoulli(p, q):
    return -p.entropy() + _cross_continuous_bernoulli(q, p.mean)


@register_kl(Beta, Exponential)
def _beta_exponential(p, q):
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(Beta, Gamma)
def _beta_gamma(p, q):
    log_mean = p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()
    return -p.entropy() + _cross_gamma(q, p.mean, log_mean)


@register_kl(Beta, Normal)
def _beta_normal(p, q):
    return -p.entropy() + _cross_normal(q, p.mean, p.variance + p.mean.pow(2))


@register_kl(Beta, Uniform)
def _beta_uniform(p, q):
    result = -p.entropy() + (q.high - q.low).log()
    return result.masked_fill((q.low > 0) | (q.high < 1), inf)


@register_kl(ContinuousBernoulli, Exponential)
def _continuous_bernoulli_exponential(p, q):
    return -p.entropy() - torch.log(q.rate) + q.rate * p.mean


@register_kl(ContinuousBernoulli, Normal)
def _continuous_bernoulli_normal(p, q):
    return -p.entropy() + _cross_normal(q, p.mean, p.variance + p.mean.square())


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p, q):
    # PyTorch's condition, which takes the bounds of p themselves for excluded.
    result = -p.entropy() + (q.high - q.low).log()
    return result.masked_fill((q.low >= 0) | (q.high <= 1), inf)


@register_kl(Exponential, Gamma)
def _exponential_gamma(p, q):
    return -p.entropy() + _cross_gamma(q, p.mean, -euler_constant - p.rate.log())


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p, q):
    product = p.rate * q.scale
    return -p.entropy() + _cross_gumbel(q, p.mean, product / (product + 1))


@register_kl(Exponential, Normal)
def _exponential_normal(p, q):
    return -p.entropy() + _cross_normal(q, p.mean, 2 * p.variance)


@register_kl(Gamma, Exponential)
def _gamma_exponential(p, q):
    return -p.entropy() - q.rate.log() + q.rate * p.mean


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p, q):
    tail = (1 + (p.rate * q.scale).reciprocal()).pow(-p.concentration)
    return -p.entropy() + _cross_gumbel(q, p.mean, tail)


@register_kl(Gamma, Normal)
def _gamma_normal(p, q):
    return -p.entropy() + _cross_normal(q, p.mean, p.variance + p.mean.pow(2))


@register_kl(Gumbel, Normal)
def _gumbel_normal(p, q):
    return -p.entropy() + _cross_normal(q, p.mean, p.variance + p.mean.pow(2))


@register_kl(Laplace, Normal)
def _laplace_normal(p, q):
    return -p.entropy() + _cross_normal(q, p.mean, p.variance + p.mean.pow(2))


@register_kl(Normal, Gumbel)
def _normal_gumbel(p, q):
    tail = torch.exp(-p.loc / q.scale + 0.5 * (p.scale / q.scale).pow(2))
    return -p.entropy() + _cross_gumbel(q, p.loc, tail)


@register_kl(Normal, Laplace)
def _normal_laplace(p, q):
    distance = p.loc - q.loc
    z = distance / p.scale
    spread = math.sqrt(2 / math.pi) * p.scale * torch.exp(-0.5 * z.pow(2))
    mean_distance = spread + distance * torch.erf(math.sqrt(0.5) * z)
    return -p.entropy() + torch.log(2 * q.scale) + mean_distance / q.scale


def _pareto_mean(p):
    return p.alpha * p.scale / (p.alpha - 1)


@register_kl(Pareto, Exponential)
def _pareto_exponential(p, q):
    result = -p.entropy() - q.rate.log() + q.rate * _pareto_mean(p)
    return result.masked_fill(p.alpha <= 1, inf)


@register_kl(Pareto, Gamma)
def _pareto_gamma(p, q):
    log_mean = p.scale.log() + p.alpha.reciprocal()
    result = -p.entropy() + _cross_gamma(q, _pareto_mean(p), log_mean)
    return result.masked_fill(p.alpha <= 1, inf)


@register_kl(Pareto, Normal)
def _pareto_normal(p, q):
    square = p.alpha * p.scale.pow(2) / (p.alpha - 2)
    result = -p.entropy() + _cross_normal(q, _pareto_mean(p), square)
    return result.masked_fill(p.alpha <= 2, inf)


@register_kl(Uniform, Beta)
def _uniform_beta(p, q):
    width, a, b = p.high - p.low, q.concentration1, q.concentration0
    log_x = (_x_log_x(p.high) - _x_log_x(p.low) - width) / width
    log_rest = (_x_log_x(1 - p.low) - _x_log_x(1 - p.high) - width) / width
    norm = a.lgamma() + b.lgamma() - (a + b).lgamma()
    result = norm - torch.log(width) - (a - 1) * log_x - (b - 1) * log_rest
    return result.masked_fill((p.high > 1) | (p.low < 0), inf)


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p, q):
    result = -p.entropy() + _cross_continuous_bernoulli(q, p.mean)
    return result.masked_fill((p.high >= 1) | (p.low <= 0), inf)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p, q):
    result = -p.entropy() - q.rate.log() + q.rate * p.mean
    return result.masked_fill(p.low < 0, inf)


@register_kl(Uniform, Gamma)
def _uniform_gamma(p, q):
    width = p.high - p.low
    log_mean = (_x_log_x(p.high) - _x_log_x(p.low) - width) / width
    result = -p.entropy() + _cross_gamma(q, p.mean, log_mean)
    return result.masked_fill(p.low < 0, inf)


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p, q):
    low, high = -p.low / q.scale, -p.high / q.scale
    tail = (torch.exp(low) - torch.exp(high)) * q.scale / (p.high - p.low)
    return -p.entropy() + _cross_gumbel(q, p.mean, tail)


@register_kl(Uniform, Normal)
def _uniform_normal(p, q):
    return -p.entropy() + _cross_normal(q, p.mean, p.variance + p.mean.pow(2))


@register_kl(Uniform, Pareto)
def _uniform_pareto(p, q):
    width = p.high - p.low
    log_mean = (_x_log_x(p.high) - _x_log_x(p.low) - width) / width
    result = (q.alpha + 1) * log_mean - (q.alpha * q.scale.pow(q.alpha) * width).log()
    return result.masked_fill(p.low < q.scale, inf)
