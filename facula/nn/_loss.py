"""Losses that are compositions of operations."""

from __future__ import annotations

import math
from collections.abc import Callable

import facula as torch
from facula import _C, Tensor

from ._distance import pairwise_distance, require_tensors

__all__ = [
    "l1_loss", "kl_div", "poisson_nll_loss", "gaussian_nll_loss",
    "margin_ranking_loss",
    "hinge_embedding_loss", "cosine_embedding_loss", "multilabel_soft_margin_loss",
    "multi_margin_loss", "multilabel_margin_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip
_WRAPPED: tuple[str, ...] = ()


def legacy_reduction(size_average, reduce) -> str:
    """What the two arguments before `reduction` existed mean."""
    import warnings

    size_average = True if size_average is None else size_average
    reduce = True if reduce is None else reduce
    meant = "none" if not reduce else "mean" if size_average else "sum"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{meant}' instead.",
        stacklevel=4,
    )
    return meant


def _reduced(loss: Tensor, reduction: str, size_average=None, reduce=None) -> Tensor:
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{reduction} is not a valid value for reduction")


def _check_reduction(reduction: str) -> None:
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")


def _warn_of_broadcast(input: Tensor, target: Tensor) -> None:
    if target.size() != input.size():
        import warnings

        warnings.warn(
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}). "
            "This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=3,
        )


def _weighted(input: Tensor, loss: Tensor, weight: Tensor, reduction: str) -> Tensor:
    if weight.size() != input.size():
        raise ValueError("Weights and input must have the same size.")
    loss = loss * weight
    if reduction == "mean":
        return loss.sum() / weight.sum()
    return _reduced(loss, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average=None,
    reduce=None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input - target|."""
    _warn_of_broadcast(input, target)
    loss = (input - target).abs()
    if weight is not None:
        if size_average is not None or reduce is not None:
            reduction = legacy_reduction(size_average, reduce)
        return _weighted(input, loss, weight, reduction)
    return _reduced(loss, reduction, size_average, reduce)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average=None,
    reduce=None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """t (log t - input), with the target given as probabilities or as their logarithms."""
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    elif reduction == "mean":
        import warnings

        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
            stacklevel=2,
        )
    for kind in (input, target):
        if isinstance(kind, torch.Tensor) and not kind.dtype.is_floating_point:
            what = "Complex" if kind.dtype.is_complex else "Integral"
            raise RuntimeError(f"kl_div: {what} inputs not supported.")
    loss = target.exp() * (target - input) if log_target else torch.xlogy(target, target) - target * input
    if reduction == "batchmean":
        return loss.sum() / input.size(0) if input.dim() else loss.sum()
    return _reduced(loss, reduction)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average=None,
    eps: float = 1e-8,
    reduce=None,
    reduction: str = "mean",
) -> Tensor:
    """The negative log likelihood of Poisson counts; `full` adds Stirling's term."""
    require_tensors("poisson_nll_loss", input=input, target=target)
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        loss = loss + torch.where(target > 1, stirling, torch.zeros_like(stirling))
    return _reduced(loss, reduction, size_average, reduce)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """The negative log likelihood of normal targets; the variance counts as at least eps."""
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = var * torch.ones_like(input)
    elif bool((var < 0).any()):
        raise ValueError("var has negative entry/entries")
    if var.size() != input.size():
        if input.size()[:-1] == var.size():
            var = var.unsqueeze(-1)
        elif not (var.dim() == input.dim() and all(v in (1, i) for v, i in zip(var.size(), input.size()))):
            raise ValueError("var is of incorrect size")
    _check_reduction(reduction)
    var = var.clone()
    with torch.no_grad():
        var.clamp_(min=eps)
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return _reduced(loss, reduction)


def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average=None,
    reduce=None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, -t (x1 - x2) + margin)."""
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.size()}, input2: {input2.size()}, target: {target.size()} "
        )
    return _reduced(
        (-target * (input1 - input2) + float(margin)).clamp_min(0), reduction, size_average, reduce
    )


def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average=None,
    reduce=None,
    reduction: str = "mean",
) -> Tensor:
    """x where t is 1, max(0, margin - x) where it is -1."""
    zero = torch.zeros_like(input)
    apart = torch.where(target == 1, zero, (torch.full_like(input, margin) - input).clamp_min(0))
    together = torch.where(target == -1, zero, input)
    return _reduced(apart + together, reduction, size_average, reduce)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average=None,
    reduce=None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos where t is 1, max(0, cos - margin) where it is -1."""
    require_tensors("cosine_embedding_loss", input1=input1, input2=input2, target=target)
    if target.dim() not in (0, 1):
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    dims = target.dim() + 1
    if input1.dim() != dims or input2.dim() != dims:
        raise RuntimeError(
            f"{dims - 1}D target tensor expects {dims}D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and {list(input2.shape)}."
        )
    eps = 1e-12
    dot = (input1 * input2).sum(-1)
    cos = dot / (((input1 * input1).sum(-1) + eps) * ((input2 * input2).sum(-1) + eps)).sqrt()
    zero = torch.zeros_like(cos)
    loss = torch.where(target == 1, 1 - cos, zero) + torch.where(
        target == -1, (cos - margin).clamp_min(0), zero
    )
    return _reduced(loss, reduction, size_average, reduce)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average=None,
    reduce=None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over classes of a binary cross entropy for each."""
    log_sigmoid = torch.nn.functional.logsigmoid
    loss = -(target * log_sigmoid(input) + (1 - target) * log_sigmoid(-input))
    if weight is not None:
        loss = loss * weight
    classes = input.dim() - 1
    return _reduced(loss.sum(classes) / input.size(classes), reduction, size_average, reduce)


def _require_classes(target: Tensor, classes: int, lowest: int, text: str) -> None:
    if target.dtype != torch.int64:
        from .._composite.linalg_norms import type_name

        raise RuntimeError(f"expected scalar type Long but found {type_name(target.dtype)}")
    if target.numel() and not torch._C._is_batched(target) and not target.is_meta:
        if bool(((target < lowest) | (target >= classes)).any()):
            raise RuntimeError(text)


def _check_margin_target(input: Tensor, target: Tensor, weight: Tensor | None) -> None:
    sizes = input.shape
    if len(sizes) > 2 or 0 in sizes[1:] or len(sizes) == 1 and sizes[0] == 0:
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(sizes)}"
        )
    count = sizes[0] if len(sizes) == 2 else 1
    if target.dim() > 1 or target.numel() != count:
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples "
            f"(batch size). Expected target size [{count}], but got {list(target.shape)}. Input has shape "
            f"{list(sizes)}."
        )
    if weight is not None and weight.numel() != (sizes[-1] if sizes else 1):
        raise RuntimeError(
            f"inconsistent weight size, expected {sizes[-1] if sizes else 1} but got {list(weight.shape)}"
        )


def _require_wide(kernel: str, input: Tensor) -> None:
    if input.dtype not in (torch.float32, torch.float64):
        from .._composite.linalg_norms import type_name

        raise NotImplementedError(f"\"{kernel}\" not implemented for '{type_name(input.dtype)}'")


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average=None,
    reduce=None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over wrong classes of max(0, margin - x_target + x)^p."""
    if size_average is None and reduce is None:
        _check_reduction(reduction)
    require_tensors("multi_margin_loss", input=input, target=target)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    _check_margin_target(input, target, weight)
    _require_wide("multi_margin_loss_cpu_kernel", input)
    _require_classes(target, input.size(-1) if input.dim() else 1, 0, "target out of range")
    rows = input if input.dim() == 2 else input.reshape(1, -1)
    index = target.reshape(-1, 1)
    z = (margin - rows.gather(1, index) + rows).clamp_min(0)
    if p == 2:
        z = z * z
    if weight is not None:
        z = z * weight[index]
    z = z.scatter(1, index, 0.0)
    loss = z.sum(1) / rows.size(1)
    result = _reduced(loss if target.dim() else loss.squeeze(0), reduction, size_average, reduce)
    return _C._name_history(result, "MultiMarginLossBackward0")


def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average=None, reduce=None, reduction: str = "mean"
) -> Tensor:
    """Hinge loss between each listed class and each class not listed; a list ends at its first -1."""
    if size_average is None and reduce is None:
        _check_reduction(reduction)
    require_tensors("multilabel_margin_loss", input=input, target=target)
    sizes = input.shape
    if len(sizes) > 2 or 0 in sizes[1:] or len(sizes) == 1 and sizes[0] == 0:
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(sizes)}"
        )
    if target.shape != input.shape:
        raise RuntimeError(
            f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}"
        )
    _require_wide("multilabel_margin_loss_forward_out_frame", input)
    classes = sizes[-1] if sizes else 1
    _require_classes(target, classes, -1, "argument #2 'target' is out of range")
    rows = input if input.dim() == 2 else input.reshape(1, -1)
    labels = target if target.dim() == 2 else target.reshape(1, -1)
    listed = (labels >= 0).to(rows.dtype).cumprod(1)
    index = labels.clamp_min(0)
    is_target = torch.zeros_like(rows).scatter_add(1, index, listed).gt(0)
    gaps = 1 - rows.gather(1, index).unsqueeze(2) + rows.unsqueeze(1)
    mask = listed.unsqueeze(2) * (~is_target).to(rows.dtype).unsqueeze(1)
    loss = (gaps.clamp_min(0) * mask).sum((1, 2)) / rows.size(1)
    result = _reduced(loss if input.dim() == 2 else loss.squeeze(0), reduction, size_average, reduce)
    return _C._name_history(result, "MultilabelMarginLossBackward0")


def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average=None,
    reduce=None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin)."""
    require_tensors("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda a, b: pairwise_distance(a, b, p, eps),
        margin=margin,
        swap=swap,
        reduction=reduction,
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """The triplet loss for a distance of one's own."""
    _check_reduction(reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    distance = distance_function or pairwise_distance
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, "
            f"but got: anchor {anchor.dim()}D, positive {positive.dim()}D, and negative "
            f"{negative.dim()}D inputs"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = torch.minimum(far, distance(positive, negative))
    return _reduced((margin + near - far).clamp_min(0), reduction)
