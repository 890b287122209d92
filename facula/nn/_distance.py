"""Distances, normalisation and encodings that are compositions of operations."""

from __future__ import annotations

import facula as torch
from facula import _C, Tensor

__all__ = ["normalize", "cosine_similarity", "pairwise_distance", "one_hot"]


def require_tensors(function: str, **given: Tensor) -> None:
    """The error of PyTorch's parser where a composition is given something else."""
    for place, (name, each) in enumerate(given.items(), 1):
        if not isinstance(each, torch.Tensor):
            kind = type(each).__name__
            raise TypeError(f"{function}(): argument '{name}' (position {place}) must be Tensor, not {kind}")


def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """x / max(||x||_p, eps) along dim."""
    denominator = input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
    return input / denominator if out is None else torch.div(input, denominator, out=out)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between x1 and x2 along dim; each norm counts as at least eps."""
    require_tensors("cosine_similarity", x1=x1, x2=x2)
    common = torch.promote_types(x1.dtype, x2.dtype)
    if not common.is_floating_point:
        kind = torch.empty(0, dtype=common).type().split(".")[-1].removesuffix("Tensor")
        raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {kind}")
    x1, x2 = torch.broadcast_tensors(x1.to(common), x2.to(common))
    n1 = x1.norm(2, dim, keepdim=True).clamp_min(eps)
    n2 = x2.norm(2, dim, keepdim=True).clamp_min(eps)
    return ((x1 / n1) * (x2 / n2)).sum(dim)


def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """||x1 - x2 + eps||_p along the last dimension."""
    require_tensors("pairwise_distance", x1=x1, x2=x2)
    return _C._name_history((x1 - x2 + eps).norm(p, -1, keepdim), "NormBackward1")


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Integer classes as vectors of zeros with a single one."""
    if isinstance(num_classes, bool):
        raise TypeError("one_hot(): argument 'num_classes' must be int, not bool")
    require_tensors("one_hot", input=tensor)
    if not isinstance(num_classes, int) and not hasattr(num_classes, "__index__"):
        kind = type(num_classes).__name__
        raise TypeError(f"one_hot(): argument 'num_classes' (position 2) must be int, not {kind}")
    if tensor.dtype != torch.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if tensor.numel() == 0:
        if num_classes <= 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        return tensor.new_zeros((*tensor.shape, num_classes))
    if torch._C._is_batched(tensor):
        if num_classes <= 0:
            raise RuntimeError(
                "When vmap-ing torch.nn.functional.one_hot, please provide an explicit positive num_classes "
                "argument."
            )
        result = tensor.new_zeros((*tensor.shape, num_classes))
        return result.scatter_(-1, tensor.unsqueeze(-1), 1)
    if tensor.min().item() < 0:
        raise RuntimeError("Class values must be non-negative.")
    largest = tensor.max().item()
    if num_classes == -1:
        num_classes = largest + 1
    elif num_classes < 1:
        raise RuntimeError("num_classes should be positive")
    elif largest >= num_classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    result = tensor.new_zeros((*tensor.shape, num_classes))
    return result.scatter_(-1, tensor.unsqueeze(-1), 1)
