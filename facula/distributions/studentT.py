"""Normal variables over estimated scales."""

from __future__ import annotations

import math
from math import inf, nan
from operator import attrgetter

import facula as torch

from . import constraints
from .chi2 import Chi2
from .distribution import Distribution
from .utils import (
    _standard_normal,
    broadcast_all,
)

__all__ = ["StudentT"]


class StudentT(Distribution):
    """loc + scale * n / sqrt(c / df) of a standard normal n and a chi-squared c of `df` degrees of
    freedom.
    """

    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _expanded = {"df": 0, "loc": 0, "scale": 0, "_chi2": 0}

    def __init__(self, df, loc=0.0, scale=1.0, validate_args=None) -> None:
        df, loc, scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(df)
        self._start(validate_args, df=df, loc=loc, scale=scale)

    mean = property(lambda self: self.loc.masked_fill(self.df <= 1, nan))
    mode = property(attrgetter("loc"))

    @property
    def variance(self):
        df = self.df
        finite = self.scale.pow(2) * df / (df.masked_fill(df <= 2, 3) - 2)
        return torch.where(df > 2, finite, torch.where(df > 1, inf, nan))

    def rsample(self, sample_shape=()):
        noise = _standard_normal(self._extended_shape(sample_shape), dtype=self.df.dtype)
        square = self._chi2.rsample(sample_shape)
        return self.loc + self.scale * (noise * torch.rsqrt(square / self.df))

    def log_prob(self, value):
        self._check(value)
        df = self.df
        y = (value - self.loc) / self.scale
        norm = (
            self.scale.log()
            + 0.5 * df.log()
            + 0.5 * math.log(math.pi)
            + torch.lgamma(0.5 * df)
            - torch.lgamma(0.5 * (df + 1.0))
        )
        return -0.5 * (df + 1.0) * torch.log1p(y**2.0 / df) - norm

    def entropy(self):
        half, more = 0.5 * self.df, 0.5 * (self.df + 1)
        log_beta = torch.lgamma(half) + math.lgamma(0.5) - torch.lgamma(more)
        slope = more * (torch.digamma(more) - torch.digamma(half))
        return self.scale.log() + slope + 0.5 * self.df.log() + log_beta
