"""Rprop (Riedmiller and Braun 1993): steps by the sign of the gradient alone."""

from __future__ import annotations

import facula as torch

from ._elementwise import Elementwise, check_lr
from .optimizer import _to_scalar

__all__ = ["Rprop"]


class Rprop(Elementwise):
    """Every element has a step of its own that grows while the sign of its gradient stays, and shrinks
    when it turns.

    Args:
        lr: the first step.
        etas: factors by which a step shrinks and grows.
        step_sizes: the smallest and the largest step.
        maximize: step along the gradient instead.
    """

    _kind = 7
    _filled = (("capturable", False),)

    def __init__(
        self,
        params,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _states(self, group):
        return "prev", "step_size"

    def _options(self, group):
        return *group["etas"], *group["step_sizes"]

    def _begin(self, p, group):
        lr = _to_scalar(group["lr"])
        size = torch.full_like(p.grad, complex(lr, lr) if p.is_complex() else lr, requires_grad=False)
        return {"prev": torch.zeros_like(p, requires_grad=False), "step_size": size}

    def _formula(self, group, p, grad, state, step):
        (less, more), bounds = group["etas"], group["step_sizes"]
        previous, size = state["prev"], state["step_size"]
        turn = (grad * previous).sign()
        one = torch.ones_like(size)
        factor = torch.where(turn > 0, one * more, torch.where(turn < 0, one * less, one))
        size.mul_(factor).clamp_(*bounds)
        grad = torch.where(turn < 0, torch.zeros_like(grad), grad)
        p.addcmul_(grad.sign(), size, value=-1)
        previous.copy_(grad)


def __getattr__(name):  # the step as a function
    from ._functional import find

    return find(__name__, name)
