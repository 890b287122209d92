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


# Hooks in detail: each case builds a module, registers hooks, runs it and returns what was seen.


def trace(t):
    """A module that notes what its hooks saw."""
    m = t.nn.Linear(2, 2)
    with t.no_grad():
        m.weight.copy_(t.tensor([[1.0, 2.0], [3.0, 4.0]]))
        m.bias.zero_()
    return m, []


def run_backward(t, m, grad=True):
    x = t.ones(1, 2, requires_grad=grad)
    m(x).sum().backward()
    return x.grad, m.weight.grad


def ids(hooks):
    return [len(hooks), sorted(hooks) == list(hooks)]


class Cases:
    def pre_hook_returns_scalar(t):
        m, log = trace(t)
        m.register_forward_pre_hook(lambda mod, a: a[0] * 2)
        return m(t.ones(1, 2))

    def pre_hook_returns_list(t):
        m, log = trace(t)
        m.register_forward_pre_hook(lambda mod, a: [a[0]])
        return try_(lambda: m(t.ones(1, 2)))

    def pre_hook_kwargs_dict_only(t):
        m, log = trace(t)
        m.register_forward_pre_hook(lambda mod, a, k: {"input": a[0]}, with_kwargs=True)
        return try_(lambda: m(t.ones(1, 2)))

    def pre_hook_moves_to_kwargs(t):
        m, log = trace(t)
        m.register_forward_pre_hook(lambda mod, a, k: ((), {"input": a[0] + 1}), with_kwargs=True)
        m.register_forward_hook(lambda mod, a, k, out: log.append((a, sorted(k))), with_kwargs=True)
        return m(t.ones(1, 2)), log

    def pre_hook_raises(t):
        m, log = trace(t)
        m.register_forward_pre_hook(lambda mod, a: 1 / 0)
        m.register_forward_hook(lambda mod, a, out: log.append((a, out)), always_call=True)
        return try_(lambda: m(t.ones(1, 2))), log

    def hook_raises(t):
        m, log = trace(t)
        m.register_forward_hook(lambda mod, a, out: 1 / 0)
        m.register_forward_hook(lambda mod, a, out: log.append(out), always_call=True)
        return try_(lambda: m(t.ones(1, 2))), log

    def always_called_hook_raises_too(t):
        m, log = trace(t)
        m.register_forward_hook(lambda mod, a, out: [][0], always_call=True)
        m.register_forward_hook(lambda mod, a, out: log.append(1), always_call=True)
        return try_(lambda: m(t.ones(1, 3))), log

    def order_of_hooks(t):
        m, log = trace(t)
        for i in range(3):
            m.register_forward_hook(lambda mod, a, out, i=i: log.append(i), prepend=i == 2)
            m.register_forward_pre_hook(lambda mod, a, i=i: log.append(-i), prepend=i == 1)
            m.register_full_backward_hook(lambda mod, gi, go, i=i: log.append(10 + i), prepend=i == 2)
            m.register_full_backward_pre_hook(lambda mod, go, i=i: log.append(20 + i), prepend=i == 2)
        run_backward(t, m)
        return log

    def removal(t):
        m, log = trace(t)
        handles = [
            m.register_forward_hook(lambda *a: None, with_kwargs=True, always_call=True),
            m.register_forward_pre_hook(lambda *a: None, with_kwargs=True),
            m.register_full_backward_hook(lambda *a: None),
            m.register_state_dict_pre_hook(lambda *a: None),
            m.register_load_state_dict_post_hook(lambda *a: None),
        ]
        names = [n for n in m.__dict__ if "hooks" in n]
        before = [len(getattr(m, n)) for n in names]
        for h in handles:
            h.remove()
            h.remove()
        return names, before, [len(getattr(m, n)) for n in names]

    def handle_as_context(t):
        m, log = trace(t)
        with m.register_forward_hook(lambda mod, a, out: out * 0) as handle:
            inner = m(t.ones(1, 2))
        return inner, m(t.ones(1, 2)), type(handle).__name__, len(m._forward_hooks)

    def backward_values(t):
        m, log = trace(t)
        m.register_full_backward_hook(lambda mod, gi, go: log.append((gi, go)))
        return run_backward(t, m), log

    def backward_replaces(t):
        m, log = trace(t)
        m.register_full_backward_hook(lambda mod, gi, go: (gi[0] * 10,))
        m.register_full_backward_hook(lambda mod, gi, go: log.append(gi))
        return run_backward(t, m), log

    def backward_wrong_count(t):
        m, log = trace(t)
        m.register_full_backward_hook(lambda mod, gi, go: (gi[0], gi[0]))
        return try_(lambda: run_backward(t, m))

    def backward_pre_replaces(t):
        m, log = trace(t)
        m.register_full_backward_pre_hook(lambda mod, go: (go[0] * 3,))
        m.register_full_backward_hook(lambda mod, gi, go: log.append((gi, go)))
        return run_backward(t, m), log

    def backward_pre_wrong_count(t):
        m, log = trace(t)
        m.register_full_backward_pre_hook(lambda mod, go: (go[0], go[0]))
        return try_(lambda: run_backward(t, m))

    def backward_without_input_gradients(t):
        m, log = trace(t)
        m.register_full_backward_hook(lambda mod, gi, go: log.append((gi, go)))
        return run_backward(t, m, grad=False), log

    def backward_without_input_gradients_replaces(t):
        m, log = trace(t)
        m.register_full_backward_hook(lambda mod, gi, go: (go[0],))
        return try_(lambda: run_backward(t, m, grad=False))

    def backward_of_several(t):
        class Two(t.nn.Module):
            def forward(self, a, n, b):
                return a * 2, n, b * a

        m, log = Two(), []
        m.register_full_backward_hook(lambda mod, gi, go: log.append((gi, go)))
        a, b = t.ones(2, requires_grad=True), t.full((2,), 3.0, requires_grad=True)
        x, n, y = m(a, 5, b)
        y.sum().backward()
        return log, a.grad, b.grad, n, x.requires_grad

    def backward_of_a_dict(t):
        class D(t.nn.Module):
            def forward(self, a):
                return {"x": a * 2}

        m, log = D(), []
        m.register_full_backward_hook(lambda mod, gi, go: log.append((gi, go)))
        a = t.ones(2, requires_grad=True)
        m(a)["x"].sum().backward()
        return log, a.grad

    def backward_of_a_list(t):
        class D(t.nn.Module):
            def forward(self, a):
                return [a * 2]

        m, log = D(), []
        m.register_full_backward_hook(lambda mod, gi, go: log.append((gi, go)))
        a = t.ones(2, requires_grad=True)
        m(a)[0].sum().backward()
        return log, a.grad

    def backward_in_place_after(t):
        m, log = t.nn.Identity(), []
        m.register_full_backward_hook(lambda mod, gi, go: log.append((gi, go)))
        x = t.ones(2, requires_grad=True)
        return try_(lambda: m(x * 1).mul_(2).sum().backward())[0], log

    def backward_without_grad_mode(t):
        m, log = trace(t)
        m.register_full_backward_hook(lambda mod, gi, go: log.append(1))
        with t.no_grad():
            out = m(t.ones(1, 2, requires_grad=True))
        return out, log

    def backward_twice(t):
        m, log = trace(t)
        m.register_full_backward_hook(lambda mod, gi, go: log.append((gi, go)))
        x = t.ones(1, 2, requires_grad=True)
        y = m(x).sum()
        y.backward(retain_graph=True)
        y.backward()
        return log, x.grad

    def nested_modules(t):
        m, log = mlp(t), []
        for name, child in m.named_modules():
            child.register_full_backward_hook(
                lambda mod, gi, go, name=name: log.append((name, len(gi), go[0]))
            )
        m(t.ones(1, 3, requires_grad=True)).sum().backward()
        return [entry[:2] for entry in log]

    def plain_backward_hook(t):
        m, log = trace(t)
        m.register_backward_hook(lambda mod, gi, go: log.append((len(gi), go)))
        return run_backward(t, m)[0], log[0][1], len(log)

    def plain_backward_hook_of_several_nodes(t):
        m, log = mlp(t), []
        m.register_backward_hook(lambda mod, gi, go: log.append(go))
        m(t.ones(1, 3, requires_grad=True)).sum().backward()
        return log

    def plain_backward_hook_of_tuples(t):
        class Two(t.nn.Module):
            def forward(self, a):
                return a * 2, a * 3

        m = Two()
        m.register_backward_hook(lambda mod, gi, go: None)
        return [type(x).__name__ for x in m(t.ones(1, requires_grad=True))]

    def plain_backward_hook_of_lists(t):
        class One(t.nn.Module):
            def forward(self, a):
                return [a * 2]

        m = One()
        m.register_backward_hook(lambda mod, gi, go: None)
        return len(m(t.ones(1, requires_grad=True)))

    def plain_backward_hook_of_other_inputs(t):
        class One(t.nn.Module):
            def forward(self, a, n):
                return a * n

        m = One()
        m.register_backward_hook(lambda mod, gi, go: None)
        return m(t.ones(1, requires_grad=True), 2)

    def mixed_backward_hooks(t):
        a, b = t.nn.Tanh(), t.nn.Tanh()
        a.register_full_backward_hook(lambda *x: None)
        b.register_backward_hook(lambda *x: None)
        return try_(lambda: a.register_backward_hook(print)), try_(
            lambda: b.register_full_backward_hook(print)
        )

    def global_order(t):
        module = t.nn.modules.module
        m, log = trace(t)
        handles = [
            module.register_module_forward_pre_hook(lambda mod, a: log.append("global pre")),
            module.register_module_forward_hook(lambda mod, a, out: log.append("global")),
            module.register_module_full_backward_pre_hook(lambda mod, go: log.append("global backward pre")),
            module.register_module_full_backward_hook(lambda mod, gi, go: log.append("global backward")),
            m.register_forward_pre_hook(lambda mod, a: log.append("pre")),
            m.register_forward_hook(lambda mod, a, out: log.append("post")),
            m.register_full_backward_pre_hook(lambda mod, go: log.append("backward pre")),
            m.register_full_backward_hook(lambda mod, gi, go: log.append("backward")),
        ]
        try:
            run_backward(t, m)
        finally:
            for h in handles:
                h.remove()
        run_backward(t, m)
        return log

    def global_hooks_with_options(t):
        module = t.nn.modules.module
        log = []
        handles = [
            module.register_module_forward_hook(
                lambda mod, a, k, out: log.append((type(mod).__name__, sorted(k))), with_kwargs=True
            ),
            module.register_module_forward_hook(lambda mod, a, out: log.append("always"), always_call=True),
        ]
        try:
            m = t.nn.Linear(2, 2)
            m(input=t.ones(1, 2))
            failed = try_(lambda: m(t.ones(1, 3)))
        finally:
            for h in handles:
                h.remove()
        return log, failed

    def registration_hooks(t):
        module = t.nn.modules.module
        log = []
        handles = [
            module.register_module_buffer_registration_hook(lambda m, n, b: log.append(("buffer", n))),
            module.register_module_module_registration_hook(lambda m, n, s: log.append(("module", n))),
            module.register_module_parameter_registration_hook(
                lambda m, n, p: log.append(("parameter", n)) or t.nn.Parameter(p.detach() * 0)
            ),
        ]
        try:
            m = t.nn.Sequential(t.nn.Linear(1, 1))
            m.register_buffer("b", t.ones(1))
            m.b = t.zeros(1)
            m.c = t.nn.Buffer(t.ones(1))
            m.p = t.nn.Parameter(t.ones(1))
            m.none = None
        finally:
            for h in handles:
                h.remove()
        return log, m[0].weight, m.p

    def hooks_are_copied(t):
        import copy

        m, log = trace(t)
        m.register_forward_hook(note)
        twin = copy.deepcopy(m)
        m._forward_hooks.clear()
        return len(twin._forward_hooks), twin(t.ones(1, 2)), m(t.ones(1, 2))

    def forward_of_the_instance(t):
        m, log = trace(t)
        m.forward = lambda x: x + 100
        plain = m(t.ones(1))
        m.register_forward_hook(lambda mod, a, out: out + 1)
        return plain, m(t.ones(1))

    def state_dict_hooks_in_order(t):
        m, log = mlp(t), []
        m.register_state_dict_pre_hook(lambda mod, prefix, keep: log.append(("pre", prefix, keep)))
        m[0].register_state_dict_post_hook(
            lambda mod, sd, p, meta: log.append(("post", p, sorted(meta), len(sd)))
        )
        m[2]._register_state_dict_hook(lambda mod, sd, p, meta: log.append(("old", p, len(sd))))
        m.state_dict(prefix="x.", keep_vars=True)
        return log

    def state_dict_post_hook_returns(t):
        m = t.nn.Linear(1, 1)
        m.register_state_dict_post_hook(lambda mod, sd, p, meta: sd)
        return try_(lambda: m.state_dict())

    def state_dict_hooks_of_both_kinds(t):
        def hook(mod, sd, p, meta):
            return None

        m = t.nn.Linear(1, 1)
        m.register_state_dict_post_hook(hook)
        return try_(lambda: m._register_state_dict_hook(hook))

    def load_hooks(t):
        m, log = mlp(t), []
        m[0]._register_load_state_dict_pre_hook(lambda sd, p, *rest: log.append((p, len(rest), sorted(sd))))
        m[0].register_load_state_dict_pre_hook(
            lambda mod, sd, p, *rest: log.append((type(mod).__name__, p, rest[0], rest[1]))
        )
        m.register_load_state_dict_post_hook(lambda mod, keys: log.append(repr(keys)))
        m[2].register_load_state_dict_post_hook(lambda mod, keys: keys.unexpected_keys.append("made up"))
        state = m.state_dict()
        result = try_(lambda: m.load_state_dict(state))
        return result, log, repr(m.load_state_dict(state, strict=False))

    def load_pre_hook_renames(t):
        m = t.nn.Linear(1, 1)

        def rename(mod, sd, prefix, *rest):
            sd[prefix + "weight"] = sd.pop(prefix + "w")

        m.register_load_state_dict_pre_hook(rename)
        given = {"w": t.full((1, 1), 7.0), "bias": t.zeros(1)}
        return repr(m.load_state_dict(given)), m.weight, sorted(given)

    def load_post_hook_returns(t):
        m = t.nn.Linear(1, 1)
        m.register_load_state_dict_post_hook(lambda mod, keys: keys)
        return try_(lambda: m.load_state_dict(m.state_dict()))


def note(module, args, out):
    return out + 1


CASES = {name: case for name, case in vars(Cases).items() if not name.startswith("_")}


@pytest.mark.parametrize("case", CASES)
def test_in_detail(case):
    check(CASES[case], 1e-6)
