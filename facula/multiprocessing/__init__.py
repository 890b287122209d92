"""torch.multiprocessing: Python's multiprocessing, whose queues and pipes know tensors.

A tensor in shared memory (`share_memory_()`) is sent as a file descriptor, and both sides see the same
elements; any other is sent by value.
"""

from __future__ import annotations

import multiprocessing
from multiprocessing import *  # noqa: F403

from .reductions import init_reductions
from .spawn import (
    ProcessContext,
    ProcessException,
    ProcessExitedException,
    ProcessRaisedException,
    SpawnContext,
    spawn,
    start_processes,
)

__all__ = [  # noqa: PLE0604
    "ProcessContext",
    "ProcessException",
    "ProcessExitedException",
    "ProcessRaisedException",
    "SpawnContext",
    "get_all_sharing_strategies",
    "get_sharing_strategy",
    "set_sharing_strategy",
    "spawn",
    "start_processes",
]
__all__ += multiprocessing.__all__  # pyright: ignore

init_reductions()


def get_all_sharing_strategies() -> set[str]:
    """The ways in which memory can be shared: by file descriptor."""
    return {"file_descriptor"}


def get_sharing_strategy() -> str:
    """'file_descriptor'."""
    return "file_descriptor"


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepted: memory is always shared by file descriptor. AssertionError for names that PyTorch has not."""
    assert new_strategy in ("file_descriptor", "file_system")
