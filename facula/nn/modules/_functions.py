"""Synchronised batch normalisation as a function: with one process, ordinary batch normalisation."""

from __future__ import annotations

from .. import functional as F

__all__ = ["SyncBatchNorm"]


class SyncBatchNorm:
    """What torch.nn.SyncBatchNorm applies."""

    @staticmethod
    def apply(input, weight, bias, running_mean, running_var, eps, momentum, process_group, world_size):
        """Batch normalisation in training; `process_group` and `world_size` have no meaning here."""
        return F.batch_norm(input, running_mean, running_var, weight, bias, True, momentum, eps)
