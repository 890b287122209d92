"""Optimizers whose update is a formula over the elements: one fused call for all parameters of a group,
and the same formula in operations for what the fused call does not take (half precision, differentiable
steps, other layouts)."""

from __future__ import annotations

from collections.abc import Callable

import facula as torch

from .. import _C
from .optimizer import Optimizer, _to_scalar, fused_goes, refuse_capturable, run_closure

__all__ = ["Elementwise", "check", "scalar"]

_fused_step = _C._fused_step


def scalar(value: float):
    """A 0-dim tensor of the type in which counts of steps are kept."""
    double = torch.get_default_dtype() == torch.float64
    return torch.tensor(float(value), dtype=torch.float64 if double else torch.float32)


def check(good: bool, name: str, value) -> None:
    """Raises the ValueError of an option out of its range."""
    if not good:
        raise ValueError(f"Invalid {name}: {value}")


def check_lr(lr) -> None:
    """Refuses learning rates that no step could use."""
    if isinstance(lr, torch.Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    check(0.0 <= lr, "learning rate", lr)


def check_common(lr, eps=0.0, betas=(), weight_decay=0.0) -> None:
    """The checks that most optimizers share, in PyTorch's order."""
    check_lr(lr)
    check(0.0 <= eps, "epsilon value", eps)
    for i, beta in enumerate(betas):
        check(0.0 <= beta < 1.0, f"beta parameter at index {i}", beta)
    check(0.0 <= weight_decay, "weight_decay value", weight_decay)


class Elementwise(Optimizer):
    """The base. A subclass says which kernel, which states and options it takes, and the formula in
    operations.
    """

    _kind: int  # StepKind of cpu/optim.h
    _filled: tuple[tuple[str, object], ...] = ()  # options that older state_dicts may lack
    _counts: tuple[str, ...] = ()  # states that are one number

    def __setstate__(self, state) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in self._filled:
                group.setdefault(name, value)
            for name, value in (("foreach", None), ("maximize", False), ("differentiable", False)):
                group.setdefault(name, value)
            for p in group["params"]:
                own = self.state.get(p)
                for name in ("step", *self._counts):
                    if own and name in own and not isinstance(own[name], torch.Tensor):
                        own[name] = scalar(own[name])

    # --- what a subclass says ---

    def _states(self, group) -> tuple:
        """The names of the states in the kernel's order; None for one that is not kept."""
        raise NotImplementedError

    def _options(self, group) -> tuple:
        """The numbers that the kernel takes."""
        raise NotImplementedError

    def _begin(self, p, group) -> dict:
        """The states of a parameter before its first step, all but the count of steps."""
        return {name: torch.zeros_like(p, requires_grad=False) for name in self._states(group) if name}

    def _formula(self, group, p, grad, state, step: float) -> None:
        """One step of one real parameter in operations."""
        raise NotImplementedError

    # --- the step ---

    def step(self, closure: Callable[[], float] | None = None):
        """Updates the parameters once; returns the closure's value."""
        if self._has_step_hooks():
            return self._step_with_hooks(type(self)._step, (closure,) if closure else (), {})
        return self._step(closure)

    step.hooked = True

    def _step(self, closure=None):
        loss = run_closure(closure)
        for group in self.param_groups:
            if group.get("capturable"):
                refuse_capturable(self, group)
            if group.get("fused") and not fused_goes(self, group):
                continue
            if not self._fused(group):
                self._begin_all(group)
                if not self._fused(group):
                    self._plain_step(group)
        return loss

    def _fused(self, group) -> bool:
        if group["differentiable"]:
            return False
        options = tuple(_to_scalar(o) for o in self._options(group))
        return _fused_step(
            self._kind,
            group["params"],
            self.state,
            self._states(group),
            self._counts,
            options,
            group["maximize"],
        )

    def _begin_all(self, group) -> None:
        for p in group["params"]:
            if p.grad is None:
                continue
            self._check_grad(p.grad)
            state = self.state[p]
            if not state:
                state["step"] = scalar(0.0)
                state.update(self._begin(p, group))

    def _check_grad(self, grad) -> None:
        if grad.is_sparse:
            raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")

    def _plain_step(self, group) -> None:
        """One operation after the other: what the fused step computes, for any tensor."""
        with torch.set_grad_enabled(bool(group["differentiable"])):
            for p in group["params"]:
                if p.grad is not None:
                    self._plain_one(group, p, -p.grad if group["maximize"] else p.grad, self.state[p])

    def _plain_one(self, group, p, grad, state) -> None:
        state["step"].add_(1)
        names = [name for name in self._states(group) if name]
        parts = {name: state[name] for name in (*names, *self._counts)}
        if p.is_complex():
            parts.update({name: torch.view_as_real(parts[name]) for name in names})
            p, grad = torch.view_as_real(p), torch.view_as_real(grad)
        self._formula(group, p, grad, parts, state["step"].item())


def decayed(group, p, grad):
    """The gradient with weight decay, or the parameter shrunk where the decay is decoupled."""
    decay = _to_scalar(group["weight_decay"])
    if decay == 0:
        return grad
    if group.get("decoupled_weight_decay"):
        p.mul_(1 - _to_scalar(group["lr"]) * decay)
        return grad
    return grad.add(p, alpha=decay)
