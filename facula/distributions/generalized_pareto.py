"""What exceeds a high threshold."""

from __future__ import annotations

from math import inf, nan
from operator import attrgetter

import facula as torch

from . import constraints
from .distribution import Distribution

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """Survival (1 + concentration * z) ** (-1 / concentration), z = (x - loc) / scale; exp(-z) at zero."""

    arg_constraints = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True
    _expanded = {"loc": 0, "scale": 0, "concentration": 0}

    def __init__(self, loc, scale, concentration, validate_args=None) -> None:
        self._start(validate_args, loc=loc, scale=scale, concentration=concentration)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        end = self.loc - self.scale / self.concentration
        return constraints.interval(self.loc, torch.where(self.concentration < 0, end, inf))

    def _shapes(self):
        """Where the concentration is about zero, and one that can be divided by."""
        c = self.concentration
        zero = torch.isclose(c, torch.zeros_like(c))
        return zero, torch.where(zero, torch.ones_like(c), c)

    def _z(self, x):
        return (x - self.loc) / self.scale

    def rsample(self, sample_shape=()):
        return self.icdf(torch.rand(self._extended_shape(sample_shape), dtype=self.loc.dtype))

    def log_prob(self, value):
        self._check(value)
        z = self._z(value)
        zero, c = self._shapes()
        power = 1 / c + torch.ones_like(z)
        decay = torch.where(power == 0, power, power * torch.log1p(c * z))
        return -self.scale.log() - torch.where(zero, z, decay)

    def log_survival_function(self, value):
        """The logarithm of the probability of more than `value`."""
        self._check(value)
        z = self._z(value)
        zero, c = self._shapes()
        return torch.where(zero, -z, -torch.log1p(c * z) / c)

    def log_cdf(self, value):
        """The logarithm of `cdf`."""
        return torch.log1p(-torch.exp(self.log_survival_function(value)))

    def cdf(self, value):
        return torch.exp(self.log_cdf(value))

    def icdf(self, value):
        zero, c = self._shapes()
        log_survival = torch.log1p(-value)
        curved = self.loc + self.scale / c * torch.expm1(-c * log_survival)
        return torch.where(zero, self.loc - self.scale * log_survival, curved)

    @property
    def mean(self):
        valid = self.concentration < 1
        c = torch.where(valid, self.concentration, 0.5)
        return torch.where(valid, self.loc + self.scale / (1 - c), nan)

    @property
    def variance(self):
        valid = self.concentration < 0.5
        c = torch.where(valid, self.concentration, 0.25)
        return torch.where(valid, self.scale**2 / ((1 - c) ** 2 * (1 - 2 * c)), nan)

    mode = property(attrgetter("loc"))

    def entropy(self):
        return torch.broadcast_to(torch.log(self.scale) + self.concentration + 1, self._batch_shape)
