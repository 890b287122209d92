"""torch.distributed.nn: what processes exchange, with gradients; of one process, copies."""

from .functional import all_gather, all_reduce, broadcast, gather, reduce, reduce_scatter, scatter

__all__ = ["all_gather", "all_reduce", "broadcast", "gather", "reduce", "reduce_scatter", "scatter"]
