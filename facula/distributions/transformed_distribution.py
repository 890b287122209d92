"""Distributions of transformed variables."""

from __future__ import annotations

import facula as torch

from . import constraints
from .distribution import Distribution
from .independent import Independent
from .transforms import ComposeTransform, Transform
from .utils import (
    _sum_rightmost,
)

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """The distribution of y = transforms(x) of a variable x.

    Args:
        base_distribution: that of x.
        transforms: a transform, or a list of them, the first applied first.

    Raises:
        ValueError: `transforms` is something else, or x has fewer dimensions than their domain.
    """

    arg_constraints = {}
    _expanded = {}

    def __init__(self, base_distribution, transforms, validate_args=None) -> None:
        if isinstance(transforms, Transform):
            transforms = [transforms]
        elif not isinstance(transforms, list):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        elif not all(isinstance(t, Transform) for t in transforms):
            raise ValueError("transforms must be a Transform or a list of Transforms")
        self.transforms = transforms
        chain = ComposeTransform(transforms)
        dims, new_dims = chain.domain.event_dim, chain.codomain.event_dim
        shape = base_distribution.batch_shape + base_distribution.event_shape
        base_dims = len(base_distribution.event_shape)
        if len(shape) < dims:
            raise ValueError(
                f"base_distribution needs to have shape with size at least {dims}, but got {shape}."
            )
        result_shape = chain.forward_shape(shape)
        # Parameters of the transforms may widen the batch.
        needed = chain.inverse_shape(result_shape)
        if shape != needed:
            base_distribution = base_distribution.expand(needed[: len(needed) - base_dims])
        if dims > base_dims:
            base_distribution = Independent(base_distribution, dims - base_dims)
        self.base_dist = base_distribution
        event_dim = max(new_dims, base_dims + new_dims - dims)
        if len(result_shape) < event_dim:
            raise AssertionError(f"forward_shape length {len(result_shape)} must be >= event_dim {event_dim}")
        cut = len(result_shape) - event_dim
        super().__init__(result_shape[:cut], result_shape[cut:], validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        shape = torch.Size(batch_shape) + self.event_shape
        for transform in reversed(self.transforms):
            shape = transform.inverse_shape(shape)
        new = super().expand(batch_shape, _instance)
        new.base_dist = self.base_dist.expand(shape[: len(shape) - len(self.base_dist.event_shape)])
        return new

    @constraints.dependent_property(is_discrete=False)
    def support(self):
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        extra = len(self.event_shape) - support.event_dim
        return constraints.independent(support, extra) if extra > 0 else support

    has_rsample = property(lambda self: self.base_dist.has_rsample)

    def _transformed(self, x):
        for transform in self.transforms:
            x = transform(x)
        return x

    def sample(self, sample_shape=()):
        with torch.no_grad():
            return self._transformed(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape=()):
        return self._transformed(self.base_dist.rsample(sample_shape))

    def log_prob(self, value):
        self._check(value)
        dims = len(self.event_shape)
        result = 0.0
        y = value
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            dims += transform.domain.event_dim - transform.codomain.event_dim
            change = transform.log_abs_det_jacobian(x, y)
            result = result - _sum_rightmost(change, dims - transform.domain.event_dim)
            y = x
        return result + _sum_rightmost(self.base_dist.log_prob(y), dims - len(self.base_dist.event_shape))

    def _monotonize_cdf(self, value):
        """Turns probabilities around where the transforms reverse the order."""
        sign = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        return value if isinstance(sign, int) and sign == 1 else sign * (value - 0.5) + 0.5

    def cdf(self, value):
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        if self._validate_args:
            self.base_dist._validate_sample(value)
        return self._monotonize_cdf(self.base_dist.cdf(value))

    def icdf(self, value):
        return self._transformed(self.base_dist.icdf(self._monotonize_cdf(value)))
