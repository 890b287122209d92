"""The operators that torchvision compiles for PyTorch, as far as they can be written in operations.

Its compiled file cannot be loaded here. When torchvision asks for it, `nms` and `roi_align` are registered
in its place, with the others as names that raise NotImplementedError.
"""

from __future__ import annotations

import facula as torch

from ._library import operators
from .library import Library

__all__ = ["register"]

_SCHEMAS = {
    "_cuda_version": "() -> int",
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "roi_align": "(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width, "
    "int sampling_ratio, bool aligned) -> Tensor",
    "qroi_align": "(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width, "
    "int sampling_ratio, bool aligned) -> Tensor",
    "roi_pool": "(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width) "
    "-> (Tensor, Tensor)",
    "ps_roi_align": "(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width, "
    "int sampling_ratio) -> (Tensor, Tensor)",
    "ps_roi_pool": "(Tensor input, Tensor rois, float spatial_scale, int pooled_height, int pooled_width) "
    "-> (Tensor, Tensor)",
    "deform_conv2d": "(Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias, int stride_h, "
    "int stride_w, int pad_h, int pad_w, int dil_h, int dil_w, int groups, int offset_groups, "
    "bool use_mask) -> Tensor",
    "box_iou_rotated": "(Tensor boxes1, Tensor boxes2) -> Tensor",
    **{
        f"_{name}_backward": "(Tensor grad) -> Tensor"
        for name in ("roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "deform_conv2d")
    },
}


def nms(dets, scores, iou_threshold: float):
    """Indices of boxes [N, 4], best score first, that overlap no better one by more than the threshold.

    Raises:
        RuntimeError: shapes that are not [N, 4] and [N].
    """
    if dets.dim() != 2 or dets.size(1) != 4:
        raise RuntimeError(
            f"boxes should be a 2d tensor with 4 elements in dimension 1, got {list(dets.shape)}"
        )
    if scores.dim() != 1 or scores.size(0) != dets.size(0):
        raise RuntimeError(
            f"boxes and scores should have same number of elements in dimension 0, got {dets.size(0)} and "
            f"{list(scores.shape)}"
        )
    order = torch.sort(scores, descending=True, stable=True)[1]
    boxes = dets[order]
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left, keep = torch.arange(len(order)), []
    while len(left):
        best, rest = left[0], left[1:]
        keep.append(best)
        low, high = (
            torch.maximum(boxes[rest, :2], boxes[best, :2]),
            torch.minimum(boxes[rest, 2:], boxes[best, 2:]),
        )
        shared = (high - low).clamp(min=0).prod(1)
        left = rest[~(shared / (area[rest] + area[best] - shared) > iou_threshold)]
    return order[torch.stack(keep)] if keep else order


def roi_align(input, rois, spatial_scale, pooled_height, pooled_width, sampling_ratio, aligned):
    """torchvision's own formula in operations, which has gradients."""
    from torchvision.ops.roi_align import _roi_align

    arguments = (input, rois, spatial_scale, pooled_height, pooled_width, sampling_ratio, aligned)
    return getattr(_roi_align, "__wrapped__", _roi_align)(*arguments)


def register() -> None:
    """Defines the operators of torchvision; a second call changes nothing."""
    if "torchvision::nms" in operators:
        return
    library = Library("torchvision", "DEF")
    for name, schema in _SCHEMAS.items():
        library.define(name + schema)
    library.impl("_cuda_version", lambda: -1, "CompositeImplicitAutograd")
    library.impl("nms", nms, "CPU")
    library.impl("roi_align", roi_align, "CompositeImplicitAutograd")
