"""Adamax (Kingma and Ba 2015, section 7)."""

from __future__ import annotations

import facula as torch

from ._elementwise import Elementwise, check_common, decayed
from .optimizer import _to_scalar

__all__ = ["Adamax"]


class Adamax(Elementwise):
    """Adam with a decaying maximum in place of the root of the mean square.

    Args:
        lr: learning rate.
        betas: how much of the mean and of the maximum is kept at each step.
        eps: added to the magnitude of the gradient.
        weight_decay: factor of an L2 penalty.
        maximize: step along the gradient instead.
    """

    _kind = 2
    _filled = (("capturable", False),)

    def __init__(
        self,
        params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_common(lr, eps, betas, weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _states(self, group):
        return "exp_avg", "exp_inf"

    def _options(self, group):
        return group["lr"], group["weight_decay"], *group["betas"], group["eps"]

    def _formula(self, group, p, grad, state, step):
        beta1, beta2 = group["betas"]
        grad = decayed(group, p, grad)
        mean, norm = state["exp_avg"], state["exp_inf"]
        mean.lerp_(grad, 1 - beta1)
        norm.copy_(torch.maximum(norm * beta2, grad.abs() + group["eps"]))
        p.addcdiv_(mean, norm, value=-(_to_scalar(group["lr"]) / (1 - beta1**step)))


def __getattr__(name):  # the step as a function
    from ._functional import find

    return find(__name__, name)
