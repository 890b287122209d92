"""RMSprop (Tieleman and Hinton 2012; the centered version: Graves 2013)."""

from __future__ import annotations

from ._elementwise import Elementwise, check, check_lr, decayed
from .optimizer import _to_scalar

__all__ = ["RMSprop"]


class RMSprop(Elementwise):
    """Divides the gradient by the root of the running mean of its square.

    Args:
        lr: learning rate.
        alpha: how much of the running means is kept at each step.
        eps: added to the root.
        weight_decay: factor of an L2 penalty.
        momentum: share of the previous change that is kept.
        centered: divide by an estimate of the standard deviation instead.
        maximize: step along the gradient instead.
    """

    _kind = 6
    _filled = (("momentum", 0), ("centered", False), ("capturable", False))

    def __init__(
        self,
        params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        check(0.0 <= eps, "epsilon value", eps)
        check(0.0 <= momentum, "momentum value", momentum)
        check(0.0 <= weight_decay, "weight_decay value", weight_decay)
        check(0.0 <= alpha, "alpha value", alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _states(self, group):
        mean = "grad_avg" if group["centered"] else None
        return "square_avg", mean, "momentum_buffer" if group["momentum"] > 0 else None

    def _options(self, group):
        return group["lr"], group["weight_decay"], group["alpha"], group["eps"], group["momentum"]

    def _begin(self, p, group):
        states = super()._begin(p, group)
        order = ("square_avg", "momentum_buffer", "grad_avg")  # as PyTorch's state_dict has them
        return {name: states[name] for name in order if name in states}

    def _formula(self, group, p, grad, state, step):
        lr, alpha, momentum = _to_scalar(group["lr"]), group["alpha"], group["momentum"]
        grad = decayed(group, p, grad)
        square = state["square_avg"]
        square.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        size = square
        if group["centered"]:
            mean = state["grad_avg"]
            mean.lerp_(grad, 1 - alpha)
            size = square.addcmul(mean, mean, value=-1)
        size = size.sqrt() + group["eps"]
        if momentum > 0:
            buffer = state["momentum_buffer"]
            buffer.mul_(momentum).addcdiv_(grad, size)
            p.add_(buffer, alpha=-lr)
        else:
            p.addcdiv_(grad, size, value=-lr)


def __getattr__(name):  # the step as a function
    from ._functional import find

    return find(__name__, name)
