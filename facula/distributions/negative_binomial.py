"""Successes before a number of failures."""

from __future__ import annotations

import facula as torch

from . import constraints
from ._logits import ByLogits
from .gamma import Gamma
from .utils import (
    lazy_property,
)

__all__ = ["NegativeBinomial"]


class NegativeBinomial(ByLogits):
    """How many trials succeed before `total_count` have failed; a success has probability `probs`."""

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
    _expanded = {"total_count": 0, **ByLogits._expanded}

    def __init__(self, total_count, probs=None, logits=None, validate_args=None) -> None:
        self._start_binary(validate_args, probs, logits, total_count=total_count)

    mean = property(lambda self: self.total_count * torch.exp(self.logits))
    mode = property(lambda self: ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0))
    variance = property(lambda self: self.mean / torch.sigmoid(-self.logits))

    @lazy_property
    def _gamma(self):
        return Gamma(self.total_count, torch.exp(-self.logits), validate_args=False)

    def sample(self, sample_shape=()):
        with torch.no_grad():
            return torch.poisson(self._gamma.sample(sample_shape=sample_shape))

    def log_prob(self, value):
        self._check(value)
        n, log_sigmoid = self.total_count, torch.nn.functional.logsigmoid
        norm = -torch.lgamma(n + value) + torch.lgamma(1.0 + value) + torch.lgamma(n)
        norm = norm.masked_fill(n + value == 0.0, 0.0)
        return n * log_sigmoid(-self.logits) + value * log_sigmoid(self.logits) - norm
