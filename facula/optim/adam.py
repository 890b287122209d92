"""Adam (Kingma and Ba 2015)."""

from __future__ import annotations

from collections.abc import Callable

import facula as torch

from .. import _C
from ._elementwise import scalar
from .optimizer import (
    Optimizer,
    _to_scalar,
    check_fused,
    check_lr,
    fused_goes,
    refuse_capturable,
    run_closure,
    with_penalty,
)

__all__ = ["Adam"]

_adam_step = _C._adam_step


class Adam(Optimizer):
    """Steps by the running mean of the gradient over the root of the running mean of its square.

    Args:
        lr: learning rate.
        betas: how much of the two running means is kept at each step.
        eps: added to the root.
        weight_decay: factor of an L2 penalty.
        amsgrad: divide by the largest mean square so far (Reddi et al. 2018).
        maximize: step along the gradient instead.
        decoupled_weight_decay: shrink the parameters directly, as AdamW does.
    """

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check_lr(lr, foreach, capturable)
        if not 0.0 <= eps:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for i in (0, 1):
            if not 0.0 <= betas[i] < 1.0:
                raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if isinstance(betas[0], torch.Tensor) != isinstance(betas[1], torch.Tensor):
            raise ValueError("betas must be either both floats or both Tensors")
        for i, beta in enumerate(betas):
            if isinstance(beta, torch.Tensor):
                if not capturable and foreach:
                    raise ValueError(
                        f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True"
                    )
                if beta.numel() != 1:
                    raise ValueError(f"Tensor betas[{i}] must be 1-element")
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)
        check_fused(self, fused, foreach, differentiable)

    def __setstate__(self, state) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("amsgrad", False)
            group.setdefault("maximize", False)
            group.setdefault("foreach", None)
            group.setdefault("capturable", False)
            group.setdefault("differentiable", False)
            group.setdefault("decoupled_weight_decay", False)
            group.setdefault("fused", None)
            for p in group["params"]:
                own = self.state.get(p)
                if own and not isinstance(own["step"], torch.Tensor):
                    own["step"] = scalar(own["step"])

    def step(self, closure: Callable[[], float] | None = None):
        """Updates the parameters once; returns the closure's value."""
        if self._has_step_hooks():
            return self._step_with_hooks(Adam._step, (closure,) if closure else (), {})
        return self._step(closure)

    step.hooked = True

    def _step(self, closure: Callable[[], float] | None = None):
        loss = run_closure(closure)
        state = self.state
        for group in self.param_groups:
            if group["capturable"]:
                refuse_capturable(self, group)
            if group["fused"] and not fused_goes(self, group):
                continue
            beta1, beta2 = group["betas"]
            # The fused step takes dense real tensors whose state is there; it says False, with nothing
            # touched, for the rest.
            if not _adam_step(
                group["params"],
                state,
                group["lr"],
                beta1,
                beta2,
                group["eps"],
                group["weight_decay"],
                group["amsgrad"],
                group["maximize"],
                group["decoupled_weight_decay"],
                group["differentiable"],
            ):
                self._init_and_step(group)
        return loss

    def _init_and_step(self, group) -> None:
        """The step where a parameter has no state yet or is none for the fused step."""
        amsgrad = group["amsgrad"]
        for p in group["params"]:
            if p.grad is None:
                continue
            if p.grad.is_sparse:
                raise RuntimeError(
                    "Adam does not support sparse gradients, please consider SparseAdam instead"
                )
            state = self.state[p]
            if not state:
                state["step"] = scalar(0.0)
                state["exp_avg"] = torch.zeros_like(p, requires_grad=False)
                state["exp_avg_sq"] = torch.zeros_like(p, requires_grad=False)
                if amsgrad:
                    state["max_exp_avg_sq"] = torch.zeros_like(p, requires_grad=False)
        beta1, beta2 = group["betas"]
        if not _adam_step(
            group["params"],
            self.state,
            group["lr"],
            beta1,
            beta2,
            group["eps"],
            group["weight_decay"],
            amsgrad,
            group["maximize"],
            group["decoupled_weight_decay"],
            group["differentiable"],
        ):
            self._plain_step(group)

    def _plain_step(self, group) -> None:
        """One operation after the other: what the fused step computes, for any tensor."""
        # A differentiable step may be asked for derivatives by its options.
        number = _as_is if group["differentiable"] else _to_scalar
        lr, decay, eps = number(group["lr"]), number(group["weight_decay"]), group["eps"]
        beta1, beta2 = (number(b) for b in group["betas"])
        with torch.set_grad_enabled(bool(group["differentiable"])):
            for p in group["params"]:
                grad = p.grad
                if grad is None:
                    continue
                if group["maximize"]:
                    grad = -grad
                state = self.state[p]
                mean, square = state["exp_avg"], state["exp_avg_sq"]
                largest = state.get("max_exp_avg_sq") if group["amsgrad"] else None
                state["step"].add_(1)
                if isinstance(decay, torch.Tensor) or decay != 0:
                    if group["decoupled_weight_decay"]:
                        p.mul_(1 - lr * decay)
                    else:
                        grad = with_penalty(grad, p, decay)
                target = p
                if p.is_complex():
                    grad, mean, square, target = (torch.view_as_real(t) for t in (grad, mean, square, p))
                    largest = None if largest is None else torch.view_as_real(largest)
                mean.lerp_(grad, 1 - beta1)
                if isinstance(beta2, torch.Tensor):
                    square.lerp_(grad * grad, 1 - beta2)
                else:
                    square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
                # A differentiable step counts in float32, as PyTorch's does.
                step = state["step"].clone() if group["differentiable"] else state["step"].item()
                correction1, correction2 = 1 - beta1**step, 1 - beta2**step
                if largest is not None:
                    # What maximum keeps for its derivative is not what is written to here.
                    before = largest.clone() if group["differentiable"] else largest
                    largest.copy_(torch.maximum(before, square))
                    square = largest
                rate = -(lr / correction1)
                if group["differentiable"]:
                    target.addcdiv_(mean.clone(), square.sqrt() / (correction2**0.5 * rate) + eps / rate)
                else:
                    target.addcdiv_(mean, (square.sqrt() / correction2**0.5).add_(eps), value=rate)


def _as_is(x):
    return x.squeeze() if isinstance(x, torch.Tensor) and x.dim() > 0 else x


def __getattr__(name):  # the step as a function
    from ._functional import find

    return find(__name__, name)
