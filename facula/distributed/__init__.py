"""torch.distributed for a group of one process: programs written for many run as one.

`init_process_group` takes a world of size 1; what processes would exchange, the one has already. Larger ones
are refused: nothing is sent anywhere.
"""

from __future__ import annotations

import os

__all__ = [
    "Backend",
    "ProcessGroup",
    "ReduceOp",
    "Work",
    "all_gather",
    "all_gather_into_tensor",
    "all_gather_object",
    "all_reduce",
    "all_to_all",
    "all_to_all_single",
    "barrier",
    "broadcast",
    "broadcast_object_list",
    "destroy_process_group",
    "gather",
    "gather_object",
    "get_backend",
    "get_rank",
    "get_world_size",
    "group",
    "init_process_group",
    "is_available",
    "is_gloo_available",
    "is_initialized",
    "is_mpi_available",
    "is_nccl_available",
    "is_torchelastic_launched",
    "is_ucc_available",
    "monitored_barrier",
    "new_group",
    "reduce",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "scatter",
]


class ReduceOp:
    """How values of several processes become one."""

    RedOpType = str

    SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR = (
        "SUM", "AVG", "PRODUCT", "MIN", "MAX", "BAND", "BOR", "BXOR",
    )  # fmt: skip


class Backend(str):
    """Names of backends; of these only gloo is here, as the name of doing nothing."""

    UNDEFINED, GLOO, NCCL, XCCL, UCC, MPI = "undefined", "gloo", "nccl", "xccl", "ucc", "mpi"
    backend_list = (UNDEFINED, GLOO, NCCL, XCCL, UCC, MPI)
    default_device_backend_map = {"cpu": GLOO}  # noqa: RUF012  PyTorch's name and type

    def __new__(cls, name: str):
        """The name in small letters."""
        if not isinstance(name, str):
            raise ValueError(f"Backend constructor parameter must be string-ish, got {name}")
        return super().__new__(cls, name.lower())


class Work:
    """What a call with async_op=True returns: it is done."""

    def wait(self, timeout=None) -> bool:
        return True

    def is_completed(self) -> bool:
        return True

    is_success = is_completed


class ProcessGroup:
    """A group of this one process."""

    def __init__(self, backend: str) -> None:
        self._backend = backend

    def rank(self) -> int:
        return 0

    def size(self) -> int:
        return 1

    def name(self) -> str:
        return self._backend


class GroupMember:
    WORLD: ProcessGroup | None = None
    NON_GROUP_MEMBER = -100


group = GroupMember


def is_available() -> bool:
    """True, for groups of one process."""
    return True


is_gloo_available = is_available


def is_nccl_available() -> bool:
    """False."""
    return False


is_mpi_available = is_ucc_available = is_xccl_available = is_nccl_available


def is_backend_available(backend: str) -> bool:
    """Whether `backend` is gloo, which is taken as the name of doing nothing."""
    return backend.lower() == "gloo"


def is_torchelastic_launched() -> bool:
    """Whether torchrun has started this process."""
    return os.environ.get("TORCHELASTIC_RUN_ID") is not None


def is_initialized() -> bool:
    """Whether init_process_group was called."""
    return GroupMember.WORLD is not None


def _world() -> ProcessGroup:
    if GroupMember.WORLD is None:
        raise ValueError(
            "Default process group has not been initialized, please make sure to call init_process_group."
        )
    return GroupMember.WORLD


def init_process_group(
    backend=None,
    init_method=None,
    timeout=None,
    world_size: int = -1,
    rank: int = -1,
    store=None,
    group_name: str = "",
    pg_options=None,
    device_id=None,
) -> None:
    """Begins a group of one process; the size of the world is given, or WORLD_SIZE in the environment.

    Raises:
        ValueError: called twice, or RANK or WORLD_SIZE are expected and not set.
        NotImplementedError: a world of more than one process, or a backend other than gloo.
    """
    if is_initialized():
        raise ValueError("trying to initialize the default process group twice!")
    from_environment = init_method is None and store is None or str(init_method).startswith("env://")
    if rank < 0 and from_environment:
        rank = int(_variable("RANK"))
    if world_size < 0 and from_environment:
        world_size = int(_variable("WORLD_SIZE"))
    if world_size != 1 or rank != 0:
        raise NotImplementedError(
            f"torch.distributed.init_process_group: facula trains in one process, but world_size is "
            f"{world_size} and rank {rank}; start the program with a world of size 1"
        )
    name = str(backend or "gloo").lower().replace("cpu:", "").partition(",")[0]
    if name != "gloo":
        raise NotImplementedError(f"torch.distributed.init_process_group: no backend {backend!r}; use 'gloo'")
    GroupMember.WORLD = ProcessGroup(name)


def _variable(name: str) -> str:
    if name not in os.environ:
        raise ValueError(
            f"Error initializing torch.distributed using env:// rendezvous: environment variable {name} "
            "expected, but not set"
        )
    return os.environ[name]


def destroy_process_group(group=None) -> None:
    """Ends the group.

    Raises:
        AssertionError: there is none.
    """
    if GroupMember.WORLD is None:
        raise AssertionError("Process group cannot be None")
    if group is None or group is GroupMember.WORLD:
        GroupMember.WORLD = None


def new_group(ranks=None, timeout=None, backend=None, **options) -> ProcessGroup:
    """A group of the same process."""
    return ProcessGroup(_world().name())


def get_rank(group=None) -> int:
    """0."""
    return _world().rank()


def get_world_size(group=None) -> int:
    """1."""
    return _world().size()


def get_backend(group=None) -> str:
    """The name that init_process_group was given."""
    return _world().name()


def _done(async_op: bool = False):
    _world()
    return Work() if async_op else None


def _root(rank, what: str) -> None:
    _world()
    if rank not in (None, 0):
        raise RuntimeError(f"ProcessGroupGloo::{what}: invalid root rank: {rank}")


def _only(tensors, what: str):
    _world()
    if len(tensors) != 1:
        raise RuntimeError(
            f"ProcessGroupGloo::{what}: invalid tensor list (expected length 1, got {len(tensors)})"
        )
    return tensors[0]


def barrier(group=None, async_op: bool = False, device_ids=None):
    """Waits for nobody."""
    return _done(async_op)


def monitored_barrier(group=None, timeout=None, wait_all_ranks: bool = False) -> None:
    """Waits for nobody."""
    _done()


def all_reduce(tensor, op=ReduceOp.SUM, group=None, async_op: bool = False):
    """Leaves the tensor: the sum, mean or maximum of one."""
    return _done(async_op)


def broadcast(tensor, src=None, group=None, async_op: bool = False, group_src=None):
    """Leaves the tensor, which is what process 0 has."""
    _root(src, "broadcast")
    return _done(async_op)


def reduce(tensor, dst=None, op=ReduceOp.SUM, group=None, async_op: bool = False, group_dst=None):
    """Leaves the tensor."""
    _root(dst, "reduce")
    return _done(async_op)


def all_gather(tensor_list, tensor, group=None, async_op: bool = False):
    """Writes the tensor into the only one of the list."""
    _only(tensor_list, "allgather").copy_(tensor)
    return _done(async_op)


def gather(tensor, gather_list=None, dst=None, group=None, async_op: bool = False, group_dst=None):
    """Writes the tensor into the only one of the list."""
    _root(dst, "gather")
    _only(gather_list or [], "gather").copy_(tensor)
    return _done(async_op)


def scatter(tensor, scatter_list=None, src=None, group=None, async_op: bool = False, group_src=None):
    """Writes the only tensor of the list into `tensor`."""
    _root(src, "scatter")
    tensor.copy_(_only(scatter_list or [], "scatter"))
    return _done(async_op)


def reduce_scatter(output, input_list, op=ReduceOp.SUM, group=None, async_op: bool = False):
    """Writes the only tensor of the list into `output`."""
    output.copy_(_only(input_list, "reduce_scatter"))
    return _done(async_op)


def all_to_all(output_tensor_list, input_tensor_list, group=None, async_op: bool = False):
    """Writes the only tensor of one list into that of the other."""
    _only(output_tensor_list, "alltoall").copy_(_only(input_tensor_list, "alltoall"))
    return _done(async_op)


def all_gather_into_tensor(output_tensor, input_tensor, group=None, async_op: bool = False):
    """Writes the one tensor into the other."""
    _world()
    output_tensor.copy_(input_tensor.reshape(output_tensor.shape))
    return _done(async_op)


def all_to_all_single(
    output, input, output_split_sizes=None, input_split_sizes=None, group=None, async_op: bool = False
):
    """Writes the one tensor into the other."""
    return all_gather_into_tensor(output, input, group, async_op)


def reduce_scatter_tensor(output, input, op=ReduceOp.SUM, group=None, async_op: bool = False):
    """Writes the one tensor into the other."""
    return all_gather_into_tensor(output, input, group, async_op)


def all_gather_object(object_list, obj, group=None) -> None:
    """Puts the object into the list of one."""
    _only(object_list, "allgather")
    object_list[0] = obj


def gather_object(obj, object_gather_list=None, dst=None, group=None, group_dst=None) -> None:
    """Puts the object into the list of one."""
    _root(dst, "gather")
    _only(object_gather_list or [], "gather")
    object_gather_list[0] = obj


def broadcast_object_list(object_list, src=None, group=None, device=None, group_src=None) -> None:
    """Leaves the list, which is what process 0 has."""
    _root(src, "broadcast")


def send(tensor, dst=None, group=None, tag: int = 0, group_dst=None):
    """Raises ValueError: there is no other process."""
    _world()
    raise ValueError(
        "Invalid destination rank: destination rank should not be the same as the rank of the current "
        "process."
    )


def recv(tensor, src=None, group=None, tag: int = 0, group_src=None):
    """Raises ValueError: there is no other process."""
    _world()
    raise ValueError(
        "Invalid source rank: source rank should not be the same as the rank of the current process."
    )


isend, irecv = send, recv


def get_process_group_ranks(group=None) -> list:
    """[0]."""
    _world()
    return [0]


def get_global_rank(group, group_rank: int) -> int:
    """The rank, which is 0."""
    return group_rank


get_group_rank = get_global_rank


def scatter_object_list(output_list, input_list=None, src=None, group=None, group_src=None) -> None:
    """Puts the only object of one list into the other."""
    _root(src, "scatter")
    output_list[0] = _only(input_list or [], "scatter")


_SUBMODULES = frozenset(
    "algorithms checkpoint constants device_mesh distributed_c10d fsdp nn optim tensor utils".split()
)


def init_device_mesh(*args, **kwargs):
    """Raises NotImplementedError."""
    from .device_mesh import DeviceMesh

    return DeviceMesh()


def __getattr__(name: str):
    if name in _SUBMODULES:
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    from .._names import missing

    raise missing("torch.distributed", name, list(globals()))
