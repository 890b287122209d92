"""Absolute values of Cauchy variables."""

from __future__ import annotations

from math import inf

from ._half import Half
from .cauchy import Cauchy

__all__ = ["HalfCauchy"]


class HalfCauchy(Half):
    """|x| of a Cauchy variable around zero."""

    _whole = Cauchy

    mean = property(lambda self: self._filled(inf, self.scale))
    variance = property(lambda self: self.base_dist.variance)
