"""torch.distributed.algorithms: what concerns a group of one process."""

from . import join as join

__all__ = ["join"]
