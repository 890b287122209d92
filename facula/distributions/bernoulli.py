"""Zero or one."""

from __future__ import annotations

from math import nan
from operator import attrgetter

import facula as torch

from . import constraints
from ._logits import ByLogits
from .exp_family import ExponentialFamily
from .utils import (
    broadcast_all,
)

__all__ = ["Bernoulli"]


class Bernoulli(ByLogits, ExponentialFamily):
    """One with probability `probs` (log-odds `logits`), else zero."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True
    _mean_carrier_measure = 0
    _expanded = ByLogits._expanded

    def __init__(self, probs=None, logits=None, validate_args=None) -> None:
        self._start_binary(validate_args, probs, logits)

    mean = property(attrgetter("probs"))
    variance = property(lambda self: self.probs * (1 - self.probs))

    @property
    def mode(self):
        return (self.probs >= 0.5).to(self.probs).masked_fill(self.probs == 0.5, nan)

    def sample(self, sample_shape=()):
        with torch.no_grad():
            return torch.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        self._check(value)
        logits, value = broadcast_all(self.logits, value)
        return -_cross_entropy(logits, value, reduction="none")

    def entropy(self):
        return _cross_entropy(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True):
        return self._enumerated(torch.arange(2, dtype=self._param.dtype), expand)

    @property
    def _natural_params(self):
        return (torch.logit(self.probs),)

    def _log_normalizer(self, x):
        return torch.log1p(torch.exp(x))


_cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits
