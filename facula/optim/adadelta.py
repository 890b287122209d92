"""Adadelta (Zeiler 2012)."""

from __future__ import annotations

from ._elementwise import Elementwise, check, check_lr, decayed
from .optimizer import _to_scalar

__all__ = ["Adadelta"]


class Adadelta(Elementwise):
    """Scales the gradient by the ratio of the running sizes of past changes and past gradients.

    Args:
        lr: factor of the change.
        rho: how much of the running means is kept at each step.
        eps: added under the roots.
        weight_decay: factor of an L2 penalty.
        maximize: step along the gradient instead.
    """

    _kind = 0
    _filled = (("capturable", False),)

    def __init__(
        self,
        params,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check(0.0 <= rho <= 1.0, "rho value", rho)
        check(0.0 <= eps, "epsilon value", eps)
        check(0.0 <= weight_decay, "weight_decay value", weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _states(self, group):
        return "square_avg", "acc_delta"

    def _options(self, group):
        return group["lr"], group["weight_decay"], group["rho"], group["eps"]

    def _formula(self, group, p, grad, state, step):
        rho, eps = group["rho"], group["eps"]
        square, change = state["square_avg"], state["acc_delta"]
        grad = decayed(group, p, grad)
        square.mul_(rho).addcmul_(grad, grad, value=1 - rho)
        delta = change.add(eps).sqrt() / square.add(eps).sqrt() * grad
        change.mul_(rho).addcmul_(delta, delta, value=1 - rho)
        p.add_(delta, alpha=-_to_scalar(group["lr"]))


def __getattr__(name):  # the step as a function
    from ._functional import find

    return find(__name__, name)
