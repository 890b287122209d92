"""Parallel wrappers, accepted for one process on one device: they call the module that they wrap."""

from .data_parallel import DataParallel, data_parallel
from .distributed import DistributedDataParallel

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]


def __getattr__(name):
    if name in ("gather", "scatter"):
        from . import scatter_gather

        return getattr(scatter_gather, name)
    if name in ("parallel_apply", "replicate"):
        raise NotImplementedError(
            f"torch.nn.parallel.{name} needs several devices, which facula does not have"
        )
    from ..._names import missing

    raise missing(__name__, name, globals())
