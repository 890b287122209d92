"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Callable

import facula as torch

from .. import _C
from .optimizer import Optimizer, _to_scalar, check_fused, check_lr, fused_goes, run_closure, with_penalty

__all__ = ["SGD"]

_sgd_step = _C._sgd_step


class SGD(Optimizer):
    """Steps against the gradient.

    Args:
        lr: learning rate.
        momentum: share of the previous direction that is kept.
        dampening: share of the gradient that does not enter the momentum.
        weight_decay: factor of an L2 penalty.
        nesterov: look ahead along the momentum (Sutskever et al. 2013).
        maximize: step along the gradient instead.
    """

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_lr(lr, foreach, capturable=True)
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        check_fused(self, fused, foreach, differentiable)

    def __setstate__(self, state) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("nesterov", False)
            group.setdefault("maximize", False)
            group.setdefault("foreach", None)
            group.setdefault("differentiable", False)
            group.setdefault("fused", None)

    def step(self, closure: Callable[[], float] | None = None):
        """Updates the parameters once; returns the closure's value."""
        if self._has_step_hooks():
            return self._step_with_hooks(SGD._step, (closure,) if closure else (), {})
        return self._step(closure)

    step.hooked = True

    def _step(self, closure: Callable[[], float] | None = None):
        loss = run_closure(closure)
        state = self.state
        for group in self.param_groups:
            if group["fused"] and not fused_goes(self, group):
                continue
            # The fused step takes dense real tensors; it says False, with nothing touched, for the rest.
            if not _sgd_step(
                group["params"],
                state,
                group["lr"],
                group["momentum"],
                group["dampening"],
                group["weight_decay"],
                group["nesterov"],
                group["maximize"],
                group["differentiable"],
            ):
                self._plain_step(group)
        return loss

    def _plain_step(self, group) -> None:
        """One operation after the other: what the fused step computes, for any tensor."""
        lr, momentum, decay = group["lr"], group["momentum"], group["weight_decay"]
        if not group["differentiable"]:  # such a step may be asked for derivatives by its options
            lr, decay = _to_scalar(lr), _to_scalar(decay)
        with torch.set_grad_enabled(bool(group["differentiable"])):
            for p in group["params"]:
                grad = p.grad
                if grad is None:
                    continue
                if group["maximize"]:
                    grad = -grad
                if isinstance(decay, torch.Tensor) or decay != 0:
                    grad = with_penalty(grad, p, decay)
                if momentum != 0:
                    state = self.state[p]
                    buf = state.get("momentum_buffer")
                    if buf is None:
                        buf = state["momentum_buffer"] = grad.detach().clone()
                    else:
                        buf.mul_(momentum).add_(grad, alpha=1 - group["dampening"])
                    grad = grad.add(buf, alpha=momentum) if group["nesterov"] else buf
                if isinstance(lr, torch.Tensor):
                    p.sub_(grad * lr)
                else:
                    p.add_(grad, alpha=-lr)


def __getattr__(name):  # the step as a function
    from ._functional import find

    return find(__name__, name)
