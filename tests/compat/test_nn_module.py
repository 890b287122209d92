"""Module against real PyTorch: attributes, registration, conversion, iteration."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parent))

from nn_tools import mlp, try_  # noqa: E402
from side_by_side import check  # noqa: E402


def test_attributes_of_a_fresh_module():
    check(lambda t: list(t.nn.Module().__dict__))
    check(lambda t: [n for n in dir(t.nn.Linear(1, 1)) if not n.startswith("_")])
    check(lambda t: list(mlp(t).__dict__))


@pytest.mark.parametrize("name", ["p", "q"])
def test_assignment_before_init(name):
    def run(t, value):
        class M(t.nn.Module):
            def __init__(self):
                setattr(self, name, value(t))

        return M()

    check(lambda t: run(t, lambda t: t.nn.Parameter(t.zeros(1))))
    check(lambda t: run(t, lambda t: t.nn.Linear(1, 1)))

    def plain_value(t):
        class M(t.nn.Module):
            def __init__(self):
                self.x = 3
                super().__init__()

        return M().x

    check(plain_value)


VALUES = {
    "int": lambda t: 3,
    "none": lambda t: None,
    "tensor": lambda t: t.zeros(2),
    "parameter": lambda t: t.nn.Parameter(t.ones(1)),
    "module": lambda t: t.nn.Linear(1, 1),
    "buffer": lambda t: t.nn.Buffer(t.ones(2), persistent=False),
    "object": lambda t: object,
}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", ["weight", "child", "buffer", "number", "new"])
def test_assignment_rules(name, value):
    def run(t):
        m = t.nn.Linear(2, 2)
        m.child = t.nn.Tanh()
        m.register_buffer("buffer", t.zeros(1))
        m.number = 1
        result = try_(lambda: setattr(m, name, VALUES[value](t)))
        registered = [list(r) for r in (m._parameters, m._buffers, m._modules, m._non_persistent_buffers_set)]
        return result, registered, name in m.__dict__, list(m.state_dict())

    check(run)


@pytest.mark.parametrize("method", ["register_buffer", "register_parameter", "register_module", "add_module"])
def test_registration(method):
    def run(t):
        results = []
        for name in (3, "a.b", "", "in_features", "weight", "fresh", "forward"):
            for value in VALUES.values():
                m = t.nn.Linear(1, 1)
                results.append(try_(lambda: getattr(m, method)(name, value(t))))  # noqa: B023
        m = t.nn.Linear(1, 1)
        results.append(try_(lambda: m.register_parameter("zz", t.nn.Parameter(t.ones(1)) * 2)))
        return results

    check(run)


@pytest.mark.parametrize(
    "path", ["", "0", "0.weight", "0.x", "5.w", "0.in_features", "0.weight.x", "w", "0.bias"]
)
def test_access_by_path(path):
    def run(t):
        m = mlp(t)
        m.register_buffer("w", t.zeros(2))
        found = [try_(lambda: getattr(m, f"get_{k}")(path)) for k in ("submodule", "parameter", "buffer")]  # noqa: B023
        return found, try_(lambda: m.set_submodule(path, t.nn.Tanh())), repr(m)

    check(run)


def test_deletion():
    def run(t):
        m = mlp(t)
        m.register_buffer("b", t.zeros(1), persistent=False)
        m.p = t.nn.Parameter(t.zeros(1))
        m.x = 1
        for name in ("b", "p", "0", "x"):
            delattr(m, name)
        return repr(m), list(m.state_dict()), try_(lambda: delattr(m, "nothing")), try_(lambda: m.b)

    check(run)


def test_iteration():
    def run(t):
        shared = t.nn.Linear(2, 2)
        m = t.nn.Sequential(shared, t.nn.Sequential(shared, t.nn.Tanh()))
        m.register_buffer("b", t.zeros(1))
        m.again = m.b
        names = []
        for method in ("named_parameters", "named_buffers", "named_modules"):
            for remove in (True, False):
                names.append([n for n, _ in getattr(m, method)(remove_duplicate=remove)])
        names.append([n for n, _ in m.named_children()])
        names.append([n for n, _ in m.named_parameters(prefix="x", recurse=False)])
        names.append([n for n, _ in m.named_modules(prefix="x")])
        names.append([len(list(i)) for i in (m.parameters(), m.buffers(), m.modules(), m.children())])
        return names

    check(run)


def test_modes_and_conversion():
    def run(t):
        m = mlp(t)
        m.register_buffer("n", t.zeros(2, dtype=t.int64))
        seen = []
        m.apply(lambda x: seen.append(type(x).__name__))
        out = [seen, m.eval().training, m[0].training, m.train()[1].training, try_(lambda: m.train(3))]
        for change in ("double", "float", "half", "bfloat16"):
            getattr(m, change)()
            out.append([m[0].weight.dtype, m.n.dtype])
        m.to(t.float64)
        p = m[0].weight
        out.append([p.dtype, p.is_leaf, p.requires_grad, type(p).__name__, m.to("cpu") is m])
        out.append(m.to(t.zeros(1, dtype=t.float32))[0].weight.dtype)
        out.append(m.to(device="cpu", dtype=t.float64)[0].bias.dtype)
        for bad in (lambda: m.to(t.int32), lambda: m.get_extra_state(), lambda: m.set_extra_state(1)):
            out.append(try_(bad))
        out.append(m.to_empty(device="cpu")[0].weight.shape)
        m.requires_grad_(False)
        out.append([p.requires_grad for p in m.parameters()])
        return out

    check(run)


def test_conversion_keeps_identity_and_gradient():
    def run(t):
        m = t.nn.Linear(2, 2)
        before = m.weight
        m(t.ones(1, 2)).sum().backward()
        m.double()
        return before is m.weight, m.weight.grad, m.weight.grad.dtype

    check(run)


def test_zero_grad():
    def run(t):
        m = t.nn.Linear(2, 2)
        m(t.ones(1, 2)).sum().backward()
        m.zero_grad(set_to_none=False)
        zeroed = m.weight.grad
        m.zero_grad()
        return zeroed, m.weight.grad

    check(run)


def test_missing_forward_and_arguments():
    check(lambda t: t.nn.Module()(3))
    check(lambda t: t.nn.Module(3))
    check(lambda t: t.nn.Module(a=3))
    check(lambda t: t.nn.Module(1, 2))
    check(lambda t: t.nn.Linear(1, 1).nothing)


def test_user_getattr():
    def run(t):
        class Wrapper(t.nn.Module):
            def __init__(self, inner):
                super().__init__()
                self.inner = inner

            def __getattr__(self, name):
                try:
                    return super().__getattr__(name)
                except AttributeError:
                    return getattr(self.inner, name)

        w = Wrapper(t.nn.Linear(3, 2))
        return w.weight.shape, w.in_features, w.inner, try_(lambda: w.zzz)

    check(run)


def test_property_that_fails():
    def run(t):
        class M(t.nn.Module):
            @property
            def bad(self):
                raise AttributeError("inside")

        return M().bad

    check(run)
