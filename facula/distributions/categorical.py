"""One of several classes."""

from __future__ import annotations

from math import nan

import facula as torch

from . import constraints
from ._logits import ByLogits

__all__ = ["Categorical"]


class Categorical(ByLogits):
    """Whole numbers 0 ... K - 1 with probabilities along the last dimension.

    Args:
        probs: weights, which are normalized to sum to one; at least one dimension.
        logits: their logarithms, up to a constant.
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True
    _binary = False
    _expanded = {"probs": 1, "logits": 1}

    def __init__(self, probs=None, logits=None, validate_args=None) -> None:
        name = self._given(probs, logits)
        given = logits if probs is None else probs
        if given.dim() < 1:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if probs is None:
            self.logits = logits - logits.logsumexp(dim=-1, keepdim=True)
        else:
            self.probs = probs / probs.sum(-1, keepdim=True)
        self._num_events = given.size()[-1]
        super().__init__(self._param.size()[:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        return constraints.integer_interval(0, self._num_events - 1)

    mean = property(lambda self: self._filled(nan, self.probs))
    variance = property(lambda self: self._filled(nan, self.probs))
    mode = property(lambda self: self.probs.argmax(dim=-1))

    def sample(self, sample_shape=()):
        sample_shape = torch.Size(sample_shape)
        weights = self.probs.reshape(-1, self._num_events)
        drawn = torch.multinomial(weights, sample_shape.numel(), True).T
        return drawn.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value):
        self._check(value)
        value, logits = torch.broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self):
        least = torch.finfo(self.logits.dtype).min
        return -(self.logits.clamp(min=least) * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True):
        return self._enumerated(torch.arange(self._num_events, dtype=torch.long), expand)
