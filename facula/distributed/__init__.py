"""torch.distributed: not there; questions are answered as by a build of PyTorch without it."""

from __future__ import annotations

__all__ = [
    "barrier",
    "destroy_process_group",
    "get_backend",
    "get_rank",
    "get_world_size",
    "init_process_group",
    "is_available",
    "is_gloo_available",
    "is_initialized",
    "is_mpi_available",
    "is_nccl_available",
    "is_torchelastic_launched",
    "is_ucc_available",
]


def is_available() -> bool:
    """False: there is one process."""
    return False


is_initialized = is_nccl_available = is_gloo_available = is_mpi_available = is_ucc_available = is_available
is_xccl_available = is_backend_available = is_available


def is_torchelastic_launched() -> bool:
    """Whether torchrun has started this process."""
    import os

    return os.environ.get("TORCHELASTIC_RUN_ID") is not None


def _uninitialized(*args, **kwargs):
    """Raises ValueError: there is no process group."""
    raise ValueError(
        "Default process group has not been initialized, please make sure to call init_process_group."
    )


get_rank = get_world_size = get_backend = barrier = all_reduce = broadcast = reduce = all_gather = (
    _uninitialized
)
gather = scatter = all_to_all = send = recv = isend = irecv = reduce_scatter = all_gather_object = (
    _uninitialized
)
broadcast_object_list = all_gather_into_tensor = reduce_scatter_tensor = monitored_barrier = new_group = (
    _uninitialized
)


def init_process_group(*args, **kwargs):
    """Raises NotImplementedError: facula trains in one process."""
    raise NotImplementedError("torch.distributed.init_process_group: facula trains in one process")


def destroy_process_group(group=None) -> None:
    """Raises AssertionError: there is no process group."""
    raise AssertionError("Process group cannot be None")


def __getattr__(name: str):
    from .._names import missing

    raise missing("torch.distributed", name, list(globals()))
