"""Averaged stochastic gradient descent (Polyak and Juditsky 1992)."""

from __future__ import annotations

import facula as torch

from ._elementwise import Elementwise, check, check_lr, decayed, scalar
from .optimizer import _to_scalar

__all__ = ["ASGD"]


class ASGD(Elementwise):
    """Gradient descent that also keeps the mean of the parameters (state 'ax').

    Args:
        lr: learning rate at the start.
        lambd: decay of the parameters.
        alpha: power by which the rate falls.
        t0: the step at which averaging begins.
        weight_decay: factor of an L2 penalty.
        maximize: step along the gradient instead.
    """

    _kind = 3
    _filled = (("capturable", False),)
    _counts = ("eta", "mu")

    def __init__(
        self,
        params,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_lr(lr)
        check(0.0 <= weight_decay, "weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _states(self, group):
        return ("ax",)

    def _options(self, group):
        return group["lr"], group["weight_decay"], group["lambd"], group["alpha"], group["t0"]

    def _begin(self, p, group):
        start = {"eta": scalar(_to_scalar(group["lr"])), "mu": scalar(1.0)}
        return {**start, "ax": torch.zeros_like(p, requires_grad=False)}

    def _formula(self, group, p, grad, state, step):
        lr, lambd = _to_scalar(group["lr"]), group["lambd"]
        eta, mu, mean = state["eta"], state["mu"], state["ax"]
        grad = decayed(group, p, grad)
        rate = eta.item()
        p.mul_(1 - lambd * rate).add_(grad, alpha=-rate)
        if mu.item() == 1:
            mean.copy_(p)
        else:
            mean.add_(p.sub(mean).mul(mu))
        eta.copy_(torch.tensor(lr / (1 + lambd * lr * step) ** group["alpha"]))
        mu.copy_(torch.tensor(1 / max(1, step - group["t0"])))


def __getattr__(name):  # the step as a function
    from ._functional import find

    return find(__name__, name)
