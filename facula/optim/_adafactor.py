"""Adafactor (Shazeer and Stern 2018): the mean square of a matrix as a product of a row and a column."""

from __future__ import annotations

import facula as torch

from ._elementwise import scalar
from .optimizer import Optimizer, _to_scalar, run_closure

__all__ = ["Adafactor"]


class Adafactor(Optimizer):
    """Adam's scaling with memory for one row and one column per matrix.

    Args:
        lr: largest learning rate; it falls with the root of the number of steps.
        beta2_decay: power by which new squares lose weight.
        eps: the least mean square (None: that of the dtype) and the least size of a parameter.
        d: bound for the root mean square of an update.
        weight_decay: factor by which parameters shrink, times lr.
        maximize: step along the gradient instead.
    """

    def __init__(
        self,
        params,
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        if isinstance(lr, torch.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 <= lr:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not 0.0 >= beta2_decay:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not 0.0 <= eps[0]:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not 0.0 <= eps[1]:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not 1.0 <= d:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def __setstate__(self, state) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("foreach", None)
            for p in group["params"]:
                own = self.state.get(p)
                if own and not isinstance(own["step"], torch.Tensor):
                    own["step"] = scalar(own["step"])

    def _begin(self, p) -> dict:
        if torch.is_complex(p):
            raise RuntimeError("Adafactor does not support complex parameters")
        grad = p.grad
        if grad.is_sparse:
            raise RuntimeError("Adafactor does not support sparse gradients")
        state = self.state[p]
        if not state:
            state["step"] = scalar(0.0)
            if grad.dim() > 1:
                shape = list(grad.shape)
                state["row_var"] = grad.new_zeros([*shape[:-1], 1])
                state["col_var"] = grad.new_zeros([*shape[:-2], 1, shape[-1]])
            else:
                state["variance"] = torch.zeros_like(grad)
        return state

    @torch.no_grad()
    def step(self, closure=None):
        """Updates the parameters once; returns the closure's value."""
        loss = run_closure(closure)
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            states = [self._begin(p) for p in params]
            for p, state in zip(params, states):
                _update(group, p, -p.grad if group["maximize"] else p.grad, state)
        return loss


def _mean_square(grad, dim: int):
    return torch.norm(grad, dim=dim, keepdim=True).square_().div_(grad.size(dim))


def _update(group, p, grad, state) -> None:
    least, least_size = group["eps"]
    least = torch.finfo(p.dtype).eps if least is None else least
    lr, decay = _to_scalar(group["lr"]), group["weight_decay"]
    state["step"].add_(1)
    step = state["step"].item()
    share = step ** group["beta2_decay"]
    rate = max(least_size, p.norm(2).item() / p.numel() ** 0.5) * min(lr, 1 / step**0.5)
    if decay != 0:
        p.mul_(1 - lr * decay)
    if grad.dim() > 1:
        rows, columns = state["row_var"], state["col_var"]
        rows.lerp_(_mean_square(grad, -1), share)
        columns.lerp_(_mean_square(grad, -2), share)
        estimate = (rows @ columns).div_(rows.mean(dim=-2, keepdim=True).clamp_(min=least))
    else:
        state["variance"].lerp_(grad * grad, share)
        estimate = state["variance"].clone()
    update = estimate.clamp_(min=least * least).rsqrt_().mul_(grad)
    size = max(1.0, update.norm(2).item() / (update.numel() ** 0.5 * group["d"]))
    p.add_(update, alpha=-rate / size)


def __getattr__(name):  # the step as a function
    from ._functional import find

    return find(__name__, name)
