"""Where packages look for what torch.distributed has."""

from __future__ import annotations

from . import (
    Backend,
    GroupMember,
    ProcessGroup,
    ReduceOp,
    _world,
    get_rank,
    get_world_size,
    group,
    is_initialized,
    is_xccl_available,
)

__all__ = [
    "Backend",
    "GroupMember",
    "ProcessGroup",
    "ReduceOp",
    "get_rank",
    "get_world_size",
    "group",
    "is_initialized",
    "is_xccl_available",
]


def _get_default_group() -> ProcessGroup:
    return _world()


def _rank_not_in_group(group) -> bool:
    return False
