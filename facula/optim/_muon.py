"""Muon (Jordan et al. 2024): the momentum of a matrix, made nearly orthogonal."""

from __future__ import annotations

import math

import facula as torch

from .optimizer import Optimizer, _to_scalar, run_closure

__all__ = ["Muon"]


class Muon(Optimizer):
    """For weight matrices of hidden layers; other parameters need another optimizer.

    Args:
        lr: learning rate.
        weight_decay: factor by which parameters shrink, times lr.
        momentum: share of the previous direction that is kept.
        nesterov: look ahead along the momentum.
        ns_coefficients: of the odd polynomial of degree 5 that is iterated.
        eps: least norm that is divided by.
        ns_steps: how often it is iterated, less than 100.
        adjust_lr_fn: 'original' (default) or 'match_rms_adamw': how lr depends on the shape.
    """

    def __init__(
        self,
        params,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        if isinstance(lr, torch.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 <= lr:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not 0.0 <= momentum:
            raise ValueError(f"momentum should be >= 0 but is: {momentum}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"weight decay should be >= 0 but is: {weight_decay}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        f"Muon only supports 2D parameters whereas we found a parameter with size: {p.size()}"
                    )

    @torch.no_grad()
    def step(self, closure=None):
        """Updates the parameters once; returns the closure's value."""
        loss = run_closure(closure)
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            for p in params:
                if torch.is_complex(p):
                    raise RuntimeError("Muon does not support complex parameters")
                if p.grad.is_sparse:
                    raise RuntimeError("Muon does not support sparse gradients")
                if "momentum_buffer" not in self.state[p]:
                    self.state[p]["momentum_buffer"] = torch.zeros_like(p.grad)
            for p in params:
                _update(group, p, p.grad, self.state[p]["momentum_buffer"])
        return loss


def _update(group, p, grad, buffer) -> None:
    lr, momentum = _to_scalar(group["lr"]), group["momentum"]
    if grad.ndim != 2:
        raise ValueError("Param gradient must be a 2D matrix")
    buffer.lerp_(grad, 1 - momentum)
    update = grad.lerp(buffer, momentum) if group["nesterov"] else buffer
    update = _orthogonal(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
    rows, columns = p.shape
    kind = group["adjust_lr_fn"]
    if kind == "match_rms_adamw":
        factor = 0.2 * math.sqrt(max(rows, columns))
    else:
        factor = math.sqrt(max(1, rows / columns))
    p.mul_(1 - lr * group["weight_decay"])
    p.add_(update, alpha=-lr * factor)


def _orthogonal(grad, coefficients, steps: int, eps: float):
    """The nearest orthogonal matrix, roughly: a polynomial of the Newton-Schulz kind, iterated in
    bfloat16.
    """
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    tall = grad.size(0) > grad.size(1)
    x = grad.bfloat16()
    x = x.T if tall else x
    x = x.div(x.norm().clamp(min=eps))
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


def __getattr__(name):  # the step as a function
    from ._functional import find

    return find(__name__, name)
