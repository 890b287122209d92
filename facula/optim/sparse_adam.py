"""SparseAdam: Adam that touches only where a sparse gradient holds something."""

from __future__ import annotations

import math

import facula as torch

from ._elementwise import check, check_lr
from .optimizer import Optimizer, _to_scalar, run_closure

__all__ = ["SparseAdam"]


class SparseAdam(Optimizer):
    """Adam for sparse gradients of dense parameters.

    Args:
        lr: learning rate, above zero.
        betas: how much of the two running means is kept at each step, where there is a gradient.
        eps: added to the root.
        maximize: step along the gradient instead.
    """

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        check_lr(lr if isinstance(lr, torch.Tensor) and lr.numel() != 1 else 1.0)
        check(0.0 < lr, "learning rate", lr)
        check(0.0 < eps, "epsilon value", eps)
        for i in (0, 1):
            check(0.0 <= betas[i] < 1.0, f"beta parameter at index {i}", betas[i])
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        sparse, complex_ = [], []
        for i, group in enumerate(self.param_groups):
            for j, p in enumerate(group["params"]):
                if p.is_sparse:
                    sparse.append([i, j])
                if p.is_complex():
                    complex_.append([i, j])
        if sparse:
            raise ValueError(
                f"Sparse params at indices {sparse}: SparseAdam requires dense parameter tensors"
            )
        if complex_:
            raise ValueError(
                f"Complex params at indices {complex_}: SparseAdam does not support complex parameters"
            )

    @torch.no_grad()
    def step(self, closure=None):
        """Updates the parameters once; returns the closure's value."""
        loss = run_closure(closure)
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            for p in params:
                if not p.grad.is_sparse and not getattr(p, "_sparse_gradient", False):
                    raise RuntimeError(
                        "SparseAdam does not support dense gradients, please consider Adam instead"
                    )
                state = self.state[p]
                if not state:
                    state.update(step=0, exp_avg=torch.zeros_like(p), exp_avg_sq=torch.zeros_like(p))
                state["step"] += 1
            for p in params:
                _update(group, p, self.state[p])
        return loss


def _rows(grad):
    """Where a gradient holds something, and the values there: of a dense one, the rows that are not zero."""
    if grad.is_sparse:
        grad = grad.coalesce()
        return tuple(grad._indices()), grad._values()
    rows = grad.flatten(1).ne(0).any(dim=1).nonzero().squeeze(1)
    return (rows,), grad[rows]


def _update(group, p, state) -> None:
    beta1, beta2 = group["betas"]
    at, values = _rows(p.grad)
    if group.get("maximize"):
        values = -values
    if values.numel() == 0:
        return
    mean, square, step = state["exp_avg"], state["exp_avg_sq"], state["step"]
    old_mean, old_square = mean[at], square[at]
    mean_change = values.sub(old_mean).mul_(1 - beta1)
    square_change = values.pow(2).sub_(old_square).mul_(1 - beta2)
    mean.index_put_(at, mean_change, accumulate=True)
    square.index_put_(at, square_change, accumulate=True)
    size = square_change.add_(old_square).sqrt_().add_(group["eps"])
    rate = _to_scalar(group["lr"]) * math.sqrt(1 - beta2**step) / (1 - beta1**step)
    p.index_put_(at, mean_change.add_(old_mean).div_(size) * -rate, accumulate=True)
