"""Ratios of two centred normal variables."""

from __future__ import annotations

import math
from math import inf, nan
from operator import attrgetter

import facula as torch

from . import constraints
from .distribution import Distribution

__all__ = ["Cauchy"]


class Cauchy(Distribution):
    """Density 1 / (1 + z * z) up to a factor, z = (x - loc) / scale; neither mean nor variance exist."""

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _expanded = {"loc": 0, "scale": 0}

    def __init__(self, loc, scale, validate_args=None) -> None:
        self._start(validate_args, loc=loc, scale=scale)

    mean = property(lambda self: self._filled(nan, self.loc))
    mode = property(attrgetter("loc"))
    variance = property(lambda self: self._filled(inf, self.loc))

    def rsample(self, sample_shape=()):
        return self.loc + self.loc.new_empty(self._extended_shape(sample_shape)).cauchy_() * self.scale

    def log_prob(self, value):
        self._check(value)
        return -math.log(math.pi) - self.scale.log() - (((value - self.loc) / self.scale) ** 2).log1p()

    def cdf(self, value):
        self._check(value)
        return torch.atan((value - self.loc) / self.scale) / math.pi + 0.5

    def icdf(self, value):
        return torch.tan(math.pi * (value - 0.5)) * self.scale + self.loc

    def entropy(self):
        return math.log(4 * math.pi) + self.scale.log()
