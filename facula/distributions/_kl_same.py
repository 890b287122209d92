"""Divergences between distributions of one kind."""

from __future__ import annotations

from math import inf

import facula as torch

from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .categorical import Categorical
from .cauchy import Cauchy
from .continuous_bernoulli import ContinuousBernoulli
from .dirichlet import Dirichlet
from .exp_family import ExponentialFamily
from .exponential import Exponential
from .gamma import Gamma
from .geometric import Geometric
from .gumbel import Gumbel
from .half_normal import HalfNormal
from .independent import Independent
from .kl import kl_divergence, register_kl
from .laplace import Laplace
from .lowrank_multivariate_normal import (
    LowRankMultivariateNormal,
    _batch_lowrank_logdet,
    _batch_lowrank_mahalanobis,
)
from .multivariate_normal import MultivariateNormal, _batch_mahalanobis
from .normal import Normal
from .one_hot_categorical import OneHotCategorical
from .pareto import Pareto
from .poisson import Poisson
from .transformed_distribution import TransformedDistribution
from .uniform import Uniform
from .utils import _sum_rightmost, euler_constant

_softplus = torch.nn.functional.softplus


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p, q):
    one = p.probs * (_softplus(-q.logits) - _softplus(-p.logits))
    one = one.masked_fill(q.probs == 0, inf).masked_fill(p.probs == 0, 0)
    zero = (1 - p.probs) * (_softplus(q.logits) - _softplus(p.logits))
    zero = zero.masked_fill(q.probs == 1, inf).masked_fill(p.probs == 1, 0)
    return one + zero


@register_kl(Beta, Beta)
def _beta(p, q):
    p1, p0, q1, q0 = p.concentration1, p.concentration0, q.concentration1, q.concentration0
    total_p, total_q = p1 + p0, q1 + q0
    norm = q1.lgamma() + q0.lgamma() + total_p.lgamma() - (p1.lgamma() + p0.lgamma() + total_q.lgamma())
    slope = (p1 - q1) * p1.digamma() + (p0 - q0) * p0.digamma()
    return norm + slope + (total_q - total_p) * total_p.digamma()


@register_kl(Binomial, Binomial)
def _binomial(p, q):
    if (p.total_count < q.total_count).any():
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count is not implemented"
        )
    each = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    return (p.total_count * each).masked_fill(p.total_count > q.total_count, inf)


@register_kl(Categorical, Categorical)
def _categorical(p, q):
    each = p.probs * (p.logits - q.logits)
    return each.masked_fill(q.probs == 0, inf).masked_fill(p.probs == 0, 0).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p, q):
    return _categorical(p._categorical, q._categorical)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p, q):
    norm_p = p._cont_bern_log_norm() + torch.log1p(-p.probs)
    norm_q = q._cont_bern_log_norm() + torch.log1p(-q.probs)
    return p.mean * (p.logits - q.logits) + norm_p - norm_q


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p, q):
    a, b = p.concentration, q.concentration
    total_a, total_b = a.sum(-1), b.sum(-1)
    norm = total_a.lgamma() - total_b.lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
    return norm + ((a - b) * (a.digamma() - total_a.digamma().unsqueeze(-1))).sum(-1)


@register_kl(Exponential, Exponential)
def _exponential(p, q):
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p, q):
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot                        "
            "     be "
            "computed using Bregman divergences"
        )
    parameters, normalizer, gradients = p._with_gradients()
    result = q._log_normalizer(*q._natural_params) - normalizer
    for mine, other, gradient in zip(parameters, q._natural_params, gradients):
        result = result - _sum_rightmost((other - mine) * gradient, len(q.event_shape))
    return result


@register_kl(Gamma, Gamma)
def _gamma(p, q):
    a, b = p.concentration, q.concentration
    norm = b * (p.rate / q.rate).log() + torch.lgamma(b) - torch.lgamma(a)
    return norm + (a - b) * torch.digamma(a) + (q.rate - p.rate) * (a / p.rate)


@register_kl(Gumbel, Gumbel)
def _gumbel(p, q):
    ratio, shift = p.scale / q.scale, q.loc / q.scale - p.loc / q.scale
    tail = torch.exp(shift + (1 + ratio).lgamma())
    return -ratio.log() - shift + ratio * euler_constant + tail - (1 + euler_constant)


@register_kl(Geometric, Geometric)
def _geometric(p, q):
    return -p.entropy() - torch.log1p(-q.probs) / p.probs - q.logits


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p, q):
    return _normal(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _laplace(p, q):
    ratio, distance = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + distance / q.scale + ratio * torch.exp(-distance / p.scale) - 1


@register_kl(Normal, Normal)
def _normal(p, q):
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(Pareto, Pareto)
def _pareto(p, q):
    ratio = q.alpha / p.alpha
    result = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return result.masked_fill(p.scale < q.scale, inf)


@register_kl(Poisson, Poisson)
def _poisson(p, q):
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p, q):
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Uniform, Uniform)
def _uniform(p, q):
    result = ((q.high - q.low) / (p.high - p.low)).log()
    return result.masked_fill((q.low > p.low) | (q.high < p.high), inf)


@register_kl(Independent, Independent)
def _independent(p, q):
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return _sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(Cauchy, Cauchy)
def _cauchy(p, q):
    # F. Chyzak and F. Nielsen, 2019.
    width = (p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)
    return width.log() - (4 * p.scale * q.scale).log()


def _trace(matrices):
    """The trace of M M^T."""
    return matrices.pow(2).sum((-2, -1))


class _Full:
    """What the divergence of normal vectors asks of one that has a Cholesky factor."""

    def __init__(self, normal) -> None:
        self.tril = normal._unbroadcasted_scale_tril
        self.roots = [self.tril]  # matrices whose M M^T add up to the covariance

    def log_det(self):
        return 2 * self.tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def distance(self, x):
        return _batch_mahalanobis(self.tril, x)

    def trace_of(self, other):
        """The trace of this covariance's inverse times the other's."""
        return sum(
            _trace(torch.linalg.solve_triangular(*_common(self.tril, root), upper=False))
            for root in other.roots
        )


def _common(a, b):
    batch = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return a.expand(batch + a.shape[-2:]), b.expand(batch + b.shape[-2:])


class _LowRank:
    """The same of one whose covariance is of low rank and a diagonal."""

    def __init__(self, normal) -> None:
        self.parts = normal._parts()
        self.capacitance = normal._capacitance_tril
        factor, self.diag = self.parts
        self.roots = [factor, torch.diag_embed(self.diag.sqrt())]

    def log_det(self):
        return _batch_lowrank_logdet(*self.parts, self.capacitance)

    def distance(self, x):
        return _batch_lowrank_mahalanobis(*self.parts, x, self.capacitance)

    def trace_of(self, other):
        factor, diag = self.parts
        scaled = factor.mT / diag.unsqueeze(-2)
        inner = torch.linalg.solve_triangular(self.capacitance, scaled, upper=False)
        weight = diag.rsqrt().unsqueeze(-1)
        return sum(_trace(root * weight) - _trace(inner @ root) for root in other.roots)


def _register_normals() -> None:
    kinds = {MultivariateNormal: (_Full, ""), LowRankMultivariateNormal: (_LowRank, "Low Rank ")}
    for kind_p, (part_p, name_p) in kinds.items():
        for kind_q, (part_q, name_q) in kinds.items():
            name = name_p if name_p == name_q else "(Low Rank) "

            def divergence(p, q, part_p=part_p, part_q=part_q, name=name):
                if p.event_shape != q.event_shape:
                    raise ValueError(
                        f"KL-divergence between two {name}Multivariate Normals with"
                        "                          different event shapes cannot be computed"
                    )
                a, b = part_p(p), part_q(q)
                determinants = b.log_det() - a.log_det()
                return 0.5 * (determinants + b.trace_of(a) + b.distance(q.loc - p.loc) - p.event_shape[0])

            register_kl(kind_p, kind_q)(divergence)


_register_normals()
