"""Failures before the first success."""

from __future__ import annotations

import facula as torch

from . import constraints
from ._logits import ByLogits
from .utils import (
    broadcast_all,
)

__all__ = ["Geometric"]


class Geometric(ByLogits):
    """How many trials fail before one succeeds, each with probability `probs` (log-odds `logits`)."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer
    _expanded = ByLogits._expanded

    def __init__(self, probs=None, logits=None, validate_args=None) -> None:
        self._start_binary(validate_args, probs, logits)
        if self._validate_args and probs is not None and not (self.probs > 0).all():
            value = self.probs
            raise ValueError(
                f"Expected parameter probs ({type(value).__name__} of shape {tuple(value.shape)}) of "
                "distribution "
                f"{self!r} to be positive but found invalid values:\n{value.data[~(value > 0)]}"
            )

    mean = property(lambda self: 1.0 / self.probs - 1.0)
    mode = property(lambda self: torch.zeros_like(self.probs))
    variance = property(lambda self: (1.0 / self.probs - 1.0) / self.probs)

    def sample(self, sample_shape=()):
        shape = self._extended_shape(sample_shape)
        tiny = torch.finfo(self.probs.dtype).tiny
        with torch.no_grad():
            u = self.probs.new_empty(shape).uniform_(tiny, 1)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value):
        self._check(value)
        value, probs = broadcast_all(value, self.probs)
        probs_failed = probs.masked_fill((probs == 1) & (value == 0), 0)
        return value * (-probs_failed).log1p() + self.probs.log()

    def entropy(self):
        entropy = torch.nn.functional.binary_cross_entropy_with_logits
        return entropy(self.logits, self.probs, reduction="none") / self.probs
