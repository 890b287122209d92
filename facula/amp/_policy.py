"""Which functions autocast casts for, on the CPU.

Matrix products and convolutions run in half precision, losses and decompositions in single, joins in the
widest type they are given; all else runs as it comes. Nothing of this is met outside an autocast region:
it is a mode of `torch.overrides`.
"""

from __future__ import annotations

import facula as torch

from .._composite import tensors
from ..overrides import TorchFunctionMode

__all__ = ["CastingMode", "forget_casts"]

_HALF = (
    "conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d bmm mm baddbmm "
    "addmm addbmm "
    "linear matmul prelu scaled_dot_product_attention multi_head_attention_forward linalg.vecdot einsum "
    "tensordot "
    "inner chain_matmul linalg.multi_dot linalg.pinv cov corrcoef lstm rnn_tanh rnn_relu __matmul__ "
    "__rmatmul__ "
    "linalg.matmul svd_lowrank pca_lowrank"
)
_SINGLE = (
    "avg_pool3d lp_pool3d binary_cross_entropy grid_sample grid_sampler grid_sampler_2d grid_sampler_3d "
    "polar prod quantile "
    "nanquantile stft cdist trace view_as_complex cholesky cholesky_inverse cholesky_solve inverse "
    "lu_solve orgqr "
    "ormqr pinverse max_pool3d max_unpool1d max_unpool2d max_unpool3d adaptive_avg_pool3d mse_loss "
    "cosine_embedding_loss nll_loss hinge_embedding_loss poisson_nll_loss smooth_l1_loss cross_entropy "
    "l1_loss "
    "huber_loss margin_ranking_loss soft_margin_loss triplet_margin_loss multi_margin_loss ctc_loss kl_div "
    "multilabel_margin_loss binary_cross_entropy_with_logits fft.fft fft.ifft fft.fft2 fft.ifft2 fft.fftn "
    "fft.ifftn fft.rfft fft.irfft fft.rfft2 fft.irfft2 fft.rfftn fft.irfftn fft.hfft fft.ihfft linalg.cond "
    "linalg.matrix_rank linalg.solve linalg.cholesky linalg.svdvals linalg.eigvals linalg.eigvalsh "
    "linalg.inv "
    "linalg.householder_product linalg.tensorinv linalg.tensorsolve geqrf lu qr svd triangular_solve "
    "fractional_max_pool2d fractional_max_pool3d adaptive_max_pool3d linalg.qr linalg.cholesky_ex linalg.svd "
    "linalg.eig linalg.eigh linalg.lstsq linalg.inv_ex"
)
_WIDEST = "cat concat concatenate stack hstack vstack dstack index_copy"

_policies: dict | None = None
_casts: dict = {}  # id of a parameter -> (the parameter, its cast): cast once a region, as its gradient is


def _all_policies() -> dict:
    """From functions and methods to "half", "single" or "widest"."""
    global _policies
    if _policies is None:
        spaces = (torch, torch.nn.functional, torch.Tensor)
        _policies = {}
        for names, policy in ((_HALF, "half"), (_SINGLE, "single"), (_WIDEST, "widest")):
            for path in names.split():
                family, _, name = path.rpartition(".")
                for space in (getattr(torch, family),) if family else spaces:
                    function = getattr(space, name, None)
                    if callable(function):
                        _policies[function] = policy
    return _policies


def forget_casts() -> None:
    """Drops the casts of parameters that are kept for a region."""
    _casts.clear()


_CASTABLE = (torch.float32, torch.float16, torch.bfloat16)


def _cast(value, dtype, keep: bool):
    if isinstance(value, torch.Tensor):
        if value.dtype is dtype or value.dtype not in _CASTABLE:
            return value
        if not (keep and value.dtype is torch.float32 and value.requires_grad and value.is_leaf):
            return value.to(dtype)
        kept = _casts.get(id(value))
        if kept is None or kept[1].dtype is not dtype or kept[0] is not value:
            kept = _casts[id(value)] = (value, value.to(dtype))
        return kept[1]
    if isinstance(value, (list, tuple)):
        values = [_cast(v, dtype, keep) for v in value]
        return type(value)(*values) if hasattr(value, "_fields") else type(value)(values)
    return value


class CastingMode(TorchFunctionMode):
    """Casts the arguments of functions as `state` says: an object with `enabled`, `dtype` and `cache`."""

    def __init__(self, state) -> None:
        self.state = state

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        policy = _all_policies().get(func) if self.state.enabled else None
        if policy is None:
            return func(*args, **kwargs)
        if policy == "half":
            dtype = self.state.dtype
        elif policy == "single":
            dtype = torch.float32
        else:
            dtypes = {t.dtype for t in tensors((*args, *kwargs.values())) if t.is_floating_point()}
            if len(dtypes) < 2 or torch.float64 in dtypes:
                return func(*args, **kwargs)
            dtype = torch.float32 if torch.float32 in dtypes else self.state.dtype
        keep = policy == "half" and self.state.cache and torch.is_grad_enabled()
        args = [_cast(a, dtype, keep) for a in args]
        return func(*args, **{k: _cast(v, dtype, keep) for k, v in kwargs.items()})
