"""Adagrad (Duchi, Hazan and Singer 2011)."""

from __future__ import annotations

import facula as torch

from ._elementwise import Elementwise, check, check_lr, decayed, scalar
from .optimizer import _to_scalar, check_fused

__all__ = ["Adagrad"]


class Adagrad(Elementwise):
    """Divides the gradient by the root of the sum of its squares so far. Takes sparse gradients.

    Args:
        lr: learning rate.
        lr_decay: how fast the rate falls with the number of steps.
        weight_decay: factor of an L2 penalty.
        initial_accumulator_value: where the sum begins.
        eps: added to the root.
        maximize: step along the gradient instead.
    """

    _kind = 1
    _filled = (("fused", None),)

    def __init__(
        self,
        params,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr)
        check(0.0 <= lr_decay, "lr_decay value", lr_decay)
        check(0.0 <= weight_decay, "weight_decay value", weight_decay)
        check(0.0 <= initial_accumulator_value, "initial_accumulator_value value", initial_accumulator_value)
        check(0.0 <= eps, "epsilon value", eps)
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        check_fused(self, fused, foreach, differentiable)
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p] = {"step": scalar(0.0), **self._begin(p, group)}

    def share_memory(self) -> None:
        """Moves the sums into shared memory."""
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["sum"].share_memory_()

    def _states(self, group):
        return ("sum",)

    def _options(self, group):
        return group["lr"], group["weight_decay"], group["lr_decay"], group["eps"]

    def _begin(self, p, group):
        value = group["initial_accumulator_value"]
        if p.is_complex():
            value = complex(value, value)
        return {"sum": torch.full_like(p, value, requires_grad=False)}

    def _check_grad(self, grad):
        pass

    def _plain_one(self, group, p, grad, state):
        if not grad.is_sparse:
            return super()._plain_one(group, p, grad, state)
        if group["weight_decay"] != 0:
            raise RuntimeError("weight_decay option is not compatible with sparse gradients")
        state["step"].add_(1)
        rate = _to_scalar(group["lr"]) / (1 + (state["step"].item() - 1) * group["lr_decay"])
        grad = grad.coalesce()
        at, values = tuple(grad._indices()), grad._values()
        total = state["sum"]
        total.index_put_(at, values.pow(2), accumulate=True)
        p.index_put_(at, values / total[at].sqrt().add_(group["eps"]) * -rate, accumulate=True)

    def _formula(self, group, p, grad, state, step):
        grad = decayed(group, p, grad)
        rate = _to_scalar(group["lr"]) / (1 + (step - 1) * group["lr_decay"])
        total = state["sum"]
        total.addcmul_(grad, grad, value=1)
        p.addcdiv_(grad, total.sqrt() + group["eps"], value=-rate)


def __getattr__(name):  # the step as a function
    from ._functional import find

    return find(__name__, name)
