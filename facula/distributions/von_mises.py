"""Angles."""

from __future__ import annotations

import math
from operator import attrgetter

import facula as torch

from . import constraints
from .distribution import Distribution
from .utils import (
    lazy_property,
)

__all__ = ["VonMises"]


class VonMises(Distribution):
    """Density exp(concentration * cos(x - loc)), normalized, of angles.

    Sampled by rejection (D. J. Best and N. I. Fisher, "Efficient simulation of the von Mises distribution",
    1979), in double precision.
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False
    _expanded = {"loc": 0, "concentration": 0}

    def __init__(self, loc, concentration, validate_args=None) -> None:
        self._start(validate_args, loc=loc, concentration=concentration)

    def log_prob(self, value):
        self._check(value)
        kappa = self.concentration
        log_bessel = torch.special.i0e(kappa).log() + kappa
        return kappa * torch.cos(value - self.loc) - math.log(2 * math.pi) - log_bessel

    @lazy_property
    def _loc(self):
        return self.loc.to(torch.double)

    @lazy_property
    def _concentration(self):
        return self.concentration.to(torch.double)

    @lazy_property
    def _proposal_r(self):
        kappa = self._concentration
        tau = 1 + (1 + 4 * kappa**2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
        return torch.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho**2) / (2 * rho))

    def sample(self, sample_shape=()):
        with torch.no_grad():
            shape = self._extended_shape(sample_shape)
            r, kappa = self._proposal_r, self._concentration
            x = torch.empty(shape, dtype=torch.double)
            done = torch.zeros(shape, dtype=torch.bool)
            while not done.all():
                u1, u2, u3 = torch.rand((3,) + shape, dtype=torch.double).unbind()
                z = torch.cos(math.pi * u1)
                f = (1 + r * z) / (r + z)
                c = kappa * (r - f)
                accept = (c * (2 - c) - u2 > 0) | ((c / u2).log() + 1 - c >= 0)
                x = torch.where(accept, (u3 - 0.5).sign() * f.acos(), x)
                done = done | accept
            return ((x + math.pi + self._loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)

    mean = property(attrgetter("loc"))
    mode = property(attrgetter("loc"))

    @lazy_property
    def variance(self):
        """The circular variance."""
        return 1 - torch.special.i1e(self.concentration) / torch.special.i0e(self.concentration)
