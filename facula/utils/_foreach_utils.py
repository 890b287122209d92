"""Which lists of tensors go through one call; optimizers outside of torch ask here."""

from __future__ import annotations

import facula as torch

__all__: list[str] = []

_foreach_supported_types = [torch.Tensor]


def _get_foreach_kernels_supported_devices() -> list[str]:
    return ["cuda", "xpu", "mtia", "privateuseone"]


def _get_fused_kernels_supported_devices() -> list[str]:
    return ["mps", "cuda", "xpu", "hpu", "cpu", "mtia", "privateuseone"]


def _device_has_foreach_support(device) -> bool:
    return device.type in [*_get_foreach_kernels_supported_devices(), "cpu"]


def _has_foreach_support(tensors, device) -> bool:
    return _device_has_foreach_support(device) and all(t is None or type(t) is torch.Tensor for t in tensors)


def _group_tensors_by_device_and_dtype(tensorlistlist, with_indices: bool = False) -> dict:
    """The lists cut by device and dtype of the tensors in the first: key -> (lists, their places)."""
    groups: dict = {}
    for place, row in enumerate(zip(*tensorlistlist)):
        lists, places = groups.setdefault((row[0].device, row[0].dtype), ([[] for _ in tensorlistlist], []))
        for values, value in zip(lists, row):
            values.append(value)
        if with_indices:
            places.append(place)
    return groups
