"""Distributions given by probabilities or by their logarithms."""

from __future__ import annotations

from .distribution import Distribution
from .utils import (
    broadcast_all,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
)

__all__ = ["ByLogits"]


class ByLogits(Distribution):
    """Parameters `probs` or `logits`: one is given, the other computed when it is read."""

    _binary = True  # log-odds of single events; else logarithms along the last dimension
    _expanded = {"probs": 0, "logits": 0}

    def _given(self, probs, logits) -> str:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        self._name = "logits" if probs is None else "probs"
        return self._name

    def _start_binary(self, validate_args, probs, logits, **others) -> None:
        """Begins with one of probs and logits, broadcast with other parameters, which get its dtype."""
        name = self._given(probs, logits)
        *values, given = broadcast_all(*others.values(), logits if probs is None else probs)
        setattr(self, name, given)
        for other, value in zip(others, values):
            setattr(self, other, value.type_as(given))
        Distribution.__init__(self, given.size(), validate_args=validate_args)

    @property
    def _param(self):
        return getattr(self, self._name)

    @property
    def param_shape(self):
        """The shape of the parameter that was given."""
        return self._param.size()

    @lazy_property
    def logits(self):
        """Log-odds, or logarithms of the probabilities."""
        return probs_to_logits(self.probs, is_binary=self._binary)

    @lazy_property
    def probs(self):
        """Probabilities."""
        return logits_to_probs(self.logits, is_binary=self._binary)
