"""Random positive definite matrices."""

from __future__ import annotations

import math
from math import nan

import facula as torch

from . import constraints
from .chi2 import Chi2
from .exp_family import ExponentialFamily
from .multivariate_normal import _factor, _one_of
from .utils import (
    _Number,
    lazy_property,
)

__all__ = ["Wishart"]


class Wishart(ExponentialFamily):
    """Sums of outer products of `df` normal vectors, for real `df` too.

    Sampled with Bartlett's decomposition (W. B. Smith and R. R. Hocking, "Algorithm AS 53", 1972).

    Args:
        df: more than n - 1.
        covariance_matrix, precision_matrix, scale_tril: one of the covariance of the vectors, its
            inverse, and its Cholesky factor; (..., n, n).
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0
    _expanded = {
        "df": 0,
        "covariance_matrix": 2,
        "precision_matrix": 2,
        "scale_tril": 2,
        "_unbroadcasted_scale_tril": 2,
        "_dist_chi2": 1,
    }

    @property
    def arg_constraints(self):
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self.event_shape[-1] - 1),
        }

    def __init__(
        self, df, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args=None
    ) -> None:
        name, value = _one_of(
            AssertionError,
            covariance_matrix=covariance_matrix,
            precision_matrix=precision_matrix,
            scale_tril=scale_tril,
        )
        if value.dim() < 2:
            raise ValueError(
                "scale_tril must be at least two-dimensional, with optional leading batch dimensions"
            )
        if isinstance(df, _Number):
            batch = torch.Size(value.shape[:-2])
            self.df = torch.tensor(df, dtype=value.dtype)
        else:
            batch = torch.broadcast_shapes(value.shape[:-2], df.shape)
            self.df = df.expand(batch)
        event = value.shape[-2:]
        size = event[-1]
        if self.df.le(size - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {size - 1}.")
        setattr(self, name, value.expand(batch + (-1, -1)))
        if self.df.lt(size).any():
            import warnings

            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < "
                "ndim.",
                stacklevel=2,
            )
        super().__init__(batch, event, validate_args=validate_args)
        self._unbroadcasted_scale_tril = _factor(name, value)
        missing = torch.arange(size, dtype=value.dtype).expand(batch + (-1,))
        self._dist_chi2 = Chi2(df=self.df.unsqueeze(-1) - missing)

    def _matrix(self, value):
        return value.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self):
        """The Cholesky factor of the covariance."""
        return self._matrix(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self):
        """The covariance of the vectors."""
        return self._matrix(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self):
        """The inverse of the covariance."""
        factor = self._unbroadcasted_scale_tril
        identity = torch.eye(self._event_shape[-1], dtype=factor.dtype)
        return self._matrix(torch.cholesky_solve(identity, factor))

    def _as_matrices(self, values):
        return values.view(self._batch_shape + (1, 1))

    mean = property(lambda self: self._as_matrices(self.df) * self.covariance_matrix)

    @property
    def mode(self):
        factor = self.df - self.covariance_matrix.shape[-1] - 1
        return self._as_matrices(factor.masked_fill(factor <= 0, nan)) * self.covariance_matrix

    @property
    def variance(self):
        v = self.covariance_matrix
        diag = v.diagonal(dim1=-2, dim2=-1)
        return self._as_matrices(self.df) * (v.pow(2) + diag.unsqueeze(-1) * diag.unsqueeze(-2))

    def _bartlett_sampling(self, sample_shape=()):
        size = self._event_shape[-1]
        root = self._dist_chi2.rsample(sample_shape).sqrt()
        noise = root.clamp(min=torch.finfo(root.dtype).eps).diag_embed(dim1=-2, dim2=-1)
        row, column = torch.tril_indices(size, size, offset=-1)
        below = torch.Size(sample_shape) + self._batch_shape + (size * (size - 1) // 2,)
        noise[..., row, column] = torch.randn(below, dtype=noise.dtype)
        factor = self._unbroadcasted_scale_tril @ noise
        return factor @ factor.mT

    def rsample(self, sample_shape=(), max_try_correction=None):
        """Samples; those that come out singular are drawn again, `max_try_correction` (10) times at most."""
        tries = 10 if max_try_correction is None else max_try_correction
        sample = self._bartlett_sampling(torch.Size(sample_shape))
        dims = [-(x + 1) for x in range(len(self._batch_shape))]

        def any_in_batch(flags):
            return flags.amax(dims) if self._batch_shape else flags

        # PyTorch asks here for the regular ones, draws those again and warns: the streams of numbers and the
        # warning are kept.
        redraw = any_in_batch(self.support.check(sample))
        if redraw.any():
            import warnings

            warnings.warn("Singular sample detected.", stacklevel=2)
            for _ in range(tries):
                new = self._bartlett_sampling(redraw[redraw].shape)
                sample[redraw] = new
                redraw[redraw.clone()] = any_in_batch(~self.support.check(new))
                if not redraw.any():
                    break
        return sample

    def _log_det(self):
        return self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def log_prob(self, value):
        self._check(value)
        nu, p = self.df, self._event_shape[-1]
        solved = torch.cholesky_solve(value, self._unbroadcasted_scale_tril)
        return (
            -nu * (p * math.log(2) / 2 + self._log_det())
            - torch.mvlgamma(nu / 2, p=p)
            + (nu - p - 1) / 2 * torch.linalg.slogdet(value).logabsdet
            - solved.diagonal(dim1=-2, dim2=-1).sum(dim=-1) / 2
        )

    def entropy(self):
        nu, p = self.df, self._event_shape[-1]
        if not (nu / 2).gt((p - 1) / 2).all():
            raise AssertionError("Wrong domain for multivariate digamma function.")
        digamma = torch.digamma((nu / 2).unsqueeze(-1) - torch.arange(p, dtype=nu.dtype) / 2).sum(-1)
        return (
            (p + 1) * (p * math.log(2) / 2 + self._log_det())
            + torch.mvlgamma(nu / 2, p=p)
            - (nu - p - 1) / 2 * digamma
            + nu * p / 2
        )

    @property
    def _natural_params(self):
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x, y):
        p = self._event_shape[-1]
        half = y + (p + 1) / 2
        log_det = torch.linalg.slogdet(-2 * x).logabsdet
        return half * (-log_det + math.log(2) * p) + torch.mvlgamma(half, p=p)
