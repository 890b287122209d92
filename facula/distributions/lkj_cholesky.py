"""Random correlation matrices."""

from __future__ import annotations

import math

import facula as torch

from . import constraints
from .beta import Beta
from .distribution import Distribution
from .utils import (
    broadcast_all,
)

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Cholesky factors of correlation matrices M with density det(M) ** (concentration - 1).

    Sampled row by row with the onion method (D. Lewandowski, D. Kurowicka and H. Joe, "Generating random
    correlation matrices based on vines and extended onion method", 2009, section 3.2).

    Args:
        dim: the size of the matrices, at least 2.
        concentration: positive; one makes all matrices equally likely.
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    _expanded = {"concentration": 0, "_beta": 1}

    def __init__(self, dim: int, concentration=1.0, validate_args=None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        row = torch.arange(dim - 1, dtype=self.concentration.dtype)
        row = torch.cat([row.new_zeros((1,)), row])
        most = (self.concentration + 0.5 * (dim - 2)).unsqueeze(-1)
        self._beta = Beta(row + 0.5, most - 0.5 * row)
        super().__init__(self.concentration.size(), torch.Size((dim, dim)), validate_args)

    def sample(self, sample_shape=()):
        length = self._beta.sample(sample_shape).unsqueeze(-1)
        direction = torch.randn(self._extended_shape(sample_shape), dtype=length.dtype).tril(-1)
        direction = direction / direction.norm(dim=-1, keepdim=True)
        direction[..., 0, :].fill_(0.0)  # the first row has no direction
        rows = torch.sqrt(length) * direction
        left = 1 - torch.sum(rows**2, dim=-1)
        return rows + torch.diag_embed(left.clamp(min=torch.finfo(rows.dtype).tiny).sqrt())

    def log_prob(self, value):
        self._check(value)
        # det(M) and the Jacobian of M in its factor are products of powers of the diagonal.
        rest = self.dim - 1
        power = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - torch.arange(2, self.dim + 1)
        density = torch.sum(power * value.diagonal(dim1=-1, dim2=-2)[..., 1:].log(), dim=-1)
        alpha = self.concentration + 0.5 * rest
        # The constant of page 1999 of the paper.
        norm = 0.5 * rest * math.log(math.pi) + torch.mvlgamma(alpha - 0.5, rest) - torch.lgamma(alpha) * rest
        return density - norm
