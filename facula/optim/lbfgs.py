"""L-BFGS (Nocedal and Wright, Numerical Optimization, 7.2), with a line search for the strong Wolfe
conditions (3.5).
"""

from __future__ import annotations

import facula as torch

from ._elementwise import check_lr
from .optimizer import Optimizer

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """A quasi-Newton method that remembers the last changes of the parameters and of the gradient.

    All parameters are in one group. Each step calls the closure several times.

    Args:
        lr: length of a step where no line is searched.
        max_iter: iterations within a step.
        max_eval: calls of the closure within a step (default: 1.25 max_iter).
        tolerance_grad: a gradient whose largest element is below this is zero.
        tolerance_change: a change below this is none.
        history_size: how many changes are remembered.
        line_search_fn: None or 'strong_wolfe'.
    """

    def __init__(
        self,
        params,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_lr(lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    @property
    def _params(self) -> list:
        return self.param_groups[0]["params"]

    # --- all parameters as one vector ---

    def _gather_flat_grad(self):
        parts = []
        for p in self._params:
            grad = torch.zeros_like(p) if p.grad is None else p.grad
            grad = grad.to_dense() if grad.is_sparse else grad
            parts.append(_real(grad).reshape(-1))
        return torch.cat(parts)

    def _add_grad(self, step_size, update) -> None:
        offset = 0
        for p in map(_real, self._params):
            p.add_(update[offset : offset + p.numel()].view_as(p), alpha=float(step_size))
            offset += p.numel()

    def _clone_param(self):
        return [p.clone(memory_format=torch.contiguous_format) for p in self._params]

    def _set_param(self, values) -> None:
        for p, value in zip(self._params, values):
            p.copy_(value)

    def _directional_evaluate(self, closure, x, t, d):
        self._add_grad(t, d)
        loss = float(closure())
        flat_grad = self._gather_flat_grad()
        self._set_param(x)
        return loss, flat_grad

    # --- the step ---

    @torch.no_grad()
    def step(self, closure):
        """Up to max_iter iterations; returns the closure's first value.

        Args:
            closure: clears the gradients, computes the loss, calls backward() and returns the loss.
        """
        closure = torch.enable_grad()(closure)
        group = self.param_groups[0]
        lr, max_iter, max_eval = group["lr"], group["max_iter"], group["max_eval"]
        tolerance_grad, tolerance_change = group["tolerance_grad"], group["tolerance_change"]
        search = group["line_search_fn"]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        first_loss = closure()
        loss = float(first_loss)
        evaluations = 1
        state["func_evals"] += 1
        grad = self._gather_flat_grad()
        if grad.abs().max() <= tolerance_grad:
            return first_loss
        d, t = state.get("d"), state.get("t")
        previous_loss = state.get("prev_loss")
        for iteration in range(1, max_iter + 1):
            state["n_iter"] += 1
            d = self._direction(state, grad, d, t, group["history_size"])
            if state.get("prev_flat_grad") is None:
                state["prev_flat_grad"] = grad.clone(memory_format=torch.contiguous_format)
            else:
                state["prev_flat_grad"].copy_(grad)
            previous_loss = loss
            t = lr
            if state["n_iter"] == 1:
                t = min(1.0, 1.0 / grad.abs().sum()) * lr
            slope = grad.dot(d)
            if slope > -tolerance_change:
                break
            calls = 0
            small = False
            if search is not None:
                if search != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                start = self._clone_param()

                def at(t, d=d, start=start):
                    return self._directional_evaluate(closure, start, t, d)

                loss, grad, t, calls = _strong_wolfe(
                    at, t, d, loss, grad, slope, max_ls=max_eval - evaluations
                )
                self._add_grad(t, d)
                small = grad.abs().max() <= tolerance_grad
            else:
                self._add_grad(t, d)
                if iteration != max_iter:
                    # The last iteration needs no new gradient: the next step begins with one.
                    with torch.enable_grad():
                        loss = float(closure())
                    grad = self._gather_flat_grad()
                    small = grad.abs().max() <= tolerance_grad
                    calls = 1
            evaluations += calls
            state["func_evals"] += calls
            if iteration == max_iter or evaluations >= max_eval or small:
                break
            if d.mul(t).abs().max() <= tolerance_change or abs(loss - previous_loss) < tolerance_change:
                break
        state.update(d=d, t=t)
        if "prev_loss" not in state:  # PyTorch's order
            for name in ("old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad"):
                state[name] = state.pop(name)
        state["prev_loss"] = previous_loss
        return first_loss

    @staticmethod
    def _direction(state, grad, d, t, history_size: int):
        """Minus the gradient times the estimate of the inverse Hessian, which is brought up to date."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
            return grad.neg()
        changes, steps, ro = state["old_dirs"], state["old_stps"], state["ro"]
        y, s = grad.sub(state["prev_flat_grad"]), d.mul(t)
        ys = y.dot(s)
        if ys > 1e-10:
            if len(changes) == history_size:
                for memory in (changes, steps, ro):
                    memory.pop(0)
            changes.append(y)
            steps.append(s)
            ro.append(1.0 / ys)
            state["H_diag"] = ys / y.dot(y)
        al = state.setdefault("al", [None] * history_size)
        q = grad.neg()
        for i in range(len(changes) - 1, -1, -1):
            al[i] = steps[i].dot(q) * ro[i]
            q.add_(changes[i] * -al[i])
        r = q.mul(state["H_diag"])
        for i in range(len(changes)):
            r.add_(steps[i] * (al[i] - changes[i].dot(r) * ro[i]))
        return r


def _real(t):
    return torch.view_as_real(t) if t.is_complex() else t


def _cubic_interpolate(x1, f1, g1, x2, f2, g2, bounds=None):
    """The minimum within the bounds of the cubic with these values and slopes."""
    low, high = bounds if bounds is not None else ((x1, x2) if x1 <= x2 else (x2, x1))
    d1 = g1 + g2 - 3 * (f1 - f2) / (x1 - x2)
    square = d1**2 - g1 * g2
    if not square >= 0:  # or not a number
        return (low + high) / 2.0
    d2 = square.sqrt()
    if x1 <= x2:
        best = x2 - (x2 - x1) * ((g2 + d2 - d1) / (g2 - g1 + 2 * d2))
    else:
        best = x1 - (x1 - x2) * ((g1 + d2 - d1) / (g1 - g2 + 2 * d2))
    return min(max(best, low), high)


class _Point:
    """A place on the line: step, loss, gradient, slope."""

    def __init__(self, t, f, g, slope) -> None:
        self.t, self.f, self.g, self.slope = t, f, g, slope


def _strong_wolfe(at, t, d, f, g, slope, c1=1e-4, c2=0.9, tolerance_change=1e-9, max_ls=25):
    """(loss, gradient, step, evaluations): a step that lowers the loss and the slope enough.

    Args:
        at: at(step) -> loss, gradient.
        t: the first step to try.
        d: the direction; f, g, slope: loss, gradient and slope at its start.
        c1, c2: how much of the promised decrease and how little slope are enough.
        max_ls: evaluations, at most.
    """
    longest = d.abs().max()
    start = _Point(0, f, g.clone(memory_format=torch.contiguous_format), slope)

    def visit(t):
        f_new, g_new = at(t)
        return _Point(t, f_new, g_new, g_new.dot(d))

    def too_high(point) -> bool:
        return point.f > f + c1 * point.t * slope

    def flat(point) -> bool:
        return abs(point.slope) <= -c2 * slope

    before, now = start, visit(t)
    evaluations, tries = 1, 0
    bracket, done = None, False
    while tries < max_ls:
        if too_high(now) or (tries > 1 and now.f >= before.f):
            bracket = [before, now]
        elif flat(now):
            bracket, done = [now], True
        elif now.slope >= 0:
            bracket = [before, now]
        if bracket is not None:
            break
        bounds = (now.t + 0.01 * (now.t - before.t), now.t * 10)
        t = _cubic_interpolate(before.t, before.f, before.slope, now.t, now.f, now.slope, bounds=bounds)
        before, now = now, visit(t)
        evaluations += 1
        tries += 1
    if bracket is None:
        bracket = [start, now]
    low, high = (0, 1) if bracket[0].f <= bracket[-1].f else (1, 0)
    stuck = False
    while not done and tries < max_ls:
        a, b = bracket
        if abs(b.t - a.t) * longest < tolerance_change:
            break
        t = _cubic_interpolate(a.t, a.f, a.slope, b.t, b.f, b.slope)
        left, right = min(a.t, b.t), max(a.t, b.t)
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:
            # Close to an end: twice is too often.
            if stuck or t >= right or t <= left:
                t = right - margin if abs(t - right) < abs(t - left) else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        now = visit(t)
        evaluations += 1
        tries += 1
        if too_high(now) or now.f >= bracket[low].f:
            bracket[high] = now
            low, high = (0, 1) if bracket[0].f <= bracket[1].f else (1, 0)
        else:
            if flat(now):
                done = True
            elif now.slope * (bracket[high].t - bracket[low].t) >= 0:
                bracket[high] = bracket[low]
            bracket[low] = now
    best = bracket[low]
    return best.f, best.g, best.t, evaluations
