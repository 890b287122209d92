"""The base of all distributions."""

from __future__ import annotations

import facula as torch
from facula import Tensor

from . import constraints
from .utils import broadcast_all, lazy_property

__all__ = ["Distribution"]


def _plain_shape(shape) -> torch.Size:
    return shape if isinstance(shape, torch.Size) else torch.Size(shape)


class Distribution:
    """A batch of distributions of one kind.

    Args:
        batch_shape: the shape of the parameters, each entry a distribution of its own.
        event_shape: the shape of one sample of one of them.
        validate_args: whether parameters and values are tested against their constraints.

    A class of facula's names in `_expanded` what `expand` has to widen: attributes (tensors or
    distributions) and how many of their last dimensions stay as they are. All other attributes are taken
    over.
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__
    _expanded: dict[str, int] | None = None

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Sets whether distributions validate where `validate_args` is not given."""
        if value not in [True, False]:
            raise ValueError
        Distribution._validate_args = value

    def __init__(self, batch_shape=(), event_shape=(), validate_args=None) -> None:
        self._batch_shape = _plain_shape(batch_shape)
        self._event_shape = _plain_shape(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._validate_parameters()
        super().__init__()

    def _start(self, validate_args, **parameters) -> None:
        """Broadcasts parameters, keeps them, and begins with their shape as the shape of the batch."""
        values = broadcast_all(*parameters.values())
        for name, value in zip(parameters, values):
            setattr(self, name, value)
        Distribution.__init__(self, values[0].size(), validate_args=validate_args)

    def _validate_parameters(self) -> None:
        try:
            arg_constraints = self.arg_constraints
        except NotImplementedError:
            import warnings

            warnings.warn(
                f"{self.__class__} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or "
                "initialize the distribution with `validate_args=False` to turn off validation.",
                stacklevel=4,
            )
            return
        for name, constraint in arg_constraints.items():
            if constraints.is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(getattr(type(self), name), lazy_property):
                continue
            value = getattr(self, name)
            if not constraint.check(value).all():
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of "
                    f"distribution {self!r} to satisfy the constraint {constraint!r}, but found invalid "
                    f"values:\n{value}"
                )

    def expand(self, batch_shape, _instance=None):
        """The same distributions for a wider batch; no memory is copied."""
        if self._expanded is None:
            raise NotImplementedError
        owner = next(c for c in type(self).__mro__ if "_expanded" in vars(c))
        new = self._get_checked_instance(owner, _instance)
        batch_shape = torch.Size(batch_shape)
        for name, value in self.__dict__.items():
            if name in self._expanded:
                shape = value.batch_shape if isinstance(value, Distribution) else value.shape
                kept = self._expanded[name]
                new.__dict__[name] = value.expand(batch_shape + shape[len(shape) - kept :])
            elif not isinstance(getattr(type(self), name, None), lazy_property):
                new.__dict__.setdefault(name, value)
        new.__dict__.pop("_validate_args", None)
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def batch_shape(self) -> torch.Size:
        """The shape of the parameters."""
        return self._batch_shape

    @property
    def event_shape(self) -> torch.Size:
        """The shape of one sample."""
        return self._event_shape

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        """What each parameter has to satisfy."""
        raise NotImplementedError

    @property
    def support(self):
        """Where samples lie."""
        raise NotImplementedError

    @property
    def mean(self) -> Tensor:
        """The mean."""
        raise NotImplementedError

    @property
    def mode(self) -> Tensor:
        """The most probable value."""
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.variance.sqrt()

    def sample(self, sample_shape=()) -> Tensor:
        """Samples of shape sample_shape + batch_shape + event_shape, without gradients."""
        with torch.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=()) -> Tensor:
        """Samples through which the parameters get gradients."""
        raise NotImplementedError

    def sample_n(self, n: int) -> Tensor:
        """`sample((n,))`; deprecated."""
        import warnings

        text = "`sample_n(n)` will be deprecated. Use `sample((n,))` instead."
        warnings.warn(text, FutureWarning, stacklevel=2)
        return self.sample(torch.Size((n,)))

    def log_prob(self, value) -> Tensor:
        """The logarithm of the density (or probability) at a value."""
        raise NotImplementedError

    def cdf(self, value) -> Tensor:
        """The probability of what is at most `value`."""
        raise NotImplementedError

    def icdf(self, value) -> Tensor:
        """The quantile: the inverse of `cdf`."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values, along a new first dimension; with `expand=False` the batch dimensions have size 1."""
        raise NotImplementedError

    def entropy(self) -> Tensor:
        """The entropy of each distribution of the batch."""
        raise NotImplementedError

    def perplexity(self) -> Tensor:
        """The exponential of the entropy."""
        return torch.exp(self.entropy())

    def _extended_shape(self, sample_shape=()) -> torch.Size:
        """The shape of samples."""
        return torch.Size(_plain_shape(sample_shape) + self._batch_shape + self._event_shape)

    def _filled(self, value: float, like) -> Tensor:
        return torch.full(self._extended_shape(), value, dtype=like.dtype)

    def _enumerated(self, values, expand: bool):
        """Values of a scalar event along the first dimension, before the dimensions of the batch."""
        values = values.view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1,) + self._batch_shape) if expand else values

    def _check(self, value) -> None:
        """Validates a value where this is wanted."""
        if self._validate_args:
            self._validate_sample(value)

    def _validate_sample(self, value) -> None:
        if not isinstance(value, torch.Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        actual = value.size()
        if actual[len(actual) - len(self._event_shape) :] != self._event_shape:
            raise ValueError(
                f"The right-most size of value must match event_shape: {actual} vs {self._event_shape}."
            )
        expected = self._batch_shape + self._event_shape
        for i, j in zip(reversed(actual), reversed(expected)):
            if i != 1 and j != 1 and i != j:
                raise ValueError(
                    f"Value is not broadcastable with batch_shape+event_shape: {actual} vs {expected}."
                )
        try:
            support = self.support
        except NotImplementedError:
            import warnings

            warnings.warn(
                f"{self.__class__} does not define `support` to enable sample validation. Please "
                "initialize the "
                "distribution with `validate_args=False` to turn off validation.",
                stacklevel=2,
            )
            return
        if support is None:
            raise AssertionError("support is unexpectedly None")
        if not support.check(value).all():
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be "
                "within "
                f"the support ({support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def _get_checked_instance(self, cls, _instance=None):
        if _instance is None and type(self).__init__ != cls.__init__:
            raise NotImplementedError(
                f"Subclass {self.__class__.__name__} of {cls.__name__} that defines a custom __init__ "
                "method must "
                "also define a custom .expand() method."
            )
        return self.__new__(type(self)) if _instance is None else _instance

    def __repr__(self) -> str:
        shown = {k: self.__dict__[k] for k in self.arg_constraints if k in self.__dict__}
        values = ", ".join(f"{k}: {v if v.numel() == 1 else v.size()}" for k, v in shown.items())
        return f"{self.__class__.__name__}({values})"
