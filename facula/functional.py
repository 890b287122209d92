"""torch.functional: the functions of torch that PyTorch keeps in this module; they are those of torch."""

from __future__ import annotations

__all__ = [
    *("atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_shapes", "broadcast_tensors"),
    *("cartesian_prod", "cdist", "chain_matmul", "einsum", "istft", "lu", "meshgrid", "norm", "pca_lowrank"),
    *("split", "stft", "svd_lowrank", "tensordot", "unique", "unique_consecutive", "unravel_index"),
]


def __getattr__(name):
    import facula

    if name in __all__:
        return getattr(facula, name)
    from ._names import missing

    raise missing(__name__, name, __dir__)


def __dir__():
    return sorted({*globals(), *__all__})
