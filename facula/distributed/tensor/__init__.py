"""torch.distributed.tensor: how tensors would lie over processes; in one process none is cut."""

from .._absent import make
from .placement_types import Partial, Placement, Replicate, Shard

__all__ = ["DTensor", "Partial", "Placement", "Replicate", "Shard", "distribute_module", "distribute_tensor"]


DTensor, distribute_module, distribute_tensor = (
    make("torch.distributed.tensor", name) for name in ("DTensor", "distribute_module", "distribute_tensor")
)


def __getattr__(name: str):
    if name == "parallel":
        from importlib import import_module

        return import_module(f"{__name__}.parallel")
    from ..._names import missing

    raise missing("torch.distributed.tensor", name, list(globals()))
