"""NAdam (Dozat 2016): Adam with Nesterov's momentum."""

from __future__ import annotations

from ._elementwise import Elementwise, check, check_common, decayed, scalar
from .optimizer import _to_scalar

__all__ = ["NAdam"]


class NAdam(Elementwise):
    """Adam that looks ahead along its momentum.

    Args:
        lr: learning rate.
        betas: how much of the two running means is kept at each step.
        eps: added to the root.
        weight_decay: factor of an L2 penalty, or of the shrinking when decoupled.
        momentum_decay: how fast the momentum approaches its value.
        decoupled_weight_decay: shrink the parameters directly, as AdamW does.
        maximize: step along the gradient instead.
    """

    _kind = 4
    _filled = (("capturable", False), ("decoupled_weight_decay", False))
    _counts = ("mu_product",)

    def __init__(
        self,
        params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_common(lr, eps, betas, weight_decay)
        check(0.0 <= momentum_decay, "momentum_decay value", momentum_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _states(self, group):
        return "exp_avg", "exp_avg_sq"

    def _options(self, group):
        tail = group["eps"], group["momentum_decay"], group["decoupled_weight_decay"]
        return group["lr"], group["weight_decay"], *group["betas"], *tail

    def _begin(self, p, group):
        return {"mu_product": scalar(1.0), **super()._begin(p, group)}

    def _formula(self, group, p, grad, state, step):
        beta1, beta2 = group["betas"]
        lr, decay = _to_scalar(group["lr"]), group["momentum_decay"]
        grad = decayed(group, p, grad)
        mean, square, product = state["exp_avg"], state["exp_avg_sq"], state["mu_product"]
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (step * decay))
        following = beta1 * (1.0 - 0.5 * 0.96 ** ((step + 1) * decay))
        product.mul_(mu)
        mean.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        size = square.div(1 - beta2**step).sqrt() + group["eps"]
        if group["differentiable"]:
            p.addcdiv_(grad * (-lr * (1.0 - mu) / (1.0 - product)), size)
            p.addcdiv_(mean * (-lr * following / (1.0 - product * following)), size)
            return
        so_far = product.item()
        p.addcdiv_(grad, size, value=-lr * (1.0 - mu) / (1.0 - so_far))
        p.addcdiv_(mean, size, value=-lr * following / (1.0 - so_far * following))


def __getattr__(name):  # the step as a function
    from ._functional import find

    return find(__name__, name)
