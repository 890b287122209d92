"""RAdam (Liu et al. 2020): Adam whose first steps are rectified."""

from __future__ import annotations

from ._elementwise import Elementwise, check_common, decayed
from .optimizer import _to_scalar

__all__ = ["RAdam"]


class RAdam(Elementwise):
    """Adam that steps by the mean alone until enough is known of the variance.

    Args:
        lr: learning rate.
        betas: how much of the two running means is kept at each step.
        eps: added to the root.
        weight_decay: factor of an L2 penalty, or of the shrinking when decoupled.
        decoupled_weight_decay: shrink the parameters directly, as AdamW does.
        maximize: step along the gradient instead.
    """

    _kind = 5
    _filled = (("capturable", False), ("decoupled_weight_decay", False))

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_common(lr, eps, betas, weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _states(self, group):
        return "exp_avg", "exp_avg_sq"

    def _options(self, group):
        tail = group["eps"], group["decoupled_weight_decay"]
        return group["lr"], group["weight_decay"], *group["betas"], *tail

    def _formula(self, group, p, grad, state, step):
        beta1, beta2 = group["betas"]
        grad = decayed(group, p, grad)
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        correction2 = 1 - beta2**step
        lr = group["lr"] if group["differentiable"] else _to_scalar(group["lr"])
        update = mean / (1 - beta1**step) * lr
        limit = 2 / (1 - beta2) - 1
        length = limit - 2 * step * beta2**step / correction2
        if length > 5.0:
            top, bottom = (length - 4) * (length - 2) * limit, (limit - 4) * (limit - 2) * length
            update = update * (correction2**0.5 / (square.sqrt() + group["eps"])) * (top / bottom) ** 0.5
        p.add_(update, alpha=-1.0)


def __getattr__(name):  # the step as a function
    from ._functional import find

    return find(__name__, name)
