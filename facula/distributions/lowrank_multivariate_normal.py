"""Normal vectors whose covariance is of low rank and a diagonal."""

from __future__ import annotations

import math
from operator import attrgetter

import facula as torch

from . import constraints
from .distribution import Distribution
from .multivariate_normal import _batch_mahalanobis, _batch_mv
from .utils import (
    _standard_normal,
    lazy_property,
)

__all__ = ["LowRankMultivariateNormal"]


def _batch_capacitance_tril(factor, diag):
    """The Cholesky factor of 1 + W^T D^-1 W, of the size of the rank."""
    inner = (factor.mT / diag.unsqueeze(-2)) @ factor
    return torch.linalg.cholesky(inner + torch.eye(factor.size(-1), dtype=factor.dtype))


def _batch_lowrank_logdet(factor, diag, capacitance_tril):
    """log det(W W^T + D), by the matrix determinant lemma."""
    return 2 * capacitance_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1) + diag.log().sum(-1)


def _batch_lowrank_mahalanobis(factor, diag, x, capacitance_tril):
    """x^T (W W^T + D)^-1 x, by Woodbury's identity."""
    inner = _batch_mv(factor.mT / diag.unsqueeze(-2), x)
    return (x.pow(2) / diag).sum(-1) - _batch_mahalanobis(capacitance_tril, inner)


class LowRankMultivariateNormal(Distribution):
    """Normal vectors with covariance cov_factor @ cov_factor^T + diag(cov_diag).

    Args:
        loc: the means, (..., n).
        cov_factor: (..., n, m).
        cov_diag: positive, (..., n).
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True
    _expanded = {"loc": 1, "cov_diag": 1, "cov_factor": 2}

    def __init__(self, loc, cov_factor, cov_diag, validate_args=None) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError(
                "cov_factor must be at least two-dimensional, with optional leading batch dimensions"
            )
        if cov_factor.shape[-2:-1] != event:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event[0]} x m")
        if cov_diag.shape[-1:] != event:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event}")
        columns = loc.unsqueeze(-1), cov_factor, cov_diag.unsqueeze(-1)
        try:
            loc_, self.cov_factor, diag_ = torch.broadcast_tensors(*columns)
        except RuntimeError as error:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag "
                f"{cov_diag.shape}"
            ) from error
        self.loc, self.cov_diag = loc_[..., 0], diag_[..., 0]
        self._unbroadcasted_cov_factor = cov_factor
        self._unbroadcasted_cov_diag = cov_diag
        self._capacitance_tril = _batch_capacitance_tril(cov_factor, cov_diag)
        super().__init__(self.loc.shape[:-1], event, validate_args=validate_args)

    mean = property(attrgetter("loc"))
    mode = property(attrgetter("loc"))

    def _parts(self):
        return self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag

    def _matrix(self, value):
        return value.expand(self._batch_shape + self._event_shape + self._event_shape)

    @lazy_property
    def variance(self):
        """The variances, (..., n)."""
        factor, diag = self._parts()
        return (factor.pow(2).sum(-1) + diag).expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self):
        """The Cholesky factor of the covariance, (..., n, n)."""
        factor, diag = self._parts()
        root = diag.sqrt().unsqueeze(-1)
        scaled = factor / root
        inner = scaled @ scaled.mT + torch.eye(self._event_shape[0], dtype=factor.dtype)
        return self._matrix(root * torch.linalg.cholesky(inner))

    @lazy_property
    def covariance_matrix(self):
        """The covariance, (..., n, n)."""
        factor, diag = self._parts()
        return self._matrix(factor @ factor.mT + torch.diag_embed(diag))

    @lazy_property
    def precision_matrix(self):
        """The inverse of the covariance, (..., n, n)."""
        factor, diag = self._parts()
        scaled = factor.mT / diag.unsqueeze(-2)
        inner = torch.linalg.solve_triangular(self._capacitance_tril, scaled, upper=False)
        return self._matrix(torch.diag_embed(diag.reciprocal()) - inner.mT @ inner)

    def rsample(self, sample_shape=()):
        factor, diag = self._parts()
        shape = self._extended_shape(sample_shape)
        inner = _standard_normal(shape[:-1] + self.cov_factor.shape[-1:], dtype=self.loc.dtype)
        own = _standard_normal(shape, dtype=self.loc.dtype)
        return self.loc + _batch_mv(factor, inner) + diag.sqrt() * own

    def log_prob(self, value):
        self._check(value)
        distance = _batch_lowrank_mahalanobis(*self._parts(), value - self.loc, self._capacitance_tril)
        log_det = _batch_lowrank_logdet(*self._parts(), self._capacitance_tril)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + log_det + distance)

    def entropy(self):
        log_det = _batch_lowrank_logdet(*self._parts(), self._capacitance_tril)
        entropy = 0.5 * (self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + log_det)
        return entropy.expand(self._batch_shape) if self._batch_shape else entropy
