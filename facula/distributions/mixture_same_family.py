"""Mixtures of distributions of one kind."""

from __future__ import annotations

from operator import attrgetter

import facula as torch

from . import constraints
from .categorical import Categorical
from .constraints import MixtureSameFamilyConstraint
from .distribution import Distribution

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A component, chosen at random, is sampled.

    Args:
        mixture_distribution: a Categorical, which chooses.
        component_distribution: the components, along the last dimension of its batch.
    """

    arg_constraints = {}
    has_rsample = False
    _expanded = {"_component_distribution": 1, "_mixture_distribution": 0}

    def __init__(self, mixture_distribution, component_distribution, validate_args=None) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(
                " The Mixture distribution needs to be an  instance of torch.distributions.Categorical"
            )
        if not isinstance(component_distribution, Distribution):
            raise ValueError(
                "The Component distribution needs to be an instance of torch.distributions.Distribution"
            )
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        mixture = mixture_distribution.batch_shape
        components = component_distribution.batch_shape[:-1]
        for a, b in zip(reversed(mixture), reversed(components)):
            if a != 1 and b != 1 and a != b:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({mixture}) is not compatible with "
                    f"`component_distribution.batch_shape`({components})"
                )
        count = mixture_distribution.logits.shape[-1]
        other = component_distribution.batch_shape[-1]
        if count != other:
            raise ValueError(
                f"`mixture_distribution component` ({count}) does not equal `component_distribution."
                f"batch_shape[-1]` ({other})"
            )
        self._num_component = count
        event = component_distribution.event_shape
        self._event_ndims = len(event)
        super().__init__(components, event, validate_args=validate_args)

    @constraints.dependent_property
    def support(self):
        return MixtureSameFamilyConstraint(self._component_distribution.support)

    mixture_distribution = property(attrgetter("_mixture_distribution"))
    component_distribution = property(attrgetter("_component_distribution"))

    def _pad(self, x):
        return x.unsqueeze(-1 - self._event_ndims)

    def _weights(self):
        """The probabilities of the components, with dimensions for the batch and the event."""
        probs = self.mixture_distribution.probs
        own = len(self.mixture_distribution.batch_shape)
        missing = 0 if own == 1 else len(self.batch_shape) - own
        shape = probs.shape
        return probs.reshape(shape[:-1] + (1,) * missing + shape[-1:] + (1,) * self._event_ndims)

    def _averaged(self, values):
        return torch.sum(self._weights() * values, dim=-1 - self._event_ndims)

    mean = property(lambda self: self._averaged(self.component_distribution.mean))

    @property
    def variance(self):
        spread = (self.component_distribution.mean - self._pad(self.mean)).pow(2.0)
        return self._averaged(self.component_distribution.variance) + self._averaged(spread)

    def cdf(self, x):
        return torch.sum(
            self.component_distribution.cdf(self._pad(x)) * self.mixture_distribution.probs, dim=-1
        )

    def log_prob(self, x):
        self._check(x)
        each = self.component_distribution.log_prob(self._pad(x))
        return torch.logsumexp(each + torch.log_softmax(self.mixture_distribution.logits, dim=-1), dim=-1)

    def sample(self, sample_shape=()):
        with torch.no_grad():
            dim = len(sample_shape) + len(self.batch_shape)
            chosen = self.mixture_distribution.sample(sample_shape)
            samples = self.component_distribution.sample(sample_shape)
            chosen = chosen.reshape(chosen.shape + (1,) * (self._event_ndims + 1))
            repeats = (1,) * (chosen.dim() - self._event_ndims) + tuple(self.event_shape)
            return torch.gather(samples, dim, chosen.repeat(repeats)).squeeze(dim)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
