"""Counts of rare events."""

from __future__ import annotations

from operator import attrgetter

import facula as torch

from . import constraints
from .exp_family import ExponentialFamily
from .utils import (
    broadcast_all,
)

__all__ = ["Poisson"]


class Poisson(ExponentialFamily):
    """Probability rate ** k * exp(-rate) / k! of whole numbers k."""

    arg_constraints = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer
    _expanded = {"rate": 0}

    def __init__(self, rate, validate_args=None) -> None:
        self._start(validate_args, rate=rate)

    mean = property(attrgetter("rate"))
    variance = property(attrgetter("rate"))
    mode = property(lambda self: self.rate.floor())

    def sample(self, sample_shape=()):
        with torch.no_grad():
            return torch.poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        self._check(value)
        rate, value = broadcast_all(self.rate, value)
        return value.xlogy(rate) - rate - (value + 1).lgamma()

    @property
    def _natural_params(self):
        return (torch.log(self.rate),)

    def _log_normalizer(self, x):
        return torch.exp(x)
