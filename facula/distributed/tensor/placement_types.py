"""How a tensor would lie over processes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Partial", "Placement", "Replicate", "Shard"]


class Placement:
    """One of the three."""


@dataclass(frozen=True)
class Replicate(Placement):
    """All of it in each."""


@dataclass(frozen=True)
class Shard(Placement):
    """Cut along a dimension."""

    dim: int


@dataclass(frozen=True)
class _StridedShard(Shard):
    split_factor: int = 1


@dataclass(frozen=True)
class Partial(Placement):
    """To be reduced."""

    reduce_op: str = "sum"
