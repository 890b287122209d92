"""Normal vectors."""

from __future__ import annotations

import math
from operator import attrgetter

import facula as torch

from . import constraints
from .distribution import Distribution
from .utils import (
    _standard_normal,
    lazy_property,
)

__all__ = ["MultivariateNormal"]


def _batch_mv(matrices, vectors):
    """Products of matrices and vectors of broadcastable batches."""
    return torch.matmul(matrices, vectors.unsqueeze(-1)).squeeze(-1)


def _batch_mahalanobis(tril, x):
    """x^T (L L^T)^-1 x for vectors (..., n) and factors (..., n, n) of broadcastable batches."""
    if tril.dim() == 2:
        # One factor for all vectors: they are the columns of one system.
        columns = x.reshape(-1, x.size(-1)).mT
        return torch.linalg.solve_triangular(tril, columns, upper=False).pow(2).sum(0).reshape(x.shape[:-1])
    return torch.linalg.solve_triangular(tril, x.unsqueeze(-1), upper=False).pow(2).sum((-2, -1))


def _precision_to_scale_tril(precision):
    """The Cholesky factor of the inverse: that of the matrix with both orders reversed, reversed and
    inverted.
    """
    factor = torch.linalg.cholesky(torch.flip(precision, (-2, -1)))
    inverse = torch.flip(factor, (-2, -1)).mT
    identity = torch.eye(precision.shape[-1], dtype=precision.dtype)
    return torch.linalg.solve_triangular(inverse, identity, upper=False)


def _one_of(error, **matrices):
    """(name, matrix) of the one that is given; `error` is raised where it is not exactly one."""
    given = [(name, value) for name, value in matrices.items() if value is not None]
    if len(given) != 1:
        raise error("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
    return given[0]


def _factor(name, matrix):
    """The Cholesky factor of the covariance that the matrix of this name describes."""
    if name == "scale_tril":
        return matrix
    return torch.linalg.cholesky(matrix) if name == "covariance_matrix" else _precision_to_scale_tril(matrix)


class MultivariateNormal(Distribution):
    """Normal vectors.

    Args:
        loc: the means, (..., n).
        covariance_matrix, precision_matrix, scale_tril: one of the covariance, its inverse, and its Cholesky
            factor, which is what all computations use; (..., n, n).
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True
    _expanded = {"loc": 1, "covariance_matrix": 2, "scale_tril": 2, "precision_matrix": 2}

    def __init__(
        self, loc, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args=None
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        name, value = _one_of(
            ValueError,
            covariance_matrix=covariance_matrix,
            scale_tril=scale_tril,
            precision_matrix=precision_matrix,
        )
        if value.dim() < 2:
            kind = "scale_tril matrix" if name == "scale_tril" else name
            raise ValueError(
                f"{kind} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch = torch.broadcast_shapes(value.shape[:-2], loc.shape[:-1])
        setattr(self, name, value.expand(batch + (-1, -1)))
        self.loc = loc.expand(batch + (-1,))
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = _factor(name, value)

    def _matrix(self, value):
        return value.expand(self._batch_shape + self._event_shape + self._event_shape)

    @lazy_property
    def scale_tril(self):
        """The Cholesky factor of the covariance."""
        return self._matrix(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self):
        """The covariance."""
        return self._matrix(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self):
        """The inverse of the covariance."""
        return self._matrix(torch.cholesky_inverse(self._unbroadcasted_scale_tril))

    mean = property(attrgetter("loc"))
    mode = property(attrgetter("loc"))

    @property
    def variance(self):
        square = self._unbroadcasted_scale_tril.pow(2).sum(-1)
        return square.expand(self._batch_shape + self._event_shape)

    def rsample(self, sample_shape=()):
        noise = _standard_normal(self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + _batch_mv(self._unbroadcasted_scale_tril, noise)

    def _half_log_det(self):
        return self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def log_prob(self, value):
        self._check(value)
        distance = _batch_mahalanobis(self._unbroadcasted_scale_tril, value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance) - self._half_log_det()

    def entropy(self):
        entropy = 0.5 * self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._half_log_det()
        return entropy.expand(self._batch_shape) if self._batch_shape else entropy
