"""Functions of torch that nn.functional has too, with other parameters, and old names.

`reduction` is 0 (none), 1 (mean) or 2 (sum); that it is 0 where it is not given is PyTorch's choice.
"""

from __future__ import annotations

_REDUCTIONS = ("none", "mean", "sum")


def _named(reduction: int) -> str:
    if not isinstance(reduction, int) or not 0 <= reduction <= 2:
        raise ValueError(f"{reduction} is not a valid value for reduction: 0 is none, 1 mean, 2 sum")
    return _REDUCTIONS[reduction]


def _nn():
    from .nn import functional

    return functional


def embedding(weight, indices, padding_idx=-1, scale_grad_by_freq=False, sparse=False):
    """Rows of `weight`, (n, d), at whole numbers `indices`: indices.shape + (d,)."""
    at = None if padding_idx == -1 else padding_idx
    return _nn().embedding(indices, weight, at, scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """The cosine of the angle between x1 and x2 along dim; each norm counts as at least eps."""
    return _nn().cosine_similarity(x1, x2, dim, eps)


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """||x1 - x2 + eps||_p along the last dimension."""
    return _nn().pairwise_distance(x1, x2, p, eps, keepdim)


def kl_div(input, target, reduction=0, *, log_target=False):
    """nn.functional.kl_div with a number for the reduction."""
    return _nn().kl_div(input, target, reduction=_named(reduction), log_target=log_target)


def poisson_nll_loss(input, target, log_input, full, eps, reduction):
    """nn.functional.poisson_nll_loss with a number for the reduction."""
    return _nn().poisson_nll_loss(input, target, log_input, full, eps=eps, reduction=_named(reduction))


def margin_ranking_loss(input1, input2, target, margin=0.0, reduction=0):
    """nn.functional.margin_ranking_loss with a number for the reduction."""
    return _nn().margin_ranking_loss(input1, input2, target, margin, reduction=_named(reduction))


def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction=0):
    """nn.functional.triplet_margin_loss with a number for the reduction."""
    return _nn().triplet_margin_loss(
        anchor, positive, negative, margin, p, eps, swap, reduction=_named(reduction)
    )


def hinge_embedding_loss(input, target, margin=1.0, reduction=0):
    """nn.functional.hinge_embedding_loss with a number for the reduction."""
    return _nn().hinge_embedding_loss(input, target, margin, reduction=_named(reduction))


def cosine_embedding_loss(input1, input2, target, margin=0.0, reduction=0):
    """nn.functional.cosine_embedding_loss with a number for the reduction."""
    return _nn().cosine_embedding_loss(input1, input2, target, margin, reduction=_named(reduction))


def binary_cross_entropy_with_logits(input, target, weight=None, pos_weight=None, reduction=0):
    """nn.functional.binary_cross_entropy_with_logits with a number for the reduction."""
    return _nn().binary_cross_entropy_with_logits(
        input, target, weight, pos_weight=pos_weight, reduction=_named(reduction)
    )


def _removed(name: str, instead: str):
    def call(*args, **kwargs):
        raise RuntimeError(
            "This function was deprecated since version 1.9 and is now removed.\n"
            f"Use torch.linalg.{instead}()."
        )

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Removed from PyTorch: RuntimeError that names torch.linalg.{instead}."
    return call


eig = _removed("eig", "eig")
symeig = _removed("symeig", "eigh")
solve = _removed("solve", "solve")
lstsq = _removed("lstsq", "lstsq")
matrix_rank = _removed("matrix_rank", "matrix_rank")
