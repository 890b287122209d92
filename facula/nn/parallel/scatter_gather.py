"""Cutting a batch for several devices: with one, the whole batch goes there."""

from __future__ import annotations

import facula as torch
from facula.utils._pytree import tree_map

__all__ = ["gather", "scatter", "scatter_kwargs"]


def scatter(inputs, target_gpus, dim: int = 0) -> list:
    """The inputs for each device.

    Raises:
        NotImplementedError: more than one device.
    """
    if len(target_gpus) != 1:
        raise NotImplementedError("torch.nn.parallel.scatter: facula has one device")
    return [tree_map(lambda x: x, inputs)]


def scatter_kwargs(inputs, kwargs, target_gpus, dim: int = 0):
    """Arguments for each device."""
    return scatter(inputs or (), target_gpus, dim), scatter(kwargs or {}, target_gpus, dim)


def gather(outputs, target_device, dim: int = 0):
    """The results of all devices in one."""
    first = outputs[0]
    if isinstance(first, torch.Tensor):
        return torch.cat([o.reshape(1) if o.dim() == 0 else o for o in outputs], dim)
    if isinstance(first, dict):
        return type(first)((k, gather([o[k] for o in outputs], target_device, dim)) for k in first)
    return None if first is None else type(first)(gather(o, target_device, dim) for o in zip(*outputs))
