"""Hooks of modules against real PyTorch."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from nn_tools import mlp, try_  # noqa: E402
from side_by_side import check  # noqa: E402


def test_forward_hooks():
    def run(t):
        m = t.nn.Identity()
        log = []
        m.register_forward_pre_hook(lambda mod, a: log.append("pre") or (a[0] + 1,))
        m.register_forward_pre_hook(lambda mod, a: log.append("first") or a[0] * 2, prepend=True)
        m.register_forward_hook(lambda mod, a, out: log.append("post") or out * 10)
        handle = m.register_forward_hook(lambda mod, a, kw, out: log.append(sorted(kw)), with_kwargs=True)
        out = m(t.ones(1))
        handle.remove()
        again = m(t.ones(1))
        with m.register_forward_hook(lambda mod, a, out: out * 0):
            zero = m(t.ones(1))
        return out, again, zero, m(t.ones(1)), log

    check(run)


def test_pre_hook_with_kwargs():
    def run(t):
        class M(t.nn.Module):
            def forward(self, x, *, scale=1):
                return x * scale

        m = M()
        handle = m.register_forward_pre_hook(lambda mod, a, kw: (a, {"scale": 5}), with_kwargs=True)
        out = m(t.ones(1), scale=2)
        handle.remove()
        m.register_forward_pre_hook(lambda mod, a, kw: 3, with_kwargs=True)
        return out, try_(lambda: m(t.ones(1)))

    check(run)


def test_always_called_hook():
    def run(t):
        class M(t.nn.Module):
            def forward(self, x):
                raise ValueError("no")

        log = []
        m = M()
        m.register_forward_hook(lambda mod, a, out: log.append(out), always_call=True)
        m.register_forward_hook(lambda mod, a, out: log.append("never"))
        return try_(lambda: m(1)), log

    check(run)


def test_global_hooks():
    def run(t):
        module = t.nn.modules.module
        log = []
        handles = [
            module.register_module_forward_pre_hook(lambda m, a: log.append("pre " + type(m).__name__)),
            module.register_module_forward_hook(lambda m, a, out: log.append("post " + type(m).__name__)),
            module.register_module_parameter_registration_hook(lambda m, name, p: log.append(name)),
        ]
        try:
            mlp(t)(t.ones(1, 3))
        finally:
            for h in handles:
                h.remove()
        mlp(t)(t.ones(1, 3))
        return log

    check(run)


def test_full_backward_hooks():
    def run(t):
        m = t.nn.Linear(2, 2)
        with t.no_grad():
            m.weight.fill_(2.0)
        log = []
        m.register_full_backward_hook(lambda mod, gi, go: log.append((gi, go)))
        m.register_full_backward_hook(lambda mod, gi, go: tuple(g * 3 for g in gi))
        m.register_full_backward_pre_hook(lambda mod, go: (go[0] * 5,))
        x = t.ones(1, 2, requires_grad=True)
        m(x).sum().backward()
        m(t.ones(1, 2)).sum().backward() if False else None
        return log, x.grad, m.weight.grad, try_(lambda: m.register_backward_hook(print))

    check(run)


def test_full_backward_hook_without_input_gradient():
    def run(t):
        m = t.nn.Linear(2, 2)
        with t.no_grad():
            m.weight.fill_(2.0)
        log = []
        m.register_full_backward_hook(lambda mod, gi, go: log.append((gi, go)))
        m(t.ones(1, 2)).sum().backward()
        return log

    check(run)
